"""Where a file lies on the Earth: names of coordinate systems, axis order, and the evidence.

Files lie about their axis order and often name no system at all, so every decision is made from
evidence (the area a system is meant for, the project's neighbours) and put into words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lamplighter.domain.city import Frame
from lamplighter.spatial.crs_guess import NEAR_METRES, guesses, others
from lamplighter.spatial.crs_names import code_of, label, parse_name
from lamplighter.spatial.crs_systems import System, move, system, transformer
from lamplighter.spatial.model import Floats

__all__ = [
    "Place", "System", "code_of", "decide", "found_frame", "label", "move", "parse_name", "system",
    "to_frame", "transformer",
]  # fmt: skip
_MARGIN_DEGREES: Final = 0.5
_NO_FRAME: Final = frozenset({3857, 3395, 3785, 900913})
"""world maps, whose metres are none"""


@dataclass(frozen=True, slots=True)
class Place:
    """How to move a file's coordinates to longitude, latitude and to a frame.

    `swap`: the file writes northing first. `evidence` says how it was decided.
    """

    epsg: int
    """horizontal system"""
    named: str
    """as `EPSG:n`, the compound system where the file names one"""
    swap: bool
    evidence: str
    warnings: tuple[str, ...] = ()
    code: int = 0
    """the system with its heights, 0 for the horizontal one"""


def to_frame(frame: Frame, epsg: int, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Local metres east and north of the frame's origin."""
    east, north = move(epsg, frame.epsg, x, y)
    return east - frame.east, north - frame.north


def decide(
    text: str,
    points: Floats,
    frame: Frame | None,
    override: int | None,
    assumed: int = 0,
) -> Place | str:
    """Choose system and axis order for points (n, 3); a text says why it is not possible.

    `text` is what the file names, `override` what the user gives, `assumed` what the format's
    own standard prescribes. Without any of them the project's neighbourhood decides.
    """
    named = code_of(text) if text else None
    warnings: list[str] = []
    if override is not None:
        code, source = override, f"EPSG:{override} given by the user"
        if named and named != override:
            warnings.append(f"the file names {text}; EPSG:{override} was used as the user asked")
    elif named is not None:
        code, source = named, f"named in the file ({_short(text)})"
    elif text and not assumed:
        why = f"the file names a coordinate system that is not known: {_short(text)}"
        return _by_neighbours(points, frame, why)
    elif assumed:
        code, source = assumed, f"EPSG:{assumed}, as the format prescribes"
    else:
        return _by_neighbours(points, frame, "no coordinate system in the file")
    known = system(code)
    if known is None:
        if override is None:
            return f"EPSG:{code} is not a coordinate system that has a place on the Earth"
        return f"EPSG:{code} is not known"
    if not len(points):
        return Place(known.horizontal, label(code), False, source, code=code)
    place = _axes(known, source, points, frame, text, tuple(warnings))
    if isinstance(place, str) and override is None:
        guessed = _by_neighbours(points, frame, place)
        return place if isinstance(guessed, str) else guessed
    return place


def _short(text: str) -> str:
    return text if len(text) <= 90 else text[:87] + "..."


def _axes(
    known: System,
    source: str,
    points: Floats,
    frame: Frame | None,
    text: str,
    warnings: tuple[str, ...],
) -> Place | str:
    middle = np.median(points[:, :2], axis=0)
    fits = [_inside(known, middle[0], middle[1]), _inside(known, middle[1], middle[0])]
    name = label(known.code)
    if fits == [True, False]:
        return Place(
            known.horizontal, name, False,
            f"{source}; easting first: the coordinates fall into its area of use", warnings,
            known.code,
        )  # fmt: skip
    if fits == [False, True]:
        return Place(
            known.horizontal, name, True,
            f"{source}; northing first: only so the coordinates fall into its area of use",
            warnings, known.code,
        )  # fmt: skip
    if fits == [False, False]:
        return (
            f"coordinates near {middle[0]:.6g}, {middle[1]:.6g} lie outside the area of {name} "
            f"in either axis order"
        )
    if frame is not None:
        far = [
            _distance(frame, known.horizontal, middle[0], middle[1]),
            _distance(frame, known.horizontal, middle[1], middle[0]),
        ]
        if min(far) < NEAR_METRES <= max(far):
            swap = far[1] < far[0]
            order = "northing first" if swap else "easting first"
            evidence = f"{source}; {order}, next to the project"
            return Place(known.horizontal, name, swap, evidence, warnings, known.code)
    swap = known.north_first and "urn:" in text.lower()
    order = "northing first, as its definition says" if swap else "easting first, as usual"
    return Place(known.horizontal, name, swap, f"{source}; {order}", warnings, known.code)


def _inside(known: System, x: float, y: float) -> bool:
    lon, lat = move(known.horizontal, 4326, np.array([x]), np.array([y]))
    if not (math.isfinite(lon[0]) and math.isfinite(lat[0])):
        return False
    if abs(lat[0]) > 90.0 or abs(lon[0]) > 180.0:
        return False
    back = move(4326, known.horizontal, lon, lat)
    if abs(back[0][0] - x) + abs(back[1][0] - y) > max(1e-6 * (abs(x) + abs(y)), 1e-6):
        return False
    if known.area is None:
        return True
    west, south, east, north = known.area
    margin = _MARGIN_DEGREES
    if not south - margin <= lat[0] <= north + margin:
        return False
    here = float(lon[0])
    if west <= east:
        return west - margin <= here <= east + margin
    return here >= west - margin or here <= east + margin


def _distance(frame: Frame, epsg: int, x: float, y: float) -> float:
    east, north = to_frame(frame, epsg, np.array([x]), np.array([y]))
    far = math.hypot(float(east[0]), float(north[0]))
    return far if math.isfinite(far) else math.inf


def _by_neighbours(points: Floats, frame: Frame | None, why: str) -> Place | str:
    """The reading that puts the points next to the project; `why` says why one is needed."""
    unnamed = why.startswith("no coordinate system")
    if frame is None:
        if not unnamed:
            return why
        return "it names no coordinate system, and the project has no other file to compare with"
    if not len(points):
        return "it names no coordinate system and holds no coordinates" if unnamed else why
    found = guesses(points, frame)
    if not found:
        if not unnamed:
            return why
        return (
            "it names no coordinate system, and its coordinates do not lie near the project "
            f"(EPSG:{frame.epsg}) in any system used there"
        )
    best = found[0]
    evidence = (
        f"{why}; its coordinates lie {best.metres / 1000:.1f} km from the project's origin when "
        f"read as {best.words}, so taken as that"
    )
    rest = [guess.words for guess in others(best, found)]
    warnings = [] if unnamed else [f"{why}; {best.words} was taken since it lies by the project"]
    if rest:
        warnings.append(
            f"it would also lie by the project as {', '.join(rest[:4])}; "
            "give the system with --crs EPSG:n if that is meant"
        )
    return Place(best.code, f"EPSG:{best.code}", best.swap, evidence, tuple(warnings), best.code)


def _middle(x: Floats, y: Floats, known: System | None) -> tuple[float, float]:
    """Middle of the range of the points; single strays far outside do not count."""
    reach = 200_000.0 / known.metres if known and known.projected else 2.0
    east, north = float(np.median(x)), float(np.median(y))
    near = (np.abs(x - east) <= reach) & (np.abs(y - north) <= reach)
    if near.any():
        east = float((x[near].min() + x[near].max()) / 2.0)
        north = float((y[near].min() + y[near].max()) / 2.0)
    return east, north


def found_frame(place: Place, points: Floats) -> Frame:
    """A frame for a new project: a metric projected system, origin rounded to 1 m."""
    known = system(place.epsg)
    x, y = (points[:, 1], points[:, 0]) if place.swap else (points[:, 0], points[:, 1])
    middle_x, middle_y = _middle(x, y, known)
    epsg = place.epsg
    if known is None or not known.projected or known.metres != 1.0 or epsg in _NO_FRAME or epsg < 0:
        lon, lat = move(place.epsg, 4326, np.array([middle_x]), np.array([middle_y]))
        zone = min(max(int((float(lon[0]) + 180.0) // 6.0) + 1, 1), 60)
        epsg = (32600 if lat[0] >= 0.0 else 32700) + zone
        moved = move(4326, epsg, lon, lat)
        middle_x, middle_y = float(moved[0][0]), float(moved[1][0])
    return Frame(epsg=epsg, east=float(round(middle_x)), north=float(round(middle_y)), up=0.0)
