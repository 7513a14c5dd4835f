"""The tools of the 3D view: what they have in common, their column of buttons and their strip.

Tools never take the view away: the camera goes on working, nothing is modal, Esc ends the one in
front. Several may be in effect at once (measuring inside a section box under a low sun); only the
one in front gets the pointer and shows its strip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lamplighter.ui.glyphs import icon
from lamplighter.ui.parts import Text
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_labels import Box
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.twin_view import TwinView

GAP: Final = 8
TOP: Final = 42
"""below the breadcrumb"""
BUTTON: Final = 28


class ToolStrip(QFrame):
    """The strip of the tool in front: its name, its controls, what to do next, and a way out."""

    closed = Signal()

    def __init__(self, title: str, view: QWidget) -> None:
        super().__init__(view)
        self._over = view
        self.setObjectName("toolStrip")
        self.setAccessibleName(title)
        self.line = QHBoxLayout()
        self.line.setContentsMargins(0, 0, 0, 0)
        self.line.setSpacing(8)
        self.line.addWidget(Text(title, "bodyStrong"))
        self.head = QHBoxLayout()
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.setSpacing(8)
        self.head.addLayout(self.line)
        self.head.addStretch(1)
        self._close = ToolButton("close", tr("End this tool (Esc)"))
        self._close.clicked.connect(self.closed)
        self.head.addWidget(self._close)
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(12, 6, 6, 6)
        self.box.setSpacing(4)
        self.box.addLayout(self.head)
        self.hint = Text("", "caption", "secondary", wrap=True)
        self.box.addWidget(self.hint)
        self.hide()

    def say(self, words: str) -> None:
        """What to do next, or why nothing can be done."""
        if self.hint.text() != words:
            self.hint.setText(words)
            self.hint.setVisible(bool(words))
            self.refit()

    def refit(self) -> None:
        """Take the size the content needs, inside the view."""
        room = max(200, self._over.width() - 3 * GAP - theme().px(BUTTON) - 8)
        self.hint.setMaximumWidth(room - 24)
        self.hint.setMinimumWidth(0)
        want = self.sizeHint()
        words = QFontMetrics(self.hint.font()).horizontalAdvance(self.hint.text()) + 32
        line = min(words, theme().px(460)) if self.hint.text() else 0
        wide = min(room, max(self.head.sizeHint().width() + 20, want.width(), line))
        tall = self.box.heightForWidth(wide) if self.box.hasHeightForWidth() else want.height()
        self.setGeometry(GAP, theme().px(TOP), wide, max(tall, 40))


class ToolButton(QToolButton):
    """A square button with a line icon; its tip is also what a screen reader says."""

    def __init__(self, icon_name: str, tip: str, *, checkable: bool = False) -> None:
        super().__init__()
        self._icon_name = icon_name
        self.setCheckable(checkable)
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.setIcon(icon(self._icon_name))
        self.setIconSize(QSize(theme().px(16), theme().px(16)))
        self.setFixedSize(theme().px(BUTTON), theme().px(BUTTON))


class Tool(QObject):
    """One tool. Subclasses fill in what they need; everything here does nothing."""

    name = ""
    title = ""
    icon = ""
    keys = ""
    """the key as the tip shows it"""
    every_button = False
    """drags with any mouse button are offered to `pressed`"""
    changed = Signal()

    def __init__(self, view: TwinView) -> None:
        super().__init__(view)
        self.view = view
        self.strip = ToolStrip(tr(self.title), view)

    def why_not(self) -> str:
        """Why it cannot be used now; empty when it can."""
        return "" if self.view.scene is not None else tr("The 3D view is still loading.")

    def begin(self) -> None:
        """It comes into effect."""

    def end(self) -> None:
        """Its effect is over; nothing of it stays in the view."""

    def to_front(self) -> None:
        """It gets the pointer from now on."""

    def to_back(self) -> None:
        """Another tool gets the pointer; the effect stays."""

    def pressed(self, at: QPointF) -> bool:
        """True takes the drag that begins here away from the camera."""
        return False

    def dragged(self, at: QPointF) -> None:
        """The pointer moved during a drag that was taken."""

    def dropped(self) -> None:
        """The drag that was taken is over."""

    def wheeled(self, steps: float) -> bool:
        """The wheel was turned; True when it was used."""
        return False

    def clicked(self, at: QPointF, second: bool) -> bool:
        """A click without a drag, `second` with the right button; True when it was used."""
        return False

    def double_clicked(self, at: QPointF) -> bool:
        """True when it was used."""
        return False

    def hovered(self, at: QPointF) -> bool:
        """The pointer moved; True when assets shall not be outlined under it."""
        return False

    def key(self, event: QKeyEvent) -> bool:
        """True when the key was used."""
        return False

    def key_up(self, event: QKeyEvent) -> bool:
        """True when it belongs to a key that was used."""
        return False

    def focus_lost(self) -> None:
        """Keys that are down will not be heard when they come up."""

    def wants(self, event: QKeyEvent) -> bool:
        """True for keys that must come here although they are shortcuts of the window."""
        return False

    def paint(self, painter: QPainter) -> Sequence[Box]:
        """Marks over the picture, under the labels; returns boxes that labels keep clear of."""
        return ()

    def paint_late(self, painter: QPainter) -> None:
        """What lies over the labels too."""


class ToolBelt(QObject):
    """All tools of one view: which run, which is in front, where their parts stand."""

    changed = Signal()

    def __init__(self, view: TwinView) -> None:
        super().__init__(view)
        self._view = view
        self._tools: dict[str, Tool] = {}
        self._running: list[Tool] = []
        self._extra: list[tuple[str, str, Callable[[], object]]] = []
        self.column = ToolColumn(self, view)
        view.installEventFilter(self)
        view.overlay.marks.append(self._paint)
        view.overlay.late_marks.append(self._paint_late)
        view.overlay.reserved = self._reserved

    # ---------------------------------------------------------------- the tools
    def add(self, tool: Tool) -> None:
        """Take a tool in; its button appears in the column."""
        self._tools[tool.name] = tool
        tool.strip.closed.connect(lambda: self.end(tool.name))
        tool.changed.connect(self._view.refresh_marks)
        self.column.add_tool(tool)

    def add_action(self, name: str, keys: str, run: Callable[[], object]) -> None:
        """An entry of the column's menu that is no tool."""
        self._extra.append((name, keys, run))

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    @property
    def extra(self) -> tuple[tuple[str, str, Callable[[], object]], ...]:
        return tuple(self._extra)

    @property
    def front(self) -> Tool | None:
        """The tool that gets the pointer."""
        return self._running[-1] if self._running else None

    def runs(self, name: str) -> bool:
        return any(tool.name == name for tool in self._running)

    def toggle(self, name: str) -> None:
        """Begin it, bring it to the front, or end it when it is there."""
        front = self.front
        if front is not None and front.name == name:
            self.end(name)
        else:
            self.start(name)

    def start(self, name: str) -> bool:
        """Begin a tool or bring it to the front; False when it says why it cannot."""
        tool, before = self._tools[name], self.front
        if before is tool:
            return True
        why = tool.why_not()
        if why:
            self._view.say(why)
            return False
        if before is not None:
            before.strip.hide()
            before.to_back()
        fresh = tool not in self._running
        if not fresh:
            self._running.remove(tool)
        self._running.append(tool)
        if fresh:
            tool.begin()
        self._show_front()
        return True

    def end(self, name: str) -> None:
        """End a tool; the one that ran before it comes to the front."""
        tool = self._tools[name]
        if tool not in self._running:
            return
        was_front = self.front is tool
        self._running.remove(tool)
        tool.strip.hide()
        if was_front:
            tool.to_back()
        tool.end()
        self._show_front()
        if self._view.isVisible():
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def end_all(self) -> None:
        """End every tool."""
        for tool in reversed(tuple(self._running)):
            self.end(tool.name)

    def escape(self) -> bool:
        """Esc: ends the tool in front; False when none runs."""
        front = self.front
        if front is None:
            return False
        self.end(front.name)
        return True

    def _show_front(self) -> None:
        front = self.front
        if front is not None:
            front.strip.refit()
            front.strip.show()
            front.strip.raise_()
            front.to_front()
        self.column.refresh()
        self.changed.emit()
        self._view.refresh_marks()

    # ---------------------------------------------------------------- layout and painting
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.place()
        return False

    def place(self) -> None:
        """Puts column and strip where they belong."""
        self.column.place()
        if self.front is not None:
            self.front.strip.refit()

    def _reserved(self) -> list[Box]:
        parts: list[QWidget] = [self.column]
        if self.front is not None:
            parts.append(self.front.strip)
        shown = (QRectF(p.geometry()) for p in parts if p.isVisible())
        return [(g.x(), g.y(), g.width(), g.height()) for g in shown]

    def _paint(self, painter: QPainter) -> Sequence[Box]:
        boxes: list[Box] = []
        for tool in self._running:
            boxes += tool.paint(painter)
        return boxes

    def _paint_late(self, painter: QPainter) -> None:
        for tool in self._running:
            tool.paint_late(painter)


class ToolColumn(QFrame):
    """Buttons at the right edge of the view; those that do not fit stand in the menu."""

    def __init__(self, belt: ToolBelt, view: TwinView) -> None:
        super().__init__(view)
        self._over = view
        self.setObjectName("toolColumn")
        self.setAccessibleName(tr("Tools of the 3D view"))
        self._belt = belt
        self._buttons: list[tuple[str, QToolButton]] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(3, 3, 3, 3)
        self._box.setSpacing(2)
        self._more = ToolButton("more", tr("All tools of the view"))
        self._more.clicked.connect(self.open_menu)
        self._box.addWidget(self._more)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.menu: QMenu | None = None

    def add_button(self, icon_name: str, tip: str, run: Callable[[], object]) -> QToolButton:
        """A button that is no tool."""
        made = ToolButton(icon_name, tip)
        made.clicked.connect(lambda *_: run())
        self._box.insertWidget(self._box.count() - 1, made)
        self._buttons.append(("", made))
        self.place()
        return made

    def add_tool(self, tool: Tool) -> None:
        tip = f"{tr(tool.title)} ({tool.keys})" if tool.keys else tr(tool.title)
        made = ToolButton(tool.icon, tip, checkable=True)
        made.clicked.connect(lambda *_: self._pressed(tool.name))
        self._box.insertWidget(self._box.count() - 1, made)
        self._buttons.append((tool.name, made))
        self.place()

    def _pressed(self, name: str) -> None:
        self._belt.toggle(name)
        self.refresh()

    def refresh(self) -> None:
        """Buttons show what runs."""
        for name, made in self._buttons:
            if name:
                made.setChecked(self._belt.runs(name))

    def place(self) -> None:
        view = self._over
        each = theme().px(BUTTON) + 2
        room = max(1, (view.height() - theme().px(TOP) - 56) // each)
        for number, (_, made) in enumerate(self._buttons):
            made.setVisible(number < room - 1)
        shown = min(len(self._buttons), room - 1) + 1
        wide, tall = theme().px(BUTTON) + 8, shown * each + 6
        self.setGeometry(view.width() - wide - GAP, theme().px(TOP), wide, tall)
        self.raise_()

    def open_menu(self) -> None:
        """Every tool and action of the view with its key."""
        self.menu = menu = QMenu(self)
        for tool in self._belt.tools:
            entry = menu.addAction(f"{tr(tool.title)}\t{tool.keys}")
            entry.setCheckable(True)
            entry.setChecked(self._belt.runs(tool.name))
            entry.triggered.connect(lambda *_, n=tool.name: self._pressed(n))
        menu.addSeparator()
        for name, keys, run in self._belt.extra:
            menu.addAction(f"{name}\t{keys}").triggered.connect(lambda *_, r=run: r())
        menu.popup(self.mapToGlobal(self._more.geometry().bottomLeft()))
