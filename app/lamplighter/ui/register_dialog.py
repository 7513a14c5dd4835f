"""The register dialog: a table of assets and datastreams, previewed, then applied as previewed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.importing import RegisterReport
from lamplighter.ui.desk import Desk
from lamplighter.ui.drafts import Field
from lamplighter.ui.file_box import ask_open
from lamplighter.ui.parts import Text, button, row, window_of_its_own
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.words import tr

SHOWN: Final = 2_000
HINT: Final = """pattern = "{asset}_{kind}"
near_m = 25.0

[columns]
id = "TAG"
type = "CLASS"
"""


class RegisterDialog(QWidget):
    """File and mapping above, what would be bound and what not below."""

    gone = Signal()

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Asset register"))
        self._desk = desk
        self._task = 0
        self._restarts = Restarts(desk)
        self._previewed: wire.RegisterAssets | None = None
        self.file, self.crs = QLineEdit(), QLineEdit()
        self.file.setAccessibleName(tr("Register file"))
        self.file.setPlaceholderText(tr("CSV or GeoPackage with assets or datastreams"))
        self.crs.setAccessibleName(tr("Coordinate system of the columns x and y"))
        self.crs.setPlaceholderText(tr("EPSG:n, only for columns x and y"))
        self.mapping = QPlainTextEdit()
        self.mapping.setAccessibleName(tr("Mapping"))
        self.mapping.setPlaceholderText(HINT)
        self.mapping.setTabChangesFocus(True)
        self._say = Text("", "body", "secondary", wrap=True)
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(
            [tr("Datastream"), tr("Asset"), tr("Kind"), tr("Bound by, or why not")]
        )
        self.table.setAccessibleName(tr("Bindings"))
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.preview = button(tr("Preview"), self.look)
        self.primary = button(tr("Apply"), self.apply, kind="primary")
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.addLayout(row(self.file, button(tr("Choose…"), self._choose), self.crs))
        box.addWidget(Text(tr("Mapping of your columns (may stay empty)"), "caption", "secondary"))
        box.addWidget(self.mapping, 1)
        box.addWidget(self._say)
        box.addWidget(self.table, 3)
        box.addLayout(row(None, button(tr("Close"), self.close), self.preview, self.primary))
        for field in (self.file, self.crs):
            field.textChanged.connect(self._changed)
        self.mapping.textChanged.connect(self._changed)
        desk.register_done.connect(self._done)
        desk.welcomed.connect(self._welcomed)
        self.resize(900, 680)
        self._changed()
        self._watch()

    def _choose(self) -> None:
        ask_open(self, tr("Asset register"), self.file.setText)

    def _wish(self, *, preview: bool) -> wire.RegisterAssets:
        return wire.RegisterAssets(
            self.file.text().strip(),
            self.mapping.toPlainText(),
            self.crs.text().strip(),
            preview,
        )

    def _changed(self) -> None:
        """Only what was previewed can be applied."""
        same = self._previewed == self._wish(preview=True)
        self.preview.setEnabled(bool(self.file.text().strip()) and self._task == 0)
        self.primary.setEnabled(same and self._task == 0)
        self.primary.setToolTip("" if same else tr("Look at the preview first"))

    def look(self) -> None:
        """Ask what would be bound."""
        self._start(self._wish(preview=True))

    def apply(self) -> None:
        """Do what the preview showed."""
        self._start(self._wish(preview=False))

    def _start(self, wish: wire.RegisterAssets) -> None:
        self._task, self._previewed = -1, None
        self._restarts.note()
        self._say.setText(tr("Reading {name}", name=Path(wish.path).name))
        self._asked = wish
        self._changed()
        self._desk.ask(wish, self._started)

    def _started(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.TaskStarted):
            self._task = reply.task
        else:
            self._task = 0
            self._say.setText(str(getattr(reply, "problem", "")))
            self._changed()

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of the task of the one before."""
        if self._task > 0 and self._restarts.happened():
            self._task = 0
            self._say.setText(
                tr("The recorder was restarted before the register was done. Preview it again: it "
                   "shows what has come in already.")
            )  # fmt: skip
            self._changed()

    def _done(self, done: wire.RegisterDone) -> None:
        if done.task != self._task:
            return
        self._task = 0
        if done.report is not None and done.report.applied:
            self._typing.end()
            self._watch()
        if done.report is None:
            self._say.setText(done.problem)
        else:
            self._show(done.report)
            if not done.report.applied:
                self._previewed = self._asked
        self._changed()

    def _show(self, report: RegisterReport) -> None:
        begin = tr("Taken in") if report.applied else tr("Would come in")
        lines = [
            tr(
                "{begin} as layer {layer}: {new} new assets, {known} completed, {edges} "
                "connections, {bound} datastreams bound, {unbound} unbound.",
                begin=begin, layer=report.layer, new=report.new, known=report.known,
                edges=report.connections, bound=len(report.bindings), unbound=len(report.unbound),
            )
        ]  # fmt: skip
        lines += [f"{u.id}: {u.reason}" for u in (*report.refused, *report.unplaced)[:8]]
        self._say.setText("\n".join(lines))
        rows = [(b.datastream, b.asset, b.kind, b.how) for b in report.bindings]
        rows += [(u.datastream, "", "", u.reason) for u in report.unbound]
        self.table.setRowCount(min(len(rows), SHOWN))
        for number, cells in enumerate(rows[:SHOWN]):
            for column, text in enumerate(cells):
                self.table.setItem(number, column, QTableWidgetItem(text))

    def _watch(self) -> None:
        fields: dict[str, Field] = {"file": self.file, "crs": self.crs, "mapping": self.mapping}
        self._typing = self._desk.drafts.watch("register", "", tr("asset register"), fields)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._typing.end()
        self.gone.emit()
        super().closeEvent(event)
