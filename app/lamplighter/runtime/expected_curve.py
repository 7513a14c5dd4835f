"""What one datastream should have read over a stretch of the past, by the table in use now.

The table knows seasons and neighbours; what the neighbours read then comes from the store. Where
the history reaches back only so far, or a neighbour is missing, the curve has a hole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.expected import ExpectedTable
from lamplighter.domain import wire
from lamplighter.domain.quality import CLASS_MASK, Quality

Floats = npt.NDArray[np.float64]
Read = Callable[[int], wire.Series]
MOST: Final = 2_000


def curve_of(
    table: ExpectedTable, datastream: int, from_ms: int, to_ms: int, points: int, read: Read
) -> wire.ExpectedCurve:
    """`read` gives the values of a datastream over the stretch, reduced to about `points`."""
    count = min(max(points, 2), MOST)
    times = np.linspace(from_ms, max(to_ms, from_ms + 1), count).astype(np.int64)
    found = np.flatnonzero(table.datastream == datastream)
    nothing = np.full(count, np.nan)
    if not found.size or (table.used is not None and not table.used[found[0]]):
        return wire.ExpectedCurve(datastream, times, nothing, nothing)
    row = int(found[0])
    expected = table.season_of(row, times)
    for other, weight in zip(table.neighbour[row], table.weight[row], strict=True):
        if other < 0 or not weight:
            continue
        beside = np.flatnonzero(table.datastream == other)
        values = _held(read(int(other)), times)
        usual = table.season_of(int(beside[0]), times) if beside.size else nothing
        expected = expected + weight * (values - usual)
    spread = np.where(np.isnan(expected), np.nan, table.spread[row])
    return wire.ExpectedCurve(datastream, times, expected, spread)


def _held(series: wire.Series, times: npt.NDArray[np.int64]) -> Floats:
    """The newest usable value at each time, no older than three of the series' usual steps."""
    good = ((series.quality & CLASS_MASK) <= int(Quality.UNCERTAIN)) & np.isfinite(series.value)
    at, values = series.time_ms[good], series.value[good]
    if not at.size:
        return np.full(times.size, np.nan)
    own = int(np.median(np.diff(at))) if at.size > 1 else 0
    step = max(3 * own, 2 * int(times[1] - times[0]), 5_000)
    place = np.searchsorted(at, times, side="right") - 1
    old = (place < 0) | (times - at[np.maximum(place, 0)] > step)
    held: Floats = np.where(old, np.nan, values[np.maximum(place, 0)])
    return held
