"""The import dialog: choose files, look at what they hold and where they lie, then take them.

A window of its own beside the city, never modal. Looking is a full reading that keeps nothing, so
what is shown before the import is what comes in; the reading is not done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.importing import FileReport
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.desk import Desk
from lamplighter.ui.import_table import TRIANGLES, ImportTable, story
from lamplighter.ui.layers_panel import removal_words
from lamplighter.ui.parts import Panel, Scroller, Text, button, row, rule, window_of_its_own
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.tasks import TaskBar
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

STEPS: Final = ("Choose files", "Look at them", "Import", "Result")
SIZE: Final = (1264, 780)


class ImportDialog(QWidget):
    """Steps at the left, files in the middle, one file's story at the right."""

    show_layer = Signal(str)
    to_past = Signal()
    """what is to come in is a table of the past"""
    gone = Signal()

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Import"))
        self.setAcceptDrops(True)
        self._desk = desk
        self._paths: list[str] = []
        self._task = 0
        self._restarts = Restarts(desk)
        self._waits_for = ""
        self._step = 0
        self.model = ImportTable()
        self._make_steps()
        self._make_wishes()
        self._make_table()
        self._make_story()
        self._make_foot()
        middle = QVBoxLayout()
        middle.addLayout(
            row(button(tr("Add files…"), self._add_files), button(tr("Add folder…"),
                self._add_folder), None,
                button(tr("The past…"), self.to_past.emit,
                       tip=tr("Years of observations, failures and work orders (Ctrl+Shift+I)")))
        )  # fmt: skip
        middle.addWidget(self._chosen)
        middle.addWidget(self._wishes)
        self._files = QStackedWidget()
        self._files.addWidget(_invitation())
        self._files.addWidget(self.table)
        middle.addWidget(self._files, 1)
        middle.addLayout(self._foot)
        box = QHBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(16)
        box.addWidget(self._left)
        box.addWidget(rule(vertical=True))
        box.addLayout(middle, 1)
        self._edge = rule(vertical=True)
        box.addWidget(self._edge)
        box.addWidget(self._right)
        desk.import_done.connect(self._done)
        desk.tasks_changed.connect(self._progress)
        desk.welcomed.connect(self._welcomed)
        self.resize(min(SIZE[0], 1264), min(SIZE[1], 800))
        self._go(0)

    # ---------------------------------------------------------------- parts
    def _make_steps(self) -> None:
        self._left = QWidget()
        self._left.setFixedWidth(theme().px(116))
        box = QVBoxLayout(self._left)
        box.setContentsMargins(0, 0, 0, 0)
        self._labels = [Text(f"{n}  {tr(word)}", "body") for n, word in enumerate(STEPS, 1)]
        for label in self._labels:
            box.addWidget(label)
        box.addStretch(1)

    def _make_wishes(self) -> None:
        self._chosen = Text("", "body", "secondary", wrap=True)
        self._wishes = QWidget()
        form = QFormLayout(self._wishes)
        form.setContentsMargins(0, 0, 0, 0)
        self.crs = QLineEdit()
        self.crs.setPlaceholderText(tr("EPSG:n, only where the files do not say it right"))
        self.fit = QCheckBox(tr("Fit a network that has no place into the city (not surveyed)"))
        self.points = [QLineEdit() for _ in range(4)]
        hints = ("x, y", "longitude, latitude", "x, y", "longitude, latitude")
        for field, hint in zip(self.points, hints, strict=True):
            field.setPlaceholderText(tr(hint))
            field.setAccessibleName(tr("Placement by two points: {words}", words=tr(hint)))
        self.fixed = QCheckBox(tr("keep the file's scale"))
        self.crs.setAccessibleName(tr("Coordinate system of the files"))
        form.addRow(tr("System of all files"), self.crs)
        first = row(self.points[0], Text("→"), self.points[1])
        second = row(self.points[2], Text("→"), self.points[3], self.fixed)
        form.addRow(tr("First known point"), first)
        form.addRow(tr("Second known point"), second)
        form.addRow("", self.fit)

    def _make_table(self) -> None:
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(tr("Files of the import"))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(6, QHeaderView.ResizeMode.Stretch)
        for column, width in ((0, 150), (1, 100), (2, 84), (3, 60), (4, 68), (5, 56), (7, 112)):
            self.table.setColumnWidth(column, theme().px(width))
        self.table.selectionModel().currentRowChanged.connect(self._row)

    def _make_story(self) -> None:
        self._right = Panel()
        self._right.setFixedWidth(theme().px(300))
        self._story = Text("", "body", "secondary", wrap=True)
        self._story.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inner = Panel()
        box = QVBoxLayout(inner)
        box.setContentsMargins(0, 0, 8, 0)
        box.addWidget(self._story)
        box.addStretch(1)
        self._show = button(tr("Show in 3D"), self._show_it)
        self._undo = button(tr("Undo this import…"), self._ask_undo)
        self._question = Text("", "body", wrap=True)
        self._yes = button(tr("Remove"), self._do_undo)
        self._no = button(tr("Keep it"), self._keep)
        self._answers = QWidget()
        self._answers.setLayout(row(self._yes, self._no, None))
        outer = QVBoxLayout(self._right)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scroller(inner), 1)
        outer.addLayout(row(self._show, self._undo, None))
        outer.addWidget(self._question)
        outer.addWidget(self._answers)
        self._keep()

    def _make_foot(self) -> None:
        self._bar = TaskBar()
        self._say = Text("", "body", "secondary", wrap=True)
        self._cancel = button(tr("Cancel"), self._stop)
        self._close = button(tr("Close"), self.close)
        self._back = button(tr("Look again"), self.look)
        self.primary = button(tr("Look at them"), self._primary, kind="primary")
        self._foot = QVBoxLayout()
        self._foot.addWidget(self._bar)
        self._foot.addWidget(self._say)
        self._foot.addLayout(row(self._cancel, None, self._close, self._back, self.primary))

    # ---------------------------------------------------------------- choosing
    def add(self, paths: Sequence[str | Path]) -> None:
        """Files and folders to take; looks at them at once when there were none before."""
        fresh = [str(p) for p in paths if str(p) not in self._paths]
        self._paths += fresh
        if fresh and not self._task:
            self.look()

    def _add_files(self) -> None:
        self._picker(QFileDialog.FileMode.ExistingFiles)

    def _add_folder(self) -> None:
        self._picker(QFileDialog.FileMode.Directory)

    def _picker(self, mode: QFileDialog.FileMode) -> None:
        box = QFileDialog(self, tr("What to import"))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setFileMode(mode)
        box.filesSelected.connect(self.add)
        box.show()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.add([u.toLocalFile() for u in event.mimeData().urls() if u.isLocalFile()])
        event.acceptProposedAction()

    # ---------------------------------------------------------------- asking
    def _wish(self, preview: bool) -> wire.ImportFiles:
        a, b, c, d = ("".join(field.text().split()) for field in self.points)
        return wire.ImportFiles(
            tuple(self._paths),
            crs=self.crs.text().strip(),
            fit=self.fit.isChecked(),
            two_points=f"{a}={b};{c}={d}" if a and b and c and d else "",
            fixed_scale=self.fixed.isChecked(),
            crs_of=dict(self.model.crs_of),
            preview=preview,
        )

    def look(self) -> None:
        """Read everything and keep nothing."""
        if self._paths:
            self._start(1, self._wish(preview=True))

    def take(self) -> None:
        """Import what was looked at."""
        self._start(2, self._wish(preview=False))

    def _primary(self) -> None:
        (self.take if self._step == 1 and self.model.reports else self.look)()

    def _start(self, step: int, wish: wire.ImportFiles) -> None:
        self._restarts.note()
        self._task = -1
        self._go(step)
        self._desk.ask(wish, self._started)

    def _started(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.TaskStarted):
            self._task = reply.task
            self._progress()
        else:
            self._task = 0
            self._say.setText(str(getattr(reply, "problem", tr("It could not be started."))))
            self._go(min(self._step, 1))

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of the task of the one before."""
        if self._task > 0 and self._restarts.happened():
            self._task = 0
            self._go(0)
            self._say.setText(tr("The recorder began anew. Look at the files again."))

    def _progress(self) -> None:
        task = self._desk.tasks.get(self._task)
        if task is not None:
            self._bar.show_task(task)
            self._say.setText(task.text or task.name)

    def _stop(self) -> None:
        if self._task > 0:
            self._desk.ask(wire.CancelTask(self._task))

    def _done(self, done: wire.ImportDone) -> None:
        if done.task != self._task:
            return
        self._task = 0
        self.model.show(list(done.files), taken=not done.preview)
        self._go(1 if done.preview else 3)
        self._say.setText(_sums(done))
        state = TaskState.CANCELLED if done.cancelled else TaskState.DONE
        self._bar.show_task(Task(0, "", state, 1, 1))
        if self.model.reports:
            self.table.selectRow(0)

    # ---------------------------------------------------------------- showing
    def _go(self, step: int) -> None:
        self._step = step
        busy = self._task != 0
        for number, label in enumerate(self._labels):
            label.set_tone("primary" if number == step else "muted")
        names = ", ".join(Path(p).name for p in self._paths[:4])
        more = f" +{len(self._paths) - 4}" if len(self._paths) > 4 else ""
        self._chosen.setText(names + more)
        self._chosen.setVisible(bool(names))
        some = bool(self.model.reports)
        self._files.setCurrentIndex(1 if some else 0)
        self._right.setVisible(some)  # a story needs a file: until then the room is the files'
        self._edge.setVisible(some)
        self.table.setColumnHidden(TRIANGLES, not any(r.triangles for r in self.model.reports))
        self._cancel.setVisible(busy)
        self._bar.setVisible(busy or step > 1)
        self._wishes.setEnabled(not busy and step < 3)
        self._back.setVisible(step in (1, 3) and not busy)
        good = [r for r in self.model.reports if not r.error]
        ready = step == 1 and not busy and bool(good)
        self.primary.setVisible(step < 2 or busy)
        self.primary.setText(tr("Import {n} files", n=len(good)) if ready else tr("Look at them"))
        self.primary.setEnabled(not busy and (ready or bool(self._paths)))
        self.primary.setToolTip("" if self.primary.isEnabled() else tr("Choose files first"))
        self._row()

    def _report(self) -> FileReport | None:
        index = self.table.currentIndex()
        rows = self.model.reports
        return rows[index.row()] if 0 <= index.row() < len(rows) else None

    def _row(self, *_: QModelIndex) -> None:
        report = self._report()
        self._story.setText(story(report) if report is not None else "")
        kept = report is not None and report.layer in self._desk.city.imported
        taken = kept and self._step == 3
        self._show.setVisible(taken)
        self._undo.setVisible(taken)
        self._keep()

    def _show_it(self) -> None:
        report = self._report()
        if report is not None:
            self.show_layer.emit(report.layer)

    # ---------------------------------------------------------------- undo
    def _ask_undo(self) -> None:
        report = self._report()
        if report is not None:
            self._desk.ask(wire.RemoveLayer(report.layer, preview=True), self._counted)

    def _counted(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.LayerRemoved):
            self._question.setText(removal_words(reply.removal))
            self._waits_for = reply.removal.layer
            self._question.show()
            self._answers.show()

    def _do_undo(self) -> None:
        self._desk.ask(wire.RemoveLayer(self._waits_for, preview=False), self._undone)

    def _undone(self, reply: wire.Reply) -> None:
        self._keep()
        if isinstance(reply, wire.LayerRemoved):
            rest = [r for r in self.model.reports if r.layer != reply.removal.layer]
            self.model.show(rest, taken=True)
            self._say.setText(
                tr("{name} was removed with {n} assets.", name=reply.removal.name,
                   n=f"{reply.removal.assets:,}")
            )  # fmt: skip

    def _keep(self) -> None:
        self._question.hide()
        self._answers.hide()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.gone.emit()
        super().closeEvent(event)


def _invitation() -> QWidget:
    """What can be dropped, where the table of files will be."""
    page = QWidget()
    box = QVBoxLayout(page)
    box.setContentsMargins(0, theme().px(28), 0, 0)
    box.setSpacing(8)
    box.addWidget(Text(tr("Drop files or a folder here"), "heading"))
    for words in (
        tr("City models and buildings, meshes and point clouds, vectors and tables of objects, "
           "terrain and pictures from above, water, power and other networks, timetables."),
        tr("Looking comes first: every file is read and says what it holds, where it lies and what "
           "is wrong with it. Nothing is kept before you import it, and an import can be undone."),
        tr("Years of measured values, past failures and work orders come in by “The past…”."),
    ):  # fmt: skip
        box.addWidget(Text(words, "body", "secondary", wrap=True))
    box.addStretch(1)
    return page


def _sums(done: wire.ImportDone) -> str:
    """One line about the whole import."""
    if done.problem:
        return done.problem
    files = [r for r in done.files if not r.part_of]
    refused = sum(bool(r.error) for r in files)
    parts = len(done.files) - len(files)
    text = tr(
        "{n} files, {r} refused, {p} parts of others, {o} passed over.",
        n=len(files), r=refused, p=parts, o=len(done.passed_over),
    )  # fmt: skip
    if done.cancelled:
        text += " " + tr("Cancelled: what was taken stays; {n} files were not read.", n=done.unread)
    return text
