"""Fields of a form that belong to fields of a record: shown, kept when they change, never lost.

A field that somebody is writing in is not overwritten by news; what it sends later names what its
writer had seen, so the recorder can tell a conflict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QDateTime, QObject
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from lamplighter.domain.edits import Value

NONE_MS: Final = 946_684_800_000
"""the first moment a date field knows; it stands for no date"""
Field = QLineEdit | QPlainTextEdit | QCheckBox | QComboBox | QSpinBox | QDateTimeEdit


class Bound(QObject):
    """One widget and one field of a record. `send(name, value, seen)` is called on a change."""

    def __init__(
        self,
        name: str,
        widget: Field,
        send: Callable[[str, Value, tuple[str, ...] | None], None],
        *,
        number: bool = False,
    ) -> None:
        super().__init__(widget)
        self.name, self.widget, self._send = name, widget, send
        self._number = number
        self._shown: Value = None
        self._seen: tuple[str, ...] | None = None
        match widget:
            case QLineEdit():
                widget.editingFinished.connect(self.keep)
            case QPlainTextEdit():
                widget.installEventFilter(self)
            case QCheckBox():
                widget.clicked.connect(lambda _: self.keep())
            case QComboBox():
                widget.activated.connect(lambda _: self.keep())
            case _:
                widget.editingFinished.connect(self.keep)

    def eventFilter(self, watched: QObject, event: object) -> bool:
        from PySide6.QtCore import QEvent

        if isinstance(event, QEvent) and event.type() == QEvent.Type.FocusOut:
            self.keep()
        return False

    @property
    def touched(self) -> bool:
        """Whether somebody wrote something that was not sent yet."""
        try:
            return self.value() != self._shown
        except ValueError:
            return True

    def value(self) -> Value:
        """What the widget says. Raises ValueError for a number that is none."""
        match self.widget:
            case QLineEdit():
                text = self.widget.text().strip()
                if not self._number:
                    return text
                return float(text.replace(",", ".")) if text else None
            case QPlainTextEdit():
                return self.widget.toPlainText().strip()
            case QCheckBox():
                return self.widget.isChecked()
            case QComboBox():
                found = self.widget.currentData()
                return found if isinstance(found, str | int | float | bool) else None
            case QSpinBox():
                return self.widget.value()
            case _:
                at = self.widget.dateTime().toMSecsSinceEpoch()
                return 0 if at <= NONE_MS else at // 60_000 * 60_000

    def show(self, value: Value, seen: tuple[str, ...] | None, *, force: bool = False) -> None:
        """Show what stands, unless somebody is writing here."""
        if self._busy() and not force:
            return
        self._shown, self._seen = value, seen
        widget = self.widget
        blocked = widget.blockSignals(True)
        try:
            _put(widget, value)
        finally:
            widget.blockSignals(blocked)
        try:
            self._shown = self.value()
        except ValueError:
            self._shown = value

    def _busy(self) -> bool:
        widget = self.widget
        typing = isinstance(widget, QLineEdit | QPlainTextEdit | QSpinBox | QDateTimeEdit)
        return typing and widget.hasFocus() and self.touched

    def keep(self) -> None:
        """Send what was written, when it differs from what was shown."""
        try:
            value = self.value()
        except ValueError:
            return
        if value == self._shown:
            return
        self._shown = value
        self._send(self.name, value, self._seen)


def _put(widget: QWidget, value: Value) -> None:
    match widget:
        case QLineEdit():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            widget.setText(f"{value:g}" if number else str(value or ""))
            widget.setCursorPosition(0)
        case QPlainTextEdit():
            widget.setPlainText(str(value or ""))
        case QCheckBox():
            widget.setChecked(bool(value))
        case QComboBox():
            at = widget.findData(value)
            if at < 0 and value not in (None, ""):
                widget.addItem(str(value), value)
                at = widget.count() - 1
            widget.setCurrentIndex(max(0, at))
        case QSpinBox():
            widget.setValue(int(value or 0))
        case QDateTimeEdit():
            widget.setDateTime(QDateTime.fromMSecsSinceEpoch(int(value or 0) or NONE_MS))


def date_field(name: str) -> QDateTimeEdit:
    """A moment that may be none."""
    made = QDateTimeEdit()
    made.setDisplayFormat("yyyy-MM-dd HH:mm")
    made.setCalendarPopup(True)
    made.setMinimumDateTime(QDateTime.fromMSecsSinceEpoch(NONE_MS))
    made.setSpecialValueText("—")
    made.setAccessibleName(name)
    return made
