"""PLY, OFF and STL: meshes (PLY also clouds) without objects, names or coordinate system."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.spatial.mesh_polygons import Look, Polygons, mesh_parts
from lamplighter.spatial.model import Cloud, Feature, Floats, MeshPart, Refused, SourceModel

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".ply", ".off", ".stl")
MAX_BYTES: Final = 1_500_000_000
_TYPES: Final = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_OFF: Final = re.compile(rb"\A\s*(?:ST)?(C)?N?4?n?OFF\b")
_CLOUD_POINTS: Final = 3_000_000


def claims(path: Path, head: bytes) -> bool:
    """PLY and OFF by their first word, STL by its ending."""
    if head.startswith((b"ply\n", b"ply\r")) or path.suffix.lower() in (".ply", ".off"):
        return True
    return path.suffix.lower() == ".stl"


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` for what is damaged or promises more than it holds."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Refused("I-502", f"a mesh of {size / 1e6:.0f} MB")
    data = path.read_bytes()
    try:
        if data.startswith(b"ply"):
            model = _ply(path, data)
        elif path.suffix.lower() == ".stl":
            model = _stl(path, data)
        else:
            model = _off(path, data)
    except (ValueError, IndexError, KeyError) as error:
        raise Refused("I-503", str(error)[:120] or "its structure is broken") from error
    progress(1, 1, "mesh")
    return model


def _model(
    path: Path, form: str, version: str, points: Floats, lists: list[list[int]], colours: Any = None
) -> SourceModel:
    model = SourceModel(form, version, kind="mesh")
    polygons = _polygons(lists)
    if len(polygons.lengths) < len(lists):
        model.warnings.append(
            f"not taken: {len(lists) - len(polygons.lengths)} faces with fewer than three corners"
        )
    model.features.append(Feature(path.name, "Mesh"))
    if polygons.corners and not (
        min(polygons.corners) >= 0 and max(polygons.corners) < len(points)
    ):
        raise Refused("I-503", f"a face names point {max(polygons.corners)} of {len(points)}")
    model.meshes, count = mesh_parts(points, polygons, [Look()], np.zeros((0, 2)), colours)
    model.counts = {"Mesh": 1, "triangles": count}
    return model


def _polygons(lists: list[list[int]]) -> Polygons:
    """All faces with three corners or more."""
    found = Polygons()
    for corners in lists:
        if len(corners) >= 3:
            found.corners += corners
            found.lengths.append(len(corners))
    count = len(found.lengths)
    found.owner, found.look = [0] * count, [0] * count
    found.places = [-1] * len(found.corners)
    return found


def _off(path: Path, data: bytes) -> SourceModel:
    start = _OFF.match(data)
    if start is None:
        raise Refused("I-503", "it does not begin with OFF")
    if b"BINARY" in data[: start.end() + 20]:
        raise Refused("I-504", "binary OFF")
    lines = [line.split(b"#")[0].split() for line in data[start.end() :].splitlines()]
    rows = [line for line in lines if line]
    if not rows or len(rows[0]) < 2:
        raise Refused("I-505", "it states no counts")
    points, faces = int(rows[0][0]), int(rows[0][1])
    if points < 0 or faces < 0 or points + faces > len(rows) - 1:
        raise Refused("I-505", f"it states {points} points and {faces} faces in {len(rows)} lines")
    width = min((len(row) for row in rows[1 : points + 1]), default=3)
    if width < 3:
        raise Refused("I-503", "a point has fewer than three numbers")
    table = np.array([row[:width] for row in rows[1 : points + 1]], float).reshape(points, width)
    lists = []
    for row in rows[points + 1 : points + faces + 1]:
        corners = int(row[0])
        if corners > len(row) - 1:
            raise Refused("I-505", f"a face of {corners} corners names {len(row) - 1}")
        lists.append([int(value) for value in row[1 : corners + 1]])
    colours = None
    if start.group(1) and width >= 6:
        top = 1.0 if table[:, 3:6].max(initial=0) <= 1.0 else 255.0
        colours = np.clip(table[:, 3:6] / top * 255.0, 0, 255).astype(np.uint8)
    return _model(path, "OFF", "", table[:, :3], lists, colours)


def _stl(path: Path, data: bytes) -> SourceModel:
    count = int.from_bytes(data[80:84], "little") if len(data) >= 84 else -1
    if (
        count >= 0
        and len(data) >= 84 + 50 * count > 84
        and not (data.startswith(b"solid") and b"facet" in data[:1000])
    ):
        rows = np.frombuffer(data, np.dtype([("f", "<f4", 12), ("a", "<u2")]), count, 84)
        corners = rows["f"][:, 3:].astype(np.float64).reshape(-1, 3)
        form = "binary"
    elif data.lstrip().startswith(b"solid"):
        found = re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data)
        corners = np.array(found, float).reshape(-1, 3)
        corners = corners[: len(corners) // 3 * 3]
        form = "text"
    elif count > 0:
        raise Refused("I-505", f"it states {count} triangles and holds {(len(data) - 84) // 50}")
    else:
        raise Refused("I-503", "it is neither text nor binary STL")
    points, again = np.unique(corners, axis=0, return_inverse=True)
    model = SourceModel("STL", form, kind="mesh")
    model.features.append(Feature(path.name, "Mesh"))
    triangles = again.reshape(-1, 3).astype(np.int64)
    if len(triangles):
        model.meshes.append(MeshPart(points, triangles))
    model.counts = {"Mesh": 1, "triangles": len(triangles)}
    return model


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str, str]]
    """name, type, and type of its length for lists, empty for one value"""


def _ply(path: Path, data: bytes) -> SourceModel:
    end = re.search(rb"end_header[^\n]*\r?\n", data)
    if end is None:
        raise Refused("I-505", "its header has no end")
    form, elements = _header(data[: end.start()].decode("ascii", "replace"))
    body = memoryview(data)[end.end() :]
    if form == "ascii":
        columns, lists = _ply_text(bytes(body), elements)
    else:
        columns, lists = _ply_binary(body, elements, "<" if "little" in form else ">")
    if not {"x", "y", "z"} <= set(columns):
        raise Refused("I-503", "its points have no x, y and z")
    points = np.column_stack([columns[axis] for axis in "xyz"]).astype(np.float64)
    colours = _ply_colours(columns)
    if any(len(corners) >= 3 for corners in lists):
        return _model(path, "PLY", form, points, lists, colours)
    return _ply_cloud(path, form, points, colours)


def _ply_cloud(path: Path, form: str, points: Floats, colours: Any) -> SourceModel:
    """Points without faces: a cloud, thinned evenly where it is large."""
    model = SourceModel("PLY", form, kind="cloud")
    count, step = len(points), max(1, -(-len(points) // _CLOUD_POINTS))
    if colours is None:
        colours = np.full((count, 3), 190, np.uint8)
    facts = {"points": count, "points_shown": len(points[::step])}
    model.features.append(Feature(path.name, "PointCloud", path.stem, attributes=dict(facts)))
    model.counts = {"PointCloud": 1, "points": count}
    if count:
        model.clouds.append(Cloud(points[::step], colours[::step]))
    if step > 1:
        model.warnings.append(f"{len(points[::step])} of {count} points are shown, evenly chosen")
    return model


def _header(text: str) -> tuple[str, list[_Element]]:
    form = ""
    elements: list[_Element] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["format"] and len(words) > 1:
            form = words[1]
        elif words[:1] == ["element"]:
            elements.append(_Element(words[1], int(words[2]), []))
        elif words[:1] == ["property"] and elements:
            if words[1] == "list":
                elements[-1].properties.append((words[4], _TYPES[words[3]], _TYPES[words[2]]))
            else:
                elements[-1].properties.append((words[2], _TYPES[words[1]], ""))
    if form not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise Refused("I-503", f"the form '{form[:40]}' is none of PLY")
    if any(e.count < 0 for e in elements):
        raise Refused("I-503", "a negative count")
    return form, elements


def _ply_text(body: bytes, elements: list[_Element]) -> tuple[dict[str, Any], list[list[int]]]:
    rows = [line.split() for line in body.splitlines() if line.strip()]
    columns: dict[str, Any] = {}
    lists: list[list[int]] = []
    begin = 0
    for element in elements:
        if begin + element.count > len(rows):
            raise Refused("I-505", f"it states {element.count} of {element.name}")
        held = rows[begin : begin + element.count]
        begin += element.count
        if element.name == "vertex":
            names = [name for name, _, _ in element.properties]
            if any(length for _, _, length in element.properties):
                raise Refused("I-504", "points with lists")
            table = np.array([row[: len(names)] for row in held], float)
            table = table.reshape(element.count, len(names))
            columns = {name: table[:, place] for place, name in enumerate(names)}
        elif element.name == "face":
            for row in held:
                at = 0
                for name, _, length in element.properties:
                    size = int(row[at]) if length else 0
                    if length and name.startswith("vertex_ind"):
                        if at + size >= len(row):
                            raise Refused("I-505", "a face is shorter than it states")
                        lists.append([int(v) for v in row[at + 1 : at + 1 + size]])
                    at += 1 + size
    return columns, lists


def _ply_binary(
    body: memoryview, elements: list[_Element], order: str
) -> tuple[dict[str, Any], list[list[int]]]:
    columns: dict[str, Any] = {}
    lists: list[list[int]] = []
    begin = 0
    for element in elements:
        if any(length for _, _, length in element.properties):
            begin, found = _ply_lists(body, begin, element, order)
            if element.name == "face":
                lists = found
            continue
        row = np.dtype([(name, order + kind) for name, kind, _ in element.properties])
        if begin + element.count * row.itemsize > len(body):
            raise Refused("I-505", f"it states {element.count} of {element.name}")
        table = np.frombuffer(body, row, element.count, begin)
        begin += element.count * row.itemsize
        if element.name == "vertex":
            columns = {str(name): table[str(name)] for name in row.names or ()}
    return columns, lists


def _ply_lists(
    body: memoryview, begin: int, element: _Element, order: str
) -> tuple[int, list[list[int]]]:
    """Where the element ends, and its lists of corners; equal rows are read at once."""
    lists: list[list[int]] = []
    if element.count > len(body) - begin:
        raise Refused("I-505", f"it states {element.count} of {element.name}")
    if len(element.properties) == 1:
        name, kind, length = element.properties[0]
        row = np.dtype([("n", order + length), ("c", order + kind, (3,))])
        if begin + element.count * row.itemsize <= len(body):
            table = np.frombuffer(body, row, element.count, begin)
            if (table["n"] == 3).all():
                return begin + element.count * row.itemsize, table["c"].tolist()
    for _ in range(element.count):
        for name, kind, length in element.properties:
            size = 1
            if length:
                size = int(np.frombuffer(body, order + length, 1, begin)[0])
                begin += np.dtype(length).itemsize
            width = np.dtype(kind).itemsize * size
            if size < 0 or begin + width > len(body):
                raise Refused("I-505", f"a {element.name} of {size} values ends beyond the file")
            if length and name.startswith("vertex_ind"):
                lists.append(np.frombuffer(body, order + kind, size, begin).tolist())
            begin += width
    return begin, lists


def _ply_colours(columns: dict[str, Any]) -> Any:
    for names in (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue")):
        if set(names) <= set(columns):
            table = np.column_stack([columns[name] for name in names]).astype(np.float64)
            whole = columns[names[0]].dtype.kind in "iu" or table.max(initial=0.0) > 1.0
            return np.clip(table * (1.0 if whole else 255.0), 0, 255).astype(np.uint8)
    return None
