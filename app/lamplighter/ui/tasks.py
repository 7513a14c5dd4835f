"""The task drawer: long work with progress, elapsed time, cancel and log."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.export_dialog import outcome
from lamplighter.ui.parts import Canvas, Elided, Panel, Scroller, Text, button, rule
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

BUSY = (TaskState.RUNNING, TaskState.WAITING, TaskState.STOPPING)


class TaskBar(Canvas):
    """8 px; hatched and still when the length is not known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None

    def show_task(self, task: Task) -> None:
        self._task = task
        self.setAccessibleName(step_text(task))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(220), 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, task = theme(), self._task
        painter = QPainter(self)
        box = QRectF(0, self.height() / 2 - 4, self.width(), 8)
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(look.colour("bg.inset"))
        painter.drawRect(box.adjusted(0, 0, -1, -1))
        if task is not None:
            running = task.state in BUSY
            ink = look.colour("action.primary" if running else "text.disabled")
            if task.total:
                share = min(1.0, task.done / task.total)
                share = 1.0 if task.state is TaskState.DONE else share
                painter.fillRect(QRectF(box.left(), box.top(), box.width() * share, 8), ink)
            elif running:
                painter.fillRect(box, QBrush(ink, Qt.BrushStyle.BDiagPattern))
            elif task.state is TaskState.DONE:
                painter.fillRect(box, ink)
        painter.end()


def step_text(task: Task) -> str:
    """`136 of 200`, a count, or how it ended."""
    match task.state:
        case TaskState.DONE:
            return tr("done")
        case TaskState.FAILED:
            return tr("failed")
        case TaskState.CANCELLED:
            return tr("stopped") if task.problem else tr("stopped, nothing changed")
        case TaskState.STOPPING:
            return tr("stopping")
        case TaskState.WAITING:
            return tr("waiting")
    if task.total:
        return tr("{a} of {b}", a=f"{task.done:,}", b=f"{task.total:,}")
    return f"{task.done:,}" if task.done else task.text or tr("working")


class TaskRow(QWidget):
    """One task: name, bar, step, elapsed, cancel, log; a fault in place below."""

    def __init__(self, desk: Desk, task: Task) -> None:
        super().__init__()
        from PySide6.QtWidgets import QGridLayout

        self._desk, self._task = desk, task
        self._name = Elided("", "bodyStrong")
        self._bar = TaskBar()
        self._step, self._time = Text("", "body"), Text("", "body", "secondary")
        self._cancel = button(tr("Cancel"), self._stop)
        self._log = button(tr("Log"), self._toggle_log)
        self._problem = Text("", "caption", "secondary", wrap=True)
        self._open = False
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 4, 12, 4)
        grid.setHorizontalSpacing(12)
        for column, (widget, stretch) in enumerate(
            ((self._name, 5), (self._bar, 4), (self._step, 2), (self._time, 1), (self._cancel, 0),
             (self._log, 0))
        ):  # fmt: skip
            grid.addWidget(widget, 0, column)
            grid.setColumnStretch(column, stretch)
        grid.addWidget(self._problem, 1, 0, 1, 6)
        for kept in (self._cancel, self._log):  # a row without one stays in line with the others
            policy = kept.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            kept.setSizePolicy(policy)
        self.show_task(task)

    @property
    def task(self) -> Task:
        """What the row shows."""
        return self._task

    def show_task(self, task: Task) -> None:
        self._task = task
        self._name.set_full(task.name)
        self._bar.show_task(task)
        self._step.setText(step_text(task))
        self._cancel.setVisible(task.state in BUSY)
        self._cancel.setEnabled(task.state is not TaskState.STOPPING)
        self._log.setVisible(bool(task.log))
        lines = [task.problem] if task.problem else []
        if self._open:
            lines += task.log[-8:]
        self._problem.setText("\n".join(lines))
        self._problem.setVisible(bool(lines))
        self.tick()

    def tick(self) -> None:
        task = self._task
        end = task.ended_ms or self._desk.clock.wall_ms()
        self._time.setText(
            numbers.duration((end - task.started_ms) / 1000) if task.started_ms else ""
        )

    def _stop(self) -> None:
        self._step.setText(tr("stopping"))
        self._cancel.setEnabled(False)
        self._desk.ask(wire.CancelTask(self._task.id))

    def _toggle_log(self) -> None:
        self._open = not self._open
        self.show_task(self._task)


class TaskDrawer(Panel):
    """Newest first, at most fifty rows; empty, it says what appears here."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: dict[int, TaskRow] = {}
        self._restarts = Restarts(desk)
        self._empty = Text(
            tr("No tasks. Imports, scenarios and training appear here with progress and Cancel."),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self._empty.setContentsMargins(16, 12, 16, 12)
        self._head = Text("", "caption", "secondary")
        self._head.setContentsMargins(16, 4, 16, 0)
        self.said = Text("", "caption", wrap=True)
        self.said.setContentsMargins(16, 4, 16, 0)
        self.said.hide()
        content = Panel()
        self._box = QVBoxLayout(content)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        self._box.addWidget(self._empty)
        self._box.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.addWidget(self._head)
        layout.addWidget(self.said)
        layout.addWidget(Scroller(content), 1)
        desk.export_done.connect(self._exported)
        desk.welcomed.connect(self._welcomed)
        desk.tasks_changed.connect(self.refresh)
        desk.status_changed.connect(self._tick)
        self.refresh()

    def _exported(self, done: wire.ExportDone) -> None:
        self.said.setText(outcome(done))
        self.said.show()

    def _welcomed(self) -> None:
        """Rows of a recorder that is gone go; what it had not finished is named."""
        happened = self._restarts.happened()
        self._restarts.note()
        if not happened or not self._rows:
            return
        left = [line.task.name for line in self._rows.values() if line.task.state in BUSY]
        self._rows.clear()
        for at in reversed(range(self._box.count())):
            item = self._box.itemAt(at)
            widget = item.widget() if item is not None else None
            if widget is not None and widget is not self._empty:
                self._box.removeWidget(widget)
                widget.deleteLater()
        if left:
            words = tr("The recorder was restarted. Not finished, to be started again: {names}.",
                       names="; ".join(left[:5]))  # fmt: skip
            self.said.setText(words)
            self.said.show()
        self.refresh()

    def refresh(self) -> None:
        tasks = self._desk.tasks
        for ident, task in sorted(tasks.items())[-50:]:
            line = self._rows.get(ident)
            if line is None:
                line = self._rows[ident] = TaskRow(self._desk, task)
                self._box.insertWidget(0, rule())
                self._box.insertWidget(0, line)
            else:
                line.show_task(task)
        self._empty.setVisible(not tasks)
        running = len(self._desk.running_tasks())
        self._head.setVisible(bool(tasks))
        done = len(tasks) - running
        self._head.setText(tr("{a} running, {b} done", a=running, b=done))

    def _tick(self) -> None:
        if self.isVisible():
            for line in self._rows.values():
                line.tick()
