"""On the faceplate: what was set by hand, setting it, and the message a value came in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.by_hand import MAINTENANCE, VALUE, HandMark
from lamplighter.domain.city import Datastream
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.flow import Flow
from lamplighter.ui.parts import Text, button, row, window_of_its_own
from lamplighter.ui.quarantine_page import pretty
from lamplighter.ui.sent_form import SentForm
from lamplighter.ui.theme import theme
from lamplighter.ui.thumbnails import read_small
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

SIDE: Final = 640
"""pixels a camera's picture is wide at most"""
SPANS: Final = (
    ("30 minutes", 30), ("2 hours", 120), ("8 hours", 480), ("1 day", 1_440), ("7 days", 10_080),
    ("30 days", 43_199),
)  # fmt: skip


class HandPanel(QWidget):
    """What stands for the shown datastream, and the ways to change it."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._stream: Datastream | None = None
        self.form: HandForm | None = None
        self.original: OriginalWindow | None = None
        self.words = Text("", "body", wrap=True)
        self.end = button(tr("End it now"), self._end)
        self.set_value = button(tr("By hand…"), lambda: self._open(VALUE),
                                tip=tr("Show a value that you set until a time"))  # fmt: skip
        self.work = button(tr("Maintenance…"), lambda: self._open(MAINTENANCE),
                           tip=tr("Its values count in no figure until a time"))  # fmt: skip
        self.raw = button(tr("Original…"), self._original,
                          tip=tr("What the field really sent"))  # fmt: skip
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.words)
        box.addLayout(Flow(self.end, self.set_value, self.work, self.raw, spacing=4))
        desk.hand_changed.connect(self.refresh)
        desk.time.changed.connect(self.refresh)
        self.refresh()

    def show_stream(self, stream: Datastream | None) -> None:
        """The datastream of the faceplate's value."""
        self._stream = stream
        self.refresh()

    @property
    def marks(self) -> list[HandMark]:
        """What stands for the shown datastream."""
        key = self._stream.key if self._stream is not None else ""
        return [m for m in self._desk.by_hand if m.key == key]

    def refresh(self) -> None:
        """After the datastream, the time or what stands changed."""
        self.setVisible(self._stream is not None)
        marks, locked = self.marks, self._desk.time.commands_locked
        self.words.setText("\n".join(mark_words(m) for m in marks))
        self.words.setVisible(bool(marks))
        self.end.setVisible(bool(marks) and not locked)
        for made in (self.set_value, self.work):
            made.setEnabled(not locked)
            if locked:
                made.setToolTip(tr("Locked outside live. Press L to go back."))

    def _end(self) -> None:
        for mark in self.marks:
            self._desk.ask(wire.EndByHand(mark.key, mark.kind, "ended at the faceplate"))

    def _open(self, kind: str) -> None:
        if self._stream is not None:
            self.open_form(self._stream, kind)

    def open_form(self, stream: Datastream, kind: str) -> None:
        """Ask for value, time and reason of any datastream."""
        if self.form is not None:
            self.form.close()
        self.form = HandForm(self._desk, stream, kind, self.window())
        self.form.destroyed.connect(self._form_gone)
        self.form.show()

    def _form_gone(self) -> None:
        self.form = None

    def _original(self) -> None:
        if self._stream is not None:
            time = self._desk.time
            at = time.now_ms if time.mode is Mode.REPLAY else 0
            self._desk.ask(wire.GetOriginal(self._stream.key, at), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Original):
            if self.original is not None:
                self.original.close()
            past = self._desk.time.mode is Mode.REPLAY
            self.original = OriginalWindow(reply, self.window(), past=past)
            self.original.destroyed.connect(self._original_gone)
            self.original.show()

    def _original_gone(self) -> None:
        self.original = None


def mark_words(mark: HandMark) -> str:
    """`Set by hand to 3.2 bar by ada: sensor broken. Ends Sat 28 Nov 14:02.`"""
    ends = f"{numbers.day(mark.until_ms)} {numbers.clock_short(mark.until_ms)}"
    if mark.kind == MAINTENANCE:
        return tr("In maintenance by {user}: {why}. It counts in no figure. Ends {ends}.",
                  user=mark.user, why=mark.reason, ends=ends)  # fmt: skip
    return tr("M  Set by hand to {value} by {user}: {why}. Not measured. Ends {ends}.",
              value=mark.text, user=mark.user, why=mark.reason, ends=ends)  # fmt: skip


class HandForm(SentForm):
    """Value, until when and why."""

    def __init__(self, desk: Desk, stream: Datastream, kind: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        value = kind == VALUE
        self.setWindowTitle(tr("Set by hand") if value else tr("In maintenance"))
        self._desk, self._stream, self._kind = desk, stream, kind
        self.value = QComboBox()
        self.value.setEditable(not stream.states)
        self.value.addItems(list(stream.states))
        self.value.setAccessibleName(tr("Value"))
        self.span = QComboBox()
        self.span.setAccessibleName(tr("How long"))
        for words, minutes in SPANS:
            self.span.addItem(tr(words), minutes)
        self.span.setCurrentIndex(1)
        self.reason = QLineEdit()
        self.reason.setAccessibleName(tr("Reason"))
        self.reason.setPlaceholderText(tr("why, for everybody who sees the value"))
        self.reason.textChanged.connect(lambda _: self._enable())
        self.value.currentTextChanged.connect(lambda _: self._enable())
        self.primary = button(
            tr("Set it") if value else tr("Take it into maintenance"), self._send, kind="primary"
        )
        form = QFormLayout()
        if value:
            unit = f", {stream.unit}" if stream.unit else ""
            form.addRow(tr("Value{unit}", unit=unit), self.value)
        form.addRow(tr("For"), self.span)
        form.addRow(tr("Reason"), self.reason)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.addWidget(Text(stream.label or stream.name, "bodyStrong", wrap=True))
        box.addWidget(Text(_explained(value), "caption", "secondary", wrap=True))
        box.addLayout(form)
        box.addWidget(self._say)
        box.addLayout(row(None, button(tr("Cancel"), self.close), self.primary))
        self.resize(theme().px(400), theme().px(240))
        self._enable()
        self._typing = desk.drafts.watch(
            "hand", f"{kind}\n{stream.key}",
            tr("value set by hand for {name}", name=stream.label or stream.name) if value
            else tr("maintenance of {name}", name=stream.label or stream.name),
            {"value": self.value, "span": self.span, "reason": self.reason},
        )  # fmt: skip

    def _enable(self) -> None:
        why = ""
        if self._kind == VALUE and not self.value.currentText().strip():
            why = tr("Give the value first")
        elif not self.reason.text().strip():
            why = tr("Say why first")
        self.primary.setEnabled(not why)
        self.primary.setToolTip(why)

    def _send(self) -> None:
        until = self._desk.clock.wall_ms() + int(self.span.currentData()) * 60_000
        asked = wire.SetByHand(
            self._stream.key, self._kind, until, self.reason.text().strip(),
            self.value.currentText().strip().replace(",", ".") if not self._stream.states
            else self.value.currentText(),
        )  # fmt: skip
        self._desk.ask(asked, self._sent)


def _explained(value: bool) -> str:
    if value:
        return tr("It is marked M everywhere and ends by itself. What the sensor sends is stored "
                  "as it comes.")  # fmt: skip
    return tr("Its values are stored and marked; no figure, forecast or alarm counts them. "
              "It ends by itself.")  # fmt: skip


class OriginalWindow(QWidget):
    """The message as plain text, or a camera's picture."""

    def __init__(self, original: wire.Original, parent: QWidget, *, past: bool = False) -> None:
        """`past`: the view is in replay, and messages of the past are not kept."""
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Original message"))
        self.body = QPlainTextEdit()
        self.body.setReadOnly(True)
        self.body.setFont(theme().font("mono"))
        self.body.setAccessibleName(tr("What was sent"))
        self.body.setPlainText(pretty(original.body))
        at = numbers.clock(original.received_ms)
        if original.file:
            words = tr("Picture of {d} {t}, {n} bytes", d=numbers.day(original.received_ms), t=at,
                       n=f"{original.size:,}")  # fmt: skip
        else:
            words = tr("{feed}, received {t}, {n} bytes", feed=original.feed or tr("no feed"),
                       t=at, n=f"{original.size:,}")  # fmt: skip
            if past:
                words += "\n" + tr("This is the newest message, not the one of the shown moment.")
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.addWidget(Text(original.key, "bodyStrong", wrap=True))
        box.addWidget(Text(f"{original.topic}\n{words}".strip(), "caption", "secondary", wrap=True))
        self.picture = QLabel()
        self.picture.setAccessibleName(tr("The picture"))
        self.picture.setVisible(bool(original.file))
        self.body.setVisible(not original.file)
        box.addWidget(self.body, 1)
        box.addWidget(self.picture, 1, Qt.AlignmentFlag.AlignCenter)
        box.addLayout(row(None, button(tr("Close"), self.close)))
        if original.file:
            self._show_picture(Path(original.file))
        self.resize(theme().px(520), theme().px(420))

    def _show_picture(self, file: Path) -> None:
        image = read_small(file, theme().px(SIDE))
        if image.isNull():
            self.picture.setText(tr("This picture cannot be read."))
        else:
            self.picture.setPixmap(QPixmap.fromImage(image))
