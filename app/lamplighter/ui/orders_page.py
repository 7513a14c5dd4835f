"""The list of work orders: filter, choose, open, make a new one; late ones say so calmly."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.order_rules import is_overdue, is_standing
from lamplighter.ui.desk import Desk
from lamplighter.ui.order_words import STATE_WORDS
from lamplighter.ui.orders_model import JOB, TO_DO, OrdersModel
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

WIDTHS = (112, 150, 0, 136, 92, 108, 92, 124)
NARROW = (92, 118, 0, 84, 0, 84, 72, 84)
"""0 beside the job: not shown"""
ROOM = 1_000


class OrderTable(QTableView):
    """Enter opens the chosen order."""

    opened = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.opened.emit()
            return
        super().keyPressEvent(event)


class OrdersPage(Panel):
    """Choosing a row selects its asset everywhere."""

    to_open = Signal(str)
    to_new = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = OrdersModel(desk)
        self.table = OrderTable()
        self.table.setModel(self.model)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setAccessibleName(tr("Work orders"))
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.state = QComboBox()
        self.state.setAccessibleName(tr("State"))
        self.state.addItem(tr("To do"), TO_DO)
        for name, words in STATE_WORDS.items():
            self.state.addItem(tr(words), name)
        self.state.addItem(tr("All"), "")
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("asset, job, crew, skill or number"))
        self.filter.setAccessibleName(tr("Filter work orders"))
        self.filter.setClearButtonEnabled(True)
        self.late = QCheckBox(tr("Only late ones"))
        self.count = Text("", "caption", "secondary")
        self.open_button = button(tr("Open  Enter"), self.open_chosen)
        self.new_button = button(
            tr("New work order  Ctrl N"), lambda: self.to_new.emit(desk.selection.current)
        )
        self.empty = Text("", "body", "secondary", wrap=True)
        self.empty.setContentsMargins(16, 8, 16, 8)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._build()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(0)
        self._pause.timeout.connect(self._news)
        self._syncing = False
        self.table.opened.connect(self.open_chosen)
        self.table.doubleClicked.connect(lambda _: self.open_chosen())
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self.state.activated.connect(lambda _: self.rebuild())
        self.late.toggled.connect(lambda _: self.rebuild())
        self.filter.textChanged.connect(lambda _: self._pause.start())
        for changed in (desk.orders_changed, desk.city_changed, desk.records.conflicts_changed):
            changed.connect(self._pause.start)
        theme().changed.connect(self._widths)
        self._widths()
        self.rebuild()

    def _build(self) -> None:
        head = row(self.state, self.filter, self.late, self.count, None, self.open_button,
                   self.new_button)  # fmt: skip
        head.setContentsMargins(16, 0, 12, 2)
        head.setStretch(1, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 4, 0, 0)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.empty)
        box.addWidget(self.table, 1)

    def _widths(self) -> None:
        look, header = theme(), self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setFont(look.font("caption"))
        self.table.verticalHeader().setDefaultSectionSize(look.px(30))
        widths = NARROW if self.width() < look.px(ROOM) else WIDTHS
        for column, width in enumerate(widths):
            if column == JOB:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
                continue
            self.table.setColumnHidden(column, not width)
            if width:
                header.resizeSection(column, look.px(width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._widths()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.rebuild()

    def _news(self) -> None:
        if self.isVisible():  # a hidden list is built when it comes up
            self.rebuild()

    def rebuild(self) -> None:
        """After orders or the filter changed; the chosen order stays chosen."""
        chosen = self.chosen
        self.model.state = str(self.state.currentData())
        self.model.text, self.model.late_only = self.filter.text(), self.late.isChecked()
        self._syncing = True
        self.model.rebuild()
        for line, order in enumerate(self.model.items):
            if order.id == chosen:
                self._mark(line)
        self._syncing = False
        every = list(self._desk.orders.values())
        now = self._desk.time.now_ms
        standing, late = sum(map(is_standing, every)), sum(is_overdue(o, now) for o in every)
        words = tr("{n} to do", n=standing) + (tr(", {n} late", n=late) if late else "")
        self.count.setText(words if every else "")
        self.empty.setText(self._nothing(bool(every)))
        self.empty.setVisible(not self.model.items)
        self.table.setVisible(bool(self.model.items))
        self._enable()

    def _nothing(self, some: bool) -> str:
        if not some:
            return tr("No work orders yet. Make one from a forecast or an alarm, or press Ctrl N.")
        if self.filter.text() or self.late.isChecked():
            return tr("No work order fits the filter.")
        return tr("Nothing to do here. Choose another state to see what was done.")

    def _mark(self, line: int) -> None:
        flags = (
            QItemSelectionModel.SelectionFlag.ClearAndSelect
            | QItemSelectionModel.SelectionFlag.Rows
        )
        self.table.selectionModel().setCurrentIndex(self.model.index(line, 0), flags)

    @property
    def chosen(self) -> str:
        """Id of the chosen order, empty for none."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.items[rows[0].row()].id if rows else ""

    def _chosen(self) -> None:
        self._enable()
        if self._syncing or not self.chosen:
            return
        asset = self._desk.orders[self.chosen].asset
        if asset in self._desk.city.assets:
            self._desk.selection.select(asset)

    def _enable(self) -> None:
        self.open_button.setEnabled(bool(self.chosen))
        self.open_button.setToolTip("" if self.chosen else tr("Choose a work order first"))

    def open_chosen(self) -> None:
        """The chosen order in a window of its own."""
        if self.chosen:
            self.to_open.emit(self.chosen)

    def show_asset(self, asset: str) -> None:
        """All orders of an asset."""
        self.state.setCurrentIndex(self.state.findData(""))
        self.filter.setText(asset)
        self.rebuild()
