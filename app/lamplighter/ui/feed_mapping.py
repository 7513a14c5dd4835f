"""What each field of a feed's messages means: the right half of its dialog. Plain tables beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.mapping_draft import (
    IGNORED,
    NAME,
    QUALITY,
    TIME,
    VALUE,
    FieldDraft,
    MappingDraft,
    datastream_name,
)
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

MEANINGS: Final = (
    (VALUE, "Value"),
    (TIME, "Time measured"),
    (NAME, "Name of the device"),
    (QUALITY, "Quality"),
    (IGNORED, "Not stored"),
)
UNITS: Final = (
    "", "°C", "%", "bar", "mbar", "hPa", "kPa", "m³/h", "l/s", "m³", "m", "cm", "mm", "m/s", "km/h",
    "V", "kV", "A", "kW", "MW", "W", "kWh", "Hz", "µg/m³", "ppm", "ppb", "dB(A)", "lx", "°",
)  # fmt: skip
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


class MappingPanel(QWidget):
    """Fields with meaning, unit and check; one is edited below."""

    chosen = Signal(object)
    edited = Signal(object, object)
    """path and the changes as a dict"""
    load = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._draft: MappingDraft | None = None
        self._path: tuple[str, ...] | None = None
        self._quiet = False
        self.table = plain_table(
            tr("Fields and what they mean"), [tr("Field"), tr("Means"), tr("Unit"), tr("Check")], 1
        )
        self.table.itemSelectionChanged.connect(self._picked)
        self._what = Text("", "caption", "secondary")
        self.role = QComboBox()
        self.role.setAccessibleName(tr("Meaning"))
        for role, words in MEANINGS:
            self.role.addItem(tr(words), role)
        self.role.activated.connect(lambda _: self._edit(role=self.role.currentData()))
        self.label = QLineEdit()
        self.label.setAccessibleName(tr("Name of the value"))
        self.label.setPlaceholderText(tr("as the field"))
        self.label.editingFinished.connect(lambda: self._edit(label=self.label.text().strip()))
        self.unit = QComboBox()
        self.unit.setEditable(True)
        self.unit.setAccessibleName(tr("Unit"))
        self.unit.addItems(list(UNITS))
        self.unit.activated.connect(lambda _: self._edit(unit=self.unit.currentText().strip()))
        line = self.unit.lineEdit()
        if line is not None:
            line.editingFinished.connect(lambda: self._edit(unit=self.unit.currentText().strip()))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(
            row(
                Text(tr("Mapping"), "bodyStrong"), None, button(tr("Load mapping…"), self.load.emit)
            )
        )
        box.addWidget(self.table, 1)
        box.addWidget(self._what)
        box.addLayout(row(self.role, self.label, self.unit))
        self._show_field()

    def show_draft(self, draft: MappingDraft | None) -> None:
        """The draft as it is now."""
        self._draft = draft
        fields = draft.fields if draft is not None else ()
        self._quiet = True
        fill(
            self.table,
            [(f.name, _means(draft, f), f.unit or "—", _check(f)) for f in fields if draft],
            [f.role == IGNORED for f in fields],
        )
        self._quiet = False
        if self._path is None and fields:
            first = next((f for f in fields if f.role == VALUE), fields[0])
            self._path = first.path
        self.choose(self._path)

    def choose(self, path: tuple[str, ...] | None) -> None:
        """Edit this field."""
        self._path = path
        fields = self._draft.fields if self._draft is not None else ()
        at = next((n for n, f in enumerate(fields) if f.path == path), -1)
        self._quiet = True
        if at >= 0 and self.table.currentRow() != at:
            self.table.selectRow(at)
        self._quiet = False
        self._show_field()

    def _field(self) -> FieldDraft | None:
        fields = self._draft.fields if self._draft is not None else ()
        return next((f for f in fields if f.path == self._path), None)

    def _show_field(self) -> None:
        field = self._field()
        for widget in (self.role, self.label, self.unit):
            widget.setEnabled(field is not None)
        value = field is not None and field.role == VALUE
        self.label.setEnabled(value)
        self.unit.setEnabled(value)
        if field is None:
            self._what.setText(tr("Point at a field to change what it means"))
            return
        self._what.setText(
            tr("Meaning of {name}", name=field.name) + (f": {field.why}" if field.why else "")
        )
        self.role.setCurrentIndex(self.role.findData(field.role))
        if not self.label.hasFocus():
            self.label.setText(field.label)
        if not self.unit.hasFocus():
            self.unit.setCurrentText(field.unit)

    def _picked(self) -> None:
        if self._quiet or self._draft is None:
            return
        at = self.table.currentRow()
        if 0 <= at < len(self._draft.fields):
            self._path = self._draft.fields[at].path
            self._show_field()
            self.chosen.emit(self._path)

    def _edit(self, **changes: object) -> None:
        field = self._field()
        if field is None or self._quiet:
            return
        fresh = {k: v for k, v in changes.items() if getattr(field, k) != v}
        if fresh:
            self.edited.emit(field.path, fresh)


def _means(draft: MappingDraft | None, field: FieldDraft) -> str:
    match field.role:
        case "value":
            return datastream_name(draft, field) if draft is not None else field.name
        case "time":
            form = draft.time_format if draft is not None else ""
            return tr("Time measured ({form})", form=form)
        case "name":
            return tr("Name of the device")
        case "quality":
            return tr("Quality")
    return tr("Not stored")


def _check(field: FieldDraft) -> str:
    """What all messages so far had in it."""
    seen = tr("{n} seen", n=f"{field.seen:,}")
    if field.role == VALUE and field.low is not None and field.high is not None:
        return f"{field.low:.6g} – {field.high:.6g}, {seen}"
    return f"{field.sample[:24]}, {seen}" if field.sample else seen
