"""The city as a GeoPackage: one layer for each asset type, and the surfaces with their meaning."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.domain.city import Asset
from lamplighter.domain.geometry import SURFACES
from lamplighter.spatial.exporting.sources import Collected, Moved
from lamplighter.spatial.exporting.tables import EDGE_HEAD, edge_rows, wkt_of
from lamplighter.spatial.model import Faces

MAX_COLUMNS: Final = 400


def write(found: Collected, out: Path) -> int:
    """Write all assets; returns how many. Attributes of a type become columns."""
    partial = out.with_name(out.stem + ".part.gpkg")
    partial.unlink(missing_ok=True)
    shapes = _polygons(found.moved)
    by_type: dict[str, list[Asset]] = defaultdict(list)
    for asset in found.facts.assets:
        by_type[asset.type].append(asset)
    names: set[str] = set()
    for kind in sorted(by_type):
        _layer(found, partial, _free(kind, names), by_type[kind], shapes)
    _surfaces(found, partial)
    rows = edge_rows(found.facts.edges)
    if rows:
        _table(partial, "connections", EDGE_HEAD, rows)
    stated = [tuple(line.split(": ", 1)) for line in found.licence().splitlines() if ": " in line]
    if stated:
        _table(partial, "licences", ("source", "licence"), stated)
    if partial.exists():
        partial.replace(out)
    return len(found.facts.assets)


def _free(kind: str, taken: set[str]) -> str:
    """A layer name that differs by more than case from the others."""
    name = "".join(c if c.isalnum() or c in "_- " else "_" for c in kind).strip() or "assets"
    number = 1
    chosen = name
    while chosen.lower() in taken or chosen.lower() in ("surfaces", "connections", "licences"):
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen.lower())
    return chosen


def _polygons(layers: list[Moved]) -> dict[str, Any]:
    """MultiPolygon Z of the finest faces of each object."""
    import shapely

    found: dict[str, Any] = {}
    for moved in layers:
        faces = moved.model.faces
        if faces is None or not faces.count:
            continue
        finest = np.zeros(len(moved.model.features), np.uint8)
        lods = faces.lod if faces.lod is not None else np.zeros(faces.count, np.uint8)
        np.maximum.at(finest, faces.owner, lods)
        chosen = np.flatnonzero(lods == finest[faces.owner])
        pieces = polygons_of(faces, moved.vertices, chosen)
        groups: dict[int, list[Any]] = defaultdict(list)
        for place, piece in zip(chosen.tolist(), pieces, strict=True):
            groups[int(faces.owner[place])].append(piece)
        for owner, members in groups.items():
            name = moved.model.features[owner].id
            found.setdefault(name, shapely.MultiPolygon(members))
    return found


def polygons_of(faces: Faces, vertices: np.ndarray, chosen: np.ndarray) -> list[Any]:
    """A shapely polygon with heights for each polygon number in `chosen`."""
    import shapely

    found = []
    for place in chosen.tolist():
        first, last = int(faces.rings_of[place]), int(faces.rings_of[place + 1])
        rings = [
            vertices[faces.corners[faces.starts[r] : faces.starts[r + 1]]]
            for r in range(first, last)
        ]
        found.append(shapely.Polygon(rings[0], rings[1:]))
    return found


def _layer(
    found: Collected, out: Path, name: str, assets: list[Asset], shapes: dict[str, Any]
) -> None:
    import shapely

    frame = found.frame
    shift = (frame.east, frame.north, frame.up)
    licences = {k.layer.id: k.layer.licence for k in found.facts.layers}
    geometry = []
    for asset in assets:
        text = wkt_of(asset, shift)
        geometry.append(shapes.get(asset.id) or (shapely.from_wkt(text) if text else None))
    columns: dict[str, list[Any]] = {
        "id": [a.id for a in assets],
        "name": [a.name for a in assets],
        "domain": [a.domain for a in assets],
        "parent": [a.parent for a in assets],
        "layer": [a.layer for a in assets],
        "source_file": [a.source_file for a in assets],
        "licence": [licences.get(a.layer, "") for a in assets],
    }
    keys = list(dict.fromkeys(key for a in assets for key in a.attributes))
    if len(keys) > MAX_COLUMNS:
        found.warnings.append(f"{name} has {len(keys)} attributes; {MAX_COLUMNS} became columns")
    taken = {c.lower() for c in columns} | {"fid", "geom"}
    for key in keys[:MAX_COLUMNS]:
        title = key if key.lower() not in taken else f"attribute_{key}"
        if title.lower() in taken:
            continue
        taken.add(title.lower())
        columns[title] = [a.attributes.get(key) for a in assets]
    _write(out, name, geometry, columns, frame.epsg if found.facts.frame else None)


def _surfaces(found: Collected, out: Path) -> None:
    """Every polygon of every level of detail with object, level and meaning."""
    rows: dict[str, list[Any]] = {"object": [], "lod": [], "surface": []}
    geometry: list[Any] = []
    for moved in found.moved:
        faces = moved.model.faces
        if faces is None or not faces.count:
            continue
        every = np.arange(faces.count)
        geometry.extend(polygons_of(faces, moved.vertices, every))
        rows["object"].extend(moved.model.features[o].id for o in faces.owner.tolist())
        lods = faces.lod if faces.lod is not None else np.zeros(faces.count, np.uint8)
        rows["lod"].extend((lods / 10.0).tolist())
        rows["surface"].extend(SURFACES[s] for s in faces.surface.tolist())
    if geometry:
        _write(out, "surfaces", geometry, rows, found.frame.epsg if found.facts.frame else None)


def _write(
    out: Path, name: str, geometry: list[Any], columns: dict[str, list[Any]], epsg: int | None
) -> None:
    import pyogrio.raw
    import shapely

    fields, data, masks = [], [], []
    for key, values in columns.items():
        column, mask = _column(values)
        fields.append(key)
        data.append(column)
        masks.append(mask)
    pyogrio.raw.write(
        out,
        np.array([None if g is None else shapely.to_wkb(g, output_dimension=3) for g in geometry],
                 dtype=object),
        data,
        np.array(fields, dtype=object),
        field_mask=masks,
        layer=name,
        driver="GPKG",
        geometry_type="Unknown",
        crs=f"EPSG:{epsg}" if epsg else None,
        append=False,
    )  # fmt: skip


def _column(values: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """A typed column and where it says nothing; mixed values become text."""
    empty = np.array([value is None for value in values], bool)
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return np.array([bool(v) for v in values], bool), empty
    if kinds == {int}:
        return np.array([v if v is not None else 0 for v in values], np.int64), empty
    if kinds and kinds <= {int, float}:
        return np.array([v if v is not None else 0.0 for v in values], np.float64), empty
    return np.array(["" if v is None else str(v) for v in values], dtype=object), empty


def _table(out: Path, name: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    import pyogrio.raw

    columns = [np.array([row[k] for row in rows], dtype=object) for k in range(len(head))]
    pyogrio.raw.write(
        out, None, columns, np.array(head, dtype=object), layer=name, driver="GPKG",
        geometry_type=None, append=False,
    )  # fmt: skip
