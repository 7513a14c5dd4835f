"""Boxes, centres and courses from arrays of coordinates: numbers alone, no systems and no files."""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.spatial.model import Faces, Floats, Ints, SourceModel, finite_rows

MAX_PATH_CORNERS: Final = 5_000


def anchors_of(model: SourceModel) -> Floats:
    """All coordinates of the file that its system speaks about, (n, 3)."""
    rows: list[tuple[float, float, float]] = []
    for feature in model.features:
        if feature.at is not None:
            rows.append(feature.at)
        if feature.path:
            rows.extend(feature.path)
    points = np.array(rows, float).reshape(-1, 3)
    if model.faces is not None and model.faces.count:
        used = np.unique(model.faces.corners)
        points = np.concatenate([model.faces.vertices[used], points])
    more = [m.points for m in model.meshes] + [c.points for c in model.clouds]
    return np.concatenate([points, *more]) if more else points


def finite(points: Floats) -> Floats:
    return points[finite_rows(points)]


def fitted(points: Floats, anchors: Floats, box: tuple[float, float, float, float]) -> Floats:
    """Points scaled evenly and centred into nine tenths of `box`, lying at height 0."""
    low, high = anchors[:, :2].min(axis=0), anchors[:, :2].max(axis=0)
    room = np.array([box[2] - box[0], box[3] - box[1]])
    scale = float((0.9 * room / np.maximum(high - low, 1e-9)).min())
    local = np.zeros_like(points)
    centre = np.array([(box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0])
    local[:, :2] = (points[:, :2] - (low + high) / 2.0) * scale + centre
    return local


def thinned(rows: Floats) -> Floats:
    """A course of bounded length that still begins and ends where it does."""
    if len(rows) <= MAX_PATH_CORNERS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_PATH_CORNERS).round().astype(np.int64)]


def boxes_of_faces(faces: Faces, local: Floats, count: int) -> Floats:
    boxes = np.full((count, 6), np.nan)
    if not faces.count:
        return boxes
    lengths = np.diff(faces.starts)
    per_face = np.add.reduceat(lengths, faces.rings_of[:-1])
    owner = np.repeat(faces.owner, per_face)
    order = np.argsort(owner, kind="stable")
    spots = local[faces.corners[order]]
    present, begin = np.unique(owner[order], return_index=True)
    boxes[present, :3] = np.minimum.reduceat(spots, begin)
    boxes[present, 3:] = np.maximum.reduceat(spots, begin)
    return boxes


def footprint_centres(points: Floats, triangles: Ints, owner: Ints, count: int) -> Floats:
    """Centroid (count, 2) of each owner seen from above; NaN where it covers no ground."""
    flat = points[triangles][:, :, :2]
    first, second = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    middle = flat.mean(axis=1)
    total = np.bincount(owner, area, count)
    sums = [np.bincount(owner, area * middle[:, axis], count) for axis in range(2)]
    with np.errstate(invalid="ignore", divide="ignore"):
        centres: Floats = np.stack(sums, axis=1) / total[:, None]
    centres[total < 1e-3] = np.nan
    return centres
