"""Tables may give a place twice: as map coordinates and in degrees. Which of them counts?

Degrees need no guess, but courses of lines stand in map coordinates only. So the map coordinates
count where a coordinate system is found in which both agree; else the degrees do.
"""

from __future__ import annotations

import datetime
import math
from typing import Any, Final

import numpy as np

from lamplighter.domain.city import Attribute, Frame
from lamplighter.spatial import crs
from lamplighter.spatial.model import SourceModel

AGREE_METRES: Final = 30.0
_DEGREE_METRES: Final = 111_320.0


def choose_columns(model: SourceModel, frame: Frame | None, override: int | None) -> str:
    """Settle the features' `at` and the model's system; returns the evidence, empty for none."""
    rows = [feature for feature in model.features if feature.lonlat is not None]
    if not rows:
        return ""
    both = [(f.at, f.lonlat) for f in rows if f.at is not None and f.lonlat is not None]
    if both:
        places = np.array([at for at, _ in both])
        degrees = np.array([lonlat for _, lonlat in both])
        for code in (crs.parse_name(model.crs_text), override, frame.epsg if frame else None):
            far = _apart(code, places, degrees)
            if code is not None and far < AGREE_METRES:
                model.crs_text, model.fixed_crs = f"EPSG:{code}", True
                return f"x, y as EPSG:{code} agree with lon, lat within {far:.1f} m (median)"
    lost = 0
    for feature in model.features:
        feature.at = feature.lonlat
        lost += feature.path is not None
        feature.path = None
    if lost:
        model.warnings.append(
            f"{lost} courses were left out: no coordinate system makes x, y agree with lon, lat"
        )
    model.crs_text, model.assumed_crs, model.fixed_crs = "", 4326, True
    return "columns lon and lat"


def _apart(code: int | None, places: np.ndarray, degrees: np.ndarray) -> float:
    """Median distance in metres between both statements, infinite when `code` cannot be used."""
    known = crs.system(code) if code is not None else None
    if known is None:
        return float("inf")
    lon, lat = crs.move(known.horizontal, 4326, places[:, 0], places[:, 1])
    with np.errstate(all="ignore"):
        north = (lat - degrees[:, 1]) * _DEGREE_METRES
        east = (lon - degrees[:, 0]) * _DEGREE_METRES * np.cos(np.radians(degrees[:, 1]))
        far = np.hypot(east, north)
    median = float(np.median(far))
    return median if np.isfinite(median) else float("inf")


def attribute_of(value: Any) -> Attribute:
    """A column's value as a scalar the store can keep: dates as ISO 8601, bytes as their size."""
    if hasattr(value, "dtype") and value.dtype.kind == "M":
        return None if str(value) == "NaT" else str(value).removesuffix(".000")
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | str) or value is None:
        return value[:10_000] if isinstance(value, str) else value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"({len(value)} bytes)"
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)[:1000]
    return str(value)[:1000]
