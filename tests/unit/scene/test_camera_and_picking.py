"""Poses stay inside their limits; a pick is what an exact ray hits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.kit.synthetic_district import district, house, tile
from vtkmodules.vtkCommonCore import reference
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkStaticCellLocator

from lamplighter.domain.city import Asset
from lamplighter.scene import camera as cam
from lamplighter.scene.arrays import cells_of, points_of
from lamplighter.scene.baking import BakedTile, bake
from lamplighter.scene.city_scene import CityScene
from lamplighter.scene.picking import entry
from lamplighter.scene.theme import load_theme

CITY = cam.Extent((-500.0, -400.0, 0.0), (500.0, 400.0, 60.0))
SIZE = (640, 400)


@pytest.fixture
def scene() -> CityScene:
    made = CityScene(load_theme("dark"))
    for part in district(300, per_tile=100):
        made.add_baked(bake(part))
    made.move(made.home_pose())
    return made


def _locator(baked: BakedTile) -> vtkStaticCellLocator:
    data = vtkPolyData()
    data.SetPoints(points_of(baked.points))
    data.SetPolys(cells_of(baked.triangles))
    locator = vtkStaticCellLocator()
    locator.SetDataSet(data)
    locator.BuildLocator()
    return locator


def _by_locator(scene: CityScene, locators: list, x: int, y: int) -> str | None:
    origin, direction = scene.projection(*SIZE).ray(x, y)
    best: tuple[float, str] | None = None
    for baked, locator in zip(scene.tiles, locators, strict=True):
        t, cell, sub = reference(0.0), reference(0), reference(0)
        place, weights = [0.0] * 3, [0.0] * 3
        far = origin + direction * 20_000
        if locator.IntersectWithLine(origin, far, 1e-6, t, place, weights, sub, cell):
            owner = int(np.searchsorted(baked.triangle_start, int(cell), side="right") - 1)
            if best is None or float(t) < best[0]:
                best = (float(t), baked.assets[owner])
    return best[1] if best else None


def test_picks_agree_with_a_search_tree_over_the_drawn_triangles(scene: CityScene) -> None:
    locators = [_locator(baked) for baked in scene.tiles]
    rng = np.random.default_rng(5)
    pixels = np.stack((rng.integers(0, SIZE[0], 250), rng.integers(0, SIZE[1], 250)), axis=1)
    picks = [scene.pick(x, y, *SIZE) for x, y in pixels.tolist()]
    assert picks == [_by_locator(scene, locators, x, y) for x, y in pixels.tolist()]
    assert len(set(picks)) > 40


def test_the_nearer_of_two_houses_is_picked_and_the_ground_is_nothing() -> None:
    scene = CityScene(load_theme("dark"))
    scene.add_baked(bake(tile("t", [house(0, 0, 10, 10, 10), house(0, 60, 10, 10, 40)])))
    scene.move(cam.Pose((0.0, 0.0, 5.0), 200.0, heading=0.0, tilt=80.0))
    view = scene.projection(*SIZE)
    (pixel,), _, _ = view.to_pixels([(0.0, -5.0, 5.0)])
    assert scene.pick(*pixel, *SIZE) == "B0"
    (pixel,), _, _ = view.to_pixels([(0.0, 55.0, 38.0)])
    assert scene.pick(*pixel, *SIZE) == "B1"
    assert scene.pick(5, SIZE[1] - 5, *SIZE) is None


def test_a_removed_tile_is_no_longer_picked(scene: CityScene) -> None:
    found = scene.pick(SIZE[0] / 2, SIZE[1] / 2, *SIZE)
    assert found is not None
    for name in [t.name for t in scene.tiles]:
        scene.remove(name)
    assert scene.pick(SIZE[0] / 2, SIZE[1] / 2, *SIZE) is None
    assert scene.box(found) is None


def test_a_line_is_picked_within_five_pixels_but_not_through_a_house() -> None:
    scene = CityScene(load_theme("dark"))
    scene.add_baked(bake(tile("t", [house(0, 0, 20, 10, 30)])))
    pipe = Asset("M1", "Main", "", "water", path=((-80, 20, 0), (80, 20, 0)))
    scene.set_assets([pipe])
    scene.move(cam.Pose((0.0, 0.0, 0.0), 250.0, heading=0.0, tilt=70.0))
    view = scene.projection(*SIZE)
    (free, hidden), _, _ = view.to_pixels([(60.0, 20.0, 0.8), (0.0, 20.0, 0.8)])
    assert scene.pick(free[0], free[1] + 3, *SIZE) == "M1"
    assert scene.pick(free[0], free[1] + 12, *SIZE) != "M1"
    assert scene.pick(*hidden, *SIZE) == "B0"
    scene.show_networks(["power"])
    assert scene.pick(*free, *SIZE) is None


def test_boxes_behind_the_eye_or_beside_the_ray_are_missed() -> None:
    low = np.array([[5.0, -1, -1], [-9.0, -1, -1], [5.0, 3, -1]])
    near = entry(low, low + 2, np.zeros(3), np.array([1.0, 0.0, 0.0]))
    assert near[0] == pytest.approx(5.0) and not np.isfinite(near[1:]).any()


@pytest.mark.parametrize("tilt", [-300.0, 0.0, 89.9, 400.0])
def test_a_pose_never_goes_under_the_ground_or_away(tilt: float) -> None:
    pose = cam.clamped(cam.Pose((9e6, -9e6, -50.0), 1e9, 725.0, tilt), CITY)
    assert cam.MIN_TILT <= pose.tilt <= cam.MAX_TILT and pose.heading == pytest.approx(5.0)
    assert pose.distance <= 3 * CITY.diagonal and pose.eye()[2] > 0
    assert abs(pose.focus[0]) <= 500 + 0.25 * CITY.diagonal


def test_a_flight_begins_and_ends_where_it_should_and_turns_the_short_way() -> None:
    start = cam.Pose((0.0, 0.0, 0.0), 100.0, 350.0, 40.0)
    end = cam.Pose((100.0, 0.0, 0.0), 400.0, 20.0, 60.0)
    assert cam.between(start, end, 0.0).distance == pytest.approx(100.0)
    assert cam.between(start, end, 0.0).heading == pytest.approx(350.0)
    last = cam.between(start, end, 1.0)
    assert last.distance == pytest.approx(400.0) and last.heading == pytest.approx(20.0)
    middle = cam.between(start, end, 0.5)
    assert middle.heading == pytest.approx(5.0) and middle.distance == pytest.approx(200.0)


def test_a_ray_through_a_projected_place_comes_back_to_it(scene: CityScene) -> None:
    view = scene.projection(*SIZE)
    place = np.array([40.0, -70.0, 12.0])
    (pixel,), (ahead,), _ = view.to_pixels([place])
    origin, direction = view.ray(pixel[0] - 0.5, pixel[1] - 0.5)
    off = np.linalg.norm(np.cross(place - origin, direction))
    assert ahead and off < 0.01


def test_plan_looks_straight_down_with_north_up(scene: CityScene) -> None:
    scene.move(cam.Pose((0.0, 0.0, 0.0), 300.0, 90.0, 40.0, plan=True))
    view = scene.projection(*SIZE)
    (south, north, east), _, _ = view.to_pixels([(0, -50, 0), (0, 50, 30), (50, 0, 0)])
    assert north[1] < south[1] and north[0] == pytest.approx(south[0])
    assert east[0] > north[0]
    per_pixel = scene.pose.metres_per_pixel(SIZE[1])
    assert (south[1] - north[1]) * per_pixel == pytest.approx(100.0, rel=1e-3)


@pytest.mark.parametrize("metres", [0.013, 0.4, 1.0, 7.3, 55.0])
def test_a_scale_bar_is_round_and_fits(metres: float) -> None:
    length, pixels = cam.scale_bar(metres, 120)
    lead = length / 10 ** math.floor(math.log10(length) + 1e-9)
    assert round(lead, 6) in (1.0, 2.0, 5.0)
    assert 40 <= pixels <= 120 and length == pytest.approx(pixels * metres, rel=0.05)


def test_the_hull_goes_around_all_points() -> None:
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [2, 2], [1, 3]], dtype=float)
    assert {tuple(p) for p in cam.convex_hull(square).tolist()} == {(0, 0), (4, 0), (4, 4), (0, 4)}
