"""A recorded day, written through the store's own writer: late data, corrections, later insight.

Sunday 22 November 2026, UTC. Gateway 5 is silent from 02:10 to 04:10 and sends its points at 06:31;
gateway 3 corrects a quarter of an hour at 08:15; one alarm, one cause and one forecast are known
only hours later. At 03:42 the two readings of the day differ in exactly that.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from msgspec.structs import replace

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState, Incident
from lamplighter.domain.city import Asset, Datastream, Frame, Limits
from lamplighter.domain.maintenance import Prognosis, Reason, WorkOrder
from lamplighter.domain.observation import (
    Batch,
    Committed,
    MessageRecord,
    PointColumns,
)
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.store import Store, WriteAccess
from tests.kit.clocks import FakeClock

SPEAKING: Final = ("pressure", "flow", "power", "level", "no2", "noise", "speed")
MIDNIGHT_MS: Final = 1_795_305_600_000
MINUTE: Final = 60_000
GATEWAYS: Final = 10
BASES: Final = {"bar": 4.0, "kV": 10.2, "MW": 3.4, "%": 92.0, "m": 3.1, "dB(A)": 58.0, "°C": 41.0}
SILENT, CORRECTING = 5, 3
KINDS: Final = (
    ("water", "Pump", "pressure", "bar", 4.1, 0.4, 0.01, Limits(2.0, 2.8, 5.2, 5.8)),
    ("water", "Zone", "flow", "m³/h", 14.0, 5.0, 0.1, Limits(high=31.0)),
    ("power", "Substation", "power", "MW", 27.0, 6.0, 0.1, Limits(high=64.0)),
    ("environment", "AirMonitor", "no2", "µg/m³", 24.0, 9.0, 1.0, Limits(high=80.0)),
)


def at(clock: str) -> int:
    """`03:42` or `03:42:10` of the day, UTC ms."""
    hours, minutes, *rest = (int(p) for p in clock.split(":"))
    return MIDNIGHT_MS + ((hours * 60 + minutes) * 60 + (rest[0] if rest else 0)) * 1000


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a day is written."""

    streams: int = 1_000
    assets: int = 5_000
    every_s: int = 60
    """seconds between two values of a datastream"""
    batch_s: int = 60
    alarms: int = 600
    """pairs of raised and cleared, beside those of the story"""
    hours: int = 24


class PastDay:
    """Writes the day into a project of its own."""

    def __init__(self, folder: Path, size: Size, *, over: bool = False) -> None:
        """`over`: into a project that is there, for its own datastreams and assets; its record
        gets this day although it began later, as after a clock that was set back.
        """
        self.size = size
        self.folder = folder
        self._over = over
        self._clock = FakeClock(MIDNIGHT_MS)
        if not over:
            Store.create(folder, name="Harbour District", clock=self._clock)
        self._store = Store.open(folder, write=True, clock=self._clock, synchronous="OFF")
        self._streams: list[Datastream] = self._store.datastreams() if over else []
        self._ids = [np.zeros(0, np.int32) for _ in range(GATEWAYS)]
        self._names = [f"gw-{g}" for g in range(GATEWAYS)]
        self._base = np.zeros(0)
        self._swing = np.zeros(0)
        self._seq = [0] * GATEWAYS
        self._rng = np.random.default_rng(5)
        self._done: queue.Queue[Committed | BaseException] = queue.Queue()

    def write(self) -> Path:
        """The whole day; afterwards the store is closed."""
        self._city()
        deeds = sorted([*self._story(), *self._noise()], key=lambda d: d[0])
        steps = self.size.hours * 3600 // self.size.batch_s
        for step in range(1, steps + 1):
            wall = MIDNIGHT_MS + step * self.size.batch_s * 1000
            while deeds and deeds[0][0] < wall:
                moment, deed = deeds.pop(0)
                self._go(max(moment, self._clock.wall_ms()))
                deed()
            self._go(wall)
            gateways = range(len(self._names))
            live = [g for g in gateways if not (g == SILENT and self._is_silent(wall))]
            self._commit(wall - self.size.batch_s * 1000, wall, live)
        for moment, deed in deeds:
            self._go(max(moment, self._clock.wall_ms()))
            deed()
        self._store.close()
        return self.folder

    @staticmethod
    def _is_silent(wall: int) -> bool:
        return at("02:10") < wall <= at("04:10")

    def _go(self, wall: int) -> None:
        self._clock.advance(wall - self._clock.wall_ms())

    # ---------------------------------------------------------------- the city
    def _city(self) -> None:
        """Assets in a grid of streets, the first of them with datastreams; or what is there."""
        if self._over:
            self._take_over()
        else:
            self._make()
        metas = self._streams
        count = max(d.id for d in metas) + 1
        self._base, self._swing = np.full(count, 50.0), np.full(count, 8.0)
        for d in metas:
            self._base[d.id], self._swing[d.id] = _course(d)

    def _take_over(self) -> None:
        """The sources of the project as gateways, its datastreams at the pace of the day."""
        by_source: dict[str, list[int]] = {}
        for d in self._streams:
            by_source.setdefault(d.source, []).append(d.id)
        self._names = sorted(by_source, key=lambda s: -len(by_source[s]))
        speaking = {d.id: d.kind in SPEAKING and not d.states for d in self._streams}
        for ids in by_source.values():
            ids.sort(key=lambda i: (not speaking[i], i))
        self._ids = [np.array(by_source[s], np.int32) for s in self._names]
        self._seq = [0] * len(self._names)
        self._streams = [replace(d, period_ms=self.size.every_s * 1000) for d in self._streams]
        self._store.writer.call(lambda a: a.put_datastream_meta(self._streams)).result(120)

    def _make(self) -> None:
        side = int(np.ceil(np.sqrt(self.size.assets)))
        assets, streams = [], []
        for n in range(self.size.assets):
            domain, kind, what, unit, _, _, step, limits = KINDS[n % len(KINDS)]
            x, y = 28.0 * (n % side - side / 2), 28.0 * (n // side - side / 2)
            name = f"{kind} {n:04d}"
            assets.append(
                Asset(f"A-{n:04d}", kind, name, domain, 4.48 + x / 68_000, 51.9 + y / 111_000, 0.0,
                      x, y, 0.0, people=(n % 7) * 100)
            )  # fmt: skip
            if n < self.size.streams:
                streams.append(
                    Datastream(n, f"gw-{n % GATEWAYS}", f"A-{n:04d}/{what}", unit, what,
                               f"A-{n:04d}", f"{name}, {what}", self.size.every_s * 1000, step,
                               limits)
                )  # fmt: skip

        def put(access: WriteAccess) -> None:
            access.put_frame(Frame(28992, 92_000.0, 437_000.0))
            access.put_assets(assets)
            access.put_datastream_meta(streams)

        self._store.writer.call(put).result(60)
        self._streams = streams
        every = np.arange(self.size.streams, dtype=np.int32)
        self._ids = [every[every % GATEWAYS == g] for g in range(GATEWAYS)]

    # ---------------------------------------------------------------- values
    def value(self, ids: np.ndarray, times: np.ndarray) -> np.ndarray:
        """What a datastream reads at a time: a daily course with its own phase."""
        base, swing = self._base[ids], self._swing[ids]
        turn = 2 * np.pi * (times - MIDNIGHT_MS) / 86_400_000
        wobble = 0.1 * np.sin(9.7 * turn + ids)
        return np.round(base + swing * (0.6 * np.sin(turn - 1.9 + ids % 5) + wobble), 2)

    def _points(self, first: int, last: int, gateway: int) -> tuple[np.ndarray, np.ndarray]:
        ids = self._ids[gateway]
        times = np.arange(first + self.size.every_s * 1000, last + 1, self.size.every_s * 1000)
        return np.tile(ids, len(times)), np.repeat(times - 400, len(ids))

    def _commit(
        self, first: int, last: int, gateways: list[int], change: float = 0.0, mark: int = 0
    ) -> None:
        """Values of (first, last] of some gateways, recorded now."""
        parts, messages = [], []
        for gateway in gateways:
            ids, times = self._points(first, last, gateway)
            if not len(ids):
                continue
            count = len(ids)
            value = self.value(ids, times) + change
            quality = np.full(count, mark, np.uint8)
            odd = (ids % 97 == 7) & ((times // MINUTE) % 240 < 20)
            quality[odd] |= np.uint8(Quality.UNCERTAIN)
            parts.append(
                PointColumns(
                    ids.astype(np.int32), times.astype(np.int64), value, quality,
                    np.full(count, len(messages), np.int32), np.arange(count, dtype=np.int32),
                )
            )  # fmt: skip
            seq = self._seq[gateway] = self._seq[gateway] + 1
            messages.append(
                MessageRecord(self._source(gateway), 7, seq, seq * 7919 + gateway,
                              self._clock.wall_ms(), count)
            )  # fmt: skip
        if messages:
            self._submit(Batch(tuple(messages), PointColumns.join(parts, [0] * len(parts))))

    def _source(self, gateway: int) -> int:
        names = {name: number for number, name in self._store.sources().items()}
        return names[self._names[gateway]]

    def _submit(self, batch: Batch) -> None:
        self._store.writer.submit(batch, self._done.put)
        outcome = self._done.get(timeout=60)
        if isinstance(outcome, BaseException):
            raise outcome

    # ---------------------------------------------------------------- what happens
    def _story(self) -> Iterator[tuple[int, Callable[[], None]]]:
        """(wall time, deed) of everything that makes then and now differ, with some more."""
        yield at("01:00"), lambda: self._raise("early", self._of(SILENT), at("00:58"), 3)
        yield at("03:41:30"), lambda: self._end("early", self._of(SILENT), at("00:58"), 3)
        yield at("03:10"), lambda: self._raise("night-flow", self._of(1), at("03:09"), 2)
        yield at("03:50"), lambda: self._ack("night-flow", self._of(1), at("03:09"), 2)
        yield at("07:00"), lambda: self._end("night-flow", self._of(1), at("03:09"), 2)
        yield at("03:42:30"), lambda: self._raise("after", self._of(9), at("03:42:20"), 1)
        yield at("04:30"), lambda: self._end("after", self._of(9), at("03:42:20"), 1)
        yield at("06:31"), self._back_filled
        yield at("06:40"), lambda: self._end("burst", self._of(SILENT), at("03:20"), 1)
        yield at("06:41"), lambda: self._incident(active=False)
        yield at("08:15"), self._corrected
        yield at("00:30"), lambda: self._forecast(0.18, 0.40)
        yield at("05:00"), lambda: self._forecast(0.31, 0.58)
        leaking, burst = self._asset(self._of(1)), self._asset(self._of(SILENT))
        first = WorkOrder("WO-1", leaking, "Listen for a leak in zone 1", "open", at("02:00"),
                          at("12:00"), "alarm", "Operator 2", "Two men at Mill Lane")  # fmt: skip
        second = WorkOrder("WO-2", burst, "Repair the main", "planned", at("09:30"),
                           created_by="Operator 1", note="Traffic is told")  # fmt: skip
        yield at("02:00"), lambda: self._order(first)
        found = replace(first, state="done", finding="found: burst main", closed_ms=at("09:00"))
        yield at("09:00"), lambda: self._order(found)
        yield at("09:30"), lambda: self._order(second)

    def _noise(self) -> Iterator[tuple[int, Callable[[], None]]]:
        """Short alarms all over the city and the day."""
        rng = np.random.default_rng(11)
        for n in range(self.size.alarms):
            stream = int(rng.integers(20, max(len(self._streams), 21)))
            begin = MIDNIGHT_MS + int(rng.integers(0, self.size.hours * 3_600_000))
            end, priority = begin + int(rng.integers(30_000, 5_400_000)), 2 + n % 3
            rule = f"limit-{n % 40}"
            yield begin, lambda r=rule, s=stream, b=begin, p=priority: self._raise(r, s, b, p)  # type: ignore[misc]
            yield end, lambda r=rule, s=stream, b=begin, p=priority: self._end(r, s, b, p)  # type: ignore[misc]

    def _back_filled(self) -> None:
        for hour in (0, 1):
            first = at("02:10") + hour * 60 * MINUTE
            self._commit(first, first + 60 * MINUTE, [SILENT], mark=int(QualityMark.HISTORICAL))
        self._raise("burst", self._of(SILENT), at("03:20"), 1)
        self._incident(active=True)

    def _incident(self, *, active: bool) -> None:
        cause, other = self._asset(self._of(SILENT)), self._asset(self._of(1))
        incident = Incident("i-1", f"burst@{cause}", cause, "Burst main", 1, at("03:20"),
                            (f"night-flow@{other}",), 1_840, active, "water graph")  # fmt: skip
        self._call(lambda a: a.put_incidents([incident]))

    def _corrected(self) -> None:
        self._commit(at("03:30"), at("03:45"), [CORRECTING], change=0.5)

    def _forecast(self, low: float, high: float) -> None:
        asset, now = self._asset(self._of(0)), self._clock.wall_ms()
        item = Prognosis(asset, now, 30.0, (low + high) / 2, low, high, 6, 15,
                         "simulated history, 12 failures", (Reason("vibration", 0.5, "Vibration"),),
                         what="Pump, bearing")  # fmt: skip
        self._call(lambda a: a.put_prognoses([item]))

    def _order(self, order: WorkOrder) -> None:
        self._call(lambda a: a.put_work_order(order))

    def _record(self, rule: str, stream: int, since: int, priority: int) -> AlarmRecord:
        return AlarmRecord(
            rule, self._asset(stream), stream, AlarmState.UNACK, priority,
            f"{rule.capitalize().replace('-', ' ')} out of its range", True, since,
            self._clock.wall_ms(), people=310,
        )  # fmt: skip

    def stream_of(self, gateway: int, nth: int = 0) -> int:
        """A datastream of a gateway, by its number among those of the gateway."""
        return int(self._ids[gateway][nth])

    def asset_of(self, gateway: int) -> str:
        """The asset of the gateway's first datastream."""
        return self._asset(self.stream_of(gateway))

    def _asset(self, stream: int) -> str:
        return self._streams[stream].asset

    def _of(self, gateway: int) -> int:
        return self.stream_of(gateway)

    def _raise(self, rule: str, stream: int, since: int, priority: int) -> None:
        record = self._record(rule, stream, since, priority)
        self._event("raised", AlarmState.NORM, record)

    def _ack(self, rule: str, stream: int, since: int, priority: int) -> None:
        record = replace(self._record(rule, stream, since, priority), state=AlarmState.ACKED,
                         acked_by="Operator 2", note="Crew is on the way")  # fmt: skip
        self._event("acked", AlarmState.UNACK, record, "Operator 2", "Crew is on the way")

    def _end(self, rule: str, stream: int, since: int, priority: int) -> None:
        record = self._record(rule, stream, since, priority)
        record = replace(record, state=AlarmState.NORM, active=False)
        self._event("cleared", AlarmState.ACKED, record)

    def _event(
        self, word: str, before: AlarmState, record: AlarmRecord, actor: str = "system",
        note: str = "",
    ) -> None:  # fmt: skip
        def put(access: WriteAccess) -> None:
            event = AlarmEvent(record.rule, record.asset, access.last_batch,
                               self._clock.wall_ms(), word, before, record.state, record, actor,
                               note)  # fmt: skip
            access.put_alarm_events([event])

        self._call(put)

    def _call(self, work: Callable[[WriteAccess], object]) -> None:
        self._store.writer.call(work).result(60)


def _course(stream: Datastream) -> tuple[float, float]:
    """What a datastream reads in the middle of the day, and how far it swings."""
    for _, _, what, unit, base, swing, _, _ in KINDS:
        if (stream.kind, stream.unit) == (what, unit):
            return base, swing
    low, high = stream.limits.low, stream.limits.high
    if low is not None and high is not None:
        return (low + high) / 2, (high - low) / 4
    base = 0.6 * high if high is not None else BASES.get(stream.unit, 50.0)
    return base, base / 8
