"""The Check page: what is wrong with the city, where it is, and mending it with a way back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.findings import CheckResult, Finding
from lamplighter.domain.task import TaskState
from lamplighter.ui.check_model import FindingTable, KindTable, kind_words
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

BUSY: Final = (TaskState.RUNNING, TaskState.WAITING, TaskState.STOPPING)
MANY: Final = 1_000


class CheckPage(Panel):
    """Counts per kind on the left, the findings on the right; a click flies there."""

    to_place = Signal(float, float, float)
    """local metres"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.result: CheckResult | None = None
        self._task = 0
        self._restarts, self._left = Restarts(desk), False
        self._code = ""
        self.kinds, self.findings = KindTable(), FindingTable()
        self.words = Text("", "bodyStrong", wrap=True)
        self.kind_view = _view(self.kinds, tr("Kinds of findings"), stretch=0)
        self.view = _view(self.findings, tr("Findings"), stretch=3)
        self.kind_view.selectionModel().selectionChanged.connect(lambda *_: self._narrow())
        self.view.clicked.connect(self._go)
        self.view.activated.connect(self._go)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self.start = button(tr("Check the city"), self.check, kind="primary")
        self.stop = button(tr("Cancel"), self._cancel)
        self.fix_one = button(tr("Fix"), self._fix_one, tip=tr("Mend the chosen finding"))
        self.fix_kind = button(
            tr("Fix all of this kind"), self._fix_kind, tip=tr("Mend every finding of this kind")
        )
        self.undo = button(tr("Undo fixes"), self._undo, tip=tr("Take the newest fixes back"))
        self.report = button(tr("Report…"), self._ask_file, tip=tr("As a web page or as JSON"))
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(self.kind_view)
        self._split.addWidget(self.view)
        self._split.setStretchFactor(0, 2)
        self._split.setStretchFactor(1, 5)
        self._split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(8)
        layout.addLayout(
            row(self.start, self.stop, None, self.fix_one, self.fix_kind, self.undo, self.report)
        )
        layout.addWidget(self.words)
        layout.addWidget(self._split, 1)
        desk.check_done.connect(self._done)
        desk.tasks_changed.connect(self._progress)
        desk.welcomed.connect(self._welcomed)
        desk.city_changed.connect(self._show_words)
        self._refresh()

    # ---------------------------------------------------------------- asking
    def check(self) -> None:
        """Look at the whole city."""
        self._ask(wire.RunCheck())

    def _ask(self, request: wire.RunCheck) -> None:
        if self.busy:
            return
        self._task = -1
        self._left = False
        self._restarts.note()
        self._refresh()
        self._desk.ask(request, self._started)

    def _started(self, reply: wire.Reply) -> None:
        self._task = reply.task if isinstance(reply, wire.TaskStarted) else 0
        self._refresh()

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of the check of the one before."""
        if self._task > 0 and self._restarts.happened():
            self._task = 0
            self._left = True
            self._refresh()

    def _cancel(self) -> None:
        if self._task > 0:
            self._desk.ask(wire.CancelTask(self._task))

    def _fix_one(self) -> None:
        chosen = self.chosen
        if chosen is not None and chosen.fixable:
            self._ask(wire.RunCheck(fix=True, keys=(chosen.key,)))

    def _fix_kind(self) -> None:
        code = self._code or (self.chosen.code if self.chosen is not None else "")
        if code:
            self._ask(wire.RunCheck(fix=True, codes=(code,)))

    def _undo(self) -> None:
        self._ask(wire.RunCheck(undo=True))

    def _ask_file(self) -> None:
        kinds = ("HTML (*.html)", "JSON (*.json)")
        ask_save(self, tr("Write the report"), self._write, "check.html", kinds)

    def _write(self, name: str) -> None:
        self._desk.ask(wire.WriteCheckReport(str(Path(name).absolute())))

    # ---------------------------------------------------------------- what came
    @property
    def busy(self) -> bool:
        """A check that this page started is running."""
        return self._task != 0

    @property
    def chosen(self) -> Finding | None:
        """The finding whose row is selected."""
        rows = self.view.selectionModel().selectedRows()
        return self.findings.rows[rows[0].row()] if rows else None

    def _done(self, done: wire.CheckDone) -> None:
        if done.task == self._task or self._task == 0:
            self._task = 0
        self._left = False
        if not done.problem:
            self.result = done.result
            standing = [f for f in done.result.findings if not f.fixed]
            codes = {f.code for f in standing}
            self._code = self._code if self._code in codes else ""
            self.kinds.show_findings(standing)
            self._list()
        self._refresh()

    def _progress(self) -> None:
        if self._task > 0:
            task = self._desk.tasks.get(self._task)
            if task is not None and task.state not in (*BUSY, TaskState.DONE):
                self._task = 0
                self._refresh()
            else:
                self._show_words()

    def _narrow(self) -> None:
        rows = self.kind_view.selectionModel().selectedRows()
        self._code = self.kinds.rows[rows[0].row()][0] if rows else ""
        self._list()
        self._refresh()

    def _list(self) -> None:
        found = [] if self.result is None else [f for f in self.result.findings if not f.fixed]
        self.findings.show_findings([f for f in found if self._code in ("", f.code)])

    def _go(self, index: QModelIndex) -> None:
        finding = self.findings.rows[index.row()]
        if finding.object in self._desk.city.assets:
            self._desk.selection.select(finding.object)
        if finding.place is not None:
            self.to_place.emit(*finding.place)

    # ---------------------------------------------------------------- states
    def _refresh(self) -> None:
        self._split.setVisible(self.result is not None and bool(self.kinds.rows))
        self._show_words()
        self._enable()

    def _enable(self) -> None:
        idle, result, chosen = not self.busy, self.result, self.chosen
        self.start.setEnabled(idle)
        self.stop.setVisible(self.busy)
        self.fix_one.setEnabled(idle and chosen is not None and chosen.fixable)
        code = self._code or (chosen.code if chosen is not None else "")
        kind = any(f.fixable and f.code == code for f in self.findings.rows)
        self.fix_kind.setEnabled(idle and kind)
        self.undo.setEnabled(idle and result is not None and result.repairs > 0)
        self.report.setEnabled(idle and result is not None)

    def _show_words(self) -> None:
        self.words.setText(self._words())

    def _words(self) -> str:
        result = self.result
        if self.busy:
            task = self._desk.tasks.get(self._task)
            text = task.text if task is not None else ""
            return tr("Checking: {step}", step=text) if text else tr("Checking…")
        if self._left:
            return tr("The recorder was restarted before the check was done. Check the city again.")
        if result is None:
            return tr(
                "Not checked yet. The check looks at every imported model: geometry, ids, places, "
                "parents, sensors. It changes nothing."
            )
        count = Counter(f.severity for f in result.findings if not f.fixed)
        mended = sum(f.fixed for f in result.findings)
        words = [
            tr("{n} errors", n=f"{count['error']:,}"),
            tr("{n} warnings", n=f"{count['warning']:,}"),
            tr("{n} notes", n=f"{count['note']:,}"),
        ]
        if not count:
            words = [tr("Nothing found")]
        if mended:
            words.append(tr("{n} mended now", n=f"{mended:,}"))
        if result.repairs:
            words.append(tr("{n} repairs stand", n=f"{result.repairs:,}"))
        words.append(tr("{n} objects looked at", n=f"{result.objects:,}"))
        if result.unread:
            words.append(tr("not checked: {what}", what="; ".join(result.unread[:3])))
        if self._code:
            known = next((r[1] for r in self.kinds.rows if r[0] == self._code), "")
            words.append(tr("shown: {kind}", kind=known or kind_words(self._code, "")))
        elif sum(count.values()) > MANY:
            words.append(tr("choose a kind to shorten the list"))
        return " · ".join(words)


def _view(model: KindTable | FindingTable, name: str, *, stretch: int) -> QTableView:
    view = QTableView()
    view.setModel(model)
    view.setAccessibleName(name)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(theme().px(28))
    view.setShowGrid(False)
    view.setTabKeyNavigation(False)
    view.setWordWrap(False)
    header = view.horizontalHeader()
    # only rows that are seen are measured, however many there are
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setResizeContentsPrecision(50)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    return view
