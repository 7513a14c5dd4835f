"""A recorder learns what is usual from its own history, keeps it signed, and says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.patience import until
from tests.kit.recorders import running
from tests.kit.usual_past import HOUR_MS, UsualPast

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.anomaly import REAL, Anomaly
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.task import TaskState
from lamplighter.runtime.hours import hourly_history
from lamplighter.runtime.known_events import known_events
from lamplighter.runtime.recorder import Recorder


@pytest.fixture
def past(tmp_path: Path) -> UsualPast:
    made = UsualPast(tmp_path / "town", SystemClock(), streams=4, days=4)
    made.write(every_min=20)
    return made


@pytest.fixture
def recorder(past: UsualPast) -> Iterator[Recorder]:
    with running(past.folder) as made:
        yield made


def test_what_is_usual_is_learned_kept_signed_and_used_again(
    past: UsualPast,
) -> None:
    recorder = Recorder(past.folder, SystemClock(), plugin_code=False)
    recorder.start()
    until(lambda: recorder.usual.report.card.made_ms and recorder.usual.table is not None)
    card = recorder.usual.report.card
    assert (card.used, card.datastreams) == (4, 4)
    rows = [t for t in recorder.jobs.tasks() if t.name == "Learn what is usual"]
    assert [t.state for t in rows] == [TaskState.DONE]

    session = Session(WireCarrier(past.folder))
    told = session.ask_now(wire.GetExpected(0))
    curves = session.ask_now(
        wire.GetExpectedCurve((0,), past.end_ms - 24 * HOUR_MS, past.end_ms, 100)
    )
    session.close()
    assert isinstance(told, wire.Expected)
    assert told.row is not None and told.row.why == "used"
    assert told.row.error is not None and told.row.naive is not None
    assert told.row.error <= told.row.naive
    assert isinstance(curves, wire.ExpectedCurves)
    curve = curves.items[0]
    assert abs(curve.expected - past.value(0, curve.time_ms)).mean() < 0.25

    recorder.stop()
    again = Recorder(past.folder, SystemClock(), plugin_code=False)
    again.start()
    try:
        until(lambda: again.usual.table is not None)
        assert again.usual.report.card.made_ms == card.made_ms
        assert not [t for t in again.jobs.tasks() if t.name == "Learn what is usual"]
    finally:
        again.stop()


def test_times_that_people_explain_teach_nothing(past: UsualPast, recorder: Recorder) -> None:
    end = past.end_ms
    order = WorkOrder(
        "WO-1", "T1", "Level sensor replaced", "done",
        created_ms=end - 31 * HOUR_MS, closed_ms=end - 30 * HOUR_MS,
    )  # fmt: skip
    odd = Anomaly("AN-1", "change", "T2", 2, end - 10 * HOUR_MS, end - 9 * HOUR_MS, "odd",
                  until_ms=end - 8 * HOUR_MS, verdict=REAL)  # fmt: skip
    plain = order.__class__("WO-2", "T3", "Cut the grass", "done", closed_ms=end - 30 * HOUR_MS)

    def put(access: object) -> None:
        access.put_work_order(order)  # type: ignore[attr-defined]
        access.put_work_order(plain)  # type: ignore[attr-defined]
        access.put_anomalies([odd])  # type: ignore[attr-defined]

    recorder.store.writer.call(put).result(30)
    city = recorder.core.city
    events = known_events(recorder.store, city)
    found = hourly_history(recorder.store, city, events, end + 1)

    known = (~(found.mean != found.mean)).sum(axis=1).tolist()
    assert known[0] == known[3] == 96
    assert known[1] <= 30
    assert 92 <= known[2] <= 94


def test_a_person_can_have_it_learned_and_stopped(past: UsualPast, recorder: Recorder) -> None:
    until(lambda: recorder.usual.report.card.made_ms)
    until(lambda: not recorder.usual._busy)
    number = recorder.usual.train(asked=True)
    assert number is not None
    assert recorder.usual.train(asked=True) is None
    recorder.jobs.cancel(number)
    until(lambda: not recorder.usual._busy)
    task = next(t for t in recorder.jobs.tasks() if t.id == number)
    assert task.state in (TaskState.CANCELLED, TaskState.DONE)
    until(lambda: recorder.usual.table is not None)
