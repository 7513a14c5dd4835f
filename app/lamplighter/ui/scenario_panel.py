"""What-if: choose a change, run it beside the live city, compare now with then."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.task import TaskState
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Elided, Panel, Text, button, row, tag
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.tasks import BUSY
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

KINDS = (
    ("stop-pump", "Stop pump", "pump", ("Pump",)),
    ("close-pipe", "Close pipe", "pipe", ("Pipe",)),
)
MAX_ROWS = 200


class ScenarioPanel(Panel):
    """Results always with their range; a result without one is not shown."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._badge = tag(tr("SCENARIO"))
        self._badge.setProperty("role", "scenarioTag")
        self._title = Elided(tr("What if …"), "heading")
        self._kind, self._target = QComboBox(), QComboBox()
        self._kind.setAccessibleName(tr("What-if"))
        self._target.setAccessibleName(tr("Asset to change"))
        self._target.setEditable(True)
        self._target.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._target.setMinimumWidth(80)
        self._target.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        for name, word, _, _ in KINDS:
            self._kind.addItem(tr(word), name)
        self._kind.currentIndexChanged.connect(lambda _: self._targets())
        self._run = button(tr("Run"), self.run, kind="primary")
        self._say = Text("", "body", "secondary", wrap=True)
        self._basis = Text("", "caption", "secondary", wrap=True)
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels([tr("Where"), tr("Now"), tr("Then"), tr("Difference")])
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setAccessibleName(tr("Scenario result"))
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._rows: list[wire.ScenarioRow] = []
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(8)
        head = row(self._badge, self._title)
        head.setStretch(1, 1)
        box.addLayout(head)
        choose = row(self._kind, self._target, self._run)
        choose.setStretch(1, 1)
        box.addLayout(choose)
        box.addWidget(self._say)
        box.addWidget(self.table, 1)
        box.addWidget(self._basis)
        box.addStretch(0)  # takes the room while there is no table
        self._task: int | None = None
        self._restarts = Restarts(desk)
        desk.tasks_changed.connect(self._ended)
        desk.welcomed.connect(self._welcomed)
        desk.city_changed.connect(self._targets)
        desk.scenario_changed.connect(self._show)
        desk.selection.changed.connect(self._follow)
        self.table.itemSelectionChanged.connect(self._selected)
        self._syncing = False
        self._targets()
        self._show()

    def _targets(self) -> None:
        kinds = KINDS[max(0, self._kind.currentIndex())][3]
        self._target.clear()
        for asset in self._desk.city.assets.values():
            if asset.type in kinds:
                self._target.addItem(asset.name or asset.id, asset.id)
        has = self._target.count() > 0
        self._run.setEnabled(has)
        self._run.setToolTip("" if has else tr("This city has nothing of the kind"))
        self._follow()

    def _follow(self) -> None:
        at = self._target.findData(self._desk.selection.current)
        if at >= 0:
            self._target.setCurrentIndex(at)

    def run(self) -> None:
        """Asks for the what-if; the mode becomes scenario, the live city goes on."""
        kind = KINDS[max(0, self._kind.currentIndex())]
        asset = self._target.currentData()
        if not asset:
            self._say.setText(tr("Choose what to change first."))
            return
        self._say.setText(tr("Running. Progress stands in the task drawer."))
        self._desk.time.scenario()
        self._restarts.note()
        self._desk.ask(wire.RunScenario(kind[0], {kind[2]: str(asset)}), self._answered)

    def _answered(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._say.setText(str(reply.problem))
        elif isinstance(reply, wire.TaskStarted):
            self._task = reply.task
            self._ended()

    def _ended(self) -> None:
        """A task that came to nothing says so here too."""
        task = self._desk.tasks.get(self._task) if self._task is not None else None
        if task is not None and task.state in (TaskState.FAILED, TaskState.CANCELLED):
            self._say.setText(task.problem or tr("Cancelled. Nothing was changed."))
        if task is not None and task.state not in BUSY:
            self._task = None

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of what the one before was reckoning."""
        if self._task is not None and self._restarts.happened():
            self._task = None
            self._say.setText(tr("The recorder was restarted before the result. Run it again."))

    def _show(self) -> None:
        done = self._desk.scenario
        self.table.setVisible(done is not None)
        if done is None:
            self._say.setText(
                tr("Stop a pump or close a pipe in a copy of the city. Nothing reaches the field.")
            )
            self._basis.setText("")
            return
        what = ", ".join(self._desk.city.name(v) for v in done.settings.values())
        word = next((k[1] for k in KINDS if k[0] == done.name), done.name)
        self._title.set_full(f"{tr(word)}: {what}")
        self._say.setText(done.summary)
        basis = done.basis or tr("screening result, not a measurement")
        self._basis.setText(basis)
        changed = sorted(
            done.rows, key=lambda r: (r.quantity != "pressure", -abs(r.outcome - r.baseline))
        )
        self._rows = [r for r in changed if r.low == r.low and r.high == r.high][:MAX_ROWS]
        self._fill()

    def _fill(self) -> None:
        look = theme()
        self._syncing = True
        kinds = {(r.quantity, r.unit) for r in self._rows}
        one = len(kinds) == 1
        where = ", ".join(next(iter(kinds))) if one else tr("Where")
        self.table.setHorizontalHeaderLabels([where, tr("Now"), tr("Then"), tr("Difference")])
        self.table.setFont(look.font("caption"))
        self.table.setRowCount(len(self._rows))
        self.table.verticalHeader().setDefaultSectionSize(look.row)
        for line, item in enumerate(self._rows):
            name = self._desk.city.name(item.asset)
            whole = f"{name}, {item.quantity}, {item.unit}"
            step = 0.1 if abs(item.baseline) >= 10 else 0.01
            diff = numbers.value_range(item.low - item.baseline, item.high - item.baseline, step)
            short = item.asset if name.endswith(item.asset) else name
            cells = (
                short,
                numbers.with_unit(item.baseline, "" if one else item.unit, step),
                numbers.value_range(item.low, item.high, step),
                diff,
            )
            for column, text in enumerate(cells):
                cell = QTableWidgetItem(text)
                cell.setToolTip(whole if column == 0 else f"{text} {item.unit}")
                if column:
                    cell.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(line, column, cell)
        for column, width in ((1, 48 if one else 60), (2, 76), (3, 84)):
            self.table.setColumnWidth(column, look.px(width))
        self._syncing = False

    def _selected(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows and not self._syncing:
            self._desk.selection.select(self._rows[rows[0].row()].asset)
