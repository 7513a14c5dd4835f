"""The present view as a value, and a kept one shown again: camera, time, layers, what is left out.

Everything that shapes the picture passes here, so bookmarks, tours and shared files agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.domain.views import Eye, SavedView
from lamplighter.ui.colour_by import choices
from lamplighter.ui.sun_panel import SunTool
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_focus import FocusTool
from lamplighter.ui.twin_section import SectionTool

if TYPE_CHECKING:
    from lamplighter.scene.camera import Pose
    from lamplighter.ui.colour_by import ColourBy
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_tools import Tool
    from lamplighter.ui.twin_view import TwinView


def eye_of(pose: Pose) -> Eye:
    """A pose as it is kept."""
    return Eye(pose.focus, pose.distance, pose.heading, pose.tilt, pose.plan, pose.free)


def pose_of(eye: Eye) -> Pose:
    """A kept eye as the scene takes it."""
    from lamplighter.scene.camera import Pose

    return Pose(eye.focus, eye.distance, eye.heading, eye.tilt, eye.plan, eye.free)


def _running(view: TwinView, name: str) -> Tool | None:
    belt = view.belt
    return belt[name] if belt is not None and belt.runs(name) else None


def capture(view: TwinView, desk: Desk) -> SavedView | None:
    """The present view; None while there is no 3D."""
    scene = view.scene
    if scene is None:
        return None
    section, sun, focus = (_running(view, n) for n in ("section", "sun", "isolate"))
    box = None
    turn = 0.0
    if isinstance(section, SectionTool):
        (a, b, c), (d, e, f) = section.corners
        box, turn = (a, b, c, d, e, f), section.heading
    focused = focus if isinstance(focus, FocusTool) else None
    return SavedView(
        eye_of(scene.pose),
        mode=str(desk.time.mode),
        at_ms=desk.time.now_ms,
        as_known=desk.time.as_known,
        layers=desk.layer_view,
        domains=view.domains,
        selection=desk.selection.assets,
        isolated=focused.isolated if focused else (),
        hide_rest=focused.hide_rest if focused else True,
        hidden=focused.hidden if focused else (),
        tint=_tint_of(view),
        section=box,
        section_turn=turn,
        sun_ms=sun.ms if isinstance(sun, SunTool) else None,
        made_ms=desk.time.wall_ms,
    )


def _tint_of(view: TwinView) -> str:
    colour: ColourBy | None = getattr(view, "colour", None)
    return colour.choice.id if colour is not None and colour.choice is not None else ""


def _show_tint(view: TwinView, desk: Desk, wanted: str) -> None:
    colour: ColourBy | None = getattr(view, "colour", None)
    if colour is not None and wanted != _tint_of(view):
        colour.choose(next((c for c in choices(desk) if c.id == wanted), None))


def show(view: TwinView, desk: Desk, saved: SavedView, flight_ms: int = 600) -> None:
    """Show a kept view: the camera flies, everything else is there at once."""
    _show_time(desk, saved)
    desk.show_layers(saved.layers)
    if saved.domains != view.domains:
        view.show_networks(saved.domains)
    _show_tint(view, desk, saved.tint)
    desk.selection.select(saved.selection)
    _show_tools(view, saved)
    view.fly(pose_of(saved.eye), flight_ms)


def _show_time(desk: Desk, saved: SavedView) -> None:
    if saved.mode == "replay":
        desk.time.set_as_known(saved.as_known)
        desk.time.replay(saved.at_ms)
    elif saved.mode == "scenario":
        desk.time.scenario()
    elif desk.time.mode is not Mode.LIVE:
        desk.time.live()


def _show_tools(view: TwinView, saved: SavedView) -> None:
    belt = view.belt
    if belt is None:
        return
    focus, section, sun = belt["isolate"], belt["section"], belt["sun"]
    if isinstance(focus, FocusTool):
        focus.restore(saved.isolated, saved.hide_rest, saved.hidden)
    if saved.section is None:
        belt.end("section")
    elif isinstance(section, SectionTool) and belt.start("section"):
        section.set_box(saved.section[:3], saved.section[3:], saved.section_turn)
    if saved.sun_ms is None:
        belt.end("sun")
    elif isinstance(sun, SunTool) and belt.start("sun"):
        sun.set_moment(saved.sun_ms)
