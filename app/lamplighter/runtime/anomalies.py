"""Anomalies of a recorder: found on its beat, told as facts with a reason, closed by people.

Once a second the watch takes in how values depart from expected ones, once a minute it says which
depart now. What people did (works, repairs, commands, new sensors) mutes or begins anew. One
standing anomaly per datastream; it ends by itself when the value came back.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import structlog
from msgspec.structs import replace

from lamplighter.analytics.leak_watch import LeakReport
from lamplighter.analytics.likeness import alike
from lamplighter.analytics.signal_judging import SignalFinding
from lamplighter.analytics.watching import MINUTE_MS, Departure, Watch, reaches
from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.anomaly import FALSE, LEAK, REAL, Anomaly, KnownEvent
from lamplighter.domain.maintenance import SimilarCase
from lamplighter.domain.problems import fault
from lamplighter.runtime.anomaly_words import outcome_of, reason_of
from lamplighter.runtime.known_events import known_events
from lamplighter.runtime.leaks import LeakDesk, mended_leaks, new_leaks
from lamplighter.runtime.relating import RelationDesk
from lamplighter.runtime.relation_watch import RelationFinding
from lamplighter.runtime.relation_words import of_relations
from lamplighter.runtime.signals import SignalDesk
from lamplighter.store import WriteAccess

if TYPE_CHECKING:
    from lamplighter.analytics.expected import ExpectedTable
    from lamplighter.domain.city import Datastream
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
AGAIN_MS: Final = 10 * MINUTE_MS
"""a standing anomaly is told anew at most this often"""
GREW: Final = 1.25
WATCHED: Final = ("point", "drift", "change")
"""kinds that the watch over expected values tells"""
PAST_MS: Final = 30 * 86_400_000
"""what ended longer ago and was no new beginning explains nothing any more; the beat goes through
what is left each minute, and every command of some years would not fit in
"""
LASTS_MS: Final = 20 * MINUTE_MS
"""a finding that ended longer ago does not stand any more"""
SERIOUS: Final = 2
"""while an alarm of this priority or above stands on an asset, no new anomaly is told of it"""
MOST_A_MINUTE: Final = 50
"""of more that begin in one minute only the farthest off are told at once"""


class AnomalyDesk:
    """One recorder's anomalies. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.watch = Watch()
        self._table: ExpectedTable | None = None
        self._lock = threading.RLock()
        self.signals = SignalDesk(recorder)
        self.leaks = LeakDesk(recorder)
        self.relations = RelationDesk(recorder, self.signals.ring)
        self._open: dict[int | str, Anomaly] = {}
        """by datastream, or by asset where several signals are meant"""
        self._told_ms: dict[str, int] = {}
        self._alarmed: frozenset[str] = frozenset()
        self._events: tuple[KnownEvent, ...] = ()
        self._begun: set[tuple[str, int]] = set()
        self._muted: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._next_ms = 0
        self._thread: threading.Thread | None = None
        self._city: object = None

    def start(self) -> None:
        """Take up what still stood when the last recorder ended."""
        self._open = {_key(a): a for a in self._recorder.store.anomalies() if not a.until_ms}
        self._next_ms = self._recorder.clock.monotonic_ms() + MINUTE_MS
        self._look()
        self.signals.start()
        self.leaks.start()
        self.relations.start()

    def stop(self, deadline_s: float = 3.0) -> None:
        self.signals.stop(deadline_s)
        self.leaks.stop(deadline_s)
        self.relations.stop(deadline_s)
        thread = self._thread
        if thread is not None:
            thread.join(deadline_s)

    # ------------------------------------------------------------------ on the core's beat
    def every_second(self) -> None:
        """Take in the newest values; each minute say what departs."""
        core = self._recorder.core
        table = core.expected.trained
        if table is not self._table:
            self._table = table
            self.watch.use(table)
        count = core.mask.shape[0]
        if self._muted.shape[0] != count or core.city is not self._city:
            self._mute(count)
        unfit = core.mask | self._muted
        self.watch.second(core.newest, core.expected.basis, unfit)
        self.signals.every_second(unfit, self._events)
        self.relations.every_second(self._events)
        self.leaks.every_second()
        now = self._recorder.clock.monotonic_ms()
        if now >= self._next_ms:
            self._next_ms = now + MINUTE_MS
            self.minute(self._recorder.clock.wall_ms())

    def minute(self, wall_ms: int) -> None:
        """Close a minute of the watch; what follows is written by a thread of its own."""
        self._mute(self._recorder.core.mask.shape[0])
        # a copy, not the lock: who holds that may be reading past cases, and the beat never waits
        told = {
            k
            for k, a in self._open.copy().items()
            if isinstance(k, int) and (a.verdict or wall_ms - self._told_ms.get(a.id, 0) < AGAIN_MS)
        }
        departures = self.watch.minute(wall_ms, told)
        self._alarmed = self._with_alarms()
        before = self._thread
        if before is not None and before.is_alive():
            return  # it writes still; a departure that lasts is there next minute too
        self._thread = threading.Thread(
            target=self._tell, args=(departures, wall_ms), name="anomalies", daemon=True
        )
        self._thread.start()

    def _with_alarms(self) -> frozenset[str]:
        """Assets on which an alarm says already that something is wrong. One that rings because a
        value is not what was expected says no more than the anomaly does.
        """
        engine = self._recorder.core.alarms
        about = {r.id: r.condition for r in engine.rules}
        return frozenset(
            r.asset
            for r in engine.records()
            if r.active
            and r.asset
            and r.priority <= SERIOUS
            and about.get(r.rule) is not Condition.RESIDUAL
        )

    def _mute(self, count: int) -> None:
        """Datastreams that an event explains now; those that begin anew are told to the watch."""
        city, now = self._recorder.core.city, self._recorder.clock.wall_ms()
        self._city = city
        muted = np.zeros(count, np.bool_)
        for event in self._events:
            streams = np.array(_streams_of(event, city.by_asset), np.int64)
            streams = streams[streams < count]
            if event.from_ms <= now < event.to_ms:
                muted[streams] = True
            key = (event.text, event.to_ms)
            learned = self._table.valid_from_ms if self._table is not None else 0
            if event.anew and event.to_ms <= now and key not in self._begun:
                self._begun.add(key)
                if event.to_ms > learned:
                    self.watch.anew(streams)
        self._muted = muted

    # ------------------------------------------------------------------ on its own thread
    def _look(self) -> None:
        old = self._recorder.clock.wall_ms() - PAST_MS
        found = known_events(self._recorder.store, self._recorder.core.city)
        self._events = tuple(e for e in found if e.anew or e.to_ms >= old)

    def _tell(self, departures: list[Departure], now_ms: int) -> None:
        try:
            self._look()
            with self._lock:
                changed = self._changed(departures, now_ms)
            if changed:
                self.keep(changed)
        except Exception:
            log.exception("anomalies could not be told")

    def _changed(self, departures: list[Departure], now_ms: int) -> list[Anomaly]:
        found: list[Anomaly] = []
        fresh = [
            d
            for d in departures
            if d.datastream not in self._open and self._asset_of(d) not in self._alarmed
        ]
        fresh.sort(key=lambda d: -d.score)
        for departure in fresh[:MOST_A_MINUTE]:
            made = self._made(departure, now_ms, f"AN-{secrets.token_hex(4)}", now_ms)
            if made is not None:
                found.append(self._with_cases(made))
        for departure in departures:
            known = self._open.get(departure.datastream)
            if known is None or known.kind not in ("point", "drift", "change"):
                continue
            kind = known.kind if departure.kind == "point" else departure.kind
            if departure.score > GREW * known.score or kind != known.kind:
                again = self._made(departure, now_ms, known.id, known.found_ms)
                if again is not None:
                    again = replace(
                        again, since_ms=min(known.since_ms, again.since_ms), similar=known.similar,
                        note=known.note, order=known.order,
                    )  # fmt: skip
                    found.append(again)
        for key, known in self._open.items():
            if isinstance(key, int) and self._watched(known) and self.watch.over(key):
                found.append(replace(known, until_ms=now_ms))
        return found

    def _asset_of(self, departure: Departure) -> str:
        streams = self._recorder.core.city.streams
        known = departure.datastream < len(streams)
        return streams[departure.datastream].asset if known else ""

    def _watched(self, known: Anomaly) -> bool:
        """Whether the watch over expected values found it, not the judge of signals."""
        return known.kind in WATCHED and known.expected is not None

    # ------------------------------------------------------------------ from the worker
    def told_by_signals(self, found: tuple[SignalFinding, ...], assets: tuple[str, ...]) -> None:
        """What the judge of signals found; what it finds no more is over. On the pool's thread.

        `assets`: those that were judged as a whole this time.
        """
        try:
            with self._lock:
                changed = self._of_signals(found, frozenset(assets))
            if changed:
                self.keep(changed)
        except Exception:
            log.exception("findings could not be told")

    def _of_signals(
        self, found: tuple[SignalFinding, ...], assets: frozenset[str]
    ) -> list[Anomaly]:
        now = self._recorder.clock.wall_ms()
        streams = self._recorder.core.city.streams
        table = self._table
        expects = set() if table is None else set(table.datastream[_used(table)].tolist())
        changed: list[Anomaly] = []
        lasting: set[int | str] = set()
        for one in found:
            if one.end_ms < now - LASTS_MS or one.datastream >= len(streams):
                continue
            key = one.datastream if one.datastream >= 0 else one.asset
            if one.kind in WATCHED and (one.datastream in expects or one.datastream < 0):
                continue  # the watch knows better what was to be expected
            lasting.add(key)
            if key in self._open or len(changed) >= MOST_A_MINUTE:
                continue
            asset = one.asset or streams[one.datastream].asset
            stream = one.datastream if one.datastream >= 0 else next(iter(one.signals), -1)
            newest = self._recorder.core.newest
            value = float(newest.value[stream]) if 0 <= stream < len(newest) else None
            made = Anomaly(
                f"AN-{secrets.token_hex(4)}", one.kind, asset, one.datastream, one.begin_ms, now,
                one.reason, value=value, score=one.score, curve=(one.spreads,), signals=one.signals,
            )  # fmt: skip
            changed.append(self._with_cases(made))
        for key, known in self._open.items():
            judged = known.asset in assets if isinstance(key, str) else True
            if known.kind == LEAK:
                continue
            if not self._watched(known) and judged and key not in lasting:
                changed.append(replace(known, until_ms=now))
        return changed

    # ------------------------------------------------------------------ signals of one asset
    def told_by_relations(self, found: tuple[RelationFinding, ...], calm: frozenset[str]) -> None:
        """Assets whose signals do not fit together, and such where nothing is wrong now."""
        try:
            now = self._recorder.clock.wall_ms()
            with self._lock:
                changed = of_relations(found, calm, self._open, self._alarmed, now)
                changed = [self._with_cases(a) if a.found_ms == now else a for a in changed]
            if changed:
                self.keep(changed)
        except Exception:
            log.exception("signals at odds could not be told")

    def stands(self, assets: frozenset[str]) -> bool:
        """Whether an anomaly of the signals of any of these assets together lasts."""
        return any(asset in self._open for asset in assets)

    # ------------------------------------------------------------------ leaks
    def told_by_leaks(self, report: LeakReport) -> None:
        """Likely leaks of one network; one stands until people judge it or report a repair."""
        store, streams = self._recorder.store, self._recorder.core.city.streams
        now = self._recorder.clock.wall_ms()
        with self._lock:
            known = [a for a in store.anomalies() if a.kind == LEAK]
            changed = new_leaks(report, known, streams, now)
            changed = [self._with_cases(a) for a in changed if _key(a) not in self._open]
            changed += mended_leaks(report, list(self._open.values()), self._events, now)
        if changed:
            self.keep(changed)

    def _made(self, departure: Departure, now_ms: int, name: str, found_ms: int) -> Anomaly | None:
        core = self._recorder.core
        if departure.datastream >= len(core.city.streams):
            return None
        stream, row = core.city.streams[departure.datastream], departure.datastream
        newest = core.newest
        expected, spread = float(newest.expected[row]), float(newest.spread[row])
        if not np.isfinite(expected):
            return None
        at, limit = self._ahead(stream, departure, float(newest.value[row]), now_ms)
        asset = core.city.name_of(stream.asset) if stream.asset else ""
        beside = self._beside(row)
        return Anomaly(
            name, departure.kind, stream.asset, row, departure.since_ms, found_ms,
            reason_of(stream, asset, departure, expected, spread, now_ms, at, limit, beside),
            value=float(newest.value[row]), expected=expected, spread=spread,
            score=round(departure.score, 3), reaches_ms=at, limit=limit, curve=departure.curve,
        )  # fmt: skip

    def _ahead(
        self, stream: Datastream, departure: Departure, value: float, now_ms: int
    ) -> tuple[int, float | None]:
        """When a drift would pass the next limit in its direction, and which that is."""
        table = self._table
        if departure.kind != "drift" or table is None or not departure.slope:
            return 0, None
        limits, up = stream.limits, departure.slope > 0
        inner, outer = (limits.high, limits.high_high) if up else (limits.low, limits.low_low)
        for limit in (inner, outer):
            if limit is not None and (value < limit if up else value > limit):
                at = reaches(table, stream.id, departure.gap, departure.slope, limit, now_ms)
                return at, limit if at else None
        return 0, None

    def _beside(self, row: int) -> list[tuple[str, bool]]:
        """(name, whether it reads as usual) of the datastreams that the expected value leans on."""
        table = self._table
        if table is None:
            return []
        rows = np.flatnonzero(table.datastream == row)
        if not rows.size:
            return []
        streams = self._recorder.core.city.streams
        return [
            (streams[other].label or streams[other].name, int(other) not in self._open)
            for other in table.neighbour[rows[0]]
            if 0 <= other < len(streams)
        ]

    # ------------------------------------------------------------------ keeping
    def _with_cases(self, one: Anomaly) -> Anomaly:
        """With the past cases that are most like it, and what came of each."""
        store, city = self._recorder.store, self._recorder.core.city
        phenomenon = {s.id: s.kind for s in city.streams}
        found = alike(one, store.anomalies(), phenomenon)
        if not found:
            return one
        orders = store.work_orders()
        cases = tuple(
            SimilarCase(
                past.asset or str(past.datastream),
                past.found_ms,
                outcome_of(past, orders, store),
                apart,
            )
            for past, apart in found
        )
        return replace(one, similar=cases)

    def keep(self, items: Iterable[Anomaly]) -> None:
        """Write them and tell the clients. From any thread but the writer's."""
        changed = list(items)
        batch, now = self._recorder.core.batch(), self._recorder.clock.wall_ms()

        def write(access: WriteAccess) -> None:
            access.put_anomalies(changed, batch)

        self._recorder.store.writer.call(write).result(10)
        with self._lock:
            for item in changed:
                self._told_ms[item.id] = now
                if item.until_ms:
                    self._open.pop(_key(item), None)
                else:
                    self._open[_key(item)] = item
        self._recorder.server.emit(wire.AnomaliesChanged(tuple(changed)))

    def judged(self, ask: wire.JudgeAnomaly) -> Anomaly:
        """What a person says of one. Raises LamplighterError (U-801)."""
        found = next((a for a in self._recorder.store.anomalies() if a.id == ask.id), None)
        if found is None or ask.verdict not in ("", REAL, FALSE):
            what = f"there is no anomaly {ask.id}" if found is None else "say real or false"
            raise fault("U-801", what=what, name="anomalies")
        who, now = self._recorder.identity.user, self._recorder.clock.wall_ms()
        changed = replace(
            found, verdict=ask.verdict, verdict_by=who if ask.verdict else "",
            verdict_ms=now if ask.verdict else 0, note=ask.note or found.note,
            order=ask.order or found.order,
        )  # fmt: skip
        self.keep([changed])
        return changed

    @property
    def standing(self) -> tuple[Anomaly, ...]:
        """Those that last and that nobody has judged."""
        with self._lock:
            return tuple(a for a in self._open.values() if a.standing)


def _key(item: Anomaly) -> int | str:
    if item.kind == LEAK:  # a leak hides nothing else that the sensor shows
        return f"{LEAK} {item.datastream}"
    return item.datastream if item.datastream >= 0 else item.asset


def _used(table: ExpectedTable) -> npt.NDArray[np.bool_]:
    every: npt.NDArray[np.bool_] = np.ones(table.rows, np.bool_)
    return every if table.used is None else table.used


def _streams_of(event: KnownEvent, by_asset: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    return (event.datastream,) if event.datastream >= 0 else by_asset.get(event.asset, ())
