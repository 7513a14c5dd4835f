"""Takes a backup: where to, encrypted or not; then how far it is and what came of it, in place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.task_dialog import TaskDialog
from lamplighter.ui.words import tr

ENDING: Final = ".tar.zst"
SEALED_ENDING: Final = ".backup"
MEGA: Final = 1e6


class BackupDialog(TaskDialog):
    """One question and its answer; the copying itself is a task of the recorder."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(desk, tr("Take a backup"), parent)
        self.file, self.word, self.again = QLineEdit(), QLineEdit(), QLineEdit()
        self.file.setAccessibleName(tr("Backup file"))
        self.file.setPlaceholderText(tr("A file outside the project, best on another disk"))
        for field, name in ((self.word, tr("Passphrase")), (self.again, tr("Passphrase again"))):
            field.setEchoMode(QLineEdit.EchoMode.Password)
            field.setAccessibleName(name)
            field.setPlaceholderText(name)
        self._meaning = Text("", "body", "secondary", wrap=True)
        self._stop = button(tr("Cancel"), self._cancel)
        self.primary = button(tr("Take backup"), self.take, kind="primary")
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(8)
        about = tr(
            "The whole project as it is now, in one file. Recording goes on meanwhile; "
            "the file is read back before it counts as done."
        )
        box.addWidget(Text(about, "body", "secondary", wrap=True))
        box.addLayout(row(self.file, button(tr("Choose…"), self._choose)))
        box.addLayout(row(self.word, self.again))
        box.addWidget(self._meaning)
        box.addWidget(self.bar)
        box.addWidget(self.said)
        box.addStretch(1)
        box.addLayout(row(None, button(tr("Close"), self.close), self._stop, self.primary))
        for field in (self.file, self.word, self.again):
            field.textChanged.connect(self._changed)
            field.returnPressed.connect(self.take)
        self.word.textEdited.connect(self._end_name)
        desk.backup_done.connect(self._done)
        self.file.setText(self._proposed())
        self.resize(640, 340)
        self._changed()

    def _proposed(self) -> str:
        project = self._desk.session.welcome.project if self._desk.session is not None else "city"
        day = datetime.fromtimestamp(self._desk.clock.wall_ms() / 1000, UTC).strftime("%Y-%m-%d")
        return str(Path.home() / f"{project.replace('/', '-')}-{day}{ENDING}")

    def _again(self) -> str:
        return tr("The backup was not finished: a file of that name is still the one before. "
                  "Take it again.")  # fmt: skip

    def _choose(self) -> None:
        ask_save(self, tr("Backup file"), self.file.setText, self.file.text())

    def _changed(self) -> None:
        word, again = self.word.text(), self.again.text()
        if not word and not again:
            meaning = tr(
                "Without a passphrase the console's private key stays out of the file, and "
                "whoever has the file can read everything else in it."
            )
        elif word != again:
            meaning = tr("The two passphrases are not the same yet.")
        else:
            meaning = tr(
                "Encrypted, with the console's private key. Nobody can open it without this "
                "passphrase: keep it elsewhere."
            )
        self._meaning.setText(meaning)
        busy = self._task != 0
        ready = bool(self.file.text().strip()) and word == again
        self.primary.setEnabled(ready and not busy)
        self._stop.setVisible(busy)
        for field in (self.file, self.word, self.again):
            field.setEnabled(not busy)

    def _end_name(self, word: str) -> None:
        """The name says whether it is encrypted, as long as it is one of ours."""
        name = self.file.text()
        ending, other = (SEALED_ENDING, ENDING) if word else (ENDING, SEALED_ENDING)
        if name.endswith(other):
            self.file.setText(name.removesuffix(other) + ending)

    def take(self) -> None:
        """Ask the recorder to begin."""
        if not self.primary.isEnabled():
            return
        self._start(wire.TakeBackup(self.file.text().strip(), self.word.text()))

    def _done(self, done: wire.BackupDone) -> None:
        if done.task != self._task:
            return
        self._task = 0
        self.bar.hide()
        self.said.setText(outcome(done))
        if done.problem is None:
            self.word.clear()
            self.again.clear()
        self._changed()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.gone.emit()
        super().closeEvent(event)


def outcome(done: wire.BackupDone) -> str:
    """What came of it, in words."""
    if done.problem is not None:
        return str(done.problem)
    kind = tr("encrypted") if done.encrypted else tr("not encrypted")
    words = tr(
        "{out} is whole: {mb} MB, {files} files, up to batch {batch}, {kind}, in {s} s.",
        out=done.out, mb=f"{done.bytes / MEGA:,.1f}", files=f"{done.files:,}",
        batch=f"{done.batch:,}", kind=kind, s=f"{done.seconds:.1f}",
    )  # fmt: skip
    return "\n".join([words, *(w for w in done.warnings if not _known(w))])


def _known(warning: str) -> bool:
    """Said by the dialog already."""
    return warning.startswith("The file is not encrypted")
