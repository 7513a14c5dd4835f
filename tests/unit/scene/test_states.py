"""What each state paints, and that only the changed assets are touched."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kit.synthetic_district import district

from lamplighter.scene.baking import Kind, bake
from lamplighter.scene.states import (
    NORMAL,
    STALE,
    AssetLook,
    Mark,
    Pattern,
    clay,
    line_colour,
    look_key,
    paint,
    pattern_alpha,
)
from lamplighter.scene.theme import THEMES, cividis, load_theme, parse_hex
from lamplighter.scene.tile_actor import TileActor


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest):
    return load_theme(request.param)


def test_the_quiet_city_is_grey(theme) -> None:
    rgb = clay(bake(district(40)[0]), theme)[:, :3].astype(int)
    assert (rgb.max(axis=1) - rgb.min(axis=1)).max() < 16
    assert len(np.unique(rgb, axis=0)) > 6


def test_an_alarm_fills_with_exactly_the_priority_colour(theme) -> None:
    baked = bake(district(3)[0])
    base = clay(baked, theme)
    for priority in (1, 2, 3, 4):
        key = look_key(AssetLook(Mark.ABNORMAL, priority))
        filled = paint(base, baked.kind, key, theme)
        assert {tuple(c) for c in filled[:, :3].tolist()} == {theme.priorities[priority - 1]}
        assert (filled[:, 3] == pattern_alpha(Pattern.PLAIN)).all()


def test_lost_service_tints_the_roof_more_than_the_walls(theme) -> None:
    baked = bake(district(3)[0])
    base = clay(baked, theme)
    seen = paint(base, baked.kind, look_key(AssetLook(Mark.LOSES_SERVICE)), theme).astype(int)
    moved = np.abs(seen[:, :3] - base[:, :3].astype(int)).sum(axis=1)
    roof = baked.kind == Kind.ROOF
    assert moved[roof].min() > moved[~roof].max() > 0


def test_less_trust_is_closer_to_the_ground_and_gets_its_hatch(theme) -> None:
    baked = bake(district(3)[0])
    base = clay(baked, theme)
    goal = np.array(theme["staleFade"], dtype=int)
    apart, patterns = [], []
    for trust in (1.0, 0.7, 0.4, 0.1):
        seen = paint(base, baked.kind, look_key(AssetLook(trust=trust)), theme)
        apart.append(int(np.abs(seen[:, :3].astype(int) - goal).sum()))
        patterns.append(int(seen[0, 3]))
    assert apart == sorted(apart, reverse=True) and len(set(apart)) == 4
    wanted = (Pattern.NONE, Pattern.NONE, Pattern.HATCH_8, Pattern.HATCH_4)
    assert patterns == [pattern_alpha(p) for p in wanted]
    dots = paint(base, baked.kind, look_key(AssetLook(trust=None)), theme)
    assert int(dots[0, 3]) == pattern_alpha(Pattern.DOTS_8)


def test_a_stale_alarm_keeps_its_colour_and_gets_the_hatch(theme) -> None:
    baked = bake(district(1)[0])
    key = look_key(AssetLook(Mark.ABNORMAL, 1, trust=0.0))
    seen = paint(clay(baked, theme), baked.kind, key, theme)
    assert tuple(seen[0, :3].tolist()) == theme.priorities[0]
    assert int(seen[0, 3]) == pattern_alpha(Pattern.HATCH_4)


def test_only_the_changed_owner_is_rewritten_and_it_comes_back() -> None:
    theme = load_theme("dark")
    actor = TileActor(bake(district(20)[0]), theme)
    quiet = actor.rgba.copy()
    written = actor.recolour([(7, look_key(STALE))])
    begin, end = actor.baked.point_start[7:9]
    changed = np.flatnonzero((actor.rgba != quiet).any(axis=1))
    assert written == end - begin and changed.min() >= begin and changed.max() < end
    assert actor.recolour([(7, look_key(STALE))]) == 0
    actor.recolour([(7, look_key(NORMAL))])
    assert np.array_equal(actor.rgba, quiet)


def test_a_theme_switch_keeps_the_states() -> None:
    dark, light = load_theme("dark"), load_theme("light")
    actor = TileActor(bake(district(5)[0]), dark)
    actor.recolour([(2, look_key(AssetLook(Mark.ABNORMAL, 1)))])
    actor.set_theme(light)
    begin, end = actor.baked.point_start[2:4]
    assert {tuple(c) for c in actor.rgba[begin:end, :3].tolist()} == {light.priorities[0]}
    other = np.r_[0:begin, end : len(actor.rgba)]
    assert np.array_equal(actor.rgba[other], clay(actor.baked, light)[other])


def test_tint_is_hidden_while_an_incident_is_open() -> None:
    tinted = AssetLook(tint=0.7)
    assert look_key(tinted) != look_key(NORMAL)
    assert look_key(tinted, hide_tint=True) == look_key(NORMAL)


def test_cividis_grows_in_brightness() -> None:
    rgb = cividis(np.linspace(0, 1, 40)).astype(float)
    brightness = rgb @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(brightness) > 0).all()
    assert np.array_equal(cividis([-5.0]), cividis([0.0]))


def test_lines_take_the_alarm_colour_and_fade_when_stale() -> None:
    theme = load_theme("dark")
    quiet = theme["pipe"]
    assert line_colour(quiet, look_key(NORMAL), theme) == quiet
    assert line_colour(quiet, look_key(AssetLook(Mark.ABNORMAL, 3)), theme) == theme.priorities[2]
    assert sum(line_colour(quiet, look_key(STALE), theme)) < sum(quiet)


def test_a_priority_outside_one_to_four_is_refused() -> None:
    with pytest.raises(ValueError, match="priority 9"):
        AssetLook(Mark.ABNORMAL, 9)
    with pytest.raises(ValueError, match="not a colour"):
        parse_hex("magenta")
