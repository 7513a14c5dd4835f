"""Which tools the 3D view of the window has, in the order of their buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.ui.twin_measure import MeasureTool
from lamplighter.ui.twin_tools import ToolBelt
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_view import TwinView


def equip(view: TwinView, desk: Desk) -> ToolBelt:
    """The belt with every tool of the view."""
    belt = ToolBelt(view)
    belt.column.add_button("fit", tr("Fit the city, or what is selected (F)"), view.fit_selected)
    belt.column.add_button("plan", tr("Map or 3D (P)"), view.toggle_plan)
    belt.add(MeasureTool(view))
    belt.add_action(tr("Fit the city, or what is selected"), "F", view.fit_selected)
    belt.add_action(tr("Map or 3D"), "P", view.toggle_plan)
    return belt
