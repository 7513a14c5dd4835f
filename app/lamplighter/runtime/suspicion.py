"""Finds suspect sensors for the lane: sampled, compared in a worker, told with a reason.

One thread of its own takes samples on an even grid, looks at the messages that were stored, and
hands the last samples to a limited worker that compares them with what was learned from clean
history.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from lamplighter.analytics.suspicion.repeated import RepeatWatch
from lamplighter.analytics.suspicion.traffic import Heard, Sign, TrafficWatch
from lamplighter.analytics.suspicion.training import Looking, Seen
from lamplighter.domain import wire
from lamplighter.domain.suspicion import Suspect
from lamplighter.runtime.learned_model import LearnedModel
from lamplighter.runtime.own_cards import SENSORS_CRAFT
from lamplighter.runtime.suspicion_lane import SuspicionLane
from lamplighter.runtime.suspicion_samples import LEAST, Samples

if TYPE_CHECKING:
    from lamplighter.analytics.suspicion.model import SuspicionModel
    from lamplighter.analytics.suspicion.training import Models
    from lamplighter.analytics.suspicion.verdict import Finding
    from lamplighter.domain.models import ModelCard
    from lamplighter.domain.observation import Committed
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
TURN_S: Final = 0.2
LOOK_SAMPLES: Final = 3
"""samples between two looks"""
TWICE: Final = 2
"""looks in a row that must say the same before anybody is accused"""
STRICT: Final = 3.0
"""times the highest of clean history from which the lane speaks"""
QUIET_SAMPLES: Final = 60
"""samples without a sign after which a suspicion no longer stands"""
AGAIN_MS: Final = 6 * 3_600_000
"""what was learned is learned anew after this time, from clean samples"""
NEW_MS: Final = 120_000
"""a sender that is first heard this long after the start is new to the project"""
LOOK: Final = "Compare sensors"


class SuspicionDesk:
    """One recorder's lane. `committed` is called on the writer's thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.lane = SuspicionLane(recorder, self._tell)
        self._inbox: queue.SimpleQueue[Committed] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.samples = Samples(recorder)
        self.kept = LearnedModel(recorder, SENSORS_CRAFT)
        self._traffic, self._repeats = TrafficWatch(), RepeatWatch()
        self.models: tuple[SuspicionModel, ...] = ()
        self._watched = self._abstained = 0
        self._trained_ms = self._trained_on = self._trained_at = 0
        self._busy = self._filling = False
        self._learned_ms = 0
        self._looked = 0
        self._hints: dict[tuple[int, str], int] = {}
        self._at_start: frozenset[int] = frozenset()
        self._feeds_at_start: frozenset[str] = frozenset()
        self._greeted: set[int] = set()

    # ------------------------------------------------------------------ life
    def start(self) -> None:
        """Mark what is withheld and begin to watch."""
        self._at_start = frozenset(self._recorder.core.city.sources)
        self._feeds_at_start = frozenset(c.id for c in self._recorder.feed_configs())
        self.lane.mark()
        self._recorder.hand.mark_points()
        self._load()
        self._thread = threading.Thread(target=self._run, name="suspicion", daemon=True)
        self._thread.start()

    def stop(self, deadline_s: float = 3.0) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(deadline_s)

    def committed(self, committed: Committed) -> None:
        """A stored batch; looked at on the lane's own thread."""
        self._inbox.put(committed)

    def _run(self) -> None:
        while not self._stopping.wait(TURN_S):
            try:
                self._turn()
            except Exception:
                log.exception("a turn of the lane failed")

    def _turn(self) -> None:
        while not self._inbox.empty():
            self._messages(self._inbox.get())
        if not self.samples.take():
            return
        if not self._filling:
            self._filling = True
            threading.Thread(target=self._fill, name="suspicion past", daemon=True).start()
        self.lane.settle(self._recorder.clock.wall_ms() - QUIET_SAMPLES * self.samples.step_ms)
        if self._busy:
            return
        if self.kept.moved():
            self._load()
            return
        if self.models and self.models[0].step_ms != self.samples.step_ms:
            self._none()  # learned on another step of time
        if self._is_due() and not (self.models and self.lane.any_standing):
            self._learn()
            return
        fresh = self.samples.taken - self._looked
        if self.models and fresh >= LOOK_SAMPLES and self.samples.count >= LEAST:
            self._look()

    def _fill(self) -> None:
        try:
            self.samples.fill(self._stopping)
        except Exception:
            log.exception("samples of the past could not be read")

    def _is_due(self) -> bool:
        """Whether there are many more samples than last time, or it is long ago."""
        count = self.samples.count
        passed = self._recorder.clock.monotonic_ms() - self._trained_at
        return count >= LEAST and (count >= 2 * self._trained_on or passed > AGAIN_MS)

    # ------------------------------------------------------------------ in a worker
    def _learn(self) -> None:
        """From the samples so far; nobody's lie may be among them."""
        self._busy = True
        self._trained_at = self._recorder.clock.monotonic_ms()
        request = self.samples.learning(self.lane.withheld_ids())
        samples = int(request.time_ms.size)

        def use(value: Models, card: ModelCard) -> None:
            self._use(value, card)
            self._trained_on = samples

        def failed() -> None:
            self._busy, self._trained_on = False, samples

        self.kept.learn(request, use, failed)

    def _load(self) -> None:
        """What was learned before the start, or what a person put in its place."""
        self._busy = True
        self.kept.load(self._use, self._none)

    def _none(self) -> None:
        self.models, self._trained_on, self._busy = (), 0, False
        self._tell()

    def _use(self, value: Models, card: ModelCard) -> None:
        """From now on by these; `card.made_ms` is when they were learned, 0 = just now."""
        clock, samples = self._recorder.clock, max((m.samples for m in value.items), default=0)
        self._busy, self.models = False, value.items
        self.lane.learned()
        self._watched, self._abstained = value.watched, value.abstained
        self._trained_ms, self._trained_on = card.made_ms or clock.wall_ms(), samples
        self._trained_at = clock.monotonic_ms() - max(0, clock.wall_ms() - self._trained_ms)
        self._learned_ms = samples * (value.items[0].step_ms if value.items else 0)
        self._tell()

    @property
    def _early(self) -> bool:
        """Whether less than a whole day was learned."""
        return self._learned_ms < self.samples.day_ms

    def _look(self) -> None:
        self._busy = True
        fresh = min(self.samples.taken - self._looked, 32)
        self._looked = self.samples.taken
        ids, time_ms, values, names = self.samples.recent()
        request = Looking(
            self.models,
            ids,
            time_ms,
            values,
            names,
            fresh,
            STRICT,
            self._early,
            self.lane.withheld_ids(),
            self.lane.doubted_ids(),
        )

        def end(value: Any) -> None:
            self._busy = False
            if isinstance(value, Seen):
                self._seen(value.items)

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.suspicion.training:look",
            request,
            name=LOOK,
            timeout_s=120.0,
            on_end=end,
            result=Seen,
            code="P-604",
        )

    def _seen(self, items: tuple[Finding, ...]) -> None:
        """What two looks in a row say is told."""
        now = {(f.row, f.looks): f for f in items}
        self._hints = {key: self._hints.get(key, 0) + 1 for key in now}
        for key, found in now.items():
            if self._hints[key] >= TWICE:
                self._found(found)

    def _found(self, f: Finding) -> None:
        streams = self._recorder.core.city.streams
        if not 0 <= f.row < len(streams):
            return
        key = streams[f.row].key
        scope = "process" if f.looks == "process" else "datastream"
        self.lane.put(
            Suspect(
                key,
                scope,
                f.kind,
                f.looks,
                f.reason,
                f.check,
                round(f.score, 2),
                0,
                0,
                tuple(streams[n].key for n in f.neighbours if n < len(streams)),
                f.expected if np.isfinite(f.expected) else None,
                f.evidence,
            )
        )

    # ------------------------------------------------------------------ messages
    def _messages(self, committed: Committed) -> None:
        points = committed.points
        first = np.zeros(len(committed.messages), np.int64)
        last = np.zeros(len(committed.messages), np.int64)
        if len(points):
            order = np.argsort(points.message, kind="stable")
            mine, times = points.message[order], points.time_ms[order]
            begins = np.flatnonzero(np.r_[True, mine[1:] != mine[:-1]])
            first[mine[begins]] = np.minimum.reduceat(times, begins)
            last[mine[begins]] = np.maximum.reduceat(times, begins)
        heard = [
            Heard(m.source, m.epoch, m.seq, m.received_ms, a, b)
            for m, a, b in zip(committed.messages, first.tolist(), last.tolist(), strict=True)
        ]
        for sign in self._traffic.take(heard):
            self._sign(sign)
        for conflict in committed.conflicts:
            self._sign(
                Sign(
                    conflict.source,
                    "second publisher",
                    "a message came twice with the same number and different content",
                )
            )
        self._strangers({m.source for m in committed.messages})
        for number in self._repeats.take(points.datastream, points.value).tolist():
            self._repeated(number)

    def retained(self, topic: str) -> None:
        """An observation came as a retained message: old news that looks new."""
        name = topic.rsplit("/", 1)[-1]
        self.lane.put(
            Suspect(
                name,
                "source",
                "retained message",
                "message",
                f"{name} leaves observations on the broker that look new to whoever connects",
                "retained",
                1.0,
                0,
                0,
                evidence=("decided by: an observation with the retained mark",),
            )
        )

    def _sign(self, sign: Sign) -> None:
        name = self._recorder.core.city.sources.get(sign.source)
        if name is None:
            return
        self.lane.put(
            Suspect(
                name,
                "source",
                sign.kind,
                "message",
                f"{name}: {sign.reason}",
                sign.kind,
                1.0,
                0,
                0,
                evidence=(f"decided by: the messages of {name}",),
            )
        )

    def _strangers(self, sources: set[int]) -> None:
        """Senders on a feed of old that nobody knew when the recorder began, and that belong to
        nothing. Who comes with a feed that a person added is no stranger.
        """
        recorder = self._recorder
        city, feed_of = recorder.core.city, recorder.health.feed_of()
        fresh = (sources - self._greeted - self._at_start) & set(city.sources)
        self._greeted |= fresh
        if not self._at_start or recorder.clock.wall_ms() - recorder.started_ms < NEW_MS:
            return
        for source in fresh:
            name = city.sources[source]
            known = any(s.source == name and s.asset for s in city.streams)
            if not known and feed_of.get(source, "") in self._feeds_at_start:
                told = "nobody announced this sender, and it belongs to no asset"
                self._sign(Sign(source, "unknown publisher", told))

    def _repeated(self, number: int) -> None:
        streams = self._recorder.core.city.streams
        if number >= len(streams) or streams[number].states:
            return
        s = streams[number]
        self.lane.put(
            Suspect(
                s.key,
                "datastream",
                "replay",
                "tampered",
                f"{s.label or s.name}: it repeats its own past, value for value",
                "repeat",
                1.0,
                0,
                0,
                evidence=("decided by: twenty values in a row that came before in the same order",),
            )
        )

    def dismiss(self, key: str, scope: str) -> Suspect:
        """A person looked at it: what it does now is usual, and learned anew. Raises
        LamplighterError (U-801).
        """
        known = self.lane.dismiss(key, scope)
        self._trained_on = 0
        if scope == "source":
            ids = {n: i for i, n in self._recorder.core.city.sources.items()}
            if key in ids:
                self._traffic.forget(ids[key])
        return known

    def _tell(self) -> None:
        self._recorder.server.emit(self.state())

    # ------------------------------------------------------------------ reading
    def state(self) -> wire.Suspects:
        """The lane as it stands: standing ones first, the newest first."""
        return wire.Suspects(
            self.lane.items,
            self.lane.withheld,
            self._watched,
            self._abstained,
            self._words(),
            self._trained_ms,
        )

    def _words(self) -> str:
        count, step = self.samples.count, self.samples.step_ms / 1000.0
        if not self.models:
            return f"learning: {min(count, LEAST)} of {LEAST} samples, one every {step:g} s"
        text = f"learned from {self._trained_on:,} samples, one every {step:g} s"
        if self._early:
            text += "; until that is a whole day only jumps, standstills, gaps and repeats count"
        return text
