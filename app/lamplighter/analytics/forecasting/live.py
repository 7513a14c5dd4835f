"""The next hours of datastreams and figures of a project; runs in a worker.

One walk per lead, by the same code that judges recordings; what a version of the model has learned
is used, what it lacks is learned on the spot. It abstains with a reason where the history is short,
old or full of holes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.analytics.forecasting.freezing import SUDDEN_DAYS
from lamplighter.analytics.forecasting.grid import Grid
from lamplighter.analytics.forecasting.walk import Taught, Walk, Walked
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
JUDGED_LEAD: Final = 6
"""which hour ahead goes on record: the one that is shown beside now"""
JUDGED_HOURS: Final = 28 * 24
MOST_HOURS: Final = 100 * 24
BOOSTED_HOURS: Final = 56 * 24
TRACKED: Final = 48.0
"""outcomes from which on the record itself may freeze a forecast"""


class Item(Struct, frozen=True):
    """What a version of the model has learned of one datastream or figure."""

    id: str
    start_ms: int
    """from here the training part was walked over"""
    cut_ms: int
    """from here it was judged"""
    end_ms: int
    """end of the newest hour it was learned from"""
    boosted: bool
    leads: tuple[Taught, ...]
    ratio: float | None = None
    """error of the judged lead over the naive rule's, in the judged hours in which the model was
    shown; None where these are too few
    """
    whole: float | None = None
    """the same over all judged hours"""
    inside: int = 0
    """judged hours whose outcome lay in the band"""
    judged: int = 0
    width: float = 0.0
    """mean width of the band, in errors of the naive rule"""


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
    taught: Item | None = None
    """what the version in use has learned of it; None = it lacks it"""


class LiveRequest(Struct, frozen=True):
    made_ms: int
    items: tuple[Past, ...]
    leads: int = LEADS
    seed: int = 0
    least_hours: int = LEAST_HOURS
    version: int = 0
    """of the model in use"""
    frozen: str = ""
    """why that version gives no numbers; empty while it does"""
    simulated: bool = False
    """whether the project's past is a simulated one"""


class Hours(Struct, frozen=True):
    """The measured hours of an item from the first one on, and where its walks begin and cut."""

    value: np.ndarray
    first_ms: int
    start: int
    cut: int
    taught: Item | None


def next_hours(payload: LiveRequest, progress: Progress) -> tuple[Forecast, ...]:
    """One forecast per item, in their order."""
    found = []
    for turn, past in enumerate(payload.items):
        progress(turn, len(payload.items), past.name or past.id)
        found.append(_one(past, payload))
    return tuple(found)


def hours_of(past: Past) -> Hours:
    """The hours that are walked over. What was taught counts only where it still fits in."""
    value = np.asarray(past.value, np.float64)[-MOST_HOURS:]
    first = past.first_ms + (past.value.size - value.size) * HOUR_MS
    known = np.flatnonzero(np.isfinite(value))
    begin = int(known[0]) if known.size else value.size
    value, first = value[begin:], first + begin * HOUR_MS
    taught = past.taught
    if taught is not None and taught.end_ms > past.anew_ms:
        start, cut = ((ms - first) // HOUR_MS for ms in (taught.start_ms, taught.cut_ms))
        if 0 < cut < value.size and start < cut:
            return Hours(value, first, max(start, 1), cut, taught)
    cut = value.size - min(JUDGED_HOURS, int(0.4 * value.size))
    return Hours(value, first, max(int(0.45 * cut), 1), cut, None)


def too_poor(past: Past, least: int) -> str:
    """Why nothing can be said or learned of an item; empty when something can."""
    value = np.asarray(past.value, np.float64)[-MOST_HOURS:]
    why = past.doubt or _too_poor(value, least)
    if why and past.since and int(np.isfinite(value).sum()) < least:
        why = f"it begins anew after {past.since}: {why}"
    return why


def _one(past: Past, ask: LiveRequest) -> Forecast:
    end_ms = past.first_ms + past.value.size * HOUR_MS
    known = int(np.isfinite(np.asarray(past.value, np.float64)[-MOST_HOURS:]).sum())
    blank = Forecast(
        past.id, ask.made_ms, past.name, past.unit, end_ms,
        history_hours=known, track=past.track, anew_ms=past.anew_ms,
    )  # fmt: skip
    why = too_poor(past, ask.least_hours)
    if why:
        return replace(blank, why=why)
    hours = hours_of(past)
    value = hours.value
    walks = [walked(past, hours, lead, ask.seed) for lead in range(1, ask.leads + 1)]
    reason = _frozen(walks[-1], past.track, ask, taught=hours.taught is not None)
    frozen = bool(reason)
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
        naive_name=last.beside,
        mae=miss(last.shown),
        naive_mae=miss(last.candidates[last.beside]),
        coverage=_number(((judged >= low) & (judged <= high)).mean()),
        judged=int(rows.sum()),
        basis=_basis(last.share),
        version=ask.version if hours.taught is not None else 0,
    )


def _frozen(last: Walked, track: Track, ask: LiveRequest, *, taught: bool) -> str:
    """Why the naive rule is shown instead; empty where the model is."""
    if ask.frozen and taught:
        return f"version {ask.version} of the model is frozen: {ask.frozen}"
    if last.sudden[-1]:
        return f"the naive rule was much nearer over the last {SUDDEN_DAYS} days"
    if last.frozen[-1]:
        return "the naive rule was nearer over the last four weeks"
    if track.judged >= TRACKED and track.miss > track.naive_miss:
        return "the naive rule was nearer to what came of the forecasts issued"
    return ""


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


def walked(past: Past, hours: Hours, lead: int, seed: int) -> Walked:
    """A walk whose last step lies `lead` hours after the last measured hour."""
    longer = np.concatenate([hours.value, np.full(lead, np.nan)])
    grid = Grid(hours.first_ms, HOUR_MS, longer, np.zeros(longer.size, np.int64))
    taught = None
    boosted = past.boosted and int(np.isfinite(hours.value).sum()) >= BOOSTED_HOURS
    if hours.taught is not None:
        boosted, taught = hours.taught.boosted, hours.taught.leads[lead - 1]
    return Walk(
        grid, lead, hours.cut, boosted=boosted, seed=seed, refits=1, back_tests=1,
        start=hours.start, taught=taught,
    ).run()  # fmt: skip


def _naive(walked: Walked) -> float:
    return _number(walked.candidates[walked.beside][-1])


def _basis(share: dict[str, float]) -> str:
    parts = sorted(((s, n) for n, s in share.items() if s >= 0.1), reverse=True)
    return ", ".join(f"{s:.0%} {n}" for s, n in parts)


def _number(value: float) -> float:
    return float(f"{float(value):.6g}")
