"""Bringing the past in from the window: look, say what it holds, take it, see what came of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.importing import FileReport
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.problems import LamplighterError, problem
from lamplighter.domain.task import Task, TaskState
from lamplighter.runtime.asset_names import AssetNames
from lamplighter.runtime.past_look import Known, look_at_past
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.past_dialog import PastDialog
from lamplighter.ui.value_preview import BOUND, PreviewPanel
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked, seated, shown

ROWS = [f"01.02.2020 00:{n:02};4,{n};17" for n in range(10, 22)]
WIDE = "\n".join(["Zeit;Druck [bar];Menge", *ROWS, "01.02.2020 00:30;4,3;n/a", ""])
DONE = FileReport("/d/scada.csv", "past observations", objects={"Observation": 3}, placed=3,
                  warnings=["line 3: 'n/a' is no number"], kind="past", set_aside=1)  # fmt: skip


class _Session(FakeSession):
    """A recorder that really looks and takes nothing."""

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.LookAtPast():
                try:
                    return look_at_past(request, Known({}, [], AssetNames([])))
                except LamplighterError as error:
                    return wire.Refused(error.problem)
            case wire.ImportPast():
                return wire.TaskStarted(7)
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def dialog(desk: Desk, session: _Session, qtbot: object) -> Iterator[PastDialog]:
    with shown(PastDialog(desk), 1264, 720) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "scada.csv"
    made.write_text(WIDE)
    return made


def test_a_file_shows_its_rows_a_proposal_and_values_in_their_units(
    dialog: PastDialog, file: Path
) -> None:
    dialog.open(str(file))
    assert [dialog.rows.item(0, c).text() for c in range(3)] == ["01.02.2020 00:10", "4,10", "17"]
    cells = [dialog.preview.table.item(0, c).text() for c in range(4)]
    assert cells[0] == "Druck [bar]" and cells[1].replace(numbers.THIN, " ") == "4.3 bar"
    assert cells[2].startswith("2020-0") and cells[3] == "unbound"
    assert "'n/a' is no number × 1" in dialog._aside.text()
    assert dialog.form.decimal.currentData() == "," and dialog.primary.isEnabled()


def test_changed_meanings_reach_the_mapping_and_the_next_look(
    dialog: PastDialog, session: _Session, file: Path
) -> None:
    dialog.open(str(file))
    dialog.columns.edited.emit("Druck [bar]", {"label": "P-17", "unit": "mbar"})
    dialog.form.zone.setCurrentText("Europe/Berlin")
    dialog.form._said()
    told = tomllib.loads(asked(session, wire.LookAtPast)[-1].mapping)
    assert told["datastreams"]["Druck [bar]"] == {"datastream": "P-17", "unit": "mbar"}
    assert told["time"]["zone"] == "Europe/Berlin"
    assert dialog.preview.table.item(0, 0).text() == "P-17"


def test_what_is_missing_is_said_and_nothing_can_be_taken(dialog: PastDialog, file: Path) -> None:
    dialog.open(str(file))
    dialog.columns.edited.emit("Zeit", {"role": "ignored"})
    assert "say which column is the time" in dialog._say.text()
    assert not dialog.primary.isEnabled() and dialog.primary.toolTip()
    dialog.open(str(file.with_name("none.csv")))
    assert "cannot be read" in dialog._say.text()


def test_another_kind_of_table_gets_another_proposal(dialog: PastDialog, tmp_path: Path) -> None:
    file = tmp_path / "failed.csv"
    file.write_text("pump,failed at,cause\nP-1,2020-01-01,seal\n")
    dialog.open(str(file))
    dialog.form.kind.setCurrentIndex(dialog.form.kind.findData("failures"))
    dialog.form.kind.activated.emit(dialog.form.kind.currentIndex())
    assert dialog.draft is not None and dialog.draft.kind == "failures"
    assert "there is no asset P-1 yet" in dialog.preview.table.item(0, 3).text()


def test_it_is_taken_with_what_was_said_and_the_counts_are_shown(
    desk: Desk, dialog: PastDialog, session: _Session, file: Path
) -> None:
    dialog.open(str(file))
    text = dialog.mapping_text()
    dialog.primary.click()
    assert asked(session, wire.ImportPast)[-1].mapping == text
    desk.take_event(wire.TaskChanged(Task(7, "past", TaskState.RUNNING, 1, 4, "1 rows")))
    assert "25" in dialog.result.words.text()
    desk.take_event(wire.ImportDone((DONE,), 7))
    counts = [c.text() for c, _ in dialog.result._cells if c.isVisible()]
    assert counts[:2] == ["3", "1"] and "line 3" in dialog.result.lines.text()
    assert dialog.result.quarantine.isVisible() and dialog.primary.text() == "Close"


def test_work_orders_of_the_past_are_in_the_window_as_soon_as_they_are_in(
    desk: Desk, session: _Session
) -> None:
    session.orders = (WorkOrder("F-P-1-5", "P-1", "Failure: seal", "done", origin="failure"),)
    desk.take_event(wire.ImportDone((DONE,), 7))
    assert not desk.orders
    failed = FileReport("/d/failed.csv", "past failures", objects={"Failure": 1}, kind="past")
    desk.take_event(wire.ImportDone((failed,), 7))
    assert list(desk.orders) == ["F-P-1-5"]


def test_a_cancelled_import_goes_on_where_it_was(
    desk: Desk, dialog: PastDialog, session: _Session, file: Path
) -> None:
    dialog.open(str(file))
    dialog.take()
    dialog.cancel.click()
    assert asked(session, wire.CancelTask)[-1].task == 7
    desk.take_event(wire.ImportDone((DONE,), 7, cancelled=True))
    assert dialog.primary.text() == "Go on"
    dialog.primary.click()
    first, second = asked(session, wire.ImportPast)
    assert first == second


def test_another_mapping_needs_a_word_before_it_doubles_everything(
    desk: Desk, dialog: PastDialog, session: _Session, file: Path
) -> None:
    dialog.open(str(file))
    dialog.take()
    refused = FileReport(str(file), "past", error="scada.csv was imported before … [I-522]")
    desk.take_event(wire.ImportDone((refused,), 7))
    assert not dialog.primary.isEnabled()
    dialog.result.again.setChecked(True)
    dialog.primary.click()
    assert asked(session, wire.ImportPast)[-1].again


def test_a_saved_mapping_is_read_by_the_verb_and_by_the_dialog(
    dialog: PastDialog, session: _Session, file: Path
) -> None:
    dialog.open(str(file))
    kept = file.with_name("scada.toml")
    dialog.save_mapping(str(kept))
    dialog.load_mapping(str(kept))
    assert dialog.draft is None and not dialog.columns.editor.role.isEnabled()
    assert asked(session, wire.LookAtPast)[-1].mapping == kept.read_text()
    assert dialog.preview.table.rowCount() == 2 and dialog.primary.isEnabled()


def test_a_file_that_is_in_before_the_answer_comes_is_not_waited_for(
    desk: Desk, dialog: PastDialog, file: Path
) -> None:
    dialog.open(str(file))
    dialog._task = -1
    desk.take_event(wire.ImportDone((DONE,), 7))
    dialog._started(wire.TaskStarted(7))
    assert dialog.result._heading.text() == "It is in"


def test_another_file_begins_anew_after_a_result(
    desk: Desk, dialog: PastDialog, file: Path, tmp_path: Path
) -> None:
    dialog.open(str(file))
    dialog.take()
    desk.take_event(wire.ImportDone((DONE,), 7))
    other = tmp_path / "other.csv"
    other.write_text(WIDE.replace("Menge", "Temperatur"))
    dialog.open(str(other))
    assert dialog.columns.isVisible() and dialog.rows.horizontalHeaderItem(2).text() == "Temperatur"
    assert dialog.primary.text() == "Bring it in"


def test_a_tag_of_a_long_table_gets_its_unit_in_the_preview(
    dialog: PastDialog, session: _Session, tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    file.write_text("time,tag,value\n2020-01-01T00:00:00Z,PT17.PV,4.2\n")
    dialog.open(str(file))
    dialog.preview.table.selectRow(0)
    dialog.preview.unit.setCurrentText("psi")
    dialog.preview._say_unit()
    told = tomllib.loads(asked(session, wire.LookAtPast)[-1].mapping)
    assert told["datastreams"] == {"PT17.PV": {"unit": "psi"}}
    assert dialog.preview.rows[0].unit == "psi"


class _Slow(_Session):
    """A recorder that answers looks when it is told to."""

    slow = False
    held: list[tuple[Callable[[wire.Reply], None], wire.Reply]]

    def ask(self, request: wire.Request, done: Callable[[wire.Reply], None]) -> None:
        if not self.slow or not isinstance(request, wire.LookAtPast):
            super().ask(request, done)
            return
        self.asked.append(request)
        self.held.append((done, self._reply(request)))

    def answer(self, reply: wire.Reply | None = None) -> None:
        done, own = self.held.pop(0)
        done(reply or own)


@pytest.fixture
def slow(desk: Desk) -> _Slow:
    made = seated(desk, _Slow)
    made.held = []
    return made


@pytest.fixture
def late(desk: Desk, slow: _Slow, qtbot: object, file: Path) -> Iterator[PastDialog]:
    with shown(PastDialog(desk), 1264, 720) as made:
        made.open(str(file))
        slow.slow = True
        yield made


def test_a_kind_that_is_chosen_during_a_look_is_asked_for_after_it(
    late: PastDialog, slow: _Slow
) -> None:
    late.columns.edited.emit("Menge", {"unit": "l/s"})
    late.form.changed.emit({"kind": "failures"})
    slow.answer()
    assert asked(slow, wire.LookAtPast)[-1].kind == "failures"
    slow.answer()
    assert late.draft is not None and late.draft.kind == "failures"


def test_what_is_being_typed_stays_when_a_look_is_answered(late: PastDialog, slow: _Slow) -> None:
    late.columns.edited.emit("Menge", {"unit": "l/s"})
    late.form.time_format.setEditText("%d.%m.")
    slow.answer()
    assert late.form.time_format.currentText() == "%d.%m."
    late.columns.edited.emit("Menge", {"unit": "m³/h"})
    late.form.time_format.setEditText("%d.%m.%Y %H:%M")
    late.form._said()
    slow.answer()
    assert late.draft is not None and late.draft.time_format == "%d.%m.%Y %H:%M"


def test_a_refused_look_does_not_take_the_next_wish_with_it(late: PastDialog, slow: _Slow) -> None:
    late.columns.edited.emit("Menge", {"unit": "l/s"})
    late.columns.edited.emit("Menge", {"unit": "m³/h"})
    slow.answer(wire.Refused(problem("U-805", what="gone")))
    assert "m³/h" in asked(slow, wire.LookAtPast)[-1].mapping
    slow.answer()
    assert "gone" not in late._say.text()


def test_another_file_cannot_be_taken_before_it_was_looked_at(
    late: PastDialog, slow: _Slow, file: Path
) -> None:
    assert late.primary.isEnabled()
    late.open(str(file))
    assert not late.primary.isEnabled() and not late.save.isEnabled()
    slow.answer()
    assert late.primary.isEnabled()


def test_an_import_that_went_with_its_recorder_is_not_waited_for(
    desk: Desk, dialog: PastDialog, session: _Session, file: Path
) -> None:
    dialog.open(str(file))
    dialog.take()
    desk.connect_session(session)  # the line alone was cut
    assert dialog.cancel.isVisible()
    again = _Session(directly, buildings=5)
    again.welcome = replace(again.welcome, started_ms=1)
    desk.connect_session(again)
    assert not dialog.cancel.isVisible() and dialog.primary.text() == "Bring it in"
    assert "began anew" in dialog._say.text() and dialog.primary.isEnabled()


def test_the_chosen_value_of_a_preview_stays_chosen_when_rows_come_before_it(
    desk: Desk, qtbot: object
) -> None:
    def value(name: str, unit: str, how: str = "") -> wire.PreviewRow:
        asset = "P-17" if how else ""
        return wire.PreviewRow(f"a/{name}", unit, "1", 1, "good", 1, asset=asset, how=how)

    with shown(PreviewPanel(desk, dated=True), 600, 400) as panel:
        panel.show_rows((value("x", "bar"), value("y", "kPa")), 0)
        panel.table.selectRow(1)
        panel.show_rows((value("new", "V"), value("x", "bar"), value("y", "kPa")), 0)
        said: list[str] = []
        panel.unit_said.connect(lambda key, unit: said.append(key))
        panel._say_unit()
        assert not said and panel.table.currentRow() == 2
        panel.show_rows((value("new", "V"),), 0)
        panel._say_unit()
        assert not said and not panel.unit.isEnabled()
        panel.show_rows((value("x", "bar", BOUND),), 0)
        panel.table.selectRow(0)
        assert not panel.here.isEnabled() and panel.unit.isEnabled() and not panel.bindings()
