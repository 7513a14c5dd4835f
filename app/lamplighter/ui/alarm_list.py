"""The alarm list: one row per incident, everything else one key away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import (
    QItemSelectionModel,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QLineEdit,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.ui import numbers
from lamplighter.ui.alarm_model import ASSET, GLYPH, PEOPLE, QUIET, STATE, AlarmModel, Index
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import draw_glyph
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.tree import Tree
from lamplighter.ui.words import tr

REASONS: Final = ("Work on site", "Sensor fault, reported", "Known, watched by hand", "Test")
SHELVE_FOR: Final = ((15, "15 min"), (60, "1 h"), (480, "End of shift (8 h)"))


class StateDelegate(QStyledItemDelegate):
    """Paints the whole row: glyph cell, bold when unacknowledged, muted when set aside."""

    def __init__(self, model: AlarmModel, blink: Blink, parent: QWidget) -> None:
        super().__init__(parent)
        self._model, self._blink = model, blink

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, node = theme(), self._model.node(index)
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        record = node.record
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(box, look.colour("bg.selected"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, look.colour("bg.hover"))
        elif node.incident is not None:
            painter.fillRect(box, look.colour("bg.raised"))
        column = index.column()
        if column == GLYPH:
            blinking = record.state is AlarmState.UNACK
            if not blinking or self._blink.on:
                inset = 20 if node.parent is None or node.parent.parent is None else 26
                centre = QPointF(box.left() + inset, box.center().y() + 0.5)
                draw_glyph(painter, centre, record.priority, record.state, look.px(16))
            return
        strong = record.state in {AlarmState.UNACK, AlarmState.LATCHED}
        role = "text.primary"
        if record.state in QUIET:
            role = "text.muted"
        elif record.state is AlarmState.RTN_UNACK or (column == STATE and not strong):
            role = "text.secondary"
        painter.setPen(look.colour("text.onSelected" if selected else role))
        bold = strong or node.incident is not None or (column == ASSET and role == "text.primary")
        painter.setFont(look.font("bodyStrong" if bold else "body"))
        text = self._model.text_of(node, column)
        inner = QRectF(box).adjusted(4, 0, -8, 0)
        side = Qt.AlignmentFlag.AlignRight if column == PEOPLE else Qt.AlignmentFlag.AlignLeft
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, max(10, int(inner.width()))
        )
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, shown)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        look = theme()
        return QSize(80, look.px(26) if look.density == "comfortable" else look.row)


class AlarmList(Panel):
    """Acknowledge with F2 or Space, shelve with S, arrows fold and unfold."""

    to_trend = Signal(str)

    def __init__(self, desk: Desk, blink: Blink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._blink = desk, blink
        self.model = AlarmModel(desk)
        self.tree = Tree()
        self.tree.setModel(self.model)
        self.tree.setItemDelegate(StateDelegate(self.model, blink, self.tree))
        self.tree.setTreePosition(ASSET)
        self.tree.raised = lambda index: self.model.node(index).incident is not None
        self.tree.setIndentation(16)
        self.tree.setRootIsDecorated(True)
        self.tree.setSelectionMode(Tree.SelectionMode.ExtendedSelection)
        self.tree.setDragEnabled(True)
        self.tree.setAccessibleName(tr("Alarms"))
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setMouseTracking(True)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter alarms"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setMaximumWidth(theme().px(220))
        self._sorted = Text(tr("Sorted by people × time · all areas"), "caption", "secondary")
        self._unfold = button(tr("Unfold all"), self._unfold_all)
        self._footer = Text("", "caption", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        head = row(self.filter, None, self._sorted, self._unfold)
        head.setContentsMargins(12, 0, 12, 2)
        layout.addLayout(head)
        layout.addWidget(self.tree, 1)
        layout.addWidget(self._footer)
        self._footer.setContentsMargins(16, 0, 16, 4)
        self._dirty = QTimer(self)
        self._dirty.setSingleShot(True)
        self._dirty.setInterval(120)
        self._dirty.timeout.connect(self.rebuild)
        self._syncing = False
        self._widths()
        desk.alarms_changed.connect(self._later)
        desk.city_changed.connect(self._later)
        self.filter.textChanged.connect(lambda _: self._later())
        desk.selection.changed.connect(self._follow)
        self.tree.selectionModel().selectionChanged.connect(self._selected)
        blink.phase.connect(self._blinked)
        theme().changed.connect(self._widths)
        self.rebuild()

    def _widths(self) -> None:
        header, look = self.tree.header(), theme()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setMinimumSectionSize(24)
        header.setFont(look.font("caption"))
        for column, width in enumerate((40, 128, 72, 208, 0, 88, 96)):
            if width:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
                wider = 1.25 if look.density == "touch" else 1.0
                header.resizeSection(column, look.px(width * wider))
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def _later(self) -> None:
        if not self._dirty.isActive():
            self._dirty.start()

    def rebuild(self) -> None:
        """Rows anew; what was unfolded, selected and under the pointer stays in place."""
        open_ids = self._open_ids()
        chosen = {self.model.node(i).id for i in self.tree.selectionModel().selectedRows()}
        first = self.tree.indexAt(QPoint(4, 4))
        top_id = self.model.node(first).id if first.isValid() and first.row() > 0 else ""
        before = self.model.rowCount()
        self._syncing = True
        self.model.rebuild()
        self._restore(open_ids, chosen, top_id, fresh=before == 0)
        self._syncing = False
        folded = self.model.total - self.model.rowCount()
        incidents = self._desk.incidents
        if not self.model.total:
            words = tr("No active alarms. New ones appear here; nothing is hidden.")
        elif incidents:
            why = incidents[0].reason.rstrip(".") or tr("the dependency graph")
            words = tr(
                "Cause named by {why}. Nothing is hidden: {n} folded alarms are one key away (→).",
                why=why,
                n=folded,
            )
        else:
            words = tr("{n} alarms, none folded.", n=numbers.number(self.model.total, 1))
        self._footer.setText(words)

    def _open_ids(self) -> set[str]:
        found = set()
        for row_number in range(self.model.rowCount()):
            top = self.model.index(row_number, 0)
            if self.tree.isExpanded(top):
                found.add(self.model.node(top).id)
                for child in range(self.model.rowCount(top)):
                    index = self.model.index(child, 0, top)
                    if self.tree.isExpanded(index):
                        found.add(self.model.node(index).id)
        return found

    def _restore(self, open_ids: set[str], chosen: set[str], top_id: str, *, fresh: bool) -> None:
        pick = self.tree.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        anchor = None
        for row_number in range(self.model.rowCount()):
            top = self.model.index(row_number, 0)
            node = self.model.node(top)
            if node.children and (node.id in open_ids or (fresh and node.incident is not None)):
                self.tree.setExpanded(top, True)
            if node.id in chosen:
                pick.select(top, flags)
            if node.id == top_id:
                anchor = top
            for child in range(len(node.children)):
                index = self.model.index(child, 0, top)
                inner = node.children[child]
                if inner.id in open_ids:
                    self.tree.setExpanded(index, True)
                if inner.id in chosen:
                    pick.select(index, flags)
                if inner.id == top_id:
                    anchor = index
        if anchor is not None:
            self.tree.scrollTo(anchor, Tree.ScrollHint.PositionAtTop)

    def _unfold_all(self) -> None:
        if self._unfold.text() == tr("Unfold all"):
            self.tree.expandAll()
            self._unfold.setText(tr("Fold all"))
        else:
            self.tree.collapseAll()
            self._unfold.setText(tr("Unfold all"))

    def _blinked(self) -> None:
        """Repaints the glyph column of the visible rows and nothing else."""
        if self.isVisible():
            width = self.tree.header().sectionSize(GLYPH)
            self.tree.viewport().update(0, 0, width, self.tree.viewport().height())

    # ---------------------------------------------------------------- selection
    def _selected(self) -> None:
        if self._syncing:
            return
        assets = [
            self.model.node(i).record.asset for i in self.tree.selectionModel().selectedRows()
        ]
        if assets:
            self._syncing = True
            self._desk.selection.select(dict.fromkeys(assets))
            self._syncing = False

    def _follow(self) -> None:
        if self._syncing:
            return
        self._syncing = True
        wanted = set(self._desk.selection.assets)
        pick = self.tree.selectionModel()
        pick.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row_number in range(self.model.rowCount()):
            top = self.model.index(row_number, 0)
            node = self.model.node(top)
            if node.record.asset in wanted:
                pick.select(top, flags)
            for child, inner in enumerate(node.children):
                if len(inner.members) == 1 and inner.record.asset in wanted:
                    pick.select(self.model.index(child, 0, top), flags)
        self._syncing = False

    def selected_assets(self) -> tuple[str, ...]:
        rows = self.tree.selectionModel().selectedRows()
        return tuple(dict.fromkeys(self.model.node(i).record.asset for i in rows))

    def selected_keys(self) -> tuple[str, ...]:
        rows = self.tree.selectionModel().selectedRows()
        return tuple(dict.fromkeys(k for i in rows for k in self.model.node(i).keys))

    # ---------------------------------------------------------------- actions
    def acknowledge(self) -> bool:
        """Acknowledges the selected rows; False when there is nothing to do."""
        alarms = self._desk.alarms
        waiting = (AlarmState.UNACK, AlarmState.RTN_UNACK)
        keys = tuple(k for k in self.selected_keys() if k in alarms and alarms[k].state in waiting)
        if not keys or self._desk.time.commands_locked:
            return False
        self._desk.ask(wire.AlarmAction("ack", keys))
        return True

    def shelve(self, keys: tuple[str, ...], minutes: int, reason: str) -> None:
        until = self._desk.clock.wall_ms() + minutes * 60_000
        self._desk.ask(wire.AlarmAction("shelve", keys, until, reason))

    def shelve_menu(self, keys: tuple[str, ...] | None = None, at: QPoint | None = None) -> QMenu:
        """How long and why: a reason is always part of it."""
        chosen = keys or self.selected_keys()
        menu = QMenu(tr("Shelve"), self)
        for minutes, word in SHELVE_FOR:
            inner = QMenu(tr(word), menu)
            menu.addMenu(inner)
            for reason in REASONS:
                inner.addAction(tr(reason), self._shelver(chosen, minutes, reason))
        menu.setEnabled(bool(chosen) and not self._desk.time.commands_locked)
        if at is not None and menu.isEnabled():
            menu.popup(at)
        return menu

    def _shelver(self, keys: tuple[str, ...], minutes: int, reason: str) -> Callable[[], None]:
        return lambda: self.shelve(keys, minutes, reason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.acknowledge():
            return
        if event.key() == Qt.Key.Key_S and not event.modifiers():
            self.shelve_menu(at=self.mapToGlobal(QPoint(60, 40)))
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        ack = menu.addAction(tr("Acknowledge\tF2"), self.acknowledge)
        ack.setEnabled(not self._desk.time.commands_locked)
        menu.addMenu(self.shelve_menu())
        keys = self.selected_keys()
        shelved = [k for k in keys if self._desk.alarms[k].state is AlarmState.SHELVED]
        if shelved:
            menu.addAction(
                tr("Unshelve"), lambda: self._desk.ask(wire.AlarmAction("unshelve", tuple(shelved)))
            )
        chosen = self.selected_assets()
        if chosen:
            menu.addAction(tr("Show in trends"), lambda: self.to_trend.emit(chosen[0]))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())
