"""A window that asks for one long task of the recorder and shows how it goes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.task import TaskState
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, window_of_its_own
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.tasks import TaskBar
from lamplighter.ui.words import tr


class TaskDialog(QWidget):
    """The task's number is 0 for none and -1 while it is asked for.

    A subclass says in `_changed` what may be pressed now, and hears the end of its task itself.
    """

    gone = Signal()

    def __init__(self, desk: Desk, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, title)
        self._desk = desk
        self._task = 0
        self._restarts = Restarts(desk)
        self.bar = TaskBar()
        self.bar.hide()
        self.said = Text("", "body", wrap=True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        desk.tasks_changed.connect(self._step)
        desk.welcomed.connect(self._welcomed)

    def _changed(self) -> None:
        raise NotImplementedError

    def _again(self) -> str:
        """What to do when the recorder was restarted in the middle."""
        return tr("It was not finished. Start it again.")

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of the task of the one before."""
        if self._task > 0 and self._restarts.happened():
            self._task = 0
            self.bar.hide()
            self.said.setText(tr("The recorder was restarted. {way}", way=self._again()))
            self._changed()

    def _start(self, ask: wire.Request) -> None:
        self._task = -1
        self._restarts.note()
        self.said.setText("")
        self._desk.ask(ask, self._started)
        self._changed()

    def _started(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.TaskStarted):
            self._task = reply.task
        else:
            self._task = 0
            self.said.setText(str(getattr(reply, "problem", "")))
        self._changed()

    def _cancel(self) -> None:
        if self._task > 0:
            self._desk.ask(wire.CancelTask(self._task))

    def _step(self) -> None:
        task = self._desk.tasks.get(self._task)
        if task is not None and task.state is TaskState.RUNNING:
            self.bar.show()
            self.bar.show_task(task)
            self.said.setText(task.text)
