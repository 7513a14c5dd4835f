"""Text that is being typed costs at most ten seconds when the window crashes.

A form names its fields once (`watch`); what differs from the form's beginning is kept every five
seconds and whenever a field loses the focus, and is gone once the form is sent or closed. What a
crashed window left is offered by the next one (`offered`), never put anywhere by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import Problem, problem
from lamplighter.ui.draft_files import Draft, DraftFiles, new_id
from lamplighter.ui.words import tr

KEEP_MS: Final = 5_000
Field = QLineEdit | QPlainTextEdit | QComboBox


class Typing(QObject):
    """The fields of one open form."""

    def __init__(
        self, drafts: Drafts, kind: str, subject: str, title: str, fields: Mapping[str, Field]
    ) -> None:
        super().__init__(drafts)
        self._drafts = drafts
        self._fields = dict(fields)
        self.about = Draft(new_id(), "", kind, subject, title, {}, 0)
        self._first = self.values()
        self._kept = self._first
        self.ended = False
        for field in self._fields.values():
            field.installEventFilter(self)
            if isinstance(field, QComboBox):
                field.currentTextChanged.connect(self._changed)
                line = field.lineEdit()
                if line is not None:
                    line.installEventFilter(self)
            else:
                field.textChanged.connect(self._changed)
            field.destroyed.connect(self._gone)

    def values(self) -> dict[str, str]:
        """What stands in the fields now."""
        return {name: _text(field) for name, field in self._fields.items()}

    def fill(self, draft: Draft) -> None:
        """Put a kept text back; from now on it is this form's."""
        self.about = msgspec.structs.replace(self.about, id=draft.id)
        for name, text in draft.fields.items():
            field = self._fields.get(name)
            if field is not None:
                _set_text(field, text)
        self.keep()

    def keep(self) -> None:
        """Write what differs from the form's beginning, when it differs from what is kept."""
        if self.ended:
            return
        now = self.values()
        if now == self._kept:
            return
        if now == self._first:
            self._drafts.forget(self.about.id)
        else:
            self._drafts.put(self.about, now)
        self._kept = now

    def end(self) -> None:
        """The text was sent, or its owner gave it up."""
        if self.ended or self._drafts.stopped:
            return
        self.ended = True
        self._drafts.forget(self.about.id)
        self._drafts.leave(self)

    def _changed(self) -> None:
        if not self.ended:
            self._drafts.soon()

    def _gone(self) -> None:
        """A form that went without a word: what was kept stays kept."""
        self.ended = True
        self._drafts.leave(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self.keep()
        return False


class Drafts(QObject):
    """All forms of the window in which something is typed, and what an earlier window left."""

    offered_changed = Signal()
    resumed = Signal(object)
    """a `Draft` whose form is to be opened"""

    def __init__(self, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._files: DraftFiles | None = None
        self._typing: list[Typing] = []
        self._pending: Draft | None = None
        self.offered: list[Draft] = []
        self.stopped = False
        self.failed: Problem | None = None
        """why drafts cannot be kept, or what could not be read"""
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(KEEP_MS)
        self.timer.timeout.connect(self.keep_all)

    def open(self, folder: Path, project: str) -> None:
        """Keep drafts of this project in that folder and offer what lies there already."""
        self._files = DraftFiles(folder, project)
        self.offered = self._files.left()
        if self._files.unreadable:
            words = tr("{n} files were no drafts and were set aside", n=self._files.unreadable)
            self.failed = problem("U-804", name=tr("The folder of drafts"), what=words)
        self.offered_changed.emit()

    @property
    def opened(self) -> bool:
        """Whether there is a folder to keep them in."""
        return self._files is not None

    # ---------------------------------------------------------------- forms
    def watch(self, kind: str, subject: str, title: str, fields: Mapping[str, Field]) -> Typing:
        """Keep what is typed into these fields; password fields are refused (ValueError).

        A form that `resume` opened finds its text in them afterwards.
        """
        for name, field in fields.items():
            if isinstance(field, QLineEdit) and field.echoMode() != QLineEdit.EchoMode.Normal:
                raise ValueError(f"{name} is secret and is never kept")
        made = Typing(self, kind, subject, title, fields)
        self._typing.append(made)
        pending, self._pending = self._pending, None
        if pending is not None and pending.kind == kind:
            made.fill(pending)
            self._take_from_offer(pending)
        return made

    def resume(self, draft: Draft) -> None:
        """Open its form again, with its text."""
        self._pending = draft
        self.resumed.emit(draft)

    def drop(self, draft: Draft) -> None:
        """Its owner does not want it back."""
        self.forget(draft.id)
        self._take_from_offer(draft)

    def _take_from_offer(self, draft: Draft) -> None:
        self.offered = [d for d in self.offered if d.id != draft.id]
        self.offered_changed.emit()

    # ---------------------------------------------------------------- keeping
    def soon(self) -> None:
        """Something was typed: keep it within five seconds."""
        if not self.timer.isActive() and not self.stopped:
            self.timer.start()

    def keep_all(self) -> None:
        """Keep what every open form holds now."""
        for typing in tuple(self._typing):
            typing.keep()

    def put(self, about: Draft, fields: dict[str, str]) -> None:
        """Write one draft; a disk that refuses is told of once."""
        if self._files is None or self.stopped:
            return
        whole = msgspec.structs.replace(about, fields=fields, changed_ms=self._clock.wall_ms())
        try:
            self._files.put(whole)
        except OSError as error:
            if self.failed is None:
                why = error.strerror or str(error)
                self.failed = problem("U-804", name=tr("The folder of drafts"), what=why)
                self.offered_changed.emit()

    def forget(self, ident: str) -> None:
        """Take one draft away."""
        if self._files is not None and not self.stopped:
            try:
                self._files.drop(ident)
            except OSError:
                return  # it is offered again, which loses nothing

    def leave(self, typing: Typing) -> None:
        """A form is gone."""
        if typing in self._typing:
            self._typing.remove(typing)
            typing.deleteLater()

    def stop(self) -> None:
        """The window closes: what was not sent is kept for the next one."""
        if not self.stopped:
            self.keep_all()
            self.timer.stop()
            self.stopped = True


def _text(field: Field) -> str:
    if isinstance(field, QPlainTextEdit):
        return field.toPlainText()
    return field.currentText() if isinstance(field, QComboBox) else field.text()


def _set_text(field: Field, text: str) -> None:
    if isinstance(field, QPlainTextEdit):
        field.setPlainText(text)
    elif isinstance(field, QLineEdit):
        field.setText(text)
    elif field.isEditable():
        field.setCurrentText(text)
    elif (at := field.findText(text)) >= 0:
        field.setCurrentIndex(at)
