"""Seasons of many datastreams at once: robust medians by hour of the day or week, and naive rules.

All functions take (m, h) hourly values with NaN for hours without a fit value, and know nothing of
what the values mean. Nothing here looks at a later hour than it is given.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

HOUR_MS: Final = 3_600_000
DAY_H: Final = 24
WEEK_H: Final = 7 * DAY_H
SHRINK: Final = 2.0
"""an hour of the week counts as much as so many further values from all days of its sort"""
KINDS: Final = ("level", "hour of the day", "hour of working days and weekends", "hour of the week")
"""the seasons that are tried, plain ones first"""


def hours_of_week(first_ms: int, hours: int) -> Longs:
    """(hours,) the place of each hour in its week, from Monday 00:00 UTC."""
    monday = 4 * DAY_H  # 1970-01-01 was a Thursday
    place: Longs = (first_ms // HOUR_MS + np.arange(hours, dtype=np.int64) - monday) % WEEK_H
    return place


def median_by(values: Floats, group: Longs, groups: int) -> tuple[Floats, Longs]:
    """(medians (m, groups), how many values each came from); NaN where there was none."""
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=groups)
    deep = int(counts.max(initial=0))
    place = np.full((groups, max(deep, 1)), values.shape[1], np.int64)
    starts = np.cumsum(counts) - counts
    within = np.arange(order.size) - starts[group[order]]
    place[group[order], within] = order
    padded = np.concatenate([values, np.full((values.shape[0], 1), np.nan)], axis=1)
    found = np.full((values.shape[0], groups), np.nan)
    known = np.zeros((values.shape[0], groups), np.int64)
    for begin in range(0, values.shape[0], 512):  # bounds the memory of the sorted copy
        rows = slice(begin, begin + 512)
        sorted_ = np.sort(padded[rows][:, place], axis=2)
        number = np.isfinite(sorted_).sum(axis=2)
        low = np.maximum(number - 1, 0) // 2
        high = np.minimum(number // 2, np.maximum(number - 1, 0))
        middle = np.take_along_axis(sorted_, np.stack([low, high], axis=2), axis=2).mean(axis=2)
        found[rows] = np.where(number > 0, middle, np.nan)
        known[rows] = number
    return found, known


def median_of(values: Floats) -> Floats:
    """(m,) the median of each row; NaN for an empty row."""
    whole = np.zeros(values.shape[1], np.int64)
    return median_by(values, whole, 1)[0][:, 0]


def seasons(values: Floats, week_hour: Longs, weekly: bool) -> list[Floats]:
    """One (m, s) season per kind of `KINDS` that the length allows; s = 168 when `weekly`."""
    slots = WEEK_H if weekly else DAY_H
    level = median_of(values)
    flat = np.repeat(level[:, None], slots, axis=1)
    day, _ = median_by(values, week_hour % DAY_H, DAY_H)
    if not weekly:
        return [flat, day]
    hour = np.arange(WEEK_H) % DAY_H
    free = (np.arange(WEEK_H) >= 5 * DAY_H).astype(np.int64)
    sort = hour + DAY_H * free
    days, _ = median_by(values, sort[week_hour], 2 * DAY_H)
    working = _or_else(days[:, sort], day[:, hour])
    week, known = median_by(values, week_hour, WEEK_H)
    share = known / (known + SHRINK)
    own = np.where(known > 0, share * np.nan_to_num(week) + (1 - share) * working, working)
    return [flat, day[:, hour], working, own]


def _or_else(first: Floats, second: Floats) -> Floats:
    found: Floats = np.where(np.isfinite(first), first, second)
    return found


def naive_rules(values: Floats, begin: int) -> dict[str, Floats]:
    """What simple rules would have said of the hours from `begin` on: name -> (m, h - begin).

    `last value`: the newest one at the begin of each day from `begin` on, for that whole day.
    """
    rows, hours = values.shape
    rules: dict[str, Floats] = {}
    for name, back in (("the same hour of the day before", DAY_H),
                       ("the same hour of the week before", WEEK_H)):  # fmt: skip
        if begin >= back:
            rules[name] = values[:, begin - back : hours - back]
    seen = np.where(np.isfinite(values), np.arange(hours), -1)
    newest = np.maximum.accumulate(seen, axis=1)
    last = np.full((rows, hours - begin), np.nan)
    for day in range(begin, hours, DAY_H):
        at = newest[:, day - 1]
        held = np.where(at >= 0, values[np.arange(rows), np.maximum(at, 0)], np.nan)
        last[:, day - begin : day - begin + DAY_H] = held[:, None]
    rules["the last value"] = last
    return rules


def mean_error(rest: Floats, where: npt.NDArray[np.bool_] | None = None) -> tuple[Floats, Longs]:
    """(mean absolute value of each row, of how many); NaN for none."""
    known = np.isfinite(rest) if where is None else np.isfinite(rest) & where
    count = known.sum(axis=1)
    total = np.where(known, np.abs(rest), 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan), count.astype(np.int64)
