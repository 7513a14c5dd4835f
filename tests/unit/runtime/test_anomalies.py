"""Anomalies of a recorder: found live, told with a reason, judged by people, muted by works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.kit.feeds import FeedBuilder
from tests.kit.patience import until
from tests.kit.program import json_of, verb
from tests.kit.usual_past import SOURCE, UsualPast

from lamplighter.analytics.signal_judging import SignalFinding
from lamplighter.analytics.watching import Departure
from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.alarm_design import PlannedWork, RuleDefinition
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.anomaly_list import anomalies_of
from lamplighter.runtime.recorder import Recorder

DAY_MS = 86_400_000


class Town:
    """A recorder that learned, and a device whose levels a test adds something to."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.past = UsualPast(folder, self.clock, streams=4, days=4)
        self.past.write(every_min=20)
        self.recorder = Recorder(folder, self.clock, plugin_code=False)
        self.recorder.start()
        self.device = FeedBuilder(self.clock, SOURCE, epoch=self.clock.wall_ms())
        self._seq = 0
        self.session = Session(WireCarrier(folder))
        self.events: list[wire.Event] = []
        self.session.subscribe(self.events.append)
        until(lambda: self.recorder.anomalies._table is not None)

    def close(self) -> None:
        self.session.close()
        self.recorder.stop()

    def minute(self, added: tuple[float, ...]) -> None:
        """One value of each tank, taken in by the watch; then its minute is closed."""
        now = self.clock.wall_ms()
        at = np.array([now], np.int64)
        levels = [float(self.past.value(n, at)[0]) + more for n, more in enumerate(added)]
        points = [(f"level-{n}", now, level) for n, level in enumerate(levels)]
        assert self.recorder.inlet.deliver(self.device.message(self._seq, points))
        self._seq += 1
        watch, desk = self.recorder.anomalies.watch, self.recorder.anomalies
        others = [0, 1, 3]  # 2 is in works
        until(lambda: watch._seen.size > 3 and (watch._seen[others] >= now).all())
        done: list[int] = []

        def close() -> None:
            desk._next_ms = self.recorder.clock.monotonic_ms() + 10**9
            desk.minute(self.recorder.clock.wall_ms())
            done.append(1)

        self.recorder.core.on_beat(close)
        until(lambda: done)
        thread = desk._thread
        assert thread is not None
        thread.join(30)

    def anomalies(self) -> tuple[Anomaly, ...]:
        reply = self.session.ask_now(wire.GetAnomalies())
        assert isinstance(reply, wire.Anomalies)
        return reply.items


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One for all tests here: odd values at T0, works at T2."""
    made = Town(tmp_path_factory.mktemp("anomalies") / "town")
    yield made
    made.close()


def earlier(town: Town) -> None:
    """Three old cases: alike and repaired, alike and false, and of another kind."""
    end = town.past.end_ms
    curve = (*([0.0] * 22), 4.0, 9.0)
    old = [
        Anomaly("AN-a", "point", "T2", 2, end - 3 * DAY_MS, end - 3 * DAY_MS, "x",
                until_ms=end - 3 * DAY_MS + 60_000, curve=curve, verdict="real", order="WO-7"),
        Anomaly("AN-b", "point", "T3", 3, end - 2 * DAY_MS, end - 2 * DAY_MS, "x",
                until_ms=end - 2 * DAY_MS + 7_200_000, curve=curve, verdict="false"),
        Anomaly("AN-c", "stuck", "T3", 3, end - DAY_MS, end - DAY_MS, "x",
                until_ms=end - DAY_MS + 1, curve=(0.0,) * 24),
    ]  # fmt: skip
    order = WorkOrder("WO-7", "T2", "Level sensor", "done", finding="found: bubble in the line")

    def put(access: object) -> None:
        access.put_anomalies(old)  # type: ignore[attr-defined]
        access.put_work_order(order)  # type: ignore[attr-defined]

    town.recorder.store.writer.call(put).result(30)


def test_an_odd_value_is_told_with_its_reason_and_past_cases_and_closed_by_a_person(
    town: Town,
) -> None:
    earlier(town)
    town.minute((0.0, 0.0, 0.0, 0.0))  # other tests may have left odd neighbours
    town.recorder.anomalies._open = {}
    for _ in range(3):
        town.minute((1.5, 0.0, 0.0, 0.0))

    found = [a for a in town.anomalies() if a.datastream == 0 and not a.until_ms]
    assert len(found) == 1
    one = found[0]
    assert one.kind == "point"
    assert one.asset == "T0"
    assert "Level 0" in one.reason and "spreads over" in one.reason
    assert one.reason.count(".") >= 1 and "\n" not in one.reason
    assert {c.outcome.partition("; alarm")[0] for c in one.similar[:2]} == {
        "called a false alarm",
        "called real; order WO-7 done, found: bubble in the line",
    }
    assert len(one.similar) == 3
    told = [e for e in town.events if isinstance(e, wire.AnomaliesChanged)]
    assert any(a.id == one.id for e in told for a in e.items)

    assert isinstance(town.session.ask_now(wire.JudgeAnomaly(one.id, "real", "valve")), wire.Ok)
    again = next(a for a in town.anomalies() if a.id == one.id)
    assert (again.verdict, again.note) == ("real", "valve")
    assert again.verdict_by
    refused = town.session.ask_now(wire.JudgeAnomaly("AN-none", "real"))
    assert isinstance(refused, wire.Refused)
    assert isinstance(town.session.ask_now(wire.JudgeAnomaly(one.id, "maybe")), wire.Refused)


def test_a_departure_that_grows_keeps_its_order_and_note(town: Town) -> None:
    town.minute((0.0, 0.0, 0.0, 0.0))
    desk = town.recorder.anomalies
    known = Anomaly("AN-k", "drift", "T0", 0, 1, 1, "x", score=1.0, note="look", order="WO-9")
    desk._open = {0: known}
    grown = Departure(0, "drift", 3.0, 0.5, 1, 0.0, (0.0,) * 24)
    (again,) = desk._changed([grown], town.clock.wall_ms())
    desk._open = {}
    assert (again.id, again.score, again.order, again.note) == ("AN-k", 3.0, "WO-9", "look")


def test_planned_works_mute_their_assets_and_no_others(town: Town) -> None:
    now = town.clock.wall_ms()
    work = PlannedWork("", "cleaning", now - 60_000, now + 3_600_000, ("T2",))
    assert isinstance(town.session.ask_now(wire.PutWork(work)), wire.Ok)
    desk = town.recorder.anomalies
    until(lambda: any(q.id.startswith("works:") for q in town.recorder.core.city.quiets))
    desk._look()
    until(lambda: desk._muted.size and desk._muted[2])

    now = town.clock.wall_ms()
    points = [(f"level-{n}", now, float(town.past.value(n, np.array([now]))[0])) for n in range(4)]
    before = desk.watch._seen[2]
    assert town.recorder.inlet.deliver(town.device.message(town._seq, points))
    town._seq += 1
    until(lambda: desk.watch._seen[1] >= now)
    assert desk.watch._seen[2] == before


def test_the_verb_lists_them(town: Town) -> None:
    earlier(town)
    folder = str(town.past.folder)
    old = ["AN-c", "AN-b", "AN-a"]

    def ids(*words: str) -> list[str]:
        found = anomalies_of(town.past.folder, *words)["anomalies"]
        return [a["id"] for a in found if a["id"] in old]

    assert ids() == old
    assert ids(str(town.past.end_ms - 2 * DAY_MS - 1)) == old[:2]
    assert ids("", "", "T2") == ["AN-a"]
    listed = verb("anomalies", folder)
    assert "AN-a" in listed.stdout and "called real" in listed.stdout
    assert json_of("expected", folder)["used"] == 4
    with pytest.raises(LamplighterError):
        anomalies_of(town.past.folder, "yesterdayish")
    with pytest.raises(LamplighterError) as refused:
        anomalies_of(town.past.folder, asset="T22")
    assert refused.value.problem.code == "U-809"


def test_what_the_judge_of_signals_finds_stands_until_it_finds_it_no_more(town: Town) -> None:
    now = town.clock.wall_ms()
    desk = town.recorder.anomalies
    desk._open = {}  # whatever other tests left standing
    stuck = SignalFinding(3, "", "stuck", now - 7_200_000, now, 2.5, 0.0, "Level 3 has stood.")
    odd = SignalFinding(-1, "T1", "together", now - 7_200_000, now, 1.9, 4.0, "At odds.", (1,))
    drift = SignalFinding(3, "", "drift", now - 7_200_000, now, 9.0, 4.0, "It drifts.")

    desk.told_by_signals((stuck, odd), ("T1",))
    found = {a.kind: a for a in town.anomalies() if not a.until_ms}
    assert found["stuck"].asset == "T3" and found["stuck"].datastream == 3
    assert found["together"].asset == "T1"

    desk.told_by_signals((drift,), ())  # T1 was not judged; the watch knows drifts of T3 better
    again = {a.id: a for a in town.anomalies()}
    assert again[found["stuck"].id].until_ms
    assert not again[found["together"].id].until_ms
    assert not [a for a in again.values() if a.reason == "It drifts."]

    desk.told_by_signals((), ("T1",))
    assert {a.id: a for a in town.anomalies()}[found["together"].id].until_ms


def test_the_last_days_are_read_from_the_store(town: Town) -> None:
    signals = town.recorder.anomalies.signals
    until(lambda: signals._filled)
    until(lambda: signals.ring.values.shape[1] >= 4)
    known = np.isfinite(signals.ring.values).sum(axis=0)
    assert (known[:4] >= 4 * 24 * 3 - 2).all()


def test_an_alarm_rings_where_a_value_inside_its_limits_is_not_what_was_expected(
    town: Town,
) -> None:
    rule = RuleDefinition("off", "Level is off", Condition.RESIDUAL, kind="level", threshold=6.0)
    assert not isinstance(town.session.ask_now(wire.PutRule(rule)), wire.Refused)
    assert not isinstance(town.session.ask_now(wire.ArmRule("off", waiver="t")), wire.Refused)
    engine = town.recorder.core.alarms
    until(lambda: any(r.id == "project.off" for r in engine.rules))

    town.minute((0.0, 0.9, 0.0, 0.0))

    def rings() -> bool:
        reply = town.session.ask_now(wire.GetAlarms())
        assert isinstance(reply, wire.Alarms)
        return any(a.asset == "T1" and a.rule == "project.off" for a in reply.alarms)

    until(rings)
    stream = town.recorder.core.city.streams[1]
    value = float(town.recorder.core.newest.value[1])
    assert stream.limits.low is not None and stream.limits.high is not None
    assert stream.limits.low < value < stream.limits.high
