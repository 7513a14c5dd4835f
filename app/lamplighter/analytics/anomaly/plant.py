"""A plant of tanks, pumps and pressures: each signal told from all of them one row before and the
switches now.

The relation is learned from the past alone by ridge on random cosine features, so balances (a
level rises by what flows in), rules (a pump starts at a low level) and hours of use are found
without being named. A value that does not follow from what was before it, by a fault, an attack
or a replayed recording, stands out at the row where it begins.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import rolling, similar
from lamplighter.analytics.anomaly.columns import Bools, Columns, Finding, Floats, Share, runs

FEATURES: Final = 800
WIDTH: Final = 0.01
RIDGE: Final = 1e-3
FOLDS: Final = 4
BLOCKS: Final = 24
"""stretches the past is cut into; each is judged by a model that has not seen it"""
ACCURACY: Final = 0.003
"""no signal is trusted to be more exact than this share of its largest value"""
CLIP: Final = 15.0
MEAN: Final = 2
HOLD: Final = 6
"""rows an alarm goes on after the last row that keeps it up"""
STAY: Final = 0.6
"""share of the limit beyond which a row keeps an alarm up"""
FALSE: Final = 0.01
"""share of calm rows of the past in alarm, which sets the limit"""
SWITCH: Final = 3
"""different values a switch has at most"""
NEW_ROWS: Final = 24
"""rows for which a signal that never moved before counts after it has moved"""
LEAST: Final = 240
KNOWN: Final = 0.5
"""share of signals that must be known in a row for it to be judged"""
HOUR_MS: Final = 3_600_000
SEED: Final = 0


class PlantModel(Struct, frozen=True):
    """c signals, of which m move; `told` are the m' among them that are no switches.

    `mean`, `scale` (m,); `turn` (inputs, FEATURES), `phase` (FEATURES,); `weight`
    (FEATURES + inputs + 1, m'); `spread` (m',) of what remains; `still` values of signals that
    never moved. `calm` (n,): the score of the past by models that had not seen it.
    """

    moving: tuple[str, ...]
    told: tuple[str, ...]
    still: dict[str, float]
    mean: np.ndarray
    scale: np.ndarray
    turn: np.ndarray
    phase: np.ndarray
    weight: np.ndarray
    spread: np.ndarray
    calm: np.ndarray
    limit: float
    hold: int = HOLD


class PlantJudged(Struct, frozen=True):
    """`score` (n,): 1 is the limit; `alarm` (n,); `departure` (n, m') signed, in spreads."""

    score: np.ndarray
    alarm: np.ndarray
    departure: np.ndarray


def fit(columns: Columns) -> PlantModel | None:
    """From rows without known trouble; None where there are too few rows or nothing moves."""
    columns = _sorted(columns)
    values = rolling.forward(columns.values.astype(np.float64))
    mean, scale = rolling.column_mean(values), rolling.column_spread(values)
    known = np.isfinite(mean)
    moves = known & (scale > 0)
    switch = np.array([np.unique(v[np.isfinite(v)]).size <= SWITCH for v in values.T], np.bool_)
    told = np.flatnonzero(moves & ~switch)
    if columns.rows < LEAST or not told.size:
        return None
    kept = np.flatnonzero(moves)
    scaled = np.nan_to_num((values[:, kept] - mean[kept]) / scale[kept])
    switches, targets = np.flatnonzero(switch[kept]), np.flatnonzero(~switch[kept])
    inputs = _inputs(scaled, switches, columns.time_ms)
    rng = np.random.default_rng(SEED)
    turn = rng.normal(0.0, np.sqrt(2.0 * WIDTH), (inputs.shape[1], FEATURES))
    phase = rng.uniform(0.0, 2.0 * np.pi, FEATURES)
    features = waves(inputs, turn, phase)
    largest = np.nanmax(np.abs(values[:, told]), axis=0) / scale[told]
    left = unseen(features, scaled[:, targets])
    spread = np.sqrt((left * left).mean(axis=0) + (ACCURACY * largest) ** 2)
    calm = _score(left / spread)[0]
    names = columns.names
    return PlantModel(
        tuple(names[k] for k in kept),
        tuple(names[k] for k in told),
        {names[k]: float(mean[k]) for k in np.flatnonzero(known & ~moves)},
        mean[kept],
        scale[kept],
        turn,
        phase,
        solved(features, scaled[:, targets]),
        spread,
        calm,
        limit_of(calm, FALSE, HOLD),
    )


def _sorted(columns: Columns) -> Columns:
    """Signals by name, so that their order in a file decides nothing."""
    order = sorted(range(len(columns.names)), key=lambda k: columns.names[k])
    return Columns(
        tuple(columns.names[k] for k in order), columns.time_ms, columns.values[:, order]
    )


def _inputs(scaled: Floats, switches: np.ndarray, time_ms: np.ndarray) -> Floats:
    before = np.vstack([scaled[:1], scaled[:-1]])
    hour = time_ms / HOUR_MS
    turns = [2 * np.pi * hour / period for period in (24.0, 12.0, 168.0)]
    clock = [wave(t) for t in turns for wave in (np.sin, np.cos)]
    return np.column_stack([before, scaled[:, switches], *clock])


def waves(inputs: Floats, turn: Floats, phase: Floats) -> Floats:
    """(n, FEATURES + inputs + 1) cosines of the inputs, the inputs themselves and a one."""
    turned = np.sqrt(2.0 / phase.size) * np.cos(inputs @ turn + phase)
    return np.column_stack([turned, inputs, np.ones(inputs.shape[0])])


def solved(features: Floats, targets: Floats, ridge: float = RIDGE) -> Floats:
    """(f, m) weights by ridge."""
    inner = features.T @ features + ridge * features.shape[0] * np.eye(features.shape[1])
    found: Floats = np.linalg.solve(inner, features.T @ targets)
    return found


def unseen(features: Floats, targets: Floats, ridge: float = RIDGE) -> Floats:
    """What remains in each block by a model fitted on the other folds."""
    rows = features.shape[0]
    fold = np.arange(rows) * BLOCKS // rows % FOLDS
    left = np.zeros(targets.shape)
    for part in range(FOLDS):
        out = fold == part
        left[out] = targets[out] - features[out] @ solved(features[~out], targets[~out], ridge)
    return left


def _score(departure: Floats) -> tuple[Floats, Floats]:
    short = rolling.mean(np.clip(departure, -CLIP, CLIP), MEAN)
    return np.abs(short).max(axis=1), short


def limit_of(calm: Floats, share: float, hold: int) -> float:
    """The smallest limit by which at most `share` of calm rows are in alarm, with `hold`."""
    low, high = 0.0, float(calm.max(initial=0.0)) * 1.001 + 1e-9
    for _ in range(40):
        middle = (low + high) / 2
        if held(calm, middle, hold).mean() > share:
            low = middle
        else:
            high = middle
    return high


def held(score: Floats, limit: float, rows: int) -> Bools:
    """Alarms: raised beyond the limit, kept up beyond `STAY` of it, gone after `rows` calm rows."""
    places = np.flatnonzero(score > STAY * limit)
    up = np.zeros(score.size, np.float64)
    if places.size:
        chain = np.concatenate(([0], np.cumsum(np.diff(places) >= rows)))
        raised = np.maximum.accumulate(np.where(score[places] > limit, chain, -1)) == chain
        up[places[raised]] = 1.0
    found: Bools = rolling.total(up[:, None], rows)[0][:, 0] > 0.5
    return found


def judge(model: PlantModel, columns: Columns) -> PlantJudged:
    """Every row from itself and the one before; a row of which too little is known scores 0.

    Raises KeyError for a signal that is missing.
    """
    place = {name: k for k, name in enumerate(columns.names)}
    values = rolling.forward(columns.values.astype(np.float64))
    moving = values[:, [place[n] for n in model.moving]]
    scaled = np.nan_to_num((moving - model.mean) / model.scale)
    targets = [model.moving.index(n) for n in model.told]
    switches = np.array([k for k, n in enumerate(model.moving) if n not in model.told], np.int64)
    inputs = _inputs(scaled, switches, columns.time_ms)
    told = waves(inputs, model.turn, model.phase) @ model.weight
    score, short = _score((scaled[:, targets] - told) / model.spread)
    score = score / model.limit
    known = np.isfinite(columns.values[:, [place[n] for n in model.moving]]).mean(axis=1)
    score = np.where(known < KNOWN, 0.0, score)
    score[:1] = 0.0  # the first row has none before it to be told from
    for name, value in model.still.items():
        if name in place:
            score = np.where(
                _newly_moved(values[:, place[name]], value), np.maximum(score, 1.5), score
            )
    return PlantJudged(score, held(score, 1.0, model.hold), short)


def _newly_moved(values: Floats, usual: float) -> Bools:
    away = np.abs(values - usual) > ACCURACY * max(abs(usual), 1e-6)
    row = np.arange(values.size)
    begins = np.maximum.accumulate(np.where(away & ~np.concatenate(([False], away[:-1])), row, -1))
    found: Bools = away & (row - begins < NEW_ROWS)
    return found


def shares(model: PlantModel, judged: PlantJudged, row: int) -> tuple[Share, ...]:
    """Up to three signals that depart most at a row."""
    away = judged.departure[row]
    total = float((away**2).sum()) or 1.0
    return tuple(
        Share(model.told[k], round(float(away[k]), 2), round(float(away[k] ** 2) / total, 3))
        for k in np.argsort(-np.abs(away), kind="stable")[:3]
    )


def findings(
    model: PlantModel, columns: Columns, judged: PlantJudged, since_ms: int = 0
) -> tuple[Finding, ...]:
    """Anomalies that reach past `since_ms`, oldest first, each with its reason and like cases."""
    found: list[Finding] = []
    for begin, end in runs(judged.alarm, 0):
        if columns.time_ms[end - 1] < since_ms:
            continue
        peak = begin + int(judged.score[begin:end].argmax())
        decided = shares(model, judged, peak)
        names = tuple(s.signal for s in decided)
        parts = [
            f"{s.signal} is {abs(s.spreads):.1f} spreads {'above' if s.spreads > 0 else 'below'}"
            for s in decided[:1]
        ] + [f"{s.signal} {abs(s.spreads):.1f}" for s in decided[1:]]
        new = [n for n in model.still if n in columns.names and _moved(columns, n, peak, model)]
        what = " what the row before and the switches say"
        found.append(
            Finding(
                "together",
                int(columns.time_ms[begin]),
                int(columns.time_ms[end - 1]),
                int(columns.time_ms[peak]),
                round(float(judged.score[peak]), 3),
                decided,
                f"{new[0]} moves, which it never did before." if new
                else f"{parts[0]}{what}{'; also off: ' if parts[1:] else ''}"
                f"{', '.join(parts[1:])}.",
                similar.nearest(columns, names, end - 1, max(end - begin, 2 * HOLD)),
            )
        )  # fmt: skip
    return tuple(found)


def _moved(columns: Columns, name: str, row: int, model: PlantModel) -> bool:
    usual = model.still[name]
    value = float(columns.values[row, columns.names.index(name)])
    return abs(value - usual) > ACCURACY * max(abs(usual), 1e-6)
