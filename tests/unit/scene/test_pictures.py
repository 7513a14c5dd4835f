"""Pictures without a display: judged by hues, counts and differences, never by exact pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.synthetic_district import district
from tests.kit.testdata import city_data

from lamplighter.domain.city import Asset
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.tile_file import read_tile
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import bake
from lamplighter.scene.shot import OffScreen, shot
from lamplighter.scene.states import STALE, AssetLook, Mark, StateTable
from lamplighter.scene.theme import load_theme

SIZE = (480, 300)
POSE = cam.Pose((0.0, 0.0, 0.0), 380.0)


@pytest.fixture
def view():
    with OffScreen(load_theme("dark"), SIZE) as made:
        for part in district(400, per_tile=200):
            made.scene.add_baked(bake(part))
        made.scene.set_ground(made.scene.bake_ground())
        made.scene.move(POSE)
        yield made


def coloured(pixels: np.ndarray) -> np.ndarray:
    """Where a pixel has a hue at all."""
    wide = pixels.astype(int)
    return wide.max(axis=2) - wide.min(axis=2) > 40


def like(pixels: np.ndarray, rgb: tuple[int, int, int], near: int = 12) -> np.ndarray:
    return np.abs(pixels.astype(int) - rgb).max(axis=2) <= near


def changed(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.abs(a.astype(int) - b.astype(int)).max(axis=2) > 6).mean())


def test_the_quiet_city_is_grey_and_has_form(view) -> None:
    pixels = view.pixels()
    assert coloured(pixels).mean() < 0.001
    grey = pixels.mean(axis=2)
    assert grey.std() > 10 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 60


def test_an_alarm_and_a_dead_district_are_seen_and_go_again(view) -> None:
    quiet = view.pixels()
    critical = view.scene.theme.priorities[0]
    view.scene.set_states(StateTable({"B210": AssetLook(Mark.ABNORMAL, 1)}))
    filled = like(view.pixels(), critical)
    assert 40 < filled.sum() < 0.2 * filled.size
    lost = {f"B{n}": AssetLook(Mark.LOSES_SERVICE) for n in range(200, 300)}
    view.scene.set_states(StateTable(lost))
    assert coloured(view.pixels()).mean() > 0.02
    view.scene.set_states(StateTable())
    assert changed(view.pixels(), quiet) < 0.001


def test_stale_looks_different_and_not_by_colour_alone(view) -> None:
    quiet = view.pixels()
    every = {f"B{n}": STALE for n in range(400)}
    view.scene.set_states(StateTable(every))
    stale = view.pixels()
    assert changed(stale, quiet) > 0.3 and coloured(stale).mean() < 0.001
    faded = {f"B{n}": AssetLook(trust=0.7) for n in range(400)}
    view.scene.set_states(StateTable(faded))
    plain = view.pixels().mean(axis=2)
    ripple = np.abs(np.diff(stale.mean(axis=2), axis=1)).mean()
    assert ripple > 1.3 * np.abs(np.diff(plain, axis=1)).mean()


def test_what_is_picked_is_what_is_coloured(view) -> None:
    rng = np.random.default_rng(3)
    critical = view.scene.theme.priorities[0]
    seen = 0
    for x, y in zip(rng.integers(20, 460, 12), rng.integers(20, 280, 12), strict=True):
        asset = view.scene.pick(int(x), int(y), *SIZE)
        if asset is None:
            continue
        view.scene.set_states(StateTable({asset: AssetLook(Mark.ABNORMAL, 1)}))
        around = like(view.pixels(), critical)[y - 2 : y + 3, x - 2 : x + 3]
        seen += 1
        assert around.sum() >= 6, (asset, x, y)
    assert seen >= 6


def test_selection_draws_an_outline_and_takes_it_away(view) -> None:
    quiet = view.pixels()
    view.scene.select("B210")
    white = like(view.pixels(), (255, 255, 255), 30)
    assert 20 < white.sum() < 0.05 * white.size
    view.scene.select(None)
    assert changed(view.pixels(), quiet) < 0.001


def test_a_pipe_shows_faintly_through_houses(view) -> None:
    quiet = view.pixels()
    pipe = Asset("M1", "Main", "", "water", path=((-300, 0, 0), (300, 0, 0)))
    view.scene.set_assets([pipe])
    view.scene.set_states(StateTable({"M1": AssetLook(Mark.ABNORMAL, 3)}))
    pixels = view.pixels()
    yellow = like(pixels, view.scene.theme.priorities[2], 20)
    assert yellow.sum() > 10
    assert changed(pixels, quiet) * yellow.size > 2 * yellow.sum()
    view.scene.show_networks([])
    assert changed(view.pixels(), quiet) < 0.002


def test_another_theme_is_another_brightness_and_back_again(view) -> None:
    dark = view.pixels()
    view.scene.set_theme(load_theme("light"))
    assert view.pixels().mean() > dark.mean() + 80
    view.scene.set_theme(load_theme("dark"))
    assert changed(view.pixels(), dark) < 0.001


def test_far_houses_drown_in_haze(view) -> None:
    view.scene.move(cam.Pose((0.0, 0.0, 0.0), 330.0))
    near = view.pixels()[150:].std()
    for part in view.scene.tiles:
        view.scene.remove(part.name)
    far = district(400, per_tile=400)[0]
    far.points[:, 1] += 2600
    view.scene.add_baked(bake(far))
    view.scene.set_ground(None)
    view.scene.move(cam.Pose((0.0, 900.0, 0.0), 400.0, heading=0.0, tilt=80.0))
    assert view.pixels().std() < near * 0.7


def test_shot_writes_a_picture_of_its_target(tmp_path: Path) -> None:
    out = tmp_path / "city.png"
    done = shot(district(60), [], out=out, size=(320, 200), target="B30")
    assert done.out == out and out.stat().st_size > 2_000
    assert done.triangles > 500 and done.seconds > 0


def test_shot_refuses_in_one_line_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(LamplighterError, match="no place"):
        shot(district(4), [], out=tmp_path / "a.png", size=(64, 64), target="nobody")
    with pytest.raises(LamplighterError, match="usable size"):
        shot(district(4), [], out=tmp_path / "a.png", size=(4, 999_999))
    with pytest.raises(LamplighterError, match="cannot be written"):
        shot(district(4), [], out=tmp_path / "no" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_city_gives_an_empty_picture(tmp_path: Path) -> None:
    assert shot([], [], out=tmp_path / "e.png", size=(64, 64)).triangles == 0


@pytest.mark.data
def test_rotterdam_becomes_a_quiet_picture(tmp_path: Path) -> None:
    from lamplighter.spatial.reader import read_file

    file = city_data("rotterdam", "3-20-DELFSHAVEN.city.json")
    found = read_file(file, project_frame=None, tiles_folder=tmp_path / "tiles")
    tiles = [read_tile(tmp_path / "tiles" / name) for name in found.tiles]
    with OffScreen(load_theme("dark"), SIZE) as view:
        for part in tiles:
            view.scene.add_baked(bake(part))
        view.scene.set_ground(view.scene.bake_ground())
        view.scene.move(view.scene.home_pose())
        pixels = view.pixels()
        picks = {view.scene.pick(x, y, *SIZE) for x in range(0, 480, 12) for y in range(0, 300, 12)}
    assert coloured(pixels).mean() < 0.001 and pixels.mean(axis=2).std() > 10
    assert len(picks) > 100 and picks <= {None, *(a.id for a in found.assets)}
