"""The list of districts: how each is measured and what it reads; gaps are hatched, never zero."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QBrush, QHideEvent, QPainter, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.coverage import MEASURED, NOT_MEASURED
from lamplighter.ui import numbers
from lamplighter.ui.coverage_room import (
    CoverageRoom,
    district_name,
    subject_name,
    verdict_words,
)
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

TITLES: Final = ("District", "Verdict", "Median now", "Live", "Stale", "Suspect", "People",
                 "Near a live one", "Area")  # fmt: skip
VERDICT, VALUE = 1, 2
ORDERS: Final = ("gaps first", "by name", "by people", "by live sensors")


class _Hatched(QStyledItemDelegate):
    """Paints a cell's pattern under its words; the look of tables would leave it out."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        box: QRect = option.rect
        brush = index.data(Qt.ItemDataRole.BackgroundRole)
        if isinstance(brush, QBrush) and brush.style() is not Qt.BrushStyle.NoBrush:
            painter.fillRect(box.adjusted(-2, 2, -2, -2), brush)
        super().paint(painter, option, index)


class CoveragePage(QWidget):
    """What is asked for and the order above, the list below."""

    to_place = Signal(float, float)
    """local metres of the chosen district"""

    def __init__(self, desk: Desk, room: CoverageRoom) -> None:
        super().__init__()
        self._desk, self._room = desk, room
        self.rows: list[int] = []
        """districts in the order shown"""
        self._known: tuple[str, ...] = ()
        self.subject, self.order = QComboBox(), QComboBox()
        self.subject.setAccessibleName(tr("Measured quantity"))
        self.order.setAccessibleName(tr("Order"))
        self.order.addItems([tr(o) for o in ORDERS])
        self.hatch = QCheckBox(tr("Hatch in the 3D city"))
        self.hatch.toggled.connect(room.hatch)
        self.city = button(tr("Show in the city"), self._show)
        self.words = Text("", "body", "secondary", wrap=True)
        self.rule = Text("", "caption", "secondary", wrap=True)
        self.table = plain_table(tr("Districts and how they are measured"),
                                 [tr(t) for t in TITLES], 0)  # fmt: skip
        self.table.setItemDelegate(_Hatched(self.table))
        self.table.itemSelectionChanged.connect(self._picked)
        self.table.itemActivated.connect(lambda _: self._show())
        self.table.horizontalHeader().sectionClicked.connect(self._by_column)
        self.subject.activated.connect(lambda _: room.choose(str(self.subject.currentData())))
        self.order.activated.connect(lambda _: self.refresh())
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(row(self.subject, self.order, self.hatch, self.city, None))
        box.addWidget(self.words)
        box.addWidget(self.table, 1)
        box.addWidget(self.rule)
        room.changed.connect(self.refresh)
        theme().changed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._room.watch("page", True)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._room.watch("page", False)

    # ---------------------------------------------------------------- showing
    def refresh(self) -> None:
        """The list as it is known; the choice stays with the district."""
        if not self.isVisible():
            return
        found = self._room.found
        self._subjects(found)
        self.hatch.blockSignals(True)
        self.hatch.setChecked(self._room.hatched)
        self.hatch.blockSignals(False)
        self.rows = self._ordered(found) if found is not None else []
        self.table.blockSignals(True)
        if (title := self.table.horizontalHeaderItem(VALUE)) is not None:
            title.setText(tr("Median then") if self._room.past else tr("Median now"))
        fill(self.table, [self._cells(found, d) for d in self.rows] if found is not None else [])
        if found is not None:
            self._paint(found)
            if self._room.row in self.rows:
                self.table.selectRow(self.rows.index(self._room.row))
            else:
                self.table.clearSelection()
        self.table.blockSignals(False)
        self._tell(found)

    def _subjects(self, found: wire.Coverage | None) -> None:
        ids = tuple(s.id for s in found.subjects) if found is not None else ("",)
        if ids != self._known:
            self._known = ids
            self.subject.clear()
            for id in ids:
                self.subject.addItem(subject_name(id), id)
        self.subject.setCurrentIndex(self._room.column if found is not None else 0)

    def _ordered(self, found: wire.Coverage) -> list[int]:
        column, order = self._room.column, self.order.currentIndex()
        verdict, live = found.verdict[:, column], found.counts[0, :, column]
        names = [n.casefold() for n in found.names]
        keys = {
            0: lambda d: (-int(verdict[d]), -float(found.heads[d]), d),
            1: lambda d: (names[d], d),
            2: lambda d: (-float(found.heads[d]), d),
            3: lambda d: (int(live[d]), -float(found.heads[d]), d),
        }
        return sorted(range(len(found.ids)), key=keys[max(order, 0)])

    def _by_column(self, column: int) -> None:
        """A click on a title orders by it."""
        self.order.setCurrentIndex({0: 1, 1: 0, 2: 0, 6: 2}.get(column, 3))
        self.refresh()

    def _cells(self, found: wire.Coverage, d: int) -> tuple[str, ...]:
        column = self._room.column
        live, stale, suspect = (f"{int(n):,}" for n in found.counts[:, d, column])
        near = float(found.near[d, column])
        return (
            district_name(found, d),
            verdict_words(int(found.verdict[d, column])),
            self._value(found, d),
            live,
            stale,
            suspect,
            f"{float(found.heads[d]):,.0f}" if found.counted else "",
            f"{100 * near:.0f}\u202f%" if near == near else "",
            f"{float(found.area_m2[d]) / 1e6:.2f}\u202fkm²",
        )

    def _value(self, found: wire.Coverage, d: int) -> str:
        """Median of what is live there; words, never a number, where nothing is."""
        column = self._room.column
        if int(found.verdict[d, column]) == NOT_MEASURED:
            return verdict_words(NOT_MEASURED)
        kind = found.subjects[column].kind
        values, city = self._desk.values, self._desk.city
        ids = city.by_kind.get(kind)
        if not kind or values is None or ids is None:
            return ""
        ids = ids[(ids < len(values)) & (ids < len(found.district_of))]
        ids = ids[(found.district_of[ids] == d) & ~self._desk.stale_mask()[ids]]
        streams = [city.streams[int(i)] for i in ids]
        if not streams or any(s.states or s.unit != streams[0].unit for s in streams):
            return ""
        data = values.value[ids]
        data = data[np.isfinite(data)]
        if not len(data):
            return ""
        return numbers.with_unit(float(np.median(data)), streams[0].unit, streams[0].resolution)

    def _paint(self, found: wire.Coverage) -> None:
        """What is not measured is hatched in the list too; it has no colour."""
        hatch = QBrush(theme().colour("line.subtle"), Qt.BrushStyle.FDiagPattern)
        dots = QBrush(theme().colour("line.strong"), Qt.BrushStyle.Dense7Pattern)
        column = self._room.column
        for number, d in enumerate(self.rows):
            verdict = int(found.verdict[d, column])
            brush = QBrush() if verdict == MEASURED else hatch if verdict == NOT_MEASURED else dots
            for cell in (VERDICT, VALUE):
                item = self.table.item(number, cell)
                if item is not None:
                    none = cell == VALUE and verdict != NOT_MEASURED
                    item.setBackground(QBrush() if none else brush)

    def _tell(self, found: wire.Coverage | None) -> None:
        self.city.setEnabled(self._room.row >= 0)
        if found is None:
            self.words.setText(tr("Asking what is measured…"))
            self.rule.setText("")
            return
        if not found.ids:
            self.words.setText(tr("Nothing with a place is in this city yet: import it first."))
            self.rule.setText("")
            return
        verdict = found.verdict[:, self._room.column]
        count = [int((verdict == v).sum()) for v in range(3)]
        parts = [
            tr("{n} of {m} districts are not measured, {k} thinly.", n=count[2], m=len(verdict),
               k=count[1])
        ]  # fmt: skip
        if found.origin == "squares":
            parts.append(
                tr("No districts are known, so these are squares of {m}\u202fm.",
                   m=f"{found.square_m:.0f}")
            )  # fmt: skip
        elif found.origin == "named":
            parts.append(tr("Districts as assets name them."))
        if found.outside:
            parts.append(tr("{n} sensors stand outside of all.", n=f"{found.outside:,}"))
        if found.placeless:
            parts.append(tr("Without a place: {n}.", n=f"{found.placeless:,}"))
        self.words.setText(" ".join(parts))
        who = tr("buildings") if found.counted == "buildings" else tr("people")
        self.rule.setText(
            tr("Not measured: no sensor is live. Thinly: fewer than {n} are, or less than "
               "{p}\u202f% of the {who} have one within {m}\u202fm. Stale and suspect sensors do "
               "not count.",
               n=found.rule.least_live, p=f"{100 * found.rule.share:.0f}", who=who,
               m=f"{found.rule.within_m:.0f}")
        )  # fmt: skip

    # ---------------------------------------------------------------- choosing
    def _picked(self) -> None:
        at, found = self.table.currentRow(), self._room.found
        if found is not None and self.table.selectedItems() and 0 <= at < len(self.rows):
            self._room.pick(found.ids[self.rows[at]])
        self.city.setEnabled(self._room.row >= 0)

    def _show(self) -> None:
        """Fly to the chosen district, with the hatching on."""
        districts, at = self._room.districts, self._room.row
        if districts is not None and at >= 0:
            self._room.hatch(True)
            self.to_place.emit(*districts.middle(at))
