"""Columns of text become times and numbers: all at once where they are sound, else one by one.

A column is tried as a whole first, which is fast; when that fails each cell is tried alone, so
that one bad cell costs its own row and nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from lamplighter.pipeline.units import converter

Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
HOUR_MS: Final = 3_600_000
EARLIEST_MS: Final = -2_208_988_800_000
"""1900; what is older is a misread number"""
LATEST_MS: Final = 4_102_444_800_000
"""2100"""
_MS: Final = {"s": 1000.0, "ms": 1.0, "us": 0.001}
_WIDTHS: Final = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}


def numbers(cells: Sequence[str], decimal: str) -> tuple[Floats, Mask]:
    """(values, which cells are no finite numbers)"""
    texts: Sequence[str] = cells
    if decimal == ",":
        texts = [c.replace(".", "").replace(",", ".") for c in cells]
    try:
        found = np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        found = np.fromiter(map(_number, texts), np.float64, len(texts))
    return found, ~np.isfinite(found)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def times(cells: Sequence[str], format: str, zone: str) -> tuple[Longs, Mask, Mask]:
    """(milliseconds since 1970, which cells are no times, which are uncertain).

    Uncertain is a local time that a change of clocks makes happen twice or never.
    """
    if format in _MS:
        value, bad = numbers(cells, ".")
        value[bad] = 0
        found = (value * _MS[format]).astype(np.int64)
        return _sane(found, bad, np.zeros(len(cells), bool))
    whole = _vectored(cells, format)
    if whole is not None:
        naive, is_utc = whole
        found, unsure = _to_utc(naive, "UTC" if is_utc else zone)
        return _sane(found, np.zeros(len(cells), bool), unsure)
    return _one_by_one(cells, format, zone)


def _sane(found: Longs, bad: Mask, unsure: Mask) -> tuple[Longs, Mask, Mask]:
    return found, bad | (found < EARLIEST_MS) | (found > LATEST_MS), unsure


def _vectored(cells: Sequence[str], format: str) -> tuple[Longs, bool] | None:
    """(milliseconds, whether they are UTC already), or None when cells have to be read alone."""
    if not cells:
        return np.empty(0, np.int64), True
    is_utc = False
    if format == "iso":
        texts: Sequence[str] = cells
        together = "".join(cells)
        if together.count("Z") == len(cells) and all(c[-1:] == "Z" for c in cells):
            is_utc = True
            texts = [c[:-1] for c in cells]
            together = "".join(texts)
        bare = together.replace("T", "")
        # words such as `now`, and offsets such as +02:00, are for the careful reader
        if "+" in bare or bare.count("-") != 2 * len(cells) or bare.lower() != bare.upper():
            return None
    else:
        slices = _slices(format)
        if slices is None:
            return None
        width = _width(format)
        if any(len(c) != width for c in cells):
            return None
        year, month, day, *clock = slices
        texts = [
            f"{c[year]}-{c[month]}-{c[day]}T{':'.join([c[part] for part in clock])}" for c in cells
        ]
    try:
        found = np.array(texts, "datetime64[ms]")
    except ValueError:
        return None
    if bool(np.isnat(found).any()):
        return None
    return found.astype(np.int64), is_utc


def _slices(format: str) -> list[slice] | None:
    """Where year, month, day, hour ... stand in a text of fixed widths; None when it has none."""
    places: dict[str, slice] = {}
    at = 0
    index = 0
    while index < len(format):
        if format[index] == "%":
            letter = format[index + 1 : index + 2]
            if letter not in _WIDTHS:
                return None
            places[letter] = slice(at, at + _WIDTHS[letter])
            at += _WIDTHS[letter]
            index += 2
        else:
            at += 1
            index += 1
    if not {"Y", "m", "d", "H", "M"} <= places.keys():
        return None
    return [places[k] for k in ("Y", "m", "d", "H", "M", "S") if k in places]


def _width(format: str) -> int:
    return sum(_WIDTHS[part[0]] + len(part) - 1 for part in format.split("%")[1:]) + len(
        format.split("%")[0]
    )


def _to_utc(naive: Longs, zone: str) -> tuple[Longs, Mask]:
    """Local times of a zone as UTC. A time that happens twice is taken as the first one."""
    unsure = np.zeros(len(naive), bool)
    if zone == "UTC" or not len(naive):
        return naive, unsure
    hours, place = np.unique(naive // (HOUR_MS // 4), return_inverse=True)
    known = ZoneInfo(zone)
    offsets = np.empty(len(hours), np.int64)
    odd = np.empty(len(hours), bool)
    for at, hour in enumerate(hours.tolist()):
        offsets[at], odd[at] = _offset(hour * (HOUR_MS // 4), known)
    return naive - offsets[place], odd[place]


def _offset(naive_ms: int, zone: ZoneInfo) -> tuple[int, bool]:
    """(offset from UTC in ms, whether the clocks change there)"""
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=naive_ms)
    except OverflowError:
        return 0, False
    first = moment.replace(tzinfo=zone).utcoffset() or dt.timedelta()
    second = moment.replace(tzinfo=zone, fold=1).utcoffset() or dt.timedelta()
    return round(first.total_seconds() * 1000), first != second


def _one_by_one(cells: Sequence[str], format: str, zone: str) -> tuple[Longs, Mask, Mask]:
    found = np.zeros(len(cells), np.int64)
    bad = np.zeros(len(cells), bool)
    local = np.zeros(len(cells), bool)
    seen: dict[str, tuple[int, bool] | None] = {}
    for at, cell in enumerate(cells):
        if cell not in seen:
            seen[cell] = _one(cell, format)
        one = seen[cell]
        if one is None:
            bad[at] = True
        else:
            found[at], local[at] = one
    unsure = np.zeros(len(cells), bool)
    rows = np.flatnonzero(local)
    found[rows], unsure[rows] = _to_utc(found[rows], zone)
    return _sane(found, bad, unsure)


def _one(cell: str, format: str) -> tuple[int, bool] | None:
    """(milliseconds, whether they are local); None when the cell is no time."""
    try:
        if format == "iso":
            moment = dt.datetime.fromisoformat(cell.strip().replace("Z", "+00:00"))
        else:
            moment = dt.datetime.strptime(cell.strip(), format)
    except ValueError:
        return None
    local = moment.tzinfo is None
    known = moment.replace(tzinfo=dt.UTC) if local else moment
    return round(known.timestamp() * 1000), local


def conversion(unit: str, to: str) -> tuple[float, float]:
    """(scale, offset) from one unit to another. Raises ValueError when there is none."""
    if not unit or not to or unit == to:
        return 1.0, 0.0
    found = converter(unit, to)
    if found is None:
        raise ValueError(f"{unit} cannot be converted to {to}")
    return found
