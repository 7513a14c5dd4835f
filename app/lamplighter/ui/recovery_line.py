"""Above the docks after a crash: text that was not sent, and that the window is in safe mode."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Elided, Text, button, row
from lamplighter.ui.words import tr

GLANCE = 80


class RecoveryLine(QFrame):
    """Hidden unless there is something to say; one draft at a time, the oldest first."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._undo: Callable[[], None] | None = None
        self._text, self._count = Elided("", "body"), Text("", "caption", "secondary")
        self.carry_on = button(tr("Continue"), self._continue, kind="flat",
                               tip=tr("Open the form again with this text"))  # fmt: skip
        self.drop = button(tr("Drop"), self._drop, kind="flat", tip=tr("Forget this text"))
        self._draft = QWidget()
        line = row(self._text, self._count, self.carry_on, self.drop)
        line.setStretchFactor(self._text, 1)
        self._draft.setLayout(line)
        self.safe_words = Elided("", "body")
        self.leave_safe = button(tr("Start them again"), self._leave, kind="flat",
                                 tip=tr("Run the plugins' code and draw in 3D again"))  # fmt: skip
        self._safe = QWidget()
        above = row(self.safe_words, self.leave_safe)
        above.setStretchFactor(self.safe_words, 1)
        self._safe.setLayout(above)
        for layout in (line, above):
            layout.setContentsMargins(12, 2, 12, 2)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._safe)
        box.addWidget(self._draft)
        self._safe.hide()
        desk.drafts.offered_changed.connect(self.refresh)
        self.refresh()

    def show_safe(self, why: str, undo: Callable[[], None]) -> None:
        """Say that the window is in safe mode; `undo` starts what is left out."""
        self._undo = undo
        self.safe_words.set_full(why)
        self._safe.show()
        self.refresh()

    def refresh(self) -> None:
        """After the drafts on offer changed."""
        drafts = self._desk.drafts
        if drafts.failed is not None:
            self._desk.raise_problem(drafts.failed)
            drafts.failed = None
        offered = drafts.offered
        self._draft.setVisible(bool(offered))
        if offered:
            one = offered[0]
            at = f"{numbers.day(one.changed_ms)} {numbers.clock_short(one.changed_ms)}"
            glance = " ".join(one.longest.split())
            glance = glance if len(glance) <= GLANCE else glance[: GLANCE - 1] + "…"
            self._text.set_full(
                tr("Not sent before the window ended: {title} of {at}: “{glance}”",
                   title=one.title, at=at, glance=glance)
            )  # fmt: skip
            more = len(offered) - 1
            self._count.setText(tr("and {n} more", n=more) if more else "")
        self.setVisible(bool(offered) or self._undo is not None)

    def _continue(self) -> None:
        if self._desk.drafts.offered:
            self._desk.drafts.resume(self._desk.drafts.offered[0])

    def _drop(self) -> None:
        if self._desk.drafts.offered:
            self._desk.drafts.drop(self._desk.drafts.offered[0])

    def _leave(self) -> None:
        undo, self._undo = self._undo, None
        self._safe.hide()
        self.refresh()
        if undo is not None:
            undo()
