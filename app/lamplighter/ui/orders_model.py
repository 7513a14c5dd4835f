"""The rows of the work order list: chosen by state, words and lateness, the next due first."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.order_fields import object_of
from lamplighter.domain.order_rules import is_overdue, is_standing, progress
from lamplighter.ui.desk import Desk
from lamplighter.ui.order_words import PRIORITY_WORDS, STATE_WORDS, due_words
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

COLUMNS: Final = ("Order", "Asset", "Job", "State", "Priority", "Due", "Crew", "Done")
ORDER, ASSET, JOB, STATE, PRIORITY, DUE, CREW, PROGRESS = range(8)
TO_DO: Final = "to do"
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_NEVER: Final = 2**62


class OrdersModel(QAbstractTableModel):
    """All orders that pass the filter."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.items: list[WorkOrder] = []
        self.state, self.text, self.late_only = TO_DO, "", False
        self._now = 0
        self._disputed: frozenset[str] = frozenset()

    def rebuild(self) -> None:
        """After orders, names or the filter changed."""
        self.beginResetModel()
        self._now = self._desk.time.now_ms
        self._disputed = frozenset(c.object for c in self._desk.records.conflicts)
        self.items = sorted(
            (o for o in self._desk.orders.values() if self._passes(o)),
            key=lambda o: (not is_standing(o), o.due_ms or _NEVER, o.priority, o.id)
            if is_standing(o) else (True, -o.closed_ms, 0, o.id),
        )  # fmt: skip
        self.endResetModel()

    def _passes(self, order: WorkOrder) -> bool:
        if self.state == TO_DO and not is_standing(order):
            return False
        if self.state not in (TO_DO, "") and order.state != self.state:
            return False
        if self.late_only and not is_overdue(order, self._now):
            return False
        words = self.text.casefold().split()
        if not words:
            return True
        told = "\n".join(
            (order.id, order.asset, self._desk.city.name(order.asset), order.title, order.crew,
             order.skill, order.note, order.finding)
        ).casefold()  # fmt: skip
        return all(w in told for w in words)

    def disputed(self, order: WorkOrder) -> bool:
        """Whether two places say different things about it."""
        return object_of(order.id) in self._disputed

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(COLUMNS)

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if way == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        if way == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        order = self.items[index.row()]
        late = is_overdue(order, self._now)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text_of(index.row(), index.column())
        if role == Qt.ItemDataRole.FontRole:
            strong = index.column() == JOB or (late and index.column() == DUE)
            font: QFont = theme().font("bodyStrong" if strong else "body")
            return font
        if role == Qt.ItemDataRole.ForegroundRole and not is_standing(order):
            return theme().colour("text.muted")
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            texts = [self.text_of(index.row(), c) for c in range(len(COLUMNS))]
            return ", ".join(t for t in texts if t and t != "—")
        return None

    def text_of(self, line: int, column: int) -> str:
        order = self.items[line]
        done, steps = progress(order)
        match column:
            case 0:
                return order.id
            case 1:
                return self._desk.city.name(order.asset) or order.asset
            case 2:
                return order.title
            case 3:
                words = tr(STATE_WORDS.get(order.state, order.state))
                return f"{words}, {tr('to decide')}" if self.disputed(order) else words
            case 4:
                return tr(PRIORITY_WORDS.get(order.priority, str(order.priority)))
            case 5:
                return due_words(order, self._now)
            case 6:
                return order.crew or "—"
            case 7:
                if order.finding and not is_standing(order):
                    return order.finding
                return f"{done} / {steps}" if steps else "—"
        return ""
