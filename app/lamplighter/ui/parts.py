"""Small stock widgets in the house's type roles, so that no view sets fonts or colours itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from lamplighter.ui.glyphs import icon
from lamplighter.ui.theme import theme


def centre_over(window: QWidget, made: QWidget) -> None:
    """Put a new window in the middle of another, no larger than the screen it stands on."""
    room = window.screen().availableGeometry()
    made.resize(made.size().boundedTo(room.size()))
    centre = window.geometry().center()
    made.move(
        max(room.left(), min(centre.x() - made.width() // 2, room.right() - made.width())),
        max(room.top(), min(centre.y() - made.height() // 2, room.bottom() - made.height())),
    )


def window_of_its_own(made: QWidget, title: str) -> None:
    """A window on the panel colour that goes when it is closed."""
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    made.setProperty("role", "panel")
    made.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    made.setWindowTitle(title)


class Text(QLabel):
    """A label in a type role. `tone`: primary, secondary or muted."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        tone: str = "primary",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
    ) -> None:
        super().__init__(text, parent)
        self._role = role
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme().font(role))
        self.setProperty("tone", tone)
        self.setWordWrap(wrap)
        theme().changed.connect(self._restyle)

    def _restyle(self) -> None:
        self.setFont(theme().font(self._role))

    def set_tone(self, tone: str) -> None:
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)


class Elided(Text):
    """One line that ends in an ellipsis when it does not fit, and tells the whole in its tip."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        tone: str = "primary",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", role, tone, parent)
        self._full = text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(24)
        self._fit()

    def set_full(self, text: str) -> None:
        if text != self._full:
            self._full = text
            self.setAccessibleName(text)
            self._fit()

    @property
    def full(self) -> str:
        return self._full

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._full) + 2, metrics.height() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = QFontMetrics(self.font()).elidedText(
            self._full, Qt.TextElideMode.ElideRight, max(10, self.width())
        )
        self.setText(shown)
        self.setToolTip(self._full if shown != self._full else "")


class Fitted(Elided):
    """As wide as its text, up to `room` pixels; elided beyond."""

    def __init__(
        self,
        role: str = "body",
        tone: str = "primary",
        room: int = 400,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", role, tone, parent)
        self.room = room
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def set_full(self, text: str) -> None:
        if text != self.full:
            super().set_full(text)
            self.updateGeometry()

    def set_room(self, room: int) -> None:
        if room != self.room:
            self.room = room
            self.updateGeometry()

    def natural(self) -> int:
        """Pixels of the whole text."""
        return super().sizeHint().width() + 6

    def sizeHint(self) -> QSize:
        return QSize(min(self.room, self.natural()), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().sizeHint().height())


def tag(text: str, *, filled: bool = False, parent: QWidget | None = None) -> QLabel:
    """A small outlined or filled word."""
    label = QLabel(text, parent)
    label.setFont(theme().font("tick", 600))
    label.setProperty("role", "tagFilled" if filled else "tag")
    label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
    return label


def key_hint(text: str, parent: QWidget | None = None) -> QLabel:
    label = QLabel(text, parent)
    label.setFont(theme().font("tick"))
    label.setProperty("role", "key")
    label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
    return label


def button(
    text: str,
    clicked: Callable[[], object] | None = None,
    *,
    kind: str = "",
    icon_name: str = "",
    tip: str = "",
    parent: QWidget | None = None,
) -> QPushButton:
    """A push button; `kind`: "", primary, flat, workspace, search or segment."""
    made = QPushButton(text, parent)
    made.setFont(theme().font("body", 600 if kind in {"", "primary", "segment"} else 400))
    if kind:
        made.setProperty("kind", kind)
    if icon_name:
        made.setIcon(icon(icon_name))
    if tip:
        made.setToolTip(tip)
    made.setAccessibleName(text or tip)
    if clicked is not None:
        made.clicked.connect(lambda *_: clicked())
    made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return made


def rule(parent: QWidget | None = None, *, vertical: bool = False) -> QFrame:
    line = QFrame(parent)
    line.setProperty("role", "vrule" if vertical else "rule")
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    return line


def row(*widgets: QWidget | int | None, spacing: int = 8) -> QHBoxLayout:
    """A horizontal layout: widgets, numbers as fixed space, None as stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for item in widgets:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        else:
            layout.addWidget(item)
    return layout


def list_and_form(page: QWidget, left: QLayout, right: QLayout, width: int = 400) -> None:
    """Lay a page out: what there is at the left, the form at the right in its own width."""
    side = QWidget()
    side.setLayout(right)
    right.setContentsMargins(16, 0, 0, 0)
    side.setFixedWidth(theme().px(width))
    box = QHBoxLayout(page)
    box.setContentsMargins(0, 0, 0, 0)
    box.addLayout(left, 1)
    box.addWidget(side)


class Panel(QWidget):
    """A dock's content on the panel colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


class Scroller(QScrollArea):
    """A scroll area on the panel colour; its content is as wide as it, if it can be so narrow."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)


class Canvas(QWidget):
    """A widget that paints itself from the theme and repaints when that changes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        raise NotImplementedError
