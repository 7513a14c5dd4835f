"""What will fail next: the ranked list."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.order_rules import is_standing
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.order_words import due_words
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

COLUMNS: Final = (
    "#",
    "Asset",
    "What",
    "Chance, 90 % interval",
    "",
    "People",
    "Main reason",
    "Trust",
)
BAR, CHANCE = 3, 4
FLOOR: Final = 0.5
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


def has_forecast(item: Prognosis) -> bool:
    """Without a range there is no number, and under the trust floor neither."""
    return item.low is not None and item.high is not None and item.trust >= FLOOR


def best(item: Prognosis) -> float:
    """The best estimate, never outside its own range."""
    low, high = item.low or 0.0, item.high or 0.0
    middle = item.probability_30d if item.probability_30d is not None else (low + high) / 2
    return min(high, max(low, middle))


class PrognosisModel(QAbstractTableModel):
    """Ranked by chance, then people; those without a forecast below, with the reason."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.items: list[Prognosis] = []

    def rebuild(self) -> None:
        self.beginResetModel()
        given = [p for p in self._desk.prognoses if has_forecast(p)]
        given.sort(key=lambda p: (-best(p) * max(1, p.people) ** 0.25, p.asset))
        self.items = [*given, *(p for p in self._desk.prognoses if not has_forecast(p))]
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(COLUMNS)

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if way == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(COLUMNS[section]) if COLUMNS[section] else ""
            if role == Qt.ItemDataRole.TextAlignmentRole:
                right = section in (CHANCE, 5, 7)
                side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        item = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text_of(index.row(), index.column())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            texts = [self.text_of(index.row(), c) for c in (1, 2, CHANCE, 6)]
            return ", ".join(t for t in [*texts, item.basis] if t)
        return None

    def text_of(self, line: int, column: int) -> str:
        item = self.items[line]
        given = has_forecast(item)
        match column:
            case 0:
                return str(line + 1) if given else ""
            case 1:
                return self._desk.city.name(item.asset)
            case 2:
                return item.what
            case 4:
                if not given:
                    return tr("no forecast")
                return numbers.percent_range(item.low or 0.0, item.high or 0.0)
            case 5:
                return numbers.number(item.people, 1) if item.people else "—"
            case 6:
                if not given:
                    return item.basis or tr("no basis")
                return (item.reasons[0].text or item.reasons[0].signal) if item.reasons else "—"
            case 7:
                return f"{item.trust:.2f}"
        return ""


class IntervalDelegate(QStyledItemDelegate):
    """Grey bar = interval, tick = best estimate; other cells as text."""

    def __init__(self, model: PrognosisModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, item = theme(), self._model.items[index.row()]
        box = QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(box, look.colour("bg.selected"))
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        given = has_forecast(item)
        if index.column() == BAR:
            if given:
                self._bar(painter, box, item)
            else:
                place = QPointF(box.left() + 8, box.center().y() - 7)
                painter.drawPixmap(place, icon_pixmap("stale", 14, None, 2.0))
            return
        strong = given and index.column() in (1, CHANCE)
        role = "text.primary" if given and index.column() != 0 else "text.muted"
        painter.setPen(look.colour("text.onSelected" if selected else role))
        painter.setFont(look.font("bodyStrong" if strong else "body"))
        right = index.column() in (0, CHANCE, 5, 7)
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        inner = box.adjusted(6, 0, -8, 0)
        text = self._model.text_of(index.row(), index.column())
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, max(10, int(inner.width()))
        )
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, shown)

    @staticmethod
    def _bar(painter: QPainter, box: QRectF, item: Prognosis) -> None:
        look = theme()
        line = box.adjusted(8, 0, -8, 0)
        y = box.center().y()
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawLine(QPointF(line.left(), y), QPointF(line.right(), y))
        first = line.left() + (item.low or 0.0) * line.width()
        last = line.left() + (item.high or 0.0) * line.width()
        painter.fillRect(
            QRectF(first, y - 5, max(3.0, last - first), 10), look.colour("line.strong")
        )
        middle = line.left() + best(item) * line.width()
        painter.fillRect(QRectF(middle - 1, y - 7, 2, 14), look.colour("text.primary"))

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(60, theme().px(36))


ROOM: Final = 260
"""below this height the forecasts have the room of the next orders"""


class Maintenance(Panel):
    """The ranked list over the work orders; selecting a row selects the asset everywhere."""

    to_order = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = PrognosisModel(desk)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setItemDelegate(IntervalDelegate(self.model, self.table))
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setAccessibleName(tr("Likely to fail within 30 days"))
        self.table.setTabKeyNavigation(False)
        self._note = Text("", "caption", "secondary")
        self._empty = Text(
            tr("No forecast yet. The recorder learns from this project's own history; "
               "the first list appears when there is enough of it."),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self._empty.setContentsMargins(16, 8, 16, 8)
        self._orders = Text("", "body", "secondary", wrap=True)
        self._orders.setContentsMargins(16, 4, 16, 8)
        self._create = button(tr("Create work order  Ctrl N"), self._order)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        head = row(Text(tr("Likely to fail within 30 days"), "bodyStrong"), None, self._note,
                   self._create)  # fmt: skip
        head.setContentsMargins(16, 0, 12, 2)
        layout.addLayout(head)
        layout.addWidget(self._empty)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._orders)
        self._widths()
        theme().changed.connect(self._widths)
        desk.prognosis_changed.connect(self.rebuild)
        desk.city_changed.connect(self.rebuild)
        desk.orders_changed.connect(self._show_orders)
        desk.selection.changed.connect(self._follow)
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self._syncing = False
        self.rebuild()
        self._show_orders()

    def _widths(self) -> None:
        look, header = theme(), self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setFont(look.font("caption"))
        self.table.verticalHeader().setDefaultSectionSize(look.px(32))
        for column, width in enumerate((36, 132, 160, 160, 84, 64, 0, 56)):
            if width:
                header.resizeSection(column, look.px(width))
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def rebuild(self) -> None:
        self._syncing = True
        self.model.rebuild()
        self._syncing = False
        has = bool(self.model.items)
        self.table.setVisible(has)
        self._empty.setVisible(not has)
        made = max((p.made_ms for p in self.model.items), default=0)
        basis = next((p.basis for p in self.model.items if has_forecast(p)), "")
        note = tr("Ranked by chance × people · {b}", b=basis) if basis else ""
        self._note.setText(f"{note} · {numbers.clock_short(made)}" if made and note else note)
        self._follow()

    def _roomy(self) -> bool:
        return self.height() >= theme().px(ROOM)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        low = theme().px(ROOM)
        if (event.oldSize().height() >= low) != (event.size().height() >= low):
            self._show_orders()

    def _show_orders(self) -> None:
        orders = sorted(self._desk.orders.values(), key=lambda o: -o.created_ms)
        if not orders:
            self._orders.setText(
                tr("No work orders yet. Make one from a forecast or an alarm, or press Ctrl N.")
            )
            return
        todo = sorted(
            (o for o in orders if is_standing(o)), key=lambda o: (o.due_ms or 2**62, o.id)
        )
        lines = [
            f"{self._desk.city.name(o.asset)}: {o.title}"
            + (" · " + tr("due {d}", d=due_words(o, self._desk.time.now_ms)) if o.due_ms else "")
            for o in (todo[:3] if self._roomy() else ())
        ]
        more = tr("{n} work orders to do, {m} closed. All of them: Ctrl Shift O",
                  n=len(todo), m=len(orders) - len(todo))  # fmt: skip
        self._orders.setText("\n".join([*lines, more]))

    def _order(self) -> None:
        self.to_order.emit(self._desk.selection.current)

    def _selected(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows and not self._syncing:
            self._syncing = True
            self._desk.selection.select(self.model.items[rows[0].row()].asset)
            self._syncing = False

    def selected_assets(self) -> tuple[str, ...]:
        rows = self.table.selectionModel().selectedRows()
        return tuple(self.model.items[r.row()].asset for r in rows)

    def _follow(self) -> None:
        if self._syncing:
            return
        self._syncing = True
        self.table.clearSelection()
        for line, item in enumerate(self.model.items):
            if item.asset == self._desk.selection.current:
                self.table.selectRow(line)
                break
        self._syncing = False
