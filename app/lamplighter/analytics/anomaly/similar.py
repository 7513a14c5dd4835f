"""The stretches of the past that look most like the one in question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.anomaly.columns import Columns, PastWindow

Floats = npt.NDArray[np.float64]

BINS = 16
"""points a stretch is reduced to before it is compared"""


def nearest(
    columns: Columns,
    signals: Sequence[str],
    at_row: int,
    rows: int,
    most: int = 3,
) -> tuple[PastWindow, ...]:
    """Up to `most` stretches of `rows` rows before the one that ends with row `at_row`.

    Compared signal by signal in the spread of the past; stretches found do not overlap each other
    or the one in question, and those with more than a quarter unknown are left out.
    """
    places = [columns.names.index(s) for s in signals if s in columns.names]
    begin = at_row + 1 - rows
    if not places or rows < 2 or begin < rows:
        return ()
    values = columns.values[: at_row + 1, places]
    past = values[:begin]
    if not np.isfinite(past).any(axis=0).all():
        return ()
    scale = np.maximum(np.nanstd(past, axis=0), 1e-12)
    reduced = (values - np.nanmean(past, axis=0)) / scale
    asked = _bins(reduced[begin:][None])[0]
    step = max(rows // 8, 1)
    starts = np.arange(0, begin - rows + 1, step)
    windows = np.lib.stride_tricks.sliding_window_view(reduced, rows, axis=0)[starts]
    shapes = _bins(np.moveaxis(windows, -1, 1))
    known = np.isfinite(shapes) & np.isfinite(asked)
    apart = np.where(known, shapes - asked, 0.0) ** 2
    count = known.sum(axis=(1, 2))
    distance = np.sqrt(apart.sum(axis=(1, 2)) / np.maximum(count, 1))
    distance[count < 0.75 * max(int(np.isfinite(asked).sum()), 1)] = np.inf
    return _apart(columns.time_ms, starts, distance, rows, most)


def _bins(windows: Floats) -> Floats:
    """(w, BINS or rows, s) means of each window (w, rows, s) over equal parts."""
    rows = windows.shape[1]
    edges = np.linspace(0, rows, min(BINS, rows) + 1).astype(np.int64)[:-1]
    known = np.isfinite(windows)
    sums = np.add.reduceat(np.where(known, windows, 0.0), edges, axis=1)
    counts = np.add.reduceat(known.astype(np.float64), edges, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(counts > 0, sums / counts, np.nan)
    return result


def _apart(
    time_ms: np.ndarray, starts: np.ndarray, distance: Floats, rows: int, most: int
) -> tuple[PastWindow, ...]:
    found: list[PastWindow] = []
    taken: list[int] = []
    for place in np.argsort(distance, kind="stable"):
        start = int(starts[place])
        if not np.isfinite(distance[place]):
            break
        if any(abs(start - other) < rows for other in taken):
            continue
        taken.append(start)
        end = start + rows - 1
        found.append(
            PastWindow(int(time_ms[start]), int(time_ms[end]), round(float(distance[place]), 3))
        )
        if len(found) == most:
            break
    return tuple(found)
