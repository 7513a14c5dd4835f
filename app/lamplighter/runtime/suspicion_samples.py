"""Samples of all numeric datastreams on an even grid of time, for comparing sensors.

The step follows the datastreams' own periods and is at least so long that two days fit into what
is kept: a city has to be seen through a whole day before anything slow can be called strange.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from lamplighter.analytics.suspicion.training import Learning
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

if TYPE_CHECKING:
    from lamplighter.domain.city import Datastream
    from lamplighter.runtime.recorder import Recorder

STEP: Final = "suspicion.step_ms"
"""setting of the project: length of a sample; else it is chosen from the datastreams"""
DAY: Final = "suspicion.day_s"
"""setting of the project: what must be learned before slow departures count; else a day"""
DAY_S: Final = 86_400
LEAST: Final = 240
"""samples before anything is learned"""
KEPT: Final = 2_880
RECENT: Final = 200
"""samples that a look goes back"""
SILENCE: Final = 60
"""moments without any live value at which the history of before counts as ended"""
IDLE: Final = 4.0
"""times as long as a moment takes to read that the reading waits before the next"""
MOST: Final = 6_000
"""datastreams that are sampled at most"""
STREAMS_A_SECOND: Final = 500.0
LONGEST_MS: Final = 3_600_000


class Samples:
    """Columns by place; `ids` says whose. Used from the lane's thread alone."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._streams: tuple[Datastream, ...] = ()
        self.ids = np.zeros(0, np.int64)
        self.step_ms = 60_000
        self.day_ms = 1_000 * DAY_S
        self._values = np.zeros((0, 0), np.float32)
        self._time_ms = np.zeros(0, np.int64)
        self._next_ms = 0
        self._older: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self.taken = 0
        """samples since the start"""

    @property
    def count(self) -> int:
        """Samples that are kept."""
        return int(self._time_ms.size)

    def take(self) -> bool:
        """Take a sample when it is due; says whether one was taken."""
        recorder = self._recorder
        now = recorder.clock.monotonic_ms()
        if now < self._next_ms:
            return False
        self._describe()
        self._take_older()
        late = now - self._next_ms
        self._next_ms = now + self.step_ms - (late if 0 < late < self.step_ms else 0)
        newest = recorder.core.measured
        if not self.ids.size or not len(newest):
            return False
        row = np.full(self.ids.size, np.nan, np.float32)
        known = self.ids < len(newest)
        ids = self.ids[known]
        wall = recorder.clock.wall_ms()
        grade = newest.quality[ids] & CLASS_MASK
        marked = recorder.core.marks
        ours = np.zeros(ids.size, np.bool_)
        inside = ids < marked.size
        ours[inside] = marked[ids[inside]] != 0
        good = ((grade <= int(Quality.UNCERTAIN)) | ours) & (newest.time_ms[ids] > 0)
        period = self._period[known]
        good &= wall - newest.time_ms[ids] <= np.maximum(3 * period, 3 * self.step_ms)
        row[known] = np.where(good, newest.value[ids], np.nan)
        if not self.count and not good.any():
            return False
        self._values = np.vstack([self._values[-KEPT + 1 :], row[None, :]])
        self._time_ms = np.append(self._time_ms[-KEPT + 1 :], wall)
        self.taken += 1
        return True

    def fill(self, stopping: threading.Event) -> None:
        """Samples of before the start, from the store; on a thread of its own, unhurried.

        Moments are read backwards for as long as the history reaches; they are taken over by the
        lane's thread at its next sample.
        """
        store, ids = self._recorder.store, self.ids
        first = store.oldest_ms()
        at = int(self._time_ms[0]) - self.step_ms if self.count else 0
        if not first or at - first < LEAST * self.step_ms:
            return
        rows: list[np.ndarray] = []
        times: list[int] = []
        empty = 0
        while at >= first and len(rows) < KEPT - self.count and empty < SILENCE:
            begun = time.monotonic()
            rows.append(self._of(store.moment(at), ids, at))
            times.append(at)
            empty = 0 if np.isfinite(rows[-1]).any() else empty + 1
            at -= self.step_ms
            if stopping.wait(IDLE * (time.monotonic() - begun)):
                return
        rows, times = rows[: len(rows) - empty], times[: len(times) - empty]
        if rows:
            self._older = (ids, np.array(times[::-1], np.int64), np.stack(rows[::-1]))

    def _of(self, newest: NewestValues, ids: np.ndarray, at_ms: int) -> np.ndarray:
        """(ids,) the values that were fresh at a moment, NaN for the others."""
        row = np.full(ids.size, np.nan, np.float32)
        known = ids < len(newest)
        mine = ids[known]
        quality = newest.quality[mine]
        good = (quality & CLASS_MASK) <= int(Quality.UNCERTAIN)
        good &= (quality & np.uint8(QualityMark.WITHHELD)) == 0
        good &= (newest.time_ms[mine] > 0) & np.isfinite(newest.value[mine])
        age = at_ms - newest.time_ms[mine]
        good &= age <= np.maximum(3 * self._period[known], 3 * self.step_ms)
        row[known] = np.where(good, newest.value[mine], np.nan)
        return row

    def _take_older(self) -> None:
        """Put what was filled in before the samples of this run."""
        if self._older is None:
            return
        (ids, times, rows), self._older = self._older, None
        values = np.full((times.size, self.ids.size), np.nan, np.float32)
        _, old, new = np.intersect1d(ids, self.ids, return_indices=True)
        values[:, new] = rows[:, old]
        self._values = np.vstack([values, self._values])[-KEPT:]
        self._time_ms = np.concatenate([times, self._time_ms])[-KEPT:]

    def _describe(self) -> None:
        """Follow the city: columns that stay keep their samples."""
        streams = self._recorder.core.city.streams
        if streams is self._streams:
            return
        self._streams = streams
        chosen = [s for s in streams if not s.states][:MOST]
        ids = np.array([s.id for s in chosen], np.int64)
        values = np.full((self.count, ids.size), np.nan, np.float32)
        if self.count:
            _, old, new = np.intersect1d(self.ids, ids, return_indices=True)
            values[:, new] = self._values[:, old]
        self.ids, self._values = ids, values
        self._period = np.array([s.period_ms for s in chosen], np.int64)
        self._names = tuple(s.label or s.name for s in chosen)
        self._group = self._groups(chosen)
        self.step_ms = self._step()
        said = self._recorder.store.setting(DAY)
        self.day_ms = 1_000 * int(said) if said and said.isdigit() else 1_000 * DAY_S

    def _step(self) -> int:
        said = self._recorder.store.setting(STEP)
        if said and said.isdigit():
            return max(100, int(said))
        if not self.ids.size:
            return 1_000
        usual = float(np.median(self._period))
        crowd = 1_000.0 * self.ids.size / STREAMS_A_SECOND
        return int(min(max(usual, crowd, 2_000.0 * DAY_S / KEPT), LONGEST_MS))

    def _groups(self, chosen: list[Datastream]) -> np.ndarray:
        """Datastreams of one domain are compared; those without an asset with their sender's."""
        city = self._recorder.core.city
        names: dict[str, int] = {}
        found = []
        for s in chosen:
            asset = city.assets.get(s.asset)
            name = asset.domain if asset is not None and asset.domain else f"source {s.source}"
            found.append(names.setdefault(name, len(names)))
        return np.array(found, np.int64)

    def learning(self, withheld: tuple[int, ...]) -> Learning:
        """All samples, without the columns that are withheld or marked suspect."""
        marked = np.flatnonzero(self._recorder.core.marks)
        keep = ~np.isin(self.ids, withheld) & ~np.isin(self.ids, marked)
        return Learning(
            self.ids[keep], self._grid(), self._values[:, keep].astype(np.float64),
            self._group[keep],
        )  # fmt: skip

    def recent(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
        """(ids, times, values, names) of the last samples."""
        return (
            self.ids,
            self._grid()[-RECENT:],
            self._values[-RECENT:].astype(np.float64),
            self._names,
        )

    def _grid(self) -> np.ndarray:
        """The times of the samples on an even grid that ends now."""
        count = self.count
        last = int(self._time_ms[-1]) if count else 0
        return last - self.step_ms * np.arange(count - 1, -1, -1, dtype=np.int64)

    def curves(self, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """(times, values (n, k)) of the last samples of some datastreams; NaN where unknown."""
        values = np.full((min(self.count, RECENT), len(ids)), np.nan)
        for at, number in enumerate(ids):
            column = np.flatnonzero(self.ids == number)
            if column.size:
                values[:, at] = self._values[-RECENT:, column[0]]
        return self._time_ms[-RECENT:], values
