"""A project's stored history as whole hours of many datastreams, for what is learned from it.

What says nothing about how things usually are is left out: bad and uncertain values, values set by
hand, points in maintenance, times of planned works, times that a person called a fault, and all
that lies before a repair, a new set-point or a new sensor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.expecting import HourlyHistory, spread_within
from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.anomaly import KnownEvent
from lamplighter.domain.city import Datastream
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.store import Store

if TYPE_CHECKING:
    from lamplighter.runtime.city_state import CityState

Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WINDOW_DAYS: Final = 28
AT_ONCE: Final = 256
"""datastreams read in one snapshot of the store"""
FINE: Final = 2
"""the tier of cells that is read: some minutes each, an hour holds a dozen"""
UNUSUAL: Final = int(QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE)
LEAST_STALE_MS: Final = 5_000
NEAR_EACH: Final = 24
"""near datastreams considered of one asset, so that a hub does not make millions of pairs"""


def numeric(city: CityState) -> list[Datastream]:
    """Datastreams whose values are numbers."""
    return [s for s in city.streams if not s.states]


def hourly_history(
    store: Store,
    city: CityState,
    events: Sequence[KnownEvent],
    now_ms: int,
    folder: str = "",
    *,
    days: int = WINDOW_DAYS,
    only: Collection[int] | None = None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> HourlyHistory:
    """The last `days` days up to the last whole hour, of all datastreams or of `only` some. `step`
    hears (done, total) datastreams and may raise to end it.
    """
    streams = [s for s in numeric(city) if only is None or s.id in only]
    end = now_ms // HOUR_MS
    begin = end - 24 * days
    ids = np.array([s.id for s in streams], np.int64)
    mean, within = _read(store, ids, begin, int(end), step)
    first = _first_used(mean)
    mean, within, begin = mean[:, first:], within[:, first:], begin + first
    _leave_out(mean, streams, events, begin)
    return HourlyHistory(
        ids,
        begin * HOUR_MS,
        mean,
        within,
        np.array([s.resolution for s in streams], np.float64),
        np.array([_stale_ms(s) for s in streams], np.int64),
        np.zeros(ids.size, np.int64),
        near_pairs(city, streams),
        folder=folder,
    )


def _stale_ms(stream: Datastream) -> int:
    return max(LEAST_STALE_MS, 3 * stream.period_ms)


def _read(
    store: Store, ids: Longs, begin: int, end: int, step: Callable[[int, int], None]
) -> tuple[Floats, Floats]:
    """(means, spreads inside), each (datastreams, hours), NaN where there is no good value."""
    hours = end - begin
    mean = np.full((ids.size, hours), np.nan)
    within = np.full((ids.size, hours), np.nan)
    row_of = {int(ident): row for row, ident in enumerate(ids)}
    for first in range(0, ids.size, AT_ONCE):
        some = ids[first : first + AT_ONCE].tolist()
        step(first, int(ids.size))
        for ident, cells in store.coarse_cells(some, begin * HOUR_MS, end * HOUR_MS, FINE):
            good = (cells.worst & CLASS_MASK) == int(Quality.GOOD)
            good &= (cells.worst & UNUSUAL) == 0
            good &= np.isfinite(cells.total)
            cells = cells.take(np.flatnonzero(good))
            hour = cells.first_ms // HOUR_MS - begin
            inside = (hour >= 0) & (hour < hours)
            cells, hour = cells.take(np.flatnonzero(inside)), hour[inside]
            if not hour.size:
                continue
            count = np.bincount(hour, cells.count, hours)
            low, high = np.full(hours, np.inf), np.full(hours, -np.inf)
            np.minimum.at(low, hour, cells.low)
            np.maximum.at(high, hour, cells.high)
            row = row_of[ident]
            with np.errstate(invalid="ignore", divide="ignore"):
                mean[row] = np.bincount(hour, cells.total, hours) / np.where(count, count, np.nan)
                within[row] = spread_within(low, high, count.astype(np.int64))
    return mean, within


def _first_used(mean: Floats) -> int:
    """The first hour in which anything is known, from which on whole days are kept."""
    known = np.flatnonzero(np.isfinite(mean).any(axis=0))
    return int(known[0]) if known.size else mean.shape[1]


def _leave_out(
    mean: Floats, streams: Sequence[Datastream], events: Sequence[KnownEvent], begin: int
) -> None:
    """Hours that an event explains become NaN, and with a new beginning all before it too."""
    of_asset: dict[str, list[int]] = {}
    for row, stream in enumerate(streams):
        if stream.asset:
            of_asset.setdefault(stream.asset, []).append(row)
    of_id = {s.id: row for row, s in enumerate(streams)}
    for event in events:
        rows = of_asset.get(event.asset, []) if event.datastream < 0 else []
        if event.datastream in of_id:
            rows = [of_id[event.datastream]]
        first = max(event.from_ms // HOUR_MS - begin, 0)
        last = event.to_ms // HOUR_MS + 1 - begin
        if not rows or last <= 0:
            continue
        mean[rows, (0 if event.anew else first) : last] = np.nan


def near_pairs(city: CityState, streams: Sequence[Datastream]) -> Longs:
    """(p, 2) rows of datastreams of one asset, or of assets that depend on each other directly."""
    of_asset: dict[str, list[int]] = {}
    for row, stream in enumerate(streams):
        if stream.asset:
            of_asset.setdefault(stream.asset, []).append(row)
    pairs: list[tuple[int, int]] = []
    for asset, rows in of_asset.items():
        before, after = city.graph.neighbours(asset)
        beside = [r for other in (*before, *after) for r in of_asset.get(other, ())][:NEAR_EACH]
        for place, row in enumerate(rows[:NEAR_EACH]):
            pairs += [(row, other) for other in (*rows[place + 1 : NEAR_EACH], *beside)]
    return np.array(pairs, np.int64).reshape(-1, 2)
