"""Lines are cut into the dashes of their domain; point assets get solids of their own."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kit.synthetic_district import district, house, tile

from lamplighter.domain.city import Asset
from lamplighter.scene.baking import bake
from lamplighter.scene.ground import bake_ground, texture
from lamplighter.scene.networks import course_of, dashed, is_main
from lamplighter.scene.solids import asset_tile, shape_of
from lamplighter.scene.theme import load_theme

BEND = np.array([[0.0, 0, 0], [40, 0, 0], [40, 30, 0]])


def _length(strokes: tuple[np.ndarray, np.ndarray]) -> float:
    return float(np.linalg.norm(strokes[1] - strokes[0], axis=1).sum())


def test_a_solid_line_is_its_whole_course() -> None:
    assert _length(dashed(BEND, ())) == pytest.approx(70.0)


def test_a_dashed_line_draws_the_share_of_its_pattern_and_bends_with_the_course() -> None:
    strokes = dashed(BEND, (6.0, 4.0))
    assert _length(strokes) == pytest.approx(70.0 * 0.6)
    both = np.concatenate(strokes)
    on_course = (np.abs(both[:, 1]) < 1e-9) | (np.abs(both[:, 0] - 40) < 1e-9)
    assert on_course.all()


def test_the_pattern_of_power_is_long_and_short() -> None:
    begin, end = dashed(np.array([[0.0, 0, 0], [160, 0, 0]]), (8.0, 3.0, 2.0, 3.0))
    assert set(np.round(np.linalg.norm(end - begin, axis=1), 6)) == {8.0, 2.0}


def test_points_that_repeat_or_are_no_numbers_are_no_fault() -> None:
    assert len(dashed(np.zeros((3, 3)), (2.0, 2.0))[0]) == 0
    odd = Asset("P", "Pipe", "", "water", path=((0, 0, 0), (float("nan"), 1, 1), (9, 0, 0)))
    assert len(course_of(odd)) == 2


def test_mains_are_told_from_branches() -> None:
    wide = Asset("A", "Pipe", "", "water", attributes={"diameter_mm": 400})
    thin = Asset("B", "Pipe", "", "water", attributes={"diameter_mm": 80})
    assert is_main(wide) and not is_main(thin)
    assert is_main(Asset("C", "WaterMain", "", "water"))


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("Tank", "tank"), ("Pump", "pump"), ("Substation", "substation"), ("Junction", "junction"),
     ("TrafficSignal", "signal"), ("NoiseSensor", "sensor"), ("Building", ""), ("Zone", ""),
     ("Windmill", "other"), ("IfcOpeningElement", ""), ("IfcSpace", ""), ("TEXT", "mark")],
)  # fmt: skip
def test_each_type_has_its_solid(kind: str, shape: str) -> None:
    assert shape_of(kind) == shape


def test_solids_stand_where_their_asset_stands() -> None:
    tank = Asset("T", "Tank", "", "water", x=100.0, y=-50.0, z=4.0)
    lost = Asset("L", "Tank", "", "water")
    odd = Asset("O", "Tank", "", "water", x=float("nan"), y=0.0)
    made = asset_tile("own", [tank, lost, odd])
    assert made.assets == ("T",)
    baked = bake(made)
    assert np.allclose(baked.low[0][:2] + baked.high[0][:2], (200, -100), atol=0.2)
    assert baked.low[0][2] == pytest.approx(4.0)


def test_the_ground_is_darker_beside_a_house_and_dark_on_its_shadow_side() -> None:
    ground = bake_ground([bake(tile("t", [house(0, 0, 40, 40, 30)]))])
    assert ground is not None
    rgb = texture(ground, load_theme("dark")).astype(int).sum(axis=2)
    height, width = rgb.shape

    def at(x: float, y: float) -> int:
        u = (x - ground.low[0]) / (ground.high[0] - ground.low[0])
        v = (y - ground.low[1]) / (ground.high[1] - ground.low[1])
        return int(rgb[round(v * (height - 1)), round(u * (width - 1))])

    assert at(-24, 0) < at(-60, 0)
    assert at(30, 10) < at(-30, -10)


def test_the_ground_follows_the_feet_of_the_buildings() -> None:
    hill = [house(x, 0, 10, 10, 8, base=x * 0.1) for x in range(0, 400, 20)]
    ground = bake_ground([bake(tile("t", hill))])
    assert ground is not None
    row = ground.heights[len(ground.heights) // 2]
    assert row[-12] - row[12] > 20
    assert bake_ground([]) is None
    assert np.isfinite(bake_ground([bake(t) for t in district(50)]).heights).all()
