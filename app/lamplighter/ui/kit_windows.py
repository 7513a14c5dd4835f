"""The windows of the field kit, each at most once: taking, bringing back, deciding."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lamplighter.ui.conflicts_page import ConflictsPage
from lamplighter.ui.desk import Desk
from lamplighter.ui.kit_dialog import KitDialog
from lamplighter.ui.parts import centre_over
from lamplighter.ui.return_dialog import ReturnDialog


class KitWindows:
    """Opened by actions and by the line of a kit."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        self._desk, self._window = desk, window
        self._taking: KitDialog | None = None
        self._bringing: ReturnDialog | None = None
        self._deciding: ConflictsPage | None = None

    def take(self) -> KitDialog:
        """Take with me."""
        if self._taking is None:
            self._taking = KitDialog(self._desk, self._window)
            self._taking.gone.connect(self._taking_gone)
        self._show(self._taking)
        return self._taking

    def bring(self) -> ReturnDialog:
        """Bring back, or merge what came."""
        if self._bringing is None:
            self._bringing = ReturnDialog(self._desk, self._window)
            self._bringing.gone.connect(self._bringing_gone)
            self._bringing.on_decide = self.decide_now
        self._show(self._bringing)
        return self._bringing

    def decide(self) -> ConflictsPage:
        """Conflicts, one question at a time."""
        if self._deciding is None:
            self._deciding = ConflictsPage(self._desk, self._window)
            self._deciding.gone.connect(self._deciding_gone)
        self._show(self._deciding)
        return self._deciding

    def decide_now(self) -> None:
        self.decide()

    def _show(self, made: QWidget) -> None:
        if not made.isVisible():
            centre_over(self._window, made)
        made.show()
        made.raise_()
        made.activateWindow()

    def _taking_gone(self) -> None:
        self._taking = None

    def _bringing_gone(self) -> None:
        self._bringing = None

    def _deciding_gone(self) -> None:
        self._deciding = None
