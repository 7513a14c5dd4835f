"""A tree view with the house's chevrons and glyph cells, shared by assets and alarms."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QTreeView

from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.theme import theme

CHEVRON = 12


class Tree(QTreeView):
    """Uniform rows, no lines, a 12 px chevron with the whole indentation as its target."""

    def __init__(self) -> None:
        super().__init__()
        self.setUniformRowHeights(True)
        self.setAnimated(False)
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.raised: Callable[[QModelIndex | QPersistentModelIndex], bool] | None = None
        theme().changed.connect(self.viewport().update)

    def drawBranches(
        self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme()
        if self.selectionModel() is not None and self.selectionModel().isSelected(index):
            painter.fillRect(rect, look.colour("bg.selected"))
        elif self.raised is not None and self.raised(index):
            painter.fillRect(rect, look.colour("bg.raised"))
        model = self.model()
        if model is None or not model.hasChildren(index):
            return
        name = "chevron_down" if self.isExpanded(index) else "chevron_right"
        pixmap = icon_pixmap(name, CHEVRON, look.colour("text.secondary"), self.devicePixelRatioF())
        left = rect.right() - self.indentation() / 2 - CHEVRON / 2
        painter.drawPixmap(QPointF(left, rect.center().y() - CHEVRON / 2 + 1), pixmap)
