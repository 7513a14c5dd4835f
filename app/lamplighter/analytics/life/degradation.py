"""A slow trend to a limit, for assets that nobody has seen fail: bridges, transformers, signals.

One line through the daily medians, as the median of all slopes between days, so a few odd days do
not turn it. When the limit is reached stands as a band from resampled stretches of days. Without
enough days, or when the slope might as well be none, there is no forecast.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.calibration import wilson
from lamplighter.domain.maintenance import TREND_MODEL, Prognosis, Reason
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]

DAY_MS: Final = 86_400_000
BASIS: Final = "trend to its limit"
MODEL: Final = TREND_MODEL
HORIZON: Final = 30.0
FEWEST_DAYS: Final = 14
MOST_DAYS: Final = 120
STALE_DAYS: Final = 2.0
FARTHEST: Final = 365.0
"""days beyond which a trend is not drawn out"""
MOST: Final = 500
"""assets told of in one answer"""
DRAWS: Final = 200
BLOCK: Final = 5
"""days of a stretch: what was odd today is likely odd tomorrow, so a stretch is one witness"""
RATE: Final = 0.9
SURE: Final = 0.98
"""how sure it must be that a slope is one at all: thousands of datastreams are looked at"""


class Watched(Struct, frozen=True):
    """One datastream of an asset with the limit it might drift to: `time_ms`, `value` (n,)."""

    asset: str
    signal: str
    unit: str
    time_ms: np.ndarray
    value: np.ndarray
    low: float | None = None
    high: float | None = None


class TrendRequest(Struct, frozen=True):
    series: tuple[Watched, ...]
    now_ms: int
    simulated: bool = False


class Trend(Struct, frozen=True):
    """`slope` a day with its band; days until the limit; `why_not` when there is no basis."""

    slope: float
    slope_low: float
    slope_high: float
    level: float
    limit: float | None
    days: float | None
    days_low: float | None
    days_high: float | None
    chance: float | None
    """of reaching the limit within the horizon"""
    n: int
    why_not: str = ""


def trends(payload: TrendRequest, progress: Progress) -> tuple[Prognosis, ...]:
    """The nearest limit of each asset; assets without a trend are left out, the soonest first."""
    found: dict[str, tuple[float, Prognosis]] = {}
    for place, one in enumerate(payload.series):
        progress(place, len(payload.series), one.asset)
        trend = trend_of(one, payload.now_ms)
        if trend.why_not or trend.days is None:
            continue
        if one.asset not in found or trend.days < found[one.asset][0]:
            said = _prognosis(one, trend, payload.now_ms, payload.simulated)
            found[one.asset] = (trend.days, said)
    return tuple(said for _, said in sorted(found.values(), key=lambda pair: pair[0]))[:MOST]


def trend_of(one: Watched, now_ms: int) -> Trend:
    """The trend of what was measured up to `now_ms`; later rows are not looked at."""
    day, value = _daily(one, now_ms)
    if len(day) < FEWEST_DAYS:
        return _none(f"{len(day)} days of values, at least {FEWEST_DAYS} are needed", len(day))
    today = now_ms / DAY_MS
    if today - day[-1] > STALE_DAYS:
        return _none(f"its newest value is {today - day[-1]:.0f} days old", len(day))
    slope, level = _line(day - today, value)
    rng = np.random.default_rng(len(day))
    lines = [_line(*_resampled(day - today, value, slope, level, rng)) for _ in range(DRAWS)]
    slopes, levels = (np.array(c) for c in zip(*lines, strict=True))
    edge = (1.0 - RATE) / 2.0
    low, high = (float(q) for q in np.quantile(slopes, [edge, 1.0 - edge]))
    doubt = (1.0 - SURE) / 2.0
    if np.quantile(slopes, doubt) <= 0.0 <= np.quantile(slopes, 1.0 - doubt):
        return _none("it does not drift", len(day), slope, low, high, level)
    limit = one.high if slope > 0 else one.low
    if limit is None or (limit - level) * slope <= 0:
        why = "it drifts away from its limit" if limit is None else "it is past its limit already"
        return _none(why, len(day), slope, low, high, level)
    days = (limit - level) / slope
    reach = np.where(slopes * slope > 0, (limit - levels) / slopes, np.inf)
    reach = np.maximum(reach, 0.0)
    first, last = (float(q) for q in np.quantile(reach, [edge, 1.0 - edge], method="nearest"))
    if days > FARTHEST or not np.isfinite(last):
        return _none("its limit is more than a year away", len(day), slope, low, high, level)
    chance = float((reach <= HORIZON).mean())
    return Trend(slope, low, high, level, limit, days, first, last, chance, len(day))


def _none(
    why: str, n: int, slope: float = 0.0, low: float = 0.0, high: float = 0.0, level: float = 0.0
) -> Trend:
    return Trend(slope, low, high, level, None, None, None, None, None, n, why)


def _daily(one: Watched, now_ms: int) -> tuple[Floats, Floats]:
    """(mean time in days, median) of each of the newest days that has values."""
    known = np.isfinite(one.value) & (one.time_ms <= now_ms)
    day = one.time_ms[known] // DAY_MS
    value, when = one.value[known], one.time_ms[known] / DAY_MS
    days = np.unique(day)[-MOST_DAYS:]
    medians = np.array([np.median(value[day == d]) for d in days])
    return np.array([when[day == d].mean() for d in days]), medians


def _line(day: Floats, value: Floats) -> tuple[float, float]:
    """(slope, level at day 0) by the median of slopes between all pairs of days."""
    a, b = np.triu_indices(len(day), 1)
    apart = day[b] - day[a]
    some = apart > 0
    slope = float(np.median((value[b] - value[a])[some] / apart[some])) if some.any() else 0.0
    return slope, float(np.median(value - slope * day))


def _resampled(
    day: Floats, value: Floats, slope: float, level: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The line with its residuals shuffled in stretches."""
    rest = value - (level + slope * day)
    starts = rng.integers(0, max(1, len(day) - BLOCK + 1), -(-len(day) // BLOCK))
    place = (starts[:, None] + np.arange(BLOCK)).ravel()[: len(day)] % len(day)
    return day, level + slope * day + rest[place]


def _prognosis(one: Watched, trend: Trend, now_ms: int, simulated: bool) -> Prognosis:
    assert trend.days is not None and trend.limit is not None and trend.chance is not None
    unit = f" {one.unit}" if one.unit else ""
    words = one.signal.replace("_", " ")
    text = (
        f"{words} {trend.level:.4g}{unit}, {trend.slope * 30:+.3g}{unit} in 30 days "
        f"({trend.slope_low * 30:+.3g} to {trend.slope_high * 30:+.3g}), "
        f"limit {trend.limit:.4g}{unit}"
    )
    witnesses = max(2, trend.n // BLOCK)
    low, high = wilson(trend.chance, witnesses)
    chance = min(max(trend.chance, 1.0 / (witnesses + 2)), 1.0 - 1.0 / (witnesses + 2))
    kept = f"{words} staying at {trend.level:.4g}{unit} for the next weeks would end this trend"
    source = "simulated history, " if simulated else ""
    return Prognosis(
        one.asset,
        now_ms,
        HORIZON,
        round(chance, 4),
        round(min(low, chance), 4),
        round(max(high, chance), 4),
        round(trend.days_low or 0.0, 1),
        round(trend.days_high or 0.0, 1),
        f"{BASIS}, {source}{trend.n} days",
        (Reason(one.signal, 1.0, text),),
        naive_probability=0.0,
        model=MODEL,
        what=words,
        days_median=round(trend.days, 1),
        would_change=kept,
    )
