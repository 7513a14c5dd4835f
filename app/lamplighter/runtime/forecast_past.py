"""Hourly means of datastreams and of figures made of many, read from the store for a forecast."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.forecast import Figure
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.store import Store

Floats = npt.NDArray[np.float64]
HOUR_MS: Final = 3_600_000
DAYS: Final = 100
FINE: Final = 2
"""the tier of cells that is read: some minutes each"""
AT_ONCE: Final = 128
LEAST_PRESENT: Final = 0.5
"""share of a figure's datastreams that must have been measured in an hour"""
UNTRUE: Final = int(
    QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE | QualityMark.SUSPECT | QualityMark.WITHHELD
)
"""such values are forecast from as little as they count in a figure"""


def hours_of(store: Store, ids: Sequence[int], end_hour: int) -> Iterator[tuple[int, Floats]]:
    """(datastream, (hours,) means before `end_hour`) for those that have any; NaN = unmeasured."""
    hours = DAYS * 24
    begin = end_hour - hours
    for first in range(0, len(ids), AT_ONCE):
        some = list(ids[first : first + AT_ONCE])
        for ident, cells in store.coarse_cells(some, begin * HOUR_MS, end_hour * HOUR_MS, FINE):
            good = (cells.worst & CLASS_MASK) <= int(Quality.UNCERTAIN)
            good &= ((cells.worst & UNTRUE) == 0) & np.isfinite(cells.total)
            hour = cells.first_ms // HOUR_MS - begin
            good &= (hour >= 0) & (hour < hours)
            if not good.any():
                continue
            total = np.bincount(hour[good], cells.total[good], hours)
            count = np.bincount(hour[good], cells.count[good], hours)
            with np.errstate(invalid="ignore", divide="ignore"):
                yield ident, total / np.where(count > 0, count, np.nan)


def figure_hours(figure: Figure, rows: dict[str, Floats]) -> Floats | None:
    """(hours,) of the figure, where enough of its datastreams were measured; None for none."""
    factor = dict(zip(figure.keys, figure.factors, strict=False))
    mine = [rows[key] * factor.get(key, 1.0) for key in figure.keys if key in rows]
    if not mine:
        return None
    stack = np.stack(mine)
    present = np.isfinite(stack).mean(axis=0) * len(mine) / max(len(figure.keys), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if figure.fold == "sum":
            # a silent datastream must not look like less of it: the mean stands in for it
            folded = np.nanmean(stack, axis=0) * len(figure.keys)
        elif figure.fold == "median":
            folded = np.nanmedian(stack, axis=0)
        else:
            folded = np.nanmean(stack, axis=0)
    found: Floats = np.where(present >= LEAST_PRESENT, folded, np.nan)
    return found
