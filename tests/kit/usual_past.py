"""A project with weeks of usual values: tanks whose levels breathe with the day, four in a group.

Written through the store's own writer, an hour a batch, up to the last whole hour before now.
"""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Asset, Datastream, Edge, Limits
from lamplighter.domain.clock import Clock
from lamplighter.domain.observation import Batch, Committed, MessageRecord, PointColumns
from lamplighter.store import Store

Floats = npt.NDArray[np.float64]
HOUR_MS: Final = 3_600_000
SOURCE: Final = "dev"
BASE, SWING, NOISE = 3.0, 0.6, 0.02
GROUP: Final = 4
"""tanks that share what happens: of two alone nobody could say which one is wrong"""


class UsualPast:
    """`streams` levels of tanks `T0`.. from one source; `value` tells what each should read."""

    def __init__(self, folder: Path, clock: Clock, streams: int = 4, days: int = 6) -> None:
        self.folder, self.clock, self.streams, self.days = folder, clock, streams, days
        self.end_ms = clock.wall_ms() // HOUR_MS * HOUR_MS
        self._rng = np.random.default_rng(3)
        self._common = self._rng.normal(0, 0.15, (streams // GROUP + 1, 24 * days + 48))

    def value(self, stream: int, time_ms: npt.NDArray[np.int64]) -> Floats:
        """Season and what it shares with its group; without noise. At most two days ahead."""
        turn = 2 * np.pi * (time_ms % (24 * HOUR_MS)) / (24 * HOUR_MS)
        hour = (time_ms - self.end_ms) // HOUR_MS + 24 * self.days
        shared = self._common[stream // GROUP][np.clip(hour, 0, self._common.shape[1] - 1)]
        level: Floats = BASE + 0.1 * stream + SWING * np.sin(turn) + shared
        return level

    def write(self, every_min: int = 10) -> None:
        Store.create(self.folder, name="town", clock=self.clock)
        store = Store.open(self.folder, write=True, clock=self.clock)
        count = self.streams
        assets = [
            Asset(f"T{n}", "Tank", f"Tank {n}", "water", lon=10.0, lat=50.0) for n in range(count)
        ]
        edges = [Edge(f"T{n}", "feeds", f"T{n + 1}", "project") for n in range(0, count - 1, 2)]
        metas = [
            Datastream(
                0, SOURCE, f"level-{n}", "m", "level", f"T{n}", label=f"Level {n}",
                period_ms=every_min * 60_000, resolution=0.01, limits=Limits(1.0, 1.5, 6.0, 7.0),
            )
            for n in range(count)
        ]  # fmt: skip

        def keep(access: Any) -> None:
            access.put_assets(assets)
            access.put_edges(edges)
            access.put_datastream_meta(metas)

        store.writer.call(keep).result(60)
        source = {name: number for number, name in store.sources().items()}[SOURCE]
        done: queue.SimpleQueue[Committed | BaseException] = queue.SimpleQueue()
        for hour in range(24 * self.days):
            begin = self.end_ms - (24 * self.days - hour) * HOUR_MS
            times = begin + np.arange(0, HOUR_MS, every_min * 60_000, dtype=np.int64)
            size = times.size * count
            value = np.concatenate([self.value(n, times) for n in range(count)])
            points = PointColumns(
                np.repeat(np.arange(count, dtype=np.int32), times.size), np.tile(times, count),
                value + self._rng.normal(0, NOISE, size), np.zeros(size, np.uint8),
                np.zeros(size, np.int32), np.arange(size, dtype=np.int32),
            )  # fmt: skip
            letter = MessageRecord(source, 1, hour, hour + 1, begin, size)
            store.writer.submit(Batch((letter,), points), done.put)
            outcome = done.get(timeout=60)
            assert not isinstance(outcome, BaseException), outcome
        store.close()
