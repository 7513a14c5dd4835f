"""Times of a recording in whatever layout they come: found from the column as a whole.

Day and month are told apart by the whole column, never by one cell. Local times keep their wall
clock for the calendar; where the file states an offset the spacing is true to UTC all the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_DATES: Final = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%Y",
                 "%Y/%m/%d", "%d-%m-%Y", "%Y.%m.%d", "%d.%m.%y", "%Y%m%d",
                 "%d-%b-%Y", "%d %b %Y", "%b %d %Y", "%Y %m %d")  # fmt: skip
_CLOCKS: Final = ("", "%H:%M:%S", "%H:%M", "%H.%M.%S", "%H.%M", "%H:%M:%S.%f", "%H",
                  "%I:%M:%S %p", "%I:%M %p", "%H%M", "%H%M%S")  # fmt: skip
_TRIED: Final = 400
_SANE: Final = (-2_208_988_800_000, 4_102_444_800_000)
"""1900 to 2100; what lies outside is a misread number"""


@dataclass(frozen=True, slots=True)
class Moments:
    """n moments: true spacing in `utc_ms` and the wall clock's offset from it, `offset_ms`."""

    utc_ms: Longs
    offset_ms: Longs
    layout: str

    def only(self, mask: Mask) -> Moments:
        return Moments(self.utc_ms[mask], self.offset_ms[mask], self.layout)


def read_moments(columns: Sequence[Sequence[str]]) -> tuple[Moments, Mask]:
    """(moments, which rows have none). Several columns are read side by side: day, then clock."""
    cells = [" ".join(part.strip() for part in row) for row in zip(*columns, strict=True)]
    if len(columns) > 1:
        cells = [_padded(cell) for cell in cells]
    for reader in (_as_numbers, _as_iso):
        found = reader(cells)
        if found is not None:
            return found
    return _as_layout(cells)


def clock_words(columns: Mapping[str, Sequence[str]], day: str) -> str:
    """The column with the clock (`Time`, `hr`) beside a column of bare days; "" for none."""
    days = [c.strip() for c in columns[day]]
    if any(":" in d for d in days[:_TRIED]) or len(set(days)) > 0.6 * len(days):
        return ""
    for name, cells in columns.items():
        if name == day or name.lower() not in ("time", "hour", "hr", "clock", "hh", "uhrzeit"):
            continue
        if _layout_of([f"{d} {_padded_clock(c)}" for d, c in zip(days, cells, strict=True)]):
            return name
    return ""


def _padded(cell: str) -> str:
    """`2013 3 1 0` as `2013 03 01 00`, so that layouts of fixed width fit."""
    return " ".join(_padded_clock(p) for p in cell.split(" "))


def _padded_clock(part: str) -> str:
    part = part.strip()
    return f"0{part}" if part.isdecimal() and len(part) == 1 else part


def _sane(utc: Longs, bad: Mask) -> Mask:
    return bad | (utc < _SANE[0]) | (utc > _SANE[1])


def _as_numbers(cells: Sequence[str]) -> tuple[Moments, Mask] | None:
    """Seconds or milliseconds since 1970."""
    try:
        sample = np.array([float(c) for c in cells[:_TRIED] if c], np.float64)
    except ValueError:
        return None
    if not sample.size or np.median(sample) < 1e8:
        return None
    value = np.full(len(cells), np.nan)
    for at, cell in enumerate(cells):
        try:
            value[at] = float(cell)
        except ValueError:
            continue
    ms = np.nanmedian(value) > 1e11
    bad = ~np.isfinite(value)
    utc = np.where(bad, 0, value * (1 if ms else 1000)).astype(np.int64)
    layout = "milliseconds since 1970" if ms else "seconds since 1970"
    return Moments(utc, np.zeros(len(cells), np.int64), layout), _sane(utc, bad)


def _as_iso(cells: Sequence[str]) -> tuple[Moments, Mask] | None:
    sample = [c for c in cells[:_TRIED] if c]
    good = [c for c in sample if _iso(c) is not None and not c.isdecimal()]
    if not sample or len(good) < 0.9 * len(sample):
        return None
    utc = np.zeros(len(cells), np.int64)
    offset = np.zeros(len(cells), np.int64)
    bad = np.zeros(len(cells), np.bool_)
    for at, cell in enumerate(cells):
        one = _iso(cell)
        if one is None:
            bad[at] = True
        else:
            utc[at], offset[at] = one
    return Moments(utc, offset, "ISO 8601"), _sane(utc, bad)


def _iso(cell: str) -> tuple[int, int] | None:
    try:
        moment = dt.datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    shift = moment.utcoffset() or dt.timedelta()
    known = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return round(known.timestamp() * 1000), round(shift.total_seconds() * 1000)


def _as_layout(cells: Sequence[str]) -> tuple[Moments, Mask]:
    layout = _layout_of(cells)
    utc = np.zeros(len(cells), np.int64)
    bad = np.ones(len(cells), np.bool_)
    seen: dict[str, int | None] = {}
    for at, cell in enumerate(cells):
        if cell not in seen:
            seen[cell] = _one(cell, layout) if layout else None
        value = seen[cell]
        if value is not None:
            utc[at], bad[at] = value, False
    return Moments(utc, np.zeros(len(cells), np.int64), layout), _sane(utc, bad)


def _layout_of(cells: Sequence[str]) -> str:
    """The layout that reads most of a spread sample and keeps it in order; "" for none."""
    step = max(len(cells) // _TRIED, 1)
    sample = [c for c in cells[::step] if c.strip()]
    best, best_score = "", 0.0
    for date in _DATES:
        for clock in _CLOCKS:
            for between in (" ", "T") if clock else ("",):
                layout = f"{date}{between}{clock}"
                score = _score(sample, layout)
                if score > best_score:
                    best, best_score = layout, score
    return best if best_score > 0.5 else ""


def _score(sample: Sequence[str], layout: str) -> float:
    """Share of cells read, less what is out of order: swapped day and month jump back."""
    few = sample[:3]
    if few and all(_one(c, layout) is None for c in few):
        return 0.0
    found = [v for v in (_one(c, layout) for c in sample) if v is not None]
    if not found:
        return 0.0
    order = np.diff(np.array(found))
    jumps = float((order < 0).mean()) if order.size else 0.0
    long = float((np.abs(order) > 20 * 86_400_000).mean()) if order.size else 0.0
    return len(found) / max(len(sample), 1) - min(jumps, 1 - jumps) - 0.5 * long


def _one(cell: str, layout: str) -> int | None:
    try:
        moment = dt.datetime.strptime(cell.strip(), layout)
    except ValueError:
        return None
    return round(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
