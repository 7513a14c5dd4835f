"""Exact places: corners draw the pointer, the ground is found, hidden corners are not taken."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kit.synthetic_district import district

from lamplighter.scene.baking import bake
from lamplighter.scene.camera import Pose
from lamplighter.scene.city_scene import CityScene
from lamplighter.scene.probe import ground_height, probe
from lamplighter.scene.theme import load_theme

WIDE, TALL = 640, 400


@pytest.fixture
def scene() -> CityScene:
    made = CityScene(load_theme("dark"))
    for tile in district(60, per_tile=60):
        made.add_baked(bake(tile))
    made.set_ground(made.bake_ground())
    made.move(made.home_pose())
    return made


def roof_corner(scene: CityScene) -> tuple[str, np.ndarray, np.ndarray]:
    """An asset, its highest corner that the pointer can reach, and the corner's pixel."""
    view = scene.projection(WIDE, TALL)
    for name in scene.tiles[0].assets:
        points = scene.corners(name)
        pixels, _, _ = view.to_pixels(points)
        for point, pixel in zip(points, pixels, strict=True):
            x, y = pixel
            if not (40 < x < WIDE - 40 and 40 < y < TALL - 40):
                continue
            found = probe(scene, x, y, WIDE, TALL)
            if found is not None and found.corner and np.allclose(found.place, point, atol=1e-3):
                return name, point, pixel
    raise AssertionError("no corner in sight")


def test_a_corner_near_the_pointer_is_taken_exactly(scene: CityScene) -> None:
    _, _, (x, y) = roof_corner(scene)
    for dx, dy in ((0, 0), (4, 0), (-3, 3)):
        found = probe(scene, x + dx, y + dy, WIDE, TALL)
        assert found is not None and found.corner
        view = scene.projection(WIDE, TALL)
        (pixel,), _, _ = view.to_pixels([found.place])
        assert np.hypot(*(pixel - (x + dx, y + dy))) <= 10
        assert np.linalg.norm(scene.corners(found.asset) - found.place, axis=1).min() < 1e-6


def test_every_corner_that_is_taken_can_be_seen(scene: CityScene) -> None:
    view = scene.projection(WIDE, TALL)
    for x in range(20, WIDE, 90):
        for y in range(120, TALL, 70):
            found = probe(scene, x, y, WIDE, TALL)
            if found is None or not found.corner:
                continue
            (pixel,), _, _ = view.to_pixels([found.place])
            hit = scene.hit(pixel[0] - 0.5, pixel[1] - 0.5, WIDE, TALL)
            origin, _ = view.ray(pixel[0] - 0.5, pixel[1] - 0.5)
            away = np.linalg.norm(np.array(found.place) - origin)
            assert hit is None or hit.distance > away - 0.31


def test_the_ground_is_found_where_no_asset_is(scene: CityScene) -> None:
    scene.move(Pose((0.0, 0.0, 0.0), 4_000.0, plan=True))
    found = probe(scene, 5, 5, WIDE, TALL)
    assert found is not None and found.asset == ""
    assert found.place[2] == pytest.approx(ground_height(scene, *found.place[:2]), abs=0.01)


def test_the_sky_is_no_place(scene: CityScene) -> None:
    scene.move(Pose((0.0, 0.0, 60.0), 300.0, tilt=84.0))
    assert probe(scene, WIDE / 2, 2, WIDE, TALL) is None


def test_ground_lies_at_the_feet_of_the_buildings(scene: CityScene) -> None:
    tile = scene.tiles[0]
    middle = (tile.low[0] + tile.high[0]) / 2
    assert abs(ground_height(scene, float(middle[0]), float(middle[1])) - tile.low[0][2]) < 3.0
