"""Ctrl+K: go to any asset, view or action by a few letters of its name."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.ui.glyphs import icon, icon_pixmap
from lamplighter.ui.parts import Text
from lamplighter.ui.search_index import Entry, SearchIndex
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

ROWS = 10
INDEX_AFTER_MS = 400
_ROOT = QModelIndex()


class _Rows(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def show_entries(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = _ROOT) -> int:
        return len(self.entries)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(p for p in (entry.name, entry.kind, entry.hint, entry.locked) if p)
        return None


class _Row(QStyledItemDelegate):
    def __init__(self, model: _Rows, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        look, entry = theme(), self._model.entries[index.row()]
        box = QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(box, look.colour("bg.selected"))
        inner = box.adjusted(12, 0, -12, 0)
        right = entry.locked or "   ".join(p for p in (entry.kind, entry.hint) if p)
        painter.setFont(look.font("caption"))
        width = painter.fontMetrics().horizontalAdvance(right)
        quiet = "text.onSelected" if selected else "text.muted"
        painter.setPen(look.colour(quiet))
        align = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | align, right)
        if entry.locked:
            place = inner.right() - width - 20
            painter.drawPixmap(
                int(place), int(inner.center().y() - 7), icon_pixmap("padlock", 14, None, 2.0)
            )
            width += 22
        painter.setFont(look.font("bodyStrong"))
        painter.setPen(look.colour("text.muted" if entry.locked else "text.primary"))
        if selected:
            painter.setPen(look.colour("text.onSelected"))
        room = int(inner.width() - width - 12)
        name = painter.fontMetrics().elidedText(entry.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | align, name)

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(400, theme().px(32))


class CommandPalette(QFrame):
    """560 wide, 96 from the top; never blocks the city.

    `entries()` makes all entries; it and the index run on a thread soon after `invalidate`, so it
    may only read values that are never changed in place. `typed(text)` gives entries for what is
    no name, e.g. coordinates.
    """

    _indexed = Signal(object)

    def __init__(
        self,
        entries: Callable[[], list[Entry]],
        parent: QWidget,
        typed: Callable[[str], list[Entry]] = lambda text: [],
    ) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("palette")
        self._entries = entries
        self._typed = typed
        self._wanted = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(INDEX_AFTER_MS)
        self._soon.timeout.connect(self._index_beside)
        self._indexed.connect(self._take_index)
        self._index = SearchIndex()
        self._count = -1
        self._recent: list[Entry] = []
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText(tr("Asset, view or action"))
        self.field.setAccessibleName(tr("Find"))
        self.field.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.rows = _Rows()
        self.list = QListView()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(_Row(self.rows, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.clicked.connect(lambda i: self._run(i.row()))
        self._say = Text("", "body", "secondary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        layout.addWidget(self._say)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.hide()

    def invalidate(self) -> None:
        """The city or the locks changed: index anew, beside the window or at the next opening."""
        self._count = -1
        self._wanted += 1
        self._soon.start()

    def _index_beside(self) -> None:
        wanted = self._wanted

        def make() -> None:
            index = SearchIndex(self._entries())
            with contextlib.suppress(RuntimeError):  # the window closed meanwhile
                self._indexed.emit((wanted, index))

        threading.Thread(target=make, name="palette index", daemon=True).start()

    def _take_index(self, made: tuple[int, SearchIndex]) -> None:
        wanted, index = made
        if wanted != self._wanted:
            return
        self._index = index
        self._count = len(index.entries)
        names = {e.name: e for e in index.entries}
        self._recent = [names[e.name] for e in self._recent if e.name in names]

    def open(self) -> None:
        """Shows itself with the recent entries."""
        if self._count < 0:
            self._take_index((self._wanted, SearchIndex(self._entries())))
        parent = self._over
        focus = parent.focusWidget()
        if focus is not None and not self.isAncestorOf(focus):
            self._before = focus
        look = theme()
        width = min(look.px(560), parent.width() - 32)
        self.setGeometry((parent.width() - width) // 2, 96, width, look.px(ROWS * 32 + 96))
        self.field.clear()
        self._search("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _search(self, text: str) -> None:
        found = self._index.find(text, ROWS) if text.strip() else self._start()
        found = [*self._typed(text), *found][:ROWS]
        self.rows.show_entries(found)
        self._say.setVisible(not found)
        self.list.setVisible(bool(found))
        if found:
            self.list.setCurrentIndex(self.rows.index(0))
        else:
            near = self._index.nearest(text)
            words = tr("Nothing called '{q}'.", q=text.strip())
            self._say.setText(words + (" " + tr("Nearest: {n}.", n=near.name) if near else ""))

    def _start(self) -> list[Entry]:
        actions = [e for e in self._index.entries if e.hint]
        recent = self._recent[:ROWS]
        return [*recent, *(a for a in actions if a not in recent)][:ROWS]

    def _run(self, line: int) -> None:
        if not 0 <= line < len(self.rows.entries):
            return
        entry = self.rows.entries[line]
        if entry.locked:
            self._say.setText(entry.locked)
            self._say.show()
            return
        self._recent = [entry, *(e for e in self._recent if e is not entry)][:20]
        self._leave()
        entry.run()

    def _leave(self) -> None:
        """Gives the focus back where it was; never to whatever comes next in the window."""
        before, self._before = self._before, None
        target = before if before is not None and before.isVisible() else self._over
        target.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and not self.isAncestorOf(
            self.focusWidget() or self
        ):
            self.hide()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        line = self.list.currentIndex().row()
        match event.key():
            case Qt.Key.Key_Escape:
                self._leave()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._run(line)
            case Qt.Key.Key_Down:
                self.list.setCurrentIndex(
                    self.rows.index(min(line + 1, len(self.rows.entries) - 1))
                )
            case Qt.Key.Key_Up:
                self.list.setCurrentIndex(self.rows.index(max(line - 1, 0)))
            case _:
                return False
        return True
