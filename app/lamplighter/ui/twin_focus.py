"""Looking at a few assets: the rest as ghosts or hidden, single ones hidden, all shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from lamplighter.ui.parts import button
from lamplighter.ui.twin_tools import Tool
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_view import TwinView


class FocusTool(Tool):
    """States what is left out, always: nobody looks at half a city without knowing it."""

    name = "isolate"
    title = "Isolate and hide"
    icon = "isolate"
    keys = "I"

    def __init__(self, view: TwinView, desk: Desk) -> None:
        super().__init__(view)
        self._desk = desk
        self.isolated: tuple[str, ...] = ()
        self.hide_rest = True
        self.hidden: tuple[str, ...] = ()
        line = self.strip.line
        self._ghost = button(tr("Rest as ghosts"), lambda: self.isolate(hide_rest=False))
        self._only = button(tr("Hide the rest"), lambda: self.isolate(hide_rest=True))
        self._hide = button(tr("Hide selection"), self.hide)
        show = button(tr("Show all"), self.show_all)
        for part in (self._only, self._ghost, self._hide, show):
            line.addWidget(part)

    def why_not(self) -> str:
        why = super().why_not()
        if why or self.isolated or self.hidden or self._desk.selection.assets:
            return why
        return tr("Select one or more assets first, then isolate them.")

    def begin(self) -> None:
        if not self.isolated and not self.hidden:
            self.isolated = self._desk.selection.assets
        self._apply()

    def end(self) -> None:
        self.isolated = self.hidden = ()
        self._apply()

    def to_front(self) -> None:
        self._tell()

    # ---------------------------------------------------------------- acting
    def isolate(self, hide_rest: bool) -> None:
        """Only the selection is drawn in full; the rest is hidden or a ghost."""
        chosen = self._desk.selection.assets or self.isolated
        if not chosen:
            self.view.say(self.why_not())
            return
        self.isolated, self.hide_rest = chosen, hide_rest
        self.hidden = tuple(a for a in self.hidden if a not in chosen)
        self._begin_or_apply()

    def hide(self) -> None:
        """The selected assets are not drawn any more."""
        chosen = self._desk.selection.assets
        if not chosen:
            self.view.say(tr("Select one or more assets first, then hide them."))
            return
        self.hidden = tuple(dict.fromkeys((*self.hidden, *chosen)))
        self.isolated = tuple(a for a in self.isolated if a not in chosen)
        self._begin_or_apply()

    def show_all(self) -> None:
        """Everything is drawn again."""
        belt = self.view.belt
        if belt is not None and belt.runs(self.name):
            # its own button may be what was pressed: the strip goes when that is over
            QTimer.singleShot(0, lambda: belt.end(self.name))

    def restore(self, isolated: tuple[str, ...], hide_rest: bool, hidden: tuple[str, ...]) -> None:
        """A state that was kept."""
        self.isolated, self.hide_rest, self.hidden = isolated, hide_rest, hidden
        belt = self.view.belt
        if isolated or hidden:
            self._begin_or_apply()
        elif belt is not None:
            belt.end(self.name)

    def _begin_or_apply(self) -> None:
        belt = self.view.belt
        if belt is not None and not belt.runs(self.name):
            belt.start(self.name)
        else:
            self._apply()

    def _apply(self) -> None:
        scene = self.view.scene
        if scene is None:
            return
        scene.set_hidden(self.hidden)
        scene.isolate(self.isolated or None, hide=self.hide_rest)
        self.view.repaint_all()
        self._tell()

    def _tell(self) -> None:
        words = []
        if self.isolated:
            names = self._names(self.isolated)
            words.append(
                tr("Only {names} is shown; the rest is hidden.", names=names)
                if self.hide_rest
                else tr("Only {names} is shown in full; the rest is a ghost.", names=names)
            )
        if self.hidden:
            words.append(tr("Hidden: {names}.", names=self._names(self.hidden)))
        words.append(tr("Esc or Shift H shows all."))
        self.strip.say(" ".join(words))
        self.changed.emit()

    def _names(self, assets: tuple[str, ...]) -> str:
        city = self._desk.city
        names = [city.name(a) for a in assets[:3]]
        more = len(assets) - len(names)
        return ", ".join(names) + (tr(" and {n} more", n=more) if more else "")
