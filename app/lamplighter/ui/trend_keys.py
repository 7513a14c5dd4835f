"""The keys of the charts: whatever hands can do in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.trends import Trends


class Stage(QWidget):
    """Holds the charts and takes the keys: arrows move cursor A (with Shift B), + and - zoom, Page
    keys move, Backspace goes back (with Shift on again), Space holds or follows, N shows the
    next hours, Del lets go.
    """

    def __init__(self, panel: Trends) -> None:
        super().__init__(panel)
        self._panel = panel
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Charts"))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QPen(theme().colour("action.focus"), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
            painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not pressed(self._panel, event):
            super().keyPressEvent(event)


def pressed(panel: Trends, event: QKeyEvent) -> bool:
    """What a key does while the charts have the focus; False when it means nothing here."""
    key, shift = (
        Qt.Key(event.key()),
        bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier),
    )
    first, last = panel.window_ms()
    wide = last - first
    if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
        coarse = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        step = wide // (20 if coarse else 200) * (1 if key == Qt.Key.Key_Right else -1)
        at = panel.cursors[int(shift)]
        start = at if at is not None and first <= at <= last else first + wide // 2
        panel.put_cursor(int(shift), min(max(start + step, first), last))
        return True
    about = panel.cursors[0]
    middle = about if about is not None and first <= about <= last else first + wide // 2
    deeds = {
        Qt.Key.Key_Plus: lambda: panel.zoom(0.5, middle),
        Qt.Key.Key_Equal: lambda: panel.zoom(0.5, middle),
        Qt.Key.Key_Minus: lambda: panel.zoom(2.0, middle),
        Qt.Key.Key_PageUp: lambda: panel.pan(-wide // 4),
        Qt.Key.Key_PageDown: lambda: panel.pan(wide // 4),
        Qt.Key.Key_Backspace: panel.go_ahead if shift else panel.go_back,
        Qt.Key.Key_Space: panel.hold_or_follow,
        Qt.Key.Key_Delete: panel.clear_cursors,
        Qt.Key.Key_N: panel.show_ahead,
        Qt.Key.Key_Menu: panel.open_menu,
    }
    deed = deeds.get(key)
    if deed is not None:
        deed()
    return deed is not None
