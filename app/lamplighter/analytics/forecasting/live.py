"""The next hours of datastreams and figures of a project; runs in a worker.

One walk per lead, by the same code that judges recordings. It abstains with a reason where the
history is short, old or full of holes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.analytics.forecasting.grid import Grid
from lamplighter.analytics.forecasting.walk import Walk, Walked
from lamplighter.domain.forecast import Forecast, Track
from lamplighter.domain.task import Progress

HOUR_MS: Final = 3_600_000
LEADS: Final = 8
"""hours ahead of the last whole one: the moment six hours from now is always among them, also in
the minutes after a full hour in which the next forecast is being made"""
LEAST_HOURS: Final = 72
LEAST_SHARE: Final = 0.5
"""measured hours of the last week below which nothing is said"""
OLD_HOURS: Final = 2
JUDGED_HOURS: Final = 28 * 24
MOST_HOURS: Final = 100 * 24
BOOSTED_HOURS: Final = 56 * 24
TRACKED: Final = 48.0
"""outcomes from which on the record itself may freeze a forecast"""


class Past(Struct, frozen=True):
    """Hourly means up to the last whole hour, oldest first; NaN = not measured."""

    id: str
    first_ms: int
    value: np.ndarray
    name: str = ""
    unit: str = ""
    doubt: str = ""
    """why its newest values are not to be trusted; empty when they are"""
    track: Track = Track()
    boosted: bool = False
    anew_ms: int = 0
    """before this the asset was another one; 0 = it never was"""
    since: str = ""
    """what was done to it then"""


class LiveRequest(Struct, frozen=True):
    made_ms: int
    items: tuple[Past, ...]
    leads: int = LEADS
    seed: int = 0
    least_hours: int = LEAST_HOURS


def next_hours(payload: LiveRequest, progress: Progress) -> tuple[Forecast, ...]:
    """One forecast per item, in their order."""
    found = []
    for turn, past in enumerate(payload.items):
        progress(turn, len(payload.items), past.name or past.id)
        found.append(_one(past, payload))
    return tuple(found)


def _one(past: Past, ask: LiveRequest) -> Forecast:
    value = np.asarray(past.value, np.float64)[-MOST_HOURS:]
    first = past.first_ms + (past.value.size - value.size) * HOUR_MS
    known = np.isfinite(value)
    blank = Forecast(
        past.id, ask.made_ms, past.name, past.unit, first + value.size * HOUR_MS,
        history_hours=int(known.sum()), track=past.track, anew_ms=past.anew_ms,
    )  # fmt: skip
    why = past.doubt or _too_poor(value, ask.least_hours)
    if why and past.since and int(known.sum()) < ask.least_hours:
        why = f"it begins anew after {past.since}: {why}"
    if why:
        return replace(blank, why=why)
    start = int(np.flatnonzero(known)[0])
    value, first = value[start:], first + start * HOUR_MS
    walks = [_walked(past, value, first, lead, ask.seed) for lead in range(1, ask.leads + 1)]
    frozen = bool(walks[-1].frozen[-1])
    reason = "the naive rule was nearer over the last four weeks" if frozen else ""
    track = past.track
    if not frozen and track.judged >= TRACKED and track.miss > track.naive_miss:
        frozen, reason = True, "the naive rule was nearer to what came of the forecasts issued"
    last = walks[-1]
    rows = np.isfinite(value[last.cut :])
    naive = [_naive(w) for w in walks]
    model = [_number(w.blended[-1]) for w in walks]
    shown = naive if frozen else model
    middle = [_number(w.shown[-1]) for w in walks]
    moved = [s - m for s, m in zip(shown, middle, strict=True)]
    judged = value[last.cut :][rows]

    def miss(column: np.ndarray) -> float:
        return _number(np.abs(column[last.cut : value.size][rows] - judged).mean())

    low, high = (c[last.cut : value.size][rows] for c in (last.low, last.high))
    return replace(
        blank,
        time_ms=tuple(blank.origin_ms + k * HOUR_MS + HOUR_MS // 2 for k in range(ask.leads)),
        value=tuple(shown),
        low=tuple(_number(w.low[-1] + m) for w, m in zip(walks, moved, strict=True)),
        high=tuple(_number(w.high[-1] + m) for w, m in zip(walks, moved, strict=True)),
        naive=tuple(naive),
        model=tuple(model),
        frozen=frozen,
        why=reason,
        naive_name=last.naive_name,
        mae=miss(last.shown),
        naive_mae=miss(last.candidates[last.naive_name]),
        coverage=_number(((judged >= low) & (judged <= high)).mean()),
        judged=int(rows.sum()),
        basis=_basis(last.share),
    )


def _too_poor(value: np.ndarray, least: int) -> str:
    known = np.isfinite(value)
    hours = int(known.sum())
    if hours < least:
        return f"too little history: {hours} measured hours, {least} are needed"
    old = int(value.size - 1 - np.flatnonzero(known)[-1])
    if old > OLD_HOURS:
        return f"its newest whole hour is {old} hours old"
    week = known[-7 * 24 :]
    if week.mean() < LEAST_SHARE:
        return f"only {week.mean():.0%} of the hours of the last week were measured"
    return ""


def _walked(past: Past, value: np.ndarray, first_ms: int, lead: int, seed: int) -> Walked:
    """A walk whose last step lies `lead` hours after the last measured hour."""
    longer = np.concatenate([value, np.full(lead, np.nan)])
    grid = Grid(first_ms, HOUR_MS, longer, np.zeros(longer.size, np.int64))
    cut = longer.size - min(JUDGED_HOURS, int(0.4 * longer.size))
    boosted = past.boosted and int(np.isfinite(value).sum()) >= BOOSTED_HOURS
    return Walk(grid, lead, cut, boosted=boosted, seed=seed, refits=1, back_tests=1).run()


def _naive(walked: Walked) -> float:
    return _number(walked.candidates[walked.naive_name][-1])


def _basis(share: dict[str, float]) -> str:
    parts = sorted(((s, n) for n, s in share.items() if s >= 0.1), reverse=True)
    return ", ".join(f"{s:.0%} {n}" for s, n in parts)


def _number(value: float) -> float:
    return float(f"{float(value):.6g}")
