"""Forecasts: no look into the future, the naive rule never beaten by worse, honest bands."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.analytics.forecasting.series_kit import course, grid

from lamplighter.analytics.forecasting import blend, experts, freezing
from lamplighter.analytics.forecasting.features import known_before
from lamplighter.analytics.forecasting.walk import Walk, Walked


def walked(value: np.ndarray, cut: int, horizon: int = 24, **more: bool) -> Walked:
    return Walk(grid(value), horizon, cut, boosted=more.get("boosted", False)).run()


def test_what_is_known_at_a_step_does_not_change_when_the_series_is_cut_one_horizon_before() -> (
    None
):
    value = course(60)
    value[200:230] = np.nan
    other = np.roll(value, 5)
    whole = grid(value, beside={"other": other})
    for cut, horizon in ((900, 24), (1000, 7), (1301, 1)):
        later = value.copy()
        later[cut - horizon + 1 :] = np.random.default_rng(1).permutation(
            later[cut - horizon + 1 :] * 3
        )
        changed = later[cut - horizon + 1 :]
        beside = other.copy()
        beside[cut - horizon + 1 :] = changed
        a = known_before(whole, horizon)
        b = known_before(grid(later, beside={"other": beside}), horizon)
        for name in ("own", "beside", "naive_day", "naive_week", "usual", "shift"):
            np.testing.assert_array_equal(getattr(a, name)[: cut + 1], getattr(b, name)[: cut + 1])


def test_a_shuffled_future_changes_no_forecast_of_the_past() -> None:
    value = course(90)
    cut, moved = 60 * 24, 75 * 24
    shuffled = value.copy()
    shuffled[moved:] = np.random.default_rng(2).permutation(shuffled[moved:] + 500)
    a, b = walked(value, cut), walked(shuffled, cut)
    seen = slice(cut, moved)
    for name in ("shown", "low", "high", "frozen"):
        np.testing.assert_array_equal(getattr(a, name)[seen], getattr(b, name)[seen])
    assert a.trained_share == b.trained_share


def test_a_boosted_forecast_does_not_see_the_future_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experts, "TREES", 16)
    value = course(40)
    cut, moved = 30 * 24, 33 * 24
    shuffled = value.copy()
    shuffled[moved:] = 0.0
    a, b = (Walk(grid(v), 24, cut, refits=1, back_tests=1).run() for v in (value, shuffled))
    np.testing.assert_array_equal(a.shown[cut:moved], b.shown[cut:moved])
    np.testing.assert_array_equal(a.high[cut:moved], b.high[cut:moved])


def test_a_band_of_ninety_percent_holds_about_ninety_percent() -> None:
    held = []
    for seed in range(6):
        value = course(150, seed)
        found = walked(value, 110 * 24)
        rows = slice(110 * 24, None)
        held.append((value[rows] >= found.low[rows]) & (value[rows] <= found.high[rows]))
    assert 0.86 <= np.mean(held) <= 0.94


def test_the_blend_beats_both_naive_rules_where_there_is_something_to_learn() -> None:
    value = course(120)
    found, cut = walked(value, 90 * 24), 90 * 24

    def miss(column: np.ndarray) -> float:
        return float(np.abs(column[cut:] - value[cut:]).mean())

    assert miss(found.shown) < 0.9 * min(miss(found.naive_day), miss(found.naive_week))
    assert not found.frozen[cut:].any()


def test_it_freezes_while_the_naive_rule_is_better_and_thaws_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = course(160)
    cut = 80 * 24
    walk = Walk(grid(value), 24, cut, boosted=False)
    honest = walk._blended

    def spoilt(*asked: object) -> tuple[np.ndarray, np.ndarray]:
        blended, share = honest(*asked)  # type: ignore[arg-type]
        blended[90 * 24 : 110 * 24] += 80.0
        return blended, share

    monkeypatch.setattr(walk, "_blended", spoilt)
    found = walk.run()
    assert not found.frozen[: 90 * 24].any()
    assert found.frozen[105 * 24 : 110 * 24].all()
    assert not found.frozen[145 * 24 :].any()
    late = slice(105 * 24, 110 * 24)
    both = np.stack([found.candidates[name][late] for name in experts.NAIVE], axis=1)
    assert (found.shown[late, None] == both).any(axis=1).all()


def test_weights_are_the_same_whatever_the_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    outcome = rng.normal(size=400)
    candidates = np.stack([outcome + rng.normal(size=400) * s for s in (0.2, 1.0, 3.0)], axis=1)
    order = rng.permutation(400)
    first = blend.weights(candidates, outcome)
    np.testing.assert_allclose(first, blend.weights(candidates[order], outcome[order]))
    assert first.argmax() == 0
    assert first.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("per_day", "horizon"), [(1, 7), (24, 1), (96, 8), (48, 144)])
def test_any_step_and_any_horizon_gives_a_forecast_with_a_band(per_day: int, horizon: int) -> None:
    days = 400 if per_day == 1 else 40
    value = course(days, per_day=per_day)
    cut = int(value.size * 0.8)
    found = Walk(grid(value, 86_400_000 // per_day), horizon, cut, boosted=False).run()
    for column in (found.shown, found.low, found.high):
        assert np.isfinite(column[cut:]).all()
    assert np.all(found.low[cut:] <= found.high[cut:])


AT = 100 * 24
"""row of the abrupt change in a series of 130 days"""


def tank(seed: int, days: int = 130) -> np.ndarray:
    """A level that breathes with the day."""
    hours, rng = np.arange(days * 24), np.random.default_rng(seed)
    return 3.0 + 0.6 * np.sin(hours / 24 * 2 * np.pi) + 0.1 * rng.standard_normal(hours.size)


def changed(how: str, seed: int) -> np.ndarray:
    value = tank(seed)
    after = value[AT:].copy()
    if how == "level":
        after += 2.0
    elif how == "clock":
        after = np.roll(value, 8)[AT:]
    else:
        after = 4.0 + (after - after.mean()) / 20.0
    return np.concatenate([value[:AT], after])


def days_until_frozen(found: Walked) -> float:
    rows = np.flatnonzero(found.frozen[AT:])
    return float(rows[0]) / 24 if rows.size else 30.0


def test_after_an_abrupt_change_the_naive_rule_takes_over_within_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seeds that the two numbers of the rule were not chosen on."""
    kinds = [("level", 21), ("clock", 22), ("still", 23)]

    def run() -> tuple[list[float], float]:
        waited, miss = [], 0.0
        for how, seed in kinds:
            value = changed(how, seed)
            found = walked(value, 72 * 24, 6)
            assert not found.frozen[72 * 24 : AT].any()
            waited.append(days_until_frozen(found))
            three_weeks = slice(AT, AT + 21 * 24)
            miss += float(np.abs(found.shown[three_weeks] - value[three_weeks]).mean())
        return waited, miss

    waited, miss = run()
    monkeypatch.setattr("lamplighter.analytics.forecasting.freezing.SUDDEN", np.inf)
    before, miss_before = run()
    assert max(waited) <= 4.0
    assert np.mean(waited) < 0.75 * np.mean(before)
    assert miss < 0.9 * miss_before


def test_calm_series_are_hardly_ever_frozen_for_nothing_and_do_not_flap() -> None:
    begins, days = 0, 0.0
    for seed in range(30, 33):
        rng = np.random.default_rng(seed)
        hours = np.arange(130 * 24)
        spikes = 20 + 5 * np.sin(hours / 24 * 2 * np.pi) + rng.standard_t(2.5, hours.size)
        for value in (tank(seed), course(130, seed, noise=20.0), spikes):
            frozen = walked(value, 72 * 24, 6).frozen[72 * 24 :]
            begins += int((np.diff(frozen.astype(int)) > 0).sum()) + int(frozen[0])
            days += frozen.size / 24
    assert begins / days <= 0.002, f"{begins} times in {days:.0f} days"


def test_it_thaws_when_the_model_is_no_worse_over_such_days() -> None:
    value = changed("level", 21)
    found = walked(value, 72 * 24, 6)
    sudden = found.sudden[AT:]
    assert sudden[4 * 24] and not sudden[-24:].any()
    assert int((np.diff(sudden.astype(int)) != 0).sum()) == 2  # in once, out once


def test_the_first_days_are_not_decided_by_what_came_later() -> None:
    """A walk that begins at the first row: no window lies before its first three days."""
    steps, day, horizon = 40 * 24 + 11, 24, 6
    miss = np.where(np.arange(steps) < 72, 3.0, 1.0)
    naive = np.full((steps, 2), 1.5)
    blocks = [(begin, begin + 6) for begin in range(30, 90, 6)]
    whole = freezing.decided(miss, naive, 0, blocks, horizon, day)
    cut = freezing.decided(miss[:90], naive[:90], 0, blocks, horizon, day)
    np.testing.assert_array_equal(whole.sudden[:90], cut.sudden)
    assert not whole.sudden[:72].any(), "nobody knows yet what is usual"
