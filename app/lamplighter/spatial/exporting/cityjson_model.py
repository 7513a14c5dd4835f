"""Any city model as CityJSON 2.0: objects, levels of detail and semantics of what was read.

A closed shell is written as a Solid, everything else as a MultiSurface.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lamplighter.domain.city import Asset, Frame
from lamplighter.domain.geometry import SURFACES
from lamplighter.spatial.exporting.cityjson_doc import FIRST_LEVEL, SECOND_LEVEL, Document
from lamplighter.spatial.exporting.sources import Moved
from lamplighter.spatial.model import Faces, Feature, Floats

_MEANINGS = frozenset(
    {
        "GroundSurface", "WallSurface", "RoofSurface", "ClosureSurface", "Window", "Door",
        "OuterFloorSurface", "OuterCeilingSurface",
    }
)  # fmt: skip


def add_model(into: Document, moved: Moved, wanted: set[str]) -> list[str]:
    """Add the objects of a model that is no CityJSON; returns ids that were there already."""
    model, twice = moved.model, []
    points, faces = _shared_vertices(moved.vertices, model.faces, into.scale)
    base = into.add_vertices(points)
    per_owner = _polygons_by_owner(faces) if faces is not None else {}
    known = {feature.id for feature in model.features}
    for number, feature in enumerate(model.features):
        if feature.id not in wanted:
            continue
        if feature.id in into.objects:
            twice.append(feature.id)
            continue
        made = described(feature.type, feature.attributes)
        if feature.parent and feature.parent in known:
            made["parents"] = [feature.parent]
        if faces is not None and number in per_owner:
            made["geometry"] = geometries(faces, per_owner[number], base)
        into.objects[feature.id] = made
    _children(into, model.features)
    return twice


def add_asset(into: Document, asset: Asset, frame: Frame) -> None:
    """Add an asset that has no polygons: a point or a line in the project's system."""
    made = described(asset.type, asset.attributes)
    made.setdefault("attributes", {}).update({"name": asset.name, "domain": asset.domain})
    shift = np.array([frame.east, frame.north, frame.up])
    lines = [line for line in (asset.path, *asset.more) if len(line) > 1]
    if lines:
        rings = []
        for line in lines:
            first = into.add_vertices(np.array(line, float) + shift)
            rings.append(list(range(first, first + len(line))))
        made["geometry"] = [{"type": "MultiLineString", "lod": "0", "boundaries": rings}]
    elif asset.x is not None and asset.y is not None:
        spot = np.array([[asset.x, asset.y, (asset.z or 0.0) - frame.up]]) + shift
        made["geometry"] = [
            {"type": "MultiPoint", "lod": "0", "boundaries": [into.add_vertices(spot)]}
        ]
    into.objects[asset.id] = made


def described(kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """Type and attributes; a type that CityJSON does not know becomes a generic object's word."""
    found: dict[str, Any] = {k: v for k, v in attributes.items() if v is not None}
    if kind in FIRST_LEVEL or kind in SECOND_LEVEL:
        made: dict[str, Any] = {"type": kind}
    else:
        made = {"type": "GenericCityObject"}
        found["asset_type"] = kind
    if found:
        made["attributes"] = found
    return made


def _shared_vertices(
    points: Floats, faces: Faces | None, scale: float
) -> tuple[Floats, Faces | None]:
    """Points that are written as the same number become one, so that shells are seen to close."""
    if faces is None:
        return points[:0], None
    keys = np.rint(np.nan_to_num(points) / scale).astype(np.int64)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return points[first], replace(faces, corners=place.reshape(-1)[faces.corners])


def _polygons_by_owner(faces: Faces) -> dict[int, np.ndarray]:
    order = np.argsort(faces.owner, kind="stable")
    owners, begin = np.unique(faces.owner[order], return_index=True)
    parts = np.split(order, begin[1:])
    return dict(zip(owners.tolist(), parts, strict=True))


def geometries(faces: Faces, polygons: np.ndarray, base: int) -> list[dict[str, Any]]:
    """One geometry for each level of detail of an object."""
    lods = faces.lod[polygons] if faces.lod is not None else np.zeros(len(polygons), np.uint8)
    found = []
    for lod in np.unique(lods).tolist():
        chosen = polygons[lods == lod]
        rings = [_rings(faces, int(p), base) for p in chosen]
        found.append(_geometry(rings, faces.surface[chosen], lod))
    return found


def _rings(faces: Faces, polygon: int, base: int) -> list[list[int]]:
    first, last = faces.rings_of[polygon], faces.rings_of[polygon + 1]
    return [
        (faces.corners[faces.starts[r] : faces.starts[r + 1]] + base).tolist()
        for r in range(int(first), int(last))
    ]


def _geometry(rings: list[list[list[int]]], surface: np.ndarray, lod: int) -> dict[str, Any]:
    closed = _closed(rings)
    words = [SURFACES[k] for k in surface.tolist()]
    used = sorted({w for w in words if w in _MEANINGS})
    level = f"{lod // 10}" if lod % 10 == 0 else f"{lod // 10}.{lod % 10}"
    made: dict[str, Any] = {
        "type": "Solid" if closed else "MultiSurface",
        "lod": level,
        "boundaries": [rings] if closed else rings,
    }
    if used:
        values = [used.index(w) if w in _MEANINGS else None for w in words]
        made["semantics"] = {
            "surfaces": [{"type": w} for w in used],
            "values": [values] if closed else values,
        }
    return made


def _closed(rings: list[list[list[int]]]) -> bool:
    """Every edge is run through once in each direction."""
    if len(rings) < 4:
        return False
    seen: set[tuple[int, int]] = set()
    for polygon in rings:
        for ring in polygon:
            for edge in zip(ring, ring[1:] + ring[:1], strict=True):
                if edge in seen:
                    return False
                seen.add(edge)
    return all((b, a) in seen for a, b in seen)


def _children(into: Document, features: list[Feature]) -> None:
    for feature in features:
        parent = into.objects.get(feature.parent) if feature.parent else None
        if parent is not None and feature.id in into.objects:
            listed = parent.setdefault("children", [])
            if feature.id not in listed:
                listed.append(feature.id)
