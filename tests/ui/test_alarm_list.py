"""One cause first, nothing hidden, and nothing acknowledged by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QModelIndex, QSettings, Qt
from PySide6.QtWidgets import QMenu

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Step
from lamplighter.ui.alarm_detail import aside_words
from lamplighter.ui.alarm_list import AlarmList
from lamplighter.ui.alarm_model import AlarmModel, state_words
from lamplighter.ui.alarm_sound import AlarmSound
from lamplighter.ui.alarm_strip import AlarmStrip
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked


def leaves(model: AlarmModel) -> list[str]:
    keys: list[str] = []
    for row in range(model.rowCount()):
        keys += model.node(model.index(row, 0)).keys
    return keys


def test_folded_and_unfolded_add_up_to_all(desk: Desk) -> None:
    model = AlarmModel(desk)
    model.rebuild()
    keys = leaves(model)
    assert sorted(keys) == sorted(a.key for a in desk.standing())
    assert model.rowCount() < 6 < len(keys)


def test_the_incident_comes_first_and_counts_its_alarms(desk: Desk) -> None:
    model = AlarmModel(desk)
    model.rebuild()
    top = model.node(model.index(0, 0))
    assert top.incident is not None
    assert (
        model.text_of(top, 4) == f"Bus B tripped: probable cause of {len(top.keys) - 1} more alarms"
    )
    assert model.text_of(top, 5) == "3,412"
    last = model.node(model.index(model.rowCount() - 1, 0))
    assert last.record.state is AlarmState.SHELVED


def test_a_flood_stays_within_fifty_rows_and_hides_nothing(qapp: Any) -> None:
    desk = Desk()
    desk.connect_session(FakeSession(directly, flood=5000, buildings=20))
    model = AlarmModel(desk)
    model.rebuild()
    assert model.rowCount() <= 50
    assert len(leaves(model)) == len(desk.standing()) == model.total


@pytest.fixture
def alarms(qtbot: Any, desk: Desk) -> AlarmList:
    made = AlarmList(desk, Blink())
    qtbot.addWidget(made)
    made.resize(1000, 400)
    made.show()
    return made


def row_of(alarms: AlarmList, asset: str) -> QModelIndex:
    top = alarms.model.index(0, 0)
    for row in range(alarms.model.rowCount(top)):
        index = alarms.model.index(row, 0, top)
        if alarms.model.node(index).record.asset == asset:
            return index
    raise AssertionError(asset)


def test_selecting_a_row_selects_everywhere_and_space_acknowledges(
    qtbot: Any, desk: Desk, alarms: AlarmList
) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    assert desk.selection.current == "P-17"
    qtbot.keyClick(alarms, Qt.Key.Key_Space)
    assert next(a for a in desk.standing() if a.asset == "P-17").state is AlarmState.ACKED


def test_nothing_is_acknowledged_in_replay(qtbot: Any, desk: Desk, alarms: AlarmList) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    desk.time.replay()
    assert not alarms.acknowledge()
    session = desk.session
    assert isinstance(session, FakeSession)
    assert not any(isinstance(r, wire.AlarmAction) for r in session.asked)


def test_a_latched_alarm_is_acknowledged_and_then_reset(
    qtbot: Any, desk: Desk, alarms: AlarmList
) -> None:
    session = desk.session
    assert isinstance(session, FakeSession)
    key = session.raise_alarm("NM-03", 4, "Noise", state=AlarmState.LATCHED, active=False).key
    alarms.rebuild()
    index = next(
        i for i in (alarms.model.index(n, 0) for n in range(alarms.model.rowCount()))
        if alarms.model.node(i).record.key == key
    )  # fmt: skip
    alarms.tree.setCurrentIndex(index)
    assert state_words(desk.alarms[key]) == "Latched, unack."
    qtbot.keyClick(alarms, Qt.Key.Key_Delete)
    assert desk.alarms[key].state is AlarmState.LATCHED, "nobody has acknowledged it"
    qtbot.keyClick(alarms, Qt.Key.Key_Space)
    assert state_words(desk.alarms[key]) == "Latched"
    qtbot.keyClick(alarms, Qt.Key.Key_Delete)
    assert key not in {a.key for a in desk.standing()}


def test_shelving_always_carries_reason_and_end(desk: Desk, alarms: AlarmList) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    menu = alarms.shelve_menu()
    menu.findChildren(QMenu)[0].actions()[0].trigger()
    record = next(a for a in desk.standing() if a.asset == "P-17")
    assert record.state is AlarmState.SHELVED and record.reason
    assert record.shelved_until_ms > desk.time.wall_ms + 800_000
    assert state_words(record).startswith("Shelved to ")


def test_rows_stay_unfolded_and_selected_when_the_list_changes(
    desk: Desk, alarms: AlarmList
) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    session = desk.session
    assert isinstance(session, FakeSession)
    session.raise_alarm("NM-03", 4, "Noise")
    alarms.rebuild()
    assert alarms.selected_assets() == ("P-17",)
    assert alarms.tree.isExpanded(alarms.model.index(0, 0))


def test_blinking_stops_with_the_last_unacknowledged(qapp: Any) -> None:
    blink = Blink()
    blink.need(True)
    assert blink.running
    blink.need(False)
    assert not blink.running and blink.on
    blink.reduced = True
    blink.need(True)
    assert not blink.running


def put(desk: Desk, asset: str, **changes: Any) -> AlarmRecord:
    """The alarm of an asset, changed at the recorder."""
    session = desk.session
    assert isinstance(session, FakeSession)
    record = next(a for a in desk.standing() if a.asset == asset)
    record = session.alarms[record.key] = replace(record, **changes)
    session.emit(wire.AlarmsChanged((record,), session.incidents))
    desk._alarms_paused()
    return record


def test_a_checklist_gates_the_reset(qtbot: Any, desk: Desk, alarms: AlarmList) -> None:
    steps = (Step("Valve is open"), Step("Crew is told", required=False))
    put(desk, "P-17", state=AlarmState.LATCHED, active=False, acked_ms=1, steps=steps)
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    detail = alarms.detail
    assert detail.reset.isVisibleTo(detail) and not detail.reset.isEnabled()
    assert "Valve is open" in detail.reset.toolTip()
    assert not alarms.reset_chosen() and not detail.ack.isVisibleTo(detail)
    detail.boxes[0].click()
    desk._alarms_paused()
    assert asked(desk, wire.TickStep) == [wire.TickStep(detail.key, 0)]
    assert "Seat 1" in detail.boxes[0].full and detail.reset.isEnabled()
    alarms.tree.setFocus()
    qtbot.keyClick(alarms, Qt.Key.Key_Delete)
    assert asked(desk, wire.AlarmAction)[-1].action == "reset"


def test_what_is_set_aside_says_why_and_is_found_by_the_filter(
    desk: Desk, alarms: AlarmList
) -> None:
    record = put(
        desk, "NM-07", state=AlarmState.SUPPRESSED, reason="New cable", aside_by="works:w1"
    )
    alarms.filter.show_kind("SUPPRESSED")
    alarms.rebuild()
    assert leaves(alarms.model) == [record.key]
    alarms.tree.setCurrentIndex(alarms.model.index(0, 0))
    assert aside_words(record) in alarms.detail._why.text()
    assert "planned works: New cable" in aside_words(record)
    assert "(1)" in alarms.filter.show_box.currentText()
    assert "left out by the filter" in alarms._footer.full
    alarms.filter.clear()
    alarms.filter.levels[0].click()
    alarms.rebuild()
    assert {desk.alarms[k].priority for k in leaves(alarms.model)} == {1}
    alarms.filter.clear()
    alarms.filter.domain.setCurrentIndex(alarms.filter.domain.findData("power"))
    alarms.rebuild()
    assert {k.partition("@")[2][0] for k in leaves(alarms.model)} == {"S", "F"}


def test_shelving_by_the_form_needs_a_reason(desk: Desk, alarms: AlarmList) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    alarms.ask_aside("shelve")
    form = alarms.form
    assert form is not None and not form.primary.isEnabled()
    form.reason.setCurrentText("sensor is replaced")
    form.span.setCurrentIndex(0)
    form.primary.click()
    sent = asked(desk, wire.AlarmAction)[-1]
    assert (sent.action, sent.reason) == ("shelve", "sensor is replaced")
    assert 0 < sent.until_ms - desk.time.wall_ms <= 900_000


def test_a_flood_of_different_alarms_is_grouped_coarser_and_announced(qtbot: Any) -> None:
    desk = Desk()
    session = FakeSession(directly, flood=600, buildings=20)
    for n, (key, alarm) in enumerate(list(session.alarms.items())):
        session.alarms[key] = replace(alarm, text=f"Reason {n}", priority=2 + n % 3)
    desk.connect_session(session)
    made = AlarmList(desk, Blink())
    qtbot.addWidget(made)
    assert made.model.rowCount() <= 50
    assert len(leaves(made.model)) == len(desk.standing())
    assert made._flood.isVisibleTo(made) and "600 new alarms" in made._flood.text()
    session.room._tell(replace(session.room.horn, flood_since_ms=0))
    assert not made._flood.isVisibleTo(made)


def test_the_shown_list_is_exported_and_safe_for_a_spreadsheet(
    desk: Desk, alarms: AlarmList, tmp_path: Path
) -> None:
    put(desk, "P-17", text="=cmd()")
    alarms.filter.words.setText("P-17")
    alarms.rebuild()
    alarms.write(str(tmp_path / "alarms.csv"))
    rows = (tmp_path / "alarms.csv").read_text().splitlines()
    assert len(rows) == 2 and "'=cmd()" in rows[1]
    alarms.write(str(tmp_path / "none" / "alarms.csv"))
    assert "Not written" in alarms._footer.full


def test_the_strip_says_who_silenced_the_room(qtbot: Any, desk: Desk) -> None:
    strip = AlarmStrip(desk, Blink())
    qtbot.addWidget(strip)
    session = desk.session
    assert isinstance(session, FakeSession)
    assert strip._silence.isVisibleTo(strip)
    session.silenced_by("Maria")
    assert not strip._silence.isVisibleTo(strip) and "Silenced by Maria" in strip._right.text()
    session.raise_alarm("P-01", 2, "Vibration high")
    assert strip._silence.isVisibleTo(strip) and not strip._right.text()
    desk.room.silence()
    assert asked(desk, wire.SilenceHorn) and "Seat 1" in strip._right.text()


def test_the_strip_never_calls_an_alarm_acknowledged_that_nobody_saw(
    qtbot: Any, desk: Desk
) -> None:
    strip = AlarmStrip(desk, Blink())
    qtbot.addWidget(strip)
    session = desk.session
    assert isinstance(session, FakeSession)
    for state in (AlarmState.RTN_UNACK, AlarmState.LATCHED):
        one = AlarmRecord("r", "P-17", 0, state, 2, "Vibration high", False, 1, 2, 0.0)
        desk._alarms = {one.key: one}
        strip.refresh()
        assert "not acknowledged" in strip._detail.text()
        assert strip._ack.isVisibleTo(strip)
    desk._alarms = {one.key: replace(one, acked_ms=5)}
    strip.refresh()
    assert "not acknowledged" not in strip._detail.text()
    assert not strip._ack.isVisibleTo(strip)


def test_the_sound_follows_the_horn_of_the_room(qapp: Any) -> None:
    desk, played = Desk(), []
    session = FakeSession(directly, buildings=20)
    desk.connect_session(session)
    sound = AlarmSound(desk, lambda path: played.append(path.read_bytes()[:4]))
    session.room._tell(replace(session.room.horn, horn="sounding", priority=1, newest="a@b"))
    assert played == [b"RIFF"] and sound._timer.isActive()
    session.silenced_by("Maria")
    assert not sound._timer.isActive()
    sound.switch()
    session.raise_alarm("P-01", 1, "Vibration high")
    assert len(played) == 1 and not sound.on
    sound.shut()


def test_the_choice_of_sound_is_kept_over_restarts(qapp: Any, tmp_path: Path) -> None:
    def open_one() -> AlarmSound:
        kept = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        return AlarmSound(Desk(), lambda _: None, settings=kept)

    first = open_one()
    assert first.on
    first.switch()
    first.shut()
    second = open_one()
    assert not second.on
    second.switch()
    second.shut()
    assert open_one().on


def test_an_alarm_is_found_in_its_folds(desk: Desk, alarms: AlarmList) -> None:
    key = next(a.key for a in desk.standing() if a.asset == "TS-05")
    alarms.show_alarm(key)
    assert alarms.selected_keys() == (key,) and alarms.detail.key == key


def test_the_strip_counts_what_is_suppressed_and_leads_to_it(qtbot: Any, desk: Desk) -> None:
    strip = AlarmStrip(desk, Blink())
    qtbot.addWidget(strip)
    assert not strip._aside.isVisibleTo(strip)
    put(desk, "NM-07", state=AlarmState.SUPPRESSED, reason="New cable", aside_by="works:w1")
    assert strip._aside.isVisibleTo(strip)
    with qtbot.waitSignal(strip.kind) as told:
        qtbot.mouseClick(strip._aside, Qt.MouseButton.LeftButton)
    assert told.args == ["SUPPRESSED"]
