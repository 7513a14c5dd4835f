"""The list beside a conflict: what waits, numbered, safety marked, and what merged by itself."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lamplighter.domain.edits import Conflict
from lamplighter.ui.desk import Desk
from lamplighter.ui.record_words import field_name, record_name
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

SHOWN: Final = 400
"""rows at most"""
WIDTH: Final = 320
_BOX: Final = 24
_KEY: Final = Qt.ItemDataRole.UserRole
_MARK: Final = Qt.ItemDataRole.UserRole + 1
_BELOW: Final = Qt.ItemDataRole.UserRole + 2
Key = tuple[str, str]
"""object and field of a conflict; no field for a record that merged by itself"""
Index = QModelIndex | QPersistentModelIndex


class ConflictList(QListWidget):
    """`moved` tells the key of the row that was gone to."""

    moved = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setAccessibleName(tr("Changes to decide and what merged by itself"))
        self.setFixedWidth(theme().px(WIDTH))
        self.setItemDelegate(_Rows(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentItemChanged.connect(self._went)

    def _went(self, item: QListWidgetItem | None, _: QListWidgetItem | None = None) -> None:
        if item is not None:
            self.moved.emit(tuple(item.data(_KEY)))

    def show_rows(self, conflicts: list[Conflict], merged: list[str], wanted: Key | None) -> None:
        """Conflicts first; goes to `wanted` when it is there, else to the first row."""
        self.blockSignals(True)
        self.clear()
        for at, one in enumerate(conflicts[:SHOWN], 1):
            name = field_name(self._desk, one.object, one.field)
            below = f"{name}: " + (tr("safety field") if one.safety else tr("differs"))
            mark = "!" if one.safety else str(at)
            self._add(record_name(self._desk, one.object), below, mark, (one.object, one.field))
        for object in merged[: SHOWN - self.count()]:
            self._add(record_name(self._desk, object), tr("merged"), "✓", (object, ""))
        keys = [tuple(self.item(n).data(_KEY)) for n in range(self.count())]
        self.setCurrentRow(keys.index(wanted) if wanted in keys else 0 if keys else -1)
        self.blockSignals(False)

    @property
    def key(self) -> Key | None:
        """Of the row one is at."""
        item = self.currentItem()
        found = item.data(_KEY) if item is not None else None
        return (found[0], found[1]) if found is not None else None

    def _add(self, first: str, below: str, mark: str, key: Key) -> None:
        item = QListWidgetItem(first)
        item.setData(_KEY, key)
        item.setData(_MARK, mark)
        item.setData(_BELOW, below)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{first}, {below}")
        item.setToolTip(f"{first}\n{below}")
        self.addItem(item)


class _Rows(QStyledItemDelegate):
    """Two lines beside a boxed number, as large as fingers need in the sunlight theme."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        lines = theme().px(44)
        return QSize(theme().px(WIDTH), max(lines, theme().row + lines // 2))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, place = theme(), QRectF(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        ink = look.colour("text.onSelected" if chosen else "text.primary")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            painter.fillRect(place, look.colour("bg.selected"))
        painter.fillRect(
            QRectF(place.left(), place.bottom() - 1, place.width(), 1), look.colour("line.subtle")
        )
        painter.setPen(QPen(ink, 2))
        mark, side = str(index.data(_MARK)), look.px(_BOX)
        box = QRectF(place.left() + 16, place.center().y() - side / 2, side, side)
        painter.setFont(look.font("bodyStrong"))
        if mark != "✓":
            painter.drawRoundedRect(box, 3, 3)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, mark)
        words = place.adjusted(16 + side + 12, 4, -8, -4)
        half = QRectF(words.left(), words.top(), words.width(), words.height() / 2)
        self._line(painter, half, str(index.data()), "bodyStrong")
        painter.setPen(ink if chosen else look.colour("text.secondary"))
        self._line(painter, half.translated(0, half.height()), str(index.data(_BELOW)), "body")
        painter.restore()

    def _line(self, painter: QPainter, place: QRectF, text: str, role: str) -> None:
        painter.setFont(theme().font(role))
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, int(place.width())
        )
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
