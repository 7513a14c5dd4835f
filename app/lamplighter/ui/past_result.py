"""How an import of the past goes, and what came of it: taken, in already, set aside and why."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.importing import FileReport
from lamplighter.domain.task import Task
from lamplighter.ui.parts import Panel, Scroller, Text, button, row
from lamplighter.ui.tasks import TaskBar
from lamplighter.ui.words import tr

OTHER_MAPPING = "[I-522]"


class PastResult(QWidget):
    """Progress first, counts afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.unfinished = self.needs_again = False
        """whether the same file can go on, and whether that needs `again`"""
        self.span = (0, 0)
        """first and last moment that came in"""
        self._heading = Text("", "heading")
        self.bar = TaskBar()
        self.words = Text("", "body", "secondary", wrap=True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setColumnStretch(1, 1)
        self._cells = [(Text("", "bodyStrong"), Text("", "body", "secondary", wrap=True))
                       for _ in range(6)]  # fmt: skip
        for line, (count, what) in enumerate(self._cells):
            self._grid.addWidget(count, line, 0, Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(what, line, 1)
        self.lines = Text("", "body", "secondary", wrap=True)
        self.lines.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.again = QCheckBox(tr("Take it in a second time, with this mapping"))
        self.trend = button(tr("Show in Trends"))
        self.quarantine = button(tr("Open Quarantine"))
        inner = Panel()
        box = QVBoxLayout(inner)
        box.setContentsMargins(0, 0, 8, 0)
        box.addWidget(self.lines)
        box.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(10)
        for widget in (self._heading, self.bar, self.words):
            outer.addWidget(widget)
        outer.addLayout(self._grid)
        outer.addWidget(self.again)
        outer.addLayout(row(self.trend, self.quarantine, None))
        outer.addWidget(Scroller(inner), 1)

    def begin(self, name: str, *, anew: bool) -> None:
        """A file is on its way; `anew`: not one that goes on."""
        self.span = (0, 0) if anew else self.span
        self._heading.setText(tr("{name} comes in", name=name))
        self.words.setText("")
        self.lines.setText(
            tr("You can close this window: it goes on as a task. Cancel ends it between two "
               "pieces; what is in stays, and bringing the same file in again goes on from there.")
        )  # fmt: skip
        self._counts([])
        self.bar.show()
        for widget in (self.again, self.trend, self.quarantine):
            widget.hide()
        self.unfinished = False

    def show_task(self, task: Task) -> None:
        """How far it is."""
        self.bar.show_task(task)
        share = f" · {100 * task.done / task.total:.0f}\u202f%" if task.total else ""
        self.words.setText((task.text or task.name) + share)

    def show_done(self, done: wire.ImportDone) -> None:
        """What came of it."""
        report = done.files[0] if done.files else None
        error = done.problem or (report.error if report is not None else "") or ""
        self.bar.hide()
        self.words.setText(error)
        taken = report is not None and bool(report.placed)
        if report is not None and taken:
            first, last = self.span
            self.span = min(first or report.from_ms, report.from_ms), max(last, report.to_ms)
        if done.cancelled:
            words = tr("Cancelled: what is in stays")
        elif error:
            words = tr("Not brought in")
        elif report is not None and report.already:
            words = tr("It was in already")
        else:
            words = tr("It is in")
        self._heading.setText(words)
        self._counts(_counts(report) if report is not None and not report.error else [])
        notes = report.warnings if report is not None else []
        self.lines.setText("\n".join(notes))
        self.needs_again = OTHER_MAPPING in error
        self.unfinished = done.cancelled or self.needs_again
        self.again.setVisible(self.needs_again)
        if not self.needs_again:
            self.again.setChecked(False)
        self.trend.setVisible(taken and "Observation" in (report.objects if report else {}))
        self.quarantine.setVisible(report is not None and report.set_aside > 0)

    def _counts(self, rows: list[tuple[str, str]]) -> None:
        for line, (count, what) in enumerate(self._cells):
            shown = line < len(rows)
            count.setVisible(shown)
            what.setVisible(shown)
            if shown:
                count.setText(rows[line][0])
                what.setText(rows[line][1])


def _counts(report: FileReport) -> list[tuple[str, str]]:
    """(count, what it counts)"""
    found = report.objects
    rows = [
        (found.get("Observation", 0), tr("values taken, recorded now; no alarm follows from them")),
        (found.get("Failure", 0), tr("failures taken")),
        (found.get("WorkOrder", 0), tr("work orders taken")),
    ]
    words = [(f"{n:,}", what) for n, what in rows if n]
    if not words:
        words = [("0", tr("taken"))]
    words.append((f"{report.set_aside:,}", tr("rows or values set aside, each with its line")))
    words.append((f"{report.seconds:,.1f}\u202fs", tr("it took")))
    return words
