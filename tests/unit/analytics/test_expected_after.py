"""A table that was in use is held against the hours that came after it, beside naive rules."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.analytics.expected import DAY_MS, ExpectedTable
from lamplighter.analytics.expected_after import judged_after
from lamplighter.analytics.season import HOUR_MS

HOURS, BEGIN, ROWS = 96, 72, 4


def table(level: float = 0.0, used: tuple[bool, ...] = (True,) * ROWS) -> ExpectedTable:
    season = np.tile(10.0 + 3.0 * np.sin(2 * np.pi * (np.arange(24) + 0.5) / 24), (ROWS, 1))
    none = np.zeros((ROWS, 3))
    return ExpectedTable(
        np.arange(ROWS), DAY_MS, season + level, none.astype(np.int64) - 1, none, np.ones(ROWS),
        np.full(ROWS, 60_000), BEGIN * HOUR_MS, BEGIN * HOUR_MS + 3 * DAY_MS, np.array(used),
    )  # fmt: skip


def hours() -> np.ndarray:
    clock = (np.arange(HOURS) + 0.5) / 24
    rng = np.random.default_rng(1)
    usual = 10.0 + 3.0 * np.sin(2 * np.pi * clock)
    found: np.ndarray = usual + rng.normal(0, 0.5, (ROWS, HOURS))
    return found


def test_only_hours_that_came_later_are_judged_against_the_nearest_naive_rule() -> None:
    mean = hours()
    found = judged_after(table(), np.arange(ROWS), 0, mean)
    assert found is not None
    assert (found.from_ms, found.to_ms) == (BEGIN * HOUR_MS, HOURS * HOUR_MS)
    assert found.rows == ROWS and found.worse == 0

    middle = np.arange(BEGIN, HOURS) * HOUR_MS + HOUR_MS // 2
    season = table().season_of(0, middle)
    by_hand = []
    for row in range(ROWS):
        ours = np.abs(mean[row, BEGIN:] - season).mean()
        day = np.abs(mean[row, BEGIN:] - mean[row, BEGIN - 24 : HOURS - 24]).mean()
        last = np.abs(mean[row, BEGIN:] - mean[row, BEGIN - 1]).mean()
        by_hand.append(ours / min(day, last))
    assert found.ratio == pytest.approx(np.median(by_hand))

    mean[:, :BEGIN] = mean[:, :BEGIN][:, ::-1]  # what came before is only in the naive rules
    again = judged_after(table(), np.arange(ROWS), 0, mean)
    assert again is not None and again.rows == ROWS


def test_a_table_that_went_wrong_is_worse_and_too_few_datastreams_say_nothing() -> None:
    wrong = judged_after(table(level=5.0), np.arange(ROWS), 0, hours())
    assert wrong is not None and wrong.ratio > 1.0 and wrong.worse == ROWS

    assert judged_after(table(used=(True, True, False, False)), np.arange(4), 0, hours()) is None
    assert judged_after(table(), np.arange(ROWS), 0, hours()[:, :BEGIN]) is None
