"""A new work order, filled from a forecast or an alarm, or by hand."""

from __future__ import annotations

import uuid
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

DAY_MS: Final = 86_400_000


def draft(item: Prognosis | None, name: str) -> WorkOrder:
    """A work order filled from a forecast, or an empty one."""
    ident = f"WO-{uuid.uuid4().hex[:6].upper()}"
    if item is None:
        return WorkOrder(ident, "", "")
    due = item.made_ms + round((item.days_low or 14.0) * DAY_MS)
    parts = ", ".join(p for p in (name, item.what) if p)
    title = tr("Inspect {what}", what=parts)
    note = item.reasons[0].text if item.reasons else ""
    return WorkOrder(ident, item.asset, title, due_ms=due, origin="forecast", note=note)


class OrderForm(QWidget):
    """A small window that makes a work order; never modal."""

    def __init__(self, desk: Desk, asset: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle(tr("New work order"))
        self._desk = desk
        item = next((p for p in desk.prognoses if p.asset == asset), None)
        alarm = desk.worst_of(asset)
        name = desk.city.name(asset)
        self._draft = draft(item, name)
        title = self._draft.title or (alarm.text if alarm else "")
        self._asset = asset
        self._origin = "forecast" if item else ("alarm" if alarm else "hand")
        self._title = QLineEdit(title)
        self._note = QLineEdit(self._draft.note)
        self._say = Text("", "caption", "secondary", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 24)
        box.setSpacing(8)
        box.addWidget(Text(tr("New work order"), "heading"))
        box.addWidget(Text(name or tr("No asset selected"), "body", "secondary"))
        for word, field in ((tr("Job"), self._title), (tr("Note"), self._note)):
            box.addWidget(Text(word, "caption", "secondary"))
            field.setAccessibleName(word)
            box.addWidget(field)
        box.addWidget(self._say)
        self._save = button(tr("Create work order"), self.save, kind="primary")
        box.addLayout(row(None, button(tr("Close"), self.close), self._save))
        self.setMinimumWidth(theme().px(420))
        self._title.returnPressed.connect(self.save)
        self._title.setFocus()
        about = tr("work order for {name}", name=name) if name else tr("work order")
        fields = {"job": self._title, "note": self._note}
        self._typing = desk.drafts.watch("order", asset, about, fields)

    def save(self) -> None:
        """Sends the order; fields keep what was typed when it is refused."""
        title = self._title.text().strip()
        if not title:
            self._say.setText(tr("Say what is to be done, then create it."))
            return
        now = self._desk.clock.wall_ms()
        session = self._desk.session
        by = session.welcome.user if session else ""
        due = self._draft.due_ms or now + 14 * DAY_MS
        order = WorkOrder(self._draft.id, self._asset, title, "open", now, due, self._origin, by,
                          self._note.text().strip())  # fmt: skip
        self._desk.ask(wire.PutWorkOrder(order), self._answered)

    def _answered(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._say.setText(str(reply.problem))
        else:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._typing.end()
        super().closeEvent(event)
