"""Shapes in the binary form that GIS libraries hand over, as `Parts`.

Surfaces of bodies (triangulated and polyhedral ones) are no shapes to most libraries; they are
turned into plain polygons first.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, Final

from lamplighter.spatial.model import SourceModel
from lamplighter.spatial.shapes import Course, Parts

_POLYHEDRAL: Final = 15
_TIN: Final = 16
_TRIANGLE: Final = 17
_MAX_DEPTH: Final = 8


def parts_of(geometry: Sequence[bytes | None]) -> tuple[list[Parts], list[int], int]:
    """Parts of each row, rows that could not be read, and how many shapes are invalid."""
    import numpy as np
    import shapely

    shapes = shapely.from_wkb(np.asarray(geometry, object), on_invalid="ignore")
    found: list[Parts] = []
    damaged: list[int] = []
    for row, shape in enumerate(shapes):
        parts, raw = Parts(), geometry[row]
        if shape is None and raw is not None:
            plain = _plain_polygons(bytes(raw))
            shape = shapely.from_wkb(plain, on_invalid="fix") if plain else None
            parts.solid = shape is not None and plain != bytes(raw)
            if shape is None:
                damaged.append(row)
        if shape is not None and not shape.is_empty:
            _collect(shape, parts)
        found.append(parts)
    areal = np.isin(shapely.get_type_id(shapes), (3, 6))
    return found, damaged, int((~shapely.is_valid(shapes[areal])).sum())


def tell_damaged(model: SourceModel, layer: str, rows: list[int]) -> None:
    """Say how many shapes could not be read; their objects stay, without a place."""
    if rows:
        some = ", ".join(str(row + 1) for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
        model.warnings.append(
            f"{len(rows)} shapes of {layer} could not be read (rows {some}); "
            "their objects are listed without a place"
        )


def _collect(shape: Any, parts: Parts) -> None:
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            _collect(part, parts)
    elif shape.geom_type == "Point":
        parts.points.extend(_course(shape))
    elif shape.geom_type == "Polygon":
        rings = [_course(ring) for ring in (shape.exterior, *shape.interiors)]
        if rings[0]:
            parts.areas.append([ring for ring in rings if ring])
    else:
        parts.lines.append(_course(shape))


def _course(shape: Any) -> Course:
    import shapely

    rows = shapely.get_coordinates(shape, include_z=True).tolist()
    return [(x, y, z if math.isfinite(z) else 0.0) for x, y, z in rows if math.isfinite(x + y)]


def _plain_polygons(raw: bytes) -> bytes | None:
    """The same bytes with surfaces of bodies named as polygons; None when that is not possible."""
    data = bytearray(raw)
    try:
        end = _rename(data, 0, 0)
    except (struct.error, IndexError, ValueError):
        return None
    return bytes(data[:end])


def _rename(data: bytearray, at: int, depth: int) -> int:
    """Rename the geometry that begins at `at`; returns where it ends."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    order = "<" if data[at] == 1 else ">"
    (code,) = struct.unpack_from(order + "I", data, at + 1)
    old_z, plain = bool(code & 0x80000000), code & 0x0FFFFFFF
    thousands, kind = divmod(plain, 1000)
    wide = 2 + (thousands in (1, 3) or old_z) + (thousands in (2, 3))
    new = {_POLYHEDRAL: 6, _TIN: 6, _TRIANGLE: 3}.get(kind, kind)
    struct.pack_into(order + "I", data, at + 1, code - kind + new)
    at += 5
    if new == 1:
        return at + 8 * wide
    (count,) = struct.unpack_from(order + "I", data, at)
    at += 4
    if new == 2:
        return at + 8 * wide * int(count)
    for _ in range(count):
        if new == 3:
            (corners,) = struct.unpack_from(order + "I", data, at)
            at += 4 + 8 * wide * int(corners)
        else:
            at = _rename(data, at, depth + 1)
        if at > len(data):
            raise ValueError("it ends too early")
    return at
