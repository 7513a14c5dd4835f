"""Which tools the 3D view of the window has, in the order of their buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.ui.sun_panel import SunTool
from lamplighter.ui.twin_compare import CompareTool
from lamplighter.ui.twin_focus import FocusTool
from lamplighter.ui.twin_measure import MeasureTool
from lamplighter.ui.twin_section import SectionTool
from lamplighter.ui.twin_tools import ToolBelt
from lamplighter.ui.twin_walk import WalkTool
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_desk import DeskTwin


def equip(view: DeskTwin, desk: Desk) -> ToolBelt:
    """The belt with every tool of the view."""
    belt = ToolBelt(view)
    belt.column.add_button("fit", tr("Fit the city, or what is selected (F)"), view.fit_selected)
    belt.column.add_button("plan", tr("Map or 3D (P)"), view.toggle_plan)
    focus = FocusTool(view, desk)
    for tool in (
        MeasureTool(view),
        SectionTool(view),
        focus,
        SunTool(view, desk),
        CompareTool(view, desk),
        WalkTool(view),
    ):
        belt.add(tool)
    belt.add_action(tr("Fit the city, or what is selected"), "F", view.fit_selected)
    belt.add_action(tr("Map or 3D"), "P", view.toggle_plan)
    belt.add_action(tr("Isolate the selection"), "I", lambda: focus.isolate(True))
    belt.add_action(tr("The rest as ghosts"), "Shift+I", lambda: focus.isolate(False))
    belt.add_action(tr("Hide the selection"), "H", focus.hide)
    belt.add_action(tr("Show all"), "Shift+H", focus.show_all)
    return belt
