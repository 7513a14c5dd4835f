"""Work orders in the window: list, checklist, conflicts, files, closing, life line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.edits import Edit
from lamplighter.domain.maintenance import Step, WorkOrder
from lamplighter.ui.desk import Desk
from lamplighter.ui.files_page import FilesPage
from lamplighter.ui.life_line import LifePanel
from lamplighter.ui.order_dialog import CLOSE, HISTORY, OrderDialog
from lamplighter.ui.order_form import OrderForm
from lamplighter.ui.orders_page import OrdersPage
from lamplighter.ui.thumbnails import read_small
from tests.ui.conftest import directly
from tests.ui.records_session import RecordsSession

STEPS = (Step("a", "Lock"), Step("r", "Vibration", reads=True, unit="mm/s", low=0.0, high=4.5))


@pytest.fixture
def session(desk: Desk, tmp_path: Path) -> Iterator[RecordsSession]:
    made = RecordsSession(directly, tmp_path / "town", incident=True, buildings=3)
    desk.connect_session(made)
    yield made
    made.close()


@pytest.fixture
def parent(qtbot: Any) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


def _order(desk: Desk, ident: str = "WO-1", **more: Any) -> None:
    order = WorkOrder(ident, "P-22", "Inspect the bearing", **{"steps": STEPS, **more})
    desk.ask(wire.PutWorkOrder(order))


def _opened(qtbot: Any, desk: Desk, parent: QWidget) -> OrderDialog:
    dialog = OrderDialog(desk, "WO-1", parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_the_list_is_filtered_and_late_ones_come_first(
    qtbot: Any, desk: Desk, session: RecordsSession
) -> None:
    now = desk.clock.wall_ms()
    _order(desk, "WO-1", due_ms=now + 86_400_000, crew="Crew 2")
    _order(desk, "WO-2", due_ms=now - 3 * 86_400_000)
    _order(desk, "WO-3", state="cancelled")
    page = OrdersPage(desk)
    qtbot.addWidget(page)
    page.show()
    page.rebuild()

    def shown() -> list[str]:
        return [o.id for o in page.model.items]

    assert shown() == ["WO-2", "WO-1"]
    assert page.model.text_of(0, 5).startswith("late 3") and page.count.text() == "2 to do, 1 late"
    page.late.setChecked(True)
    assert shown() == ["WO-2"]
    page.late.setChecked(False)
    page.filter.setText("crew bearing")
    page.rebuild()
    assert shown() == ["WO-1"]
    page.table.selectRow(0)
    assert desk.selection.current == "P-22"
    opened: list[str] = []
    page.to_open.connect(opened.append)
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    assert opened == ["WO-1"]
    page.filter.setText("nobody")
    page.rebuild()
    assert not page.table.isVisible() and "fits the filter" in page.empty.text()


def test_a_checklist_is_worked_through_and_signed_by_keyboard(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget
) -> None:
    _order(desk)
    dialog = _opened(qtbot, desk, parent)
    lock, vibration = dialog.steps.rows["a"], dialog.steps.rows["r"]
    assert lock.box is not None and vibration.reading is not None
    dialog.reason.setText("at the pump")
    QTest.keyClick(lock.box, Qt.Key.Key_Space)
    vibration.reading.setText("6,1")
    QTest.keyClick(vibration.reading, Qt.Key.Key_Return)
    order = session.desks.orders.get("WO-1")
    assert order.steps[0].done and order.steps[0].done_by == "Seat 1"
    assert order.steps[1].reading == 6.1
    assert vibration.mark.isVisible() and "what you saw" in vibration.note.placeholderText()
    dialog.show_page(CLOSE)
    closing = dialog.closing
    assert "outside its limits and has no note" in closing.lacks.text()
    assert not closing.sign.isEnabled()
    vibration.note.setText("worn")
    vibration.bound[1].keep()
    closing.findings.button(0).click()
    closing.cause.setText("drive-end bearing worn")
    closing.reason.setText("tested and handed back")
    assert closing.signer.text() == "Seat 1" and closing.sign.isEnabled()
    closing.sign.click()
    order = session.desks.orders.get("WO-1")
    assert (order.state, order.finding) == ("done", "found: drive-end bearing worn")
    assert order.signature.startswith("Seat 1, ")
    assert not dialog.job.isEnabled() and not lock.box.isEnabled(), "what is signed stays"
    reasons = {e.reason for e in session.desks.edits.edits.history("order/WO-1")}
    assert {"at the pump", "tested and handed back"} <= reasons
    dialog.closing.why.setText("signed too early")
    dialog.closing.reopen.click()
    order = session.desks.orders.get("WO-1")
    assert (order.state, order.finding, order.signature) == ("open", "", "")
    dialog.close()


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget
) -> None:
    _order(desk, isolation="Off")
    dialog = _opened(qtbot, desk, parent)
    base = session.desks.edits.edits.heads("order/WO-1", "crew")
    assert base == ()
    bound = next(b for b in dialog.bound if b.name == "crew")
    bound.widget.setText("Crew 2")  # type: ignore[union-attr]
    bound.widget.hasFocus = lambda: True  # type: ignore[method-assign,union-attr]
    session.desks.edits.change("order/WO-1", {"crew": "Crew 7"}, author="the office")
    assert bound.value() == "Crew 2", "what is being typed stays"
    bound.keep()
    conflict = session.desks.edits.edits.conflict("order/WO-1", "crew")
    assert conflict is not None and {h.value for h in conflict.heads} == {"Crew 2", "Crew 7"}
    assert "1 to decide" in dialog._tabs.button(HISTORY).text()
    card = dialog.history.cards[0]
    wanted = next(n for n, h in enumerate(card.conflict.heads) if h.value == "Crew 7")
    card.keep[wanted].click()
    assert session.desks.orders.get("WO-1").crew == "Crew 7"
    assert session.desks.edits.edits.conflicts() == () and dialog.history.cards == []
    dialog.close()


def test_a_safety_field_is_decided_only_with_a_reason(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget
) -> None:
    _order(desk, isolation="Off")
    base = session.desks.edits.edits.heads("order/WO-1", "isolation")[0]
    session.desks.edits.change("order/WO-1", {"isolation": "Off and locked"})
    away = Edit("x", "order/WO-1", "isolation", "Off, earthed", (base.id,), "far", 5, "bo")
    session.desks.edits.merge([away])
    dialog = _opened(qtbot, desk, parent)
    card = dialog.history.cards[0]
    assert desk.orders["WO-1"].isolation == "Off", "as it was before both"
    card.keep[0].click()
    assert len(session.desks.edits.edits.conflicts()) == 1
    card.reason.setText("both agreed by telephone")
    card.keep[0].click()
    assert len(session.desks.edits.edits.conflicts()) == 1, "one person decides nothing here"
    card.second.setText("M. Berg")
    card.keep[0].click()
    assert session.desks.edits.edits.conflicts() == ()
    dialog.close()


def test_a_checklist_is_taken_from_the_type_and_lines_are_added(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget
) -> None:
    _order(desk, steps=())
    dialog = _opened(qtbot, desk, parent)
    dialog.jobs.setCurrentIndex(dialog.jobs.findData("water.pump-round"))
    dialog.add_checklist()
    assert len(session.desks.orders.get("WO-1").steps) == 4
    dialog.adder.text.setText("Oil level")
    dialog.adder.low.setText("2")
    dialog.adder.high.setText("3,5")
    dialog.adder.add_reading()
    last = session.desks.orders.get("WO-1").steps[-1]
    assert (last.text, last.low, last.high, last.reads) == ("Oil level", 2.0, 3.5, True)
    dialog.keep_checklist()
    assert any(j.id.startswith("own.") and len(j.steps) == 5 for j in session.desks.orders.jobs())
    dialog.close()


def test_a_new_order_takes_forecast_alarm_and_checklist(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget
) -> None:
    for asset, origin in (("P-22", "forecast"), ("P-17", "alarm"), ("P-05", "hand")):
        form = OrderForm(desk, asset, parent)
        form._title.setText("Look at it")
        form.save()
        order = next(o for o in desk.orders.values() if o.asset == asset)
        assert order.origin == origin and order.due_ms and len(order.steps) == 9
        assert bool(order.forecast) == (origin == "forecast")
        assert bool(order.alarm) == (origin == "alarm")


def test_without_a_selection_the_asset_is_chosen_in_the_form(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget
) -> None:
    desk.selection.clear()
    form = OrderForm(desk, "", parent)
    form.save()
    assert "Choose an asset" in form._say.text() and not desk.orders
    form.asset.setText("P-2")
    form.asset.textEdited.emit("P-2")
    form.save()
    assert not desk.orders, "a part of a name is no asset"
    form.asset.setText("P-22")
    form.asset.textEdited.emit("P-22")
    assert form._title.text().startswith("Inspect") and form.checklist.count() > 1
    form.save()
    (order,) = desk.orders.values()
    assert (order.asset, order.origin) == ("P-22", "forecast")
    other = OrderForm(desk, "", parent)
    desk.selection.select("P-17")
    assert "P-17" in other.asset.text() and other._draft.origin == "alarm"
    other.close()


def test_photos_are_attached_shown_found_and_taken_away(
    qtbot: Any, desk: Desk, session: RecordsSession, parent: QWidget, tmp_path: Path
) -> None:
    _order(desk)
    photo = QImage(64, 48, QImage.Format.Format_RGB32)
    photo.fill(QColor(90, 120, 60))
    assert photo.save(str(tmp_path / "a.jpg"), quality=90)
    (tmp_path / "b.exe").write_bytes(b"MZ" + bytes(90))
    dialog = _opened(qtbot, desk, parent)
    files = dialog.files
    files.attach([str(tmp_path / "a.jpg"), str(tmp_path / "b.exe")])
    assert "Windows program" in files.say.text(), "one that is refused does not keep the other"
    files.look()
    assert [i.asset for i in files.items] == ["P-22"]
    assert files.chosen is not None
    small = read_small(files.path(files.chosen), 32)
    assert (small.width(), small.height()) == (32, 24), "what was cleaned is still a photo"
    files.caption.setText("Outer race pitted")
    files.bound[0].keep()
    assert files.items[0].caption == "Outer race pitted"
    page = FilesPage(desk)
    qtbot.addWidget(page)
    page.show()
    page.text.setText("pitted RACE")
    page.look()
    assert [i.caption for i in page.list.items] == ["Outer race pitted"]
    page.text.setText("other words")
    page.look()
    assert page.list.items == ()
    files.take_away()
    assert files.items == ()
    desk.selection.clear()
    page.place = lambda: (4.5, 51.9, "the quay")
    page._follow()
    assert page.target.text() == "New files hang on the quay"
    page.text.clear()
    page.list.attach([str(tmp_path / "a.jpg")])
    page.look()
    newest = page.list.items[0]
    assert (newest.lon, newest.lat, newest.asset) == (4.5, 51.9, "")
    page.list.shut()
    dialog.close()


def test_a_life_line_is_walked_with_the_arrow_keys(
    qtbot: Any, desk: Desk, session: RecordsSession
) -> None:
    now = desk.clock.wall_ms()
    _order(desk, state="done", steps=(), finding="found: worn", closed_ms=now - 5_000,
           forecast="P-22: bearing")  # fmt: skip
    _order(desk, "WO-9", due_ms=now + 86_400_000)
    panel = LifePanel(desk)
    qtbot.addWidget(panel)
    panel.show()
    assert "Select an asset" in panel.empty.text()
    desk.selection.select("P-22")
    events = panel.canvas.events
    assert [e.kind for e in events] == ["repaired", "outcome", "planned"]
    assert panel.told.text() == "What came: the forecast was right"
    QTest.keyClick(panel.canvas, Qt.Key.Key_Right)
    assert panel.told.text().startswith("Planned: ")
    opened: list[str] = []
    panel.to_order.connect(opened.append)
    panel.open_order()
    assert opened == ["WO-9"]
    QTest.keyClick(panel.canvas, Qt.Key.Key_Home)
    assert panel.told.text().startswith("Repaired: Inspect the bearing (found: worn)")
