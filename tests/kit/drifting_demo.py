"""The demo's project with a recorder in this process: its pumps read as usual, one of them drifts.

Values come from what the recorder itself learned, so that everything but the one reads as expected;
the drift's earlier hours are told to the watch alone, as they would have been seen.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.analytics.expected import Basis, ExpectedTable
from lamplighter.analytics.watching import Watch
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.newest_block import blank
from lamplighter.runtime.recorder import Recorder
from tests.kit.feeds import FeedBuilder

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
PATIENCE_S: Final = 120.0
HOURS: Final = 19
"""since when it drifts"""
PACE: Final = 0.35
"""spreads an hour"""


class DriftingDemo:
    """Use it as a context manager."""

    def __init__(self, project: Path) -> None:
        self.clock = SystemClock()
        self.recorder = Recorder(project, self.clock, plugin_code=False)
        self.rng = np.random.default_rng(5)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._devices: dict[str, tuple[FeedBuilder, int]] = {}
        self.stream: Datastream

    def __enter__(self) -> DriftingDemo:
        self.recorder.start()
        end = time.monotonic() + PATIENCE_S
        while self.recorder.usual.table is None:
            assert time.monotonic() < end, "nothing was learned"
            time.sleep(0.1)
        self.table: ExpectedTable = self.recorder.usual.table
        assert self.table.used is not None
        self._rows = np.flatnonzero(self.table.used)
        streams = self.recorder.core.city.streams
        self._row = next(
            int(r) for r in self._rows if streams[self.table.datastream[r]].limits.high is not None
        )
        self.stream = streams[int(self.table.datastream[self._row])]
        self._past_cases()
        self._day_before()
        self._thread.start()
        time.sleep(4)
        self._hours_before()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join(5)
        self.recorder.stop()

    @property
    def _off(self) -> float:
        return PACE * HOURS * float(self.table.spread[self._row])

    def _send(self) -> None:
        streams = self.recorder.core.city.streams
        while not self._stop.wait(1.0):
            now = self.clock.wall_ms()
            at = np.array([now])
            points: dict[str, list[tuple[str, int, float]]] = {}
            for row in self._rows:
                stream = streams[int(self.table.datastream[row])]
                value = float(self.table.season_of(int(row), at)[0])
                value += 0.3 * float(self.table.spread[row] * self.rng.normal())
                value += self._off if row == self._row else 0.0
                points.setdefault(stream.source, []).append((stream.name, now, value))
            for source, found in points.items():
                self._deliver(source, found)

    def _deliver(self, source: str, points: list[tuple[str, int, float]]) -> None:
        now = self.clock.wall_ms()
        if source not in self._devices:
            self._devices[source] = (FeedBuilder(self.clock, source, epoch=now), 0)
        device, seq = self._devices[source]
        self.recorder.inlet.deliver(device.message(seq, points))
        self._devices[source] = (device, seq + 1)

    def _day_before(self) -> None:
        """The last day of the one that drifts, as its device sends it late."""
        now = self.clock.wall_ms()
        spread = float(self.table.spread[self._row])
        times = np.arange(now - DAY_MS, now, 20_000)
        hours = (times - now) / HOUR_MS + HOURS
        value = self.table.season_of(self._row, times) + spread * PACE * np.maximum(hours, 0.0)
        value += 0.3 * spread * self.rng.normal(0, 1, times.size)
        for first in range(0, times.size, 500):
            part = slice(first, first + 500)
            points = zip(times[part].tolist(), value[part].tolist(), strict=True)
            self._deliver(self.stream.source, [(self.stream.name, t, v) for t, v in points])

    def _hours_before(self) -> None:
        """What the watch would have seen of the drift until now."""
        desk, now = self.recorder.anomalies, self.clock.wall_ms()
        me = self.stream.id
        count = int(self.table.datastream.max()) + 1
        spread = float(self.table.spread[self._row])
        watch = Watch()
        watch.use(self.table)
        departures = []
        for minute in range(30 * 60):
            values = blank(count)
            values.time_ms[me] = now - (30 * 60 - minute) * 60_000
            values.expected[:] = 0.0
            drifted = max(0.0, minute / 60 - (30 - HOURS)) * PACE
            values.value[me] = spread * (drifted + 0.2 * self.rng.normal())
            watch.second(values, np.full(count, Basis.HISTORY, np.uint8), np.zeros(count, np.bool_))
            departures = watch.minute(int(values.time_ms[me]))
        self.recorder.core.on_beat(lambda: setattr(desk, "watch", watch))
        desk._tell(departures, now)

    def _past_cases(self) -> None:
        now = self.clock.wall_ms()
        others = [
            s for s in self.recorder.core.city.streams
            if s.kind == self.stream.kind and s.asset and s.id != self.stream.id
        ][:2]  # fmt: skip
        curve = tuple(round(PACE * max(0, h - 5), 1) for h in range(24))
        label = self.stream.label or self.stream.name
        cases = [
            Anomaly(
                f"AN-{n}", "drift", s.asset, s.id, now - (9 + 4 * n) * DAY_MS,
                now - (9 + 4 * n) * DAY_MS + 9 * HOUR_MS,
                f"{s.label or s.name} has drifted over what is expected within 9 hours.",
                until_ms=now - (8 + 4 * n) * DAY_MS, curve=curve,
                verdict=("real", "false")[n % 2], verdict_by=("anna", "ben")[n % 2],
                order="WO-31" if n == 0 else "",
            )
            for n, s in enumerate(others)
        ]  # fmt: skip
        order = WorkOrder(
            "WO-31", others[0].asset if others else "", f"Look at {label}", "done",
            created_ms=now - 9 * DAY_MS + 10 * HOUR_MS, closed_ms=now - 8 * DAY_MS,
            finding="found: bearing dry",
        )  # fmt: skip

        def put(access: Any) -> None:
            access.put_anomalies(cases)
            access.put_work_order(order)

        self.recorder.store.writer.call(put).result(30)
