"""The same buildings as a model and as 3D Tiles: one place, and one name under the pointer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.tile_file import read_tile
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import BakedTile, bake
from lamplighter.scene.shot import OffScreen
from lamplighter.scene.theme import load_theme
from lamplighter.spatial.reader import read_file

SIZE = (800, 600)


@pytest.mark.data
def test_a_pick_through_the_tiles_names_the_building_of_the_model(tmp_path: Path) -> None:
    base = city_data("helsinki_kalasatama")
    models = base / "buildings" / "fme_converted"
    model = read_file(
        next(iter(models.rglob("kalasatamapart.gml"))), project_frame=None, tiles_folder=tmp_path
    )
    frame = Frame(model.suggested_epsg, *model.suggested_origin)
    tileset = base / "3dtiles" / "Building" / "tileset.json"
    mesh = read_file(tileset, project_frame=frame, tiles_folder=tmp_path)
    with OffScreen(load_theme("dark"), SIZE) as view:
        scene = view.scene
        semantic = [bake(read_tile(tmp_path / name)) for name in model.tiles]
        for tile in semantic:
            scene.add_baked(tile)
        alone: dict[str, tuple[str, float]] = {}
        places = {a: over(tile, n) for tile in semantic for n, a in enumerate(tile.assets)}
        for asset, place in places.items():
            hit = look_down(scene, place)
            if hit is not None:
                alone[asset] = hit.asset, hit.place[2]
        for name in mesh.tiles:
            scene.add_baked(bake(read_tile(tmp_path / name)))
        assert len(alone) >= 61
        for asset, (expected, height) in alone.items():
            hit = look_down(scene, places[asset])
            assert hit.asset == expected
            assert abs(hit.place[2] - height) < 0.5
        assert {look_down(scene, p).kind for p in places.values()} >= {"mesh"}


def over(tile: BakedTile, owner: int) -> tuple[float, float, float]:
    """The middle of the triangle of an object that covers most ground."""
    rows = tile.triangles[tile.triangle_start[owner] : tile.triangle_start[owner + 1]]
    corners = tile.points[rows].astype(float)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    flat = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    x, y, z = corners[int(np.argmax(flat))].mean(axis=0).tolist()
    return x, y, z


def look_down(scene, place: tuple[float, float, float]):
    """What the scene picks in the middle of a map over a place; None beside every building."""
    scene.move(cam.Pose(place, 120.0, plan=True))
    hit = scene.hit(SIZE[0] / 2 - 0.5, SIZE[1] / 2 - 0.5, *SIZE)
    return hit if hit is not None and np.isfinite(hit.distance) else None
