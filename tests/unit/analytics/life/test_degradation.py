"""Slow drifts to a limit: a band, an end, or a reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.analytics.life import degradation
from lamplighter.analytics.life.degradation import DAY_MS, TrendRequest, Watched
from lamplighter.domain.task import silent

NOW = 20_600 * DAY_MS


def watched(per_day: float, *, days: int = 40, noise: float = 0.3, high: float | None = 20.0,
            low: float | None = None, until_ms: int = NOW) -> Watched:  # fmt: skip
    """Six values a day that end at `until_ms` near 10."""
    rng = np.random.default_rng([days, abs(int(100 * per_day))])
    time_ms = until_ms - np.arange(days * 6)[::-1] * (DAY_MS // 6)
    value = 10.0 + per_day * (time_ms - NOW) / DAY_MS + rng.normal(0, noise, len(time_ms))
    return Watched("B-1", "strain", "mm", time_ms, value, low, high)


def test_a_drift_reaches_its_limit_within_its_band() -> None:
    found = degradation.trend_of(watched(0.5), NOW)
    assert found.why_not == ""
    assert found.slope == pytest.approx(0.5, rel=0.05)
    assert found.days is not None and found.days_low is not None and found.days_high is not None
    assert found.days_low <= 20.0 <= found.days_high
    assert found.days_high - found.days_low < 10
    assert found.chance is not None and found.chance > 0.95


def test_a_falling_value_looks_at_the_low_limit() -> None:
    found = degradation.trend_of(watched(-0.2, high=20.0, low=4.0), NOW)
    assert found.days == pytest.approx(30.0, rel=0.15)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (watched(0.0, days=50), "does not drift"),
        (watched(0.5, days=9), "at least 14"),
        (watched(-0.5), "away from its limit"),
        (watched(0.5, until_ms=NOW - 5 * DAY_MS), "days old"),
        (watched(0.005, noise=0.01), "more than a year"),
        (watched(0.5, high=2.0), "past its limit"),
    ],
)
def test_without_a_trend_there_is_a_reason_and_no_number(one: Watched, says: str) -> None:
    found = degradation.trend_of(one, NOW)
    assert says in found.why_not
    assert found.days is None and found.chance is None


def test_what_comes_later_changes_nothing() -> None:
    one = watched(0.5)
    later = Watched(
        one.asset, one.signal, one.unit,
        np.append(one.time_ms, NOW + DAY_MS), np.append(one.value, 900.0), None, 20.0,
    )  # fmt: skip
    assert degradation.trend_of(later, NOW) == degradation.trend_of(one, NOW)


def test_a_forecast_names_its_basis_and_the_nearest_limit_of_an_asset() -> None:
    slow, fast = watched(0.2), watched(0.5)
    found = degradation.trends(TrendRequest((slow, fast, watched(0.0)), NOW, True), silent)
    assert len(found) == 1
    said = found[0]
    assert said.basis.startswith("trend to its limit, simulated history")
    assert said.days_low is not None and said.days_median is not None
    assert said.days_high is not None
    assert said.days_low <= said.days_median <= said.days_high
    assert said.low is not None and said.probability_30d is not None and said.high is not None
    assert said.low <= said.probability_30d <= said.high
    assert "limit 20 mm" in said.reasons[0].text


def test_bands_hold_the_true_day_at_their_rate() -> None:
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        time_ms = NOW - np.arange(45)[::-1] * DAY_MS
        value = 10 + 0.3 * (time_ms - NOW) / DAY_MS + rng.normal(0, 0.8, 45)
        one = Watched("A", "s", "", time_ms, value, None, 16.0)
        found = degradation.trend_of(one, NOW)
        assert found.days_low is not None and found.days_high is not None
        inside += found.days_low <= 20.0 <= found.days_high
    assert inside >= 31  # a true 90 % of 40 is below this once in a hundred times
