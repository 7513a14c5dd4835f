"""One stream judged from its first value on, with no training apart from its own past.

Four measures run along: how far a value lies from the recent ones, how far a short mean lies from
a long one, how unlike anything before the last values are as a shape, and how far a short mean
lies from the same time on earlier days. Each is compared with what it has been in this very
stream, so streams of any kind share one threshold: so many times the 99 % quantile of the past.
"""

from __future__ import annotations

import bisect
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import rolling
from lamplighter.analytics.anomaly.columns import Floats

MEASURES: Final = ("value", "level", "shape", "time of day")
THRESHOLD: Final = 1.4
"""times the stream's own 99 % quantile; fixed once, see the manual page on judging models"""
LONG: Final = 400
SHORT: Final = 20
SHAPE: Final = 10
"""values in a shape"""
SHAPES: Final = 1_500
"""shapes of the past that are compared with, spread evenly over it"""
TOGETHER: Final = 64
DAY_MS: Final = 86_400_000
DAYS: Final = 7
DAY_MEAN: Final = 5
QUANTILE: Final = 0.99
REFRESH: Final = 10
"""rows after which the quantile of the past is looked up anew"""
ENOUGH: Final = 50
"""rows of a measure before it is compared with"""
MOST: Final = 150.0


class StreamJudged(Struct, frozen=True):
    """`score` (n,): the largest measure in units of its own past; `measure` (n,): which one, as a
    place in MEASURES."""

    score: np.ndarray
    measure: np.ndarray


def judge(time_ms: np.ndarray, values: np.ndarray) -> StreamJudged:
    """Scores of n rows, oldest first, each from itself and earlier rows. Gaps are held forward."""
    held = rolling.forward(np.asarray(values, np.float64)[:, None])[:, 0]
    known = np.flatnonzero(np.isfinite(held))
    if not known.size:
        none = np.full(held.size, np.nan)
        return StreamJudged(none, np.zeros(held.size, np.int8))
    held[: known[0]] = held[known[0]]
    moved = np.maximum.accumulate(held) - np.minimum.accumulate(held)
    floor = 1e-3 * moved + 1e-9
    measures = (
        _value(held, floor),
        _level(held, floor),
        _shape(held),
        _time_of_day(np.maximum.accumulate(time_ms), held),
    )
    scores = np.stack([_against_past(m) for m in measures])
    return StreamJudged(scores.max(axis=0), scores.argmax(axis=0).astype(np.int8))


def alarms(
    score: Floats, threshold: float = THRESHOLD, spacing: int = 0, begin: int = 0
) -> np.ndarray:
    """Rows from `begin` on that raise an alarm: none follows another within `spacing` rows."""
    found: list[int] = []
    for row in np.flatnonzero(np.nan_to_num(score) > threshold):
        if row >= begin and (not found or row - found[-1] > spacing):
            found.append(int(row))
    return np.array(found, np.int64)


def _window(values: Floats, rows: int) -> tuple[Floats, Floats]:
    """(mean, standard deviation) of the last `rows` values, or of all there are."""
    count = np.minimum(np.arange(1, values.size + 1), rows)
    centred = values - values[0]
    first = rolling.total(centred[:, None], rows)[0][:, 0] / count
    second = rolling.total((centred * centred)[:, None], rows)[0][:, 0] / count
    return first + values[0], np.sqrt(np.maximum(second - first * first, 0.0))


def _before(values: Floats, rows: int, first: float) -> Floats:
    moved = np.full(values.shape, first)
    moved[rows:] = values[: values.size - rows]
    return moved


def _value(values: Floats, floor: Floats) -> Floats:
    mean, spread = _window(values, LONG)
    away = np.abs(values - _before(mean, 1, values[0]))
    return away / np.maximum(_before(spread, 1, 0.0), floor)


def _level(values: Floats, floor: Floats) -> Floats:
    recent, _ = _window(values, SHORT)
    mean, spread = _window(values, LONG)
    away = np.abs(recent - _before(mean, SHORT, values[0]))
    return away / np.maximum(_before(spread, SHORT, 0.0), floor)


def _shape(values: Floats) -> Floats:
    """Distance of the last values to the nearest older stretch of as many."""
    found = np.full(values.size, np.nan)
    if values.size < 3 * SHAPE:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(values - values[0], SHAPE)
    size = (windows * windows).sum(axis=1)
    asked = np.zeros((TOGETHER, SHAPE))  # always as many at once: the same sums, bit for bit
    for begin in range(2 * SHAPE, values.size, TOGETHER):
        older = begin - 2 * SHAPE + 1
        if older < 5:
            continue
        places = np.arange(older)
        if older > SHAPES:
            places = places[np.linspace(0, older - 1, SHAPES).astype(np.int64)]
        rows = np.arange(begin, min(begin + TOGETHER, values.size)) - SHAPE + 1
        asked[:] = 0.0
        asked[: rows.size] = windows[rows]
        near = (size[places][None] - 2.0 * asked @ windows[places].T).min(axis=1)
        found[rows + SHAPE - 1] = np.sqrt(np.maximum(size[rows] + near[: rows.size], 0.0))
    return found


def _time_of_day(time_ms: np.ndarray, values: Floats) -> Floats:
    """Short mean of the distance to the mean of the same time on up to a week of earlier days."""
    step = int(np.median(np.diff(time_ms[:ENOUGH]))) if time_ms.size > 1 else 1
    total, count = np.zeros(values.size), np.zeros(values.size)
    for day in range(1, DAYS + 1):
        wanted = time_ms - day * DAY_MS
        place = np.searchsorted(time_ms, wanted, side="right") - 1
        there = place >= 0
        there &= wanted - time_ms[np.maximum(place, 0)] <= 2 * max(step, 1)
        total += np.where(there, values[np.maximum(place, 0)], 0.0)
        count += there
    away = np.where(count > 0, values - total / np.maximum(count, 1.0), np.nan)
    return np.abs(rolling.mean(away[:, None], DAY_MEAN, 0.2)[:, 0])


def _against_past(measure: Floats) -> Floats:
    """The measure in units of the 99 % quantile of its own earlier values; 0 = not known."""
    past: list[float] = []
    limit, asked = np.nan, 0
    found = np.zeros(measure.size)
    for row, value in enumerate(measure.tolist()):
        if len(past) >= ENOUGH and (row % REFRESH == 0 or not asked):
            limit, asked = past[min(int(QUANTILE * len(past)), len(past) - 1)], 1
        if value != value:
            continue
        if asked:
            found[row] = min(value / max(limit, 1e-9), MOST) if value > 0.0 else 0.0
        bisect.insort(past, value)
    return found
