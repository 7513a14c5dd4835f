"""The values as they would be stored, each in its unit on its asset: of a feed or of the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.meaning_editor import UNITS
from lamplighter.ui.parts import Elided, Text, button, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.words import tr

MOST_NAMES: Final = 20_000
BOUND: Final = "bound already"
"""how the recorder says that a datastream hangs on its asset; that stays as it is"""


class PreviewPanel(QWidget):
    """The values as they would be stored, each on its asset. `dated`: with times, not with ages."""

    bound = Signal(str, str)
    """datastream key and asset id, empty for none"""
    unit_said = Signal(str, str)
    """datastream key and the unit its values are in; only where the panel is `dated`"""

    def __init__(self, desk: Desk, *, dated: bool = False) -> None:
        super().__init__()
        self._desk, self._dated = desk, dated
        self.rows: tuple[wire.PreviewRow, ...] = ()
        self._choices: dict[str, str] = {}
        self._words = Elided("", "caption", "secondary")
        self.table = plain_table(
            tr("Preview of the values"),
            [tr("Datastream"), tr("Value"), tr("Time") if dated else tr("Age"), tr("Asset")],
            3 if dated else 0,
        )  # fmt: skip
        self.table.itemSelectionChanged.connect(self._picked)
        self.asset = QLineEdit()
        self.asset.setAccessibleName(tr("Asset of the chosen value"))
        self.asset.setPlaceholderText(tr("asset of the chosen value"))
        self.asset.returnPressed.connect(self._typed)
        self.here = button(
            tr("Bind to the selection"), self._bind_selected,
            tip=tr("The asset that is selected in the tree or in 3D"),
        )  # fmt: skip
        self.none = button(tr("Leave unbound"), lambda: self._bind(""))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        head = row(Text(tr("Preview"), "bodyStrong"))
        head.addWidget(self._words, 1)
        box.addLayout(head)
        box.addWidget(self.table, 1)
        self._binding = QWidget()
        self.unit = QComboBox()
        self.unit.setEditable(True)
        self.unit.setAccessibleName(tr("Unit of the chosen value in the file"))
        self.unit.setToolTip(tr("Unit of the chosen value in the file"))
        self.unit.addItems(list(UNITS))
        self.unit.activated.connect(lambda _: self._say_unit())
        line = self.unit.lineEdit()
        if line is not None:
            line.setPlaceholderText(tr("unit"))
            line.editingFinished.connect(self._say_unit)
        self._binding.setLayout(row(self.unit, self.asset, self.here, self.none))
        self.unit.setVisible(dated)
        box.addWidget(self._binding)
        desk.city_changed.connect(self._complete)
        self._complete()
        self._enable()

    def _complete(self) -> None:
        assets = self._desk.city.assets
        self._ids = {f"{a.name} ({i})" if a.name and a.name != i else i: i for i, a in
                     list(assets.items())[:MOST_NAMES]}  # fmt: skip
        completer = QCompleter(list(self._ids), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.activated.connect(lambda text: self._bind(self._ids.get(str(text), "")))
        self.asset.setCompleter(completer)

    def show_rows(self, rows: Sequence[wire.PreviewRow], now_ms: int) -> None:
        """The newest preview; the chosen value stays chosen, wherever its row is now."""
        chosen = self._row()
        self.rows = tuple(rows)
        cells = [
            (
                r.key.partition("/")[2],
                _value(r),
                _moment(r) if self._dated else numbers.age(max(0.0, (now_ms - r.time_ms) / 1000)),
                self._asset_words(r),
            )
            for r in rows
        ]
        fill(self.table, cells, [not self.asset_of(r) for r in rows])
        if chosen is not None:
            self._keep(chosen.key)
        placed = sum(bool(self.asset_of(r)) for r in rows)
        self._words.set_full(
            tr("{n} values, {a} on an asset", n=f"{len(rows):,}", a=f"{placed:,}") if rows else ""
        )
        self._enable()

    def _keep(self, key: str) -> None:
        at = next((n for n, r in enumerate(self.rows) if r.key == key), -1)
        if at == self.table.currentRow():
            return
        before = self.table.blockSignals(True)
        if at < 0:
            self.table.setCurrentCell(-1, -1)
            self.table.clearSelection()
        else:
            self.table.selectRow(at)
        self.table.blockSignals(before)

    def may_bind(self, on: bool, title: str = "") -> None:
        """Whether an asset can be chosen here at all; `title` of what the rows are."""
        self._binding.setVisible(on)
        head = self.table.horizontalHeaderItem(0)
        if head is not None:
            head.setText(title or tr("Datastream"))

    def forget(self) -> None:
        """No choice of an asset stands any more."""
        self._choices.clear()

    def asset_of(self, preview: wire.PreviewRow) -> str:
        """The asset chosen, else the one proposed."""
        if preview.how == BOUND:
            return preview.asset
        return self._choices.get(preview.key, preview.asset)

    def bindings(self) -> tuple[tuple[str, str, str], ...]:
        """(datastream, asset, unit) of what is to be bound anew."""
        found = ((r, self.asset_of(r)) for r in self.rows if r.how != BOUND)
        return tuple((r.key, asset, r.unit) for r, asset in found if asset)

    def _asset_words(self, preview: wire.PreviewRow) -> str:
        asset = self.asset_of(preview)
        if not asset:
            return preview.how or tr("unbound")
        name = self._desk.city.name(asset)
        if preview.key in self._choices and preview.how != BOUND:
            return tr("{name}, chosen", name=name)
        return f"{name}, {preview.how}" if preview.how else name

    def _row(self) -> wire.PreviewRow | None:
        at = self.table.currentRow()
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def _picked(self) -> None:
        found = self._row()
        if found is not None:
            self.unit.setCurrentText(found.unit)
            asset = self.asset_of(found)
            self.asset.setText(asset)
            if asset:
                self._desk.selection.select(asset)
        self._enable()

    def _typed(self) -> None:
        text = self.asset.text().strip()
        asset = self._ids.get(text, text)
        if asset in self._desk.city.assets:
            self._bind(asset)

    def _say_unit(self) -> None:
        found, unit = self._row(), self.unit.currentText().strip()
        if found is not None and unit != found.unit:
            self.unit_said.emit(found.key, unit)

    def _bind_selected(self) -> None:
        self._bind(self._desk.selection.current)

    def _bind(self, asset: str) -> None:
        found = self._row()
        if found is not None:
            self._choices[found.key] = asset
            self.asset.setText(asset)
            self.bound.emit(found.key, asset)

    def _enable(self) -> None:
        found = self._row()
        free = found is not None and found.how != BOUND
        self.unit.setEnabled(found is not None)
        for widget in (self.asset, self.here, self.none):
            widget.setEnabled(free)
        why = tr("Choose a value above first") if found is None else tr("It is bound already")
        self.asset.setToolTip("" if free else why)


def _moment(preview: wire.PreviewRow) -> str:
    return f"{numbers.local(preview.time_ms):%Y-%m-%d %H:%M}"


def _value(preview: wire.PreviewRow) -> str:
    text = f"{preview.value}{numbers.THIN}{preview.unit}" if preview.unit else preview.value
    return text if preview.quality == "good" else f"{text} ({preview.quality})"
