"""An asset with several signals: what each should read now, given what the others read now.

The relations are learned from the past alone by ridge on random cosine features, as `plant` does
for whole plants; here a signal's own value and the time of day tell nothing, so an odd day on which
all signals agree is no anomaly, and a fault that stays is odd for as long as it stays. A signal is
judged only where the others told it better, in blocks of the past that were not learned from, than
its own mean and its usual course of the day do.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.analytics.anomaly import plant, rolling, similar
from lamplighter.analytics.anomaly.columns import Bools, Columns, Finding, Floats, Share, runs
from lamplighter.analytics.anomaly.findings import duration

FEATURES: Final = 96
WIDTH: Final = 0.1
RIDGE: Final = 1e-4
SIGNALS: Final = (3, 24)
"""how many signals an asset has whose relations are learned"""
LATER: Final = 144
"""rows after the learning on which a model is held against the naive rule: half a day"""
LEAST: Final = 864
"""rows in which all signals are known: three days of five minutes"""
OFTEN: Final = 0.5
"""share of rows in which a signal must be known to take part"""
EXPLAINED: Final = 0.7
"""a signal is judged where what the others leave open is below this share of the naive rule's"""
QUICK: Final = 5
"""rows of the median that sees a large break within a quarter of an hour"""
SLOW: Final = 36
"""rows of the mean that sees a small one within hours"""
CLIP: Final = (15.0, 4.0)
HOLD: Final = 12
WORST: Final = 2
"""the limit is the departure of the second worst day not learned from: one bad day sets nothing"""
MARGIN: Final = (1.5, 2.0)
"""of the quick and of the slow departure: what was learned is a little off for hours where few rows
taught it, at the ends of the range
"""
EXACT: Final = 1e-3
"""no signal is trusted to be more exact than this share of its own spread"""
FEW: Final = 3.0
"""days that count against the margin: of few days the worst is not yet known"""
ONE_WAY: Final = 0.999
"""share of steps in one direction from which a signal is a counter"""
BEYOND: Final = 0.05
"""share of a signal's range by which it may leave it; farther out nothing is known of relations"""
JUMP: Final = 0.4
"""share of its range by which a signal moves from one row to the next when the asset is switched:
in such a row not every signal has followed yet, so it teaches and says nothing"""
CONTEXT: Final = SLOW + HOLD
"""rows before the first judged one that are needed"""
DAY_MS: Final = 86_400_000
SLOTS: Final = 24
LEANS: Final = 2


class RelationModel(Struct, frozen=True):
    """s signals that move; `told` (m,) are the places of those that are judged.

    `mean`, `scale`, `low`, `high` (s,); `turn` (s, FEATURES), `phase` (FEATURES,);
    `weight` (m, FEATURES + s + 1); `spread`, `naive` (m,): error on blocks not learned from, of the
    relation and of the better of its mean and its course of the day, in `scale`s;
    `limit` (2, m): of the quick and of the slow departure; `leans` (m, 2): the signals that a
    signal is told from most, -1 = none.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    turn: np.ndarray
    phase: np.ndarray
    told: np.ndarray
    weight: np.ndarray
    spread: np.ndarray
    naive: np.ndarray
    limit: np.ndarray
    leans: np.ndarray
    rows: int
    first_ms: int
    last_ms: int


class RelationJudged(Struct, frozen=True):
    """`score` (n,): 1 is the limit, NaN = not judged; `alarm` (n,); `departure` (2, n, m) signed,
    in limits: quick and slow; `expected` (n, m) in the signals' units."""

    score: np.ndarray
    alarm: np.ndarray
    departure: np.ndarray
    expected: np.ndarray


def fit(columns: Columns, least: int = LEAST) -> tuple[RelationModel | None, str]:
    """The relations of rows without known trouble, or None and why in a few words; `least` rows
    are needed in which all signals are known."""
    values = _held(columns.values.astype(np.float64))
    often = np.isfinite(values).mean(axis=0) >= OFTEN if columns.rows else np.zeros(0, np.bool_)
    values = values[:, often]
    rows = np.isfinite(values).all(axis=1)
    if rows.any():
        rows &= ~_switched(values, np.ptp(values[rows], axis=0))
    values, time_ms = values[rows], columns.time_ms[rows]
    if values.shape[1] < SIGNALS[0]:
        return None, "fewer than three of its signals are known often enough"
    if values.shape[0] < least:
        return None, f"known together at {values.shape[0]:,} times, {least:,} are needed"
    mean, scale = values.mean(axis=0), values.std(axis=0)
    moves = (scale > 1e-9 * np.maximum(np.abs(mean), 1e-9)) & ~_counts(values)
    kept = np.flatnonzero(often)[moves]
    if not SIGNALS[0] <= kept.size <= SIGNALS[1]:
        return None, f"{kept.size} of its signals move; from {SIGNALS[0]} to {SIGNALS[1]} are told"
    values, mean, scale = values[:, moves], mean[moves], scale[moves]
    scaled = (values - mean) / scale
    turn, phase = directions()
    turn = turn[: kept.size]
    told, weight, left, naive = [], [], [], []
    for k in range(kept.size):
        if np.unique(values[:, k]).size <= plant.SWITCH:
            continue
        features = _features(scaled, k, turn, phase)
        unseen = plant.unseen(features, scaled[:, [k]], RIDGE)[:, 0]
        error, usual = _size(unseen), _naive(scaled[:, k], time_ms)
        if error < EXPLAINED * usual:
            told.append(k)
            weight.append(plant.solved(features, scaled[:, [k]], RIDGE)[:, 0])
            left.append(unseen)
            naive.append(usual)
    if not told:
        return None, "its signals do not tell each other better than their own course does"
    spread = np.maximum([_size(one) for one in left], EXACT)
    away = _windows(np.column_stack(left) / spread)
    places = np.array(told, np.int64)
    model = RelationModel(
        tuple(columns.names[i] for i in kept), mean, scale, values.min(axis=0), values.max(axis=0),
        turn, phase, places, np.array(weight), spread, np.array(naive), _limits(away, time_ms),
        np.full((places.size, LEANS), -1, np.int64), int(values.shape[0]),
        int(time_ms[0]), int(time_ms[-1]),
    )  # fmt: skip
    return _with_leans(model, scaled), ""


def directions() -> tuple[Floats, Floats]:
    """(most signals, FEATURES) and (FEATURES,): the random features, the same for all assets."""
    rng = np.random.default_rng(plant.SEED)
    turn = rng.normal(0.0, np.sqrt(2.0 * WIDTH), (SIGNALS[1], FEATURES))
    return turn, rng.uniform(0.0, 2.0 * np.pi, FEATURES)


def _held(values: Floats) -> Floats:
    """A value counts for the next row too where that one has none."""
    before = np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])
    return np.where(np.isfinite(values), values, before)


def _counts(values: Floats) -> Bools:
    """(s,) signals that go one way alone, as counters of hours and meters do: where they stand
    says nothing, and tomorrow they are where they never were.
    """
    step = np.diff(values, axis=0)
    found: Bools = ((step >= 0).mean(axis=0) > ONE_WAY) | ((step <= 0).mean(axis=0) > ONE_WAY)
    return found


def _switched(values: Floats, width: Floats) -> Bools:
    """(n,) rows in which a signal has just moved through a large part of its range."""
    before = np.vstack([values[:1], values[:-1]])
    with np.errstate(invalid="ignore"):
        jumped = np.abs(values - before) > JUMP * width
    found: Bools = np.asarray(jumped.any(axis=1))
    return found


def _size(left: Floats) -> float:
    return float(np.sqrt((left * left).mean()))


def _naive(scaled: Floats, time_ms: np.ndarray) -> float:
    """Error of the better of the mean and the mean by hour of day, on blocks not learned from."""
    slot = time_ms % DAY_MS * SLOTS // DAY_MS
    fold = np.arange(scaled.size) * plant.BLOCKS // scaled.size % plant.FOLDS
    by_mean, by_hour = np.zeros(scaled.size), np.zeros(scaled.size)
    for part in range(plant.FOLDS):
        out = fold == part
        middle = scaled[~out].mean()
        count = np.bincount(slot[~out], minlength=SLOTS)
        total = np.bincount(slot[~out], scaled[~out], SLOTS)
        course = np.where(count, total / np.maximum(count, 1), middle)
        by_mean[out], by_hour[out] = scaled[out] - middle, scaled[out] - course[slot[out]]
    return min(_size(by_mean), _size(by_hour))


def _features(scaled: Floats, k: int, turn: Floats, phase: Floats) -> Floats:
    """Of all signals but the one that is told."""
    others = scaled.copy()
    others[:, k] = 0.0
    return plant.waves(others, turn, phase)


def _windows(away: Floats) -> Floats:
    """(2, n, m) median of the last `QUICK` rows and mean of the last `SLOW` ones."""
    quick = np.zeros(away.shape)
    known = np.clip(away, -CLIP[0], CLIP[0])
    if away.shape[0] >= QUICK:
        last = np.lib.stride_tricks.sliding_window_view(known, QUICK, axis=0)
        quick[QUICK - 1 :] = np.median(last, axis=-1)
    slow = rolling.mean(np.clip(away, -CLIP[1], CLIP[1]), SLOW, 0.9)
    return np.stack([np.nan_to_num(quick), np.nan_to_num(slow)])


def _limits(away: Floats, time_ms: np.ndarray) -> Floats:
    """(2, m) how far a departure goes on calm days that were not learned from, with a margin.

    Days are counted back from the newest row: one bad day that has just begun is one and not two,
    whatever the hour at which it is learned.
    """
    days = (time_ms[-1] - time_ms) // DAY_MS
    begins = np.flatnonzero(np.diff(days, prepend=days[0] + 1))
    worst = np.sort(np.maximum.reduceat(np.abs(away), begins, axis=1), axis=1)
    margin = np.array(MARGIN)[:, None] * (1.0 + FEW / begins.size)
    found: Floats = margin * worst[:, -min(WORST, begins.size)]
    return np.maximum(found, 1e-6)


def _with_leans(model: RelationModel, scaled: Floats) -> RelationModel:
    """Which others a signal is told from most: those without which it is told otherwise."""
    some = scaled[:: max(scaled.shape[0] // 400, 1)]
    leans = model.leans.copy()
    for row, k in enumerate(model.told.tolist()):
        whole = _features(some, k, model.turn, model.phase) @ model.weight[row]
        moved = np.zeros(len(model.names))
        for other in range(len(model.names)):
            if other != k:
                without = some.copy()
                without[:, other] = 0.0
                said = _features(without, k, model.turn, model.phase) @ model.weight[row]
                moved[other] = _size(said - whole)
        order = [int(o) for o in np.argsort(-moved, kind="stable")[:LEANS]]
        order = [o for o in order if moved[o] > 0.3 * moved.max() > 0]
        leans[row, : len(order)] = order
    return replace(model, leans=leans)


def taken(model: RelationModel, columns: Columns) -> Floats:
    """(n, s) the model's signals, each held for one row. Raises KeyError for a missing one."""
    place = {name: i for i, name in enumerate(columns.names)}
    return _held(columns.values[:, [place[n] for n in model.names]].astype(np.float64))


def why_not(model: RelationModel, row: Floats) -> tuple[int, str]:
    """(place, why) of the first signal (s,) for which nothing can be said; (-1, "") = all fit."""
    room = BEYOND * (model.high - model.low)
    for k in np.flatnonzero(~np.isfinite(row)):
        return int(k), "is not known now"
    for k in np.flatnonzero((row < model.low - room) | (row > model.high + room)):
        return int(k), "is far outside what was learned"
    return -1, ""


def judge(model: RelationModel, columns: Columns) -> RelationJudged:
    """Every row from itself and earlier ones. Rows with an unknown signal, or with one far outside
    what was learned, are not judged, and add nothing to windows over them."""
    values = taken(model, columns)
    room = BEYOND * (model.high - model.low)
    with np.errstate(invalid="ignore"):
        fit_to = ((values >= model.low - room) & (values <= model.high + room)).all(axis=1)
    fit_to &= ~_switched(values, model.high - model.low)
    scaled = np.where(fit_to[:, None], (values - model.mean) / model.scale, 0.0)
    told = np.column_stack([
        _features(scaled, k, model.turn, model.phase) @ model.weight[row]
        for row, k in enumerate(model.told.tolist())
    ])  # fmt: skip
    away = (scaled[:, model.told] - told) / model.spread
    departure = np.zeros((2, *away.shape))
    departure[:, fit_to] = _windows(away[fit_to]) / model.limit[:, None]
    score = np.where(fit_to, np.abs(departure).max(axis=(0, 2)), np.nan)
    alarm = plant.held(np.nan_to_num(score), 1.0, HOLD) & fit_to
    expected = told * model.scale[model.told] + model.mean[model.told]
    return RelationJudged(score, alarm, departure, expected)


class Fared(Struct, frozen=True):
    """How a model told rows that came after it: `ratio` (k,) its error in that of the signal's own
    mean, for each signal that enough rows could be judged of.
    """

    ratio: np.ndarray
    from_ms: int = 0
    to_ms: int = 0


def fared(model: RelationModel, columns: Columns) -> Fared:
    """Judged against the mean of the past, on the rows in which all signals are known. A signal
    that stood still meanwhile says nothing of either.
    """
    judged = judge(model, columns)
    rows = np.isfinite(judged.score)
    if rows.sum() < LATER:
        return Fared(np.zeros(0))
    values = taken(model, columns)[rows][:, model.told]
    off = values - judged.expected[rows]
    usual = values - model.mean[model.told]
    error, naive = np.sqrt((off * off).mean(axis=0)), np.sqrt((usual * usual).mean(axis=0))
    moved = naive > model.spread * model.scale[model.told]
    times = columns.time_ms[rows]
    return Fared(error[moved] / naive[moved], int(times[0]), int(times[-1]))


def shares(model: RelationModel, judged: RelationJudged, row: int) -> tuple[Share, ...]:
    """Up to three signals that depart most at a row, in limits."""
    away = judged.departure[:, row]
    farther = np.abs(away).argmax(axis=0)
    away = away[farther, np.arange(away.shape[1])]
    total = float((away**2).sum()) or 1.0
    found = [
        Share(model.names[int(model.told[k])], round(float(away[k]), 2),
              round(float(away[k] ** 2) / total, 3))
        for k in np.argsort(-np.abs(away), kind="stable")[:3]
    ]  # fmt: skip
    return tuple(s for s in found if abs(s.spreads) >= 0.5 * abs(found[0].spreads))


def findings(
    model: RelationModel, columns: Columns, judged: RelationJudged, since_ms: int = 0
) -> tuple[Finding, ...]:
    """Anomalies that reach past `since_ms`, oldest first, each with its reason and like cases."""
    found: list[Finding] = []
    for begin, end in runs(judged.alarm, HOLD):
        if columns.time_ms[end - 1] < since_ms:
            continue
        peak = begin + int(np.nanargmax(judged.score[begin:end]))
        decided = shares(model, judged, peak)
        names = tuple(s.signal for s in decided)
        found.append(
            Finding(
                "together",
                int(columns.time_ms[begin]),
                int(columns.time_ms[end - 1]),
                int(columns.time_ms[peak]),
                round(float(judged.score[peak]), 3),
                decided,
                sentence(model, columns, judged, peak, decided),
                similar.nearest(columns, names, end - 1, max(end - begin, 2 * HOLD)),
            )
        )
    return tuple(found)


def sentence(
    model: RelationModel,
    columns: Columns,
    judged: RelationJudged,
    row: int,
    decided: tuple[Share, ...],
) -> str:
    """`Flow is low for this pressure and current: 12.1 l/s where 15.2 l/s fits; ...`."""
    first = decided[0]
    place = model.names.index(first.signal)
    at = int(np.flatnonzero(model.told == place)[0])
    slow = abs(judged.departure[1, row, at]) > abs(judged.departure[0, row, at])
    part = slice(max(row + 1 - (SLOW if slow else QUICK), 0), row + 1)
    good: Bools = np.isfinite(judged.score[part])
    now = float(np.median(taken(model, columns)[part, place][good]))
    fits = float(np.median(judged.expected[part, at][good]))
    unit = columns.unit(columns.names.index(first.signal))
    leans = [_inside(model.names[o]) for o in model.leans[at].tolist() if o >= 0]
    this = " and ".join(leans) or "the other signals"
    way = "low" if first.spreads < 0 else "high"
    text = f"{first.signal} is {way} for this {this}: {now:.4g}{unit} where {fits:.4g}{unit} fits"
    if slow:
        text += f", over the last {duration(int(columns.time_ms[row] - columns.time_ms[part][0]))}"
    others = [_inside(s.signal) for s in decided[1:]]
    if others:
        text += f"; {' and '.join(others)} {'do' if len(others) > 1 else 'does'} not fit either"
    return f"{text}."


def _inside(name: str) -> str:
    """A name within a sentence: `Flow` is `flow`, `P_J1` and `DO` stay."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name
