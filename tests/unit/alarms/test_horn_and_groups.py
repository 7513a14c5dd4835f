"""The horn of the control room, and a flood said in few rows."""

from __future__ import annotations

import pytest

from lamplighter.alarms.annunciator import Horn
from lamplighter.alarms.grouping import grouped
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState

S = AlarmState


def _record(n: int, state: AlarmState = S.UNACK, priority: int = 3, **more: object) -> AlarmRecord:
    words = {"text": f"Text {n % 7}", "active": True, "since_ms": n, "changed_ms": n, **more}
    return AlarmRecord("r", f"A{n}", 0, state, priority, **words)  # type: ignore[arg-type]


def _event(
    n: int,
    word: str,
    before: AlarmState,
    after: AlarmState,
    actor: str = "system",
    priority: int = 3,
) -> AlarmEvent:
    return AlarmEvent("r", f"A{n}", 1, n, word, before, after, _record(n, after, priority), actor)


def test_it_sounds_with_an_alarm_and_is_off_when_nothing_is_left() -> None:
    horn = Horn([], 0)
    assert horn.state.horn == "off"
    assert horn.take([_event(1, "raised", S.NORM, S.UNACK, priority=2)], 1)
    assert (horn.state.horn, horn.state.priority, horn.state.newest) == ("sounding", 2, "r@A1")
    horn.take([_event(1, "acked", S.UNACK, S.ACKED, "maria")], 2)
    assert (horn.state.horn, horn.state.priority, horn.state.since_ms) == ("off", 0, 2)


def test_an_acknowledgement_silences_it_until_the_next_alarm() -> None:
    horn = Horn([_record(1), _record(2)], 0)
    assert horn.state.horn == "sounding"
    horn.take([_event(1, "acked", S.UNACK, S.ACKED, "maria")], 5)
    assert (horn.state.horn, horn.state.by, horn.state.unacknowledged) == ("silenced", "maria", 1)
    horn.take([_event(2, "cleared", S.UNACK, S.RTN_UNACK)], 6)
    assert horn.state.horn == "silenced"
    horn.take([_event(3, "raised", S.NORM, S.UNACK)], 7)
    assert (horn.state.horn, horn.state.by) == ("sounding", "")


def test_what_is_suppressed_by_design_makes_no_sound_and_silences_nothing() -> None:
    horn = Horn([_record(1)], 0)
    horn.take([_event(2, "suppressed", S.NORM, S.SUPPRESSED)], 1)
    horn.take([_event(2, "raised", S.SUPPRESSED, S.SUPPRESSED)], 1)
    assert (horn.state.horn, horn.state.unacknowledged) == ("sounding", 1)


def test_it_tells_the_beginning_and_the_end_of_a_flood() -> None:
    horn = Horn([], 0)
    horn.take([_event(n, "raised", S.NORM, S.UNACK) for n in range(1, 12)], 20)
    assert (horn.state.flood_since_ms, horn.state.last_10_min) == (20, 11)
    assert horn.take([], 600_020)
    assert horn.state.flood_since_ms == 0


def test_a_latched_alarm_that_was_seen_makes_no_sound() -> None:
    assert Horn([_record(1, S.LATCHED, acked_ms=5)], 0).state.horn == "off"
    assert Horn([_record(1, S.LATCHED)], 0).state.horn == "sounding"


@pytest.mark.parametrize("count", [3, 49, 400, 10_000])
def test_any_flood_fits_in_fifty_rows_and_every_alarm_is_in_one(count: int) -> None:
    records = [_record(n, priority=2 + n % 3, text=f"Text {n}") for n in range(count)]
    records += [_record(-1, priority=1, text="Fire"), _record(-2, S.SHELVED), _record(-3, S.NORM)]
    rows = grouped(records, domain_of=lambda a: f"domain {len(a)}")
    assert len(rows) <= 50
    keys = [k for row in rows for k in row.keys]
    assert len(keys) == len(set(keys)) == count + 1
    assert (rows[0].title, rows[0].priority) == ("Fire", 1)


def test_few_alarms_stay_as_they_are_and_incidents_are_one_row() -> None:
    assert [g.title for g in grouped([_record(1), _record(2)])] == ["Text 1", "Text 2"]
    folded = [_record(n, incident="I-1") for n in range(9)]
    (row,) = grouped(folded)
    assert row.title == "Text 0 and 8 more" and row.unacknowledged == 9


def test_ten_thousand_critical_alarms_fit_as_well() -> None:
    records = [_record(n, priority=1, text=f"Text {n}") for n in range(10_000)]
    rows = grouped(records, area_of=lambda a: a)
    assert len(rows) <= 50 and sum(len(r.keys) for r in rows) == 10_000
