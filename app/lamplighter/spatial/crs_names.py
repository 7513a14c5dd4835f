"""The many ways to write a coordinate system, and the code that stands for it.

Systems without a number of their own (national ones of other registers, PROJ strings, custom
WKT) get a negative code that holds for this process only. No text here ever reaches a file.
"""

from __future__ import annotations

import re
from typing import Any, Final

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
_PROJ_KEYS: Final = frozenset(
    {"proj", "zone", "south", "datum", "ellps", "units", "vunits", "lat_0", "lon_0", "lat_1",
     "lat_2", "lat_ts", "k", "k_0", "x_0", "y_0", "towgs84", "no_defs", "type", "over", "a", "b",
     "rf", "R", "pm", "to_meter", "alpha", "gamma", "lonc", "wktext"}
)  # fmt: skip
_PROJ_PART: Final = re.compile(r"\+(\w+)(?:=([\w.,-]+))?")
_REGISTER: Final = re.compile(r"(ESRI|IGNF|OGC)[:/]{1,2}(?:[\d.]*[:/])?(\w{2,20})", re.I)
_CUSTOM: list[Any] = []


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


def code_of(text: str) -> int | None:
    """Like `parse_name`, and a negative code for a system that has no EPSG number."""
    found = parse_name(text)
    if found is not None or not text.strip():
        return found
    custom = _custom(text.strip())
    if custom is None:
        return None
    code = custom.to_epsg(min_confidence=60)
    if code:
        return int(code)
    for place, known in enumerate(_CUSTOM):
        if known == custom:
            return -1 - place
    _CUSTOM.append(custom)
    return -len(_CUSTOM)


def _custom(text: str) -> Any | None:
    """The system itself, from texts that cannot name a file."""
    import pyproj

    parts = text.split()
    plain = [_PROJ_PART.fullmatch(part) for part in parts]
    register = _REGISTER.search(text) if len(text) < 120 else None
    try:
        if text.startswith("+") and all(m and m[1] in _PROJ_KEYS for m in plain):
            custom = pyproj.CRS.from_proj4(" ".join(p for p in parts if p != "+wktext"))
        elif text[:1] in "GPCBV" and "[" in text and "GRIDS" not in text.upper():
            custom = pyproj.CRS.from_wkt(text)
        elif register:
            custom = pyproj.CRS.from_authority(register[1].upper(), register[2])
        else:
            return None
    except pyproj.exceptions.CRSError:
        return None
    flat = custom.sub_crs_list[0] if custom.is_compound and custom.sub_crs_list else custom
    return custom if flat.is_projected or flat.is_geographic else None


def custom_system(code: int) -> Any:
    """The system of a negative code. Raises IndexError for a code nobody gave."""
    return _CUSTOM[-1 - code]


def label(code: int) -> str:
    """How a code is written: `EPSG:n`, or the name of a system without a number."""
    if code > 0:
        return f"EPSG:{code}"
    custom = custom_system(code)
    authority = custom.to_authority()
    return ":".join(authority) if authority else f"own system '{custom.name}'"[:80]
