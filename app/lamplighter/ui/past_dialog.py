"""Bringing the past in: choose a file, say what its columns mean, see what it becomes, take it.

A window of its own beside the city, never modal. Looking stores nothing; what is shown is what
comes in. An import that was cancelled goes on where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from lamplighter.domain import wire
from lamplighter.domain.past_draft import PastDraft, to_toml, trouble, with_column, with_unit
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_open
from lamplighter.ui.mapping_file import ask_where, ask_which, read, write
from lamplighter.ui.parts import Text, button
from lamplighter.ui.past_columns import PastColumns
from lamplighter.ui.past_form import PastForm, invitation
from lamplighter.ui.past_result import PastResult
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.step_dialog import StepDialog, stacked
from lamplighter.ui.value_preview import PreviewPanel
from lamplighter.ui.words import tr

STEPS: Final = ("Choose a file", "Say what it holds", "Bring it in", "Result")
CHOOSE, MAP, BRING, RESULT = range(4)
SIZE: Final = (1264, 780)
TABLES: Final = ("CSV, text, Parquet (*.csv *.txt *.tsv *.parquet *.pq)", "* (*)")


class PastDialog(StepDialog):
    """Steps at the left, the file's rows in the middle, meaning and preview at the right."""

    to_quarantine = Signal()
    to_trend = Signal(object, object, object)
    """ids of datastreams that came in, first and last moment in ms"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(tr("Bring the past in"), STEPS, 148, parent)
        self.setAcceptDrops(True)
        self._desk = desk
        self.path = ""
        self._task = 0
        self._look: wire.PastLook | None = None
        self._early: dict[int, wire.ImportDone] = {}
        self.draft: PastDraft | None = None
        self._loaded = ""
        """text of a mapping file that is used instead of the draft"""
        self._asking = self._again = False
        self._turn = 0
        """of the last question; answers to others come too late"""
        self._next_kind = ""
        """of the question that waits for the one that is on its way"""
        self._restarts = Restarts(desk)
        self._make()
        self._arrange()
        desk.import_done.connect(self._done)
        desk.tasks_changed.connect(self._progress)
        desk.welcomed.connect(self._welcomed)
        self.resize(*SIZE)
        self._go(CHOOSE)

    # ---------------------------------------------------------------- parts
    def _make(self) -> None:
        self.form, self.columns = PastForm(), PastColumns()
        self.preview, self.result = PreviewPanel(self._desk, dated=True), PastResult()
        self.form.changed.connect(self._reformed)
        self.columns.edited.connect(self._column_edited)
        self.columns.load.connect(self._ask_mapping)
        self.preview.bound.connect(lambda *_: self._show_values())
        self.preview.unit_said.connect(self._unit_said)
        self.result.quarantine.clicked.connect(self.to_quarantine)
        self.result.trend.clicked.connect(self._trend)
        self.result.again.toggled.connect(lambda _: self._enable())
        self.rows = plain_table(tr("First rows of the file"), [""], 0)
        self._aside = Text("", "caption", "secondary", wrap=True)
        self.choose = button(tr("Choose a file…"), self._ask_file)
        self.cancel = button(tr("Cancel"), self._stop)
        self.back = button(tr("Back"), self._go_back)
        self.save = button(tr("Save mapping as file…"), self._ask_save)
        self.primary = button(tr("Choose a file…"), self._primary, kind="primary")

    def _arrange(self) -> None:
        self._beside_steps.addStretch(1)
        reading = stacked(((self.form, 0), (self.rows, 1), (self._aside, 0)))
        self._right = stacked(((self.columns, 5), (self.preview, 4)), 12)
        self._middle = QStackedWidget()
        for page in (invitation(), reading, self.result):
            self._middle.addWidget(page)
        answers = (self.cancel, self.back, self.choose, self.save, self.primary)
        self._lay_out(self._middle, 6, self._right, answers)

    # ---------------------------------------------------------------- choosing and looking
    def _ask_file(self) -> None:
        ask_open(self, tr("A table of the past"), self.open, TABLES)

    def open(self, path: str) -> None:
        """Look at a file; what was said about the one before is forgotten."""
        if self._task:
            return
        self.path, self._look, self.draft, self._loaded = path, None, None, ""
        self._asking = self._again = False
        self.result.unfinished = False
        self.preview.forget()
        self._enable()  # nothing can be taken before it was looked at
        self._head.set_full(Path(path).name)
        self._say.setText(tr("Reading {name}", name=Path(path).name))
        self._ask()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        found = [u.toLocalFile() for u in event.mimeData().urls() if u.isLocalFile()]
        if found:
            self.open(found[0])
            event.acceptProposedAction()

    def mapping_text(self) -> str:
        """The mapping as it would be used; empty for our own export."""
        if self._loaded:
            return self._loaded
        return to_toml(self.draft) if self.draft is not None else ""

    def _ask(self, kind: str = "") -> None:
        """Look with what is said now; one question at a time, the newest wish is kept."""
        if self._asking:
            self._again, self._next_kind = True, kind
            return
        missing = trouble(self.draft) if self.draft is not None and not self._loaded else ""
        if missing and not kind:
            self._say.setText(tr("Still missing: {what}.", what=missing))
            self.preview.show_rows((), 0)
            self._enable()
            return
        self._asking = True
        text = "" if kind else self.mapping_text()
        self._turn = turn = self._turn + 1
        self._desk.ask(wire.LookAtPast(self.path, kind, text), lambda r: self._looked(turn, r))

    def _looked(self, turn: int, reply: wire.Reply) -> None:
        if turn != self._turn:
            return
        self._asking = False
        if self._again:
            self._again = False
            self._ask(self._next_kind)
            return
        if not isinstance(reply, wire.PastLook):
            self._say.setText(str(getattr(reply, "problem", tr("It could not be read."))))
            self._enable()
            return
        self._look = reply
        if reply.draft is not None:
            self.draft = reply.draft
        if self._step in (CHOOSE, RESULT):
            self._go(MAP)
        self._show()

    # ---------------------------------------------------------------- saying what it holds
    def _reformed(self, changes: dict[str, object]) -> None:
        """The form says something else of the whole table."""
        from msgspec.structs import replace

        if "kind" in changes:
            self.draft = None
            self._loaded = ""
            self._ask(str(changes["kind"]))
        elif self.draft is not None:
            self.draft = replace(self.draft, **changes)
            self._changed()

    def _column_edited(self, name: str, changes: dict[str, object]) -> None:
        if self.draft is not None:
            self.draft = with_column(self.draft, name, **changes)
            self._changed()

    def _unit_said(self, key: str, unit: str) -> None:
        if self.draft is not None:
            self.draft = with_unit(self.draft, key.partition("/")[2], unit)
            self._changed()

    def _changed(self) -> None:
        self.columns.show_draft(self.draft)
        self.form.show_draft(self.draft)
        self._ask()

    def _ask_mapping(self) -> None:
        ask_which(self, self.load_mapping)

    def load_mapping(self, name: str) -> None:
        """Use the mapping of a file instead of the proposal."""
        text = read(name, self._say.setText)
        if text is not None:
            self._loaded, self.draft = text, None
            self._ask()

    def _ask_save(self) -> None:
        ask_where(self, Path(self.path).stem, self.save_mapping)

    def save_mapping(self, name: str) -> None:
        """Write the mapping as a file that `import --map` reads."""
        self._say.setText(write(name, self.mapping_text()))

    # ---------------------------------------------------------------- showing
    def _show(self) -> None:
        look = self._look
        if look is None:
            return
        if self.rows.columnCount() != len(look.columns):
            self.rows.setColumnCount(len(look.columns))
        self.rows.setHorizontalHeaderLabels(list(look.columns))
        header = self.rows.horizontalHeader()
        header.setSectionResizeMode(header.ResizeMode.Interactive)
        fill(self.rows, look.rows)
        self.form.show_draft(self.draft)
        self.columns.show_draft(self.draft)
        self._show_values()
        lines = [f"{why} × {count:,}" for why, count in look.set_aside[:3]]
        if lines:
            lines.insert(
                0, tr("Of the first {n} rows would be set aside:", n=f"{look.looked_at:,}")
            )
        self._aside.setText("\n".join(lines))
        self._aside.setVisible(bool(lines))
        self._say.setText(self._words(look))
        self._enable()

    def _show_values(self) -> None:
        if self._look is not None:
            titles = {"failures": tr("Failure"), "work orders": tr("Work order")}
            title = titles.get(self._look.kind, "")
            self.preview.may_bind(not title, title)
            self.preview.show_rows(self._look.values, 0)

    def _words(self, look: wire.PastLook) -> str:
        if look.problem:
            return tr("{what}.", what=look.problem.rstrip("."))
        if look.own:
            return tr("Lamplighter wrote this file: it needs no mapping.")
        if self._loaded:
            return tr("The mapping of the file is used.")
        count = len(look.values)
        if not count:
            return tr("Nothing of these rows would be stored.")
        words = {
            "failures": tr("{n} failures in the first rows.", n=f"{count:,}"),
            "work orders": tr("{n} work orders in the first rows.", n=f"{count:,}"),
        }
        return words.get(look.kind, tr("{n} datastreams in the first rows.", n=f"{count:,}"))

    # ---------------------------------------------------------------- bringing it in
    def take(self) -> None:
        """Bring the file in, or go on with it."""
        self._restarts.note()
        self._task = -1
        self._turn += 1  # a look that is still on its way comes too late
        self._asking = self._again = False
        name = Path(self.path).name
        again = self._step == RESULT and self.result.again.isChecked()
        wish = wire.ImportPast((self.path,), self.mapping_text(), f"the mapping of {name}", again,
                               self.preview.bindings() if self.preview.rows else ())  # fmt: skip
        self.result.begin(name, anew=self._step != RESULT)
        self._go(BRING)
        self._desk.ask(wish, self._started)

    def _started(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.TaskStarted):
            self._task = reply.task
            self._progress()
            if (done := self._early.pop(reply.task, None)) is not None:
                self._done(done)
            return
        self._task = 0
        self._go(MAP)
        self._say.setText(str(getattr(reply, "problem", tr("It could not be started."))))

    def _progress(self) -> None:
        task = self._desk.tasks.get(self._task)
        if task is not None:
            self.result.show_task(task)

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of what the one before was bringing in."""
        if self._task > 0 and self._restarts.happened():
            self._task = 0
            self._go(MAP)
            self._say.setText(
                tr("The recorder began anew. Bring the file in again: it goes on where it was.")
            )

    def _stop(self) -> None:
        if self._task > 0:
            self._desk.ask(wire.CancelTask(self._task))

    def _done(self, done: wire.ImportDone) -> None:
        if self._task < 0:  # a short file may be in before the answer that it began
            self._early[done.task] = done
        if done.task != self._task or not self._task:
            return
        self._early.clear()
        self._task = 0
        self.result.show_done(done)
        self._go(RESULT)

    def _trend(self) -> None:
        keys = {r.key for r in self.preview.rows}
        found = [s.id for s in self._desk.city.streams.values() if s.key in keys]
        if found:
            self.to_trend.emit(found[:4], *self.result.span)

    # ---------------------------------------------------------------- steps
    def _primary(self) -> None:
        if self._step == CHOOSE:
            self._ask_file()
        elif self._step == MAP or self.result.unfinished:
            self.take()
        else:
            self.close()

    def _go_back(self) -> None:
        self._go(MAP if self._step == RESULT else CHOOSE)
        self._show()

    def _go(self, step: int) -> None:
        self._mark(step)
        self._middle.setCurrentIndex(min(step, 2))
        self._right.setVisible(step == MAP)
        self._bar.setVisible(step == MAP)
        if step != MAP:
            self._say.setText("")
        self._enable()

    def _enable(self) -> None:
        step, look = self._step, self._look
        self.cancel.setVisible(step == BRING)
        self.back.setVisible(step in (MAP, RESULT))
        self.choose.setVisible(step in (MAP, RESULT))
        self.save.setVisible(step == MAP)
        self.save.setEnabled(bool(self.mapping_text()))
        self.primary.setVisible(step != BRING)
        goes_on = step == RESULT and self.result.unfinished
        words = {CHOOSE: tr("Choose a file…"), MAP: tr("Bring it in"), RESULT: tr("Close")}
        self.primary.setText(tr("Go on") if goes_on else words.get(step, ""))
        why = ""
        if step == MAP:
            if look is None or look.problem or (self.draft is not None and trouble(self.draft)):
                why = tr("The mapping cannot be used yet")
            elif not look.values:
                why = tr("Nothing of these rows would be stored")
        elif goes_on and self.result.needs_again and not self.result.again.isChecked():
            why = tr("It was brought in before with another mapping")
        self.primary.setEnabled(not why)
        self.primary.setToolTip(why)
