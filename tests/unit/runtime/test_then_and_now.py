"""The two times: at 03:42 what was known then and what is known now differ where they should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit import brute_day
from tests.kit.clocks import FakeClock
from tests.kit.past_day import PastDay, Size, at

from lamplighter.domain import wire
from lamplighter.runtime import project, then_and_now
from lamplighter.runtime.history_answers import moment, signs
from lamplighter.runtime.project import export_observations
from lamplighter.store import Store
from lamplighter.store.sealer import Sealer

MOMENT = at(brute_day.MOMENT)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PastDay(tmp_path_factory.mktemp("day") / "p", Size(40, 60, 300, 300, 20)).write()


@pytest.fixture
def store(day: Path) -> Iterator[Store]:
    opened = Store.open(day, write=False, clock=FakeClock())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def golden() -> Any:
    return json.loads(brute_day.GOLDEN.read_text())


@pytest.mark.parametrize(("reading", "as_known"), [("then", True), ("now", False)])
def test_both_readings_are_those_of_the_golden_file(
    store: Store, golden: Any, reading: str, as_known: bool
) -> None:
    found = brute_day.told(store, MOMENT, as_known)
    for part, expected in golden[reading].items():
        assert found[part] == expected, part


def test_the_golden_file_is_what_an_export_says(day: Path, golden: Any, tmp_path: Path) -> None:
    export_observations(day, tmp_path / "day.csv")
    found = brute_day.readings(tmp_path / "day.csv", day / "city.db", MOMENT)
    assert json.loads(json.dumps(found)) == golden


def test_the_list_of_what_changed_names_exactly_what_differs(store: Store, golden: Any) -> None:
    streams = store.datastreams()
    found = then_and_now.difference(store, streams, wire.GetDifference(MOMENT))
    names = {d.id: d.name for d in streams}
    differ = golden["differ"]
    assert sorted(names[c.datastream] for c in found.changed) == differ["values"]
    assert {names[c.datastream][:6] for c in found.changed if c.corrected} == {
        "A-0003", "A-0013", "A-0023", "A-0033",
    }  # fmt: skip
    assert [a.key for a in found.alarms_later] == differ["alarms"]
    assert [i.id for i in found.causes_now] == differ["causes"]
    assert not found.causes_then
    assert (found.live_then, found.live_now) == (36, 40)
    assert [(p.low, p.high) for p in found.prognoses_then] == [(0.18, 0.40)]
    assert [(p.low, p.high) for p in found.prognoses_now] == [(0.31, 0.58)]
    assert {o.id for o in found.orders_later} == {"WO-1", "WO-2"}
    late = {e.source: (e.points, e.arrived_ms) for e in found.late}
    assert late == {"gw-5": (72, at("06:31")), "gw-3": (8, at("08:15"))}
    assert found.late_complete


def test_marks_of_a_stretch_are_those_that_were_known(store: Store) -> None:
    span = at("03:00"), at("04:00")

    def told(known: int | None) -> set[str]:
        found = signs(store, wire.GetSigns(*span, 600, as_known_at_ms=known))
        return {s.asset for s in found.items if not s.note}

    assert "A-0005" in told(None) and "A-0005" not in told(MOMENT)
    assert "A-0009" in told(None) and "A-0009" not in told(MOMENT)
    assert "A-0001" in told(MOMENT)
    notes = signs(store, wire.GetSigns(*span)).items
    assert [n.text for n in notes if n.note] == ["Crew is on the way"]
    few = signs(store, wire.GetSigns(at("00:00"), at("23:59"), 3)).items
    assert len([s for s in few if not s.note]) <= 3
    assert sum(s.count for s in few if not s.note) == 24


def test_alarms_that_stay_silent_feeds_notwithstanding_are_known_by_the_wall_clock(
    store: Store,
) -> None:
    """Between two batches only the clock tells whether an acknowledgement had happened."""
    before = moment(store, wire.GetMoment(at("03:49:59")))
    after = moment(store, wire.GetMoment(at("03:50:01")))
    state = {a.key: a.state.value for a in before.alarms}["night-flow@A-0001"]
    assert state == "UNACK"
    assert {a.key: a.state.value for a in after.alarms}["night-flow@A-0001"] == "ACKED"


def test_the_verbs_tell_the_same(day: Path, golden: Any) -> None:
    when = "2026-11-22T03:42:00Z"
    found = project.then_and_now(day, when)
    assert (
        sorted(c["datastream"].split("/", 1)[1] for c in found["changed"])
        == golden["differ"]["values"]
    )
    assert json.loads(json.dumps(found))["live_then"] == 36
    told = project.list_alarms(day, when)
    assert {f"{a['rule']}@{a['asset']}" for a in told["alarms"]} == set(golden["then"]["alarms"])
    assert told["incidents"] == []


def test_both_readings_stay_when_the_day_is_sealed(golden: Any, tmp_path: Path) -> None:
    folder = PastDay(tmp_path / "p", Size(40, 60, 300, 300, 20)).write()
    clock = FakeClock(at("23:59") + 40 * 86_400_000)
    written = Store.open(folder, write=True, clock=clock)
    sealer = Sealer(folder, written.writer, clock)
    try:
        report = sealer.seal()
    finally:
        sealer.close()
    assert report.points > 9_000
    for reading, as_known in (("then", True), ("now", False)):
        assert brute_day.told(written, MOMENT, as_known) == golden[reading]
    found = then_and_now.difference(written, written.datastreams(), wire.GetDifference(MOMENT))
    late = {e.source: (e.points, e.arrived_ms) for e in found.late}
    assert late == {"gw-5": (72, at("06:31")), "gw-3": (8, at("08:15"))}
    recorded = signs(written, wire.GetSigns(at("00:00"), at("23:59"), 24)).recorded
    assert recorded and recorded[0][0] <= at("01:00") and recorded[-1][1] >= at("23:00")
    written.close()
