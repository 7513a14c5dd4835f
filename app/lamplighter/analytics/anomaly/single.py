"""Anomalies of one signal at a time: odd value, drift, step, standstill, noise, exact repeat.

Thousands of signals are judged in a few array operations. What is usual, and from where on it is
not, comes from each signal's own past; a signal with too little past is not judged and says why.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.anomaly import rolling, season
from lamplighter.analytics.anomaly.columns import (
    Bools,
    Columns,
    Event,
    Floats,
    quiet,
    usable,
    usual_step_ms,
)

POINT, DRIFT, CHANGE, STUCK, NOISY, REPEAT = range(6)
BLOCK: Final = 256
"""signals worked on at once, to bound memory"""
LEAST_WINDOWS: Final = 6
"""long windows of past that are needed before anything is judged"""
MARGIN: Final = 1.5
"""limits lie this far beyond the 99.5 % quantile of the past"""
WIDTHS: Final = 6.0
"""and never nearer than this many robust standard deviations of the same measure"""
STILL: Final = 3.0
"""a value stands still when it does so this many times longer than ever before"""
REPEATS: Final = (12, 24, 48)
"""lengths tried for exact repeats; the shortest that never happened by itself is used"""
DISTINCT: Final = 6
"""different values a stretch must have before its repeat means anything"""


class SingleModel(Struct, frozen=True):
    """What is usual for s signals; all arrays have s columns or entries.

    `season` (slots, s); `spread` (s,) of what is left; `limit` (4, s) for point, drift, change and
    noise in their own measures, `usual_noise` (s,); `still_rows` (s,) and `repeat_rows` (s,), 0 =
    not judged; `why` says why a signal is not judged at all, "" where it is.
    """

    names: tuple[str, ...]
    step_ms: int
    short: int
    long: int
    period_ms: int
    season: np.ndarray
    spread: np.ndarray
    limit: np.ndarray
    usual_noise: np.ndarray
    still_rows: np.ndarray
    repeat_rows: np.ndarray
    why: tuple[str, ...]
    fitted_to_ms: int

    @property
    def context(self) -> int:
        """Rows before the first judged one that must be given for its score to be complete."""
        return max(2 * self.long, int(self.still_rows.max(initial=0)) + 1, 8 * self.short)


class Judged(Struct, frozen=True):
    """`score` (n, s): 1 is the limit, NaN = not judged; `kind` (n, s): which kind has that score,
    as a place in KINDS; `measure` (6, n, s) float32: the score of every kind."""

    score: np.ndarray
    kind: np.ndarray
    measure: np.ndarray


def fit(columns: Columns, events: tuple[Event, ...] = ()) -> SingleModel:
    """What is usual, from the past alone. Rows in an event are not learned from."""
    step = usual_step_ms(columns.time_ms)
    short = int(np.clip(3_600_000 // step, 8, 60))
    long = 8 * short
    values = usable(columns, quiet(columns, events))
    period = season.DAY_MS
    parts = []
    for begin in range(0, values.shape[1], BLOCK):
        block = values[:, begin : begin + BLOCK]
        parts.append(_fit_block(columns.time_ms, block, short, long))
        period = max(period, parts[-1][0])
    if not parts:
        parts.append(_fit_block(columns.time_ms, values, short, long))

    def joined(place: int) -> np.ndarray:
        return np.concatenate([p[place] for p in parts], axis=-1)

    return SingleModel(
        columns.names,
        step,
        short,
        long,
        period,
        np.concatenate([np.tile(p[1], (period // p[0], 1)) for p in parts], axis=1),
        joined(2),
        joined(3),
        joined(4),
        joined(5),
        joined(6),
        tuple(w for p in parts for w in p[7]),
        int(columns.time_ms[-1]) if columns.rows else 0,
    )


def _fit_block(
    time_ms: np.ndarray, values: Floats, short: int, long: int
) -> tuple[
    int, Floats, Floats, Floats, Floats, npt.NDArray[np.int64], npt.NDArray[np.int64], list[str]
]:
    count = values.shape[1]
    known = np.isfinite(values).sum(axis=0)
    enough = known >= LEAST_WINDOWS * long
    if not values.shape[0] or not enough.any():
        why = ["too little past"] * count
        still = np.zeros(count, np.int64)
        shape = np.full((season.DAY_MS // season.SLOT_MS, count), np.nan)
        nan = np.full(count, np.nan)
        return season.DAY_MS, shape, nan, np.full((4, count), np.nan), nan, still, still, why
    period, shape, left = season.shape(time_ms, values)
    moved = np.diff(values, axis=0)
    resolution = np.array([_resolution(moved[:, k]) for k in range(count)])
    spread = np.maximum(season.scale(left), np.maximum(resolution, 1e-9))
    level_measures = _measures(left / spread, short, long)
    limit = np.stack([_limit(m) for m in level_measures])
    noise = rolling.spread(np.vstack([moved[:1] * np.nan, moved]), short)
    usual_noise = np.maximum(_middle(noise), np.maximum(resolution, 1e-9))
    excess = np.log(np.maximum(noise / usual_noise, 1e-3))
    limit = np.vstack([limit, np.maximum(_limit(np.maximum(excess, 0.0)), np.log(2.0))[None]])
    stood = rolling.since_change(values)
    longest = np.where(np.isfinite(values), stood, 0).max(axis=0)
    still = np.maximum(STILL * longest, short).astype(np.int64)
    still[longest > values.shape[0] // (2 * LEAST_WINDOWS)] = 0  # standing still is its nature
    repeat = np.array([_repeat_rows(values[:, k]) for k in range(count)], np.int64)
    why = ["" if e else "too little past" for e in enough]
    for k in np.flatnonzero(enough):
        if not np.nanmax(np.abs(moved[:, k]), initial=0.0):
            why[k] = "it never moved in the past"
    silent = np.array([bool(w) for w in why])
    still[silent], repeat[silent] = 0, 0
    limit[:, silent] = np.nan
    return period, shape, spread, limit, usual_noise, still, repeat, why


def _measures(left: Floats, short: int, long: int) -> list[Floats]:
    """Point, drift and change of what is left after the season, in spreads, each (n, s)."""
    recent = rolling.mean(left, short)
    before = _later(recent, 1)
    point = np.abs(left - before)
    drift = np.abs(rolling.mean(left, long))
    change = np.abs(recent - _later(recent, short))
    return [point, drift, change]


def _later(values: Floats, rows: int) -> Floats:
    moved = np.full(values.shape, np.nan)
    moved[rows:] = values[: values.shape[0] - rows]
    return moved


def _limit(measure: Floats) -> Floats:
    quantile = _quantile(measure, 0.995)
    width = _quantile(measure, 0.683)  # one standard deviation of what is folded about 0
    result: Floats = np.maximum(np.maximum(MARGIN * quantile, WIDTHS * width), 1e-9)
    return result


def _quantile(values: Floats, share: float) -> Floats:
    """(s,) quantile of what is known in each column; NaN where nothing is."""
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)  # NaN last
    known = np.isfinite(values).sum(axis=0)
    place = np.clip(np.ceil(share * known).astype(np.int64) - 1, 0, None)
    found: Floats = ordered[np.arange(values.shape[1]), place]
    return found


def _middle(values: Floats) -> Floats:
    return _quantile(values, 0.5)


def _resolution(moved: Floats) -> float:
    """Smallest step the signal makes; 0 where it never moves."""
    steps = np.abs(moved[np.isfinite(moved) & (moved != 0)])
    return float(np.quantile(steps, 0.01)) if steps.size else 0.0


def _repeat_rows(values: Floats) -> int:
    for rows in REPEATS:
        if values.size < 4 * rows:
            return 0
        hashes, usable = _hashes(values, rows)
        found = hashes[usable]
        if found.size > 2 * rows and np.unique(found).size == found.size:
            return rows
    return 0


def _hashes(values: Floats, rows: int) -> tuple[npt.NDArray[np.uint64], Bools]:
    """A number for each stretch of `rows` values that ends at a row, and whether it counts.

    Equal stretches have equal numbers; a stretch with a gap or too few different values is out.
    """
    count = values.size
    known = np.isfinite(values)
    bits = np.where(known, values + 0.0, 0.0).view(np.uint64)
    mixed = bits * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    hashes = np.zeros(count, np.uint64)
    factor = np.uint64(0x100000001B3)
    for lag in range(rows):
        hashes[rows - 1 :] = hashes[rows - 1 :] * factor + mixed[lag : count - rows + 1 + lag]
    moved = np.ones(count, np.bool_)
    moved[1:] = values[1:] != values[:-1]
    whole = rolling.total(np.where(known, 1.0, np.nan)[:, None], rows)[1][:, 0] == rows
    lively = rolling.total(moved.astype(np.float64)[:, None], rows)[0][:, 0] >= max(
        DISTINCT, rows // 2
    )
    usable = whole & lively
    usable[: rows - 1] = False
    return hashes, usable


def judge(model: SingleModel, columns: Columns, events: tuple[Event, ...] = ()) -> Judged:
    """Scores of every row from itself and earlier rows; signals as in the model, in its order."""
    count = columns.rows
    signals = len(model.names)
    measure = np.full((6, count, signals), np.nan, np.float32)
    masked = quiet(columns, events)
    for begin in range(0, signals, BLOCK):
        cut = slice(begin, min(begin + BLOCK, signals))
        if count:
            part = Columns(model.names[cut], columns.time_ms, columns.values[:, cut])
            measure[:, :, cut] = _judge_block(model, cut, part, masked[:, cut], events)
    known = np.isfinite(measure)
    filled = np.where(known, measure, -1.0)
    kind = filled.argmax(axis=0).astype(np.int8)
    score = np.where(known.any(axis=0), filled.max(axis=0), np.nan)
    return Judged(score, kind, measure)


def _judge_block(
    model: SingleModel, cut: slice, columns: Columns, masked: Bools, events: tuple[Event, ...]
) -> Floats:
    values = usable(columns, masked)
    usual = season.at(model.season[:, cut], model.period_ms, columns.time_ms)
    left = rebased(columns, values - usual, events, model.short) / model.spread[cut]
    found = np.full((6, *values.shape), np.nan)
    limit = model.limit[:, cut]
    for kind, measure in zip(
        (POINT, DRIFT, CHANGE), _measures(left, model.short, model.long), strict=True
    ):
        found[kind] = measure / limit[kind]
    moved = np.full(values.shape, np.nan)
    moved[1:] = np.diff(values, axis=0)
    noise = rolling.spread(moved, model.short) / model.usual_noise[cut]
    found[NOISY] = np.log(np.maximum(noise, 1e-3)) / limit[3]
    still = model.still_rows[cut]
    stood = rolling.since_change(values)
    found[STUCK] = np.where((still > 0) & np.isfinite(values), stood / np.maximum(still, 1), np.nan)
    for k, rows in enumerate(model.repeat_rows[cut]):
        if rows and values.shape[0] > 2 * rows:
            found[REPEAT, :, k] = _repeated(values[:, k], int(rows))
    return found


def rebased(columns: Columns, left: Floats, events: tuple[Event, ...], rows: int) -> Floats:
    """What is left after the season, with the level taken anew after each event that asks so.

    The first `rows` rows after the event only teach the level.
    """
    for event in events:
        if not event.rebase:
            continue
        after = np.flatnonzero(columns.time_ms > event.end_ms)
        for k, name in enumerate(columns.names):
            if event.signal not in ("", name) or not after.size:
                continue
            learned = left[after[:rows], k]
            known = np.isfinite(learned)
            level = float(np.median(learned[known])) if known.any() else 0.0
            left[after[:rows], k] = np.nan
            left[after[rows:], k] -= level
    return left


def _repeated(values: Floats, rows: int) -> Floats:
    """Score of 1 and more where the stretch that ends here was there before, exactly."""
    hashes, usable = _hashes(values, rows)
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    origin = order[np.maximum.accumulate(np.where(first, np.arange(order.size), 0))]
    before = np.empty(order.size, np.int64)
    before[order] = origin
    seen = usable & usable[before] & (before <= np.arange(order.size) - rows)
    length = rolling.since_change(seen.astype(np.float64)[:, None])[:, 0]
    found: Floats = np.where(usable, np.where(seen, 1.0 + (length + 1.0) / rows, 0.0), np.nan)
    return found
