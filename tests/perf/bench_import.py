"""Import of a large city model against a naive reader, both in the same run.

The naive reader is what one writes first: `json`, one array a face, one triangulation a face.
It must find the same triangles and the same area, else the comparison would be worth nothing.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.kit.testdata import city_data
from tests.perf.row import Row, row

from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial import cityjson
from lamplighter.spatial.model import FaceList
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.triangulate import clip_ears, triangulate


def city(count: int) -> bytes:
    """CityJSON of `count` buildings of 14 faces (two of them L-shaped), about 2 kB each."""
    objects: dict[str, Any] = {}
    vertices: list[list[int]] = []
    outline = [(0, 0), (12, 0), (12, 5), (6, 5), (6, 11), (0, 11)]
    columns = math.isqrt(count) + 1
    for number in range(count):
        east, north = number % columns * 20, number // columns * 20
        height = 6 + number % 17
        base = len(vertices)
        for z in (0, height):
            vertices.extend([(east + x) * 1000, (north + y) * 1000, z * 1000] for x, y in outline)
        low, high = range(base, base + 6), range(base + 6, base + 12)
        walls = [[[low[k], low[(k + 1) % 6], high[(k + 1) % 6], high[k]]] for k in range(6)]
        faces = [[list(reversed(low))], [list(high)], *walls]
        objects[f"B{number}"] = {
            "type": "Building",
            "attributes": {"storeys": number % 9, "name": f"House {number}", "year": 1900.5},
            "geometry": [
                {
                    "type": "Solid",
                    "lod": "2",
                    "boundaries": [faces],
                    "semantics": {
                        "surfaces": [
                            {"type": "GroundSurface"}, {"type": "RoofSurface"},
                            {"type": "WallSurface"},
                        ],
                        "values": [[0, 1, *[2] * 6]],
                    },
                }
            ],
        }  # fmt: skip
    document = {
        "type": "CityJSON",
        "version": "2.0",
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/28992"},
        "transform": {"scale": [0.001] * 3, "translate": [90000.0, 435000.0, 0.0]},
        "CityObjects": objects,
        "vertices": vertices,
    }
    return json.dumps(document).encode()


def naive(data: bytes) -> tuple[int, float]:
    """Triangles and their area, one face at a time."""
    document = json.loads(data)
    scale, shift = (np.array(document["transform"][k]) for k in ("scale", "translate"))
    vertices = np.array(document["vertices"]) * scale + shift
    count, area = 0, 0.0
    for item in document["CityObjects"].values():
        for shell in item["geometry"][0]["boundaries"]:
            for face in shell:
                corners = clip_ears(vertices, np.array(face[0]))
                spots = vertices[corners]
                cross = np.cross(spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0])
                area += float(np.linalg.norm(cross, axis=1).sum()) / 2
                count += len(corners)
    return count, area


def grouped(data: bytes) -> tuple[int, float]:
    """The same by the product's reader and triangulation."""
    faces = cityjson.read(data, lambda *_: None).faces or FaceList().build(np.zeros((0, 3)))
    found = triangulate(faces)
    spots = faces.vertices[found.corners]
    cross = np.cross(spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0])
    return len(found.corners), float(np.linalg.norm(cross, axis=1).sum()) / 2


def timed(work: Callable[[], Any], runs: int = 3) -> tuple[float, Any]:
    """Best wall time in seconds of `runs`, and the last result."""
    best, result = math.inf, None
    for _ in range(runs):
        begun = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begun)
    return best, result


def rows(count: int = 20_000, naive_count: int = 1_000) -> list[Row]:
    """Rows of the table; the naive reader gets a smaller city, rates are compared."""
    large, small = city(count), city(naive_count)
    slow, expected = timed(lambda: naive(small), 1)
    _, got = timed(lambda: grouped(small), 1)
    if got[0] != expected[0] or not math.isclose(got[1], expected[1], rel_tol=1e-9):
        raise AssertionError(f"the readers disagree: {got} and {expected}")
    fast, _ = timed(lambda: grouped(large))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.city.json"
        path.write_bytes(large)
        tiles = Path(folder) / "tiles"

        def load() -> Any:
            return read_file(path, project_frame=None, tiles_folder=tiles)

        whole, found = timed(load, 1)
        again, _ = timed(load)
        draw, _ = timed(lambda: [read_tile(tiles / name) for name in found.tiles])
    face_by_face = "one face after the other"
    return [
        *_beside_cjio(),
        _rate("CityJSON to triangles", count / fast, face_by_face, naive_count / slow),
        _rate("CityJSON file to placed tiles", count / whole, face_by_face, naive_count / slow),
        _rate("the same file again, known", count / again, "its first import", count / whole),
        _rate("tiles from disk to arrays", count / draw, "its first import", count / whole),
    ]


def _beside_cjio() -> list[Row]:
    """The largest city model of the test data: from the file to triangles; none without it."""
    try:
        path = city_data("rotterdam", "3-20-DELFSHAVEN.city.json")
    except pytest.skip.Exception:
        return []
    from cjio import cityjson as cjio

    def theirs() -> int:
        """Its own triangulation needs libraries that are not here: each face is clipped alone."""
        with path.open(encoding="utf-8") as file:
            model = cjio.reader(file, ignore_duplicate_keys=True)
        vertices = np.array(model.j["vertices"], float)
        count = 0
        for item in model.j["CityObjects"].values():
            for geometry in item.get("geometry", ()):
                for face in _faces(geometry["boundaries"], _DEPTH.get(geometry["type"], 0)):
                    count += len(clip_ears(vertices, np.array(face[0])))
        return count

    slow, _ = timed(theirs, 1)
    triangles, _ = timed(lambda: grouped(path.read_bytes()))
    with tempfile.TemporaryDirectory() as folder:
        turn = iter(range(9))

        def whole_import() -> Any:
            fresh = Path(folder) / str(next(turn))
            return read_file(path, project_frame=None, tiles_folder=fresh)

        whole, _ = timed(whole_import)
    peer = "cjio to load, one face after the other to triangulate"
    return [
        row("Rotterdam file to triangles", triangles * 1000, "ms", peer, slow * 1000),
        row("Rotterdam file to placed tiles", whole * 1000, "ms", peer, slow * 1000),
    ]


_DEPTH = {"MultiSurface": 1, "CompositeSurface": 1, "Solid": 2, "MultiSolid": 3}


def _faces(boundaries: list[Any], depth: int) -> list[Any]:
    """All faces (lists of rings) of a geometry; none for points and lines."""
    if depth <= 1:
        return boundaries if depth else []
    return [face for part in boundaries for face in _faces(part, depth - 1)]


def _rate(name: str, figure: float, peer: str, against: float) -> Row:
    return row(name, figure, "objects/s", peer, against, more_is_better=True)


if __name__ == "__main__":
    for line in rows():
        print(json.dumps(line))
