"""What other views want of the 3D city: to be shown a place, an asset, a layer or a kept view.

There may be no 3D view yet, or none at all: then the errand waits, or the desk says why it cannot
be done.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from lamplighter.domain.problems import problem
from lamplighter.ui.bookmarks import Views
from lamplighter.ui.desk import Desk
from lamplighter.ui.docks import Docks
from lamplighter.ui.nearby import Nearby
from lamplighter.ui.twin_dock import TwinDock
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.twin_tools import ToolBelt


class CityErrands:
    """Runs them in the 3D view of one window."""

    def __init__(
        self, desk: Desk, docks: Docks, twin: TwinDock, kept: Views, nearby: Nearby
    ) -> None:
        self._desk, self._docks, self._twin = desk, docks, twin
        self._kept, self._nearby = kept, nearby
        self._wanted: Path | None = None
        """the file of a view that is shown when the city has been drawn"""

    def go_to_place(self, x: float, y: float, name: str) -> None:
        """Fly to a place in local metres and list what lies near it."""
        self._nearby.around(x, y, name)
        self._docks.show("nearby")
        show = getattr(self._twin.view, "fly_to_place", None)
        if show is not None:
            show(x, y)

    def look_at(self, x: float, y: float, z: float) -> None:
        """Fly to the place of a finding, local metres."""
        show = getattr(self._twin.view, "fly_to_place", None)
        if show is not None:
            show(x, y, z)

    def go_over(self, x: float, y: float) -> None:
        """Fly over the middle of a district, local metres."""
        self._docks.show("city")
        show = getattr(self._twin.view, "fly_over", None)
        if show is not None:
            show(x, y)

    def go_to_asset(self, asset: str) -> None:
        """Select it and fly there."""
        self._desk.selection.select(asset)
        self._docks.show("city")
        fly = getattr(self._twin.view, "fly_to", None)
        if fly is not None:
            fly(asset)

    def show_layer(self, layer: str) -> None:
        """Select something of an imported layer and fly there."""
        for asset in self._desk.city.assets.values():
            if asset.layer == layer and asset.x is not None:
                self.go_to_asset(asset.id)
                return

    def show_domains(self, domains: tuple[str, ...]) -> None:
        """Draw the networks of these domains alone."""
        show = getattr(self._twin.view, "show_networks", None)
        if show is not None:
            show(domains)

    def open_view(self, path: Path) -> None:
        """Show the view of a file, at once or when the city has been drawn."""
        if getattr(self._twin.view, "scene", None) is None or not self._desk.city_known:
            self._wanted = path
        else:
            self._kept.open_file(path)

    def drawn(self) -> None:
        """The city has been drawn, or will not be."""
        view = self._twin.view
        if view is None or getattr(view, "belt", None) is None:
            if self._wanted is not None:
                self._belt()  # says why nothing can be shown
            return
        self._kept.attach(view)  # type: ignore[arg-type]
        if self._wanted is not None:
            path, self._wanted = self._wanted, None
            self._kept.open_file(path)

    def tool(self, name: str) -> None:
        """Begin or end a tool of the 3D view; says why where it cannot."""
        belt = self._belt()
        if belt is not None:
            belt.toggle(name)

    def deed(self, name: str) -> None:
        """Do something in the 3D view that is no tool of its own, by its name in the menu."""
        belt = self._belt()
        for words, _, run in belt.extra if belt is not None else ():
            if words == name:
                run()

    def _belt(self) -> ToolBelt | None:
        """The tools of the 3D view, with the view in front; says why when there are none."""
        view = self._twin.view
        belt: ToolBelt | None = getattr(view, "belt", None)
        if view is None or belt is None:
            words = tr("there is no 3D view")
            self._desk.raise_problem(problem("U-804", name=tr("The tool"), what=words))
            return None
        self._docks.show("city")
        view.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return belt
