"""Trains expected-value tables from stored history; runs in a worker.

Season by hour of the week (two weeks and more) or hour of the day (two days and more), then at
most three neighbours whose departures explain this one's, kept only where they made the last
fifth of the history more predictable than the season alone did.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.expected import DAY_MS, MONDAY_MS, WEEK_MS, ExpectedTable
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]

NEIGHBOURS: Final = 3
GAIN: Final = 0.9
"""a neighbour is kept where it brings the spread below this share of the season's own"""
HOUR_MS: Final = 3_600_000


class HistoryColumns(Struct, frozen=True):
    """n points of any datastreams, in any order: equally long columns."""

    datastream: np.ndarray
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    stale_ms: int = 5_000
    valid_days: int = 7
    group: dict[int, int] = {}
    """datastream -> group; only members of one group may be neighbours (none = all of one)"""


def train_tables(payload: HistoryColumns, progress: Progress) -> ExpectedTable:
    """One row per datastream with at least two days of history; the others are left out."""
    good = (payload.quality & CLASS_MASK) == int(Quality.GOOD)
    good &= np.isfinite(payload.value)
    ids, hourly, first_ms = _hourly(
        payload.datastream[good], payload.time_ms[good], payload.value[good]
    )
    last_ms = int(payload.time_ms[good].max(initial=0))
    if not ids.size:
        return _empty(last_ms)
    progress(1, 4, "season")
    period = WEEK_MS if hourly.shape[1] >= 14 * 24 else DAY_MS
    cut = int(hourly.shape[1] * 0.8)
    slot = _slots(first_ms, hourly.shape[1], period)
    trial = _season(hourly[:, :cut], slot[:cut], period // HOUR_MS)
    departure = hourly - trial[:, slot]
    progress(2, 4, "neighbours")
    neighbour, weight, spread = _neighbours(departure, cut, _groups(ids, payload.group))
    progress(3, 4, "spread")
    season = _season(hourly, slot, period // HOUR_MS)
    enough = np.isfinite(season).all(axis=1) & np.isfinite(spread)
    chosen = np.flatnonzero(enough)
    named = np.where(neighbour[chosen] >= 0, ids[neighbour[chosen]], -1)
    progress(4, 4, f"{chosen.size} datastreams")
    return ExpectedTable(
        ids[chosen].astype(np.int64),
        period,
        season[chosen],
        named.astype(np.int64),
        weight[chosen],
        np.maximum(spread[chosen], 1e-9),
        np.full(chosen.size, payload.stale_ms, np.int64),
        last_ms,
        last_ms + payload.valid_days * DAY_MS,
    )


def _empty(now_ms: int) -> ExpectedTable:
    none = np.zeros((0, 24))
    ids = np.zeros(0, np.int64)
    few = np.zeros((0, NEIGHBOURS))
    return ExpectedTable(
        ids, DAY_MS, none, few.astype(np.int64), few, np.zeros(0), ids, now_ms, now_ms
    )


def _hourly(
    datastream: npt.NDArray[np.int64], time_ms: npt.NDArray[np.int64], value: Floats
) -> tuple[npt.NDArray[np.int64], Floats, int]:
    """(ids, means per hour (ids, hours) with NaN for empty hours, begin of the first hour)."""
    if not value.size:
        return np.zeros(0, np.int64), np.zeros((0, 0)), 0
    ids, row = np.unique(datastream, return_inverse=True)
    hour = time_ms // HOUR_MS
    first = int(hour.min())
    hours = int(hour.max()) - first + 1
    place = row * hours + (hour - first)
    total = np.bincount(place, value, ids.size * hours)
    count = np.bincount(place, minlength=ids.size * hours)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
    return ids.astype(np.int64), mean.reshape(ids.size, hours), first * HOUR_MS


def _slots(first_ms: int, hours: int, period: int) -> npt.NDArray[np.int64]:
    offset = MONDAY_MS if period == WEEK_MS else 0
    times = first_ms + HOUR_MS * np.arange(hours, dtype=np.int64)
    slots: npt.NDArray[np.int64] = (times - offset) % period // HOUR_MS
    return slots


def _season(hourly: Floats, slot: npt.NDArray[np.int64], slots: int) -> Floats:
    """(ids, slots) the median of each slot; NaN where a slot was not seen twice."""
    season = np.full((hourly.shape[0], slots), np.nan)
    for s in range(slots):
        part = hourly[:, slot == s]
        seen = np.isfinite(part).sum(axis=1) >= 2
        if seen.any():
            season[seen, s] = np.nanmedian(part[seen], axis=1)
    return season


def _groups(ids: npt.NDArray[np.int64], group: dict[int, int]) -> npt.NDArray[np.int64]:
    return np.array([group.get(int(i), 0) for i in ids], np.int64)


def _neighbours(
    departure: Floats, cut: int, group: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """(neighbour rows (m, k), weights (m, k), spread (m,)) fitted before `cut`, judged after."""
    rows = departure.shape[0]
    neighbour = np.full((rows, NEIGHBOURS), -1, np.int64)
    weight = np.zeros((rows, NEIGHBOURS))
    spread = np.array([_width(departure[r, cut:]) for r in range(rows)])
    filled = np.nan_to_num(departure[:, :cut])
    scale = filled.std(axis=1)
    usable = (scale > 0) & np.isfinite(spread)
    for number in np.unique(group):
        members = np.flatnonzero((group == number) & usable)
        if members.size < 2:
            continue
        unit = (filled[members] - filled[members].mean(axis=1, keepdims=True)) / scale[
            members, None
        ]
        likeness = unit @ unit.T / cut
        np.fill_diagonal(likeness, 0.0)
        for place, row in enumerate(members):
            best = np.argsort(-np.abs(likeness[place]))[:NEIGHBOURS]
            near = members[best[np.abs(likeness[place, best]) > 0.3]]
            if near.size:
                _fit(departure, cut, int(row), near, neighbour, weight, spread)
    return neighbour, weight, spread


def _fit(
    departure: Floats,
    cut: int,
    row: int,
    near: npt.NDArray[np.int64],
    neighbour: npt.NDArray[np.int64],
    weight: Floats,
    spread: Floats,
) -> None:
    """Ridge of one row on its neighbours; kept only where it helps on what it has not seen."""
    both = np.isfinite(departure[near, :cut]).all(axis=0) & np.isfinite(departure[row, :cut])
    if both.sum() < 24:
        return
    inputs = departure[near][:, :cut][:, both]
    scatter = inputs @ inputs.T
    penalty = 0.01 * np.trace(scatter) / near.size * np.eye(near.size)
    found = np.linalg.solve(scatter + penalty, inputs @ departure[row, :cut][both])
    width = _width(departure[row, cut:] - found @ departure[near, cut:])
    if np.isfinite(width) and width < GAIN * spread[row]:
        neighbour[row, : near.size] = near
        weight[row, : near.size] = found
        spread[row] = width


def _width(rest: Floats) -> float:
    """Robust standard deviation around zero; NaN from fewer than 12 values."""
    known = rest[np.isfinite(rest)]
    if known.size < 12:
        return float("nan")
    return float(1.4826 * np.median(np.abs(known)))
