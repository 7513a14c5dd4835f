"""All docked views of the main window, and how they work together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.ui.asset_tree import AssetTree
from lamplighter.ui.docks import Docks
from lamplighter.ui.parts import Panel
from lamplighter.ui.twin_dock import TwinDock

if TYPE_CHECKING:
    from lamplighter.ui.window import MainWindow


class Furniture:
    """Makes the views, docks them and connects their signals."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        desk = window.desk
        self.docks = Docks(window.middle, window.folder)
        self.assets = AssetTree(desk)
        self.twin = TwinDock(desk)
        self._is_narrow: bool | None = None
        self._views = {"assets": self.assets, "city": self.twin}
        for name in ("layers", "asset", "effects", "forecast", "scenario", "trends", "alarms",
                     "maintenance", "tasks"):  # fmt: skip
            self._views.setdefault(name, Panel())
        for name, view in self._views.items():
            self.docks.add(name, view)
        window.beat.add(self.twin)
        window.top.workspace.connect(self.workspace)

    def open(self) -> None:
        self._is_narrow = self._window.width() < 1440
        self.docks.arrange("Overview", narrow=self._is_narrow)
        self._window.top.show_workspace("Overview")

    def narrow(self, is_narrow: bool) -> None:
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            self.docks.arrange(self.docks.current, narrow=is_narrow)

    def workspace(self, name: str) -> None:
        self.docks.switch(name)
        self._window.top.show_workspace(name)

    def shut(self) -> None:
        self.docks.save()
