"""Asks how long and why before alarms are shelved or taken out of service."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFormLayout, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.sent_form import SentForm
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

REASONS: Final = ("Work on site", "Sensor fault, reported", "Known, watched by hand", "Test")
SHELVE_FOR: Final = ((15, "15 min"), (60, "1 h"), (480, "End of shift (8 h)"))
SPANS: Final = (15, 30, 60, 120, 240, 480, 720, 1439)
"""minutes; nothing is shelved for more than a day"""


class AsideForm(SentForm):
    """`action`: shelve or disable. Both need a reason; shelving also an end within a day."""

    def __init__(self, desk: Desk, keys: tuple[str, ...], action: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk, self._keys, self._action = desk, keys, action
        shelving = action == "shelve"
        self.setWindowTitle(tr("Shelve alarms") if shelving else tr("Take alarms out of service"))
        self.span = QComboBox()
        self.span.setAccessibleName(tr("How long"))
        for minutes in SPANS:
            self.span.addItem(numbers.age(minutes * 60 + 1), minutes)
        self.span.setCurrentIndex(2)
        self.reason = QComboBox()
        self.reason.setEditable(True)
        self.reason.setAccessibleName(tr("Reason"))
        self.reason.addItems([tr(r) for r in REASONS])
        self.reason.setCurrentText("")
        self.reason.editTextChanged.connect(lambda _: self._enable())
        line = self.reason.lineEdit()
        if line is not None:
            line.setPlaceholderText(tr("why, for everybody who looks for it"))
        words = tr("Shelve") if shelving else tr("Take out of service")
        self.primary = button(words, self.send, kind="primary")
        form = QFormLayout()
        if shelving:
            form.addRow(tr("For"), self.span)
        form.addRow(tr("Reason"), self.reason)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.addWidget(Text(tr("{n} alarms", n=f"{len(keys):,}"), "bodyStrong"))
        about = (
            tr("They end by themselves and show again if they still hold.")
            if shelving
            else tr("They stay silent until somebody shows them again. They stay in the list.")
        )
        box.addWidget(Text(about, "caption", "secondary", wrap=True))
        box.addLayout(form)
        box.addWidget(self._say)
        box.addLayout(row(None, button(tr("Cancel"), self.close), self.primary))
        self.resize(theme().px(420), theme().px(200))
        self._enable()
        self._typing = desk.drafts.watch(
            "aside", "\n".join((action, *keys)),
            tr("reason to shelve {n} alarms", n=f"{len(keys):,}") if shelving
            else tr("reason to take {n} alarms out of service", n=f"{len(keys):,}"),
            {"span": self.span, "reason": self.reason},
        )  # fmt: skip

    def _enable(self) -> None:
        ready = bool(self.reason.currentText().strip())
        self.primary.setEnabled(ready)
        self.primary.setToolTip("" if ready else tr("Say why first"))

    def send(self) -> None:
        """Do it; the form closes when it is done."""
        reason = self.reason.currentText().strip()
        if not reason:
            return
        until = 0
        if self._action == "shelve":
            until = self._desk.clock.wall_ms() + int(self.span.currentData()) * 60_000
        asked = wire.AlarmAction(self._action, self._keys, until, reason, partial=True)
        self._desk.ask(asked, self._sent)
