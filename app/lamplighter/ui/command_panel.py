"""Commands of one asset: arm, send, and what became of it, step by step."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.domain.command import CommandRequest, CommandState, Outcome
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.parts import Canvas, Text, button, row, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

ARMED_S: Final = 300.0
STEPS: Final = ("requested", "acknowledged", "measured", "verified")
ACTIONS: Final = {
    "Pump": ("stop", "start", "set"),
    "Valve": ("close", "open", "set"),
    "Breaker": ("open", "close"),
    "TrafficSignal": ("set",),
}


def steps_done(state: CommandState | None) -> tuple[str, ...]:
    """The word of each of the four steps: done, waiting, unknown or refused."""
    if state is None:
        return ("",) * 4
    outcome = state.outcome
    if outcome is Outcome.REFUSED:
        return ("refused", "", "", "")
    if outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN):
        return ("done", "unknown", "unknown", "unknown")
    acknowledged = outcome is Outcome.EXECUTED
    measured = bool(state.measured)
    return (
        "done",
        "done" if acknowledged else "waiting",
        "done" if measured else ("waiting" if acknowledged else ""),
        "done" if measured and acknowledged else "",
    )


class Steps(Canvas):
    """Four steps in a row; a missing one says unknown after its time, never ok."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ("",) * 4

    def show_state(self, state: CommandState | None) -> None:
        self._words = steps_done(state)
        named = zip(STEPS, self._words, strict=True)
        self.setAccessibleName(", ".join(f"{s} {w or tr('not yet')}" for s, w in named))
        self.setVisible(state is not None)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(280, theme().px(36))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        width = self.width() / 4
        for number, (step, word) in enumerate(zip(STEPS, self._words, strict=True)):
            box = QRectF(number * width, 0, width - 4, self.height())
            ink = look.colour("text.primary" if word else "text.disabled")
            painter.fillRect(QRectF(box.left(), 0, box.width(), 3),
                             ink if word == "done" else look.colour("line.subtle"))  # fmt: skip
            painter.setPen(ink)
            painter.setFont(look.font("tick", 600 if word == "done" else 400))
            top = QRectF(box.left(), 5, box.width(), 14)
            painter.drawText(top, Qt.AlignmentFlag.AlignLeft, tr(step))
            painter.setPen(look.colour("text.secondary"))
            low = QRectF(box.left(), 18, box.width(), 14)
            if word == "done":
                painter.drawPixmap(low.topLeft(), icon_pixmap("check", 12, ink, 2.0))
            else:
                painter.drawText(low, Qt.AlignmentFlag.AlignLeft, tr(word) if word else "")
        painter.end()


class CommandPanel(QWidget):
    """Nothing at all for things that take no commands; one sentence why for shadow."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._asset: Asset | None = None
        self._armed_until = 0.0
        self._title = Text(tr("Command"), "bodyStrong")
        self._tag = tag("")
        self._why = Text("", "caption", "secondary", wrap=True)
        self._lock = Text("", "caption", "secondary", wrap=True)
        self._action = QComboBox()
        self._action.setAccessibleName(tr("Action"))
        self._action.currentTextChanged.connect(lambda _: self._follow())
        self._value = QDoubleSpinBox()
        self._value.setRange(0, 100)
        self._value.setAccessibleName(tr("Value"))
        self._reason = QLineEdit()
        self._reason.setPlaceholderText(tr("Reason, kept in the audit record"))
        self._reason.textChanged.connect(lambda _: self._follow())
        self._arm = button(tr("Arm"), self._toggle_arm)
        self._send = button(tr("Send"), self._send_it, kind="primary")
        self._to_twin = button(tr("Ask to make it a twin…"), self._ask_twin)
        self.steps = Steps()
        self._outcome = Text("", "caption", "secondary", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 4, 0, 0)
        box.setSpacing(6)
        box.addLayout(row(self._title, None, self._tag))
        box.addWidget(self._why)
        self._form = QWidget()
        form = QVBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(6)
        form.addLayout(row(self._action, self._value, None, self._arm, self._send))
        form.addWidget(self._reason)
        box.addWidget(self._form)
        box.addWidget(self._to_twin, 0, Qt.AlignmentFlag.AlignLeft)
        box.addWidget(self._lock)
        box.addWidget(self.steps)
        box.addWidget(self._outcome)
        self._ticker = QTimer(self)
        self._ticker.setInterval(1000)
        self._ticker.timeout.connect(self._follow)
        desk.commands_changed.connect(self._follow)
        desk.time.changed.connect(self._follow)
        self.show_asset(None)

    @property
    def armed(self) -> bool:
        return time.monotonic() < self._armed_until

    def show_asset(self, asset: Asset | None) -> None:
        actions = ACTIONS.get(asset.type, ()) if asset is not None else ()
        if asset is not None and (self._asset is None or asset.id != self._asset.id):
            self._armed_until = 0.0
            self._action.clear()
            self._action.addItems(list(actions))
            self._reason.clear()
            self._outcome.setText("")
        self._asset = asset
        self.setVisible(bool(actions))
        self._follow()

    def _locked(self) -> str:
        """Why nothing can be sent now; empty when it can."""
        mode = self._desk.time.mode.value
        if mode == "replay":
            return tr("Commands are locked in replay: the past cannot be operated. Press L.")
        if mode == "scenario":
            return tr("Commands are locked in a scenario: send only from live. Press L.")
        return ""

    def _follow(self) -> None:
        asset = self._asset
        if asset is None:
            self._ticker.stop()
            return
        locked, twin = self._locked(), asset.mode == "twin"
        self._form.setVisible(twin and not locked)
        self._to_twin.setVisible(not twin and not locked)
        self._why.setVisible(not twin)
        self._why.setText(
            tr("Shadow: {name} is only watched; commands to it are not permitted from here.",
               name=asset.name or asset.id)
        )  # fmt: skip
        self._lock.setVisible(bool(locked))
        self._lock.setText(locked)
        self._value.setVisible(self._action.currentText() == "set")
        self._tag.setVisible(twin)
        if self.armed:
            left = numbers.duration(self._armed_until - time.monotonic())
            self._tag.setText(tr("TWIN: armed {t}", t=left))
            self._ticker.start()
        else:
            self._tag.setText(tr("TWIN"))
            self._ticker.stop()
        self._tag.setProperty("role", "tagFilled" if self.armed else "tag")
        self._tag.style().polish(self._tag)
        self._arm.setText(tr("Disarm") if self.armed else tr("Arm"))
        has_reason = bool(self._reason.text().strip())
        self._send.setEnabled(self.armed and has_reason and not locked)
        self._send.setToolTip(
            "" if self.armed and has_reason else tr("Arm it and give a reason first")
        )
        self._show_last(asset)

    def _show_last(self, asset: Asset) -> None:
        mine = [c for c in self._desk.commands.values() if c.command.target == asset.id]
        last = max(mine, key=lambda c: c.changed_ms, default=None)
        self.steps.show_state(last)
        if last is None:
            return
        words = [f"{last.command.action}: {last.outcome.value}"]
        if last.round_trip_ms is not None:
            words.append(tr("receipt after {n} ms", n=last.round_trip_ms))
        if last.measured:
            words.append(tr("measured {v}", v=last.measured))
        if last.detail:
            words.append(last.detail)
        self._outcome.setText(", ".join(words))

    def _toggle_arm(self) -> None:
        self._armed_until = 0.0 if self.armed else time.monotonic() + ARMED_S
        self._follow()

    def _send_it(self) -> None:
        asset = self._asset
        if asset is None or not self.armed:
            return
        action = self._action.currentText()
        value = self._value.value() if action == "set" else None
        streams = self._desk.city.of_asset.get(asset.id, [])
        seen = next((self._desk.value(s).text for s in streams if s.states), "")
        request = CommandRequest(asset.id, action, value, self._reason.text().strip(), seen)
        self._armed_until = 0.0
        self._outcome.setText(tr("Requested."))
        self._desk.ask(wire.SendCommand(request, self._desk.time.mode.value), self._answered)
        self._follow()

    def _answered(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._outcome.setText(str(reply.problem))

    def _ask_twin(self) -> None:
        if self._asset is not None:
            reason = self._reason.text().strip() or tr("asked from the faceplate")
            self._desk.ask(wire.SetMode(self._asset.id, "twin", reason), self._answered)
