"""Plain tables of texts in the house's look, filled with one repaint; what is selected in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from lamplighter.ui.theme import theme

MEASURED: Final = 200
"""rows whose texts decide how wide a column is"""
WIDEST: Final = 320

Row = TypeVar("Row")


class _Plain(QTableWidget):
    """Takes its muted cells into another theme; all others follow the palette."""

    def __init__(self, columns: int) -> None:
        super().__init__(0, columns)
        theme().changed.connect(self._retone)

    def _retone(self) -> None:
        faint = theme().colour("text.muted")
        for number in range(self.rowCount()):
            for column in range(self.columnCount()):
                item = self.item(number, column)
                if item is not None and item.data(Qt.ItemDataRole.ForegroundRole) is not None:
                    item.setForeground(faint)


def plain_table(name: str, titles: Sequence[str], stretch: int) -> QTableWidget:
    """A table of texts in the house's look."""
    made = _Plain(len(titles))
    made.setHorizontalHeaderLabels(list(titles))
    made.setAccessibleName(name)
    made.verticalHeader().hide()
    made.verticalHeader().setDefaultSectionSize(theme().px(26))
    made.setShowGrid(False)
    made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    made.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    made.setTabKeyNavigation(False)
    made.setWordWrap(False)
    header = made.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    # widths are set by `fill`, once for all rows: a header that follows every cell by itself asks
    # all rows again for each of them
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    return made


def row_of(table: QTableWidget, rows: Sequence[Row]) -> Row | None:
    """What stands behind the selected row of a table that shows `rows`; None without one."""
    at = table.currentRow()
    return rows[at] if table.selectedItems() and 0 <= at < len(rows) else None


def rows_of(table: QTableWidget, rows: Sequence[Row]) -> list[Row]:
    """What stands behind all selected rows of a table that shows `rows`, from top to bottom."""
    model = table.selectionModel()
    places = sorted(i.row() for i in model.selectedRows()) if model is not None else []
    return [rows[at] for at in places if at < len(rows)]


def fill(table: QTableWidget, rows: Sequence[Sequence[str]], muted: Sequence[bool] = ()) -> None:
    """Show these rows with one repaint; the selection stays."""
    if table.rowCount() != len(rows):
        table.setRowCount(len(rows))
    model = table.model()
    faint = theme().colour("text.muted")
    before = model.blockSignals(True)
    try:
        for number, cells in enumerate(rows):
            tone = faint if number < len(muted) and muted[number] else None
            for column, text in enumerate(cells):
                item = table.item(number, column)
                if item is None:
                    item = QTableWidgetItem(text)
                    table.setItem(number, column, item)
                elif item.text() != text:
                    item.setText(text)
                item.setToolTip(text if len(text) > 12 else "")
                item.setData(Qt.ItemDataRole.ForegroundRole, tone)
    finally:
        model.blockSignals(before)
    _fit(table, rows)
    table.viewport().update()


def _fit(table: QTableWidget, rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their texts; small changes move nothing."""
    header, metrics = table.horizontalHeader(), table.fontMetrics()
    for column in range(table.columnCount()):
        if header.sectionResizeMode(column) == QHeaderView.ResizeMode.Stretch:
            continue
        title = table.horizontalHeaderItem(column)
        texts = {row[column] for row in rows[:MEASURED] if column < len(row)}
        texts.add(title.text() if title is not None else "")
        longest = sorted(texts, key=len)[-4:]
        wide = max(metrics.horizontalAdvance(text) for text in longest) + theme().px(14)
        now = table.columnWidth(column)
        if wide > now or wide < now - theme().px(30):
            table.setColumnWidth(column, min(wide, theme().px(WIDEST)))
