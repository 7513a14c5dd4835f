"""A recorder that is none: a synthetic city for tests and pictures of the window.

`FakeSession(incident=True)` trips a substation; `flood=n` raises n alarms; `quiet` has none.
Replies and events go through `deliver`, in order, as the real session does it.
"""

# ruff: noqa: E501, PERF401
from __future__ import annotations

import math
import time
from collections.abc import Callable

import msgspec
import numpy as np

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.city import Asset, Datastream, Edge, Frame, Limits
from lamplighter.domain.command import Command, CommandState, Outcome
from lamplighter.domain.maintenance import Prognosis, Reason, SimilarCase, WorkOrder
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.observation import Account
from lamplighter.domain.problems import problem
from lamplighter.domain.quality import Quality
from lamplighter.domain.task import Task, TaskState
from tests.ui.fake_alarm_room import AlarmRoom

Deliver = Callable[[Callable[[], None]], None]

WORLDS = (
    ("water", "Pump", "P", 40, (("pressure", "bar", 4.1, 0.01, Limits(2.0, 2.8, 5.2, 5.8)),)),
    ("water", "Junction", "J", 300, (("pressure", "bar", 3.9, 0.01, Limits(2.0, 2.8, 5.2, 5.8)),)),
    ("water", "Zone", "Z", 3, (("unaccounted", "m³/h", 1.0, 1.0, Limits(high=9.0)),)),
    ("power", "Substation", "SS", 12, (("power", "MW", 3.4, 0.1, Limits(high=11.0)),)),
    ("power", "Feeder", "F", 80, (("voltage", "kV", 10.2, 0.01, Limits()),)),
    ("mobility", "Signal", "TS", 90, (("speed_ratio", "%", 92.0, 1.0, Limits()),)),
    ("environment", "AirMonitor", "AQ", 24, (("no2", "µg/m³", 24.0, 1.0, Limits(high=80.0)),)),
    ("environment", "NoiseMonitor", "NM", 14, (("noise", "dB(A)", 58.0, 1.0, Limits(high=70.0)),)),
    ("structures", "Bridge", "BR", 11, (("strain", "µε", 41.0, 0.1, Limits()),)),
)
STREETS = (
    "Mill Lane",
    "Dock Road",
    "Quayside",
    "Northbank",
    "Hillside",
    "Market",
    "Weir",
    "Foundry",
)


def make_city(buildings: int = 300, times: int = 1) -> wire.City:
    """Assets with positions, datastreams with limits, a few edges."""
    assets: list[Asset] = []
    streams: list[Datastream] = []
    edges: list[Edge] = []
    for domain, kind, prefix, count, phenomena in WORLDS:
        for number in range(1, count * times + 1):
            ident = f"{prefix}-{number:02d}"
            name = f"{ident} {STREETS[number % len(STREETS)]}"
            people = 400 * (number % 7) if kind in {"Pump", "Substation"} else 0
            angle = number * 2.4
            assets.append(
                Asset(
                    ident, kind, name, domain, 4.48 + 0.001 * number, 51.9, 3.0,
                    40 * math.sqrt(number) * math.cos(angle), 40 * math.sqrt(number) * math.sin(angle),
                    2.0, people=people, mode="twin" if ident == "P-14" else "shadow",
                )
            )  # fmt: skip
            for what, unit, _, resolution, limits in phenomena:
                streams.append(
                    Datastream(
                        len(streams), f"gw-{number % 14 + 1}", f"{ident}/{what}", unit, what, ident,
                        f"{name}, {what}", 1000, resolution, limits,
                    )
                )  # fmt: skip
    for number in range(1, buildings + 1):
        assets.append(
            Asset(f"B-{number:04d}", "Building", f"House {number}", "buildings", people=4)
        )
    edges += [Edge("SS-04", "feeds", f"P-{n:02d}", "project") for n in (14, 17)]
    edges += [Edge("SS-04", "feeds", f"TS-{n:02d}", "project") for n in range(1, 12)]
    frame = Frame(28992, 92_000.0, 437_000.0)
    return wire.City(tuple(assets), tuple(edges), tuple(streams), (), frame)


class FakeSession:
    """See the module. `tick()` makes the next second of values and events."""

    def __init__(
        self,
        deliver: Deliver,
        *,
        incident: bool = False,
        flood: int = 0,
        empty: bool = False,
        bad_share: float = 0.0,
        stale_share: float = 0.0,
        buildings: int = 300,
        times: int = 1,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.deliver, self._now = deliver, clock
        self.city = wire.City((), (), (), (), None) if empty else make_city(buildings, times)
        self.asked: list[wire.Request] = []
        self.closed = False
        self.refuse_all = False
        self._listeners: list[Callable[[wire.Event], None]] = []
        self._started = clock()
        self.welcome = wire.Welcome(
            "Harbour District", "/nowhere", True, "0.1.0", 1, "Seat 1", "Operator", "", None,
            self._started - 14 * 3_600_000, self._started - 14 * 3_600_000,
        )  # fmt: skip
        self.values = blank(len(self.city.datastreams))
        self.alarms: dict[str, AlarmRecord] = {}
        self.incidents: tuple[Incident, ...] = ()
        self._batch = 0
        self._rng = np.random.default_rng(7)
        self._base = np.array(
            [
                next(p[2] for w in WORLDS for p in w[4] if p[0] == d.kind)
                for d in self.city.datastreams
            ]
        )
        self._bad = self._rng.random(len(self._base)) < bad_share
        self._stale = self._rng.random(len(self._base)) < stale_share
        self.orders: tuple[WorkOrder, ...] = ()
        self.shelf = wire.Shelf()
        self.presets: tuple[wire.TrendPreset, ...] = ()
        self.tasks: tuple[Task, ...] = ()
        self.commands: dict[str, CommandState] = {}
        self.room = AlarmRoom(self)
        if incident:
            self._trip()
        if flood:
            self._flood(flood)
        if not empty:
            self.tick()

    # ---------------------------------------------------------------- the port
    def ask(self, request: wire.Request, done: Callable[[wire.Reply], None]) -> None:
        self.asked.append(request)
        reply = self._reply(request)
        self.deliver(lambda: done(reply))

    def subscribe(self, listener: Callable[[wire.Event], None]) -> None:
        self._listeners.append(listener)

    def newest(self) -> NewestValues | None:
        return self.values

    def when_lost(self, tell: Callable[[str], None]) -> None:
        self.lose = tell

    def close(self) -> None:
        self.closed = True

    # ---------------------------------------------------------------- playing
    def emit(self, event: wire.Event) -> None:
        for listener in self._listeners:
            self.deliver(lambda listener=listener: listener(event))  # type: ignore[misc]

    def tick(self) -> None:
        now, count = self._now(), len(self._base)
        self._batch += 1
        expected = self._base * (1 + 0.02 * math.sin(now / 400_000))
        value = expected * (1 + 0.01 * self._rng.standard_normal(count))
        if self.incidents:
            for row, stream in enumerate(self.city.datastreams):
                if stream.asset in {"P-14", "P-17"}:
                    value[row] = 2.61
                elif stream.asset == "SS-04":
                    value[row] = 0.0
        times = np.full(count, now - 300, np.int64)
        times[self._stale] = self._started - 360_000
        quality = np.zeros(count, np.uint8)
        quality[self._bad] = 2
        quality[self._stale] = int(Quality.STALE)
        self.values = NewestValues(
            self._batch, now, times, value, expected, np.abs(self._base) * 0.03,
            np.where(self._stale, 0.2, 0.97).astype(np.float32), quality,
        )  # fmt: skip
        self.emit(self.status())

    def status(self) -> wire.Status:
        count = len(self._base)
        stale = int(self._stale.sum())
        feeds = tuple(
            wire.FeedState(f"gw-{n}", "mqtt://broker", "lost" if n == 7 and self.incidents else "live",
                           1000, 0.4)
            for n in range(1, 15)
        )  # fmt: skip
        total = self._batch * count
        return wire.Status(
            self._now(), self._batch, Account(total, total), 0, float(count), count / 50, 0.4, 12, 8.0,
            feeds, count, count - stale, stale, 212.0, 212.0, 180.0,
        )  # fmt: skip

    def raise_alarm(self, asset: str, priority: int, text: str, **more: object) -> AlarmRecord:
        now = self._now()
        stream = next((d.id for d in self.city.datastreams if d.asset == asset), -1)
        record = AlarmRecord(
            f"rule-{text[:12]}", asset, stream, AlarmState.UNACK, priority, text, True, now, now
        )
        record = msgspec.structs.replace(record, **more)
        self.alarms[record.key] = record
        self.emit(wire.AlarmsChanged((record,), self.incidents))
        self.room.raised(1)
        return record

    def silenced_by(self, who: str) -> None:
        """Somebody at another console."""
        self.room.silenced(who)

    def _trip(self) -> None:
        now = self._now() - 361_000
        cause = self._alarm("SS-04", 1, "Bus B tripped", now, people=3412)
        guidance = (
            "Confirm SS-04 with the grid desk, line 2.",
            "Rehearse feeding zone 3 from zone 2, valve V-31.",
            "If not restored by 14:25, send mobile set 3.",
        )
        folded = [
            self._alarm("P-14", 1, "Pump stopped: supply lost", now + 2000, people=2180,
                        state=AlarmState.ACKED, acked_by="Operator 1", guidance=guidance,
                        cause="Supply lost: SS-04 bus B tripped",
                        consequence="Zone 3 below 2.0 bar at about 14:40 (14:31–14:55)"),
            self._alarm("P-17", 1, "Pump stopped: supply lost", now + 2000, people=1232),
            *(self._alarm(f"TS-{n:02d}", 2, "Dark, junction uncontrolled", now + 3000)
              for n in range(1, 12)),
            self._alarm("J-118", 3, "Low pressure 2.7 bar", now + 93_000, people=410,
                        state=AlarmState.RTN_UNACK),
            *(self._alarm(f"J-{n:02d}", 3, "Low pressure", now + 100_000, state=AlarmState.ACKED,
                          acked_by="Operator 1") for n in range(20, 29)),
            *(self._alarm(f"F-{n:02d}", 4, "No voltage", now + 1000, state=AlarmState.ACKED,
                          acked_by="Operator 1") for n in range(1, 17)),
        ]  # fmt: skip
        self._alarm("NM-07", 3, "Silent 6 min, 211 streams not live", now + 24_000)
        self._alarm("Z-02", 4, "Drift against mass balance", now - 17_000_000,
                    state=AlarmState.SHELVED, shelved_until_ms=self._now() + 3_000_000,
                    acked_by="Operator 2", reason="sensor under repair")  # fmt: skip
        keys = tuple(a.key for a in folded)
        self.room.raised(11)
        self.incidents = (
            Incident("i-1", cause.key, "SS-04", "Bus B tripped", 1, now, keys, 3412, True,
                     "power graph"),
        )  # fmt: skip
        for key in (cause.key, *keys):
            self.alarms[key] = msgspec.structs.replace(self.alarms[key], incident="i-1")

    def _flood(self, count: int) -> None:
        now = self._now()
        self.room.raised(count)
        ids = [a.id for a in self.city.assets]
        for n in range(count):
            self._alarm(ids[n % len(ids)], 1 + n % 4, f"Flood alarm {n // len(ids)}", now - n)

    def _alarm(self, asset: str, priority: int, text: str, at: int, **more: object) -> AlarmRecord:
        stream = next((d.id for d in self.city.datastreams if d.asset == asset), -1)
        values: dict[str, object] = {"state": AlarmState.UNACK, **more}
        state = values.pop("state")
        record = AlarmRecord(
            text.lower().replace(" ", "-"), asset, stream, state, priority, text,  # type: ignore[arg-type]
            state is not AlarmState.RTN_UNACK, at, at, **values,  # type: ignore[arg-type]
        )  # fmt: skip
        self.alarms[record.key] = record
        return record

    # ---------------------------------------------------------------- answers
    def _reply(self, request: wire.Request) -> wire.Reply:
        if self.refuse_all:
            return wire.Refused(problem("U-805", what="a test says so"))
        known = self.room.reply(request)
        if known is not None:
            return known
        match request:
            case wire.GetCity():
                return self.city
            case wire.GetAlarms():
                return wire.Alarms(tuple(self.alarms.values()), self.incidents)
            case wire.GetHistory():
                return wire.History(tuple(self._series(request, d) for d in request.datastreams))
            case wire.GetMoment():
                return self._moment(request)
            case wire.GetThresholds():
                return wire.Thresholds(tuple(
                    wire.Threshold(d, 5.5, True, 2, "test") for d in request.datastreams[:1]
                ))  # fmt: skip
            case wire.GetTrendPresets():
                return wire.TrendPresets(self.presets)
            case wire.PutTrendPreset(preset):
                rest = [p for p in self.presets if p.name != preset.name]
                self.presets = (*rest, preset)
                return wire.TrendPresets(self.presets)
            case wire.DropTrendPreset(name):
                self.presets = tuple(p for p in self.presets if p.name != name)
                return wire.TrendPresets(self.presets)
            case wire.WriteTrend():
                return wire.TrendWritten(request.path, 1, False)
            case wire.GetSigns():
                return self._signs(request)
            case wire.GetDifference():
                return self._difference(request)
            case wire.GetPrognosis():
                return wire.Prognoses(() if not self.city.assets else prognoses(self._now()))
            case wire.GetWorkOrders():
                return wire.WorkOrders(self.orders)
            case wire.GetTasks():
                return wire.Tasks(self.tasks)
            case wire.GetCommands():
                return wire.Commands(tuple(self.commands.values()))
            case wire.AlarmAction():
                return self._act(request)
            case wire.PutWorkOrder():
                self.emit(wire.WorkOrderChanged(request.order))
                return wire.Ok()
            case wire.GetShelf():
                return self.shelf
            case wire.PutBookmark(view):
                kept = [v for v in self.shelf.bookmarks if v.id != view.id]
                self.shelf = wire.Shelf((*kept, view), self.shelf.tours)
                self.emit(self.shelf)
                return wire.Ok()
            case wire.PutTour(tour):
                rest = [t for t in self.shelf.tours if t.id != tour.id]
                self.shelf = wire.Shelf(self.shelf.bookmarks, (*rest, tour))
                self.emit(self.shelf)
                return wire.Ok()
            case wire.DropFromShelf():
                self.shelf = wire.Shelf(
                    tuple(v for v in self.shelf.bookmarks if v.id != request.bookmark),
                    tuple(t for t in self.shelf.tours if t.id != request.tour),
                )
                self.emit(self.shelf)
                return wire.Ok()
            case wire.RunScenario():
                return self._scenario(request)
            case wire.SendCommand():
                return self._command(request)
            case wire.GetGaps():
                return wire.Gaps(())
            case wire.GetFeeds():
                return wire.Feeds(self.status().feeds)
            case _:
                return wire.Ok()

    def _act(self, request: wire.AlarmAction) -> wire.Reply:
        states = {
            "ack": AlarmState.ACKED, "shelve": AlarmState.SHELVED, "unshelve": AlarmState.UNACK,
            "disable": AlarmState.OUT_OF_SERVICE, "enable": AlarmState.UNACK,
            "reset": AlarmState.NORM,
        }  # fmt: skip
        changed = []
        for key in request.keys:
            before = self.alarms[key]
            latched = request.action == "ack" and before.state is AlarmState.LATCHED
            record = msgspec.structs.replace(
                before, state=before.state if latched else states[request.action],
                acked_by="Seat 1", acked_ms=self._now(),
                shelved_until_ms=request.until_ms, reason=request.reason,
            )  # fmt: skip
            self.alarms[key] = record
            changed.append(record)
        self.emit(wire.AlarmsChanged(tuple(changed), self.incidents))
        self.room.silenced("Seat 1")
        return wire.Ok()

    def _series(self, request: wire.GetHistory, ident: int) -> wire.Series:
        span = request.to_ms - request.from_ms
        count = max(2, min(request.points, span // 1000))
        times = np.linspace(request.from_ms, request.to_ms, count, endpoint=False).astype(np.int64)
        base = self._base[ident]
        value = base * (
            1 + 0.015 * np.sin(times / 90_000) + 0.004 * self._rng.standard_normal(count)
        )
        gap = (request.from_ms + span // 3, request.from_ms + span // 3 + span // 12)
        gaps = (gap,) if ident % 3 == 2 else ()
        keep = np.ones(count, np.bool_)
        for first, last in gaps:
            keep &= (times < first) | (times > last)
        times, value = times[keep], value[keep]
        return wire.Series(
            ident,
            times,
            value,
            np.zeros(len(times), np.uint8),
            value * 0.998,
            value * 1.002,
            True,
            gaps,
        )

    def _moment(self, request: wire.GetMoment) -> wire.Moment:
        at, values = request.at_ms, self.values
        alarms = tuple(a for a in self.alarms.values() if a.since_ms <= at)
        incidents = tuple(i for i in self.incidents if i.since_ms <= at)
        times = np.full(len(values), at - 400, np.int64)
        share = 0.97 if request.as_known else 1.02
        if request.as_known:  # a gateway that was silent then
            times[10 : 10 + len(times) // 14] = at - 5_520_000
        items = () if not self.city.assets else prognoses(at)
        value = np.concatenate([values.value[:3] * share, values.value[3:] * 0.97])
        return wire.Moment(at, 1, times, value, values.quality, alarms, incidents,
                           request.as_known, self.orders, items)  # fmt: skip

    def _signs(self, request: wire.GetSigns) -> wire.Signs:
        inside = [a for a in self.alarms.values()
                  if request.from_ms <= a.since_ms < request.to_ms
                  and (not request.datastreams or a.datastream in request.datastreams)]  # fmt: skip
        return wire.Signs(request.from_ms, request.to_ms, tuple(
            wire.Sign(a.since_ms, a.priority, 1, a.asset, a.datastream, a.text) for a in inside
        ))  # fmt: skip

    def _difference(self, request: wire.GetDifference) -> wire.Difference:
        at, count = request.at_ms, len(self._base)
        silent = count // 14
        then = [a for a in self.alarms.values() if a.since_ms <= at]
        later = tuple(a for a in self.alarms.values() if a.since_ms > at)[:3]
        changed = tuple(
            wire.ValueChange(n, float(self._base[n]) * 0.9, at - 5_520_000 if n else at - 400,
                             float(self._base[n]) * 0.97, at - 400, 0, n == 0)
            for n in range(min(silent, 40))
        )  # fmt: skip
        made = prognoses(at) if self.city.assets else ()
        was = tuple(msgspec.structs.replace(p, low=(p.low or 0.2) * 0.6, high=(p.high or 0.5) * 0.7)
                    for p in made[:1])  # fmt: skip
        return wire.Difference(
            at, count - silent, count, count, changed, max(silent - 1, 0), 1,
            (wire.LateData("gw-5 Hillside", 248_400, at - 5_520_000, at, at + 10_140_000),),
            True, len(then), len(then) + len(later), later, (), self.incidents, was, made[:1], (),
        )  # fmt: skip

    def _scenario(self, request: wire.RunScenario) -> wire.Reply:
        self.emit(wire.TaskChanged(Task(9, f"Scenario {request.name}", TaskState.RUNNING, 136, 200,
                                        started_ms=self._now() - 7000)))  # fmt: skip
        rows = tuple(
            wire.ScenarioRow(
                f"J-{n:02d}", "pressure", "bar", 3.9, 2.1 + n / 10, 1.9 + n / 10, 2.3 + n / 10
            )
            for n in range(1, 12)
        )
        self.emit(
            wire.ScenarioDone(request.name, request.settings, rows,
                              "Pressure falls below 2.8 bar at 6 of 11 nodes",
                              "EPANET 2.2, screening result, not a measurement")
        )  # fmt: skip
        return wire.TaskStarted(9)

    def _command(self, request: wire.SendCommand) -> wire.Reply:
        if request.mode != "live":
            return wire.Refused(
                problem("C-701", name=request.request.asset, what="not in live mode")
            )
        asked = request.request
        command = Command(
            "c-1", "seat-1", "operator", "zone", asked.asset, "gw-1", asked.action, asked.value,
            asked.seen, 0, self._now() + 30_000, 1, asked.reason,
        )  # fmt: skip
        for outcome, extra in ((Outcome.REQUESTED, {}), (Outcome.SENT, {}),
                               (Outcome.EXECUTED, {"round_trip_ms": 180, "measured": "closed"})):  # fmt: skip
            state = CommandState(command, outcome, self._now(), **extra)  # type: ignore[arg-type]
            self.commands["c-1"] = state
            self.emit(wire.CommandChanged(state))
        return wire.Ok()


def prognoses(now: int) -> tuple[Prognosis, ...]:
    """A ranked list with one item under the floor."""
    rows = (
        ("P-22", "Booster pump, bearing", 0.31, 0.44, 0.58, "Vibration 6.1 mm/s and rising", 0.94, 2640),
        ("SS-09", "Transformer, hot spot", 0.08, 0.12, 0.19, "Oil 9 °C above its load model", 0.97, 5100),
        ("P-31", "Sewage lift, seal", 0.05, 0.08, 0.14, "Closes in 41 s, was 28 s", 0.91, 410),
        ("TS-18", "Signal, lamp current", 0.04, 0.06, 0.11, "Current 22 % low on red", 0.99, 0),
        ("BR-02", "Bridge, bearing strain", 0.01, 0.05, 0.16, "Strain drift 4 µε a week", 0.71, 0),
    )  # fmt: skip
    items = [
        Prognosis(
            asset, now, 30, middle, low, high, 6, 15, "simulated history, 12 failures",
            (Reason("vibration", 0.46, why), Reason("bearing temperature", 0.27, "Bearing temperature"),
             Reason("hours since grease", 0.15, "Hours since grease")),
            (SimilarCase("P-22", now - 20_000_000_000, "failed after 19 d", 0.2),
             SimilarCase("P-08", now - 9_000_000_000, "failed after 11 d", 0.3)),
            trust, 0.04, "gradient boosting", what, people,
        )
        for asset, what, low, middle, high, why, trust, people in rows
    ]  # fmt: skip
    items.append(
        Prognosis("AQ-09", now, 30, None, None, None, trust=0.31, what="Air monitor, pump",
                  basis="No basis: 2 of 3 signals missing, trust 0.31, floor 0.50")
    )  # fmt: skip
    return tuple(items)
