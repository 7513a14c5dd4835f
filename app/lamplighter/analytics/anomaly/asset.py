"""Anomalies of one asset from all its signals at once, with the signals that decided.

How far a signal may go before it counts depends on how well its past is known: a signal that
changes slowly has shown few independent swings in a short past, so its spread is badly known and
its limit lies far out (Student's t with that few degrees of freedom). Where the past is long
enough, what each signal should be given the others is judged as well.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import rolling, season, similar
from lamplighter.analytics.anomaly.columns import (
    Columns,
    Event,
    Finding,
    Floats,
    Share,
    quiet,
    runs,
    usable,
)
from lamplighter.analytics.anomaly.single import rebased

WINDOW: Final = 15
"""rows of the mean that is judged"""
BLOCK: Final = 5
"""rows of the means whose succession tells how many independent swings the past holds"""
TAIL: Final = 1e-4
"""chance, by the model, that a calm row lies beyond a signal's limit"""
BACK: Final = 0.4
"""an anomaly has ended when the score has come back below this share of its peak"""
CALM: Final = 8
"""calm rows in a row that end an anomaly"""
FOLLOW: Final = 1_000
"""rows in which the level follows calm values; what it learns from is `LAG` rows old"""
LAG: Final = 60
RELATED: Final = 500
"""rows of past per signal from which relations between signals are learned"""
RIDGE: Final = 0.1
LEAST: Final = 60
"""rows of past below which nothing is judged"""


class AssetModel(Struct, frozen=True):
    """What is usual for one asset with s signals; c = s channels, or 2 s with relations.

    `period_ms`, `season` (slots, s): the usual course; `spread` (s,) of rows around it;
    `weight` (s, s): each signal from the others, none where the past is short; `level` (c,),
    `limit` (c,): the usual mean of `WINDOW` rows and how far it may go. A limit of NaN: not judged.
    """

    names: tuple[str, ...]
    period_ms: int
    season: np.ndarray
    spread: np.ndarray
    weight: np.ndarray
    level: np.ndarray
    limit: np.ndarray
    rows: int
    fitted_to_ms: int

    @property
    def context(self) -> int:
        """Rows before the first judged one that a window needs."""
        return WINDOW + LAG


class AssetJudged(Struct, frozen=True):
    """`score` (n,): 1 is the limit, NaN = not judged; `alarm` (n,); `departure` (n, c): signed, in
    limits, for each signal and then each signal given the others."""

    score: np.ndarray
    alarm: np.ndarray
    departure: np.ndarray


def fit(columns: Columns, events: tuple[Event, ...] = ()) -> AssetModel:
    """What is usual, from the past alone; rows in an event are not learned from."""
    values = usable(columns, quiet(columns, events))
    signals = values.shape[1]
    if columns.rows < LEAST:
        nothing = np.full(signals, np.nan)
        flat = np.full((season.DAY_MS // season.SLOT_MS, signals), np.nan)
        none = np.zeros((0, 0))
        return AssetModel(
            columns.names, season.DAY_MS, flat, nothing, none, nothing, nothing, columns.rows, 0
        )
    if int(columns.time_ms[-1] - columns.time_ms[0]) >= 3 * season.DAY_MS:
        period, shape, left = season.shape(columns.time_ms, values)
    else:
        period = season.DAY_MS
        level = rolling.column_mean(values)
        shape = np.repeat(level[None], season.DAY_MS // season.SLOT_MS, axis=0)
        left = values - level
    spread = rolling.column_spread(left)
    spread = np.where(spread > 0, spread, np.nan)
    scaled = left / spread
    long = columns.rows >= RELATED * int(np.isfinite(spread).sum())
    weight = _relations(scaled) if long else np.zeros((0, 0))
    channels = _unseen(scaled) if long else scaled
    mean = rolling.mean(channels, WINDOW)
    return AssetModel(
        columns.names,
        period,
        shape,
        spread,
        weight,
        rolling.column_mean(mean[WINDOW - 1 :]),
        rolling.column_spread(mean[WINDOW - 1 :]) * _limit(channels),
        columns.rows,
        int(columns.time_ms[-1]),
    )


def _relations(scaled: Floats) -> Floats:
    """(s, s) row k: what signal k takes from the others, in spreads; ridge."""
    known = np.where(np.isfinite(scaled), scaled, 0.0)
    rows, signals = known.shape
    product = known.T @ known / rows
    found = np.zeros((signals, signals))
    for k in range(signals):
        others = np.arange(signals) != k
        inner = product[np.ix_(np.flatnonzero(others), np.flatnonzero(others))]
        found[k, others] = np.linalg.solve(inner + RIDGE * np.eye(signals - 1), product[others, k])
    return found


def _channels(scaled: Floats, weight: Floats) -> Floats:
    """Each signal in spreads and, with relations, what remains of it given the others."""
    if not weight.size:
        return scaled
    held = np.nan_to_num(rolling.forward(scaled))  # a signal not yet known counts as usual
    return np.hstack([scaled, scaled - held @ weight.T])


def _unseen(scaled: Floats) -> Floats:
    """Channels of the past, each half with relations learned from the other half: what remains
    is as large as it will be in rows to come, not as small as where it was fitted."""
    middle = scaled.shape[0] // 2
    halves = (scaled[:middle], scaled[middle:])
    return np.vstack(
        [_channels(halves[0], _relations(halves[1])), _channels(halves[1], _relations(halves[0]))]
    )


def _limit(channels: Floats) -> Floats:
    """(c,) spreads of a window's mean from which a value counts."""
    from scipy.special import stdtrit

    count = channels.shape[0] // BLOCK
    blocks = rolling.mean(channels, BLOCK)[BLOCK - 1 :: BLOCK][:count]
    moved = np.diff(blocks, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = rolling.column_mean(moved * moved) / (2.0 * rolling.column_spread(blocks) ** 2)
    ratio = np.clip(ratio, 0.02, 1.0)
    swings = np.isfinite(blocks).sum(axis=0) * ratio / (2.0 - ratio)
    found: Floats = -stdtrit(np.maximum(swings - 1.0, 1.0), TAIL / 2) * np.sqrt(
        1.0 + 1.0 / np.maximum(swings, 1e-9)
    )
    return found


def judge(
    model: AssetModel, columns: Columns, events: tuple[Event, ...] = (), since: int = 0
) -> AssetJudged:
    """Every row from itself and earlier rows; nothing is said of rows before row `since`."""
    values = usable(columns, quiet(columns, events))
    usual = season.at(model.season, model.period_ms, columns.time_ms)
    left = rebased(columns, values - usual, events, 4 * WINDOW)
    mean = rolling.mean(_channels(left / model.spread, model.weight), WINDOW)
    return _followed(model, mean, since)


def _followed(model: AssetModel, mean: Floats, since: int) -> AssetJudged:
    """The state that runs along: the level follows calm rows and stands still in an anomaly."""
    count, channels = mean.shape
    departure = np.full((count, channels), np.nan)
    score, alarm = np.full(count, np.nan), np.zeros(count, np.bool_)
    level, peak, calm, on = model.level.copy(), 0.0, 0, False
    learned = rolling.forward(mean)
    for row in range(since, count):
        away = (mean[row] - level) / model.limit
        known = np.isfinite(away)
        departure[row] = away
        if not known.any():
            alarm[row] = on
            continue
        now = float(np.abs(away[known]).max())
        score[row] = now
        if now > 1.0 and now >= BACK * peak:
            peak, on, calm = max(peak, now), True, 0
        elif on:
            calm += 1
            on = calm < CALM
        alarm[row] = on
        if not on:
            peak *= 1.0 - 1.0 / FOLLOW
        if not on and now <= 1.0:
            peak = 0.0
            older = learned[max(row - LAG, 0)]
            level += np.where(np.isfinite(older), older - level, 0.0) / FOLLOW
    return AssetJudged(score, alarm, departure)


def findings(
    model: AssetModel, columns: Columns, judged: AssetJudged, since_ms: int = 0
) -> tuple[Finding, ...]:
    """Anomalies that reach past `since_ms`, oldest first, each with its reason and like cases."""
    found: list[Finding] = []
    for begin, end in runs(judged.alarm & np.isfinite(judged.score), 0):
        if columns.time_ms[end - 1] < since_ms:
            continue
        peak = begin + int(np.nanargmax(judged.score[begin:end]))
        shares = _shares(model, judged.departure[peak])
        signals = tuple(dict.fromkeys(s.signal for s in shares))
        kind = "together" if _given_others(model, judged.departure[peak]) else "change"
        rows = min(max(end - begin, 2 * WINDOW), columns.rows // 6)
        found.append(
            Finding(
                kind,
                int(columns.time_ms[begin]),
                int(columns.time_ms[end - 1]),
                int(columns.time_ms[peak]),
                round(float(judged.score[peak]), 3),
                shares,
                _sentence(model, columns, judged, peak, shares, kind),
                similar.nearest(columns, signals, end - 1, rows),
            )
        )
    return tuple(found)


def _given_others(model: AssetModel, away: Floats) -> bool:
    signals = len(model.names)
    size = np.nan_to_num(np.abs(away))
    return size.shape[0] > signals and float(size[:signals].max()) <= 1.0 < float(size.max())


def _shares(model: AssetModel, away: Floats) -> tuple[Share, ...]:
    """Up to three signals by how far beyond usual they are at the peak."""
    signals = len(model.names)
    size = np.nan_to_num(np.abs(away)).reshape(-1, signals)
    channel = size.argmax(axis=0)
    best = size.max(axis=0)
    total = float((best**2).sum()) or 1.0
    found: list[Share] = []
    for k in np.argsort(-best, kind="stable")[:3]:
        if found and best[k] < 0.5 * best.max():
            break
        place = int(channel[k]) * signals + int(k)
        limits = float(away[place])
        found.append(Share(model.names[k], round(limits, 2), round(float(best[k] ** 2) / total, 3)))
    return tuple(found)


def _sentence(
    model: AssetModel,
    columns: Columns,
    judged: AssetJudged,
    peak: int,
    shares: tuple[Share, ...],
    kind: str,
) -> str:
    parts = []
    usual = season.at(model.season, model.period_ms, columns.time_ms[peak : peak + 1])[0]
    for share in shares:
        k = model.names.index(share.signal)
        recent = columns.values[max(peak + 1 - WINDOW, 0) : peak + 1, k]
        recent = recent[np.isfinite(recent)]
        now = float(recent.mean()) if recent.size else float("nan")
        way = "above" if share.spreads > 0 else "below"
        if kind == "together":
            parts.append(f"{share.signal} is {way} what the other signals say ({now:.4g}"
                         f"{columns.unit(k)})")  # fmt: skip
        else:
            parts.append(
                f"{share.signal} is {now:.4g}{columns.unit(k)}, {way} its usual "
                f"{float(usual[k]):.4g}{columns.unit(k)}"
            )
    size = float(judged.score[peak])
    return f"{' and '.join(parts)}: {size:.1f} times as far as its past allows."
