"""Answers how two kinds of values of a neighbourhood go together, from the store alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics import association
from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.forecast_past import HOUR_MS, hours_of
from lamplighter.store import Store

Floats = npt.NDArray[np.float64]
MOST_STREAMS: Final = 200
MOST_DAYS: Final = 100
MOST_LAG_H: Final = 72
LEAST_HOURS: Final = 72


class TogetherAnswers(Answering):
    def table(self) -> Table:
        return {wire.GetTogether: self._together}

    def _together(self, ask: wire.GetTogether) -> wire.Reply:
        if not ask.first or not ask.second or ask.from_ms >= ask.to_ms:
            what = "two kinds of datastreams and a stretch of time are needed"
            raise fault("U-801", what=what, name="the comparison")
        return together(self._recorder.store, ask)


def together(store: Store, ask: wire.GetTogether) -> wire.Together:
    """See `wire.Together`. Reads at most 100 days before the end of the span."""
    end = -(-ask.to_ms // HOUR_MS)
    begin = max(ask.from_ms // HOUR_MS, end - MOST_DAYS * 24)
    first, used_first = _mean(store, ask.first, begin, end)
    second, used_second = _mean(store, ask.second, begin, end)
    raw_first, raw_second = first, second
    both = int((np.isfinite(first) & np.isfinite(second)).sum())
    if ask.without_course:
        first = association.without_course(first, begin)
        second = association.without_course(second, begin)
    found = association.lagged(first, second, min(max(ask.most_lag_h, 0), MOST_LAG_H))
    at = found.strongest() if both >= LEAST_HOURS else None
    lag = int(found.lag_h[at]) if at is not None else 0
    rows = np.flatnonzero(np.isfinite(first) & np.isfinite(association.moved(second, lag)))
    why = ""
    if at is None:
        why = f"hours with values of both: {both}; {LEAST_HOURS} are needed"
        if both >= LEAST_HOURS:
            why = "one of both does not change"
    return wire.Together(
        found.lag_h, found.r, found.low, found.high, found.hours, found.worth,
        -1 if at is None else at, (begin + rows) * HOUR_MS,
        first[rows], association.moved(second, lag)[rows],
        raw_first[rows], association.moved(raw_second, lag)[rows],
        used_first, used_second, why,
    )  # fmt: skip


def _mean(store: Store, ids: Sequence[int], begin: int, end: int) -> tuple[Floats, int]:
    """((hours,) mean of those measured in the hour, how many datastreams have any value).

    Each is first moved by its own mean to that of all, so that a station that drops out for an
    hour moves nothing.
    """
    rows = []
    for _, hours in hours_of(store, sorted(set(ids))[:MOST_STREAMS], end):
        row = hours[-(end - begin) :]
        if np.isfinite(row).any():
            rows.append(row)
    if not rows:
        return np.full(end - begin, np.nan), 0
    stack = np.stack(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        own = np.nanmean(stack, axis=1, keepdims=True)
        mean: Floats = np.nanmean(stack - own, axis=0) + float(own.mean())
    return mean, len(rows)
