"""Repairs put upon what was read: the file stays as it is, the city is read mended.

The same repairs are put upon the model that is drawn and upon the one that is checked, so that a
check after a fix sees what is drawn.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np

from lamplighter.domain.findings import Repair
from lamplighter.domain.geometry import SURFACES
from lamplighter.spatial.checking.boundaries import Boundaries, Builder, RawModel, RawObject
from lamplighter.spatial.mending import ACTIONS, Piece, mend
from lamplighter.spatial.model import Faces, Feature, Floats, SourceModel

_UNKNOWN = SURFACES.index("Unknown") if "Unknown" in SURFACES else 0


def digest(repairs: Sequence[Repair]) -> str:
    """The same for the same repairs; empty for none."""
    if not repairs:
        return ""
    words = sorted(f"{r.object}\0{r.action}\0{r.value}" for r in repairs)
    return blake2b("\1".join(words).encode(), digest_size=6).hexdigest()


def _shapes_of(repairs: Sequence[Repair]) -> dict[str, set[str]]:
    """Object -> what is to be done with its polygons."""
    found: dict[str, set[str]] = defaultdict(set)
    for repair in repairs:
        if repair.action in ACTIONS:
            found[repair.object].add(repair.action)
    return found


def renamed(path: Path, repairs: Sequence[Repair], folder: Path) -> Path:
    """The file itself, or a copy in `folder` in which repeated ids of a sequence are unique.

    The first object keeps its id, the others become `id~2`, `id~3` ... The caller removes a copy.
    """
    wanted = {r.object for r in repairs if r.action == "rename"}
    if not wanted:
        return path
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    seen: Counter[str] = Counter()
    copy = folder / f"renamed-{os.getpid()}-{secrets.token_hex(4)}" / path.name
    copy.parent.mkdir(parents=True)
    with copy.open("wb") as out:
        for line in lines:
            out.write(_unique(line, wanted, seen) + b"\n")
    return copy


def _unique(line: bytes, wanted: set[str], seen: Counter[str]) -> bytes:
    """One line of a sequence with new ids where an earlier line has them."""
    try:
        feature = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return line
    objects = feature.get("CityObjects") if isinstance(feature, dict) else None
    if not isinstance(objects, dict):
        return line
    names: dict[str, str] = {}
    for name in objects:
        if name in wanted:
            seen[name] += 1
            if seen[name] > 1:
                names[name] = f"{name}~{seen[name]}"
    if not names:
        return line
    feature["CityObjects"] = {names.get(n, n): item for n, item in objects.items()}
    feature["id"] = names.get(feature.get("id", ""), feature.get("id"))
    for item in feature["CityObjects"].values():
        for key in ("parents", "children"):
            if isinstance(item, dict) and isinstance(item.get(key), list):
                item[key] = [names.get(n, n) if isinstance(n, str) else n for n in item[key]]
    return msgspec.json.encode(feature)


def apply(model: SourceModel, repairs: Sequence[Repair], metres: float = 1.0) -> None:
    """Mend what was read to be drawn; `metres` is the length of a unit of its coordinates."""
    if not repairs:
        return
    number = {feature.id: place for place, feature in enumerate(model.features)}
    shapes = {
        number[name]: actions for name, actions in _shapes_of(repairs).items() if name in number
    }
    if shapes and model.faces is not None:
        model.faces = _mended_faces(model.faces, shapes, metres)
    for repair in repairs:
        place = number.get(repair.object)
        if repair.action == "ground" and place is not None:
            _ground(model.features[place], float(repair.value))
        elif repair.action == "parent" and place is not None:
            _parent(model, number, place)
    model.warnings.append(f"{len(repairs)} repairs of the check are put upon it")


def _ground(feature: Feature, height: float) -> None:
    if feature.at is not None:
        feature.at = (feature.at[0], feature.at[1], height)
    if feature.lonlat is not None:
        feature.lonlat = (feature.lonlat[0], feature.lonlat[1], height)
    feature.flat = False


def _parent(model: SourceModel, number: dict[str, int], place: int) -> None:
    """The parent an object names is made when the file has none."""
    feature = model.features[place]
    if not feature.parent or feature.parent in number:
        return
    kind = feature.type.removesuffix("Part") or feature.type
    number[feature.parent] = len(model.features)
    model.features.append(
        Feature(id=feature.parent, type=kind, name=feature.parent, domain=feature.domain)
    )


def _mended_faces(faces: Faces, shapes: dict[int, set[str]], metres: float) -> Faces:
    """The polygons of the owners in `shapes` mended, level by level; all others as they are."""
    wanted = np.isin(faces.owner, np.array(sorted(shapes), np.int64))
    points = faces.vertices * metres
    lod = np.zeros(faces.count, np.uint8) if faces.lod is None else faces.lod
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for polygon in np.flatnonzero(wanted).tolist():
        groups[int(faces.owner[polygon]), int(lod[polygon])].append(polygon)
    corners: list[int] = []
    lengths: list[int] = []
    rings_of: list[int] = []
    sources: list[int] = []
    fresh: list[bool] = []
    for (owner, _), members in groups.items():
        pieces = mend([_rings(faces, p) for p in members], points, shapes[owner])
        for piece in pieces:
            for ring in piece.rings:
                corners.extend(ring)
                lengths.append(len(ring))
            rings_of.append(len(piece.rings))
            sources.append(members[max(piece.source, 0)])
            fresh.append(piece.source < 0)
    rest = faces.keep(~wanted)
    source, new = np.array(sources, np.int64), np.array(fresh, bool)
    starts = np.concatenate([rest.starts, rest.starts[-1] + np.cumsum(lengths)])
    rings = np.concatenate([rest.rings_of, rest.rings_of[-1] + np.cumsum(rings_of)])
    surface = np.where(new, _UNKNOWN, faces.surface[source]).astype(np.uint8)
    image = None
    if faces.image is not None and rest.image is not None:
        added = np.where(new, -1, faces.image[source]).astype(np.int32)
        image = np.concatenate([rest.image, added])
    levels = None
    if faces.lod is not None and rest.lod is not None:
        levels = np.concatenate([rest.lod, faces.lod[source]])
    return Faces(
        faces.vertices,
        np.concatenate([rest.corners, np.array(corners, np.int64)]),
        starts.astype(np.int64),
        rings.astype(np.int64),
        np.concatenate([rest.owner, faces.owner[source]]),
        np.concatenate([rest.surface, surface]),
        levels,
        image,
        faces.uv,
    )


def _rings(faces: Faces, polygon: int) -> list[list[int]]:
    first, last = int(faces.rings_of[polygon]), int(faces.rings_of[polygon + 1])
    return [
        faces.corners[faces.starts[r] : faces.starts[r + 1]].tolist() for r in range(first, last)
    ]


# ---------------------------------------------------------------------- the model that is checked
def apply_raw(model: RawModel, repairs: Sequence[Repair], metres: Floats) -> None:
    """Mend what was read to be checked; `metres` (n, 3) are its points in metres."""
    if not repairs:
        return
    of = {(r.object, r.action): r for r in repairs}
    crs = next((r.value for r in repairs if r.action == "crs"), "")
    if crs:
        model.crs_text = crs
    model.faults = [
        fault
        for fault in model.faults
        if not (fault.code == "missing-parent" and (fault.object, "parent") in of)
    ]
    if model.shapes is not None:
        shapes = _shapes_of(repairs)
        known = {item.id for item in model.shapes.objects}
        for item in list(model.shapes.objects):
            lost = item.parent and item.parent not in known
            if lost and (item.id, "parent") in of:
                known.add(item.parent)
                kind = item.type.removesuffix("Part") or item.type
                model.shapes.objects.append(
                    RawObject(item.parent, kind, children=(item.id,), geometries=0)
                )
        if shapes:
            model.shapes = _mended_shapes(model.shapes, shapes, metres)


def _mended_shapes(shapes: Boundaries, wishes: dict[str, set[str]], metres: Floats) -> Boundaries:
    builder = Builder()
    builder.objects = shapes.objects
    polygons: dict[int, list[int]] = defaultdict(list)
    for polygon, shell in enumerate(shapes.shell_of.tolist()):
        polygons[shell].append(polygon)
    shells: dict[int, list[int]] = defaultdict(list)
    for shell, solid in enumerate(shapes.solid_of.tolist()):
        shells[solid].append(shell)
    solids: dict[int, list[int]] = defaultdict(list)
    for solid, primitive in enumerate(shapes.primitive_of.tolist()):
        solids[primitive].append(solid)
    for number, primitive in enumerate(shapes.primitives):
        actions = wishes.get(shapes.objects[primitive.object].id, set())
        words: list[str] = []
        nested = []
        for solid in solids[number]:
            parts = []
            for place, shell in enumerate(shells[solid]):
                members = polygons[shell]
                plain = [[r.tolist() for r in shapes.rings(p)] for p in members]
                pieces = [Piece(rings, k) for k, rings in enumerate(plain)]
                if actions:
                    pieces = mend(plain, metres, actions, inner=place > 0)
                parts.append([piece.rings for piece in pieces])
                for piece in pieces:
                    meaning = -1 if piece.source < 0 else int(shapes.meaning[members[piece.source]])
                    words.append(shapes.words[meaning] if meaning >= 0 else "")
            nested.append(parts)
        closing = primitive.closing and not actions & {"close", "merge"}
        builder.place(primitive, nested, closing=closing, meanings=words)
    return builder.build(shapes.points)
