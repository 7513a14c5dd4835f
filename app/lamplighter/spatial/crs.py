"""Where a file lies on the Earth: names of coordinate systems, axis order, and the evidence.

Files lie about their axis order and often name no system at all, so every decision is made from
evidence (the area a system is meant for, the project's neighbours) and put into words.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lamplighter.domain.city import Frame
from lamplighter.spatial.model import Floats

NEAR_METRES: Final = 30_000.0
_MARGIN_DEGREES: Final = 0.5
_NAMES: Final = {
    "CH1903": 21781,
    "LV03": 21781,
    "CH1903+": 2056,
    "LV95": 2056,
    "RD": 28992,
    "RD NEW": 28992,
    "WGS84": 4326,
    "ETRS-GK25": 3879,
}
"""names that files use although they stand for a whole family of systems"""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _()+/.-]{2,80}")
_ADV: Final = (
    (re.compile(r"ETRS89_UTM(3[123])", re.I), 25800),
    (re.compile(r"DE_DHDN_3GK([2345])", re.I), 31464),
)
_NUMBER: Final = re.compile(
    r"(?:EPSG|epsg\.xml)[^0-9]*?(?:[:/#]{1,2}(?:\d+(?:\.\d+)+|0)?[:/]{0,2})(\d{4,6})", re.I
)


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


@dataclass(frozen=True, slots=True)
class System:
    """What is needed of a coordinate system: its codes, units, area of use."""

    code: int
    horizontal: int
    projected: bool
    metres: float
    """metres per unit of the horizontal axes (projected systems)"""
    up_metres: float
    north_first: bool
    area: tuple[float, float, float, float] | None
    """west, south, east, north in degrees"""


def parse_name(text: str) -> int | None:
    """EPSG code from any usual way to write it; None when there is none.

    Compound names give the horizontal code (`crs:EPSG::25832,crs:EPSG::5783` gives 25832).
    """
    text = text.strip()
    if not text:
        return None
    if text.isdigit():
        return int(text)
    if "CRS84" in text.upper():
        return 4326
    found = _NUMBER.search(text)
    if found:
        return int(found.group(1))
    for pattern, base in _ADV:
        match = pattern.search(text)
        if match:
            return base + int(match.group(1))
    if text.upper() in _NAMES:
        return _NAMES[text.upper()]
    return _looked_up(text)


def _looked_up(text: str) -> int | None:
    """Code of a system written as WKT or by its name; never a text that could name a file."""
    import pyproj

    wkt = text[:1] in "GPCB" and "[" in text
    if not wkt and not _PLAIN_NAME.fullmatch(text):
        return None
    try:
        crs = pyproj.CRS.from_wkt(text) if wkt else pyproj.CRS.from_user_input(text)
        code = crs.to_epsg(min_confidence=60)
    except pyproj.exceptions.CRSError:
        return None
    return int(code) if code else None


@functools.lru_cache(maxsize=64)
def system(code: int) -> System | None:
    """The system with this EPSG code, or None when PROJ does not know it or it has no place."""
    import pyproj

    pyproj.network.set_network_enabled(False)  # type: ignore[attr-defined]
    try:
        crs = pyproj.CRS.from_epsg(code)
    except pyproj.exceptions.CRSError:
        return None
    flat = crs
    up = 1.0
    if crs.is_compound and crs.sub_crs_list:
        flat = crs.sub_crs_list[0]
        up = float(crs.axis_info[-1].unit_conversion_factor or 1.0)
    if not (flat.is_projected or flat.is_geographic):
        return None
    axes = flat.axis_info
    use = flat.area_of_use or crs.area_of_use
    metres = float(axes[0].unit_conversion_factor) if flat.is_projected and axes else 1.0
    if flat.is_projected and not crs.is_compound:
        up = metres
    return System(
        code=code,
        horizontal=int(flat.to_epsg() or code),
        projected=bool(flat.is_projected),
        metres=metres,
        up_metres=up,
        north_first=bool(axes) and axes[0].direction.lower() in ("north", "south"),
        area=(use.west, use.south, use.east, use.north) if use else None,
    )


@functools.lru_cache(maxsize=64)
def transformer(source: int, target: int) -> Any:
    """pyproj transformer, x (east, longitude) first on both sides."""
    import pyproj

    pyproj.network.set_network_enabled(False)  # type: ignore[attr-defined]
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def move(source: int, target: int, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Coordinates in `target`; what cannot be moved becomes infinite, never an error."""
    if source == target:
        return first, second
    moved = transformer(source, target).transform(first, second, errcheck=False)
    return np.asarray(moved[0], float), np.asarray(moved[1], float)


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
    named = parse_name(text) if text else None
    warnings: list[str] = []
    if override is not None:
        code, source = override, f"EPSG:{override} given by the user"
        if named and named != override:
            warnings.append(f"the file names {text}; EPSG:{override} was used as the user asked")
    elif named is not None:
        code, source = named, f"named in the file ({_short(text)})"
    elif text and not assumed:
        return f"the file names a coordinate system that is not known: {_short(text)}"
    elif assumed:
        code, source = assumed, f"EPSG:{assumed}, as the format prescribes"
    else:
        return _by_neighbours(points, frame)
    known = system(code)
    if known is None:
        if override is None:
            return f"EPSG:{code} is not a coordinate system that has a place on the Earth"
        return f"EPSG:{code} is not known"
    if not len(points):
        return Place(known.horizontal, f"EPSG:{code}", False, source)
    return _axes(known, source, points, frame, text, tuple(warnings))


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
    name = f"EPSG:{known.code}"
    if fits == [True, False]:
        return Place(
            known.horizontal, name, False,
            f"{source}; easting first: the coordinates fall into its area of use", warnings,
        )  # fmt: skip
    if fits == [False, True]:
        return Place(
            known.horizontal, name, True,
            f"{source}; northing first: only so the coordinates fall into its area of use",
            warnings,
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
            return Place(
                known.horizontal, name, swap, f"{source}; {order}, next to the project", warnings
            )
    swap = known.north_first and "urn:" in text.lower()
    order = "northing first, as its definition says" if swap else "easting first, as usual"
    return Place(known.horizontal, name, swap, f"{source}; {order}", warnings)


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


def _by_neighbours(points: Floats, frame: Frame | None) -> Place | str:
    if frame is None:
        return "it names no coordinate system, and the project has no other file to compare with"
    if not len(points):
        return "it names no coordinate system and holds no coordinates"
    middle = np.median(points[:, :2], axis=0)
    for swap in (False, True):
        x, y = (middle[1], middle[0]) if swap else (middle[0], middle[1])
        far = math.hypot(float(x) - frame.east, float(y) - frame.north)
        if far < NEAR_METRES:
            order = "northing first" if swap else "easting first"
            return Place(
                frame.epsg,
                f"EPSG:{frame.epsg}",
                swap,
                f"no coordinate system in the file; its coordinates lie {far / 1000:.1f} km from "
                f"the project's origin when read as EPSG:{frame.epsg} ({order}), so taken as that",
            )
    return (
        "it names no coordinate system, and its coordinates do not lie near the project "
        f"(EPSG:{frame.epsg})"
    )


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
    if known is None or not known.projected or known.metres != 1.0 or epsg == 3857:
        lon, lat = move(place.epsg, 4326, np.array([middle_x]), np.array([middle_y]))
        zone = min(max(int((float(lon[0]) + 180.0) // 6.0) + 1, 1), 60)
        epsg = (32600 if lat[0] >= 0.0 else 32700) + zone
        moved = move(4326, epsg, lon, lat)
        middle_x, middle_y = float(moved[0][0]), float(moved[1][0])
    return Frame(epsg=epsg, east=float(round(middle_x)), north=float(round(middle_y)), up=0.0)
