"""A recorder's signals judged in a worker every some minutes: stuck, noisy, repeated, at odds.

What the watch over expected values cannot see from one minute to the next; and, for datastreams
that have no expected value from history, odd values, steps and drifts as well.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from lamplighter.analytics.anomaly.columns import Event
from lamplighter.analytics.signal_judging import (
    MOST_ASSETS,
    SIGNALS,
    SignalFinding,
    SignalWindow,
)
from lamplighter.domain.anomaly import KnownEvent
from lamplighter.runtime.hours import numeric
from lamplighter.runtime.signal_ring import MOST, STEP_MS, SignalRing, read_past

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
JUDGED_MS: Final = 3 * 3_600_000
"""the newest hours, that are judged and not learned from"""
LEAST_ROWS: Final = 580
"""known rows below which nothing is asked"""
EVERY_MS: Final = 600_000
SHARE: Final = 60
"""the worker rests this many times longer than it worked"""
NAME: Final = "Judge the signals"


class SignalDesk:
    """`every_second` is called on the core's beat; `told` gets each go's findings."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.ring = SignalRing()
        self._due_ms = 0
        self._busy = False
        self._filled = False
        self._stopping = False
        self._next_asset = 0
        self._begun_ms = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Fill the ring from the store, beside everything else."""
        self._due_ms = self._recorder.clock.monotonic_ms() + EVERY_MS // 2
        self._thread = threading.Thread(target=self._fill, name="signals", daemon=True)
        self._thread.start()

    def stop(self, deadline_s: float = 3.0) -> None:
        self._stopping = True
        if self._thread is not None:
            self._thread.join(deadline_s)

    def _fill(self) -> None:
        recorder = self._recorder
        try:
            streams = [s for s in numeric(recorder.core.city) if s.id < MOST]
            count = max((s.id for s in streams), default=-1) + 1
            slot = recorder.clock.wall_ms() // STEP_MS - 1
            past = read_past(recorder.store, [s.id for s in streams], count, slot)
            recorder.core.on_beat(lambda: self.ring.adopt(past, slot))
        except Exception:
            if not self._stopping:
                log.exception("the last days could not be read")
        self._filled = True

    # ------------------------------------------------------------------ on the core's beat
    def every_second(self, unfit: np.ndarray, events: tuple[KnownEvent, ...]) -> None:
        """Close a slot; judge when it is time."""
        core, clock = self._recorder.core, self._recorder.clock
        self.ring.take(core.newest, unfit, clock.wall_ms())
        now = clock.monotonic_ms()
        if self._busy or not self._filled or self._stopping or now < self._due_ms:
            return
        window = self.window(events)
        self._due_ms = now + EVERY_MS
        if window is not None:
            self.submit(window)

    def window(self, events: tuple[KnownEvent, ...]) -> SignalWindow | None:
        """What a worker is asked; None while too little is known."""
        ring, city = self.ring, self._recorder.core.city
        known = np.isfinite(ring.values).sum(axis=0)
        chosen = [s for s in numeric(city) if s.id < known.shape[0] and known[s.id] >= LEAST_ROWS]
        if not chosen:
            return None
        times = ring.time_ms
        first = int(np.isfinite(ring.values).any(axis=1).argmax())
        labels = [s.label or s.name for s in chosen]
        twice = {name for name, count in Counter(labels).items() if count > 1}
        names = [
            f"{city.name_of(s.asset)}, {n}" if n in twice and s.asset else n
            for s, n in zip(chosen, labels, strict=True)
        ]
        twice = {name for name, count in Counter(names).items() if count > 1}
        names = [f"{n} ({s.key})" if n in twice else n for s, n in zip(chosen, names, strict=True)]
        place = {s.id: i for i, s in enumerate(chosen)}
        groups = self._groups(place)
        ids = np.array([s.id for s in chosen], np.int64)
        begin = int(times[first])  # what ended before is no new beginning in what is looked at
        return SignalWindow(
            tuple(names),
            tuple(s.unit for s in chosen),
            ids,
            times[first:],
            ring.values[first:, ids],
            self._recorder.clock.wall_ms() - JUDGED_MS,
            tuple(
                Event(e.from_ms, e.to_ms, names[i], e.anew)
                for e in events
                if e.to_ms >= begin
                for i in self._places(e, place)
            ),
            tuple(group for _, group in groups),
            tuple(asset for asset, _ in groups),
        )

    def _places(self, event: KnownEvent, place: dict[int, int]) -> list[int]:
        by_asset = self._recorder.core.city.by_asset
        ids = (event.datastream,) if event.datastream >= 0 else by_asset.get(event.asset, ())
        return [place[i] for i in ids if i in place]

    def _groups(self, place: dict[int, int]) -> list[tuple[str, tuple[int, ...]]]:
        """Assets with several signals; at most so many at once, the others next time."""
        every = []
        covered = self._recorder.anomalies.relations.watch.covers
        for asset, ids in self._recorder.core.city.by_asset.items():
            if covered(asset):
                continue  # what was learned of it over weeks says more than its last days
            mine = tuple(place[i] for i in ids if i in place)
            if SIGNALS[0] <= len(mine) <= SIGNALS[1]:
                every.append((asset, mine))
        first = self._next_asset % max(len(every), 1)
        self._next_asset = first + MOST_ASSETS
        return (every[first:] + every[:first])[:MOST_ASSETS]

    def submit(self, window: SignalWindow) -> None:
        """Ask a worker."""
        self._busy = True
        self._begun_ms = self._recorder.clock.monotonic_ms()

        def end(value: Any) -> None:
            now = self._recorder.clock.monotonic_ms()
            self._due_ms = now + max(EVERY_MS, SHARE * (now - self._begun_ms))
            self._busy = False
            if isinstance(value, tuple):
                threading.Thread(
                    target=self._recorder.anomalies.told_by_signals,
                    args=(value, window.assets),
                    name="signals-told",
                    daemon=True,
                ).start()
            elif not self._stopping:
                log.warning("signals not judged", why=str(value))

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.signal_judging:judge_signals",
            window,
            name=NAME,
            timeout_s=300.0,
            on_end=end,
            result=tuple[SignalFinding, ...],
            memory_mb=2_048,
            code="P-604",
        )
