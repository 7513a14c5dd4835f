"""The asset tree: every asset by domain and type, with a filter, for ten thousand and more."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.city import Asset
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import draw_glyph, icon
from lamplighter.ui.parts import Panel, Text
from lamplighter.ui.theme import theme
from lamplighter.ui.tree import Tree
from lamplighter.ui.words import plain, tr

Index = QModelIndex | QPersistentModelIndex
ASSET_MIME = "application/x-lamplighter-asset"
NETWORKS = ("mobility", "power", "water")
"""domains that stand first: what they do is felt in all others"""
_ROOT = QModelIndex()


class Node:
    """A domain, a type or an asset."""

    __slots__ = ("asset", "children", "name", "parent", "row")

    def __init__(self, name: str, parent: Node | None, asset: Asset | None = None) -> None:
        self.name, self.parent, self.asset = name, parent, asset
        self.children: list[Node] = []
        self.row = 0
        if parent is not None:
            self.row = len(parent.children)
            parent.children.append(self)


class AssetModel(QAbstractItemModel):
    """Domains > types > assets, built anew when the city or the filter changes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._root = Node("", None)
        self._by_asset: dict[str, Node] = {}
        self.worst: dict[int, tuple[int, int]] = {}
        self.filter = ""

    def rebuild(self) -> None:
        self.beginResetModel()
        self._before = self._root  # stale indexes point into it until the views have reset
        self._root = Node("", None)
        self._by_asset = {}
        words = self.filter.casefold().split()
        domains = self._desk.city.domains
        for domain in sorted(domains, key=lambda d: (d not in NETWORKS, d)):
            assets = domains[domain]
            types: dict[str, list[Asset]] = defaultdict(list)
            for asset in assets:
                text = f"{asset.name} {asset.id} {asset.type}".casefold()
                if all(w in text for w in words):
                    types[asset.type or tr("Other")].append(asset)
            if not types:
                continue
            top = Node(domain.capitalize(), self._root)
            for kind, members in sorted(types.items()):
                group = Node(plain(kind), top)
                for asset in sorted(members, key=lambda a: _natural(a.name or a.id)):
                    self._by_asset[asset.id] = Node(asset.name or asset.id, group, asset)
        self.endResetModel()
        self.refresh_alarms()

    def refresh_alarms(self) -> None:
        """Worst priority and count per node, from the standing alarms."""
        worst: dict[int, tuple[int, int]] = {}
        for alarm in self._desk.standing():
            if alarm.state.value in {"SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"}:
                continue
            node = self._by_asset.get(alarm.asset)
            while node is not None and node.parent is not None:
                priority, count = worst.get(id(node), (9, 0))
                worst[id(node)] = (min(priority, alarm.priority), count + 1)
                node = node.parent
        if worst != self.worst:
            self.worst = worst
            if self._root.children:
                last = self.index(len(self._root.children) - 1, 0)
                self.dataChanged.emit(self.index(0, 0), last)

    def node(self, index: Index) -> Node:
        found = index.internalPointer() if index.isValid() else None
        return found if isinstance(found, Node) else self._root

    def index_of(self, asset: str) -> QModelIndex:
        node = self._by_asset.get(asset)
        return self.createIndex(node.row, 0, node) if node else QModelIndex()

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        children = self.node(parent).children
        if column == 0 and 0 <= row < len(children):
            return self.createIndex(row, 0, children[row])
        return QModelIndex()

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        above = self.node(index).parent
        if above is None or above is self._root:
            return QModelIndex()
        return self.createIndex(above.row, 0, above)

    def rowCount(self, parent: Index = _ROOT) -> int:
        return len(self.node(parent).children)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        node = self.node(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return node.name
        if role == Qt.ItemDataRole.ToolTipRole and node.asset is not None:
            streams = self._desk.city.of_asset.get(node.asset.id, [])
            lines = [node.name, self._desk.city.path(node.asset.id)]
            lines += [self._desk.value(s).describe() for s in streams[:2]]
            return "\n".join(lines)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            found = self.worst.get(id(node))
            extra = tr(", priority {p}, {n} alarms", p=found[0], n=found[1]) if found else ""
            return f"{node.name}{extra}"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self.node(index).asset is not None:
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def mimeTypes(self) -> list[str]:
        return [ASSET_MIME]

    def mimeData(self, indexes: object) -> QMimeData:
        mime = QMimeData()
        ids = [n.asset.id for n in map(self.node, indexes) if n.asset]  # type: ignore[call-overload]
        mime.setData(ASSET_MIME, "\n".join(ids).encode())
        return mime


class AssetDelegate(QStyledItemDelegate):
    """Name at the left; count or worst alarm at the right."""

    def __init__(self, model: AssetModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        node = self._model.node(index)
        look = theme()
        box: QRect = option.rect
        found = self._model.worst.get(id(node))
        painter.save()
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour("text.muted"))
        right = box.right() - 6
        if found is not None:
            text = "" if node.asset is not None and found[1] == 1 else f"{found[1]:,}"
            width = painter.fontMetrics().horizontalAdvance(text) + (6 if text else 0)
            centre = QPointF(right - width - 7, box.center().y())
            draw_glyph(painter, centre, found[0], size=look.px(14))
        else:
            text = "" if node.asset is not None else f"{_leaves(node):,}"
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(box).adjusted(0, 0, -6, 0), align, text)
        painter.restore()

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        box: QRect = option.rect
        room = box.width() - 52
        text: str = option.text
        elided = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, max(20, room))
        option.text = elided

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> object:  # type: ignore[override]
        size = super().sizeHint(option, index)
        size.setHeight(theme().row)
        return size


class AssetTree(Panel):
    """Filter and tree; selecting a row selects everywhere. `to_trend` and `to_order` carry ids."""

    to_trend = Signal(str)
    to_order = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = AssetModel(desk)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter assets  (Ctrl F)"))
        self.filter.setClearButtonEnabled(True)
        self.filter.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.tree = Tree()
        self.tree.setModel(self.model)
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(14)
        self.tree.setDragEnabled(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setItemDelegate(AssetDelegate(self.model, self.tree))
        self.tree.setAccessibleName(tr("Assets"))
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree, 1)
        self.empty = Text("", "body", "secondary", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.empty, 1)
        self._tell_empty()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(120)
        self._typing.timeout.connect(self._filter)
        self.filter.textChanged.connect(lambda _: self._typing.start())
        self.filter.returnPressed.connect(self._first)
        self._syncing = False
        desk.city_changed.connect(self._city)
        desk.alarms_changed.connect(self.model.refresh_alarms)
        desk.selection.changed.connect(self._follow)
        self.tree.selectionModel().selectionChanged.connect(self._selected)
        if desk.city_known:
            self._city()

    def _city(self) -> None:
        self.model.rebuild()
        self.tree.expandToDepth(0 if len(self.model.worst) or not self.filter.text() else 2)
        self._tell_empty()
        self._follow()

    def _filter(self) -> None:
        self.model.filter = self.filter.text()
        self.model.rebuild()
        if self.filter.text():
            self.tree.expandToDepth(1 if self.model.rowCount() < 20 else 0)
        self._tell_empty()
        self._follow()

    def _tell_empty(self) -> None:
        """What this place is for while there is nothing, or that the filter leaves nothing."""
        nothing = self.model.rowCount() == 0
        self.tree.setVisible(not nothing)
        self.empty.setVisible(nothing)
        words = tr("No assets yet. Import a city, a network or a register of assets: Ctrl I.")
        if self.filter.text():
            words = tr("Nothing here is called '{typed}'.", typed=self.filter.text())
        known = nothing and self._desk.city_known
        self.empty.setText(words if known else "")

    def _first(self) -> None:
        index = self.model.index(0, 0)
        while index.isValid() and self.model.node(index).asset is None:
            index = self.model.index(0, 0, index)
        if index.isValid():
            self._desk.selection.select(self.model.node(index).asset.id)  # type: ignore[union-attr]

    def _selected(self) -> None:
        if self._syncing:
            return
        nodes = [self.model.node(i) for i in self.tree.selectionModel().selectedIndexes()]
        ids = [n.asset.id for n in nodes if n.asset is not None]
        if ids:
            self._syncing = True
            self._desk.selection.select(ids)
            self._syncing = False

    def _follow(self) -> None:
        """The selection was changed elsewhere: show it here."""
        if self._syncing:
            return
        self._syncing = True
        chosen = self.tree.selectionModel()
        chosen.clearSelection()
        for asset in self._desk.selection.assets:
            index = self.model.index_of(asset)
            if index.isValid():
                chosen.select(index, QItemSelectionModel.SelectionFlag.Select)
                chosen.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
                self.tree.scrollTo(index)
        self._syncing = False

    def selected_assets(self) -> tuple[str, ...]:
        nodes = [self.model.node(i) for i in self.tree.selectionModel().selectedIndexes()]
        return tuple(n.asset.id for n in nodes if n.asset is not None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        asset = self._desk.selection.current
        if not asset:
            return
        menu = QMenu(self)
        menu.addAction(tr("Show in trends"), lambda: self.to_trend.emit(asset))
        menu.addAction(tr("Create work order\tCtrl+N"), lambda: self.to_order.emit(asset))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())


def _leaves(node: Node) -> int:
    if node.asset is not None:
        return 1
    return sum(len(c.children) if c.children else 1 for c in node.children)


@lru_cache(maxsize=300_000)
def _natural(text: str) -> tuple[object, ...]:
    """`TS-9` before `TS-10`; remembered, since a changed city is mostly the one before."""
    return tuple(
        (0, int(p), "") if p.isdigit() else (1, 0, p.casefold())
        for p in re.split(r"(\d+)", text)
        if p
    )
