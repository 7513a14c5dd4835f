"""Bring back: on a kit's laptop the work goes home, at home it is merged; the outcome in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.kit import KitReport, KitWanted
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_open, ask_save
from lamplighter.ui.kit_dialog import ENDING
from lamplighter.ui.parts import Text, button, row, rule
from lamplighter.ui.record_words import waiting_words, when
from lamplighter.ui.task_dialog import TaskDialog
from lamplighter.ui.words import tr


class ReturnDialog(TaskDialog):
    """Sends or writes what was done here, and merges what comes."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, tr("Bring back"), parent)
        self.on_decide: Callable[[], None] = lambda: None
        self.about = Text("", "body", "secondary", wrap=True)
        self.where, self.code = QLineEdit(), QLineEdit()
        self.out, self.file = QLineEdit(), QLineEdit()
        self.word, self.trust = QLineEdit(), QLineEdit()
        self.word.setEchoMode(QLineEdit.EchoMode.Password)
        for field, name, hint in (
            (self.where, tr("Where to"), tr("192.168.1.20:7461 or mqtts://broker.town")),
            (self.code, tr("Code"), tr("ABCD-EFGH-JKMN, as it is shown there")),
            (self.out, tr("Bundle file"), tr("A file on a USB stick")),
            (self.file, tr("Kit to merge"), tr("A kit that came back")),
            (self.word, tr("Passphrase"), tr("Passphrase, if it is sealed")),
            (self.trust, tr("Key"), tr("Key of its signer, if it is not known here yet")),
        ):
            field.setAccessibleName(name)
            field.setPlaceholderText(hint)
            field.textChanged.connect(self._changed)
        self.send = button(tr("Return over the network"), self.start_send)
        self.write = button(tr("Write the bundle"), self.start_write)
        self.merge = button(tr("Merge"), self.start_merge, kind="primary")
        self.decide = button(tr("Decide now"), lambda: self.on_decide())
        self._stop = button(tr("Cancel"), self._cancel)
        self._lay_out()
        desk.kits.changed.connect(self._changed)
        desk.kits.done.connect(self._done)
        self.resize(680, 380)
        self._changed()

    def _lay_out(self) -> None:
        self._home = QWidget()
        home = QVBoxLayout(self._home)
        home.setContentsMargins(0, 0, 0, 0)
        home.setSpacing(8)
        home.addWidget(Text(tr("Send what was done here"), "bodyStrong"))
        home.addLayout(row(self.where, self.code, self.send))
        home.addLayout(row(self.out, button(tr("Choose…"), self._choose_out), self.write))
        home.addWidget(rule())
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(8)
        box.addWidget(self.about)
        box.addWidget(self._home)
        box.addWidget(Text(tr("Merge what came from another console"), "bodyStrong"))
        box.addLayout(row(self.file, button(tr("Choose…"), self._choose_in)))
        box.addLayout(row(self.word, self.trust, self.merge))
        box.addWidget(self.bar)
        box.addWidget(self.said)
        box.addStretch(1)
        box.addLayout(row(button(tr("Close"), self.close), None, self._stop, self.decide))

    def _choose_out(self) -> None:
        proposed = str(Path.home() / f"back{ENDING}")
        ask_save(self, tr("Bundle file"), self.out.setText, proposed)

    def _choose_in(self) -> None:
        kinds = (tr("Field kits") + f" (*{ENDING})", tr("All files") + " (*)")
        ask_open(self, tr("Kit to merge"), self.file.setText, kinds)

    def _changed(self) -> None:
        kits = self._desk.kits
        origin, busy = kits.state.origin, self._task != 0
        self._home.setVisible(origin is not None)
        if origin is not None:
            self.about.setText(
                tr("This is a field kit of {name}, taken {at}: {scope}; {back}.",
                   name=origin.name, at=when(origin.made_ms), scope=origin.scope,
                   back=waiting_words(kits.state.waiting))
            )  # fmt: skip
        else:
            self.about.setText(
                tr("A kit that comes back is merged field by field. Its file is checked first; "
                   "merging it twice adds nothing.")
            )  # fmt: skip
        self.send.setEnabled(bool(self.where.text().strip() and self.code.text().strip())
                             and not busy)  # fmt: skip
        self.write.setEnabled(bool(self.out.text().strip()) and not busy)
        self.merge.setEnabled(bool(self.file.text().strip()) and not busy)
        self._stop.setVisible(busy)
        self.decide.setVisible(bool(kits.conflicts))
        self.decide.setText(tr("Decide {n} now", n=len(kits.conflicts)))

    # ---------------------------------------------------------------- doing
    def _again(self) -> str:
        return tr("It is not known whether that was finished. Do it again: what has come already "
                  "is not taken twice.")  # fmt: skip

    def start_send(self) -> None:
        """Bring what was done here over the network."""
        self._start(wire.SendKit(self.where.text().strip(), self.code.text().strip()))

    def start_write(self) -> None:
        """Write what was done here into a file."""
        self._start(wire.TakeKit(self.out.text().strip(), KitWanted(changes=True)))

    def start_merge(self) -> None:
        """Merge a file that came."""
        self._start(
            wire.MergeKit(
                self.file.text().strip(), self.word.text(),
                "".join(self.trust.text().split()).lower(),
            )
        )  # fmt: skip

    def _done(self, done: wire.KitDone) -> None:
        if done.task != self._task:
            return
        self._task = 0
        self.bar.hide()
        self.said.setText(outcome(done.report) if done.report else str(done.problem))
        if done.report is not None:
            self.word.clear()
            self.code.clear()
        self._changed()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.gone.emit()
        super().closeEvent(event)


def outcome(report: KitReport) -> str:
    """What became of it, in words."""
    if report.action == "take":
        return tr("{out}: {n} records are in it. Take it home and merge it there.",
                  out=report.file, n=f"{report.records:,}")  # fmt: skip
    parts = [
        tr("New records from {name}: {n}.", n=f"{report.records:,}", name=report.name),
        tr("{n} fields to decide.", n=len(report.conflicts)) if report.conflicts
        else tr("No conflicts."),
    ]  # fmt: skip
    if report.safety:
        parts.append(tr("{n} changes about safety were made elsewhere: look at them.",
                        n=len(report.safety)))  # fmt: skip
    return " ".join([*parts, *report.warnings])
