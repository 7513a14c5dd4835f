"""Where a curve has nothing to show: gaps that were told, silences that were not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lamplighter.domain.city import Datastream
from lamplighter.ui.series import Trace
from lamplighter.ui.words import tr


def hole_of(stream: Datastream, trace: Trace) -> float:
    """How far apart (ms) two points lie when something is missing between them.

    What nobody declared is learned from the points themselves: a value that comes once an hour
    is whole with one an hour.
    """
    hole = max(2.5 * stream.period_ms, 2_000.0)
    if len(trace.time_ms) > 4:
        usual = float(np.median(np.diff(trace.time_ms[:200])))
        if not trace.reduced and len(trace.time_ms) > 200:
            usual = min(usual, float(np.median(np.diff(trace.time_ms[-200:]))))
        hole = max(hole, (3.0 if trace.reduced else 2.5) * usual)
    return hole


def holes(
    stream: Datastream, trace: Trace, span: tuple[int, int], known_to: int, no_data: str
) -> list[tuple[int, int, str]]:
    """(from, to, words) within `span`, ms. The stretch without data up to `known_to`, where the
    known ends, is called `no_data`.
    """
    first, last = span
    found = [
        (max(first, a), min(last, b), tr("gap")) for a, b in trace.gaps if b > first and a < last
    ]
    end = trace.last()
    since = end[0] if end else first
    late = max(3 * stream.period_ms, 3_000, 1.2 * hole_of(stream, trace))
    if known_to - since > late + (last - first) // 200:
        found.append((max(first, since), known_to, no_data))
    return [*found, *_silences(stream, trace, span)]


def _silences(
    stream: Datastream, trace: Trace, span: tuple[int, int]
) -> Iterable[tuple[int, int, str]]:
    """Stretches between two points in which there should have been others."""
    first, last = span
    hole = max(hole_of(stream, trace), (last - first) / 60)
    at = np.flatnonzero(np.diff(trace.time_ms) > hole)
    for row in at[:100].tolist():
        a, b = int(trace.time_ms[row]), int(trace.time_ms[row + 1])
        known = any(a < y and x < b for x, y in trace.gaps)
        if b > first and a < last and not known:
            yield max(first, a), min(last, b), tr("no data")
