"""Several files of one archive become one model when they speak the same language."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamplighter.spatial.model import Faces, SourceModel


def joined(into: SourceModel, part: SourceModel) -> str:
    """Add `part` to `into`; returns why it could not be added, else nothing."""
    if (into.format, into.crs_text) != (part.format, part.crs_text):
        return "another format or coordinate system"
    if into.placement != part.placement or into.unit_metres != part.unit_metres:
        return "it lies elsewhere by its own numbers"
    if part.meshes or part.clouds or (into.faces is None and part.faces is not None):
        return "geometry of another kind"
    known = {feature.id for feature in into.features}
    twice = sum(1 for feature in part.features if feature.id in known)
    if twice:
        return f"{twice} of its objects are already in another file of the archive"
    if into.faces is not None and part.faces is not None:
        into.faces = _both(into.faces, part.faces, len(into.features), len(into.images))
    into.images.extend(part.images)
    into.features.extend(part.features)
    into.edges.extend(part.edges)
    into.refused.extend(part.refused)
    into.warnings.extend(part.warnings)
    for kind, count in part.counts.items():
        into.counts[kind] = into.counts.get(kind, 0) + count
    return ""


def _both(first: Faces, second: Faces, owners: int, images: int) -> Faces:
    picture: npt.NDArray[np.int32] | None = None
    uv: npt.NDArray[np.float32] | None = None
    if first.uv is not None or second.uv is not None:
        picture = np.concatenate([_pictures(first, 0), _pictures(second, images)])
        uv = np.concatenate([_spots(first), _spots(second)])
    levels: npt.NDArray[np.uint8] | None = None
    if first.lod is not None or second.lod is not None:
        levels = np.concatenate([_levels(first), _levels(second)])
    return Faces(
        np.concatenate([first.vertices, second.vertices]),
        np.concatenate([first.corners, second.corners + len(first.vertices)]),
        np.concatenate([first.starts, second.starts[1:] + first.starts[-1]]),
        np.concatenate([first.rings_of, second.rings_of[1:] + first.rings_of[-1]]),
        np.concatenate([first.owner, second.owner + owners]),
        np.concatenate([first.surface, second.surface]),
        levels,
        picture,
        uv,
    )


def _levels(faces: Faces) -> npt.NDArray[np.uint8]:
    return np.zeros(faces.count, np.uint8) if faces.lod is None else faces.lod


def _pictures(faces: Faces, shift: int) -> npt.NDArray[np.int32]:
    if faces.image is None:
        return np.full(faces.count, -1, np.int32)
    return np.where(faces.image >= 0, faces.image + shift, -1).astype(np.int32)


def _spots(faces: Faces) -> npt.NDArray[np.float32]:
    return np.zeros((len(faces.vertices), 2), np.float32) if faces.uv is None else faces.uv
