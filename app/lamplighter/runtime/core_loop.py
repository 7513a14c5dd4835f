"""The recorder's beat: folds what was committed, judges alarms, publishes the newest values.

One thread. It never touches a socket of the field and never waits for the disk: facts go to the
writer's priority lane, values into the mapped block, events to the wire.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from lamplighter.alarms import AlarmEngine
from lamplighter.alarms.annunciator import Horn
from lamplighter.analytics.expected import Expectation
from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState, Incident
from lamplighter.domain.clock import Clock
from lamplighter.domain.newest_block import BlockWriter, NewestValues
from lamplighter.domain.observation import Batch, Committed, PointColumns, SourceLife
from lamplighter.domain.quality import QualityMark
from lamplighter.runtime.alarm_watch import AlarmWatch
from lamplighter.runtime.city_state import CityState
from lamplighter.runtime.meters import Meters
from lamplighter.store import Store, WriteAccess
from lamplighter.twin import (
    UNCHANGED_MS,
    dead_sources,
    doubted,
    expected_period_ms,
    grown,
    live_counts,
    marked,
    moved,
    newest_values,
    restored,
    shown_quality,
    stale,
    step,
    trust,
)

log = structlog.get_logger(__name__)
BEAT_S: Final = 0.1
SLOW_MS: Final = 1_000
SPARE: Final = 4_096
KNOWN_AFTER: Final = 20
"""intervals after which a learned period is worth writing down"""


class CoreLoop:
    """Owns the present state. `emit` sends an event to every client."""

    def __init__(
        self,
        store: Store,
        city: CityState,
        clock: Clock,
        meters: Meters,
        *,
        emit: Callable[[wire.Event], None],
        slow: Callable[[], None],
        reload_city: Callable[[], CityState],
        watch: AlarmWatch | None = None,
        settle: Callable[[], int] = lambda: 0,
    ) -> None:
        """`settle`: asked at every beat by how many ms the clock was just set."""
        self._store = store
        self._clock = clock
        self._meters = meters
        self._emit = emit
        self._slow = slow
        self._reload_city = reload_city
        self._watch = watch
        self._settle = settle
        self.city = city
        self.lives: dict[int, SourceLife] = {life.source: life for life in store.lives()}
        self._inbox: queue.SimpleQueue[tuple[Committed, bool]] = queue.SimpleQueue()
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._dirty = threading.Event()
        self._reload_from = 0
        self._thread = threading.Thread(target=self._run, name="core", daemon=True)
        self._state = restored(_present(store.newest()), len(city.streams), len(city.sources))
        self.mask: npt.NDArray[np.bool_] = np.ones(self._state.datastreams, np.bool_)
        self.expected = Expectation()
        self._expected = np.empty(0)
        self._spread = np.empty(0)
        self._describe(city)
        self.alarms = AlarmEngine(city.rules, city.graph, _standing(store), city.name_of)
        self.alarms.replace_quiets(city.quiets)
        self.horn = Horn(self.alarms.records(), clock.wall_ms())
        # as the store has them: what is no incident any more in the city of now ends at once
        self._incidents: dict[str, Incident] = {i.id: i for i in store.incidents()}
        self.measured: NewestValues = newest_values(self._state)
        """what devices said, without anything a person laid over it"""
        self.marks: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        """by datastream id: whether it is suspect or withheld"""
        self.overlay: Callable[[NewestValues], NewestValues] | None = None
        """lays values that people set over the newest ones"""
        self._block_number = 0
        self.block = self._new_block(len(city.streams))
        self._trust = np.ones(0, np.float32)
        self.newest: NewestValues = newest_values(self._state)
        self._publish()

    # ------------------------------------------------------------------ from other threads
    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Fold what was committed and end. True when that was finished."""
        self._stopping.set()
        self._thread.join(deadline_s)
        self.block.close()
        return not self._thread.is_alive()

    def take(self, committed: Committed) -> None:
        """A committed batch, from the writer's thread."""
        self._inbox.put((committed, True))

    def take_received(self, committed: Committed) -> None:
        """A batch that another console recorded: it is folded, and is no feed of ours."""
        self._inbox.put((committed, False))

    def take_past(self, committed: Committed) -> None:
        """A batch of the past: it moves the batch on and nothing else, so no alarm can follow."""
        nothing = replace(committed, points=PointColumns.empty(), messages=())
        self._inbox.put((nothing, False))

    def preview(self, batch: Batch) -> None:
        """Show points that wait for room on the disk; they count nowhere until they are stored."""

        def show() -> None:
            state = self._state
            waiting = Committed(
                state.batch, state.wall_ms, batch.points, batch.messages, (), (), ()
            )
            self._state = step(state, waiting)

        self._work.put(show)

    def on_beat(self, work: Callable[[], None]) -> None:
        """Run `work` on the core's thread at its next beat."""
        self._work.put(work)

    def city_changed(self) -> None:
        """Load the city anew at the next beat."""
        self._dirty.set()

    def hear(self, lives: Sequence[SourceLife]) -> None:
        """Announcements and last wills, as they are decoded; taken at the next beat."""
        heard = {life.source: life for life in lives}
        self._work.put(lambda: self.lives.update(heard))

    # ------------------------------------------------------------------ the beat
    def _run(self) -> None:
        next_slow = self._clock.monotonic_ms() + SLOW_MS
        while True:
            ending = self._stopping.is_set()
            try:
                self._beat()
                if self._clock.monotonic_ms() >= next_slow:
                    next_slow = self._clock.monotonic_ms() + SLOW_MS
                    self._every_second()
            except Exception:
                log.exception("a beat of the core failed")
            if ending and self._inbox.empty():
                return
            if not ending:
                self._stopping.wait(BEAT_S)

    def _beat(self) -> None:
        if set_by := self._settle():
            log.warning("time follows the machine's clock", by_ms=set_by)
            self._state = moved(self._state, set_by)
            self.lives = {
                n: msgspec.structs.replace(life, heard_ms=life.heard_ms + set_by)
                for n, life in self.lives.items()
            }
        if self._dirty.is_set() and self._clock.monotonic_ms() >= self._reload_from:
            self._read_city()
        while not self._work.empty():
            self._work.get()()
        while not self._inbox.empty():
            committed, ours = self._inbox.get()
            if ours:
                self._meters.add(committed, self._clock.monotonic_ms())
            self._state = step(self._state, committed)
        now = self._clock.wall_ms()
        self._state = grown(self._state, len(self.city.streams), len(self.city.sources))
        table = self.city.table
        self.mask = stale(self._state, now, self.lives, table.source, table.period_ms)
        self._publish()
        events = self.alarms.step(self._state.batch, now, self.newest, self.mask, self._silent(now))
        self.tell_alarms(events)

    def learned_periods_ms(self) -> npt.NDArray[np.float64]:
        """How often each datastream's values come, by id; NaN where it was not learned, or where
        they only come when they change. On the core's beat.
        """
        table, state = self.city.table, self._state
        period = expected_period_ms(state, table.period_ms, self.lives, table.source)
        said = np.zeros(len(period), np.bool_)
        n = min(len(period), len(table))
        speaking = [s for s, life in self.lives.items() if life.period_s > 0]
        said[:n] = np.isin(table.source[:n], speaking)
        known = (state.intervals[: len(period)] >= KNOWN_AFTER) | said
        return np.where(known & (period < UNCHANGED_MS), period, np.nan)

    def _silent(self, now: int) -> npt.NDArray[np.bool_] | None:
        """Datastreams of sources and feeds that are silent as a whole."""
        if self._watch is None:
            return None
        dead = dead_sources(self._state, now, self.lives)
        heard = self._state.source_heard_ms
        sources = self.city.sources
        source_of = self.city.table.source
        return self._watch.look(self.alarms, dead, heard, sources, source_of, len(self.newest))

    def _every_second(self) -> None:
        now = self._clock.wall_ms()
        self._trust = trust(self._state, now, self.mask, self.city.table, self.lives)
        self._expected, self._spread = self.expected.tick(self.newest, now)
        self._slow()

    def _publish(self) -> None:
        quality = shown_quality(self._state, self.mask)
        self.newest = newest_values(
            self._state,
            trust=doubted(self._trust, quality.shape[0], self.marks),
            quality=marked(quality, self.marks),
            expected=self._expected,
            spread=self._spread,
        )
        self.measured = self.newest
        if self.overlay is not None:
            self.newest = self.overlay(self.newest)
        if len(self.newest) > self.block.capacity:
            old, self.block = self.block, self._new_block(len(self.newest))
            old.close()
            self.block.write(self.newest)
            self._emit(wire.BlockMoved(str(self.block.file)))
            return
        self.block.write(self.newest)

    def _new_block(self, rows: int) -> BlockWriter:
        folder = self._store.folder / "cache"
        folder.mkdir(exist_ok=True)
        if not self._block_number:
            for left in folder.glob("newest-*.block"):
                left.unlink(missing_ok=True)
        self._block_number += 1
        name = f"newest-{self._clock.wall_ms()}-{self._block_number}.block"
        size = rows + rows // 2 + SPARE
        try:
            return BlockWriter(folder / name, size)
        except OSError:  # no room there: the live view goes on from the memory's own file system
            return BlockWriter(Path(tempfile.mkdtemp(prefix="lamplighter-")) / name, size)

    # ------------------------------------------------------------------ alarms
    def tell_alarms(self, events: Sequence[AlarmEvent], *, by: str = "", action: str = "") -> None:
        """Store the facts and tell the clients; `by` and `action` when a person did it."""
        if self.horn.take(events, self._clock.wall_ms()):
            self.tell_horn()
        incidents = {i.id: i for i in self.alarms.incidents()}
        changed = [i for k, i in incidents.items() if self._incidents.get(k) != i]
        ended = [_over(i) for k, i in self._incidents.items() if k not in incidents]
        self._incidents = incidents
        if not events and not changed and not ended:
            return
        batch = self._state.batch

        def keep(access: WriteAccess) -> None:
            if events:
                access.put_alarm_events(list(events))
            if changed or ended:
                access.put_incidents([*changed, *ended], batch)

        self._store.writer.keep(keep)
        newest: dict[str, AlarmRecord] = {e.record.key: e.record for e in events}
        self._emit(
            wire.AlarmsChanged(
                tuple(newest.values()),
                tuple(incidents.values()),
                by=by,
                action=action,
                at_ms=self._clock.wall_ms(),
            )
        )

    def tell_horn(self) -> None:
        """The horn's state to every client."""
        self._emit(wire.AnnunciatorState(self.horn.state))

    def batch(self) -> int:
        """Number of the last folded batch."""
        return self._state.batch

    def silent_sources(self) -> npt.NDArray[np.bool_]:
        """Mask by source id: said goodbye, or silent beyond its limit."""
        return dead_sources(self._state, self._clock.wall_ms(), self.lives.copy())

    def heard_ms(self) -> npt.NDArray[np.int64]:
        """By source id: when its newest message came, 0 = never."""
        return self._state.source_heard_ms

    def counts(self) -> tuple[int, int]:
        """(live, stale) datastreams."""
        return live_counts(self._state, self.mask)

    # ------------------------------------------------------------------ a changed city
    def _describe(self, city: CityState) -> None:
        self.expected.learner.describe(
            np.arange(len(city.streams)),
            np.array([s.resolution for s in city.streams], np.float64),
            np.array([not s.states for s in city.streams], np.bool_),
        )

    def _read_city(self) -> None:
        """What cannot be read now is read again in a second: nobody says twice that it changed."""
        self._dirty.clear()
        try:
            city = self._reload_city()
        except Exception:
            log.exception("the city could not be read anew")
            self._reload_from = self._clock.monotonic_ms() + SLOW_MS
            self._dirty.set()
            return
        self._adopt(city)

    def _adopt(self, city: CityState) -> None:
        rules_changed = city.rules != self.city.rules
        quiets_changed = city.quiets != self.city.quiets
        self.city = city
        self.alarms.replace_topology(city.graph, city.name_of)
        if rules_changed:
            self.alarms.replace_rules(city.rules)
        if quiets_changed:
            self.alarms.replace_quiets(city.quiets)
        if rules_changed and self._watch is not None:
            self._watch.forget()
        self._describe(city)
        self._emit(wire.CityChanged("the city or its datastreams changed"))


def _present(newest: NewestValues) -> NewestValues:
    """Without what was brought in as history: an imported past is no present value."""
    past = (newest.quality & int(QualityMark.HISTORICAL)) > 0
    newest.time_ms[past] = 0
    newest.value[past] = np.nan
    return newest


def _over(incident: Incident) -> Incident:
    return msgspec.structs.replace(incident, active=False)


def _standing(store: Store) -> list[AlarmRecord]:
    return [r for r in store.alarms() if r.state is not AlarmState.NORM]
