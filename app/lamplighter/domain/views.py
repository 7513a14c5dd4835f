"""A view of the city that can be kept, flown to, and handed on as a small file.

A bookmark is kept in the project; a `.lamplighter-view` file carries one view with what is needed
to tell whether it fits another copy of the project: the frame, and the layers by their content.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from lamplighter.domain.city import Frame
from lamplighter.domain.layers import Layer, LayerView
from lamplighter.domain.problems import fault

VERSION: Final = 1
ENDING: Final = ".lamplighter-view"
MOST_BYTES: Final = 1_000_000
MOST_SHIFT_M: Final = 100_000.0
"""two copies of one city whose origins lie further apart are not the same city"""
MODES: Final = ("live", "replay", "scenario")
Box = tuple[float, float, float, float, float, float]


class Eye(Struct, frozen=True):
    """Where the eye stands; see `scene.camera.Pose`."""

    focus: tuple[float, float, float]
    distance: float
    heading: float = 35.0
    tilt: float = 57.0
    plan: bool = False
    free: bool = False


class SavedView(Struct, frozen=True):
    """Everything that makes a picture of the city the same picture again."""

    eye: Eye
    id: str = ""
    name: str = ""
    notes: str = ""
    mode: str = "live"
    at_ms: int = 0
    """moment of a replay"""
    as_known: bool = True
    layers: LayerView = LayerView()
    domains: tuple[str, ...] | None = None
    """domains whose lines are drawn; None for all"""
    selection: tuple[str, ...] = ()
    isolated: tuple[str, ...] = ()
    """assets that alone are drawn in full"""
    hide_rest: bool = True
    """the others are hidden, else ghosts"""
    hidden: tuple[str, ...] = ()
    """assets that are not drawn"""
    tint: str = ""
    section: Box | None = None
    """west, south, low, east, north, high in local metres, before it is turned"""
    section_turn: float = 0.0
    """degrees clockwise about its middle"""
    sun_ms: int | None = None
    """moment of the shadows; None for no sun"""
    made_ms: int = 0


class Tour(Struct, frozen=True):
    """Bookmarks flown one after the other."""

    id: str
    name: str
    stops: tuple[str, ...]
    """ids of bookmarks, in order"""
    dwell_s: float = 6.0
    again: bool = False
    """begins anew after the last stop"""


class LayerMark(Struct, frozen=True):
    """A layer as another copy of the project knows it."""

    id: str
    name: str
    content_hash: str = ""


class ViewFile(Struct, frozen=True):
    """The content of a `.lamplighter-view` file."""

    lamplighter_view: int
    view: SavedView
    project: str = ""
    program: str = ""
    frame: Frame | None = None
    layers: tuple[LayerMark, ...] = ()


class Opened(Struct, frozen=True):
    """A view made to fit this project, and what of it is not here."""

    view: SavedView
    missing: tuple[str, ...] = ()


def write_view(
    view: SavedView,
    *,
    project: str,
    program: str,
    frame: Frame | None,
    layers: Sequence[Layer],
) -> bytes:
    """The file of one view."""
    marks = tuple(LayerMark(layer.id, layer.name, layer.content_hash) for layer in layers)
    content = ViewFile(VERSION, view, project, program, frame, marks)
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def read_view(data: bytes, name: str) -> ViewFile:
    """A file's content. Raises LamplighterError (U-821) for anything that is no view of ours."""
    if len(data) > MOST_BYTES:
        raise fault("U-821", name=name, what="the file is far too large for a view")
    try:
        version = msgspec.json.decode(data, type=_Version).lamplighter_view
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise fault("U-821", name=name, what="the file is no view of Lamplighter") from None
    if version != VERSION:
        words = f"it was made by another Lamplighter (format {version}, this one reads {VERSION})"
        raise fault("U-821", name=name, what=words)
    try:
        found = msgspec.json.decode(data, type=ViewFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise fault("U-821", name=name, what=f"the file is damaged ({error})") from None
    why = wrong(found.view)
    if why:
        raise fault("U-821", name=name, what=why)
    return found


class _Version(Struct, frozen=True):
    lamplighter_view: int


def wrong(view: SavedView) -> str:
    """What cannot be in a view; empty when it can be shown."""
    eye = view.eye
    numbers = [
        *eye.focus,
        eye.distance,
        eye.heading,
        eye.tilt,
        *(view.section or ()),
        view.section_turn,
    ]
    if not all(math.isfinite(n) and abs(n) < 1e8 for n in numbers) or eye.distance <= 0:
        return "its camera stands nowhere"
    if view.mode not in MODES:
        return f"it names a mode '{view.mode[:20]}' that does not exist"
    if view.section is not None and any(
        a >= b for a, b in zip(view.section[:3], view.section[3:], strict=True)
    ):
        return "its section box is inside out"
    return ""


def fitted(
    found: ViewFile,
    name: str,
    *,
    frame: Frame | None,
    layers: Mapping[str, Layer],
    assets: Mapping[str, object],
    first_ms: int,
) -> Opened:
    """The view for this project. Raises LamplighterError (U-821) when it is about another city."""
    view, missing = _moved(found, name, frame), []
    known = _same_layers(found.layers, layers)
    if found.layers and layers and not known:
        words = f"none of its {len(found.layers)} layers is in this project"
        raise fault("U-821", name=name, what=words)
    named = {*view.layers.hidden, *view.layers.ghosted, *view.layers.lod, view.layers.isolated}
    names = {mark.id: mark.name for mark in found.layers}
    missing += [f"layer {names.get(i, i)}" for i in sorted(named - {""} - set(known))]
    wanted = dict.fromkeys((*view.selection, *view.isolated, *view.hidden))
    missing += [f"asset {a}" for a in wanted if a not in assets]
    if view.mode == "replay" and first_ms and view.at_ms < first_ms:
        missing.append("the record of its moment")
        view = msgspec.structs.replace(view, mode="live")
    return Opened(
        msgspec.structs.replace(
            view,
            layers=_layers_of(view.layers, known),
            selection=tuple(a for a in view.selection if a in assets),
            isolated=tuple(a for a in view.isolated if a in assets),
            hidden=tuple(a for a in view.hidden if a in assets),
        ),
        tuple(missing),
    )


def _moved(found: ViewFile, name: str, frame: Frame | None) -> SavedView:
    theirs, view = found.frame, found.view
    if theirs is None or frame is None:
        if theirs is not frame:
            raise fault("U-821", name=name, what="it belongs to a city in another place")
        return view
    if theirs.epsg != frame.epsg:
        words = f"it lies in EPSG:{theirs.epsg} and this project in EPSG:{frame.epsg}"
        raise fault("U-821", name=name, what=words)
    x, y, z = theirs.east - frame.east, theirs.north - frame.north, theirs.up - frame.up
    if not math.isfinite(x + y + z) or math.hypot(x, y) > MOST_SHIFT_M:
        raise fault("U-821", name=name, what="it belongs to a city in another place")
    focus = view.eye.focus
    eye = msgspec.structs.replace(view.eye, focus=(focus[0] + x, focus[1] + y, focus[2] + z))
    section = view.section
    if section is not None:
        a, b, c, d, e, f = section
        section = (a + x, b + y, c + z, d + x, e + y, f + z)
    return msgspec.structs.replace(view, eye=eye, section=section)


def _same_layers(theirs: Sequence[LayerMark], ours: Mapping[str, Layer]) -> dict[str, str]:
    """Their layer ids and ours for the same content."""
    by_content = {layer.content_hash: i for i, layer in ours.items() if layer.content_hash}
    found = {}
    for mark in theirs:
        if mark.content_hash in by_content:
            found[mark.id] = by_content[mark.content_hash]
        elif mark.id in ours and not (mark.content_hash and ours[mark.id].content_hash):
            found[mark.id] = mark.id
    return found


def _layers_of(view: LayerView, known: Mapping[str, str]) -> LayerView:
    return msgspec.structs.replace(
        view,
        hidden=frozenset(known[i] for i in view.hidden if i in known),
        ghosted=frozenset(known[i] for i in view.ghosted if i in known),
        lod={known[i]: level for i, level in view.lod.items() if i in known},
        isolated=known.get(view.isolated, ""),
    )
