"""What lies near: all assets within some metres of the selection or of a clicked place."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.places import Near, Nearness, local_map
from lamplighter.domain.problems import problem
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import plain, tr

METRES: Final = 200.0
MOST: Final = 5_000
_HEAD: Final = ("Distance", "Asset", "Type", "Domain")
_ROOT: Final = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class NearTable(QAbstractTableModel):
    """The found assets, the nearest first."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.rows: list[Near] = []

    def show_rows(self, rows: list[Near]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(_HEAD)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return tr(_HEAD[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 0:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return self.cells(self.rows[index.row()])[index.column()]

    def cells(self, near: Near) -> tuple[str, str, str, str]:
        """Distance, name, type and domain as they are shown."""
        asset = self._desk.city.assets.get(near.asset)
        kind = plain(asset.type) if asset is not None else ""
        domain = asset.domain.capitalize() if asset is not None else ""
        return f"{near.metres:,.0f}\u202fm", self._desk.city.name(near.asset), kind, domain


class Nearby(Panel):
    """Radius, count, list; select one or all, or write them out."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._near: Nearness | None = None
        self._spot: tuple[float, float] | None = None
        self._spot_name = ""
        self.radius = QDoubleSpinBox()
        self.radius.setRange(1.0, 20_000.0)
        self.radius.setDecimals(0)
        self.radius.setSuffix("\u202fm")
        self.radius.setValue(METRES)
        self.radius.setSingleStep(50.0)
        self.radius.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.radius.setAccessibleName(tr("Radius"))
        self.radius.valueChanged.connect(self.refresh)
        self.words = Text("", "bodyStrong", wrap=True)
        self.table = NearTable(desk)
        self.view = QTableView()
        self.view.setModel(self.table)
        self.view.setAccessibleName(tr("Assets near by"))
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(theme().px(28))
        self.view.setShowGrid(False)
        header = self.view.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.view.activated.connect(self._go)
        self.view.clicked.connect(self._go)
        self._all = button(tr("Select all"), self.select_all)
        self._out = button(tr("Export…"), self._ask_file, tip=tr("As a CSV file"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(row(Text(tr("Within"), "body", "secondary"), self.radius, None))
        layout.addWidget(self.words)
        layout.addWidget(self.view, 1)
        layout.addLayout(row(self._all, None, self._out))
        desk.city_changed.connect(self._city_changed)
        desk.selection.changed.connect(self._selection_changed)
        self._going = False
        self.setMinimumWidth(theme().px(216))
        self.refresh()

    # ---------------------------------------------------------------- what is asked
    def around(self, x: float, y: float, name: str) -> None:
        """Look around a place in local metres that people call `name`."""
        self._spot, self._spot_name = (x, y), name
        self.refresh()

    def place(self) -> tuple[float, float, str] | None:
        """Longitude, latitude and name of the place that is looked around, None for none."""
        known = local_map(self._desk.city.assets.values())
        if self._spot is None or known is None:
            return None
        return (*known.lonlat(*self._spot), self._spot_name)

    def _city_changed(self) -> None:
        self._near = None
        self.refresh()

    def _selection_changed(self) -> None:
        if self._going:
            return  # a row was chosen: the list stays
        asset = self._desk.city.assets.get(self._desk.selection.current)
        if asset is not None and asset.x is not None and asset.y is not None:
            self.around(asset.x, asset.y, self._desk.city.name(asset.id))
        elif self.isVisible():
            self.refresh()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def refresh(self) -> None:
        """Search again; only while the panel is seen."""
        if not self.isVisible():
            return
        if self._spot is None:
            self.table.show_rows([])
            self.words.setText(tr("Select an asset, or go to a place, to see what lies near it."))
        else:
            if self._near is None:
                self._near = Nearness(self._desk.city.assets.values())
            found = self._near.within(*self._spot, self.radius.value())
            self.table.show_rows(found[:MOST])
            count = numbers.number(len(found), 1)
            text = tr("{n} assets around {name}", n=count, name=self._spot_name)
            if len(found) > MOST:
                text += tr("; the nearest {n} are listed", n=f"{MOST:,}")
            self.words.setText(text)
        some = bool(self.table.rows)
        self._all.setEnabled(some)
        self._out.setEnabled(some)

    # ---------------------------------------------------------------- acting
    def _go(self, index: QModelIndex) -> None:
        self._going = True
        self._desk.selection.select(self.table.rows[index.row()].asset)
        self._going = False

    def select_all(self) -> None:
        """Select every listed asset; the nearest is the one shown in detail."""
        self._going = True
        self._desk.selection.select([n.asset for n in reversed(self.table.rows)])
        self._going = False

    def _ask_file(self) -> None:
        ask_save(self, tr("Export the list"), self.export, "nearby.csv", ("CSV (*.csv)",))

    def export(self, file: str) -> None:
        """Write the list as CSV; a fault becomes a line in the window."""
        try:
            with Path(file).open("w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out)
                writer.writerow(("asset", "metres", "type", "domain", "name"))
                for near in self.table.rows:
                    asset = self._desk.city.assets.get(near.asset)
                    kind, domain = (asset.type, asset.domain) if asset is not None else ("", "")
                    name = self._desk.city.name(near.asset)
                    cells = (near.asset, f"{near.metres:.1f}", kind, domain, name)
                    writer.writerow([safe_cell(cell) for cell in cells])
        except OSError as error:
            found = problem("I-507", name=Path(file).name, what=error.strerror or str(error))
            self._desk.raise_problem(found)
