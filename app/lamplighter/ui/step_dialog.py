"""The frame of a window that leads through steps: steps at the left, work beside, answers below."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lamplighter.ui.parts import Elided, Text, row, rule, window_of_its_own
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr


class StepDialog(QWidget):
    """A window of its own beside the city, never modal. A subclass makes its parts, then calls
    `_lay_out` once, and `_mark` whenever it goes to another step.
    """

    gone = Signal()

    def __init__(self, title: str, steps: Sequence[str], wide: int, parent: QWidget | None) -> None:
        """`wide`: pixels of the steps at the left."""
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, title)
        self._step = 0
        self._title, self._steps = title, steps
        self._labels = [Text(f"{n}  {tr(word)}", "body") for n, word in enumerate(steps, 1)]
        self._left = QWidget()
        self._left.setFixedWidth(theme().px(wide))
        self._beside_steps = QVBoxLayout(self._left)
        """below the steps more may stand"""
        self._beside_steps.setContentsMargins(0, 0, 0, 0)
        self._beside_steps.setSpacing(10)
        for label in self._labels:
            self._beside_steps.addWidget(label)
        self._head = Elided("", "body", "secondary")
        """what the dialog is about at the moment"""
        self._say = Text("", "body", "secondary", wrap=True)
        self._bar = rule(vertical=True)
        """before the right side, where one is shown"""

    def _lay_out(
        self, middle: QWidget, share: int, right: QWidget, answers: Sequence[QWidget]
    ) -> None:
        """`middle` and `right` share the width as `share` to 7; `answers` are the buttons below."""
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 12, 16, 12)
        outer.setSpacing(10)
        head = row(Text(self._title, "heading"))
        head.addWidget(self._head, 1)
        running = Text(tr("The city keeps running behind this window"), "caption", "secondary")
        head.addWidget(running)
        outer.addLayout(head)
        outer.addWidget(rule())
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self._left)
        body.addWidget(rule(vertical=True))
        body.addWidget(middle, share)
        body.addWidget(self._bar)
        body.addWidget(right, 7)
        outer.addLayout(body, 1)
        outer.addWidget(rule())
        foot = row(spacing=8)
        foot.addWidget(self._say, 1)
        for widget in answers:
            foot.addWidget(widget)
        outer.addLayout(foot)

    def _mark(self, step: int) -> None:
        """This step is done now; those before it were."""
        self._step = step
        for number, label in enumerate(self._labels):
            label.set_tone("primary" if number == step else "muted")
            mark = "✓" if number < step else str(number + 1)
            label.setText(f"{mark}  {tr(self._steps[number])}")

    def closeEvent(self, event: QCloseEvent) -> None:
        self.gone.emit()
        super().closeEvent(event)


def stacked(parts: Sequence[tuple[QWidget, int]], spacing: int = -1) -> QWidget:
    """Widgets below each other in one, each with its share of the height."""
    made = QWidget()
    box = QVBoxLayout(made)
    box.setContentsMargins(0, 0, 0, 0)
    if spacing >= 0:
        box.setSpacing(spacing)
    for part, share in parts:
        box.addWidget(part, share)
    return made
