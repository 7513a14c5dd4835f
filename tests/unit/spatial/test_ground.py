"""GIS data without heights lies on the ground that is known; what is far keeps its degrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.city import Frame
from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.layers import Layer, TileInfo
from lamplighter.domain.tile_file import read_tile, write_tile
from lamplighter.spatial.ground import Ground, known_tiles
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.tiles import described

FRAME = Frame(epsg=28992, east=85_000.0, north=447_500.0)


def slope(
    folder: Path, kind: str = "terrain", rise: float = 0.1, surface: str = "Terrain"
) -> TileInfo:
    """A plane of 200 m by 200 m that rises to the east from height 5."""
    spots = [(x, y) for x in (-100.0, 0.0, 100.0) for y in (-100.0, 0.0, 100.0)]
    points = np.array([(x, y, 5.0 + rise * x) for x, y in spots], np.float32)
    triangles = np.array([[0, 3, 4], [0, 4, 1], [4, 7, 8], [4, 8, 5]], np.int32)
    tile = TileArrays(
        name=f"{kind}.npz", assets=("g",), points=points, triangles=triangles,
        owner=np.zeros(4, np.int32), kind=kind,
        surface=np.full(4, SURFACES.index(surface), np.uint8),
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    write_tile(tile, folder)
    return described(tile, (0, 0))


def read(
    folder: Path, geometry: dict[str, Any], *ground: TileInfo, **properties: Any
) -> ImportedFile:
    path = folder / "things.geojson"
    crs = {"type": "name", "properties": {"name": "EPSG:28992"}}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return read_file(path, project_frame=FRAME, tiles_folder=folder / "tiles", ground=ground)


def polygon(x: float, y: float, size: float) -> dict[str, Any]:
    east, north = FRAME.east + x, FRAME.north + y
    ring = [(east, north), (east + size, north), (east + size, north + size), (east, north + size)]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def test_a_point_without_height_lies_on_the_slope(tmp_path: Path) -> None:
    ground = slope(tmp_path / "tiles")
    at = {"type": "Point", "coordinates": [FRAME.east + 50, FRAME.north + 10]}
    assert read(tmp_path, at, ground).assets[0].z == pytest.approx(10.0, abs=0.2)
    at["coordinates"].append(77.0)
    assert read(tmp_path, at, ground).assets[0].z == pytest.approx(77.0)
    del at["coordinates"][2:]
    assert read(tmp_path, at).assets[0].z == pytest.approx(0.0, abs=0.2)


def test_every_part_of_a_course_lies_on_the_slope(tmp_path: Path) -> None:
    ground = slope(tmp_path / "tiles")
    parts = [[(FRAME.east + x, FRAME.north + 10), (FRAME.east + x + 10, FRAME.north + 10)]
             for x in (-40, 0, 40)]  # fmt: skip
    asset = read(tmp_path, {"type": "MultiLineString", "coordinates": parts}, ground).assets[0]
    courses = np.array([asset.path, *asset.more])
    assert courses.shape == (3, 2, 3)
    assert courses[..., 2] == pytest.approx(5.1 + 0.1 * courses[..., 0])


def test_a_tile_that_was_made_anew_is_read_anew(tmp_path: Path) -> None:
    spot = np.array([[50.0, 10.0]])
    for rise in (0.1, 0.1, 0.2):
        tile = slope(tmp_path / "tiles", rise=rise)
        assert Ground((tile,), tmp_path / "tiles").under(spot) == pytest.approx(5.0 + 50 * rise)
    (tmp_path / "tiles" / tile.name).unlink()
    assert np.isnan(Ground((tile,), tmp_path / "tiles").under(spot)).all()


def test_an_area_follows_the_slope_and_a_building_stands_upright_on_it(tmp_path: Path) -> None:
    ground = slope(tmp_path / "tiles")
    area = read(tmp_path, polygon(0, 0, 20), ground, type="park")
    points = read_tile(tmp_path / "tiles" / area.tiles[0]).points
    assert [points[:, 2].min(), points[:, 2].max()] == pytest.approx([5.0, 7.0], abs=0.1)
    block = read(tmp_path, polygon(0, 0, 20), ground, type="building", height="9 m")
    points = read_tile(tmp_path / "tiles" / block.tiles[0]).points
    assert sorted(set(points[:, 2].round(2).tolist())) == pytest.approx([5.0, 14.0])
    assert block.assets[0].attributes["geometry_height_m"] == pytest.approx(9.0)


def test_feet_of_a_model_count_where_there_is_no_terrain(tmp_path: Path) -> None:
    model = slope(tmp_path / "tiles", "model", 0.0, "GroundSurface")
    heights = Ground((model,), tmp_path / "tiles").under(np.array([[10.0, 10.0], [9e4, 0.0]]))
    assert heights[0] == pytest.approx(5.0) and np.isnan(heights[1])


def test_only_layers_with_heights_of_their_own_tell_the_ground(tmp_path: Path) -> None:
    tile = slope(tmp_path / "tiles", "model")
    assert known_tiles(Layer("m", "m", "model", tiles=(tile,))) == (tile,)
    assert known_tiles(Layer("v", "v", "vector", tiles=(tile,))) == ()


def test_another_city_keeps_its_place_in_degrees(tmp_path: Path) -> None:
    path = tmp_path / "far.geojson"
    path.write_text('{"type": "Point", "coordinates": [-79.4, 43.6]}')
    found = read_file(path, project_frame=FRAME, tiles_folder=tmp_path / "tiles")
    report, asset = found.report, found.assets[0]
    assert (report.placed, asset.x, asset.path) == (0, None, ())
    assert [asset.lon, asset.lat] == pytest.approx([-79.4, 43.6])
    assert report.extent_wgs84 == pytest.approx([-79.4, 43.6, -79.4, 43.6])
    assert "km from the project" in report.unplaced[0].reason
