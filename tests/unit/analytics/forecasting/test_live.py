"""The next hours: beside the naive rule always, silent with a reason where there is no basis."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from tests.unit.analytics.forecasting.series_kit import MONDAY_MS, course

from lamplighter.analytics.forecasting.live import LEADS, LiveRequest, Past, next_hours
from lamplighter.domain.forecast import Forecast, Track
from lamplighter.domain.task import silent

HOUR_MS = 3_600_000


def ahead(value: np.ndarray, **more: object) -> Forecast:
    past = replace(Past("stream/a", MONDAY_MS, value), **more)
    return next_hours(LiveRequest(MONDAY_MS + value.size * HOUR_MS, (past,)), silent)[0]


def test_the_sixth_hour_from_now_is_forecast_with_band_naive_and_error() -> None:
    value = course(60)
    found = ahead(value[: -24 - LEADS])
    assert found.origin_ms == MONDAY_MS + (value.size - 24 - LEADS) * HOUR_MS
    assert [t % HOUR_MS for t in found.time_ms] == [HOUR_MS // 2] * LEADS
    came = value[-24 - LEADS : -24]
    assert np.abs(np.array(found.value) - came).mean() < 15.0
    assert all(a <= b <= c for a, b, c in zip(found.low, found.value, found.high, strict=True))
    assert found.mae is not None and found.naive_mae is not None
    assert found.mae < found.naive_mae
    assert not found.frozen
    last = found.origin_ms + HOUR_MS + 10 * 60_000  # the next one is late by ten minutes
    assert found.at(last + 6 * HOUR_MS) is not None
    assert found.at(found.time_ms[-1] + 2 * HOUR_MS) is None


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (course(2), "too little history"),
        (np.concatenate([course(20), np.full(9, np.nan)]), "9 hours old"),
        (np.where(np.arange(960) % 3 == 0, course(40), np.nan)[:958], "last week"),
    ],
)
def test_without_a_basis_it_says_why_and_gives_no_number(value: np.ndarray, word: str) -> None:
    found = ahead(value)
    assert found.value == ()
    assert word in found.why


def test_an_input_under_suspicion_is_not_forecast_from() -> None:
    found = ahead(course(30), doubt="its sensor is under suspicion")
    assert (found.value, found.why) == ((), "its sensor is under suspicion")


def test_a_record_worse_than_the_naive_rule_freezes_and_shows_the_naive_rule() -> None:
    bad = Track(judged=60.0, miss=600.0, naive_miss=300.0, inside=50.0, total=60)
    found, free = ahead(course(60), track=bad), ahead(course(60))
    assert found.frozen and "came of the forecasts" in found.why
    assert found.value == found.naive
    assert found.model == free.model
    assert not free.frozen


def test_a_walk_of_pure_chance_is_never_worse_than_the_naive_rule_by_much() -> None:
    value = np.cumsum(np.random.default_rng(4).normal(size=24 * 50))
    found = ahead(value)
    assert found.mae is not None and found.naive_mae is not None
    assert found.mae <= found.naive_mae * 1.02
