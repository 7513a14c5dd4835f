"""The last days of every numeric datastream in memory, one value each five minutes.

Filled from the store at the start and from the newest values afterwards. What must not be judged
or learned from (bad, uncertain, set by hand, in maintenance, stale) is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.ports import Newest
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.runtime.hours import FINE, UNUSUAL
from lamplighter.store import Store

STEP_MS: Final = 300_000
DAYS: Final = 7
ROWS: Final = DAYS * 86_400_000 // STEP_MS
MOST: Final = 20_000
"""datastreams kept at most: the ring of so many takes 160 MB"""
AT_ONCE: Final = 256


class SignalRing:
    """Columns are datastream ids below `MOST`; the last row is the newest slot."""

    def __init__(self) -> None:
        self.values: npt.NDArray[np.float32] = np.full((ROWS, 0), np.nan, np.float32)
        self.slot = -1
        """number of the newest row's slot; -1 = nothing yet"""
        self._seen: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def time_ms(self) -> npt.NDArray[np.int64]:
        """(rows,) when each slot ends."""
        return (self.slot - ROWS + 1 + np.arange(ROWS, dtype=np.int64) + 1) * STEP_MS

    def take(self, newest: Newest, unfit: npt.NDArray[np.bool_], now_ms: int) -> bool:
        """Close a slot when it is over; True when one was closed."""
        slot = now_ms // STEP_MS - 1
        if slot <= self.slot:
            return False
        count = min(newest.value.shape[0], unfit.shape[0], MOST)
        self._grow(count)
        self._turn(slot)
        quality = newest.quality[:count]
        good = ((quality & CLASS_MASK) == int(Quality.GOOD)) & ((quality & UNUSUAL) == 0)
        good &= ~unfit[:count] & (newest.time_ms[:count] > self._seen[:count])
        self.values[-1, :count] = np.where(good, newest.value[:count], np.nan)
        self._seen[:count] = newest.time_ms[:count]
        return True

    def _turn(self, slot: int) -> None:
        """Make room up to `slot`; slots that nobody closed stay unknown."""
        if self.slot >= 0:
            by = min(slot - self.slot, ROWS)
            self.values[: ROWS - by] = self.values[by:]
            self.values[ROWS - by :] = np.nan
        self.slot = slot

    def _grow(self, count: int) -> None:
        more = count - self.values.shape[1]
        if more > 0:
            room = np.full((ROWS, more), np.nan, np.float32)
            self.values = np.concatenate([self.values, room], axis=1)
            self._seen = np.concatenate([self._seen, np.zeros(more, np.int64)])

    def adopt(self, past: npt.NDArray[np.float32], slot: int) -> None:
        """Rows read from the store that ends with `slot`; what is known here stays."""
        self._grow(past.shape[1])
        if self.slot < 0:
            self.slot = slot
        by = self.slot - slot
        if not 0 <= by < ROWS:
            return
        mine = self.values[: ROWS - by, : past.shape[1]]
        mine[:] = np.where(np.isfinite(mine), mine, past[by:])


def read_past(store: Store, ids: Sequence[int], count: int, slot: int) -> npt.NDArray[np.float32]:
    """(rows, count) what the store has of these datastreams up to the end of `slot`."""
    found = np.full((ROWS, count), np.nan, np.float32)
    begin = slot - ROWS + 1
    for first in range(0, len(ids), AT_ONCE):
        some = [i for i in ids[first : first + AT_ONCE] if i < count]
        found[:, some] = read_rows(store, some, begin, ROWS)
    return found


def read_rows(
    store: Store, ids: Sequence[int], begin: int, rows: int, without: int = UNUSUAL
) -> npt.NDArray[np.float32]:
    """(rows, len(ids)) the last good value in each slot from slot number `begin` on; cells with a
    mark of `without` are left out.
    """
    found = np.full((rows, len(ids)), np.nan, np.float32)
    place = {ident: column for column, ident in enumerate(ids)}
    to_ms = (begin + rows) * STEP_MS
    for ident, cells in store.coarse_cells(ids, begin * STEP_MS, to_ms, FINE):
        good = ((cells.worst & CLASS_MASK) == int(Quality.GOOD)) & ((cells.worst & without) == 0)
        row = cells.last_ms // STEP_MS - begin
        inside = np.flatnonzero(good & (row >= 0) & (row < rows))
        found[row[inside], place[ident]] = cells.last[inside]
    return found
