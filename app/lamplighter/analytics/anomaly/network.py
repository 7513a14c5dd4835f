"""Leaks in a network of pressures: a fall that neither the other pressures nor the flows explain.

Fitted on weeks without leaks. Each pressure is told twice, from the other pressures and flows and
from the flows alone; what remains is taken as one median a day, so the hours of the day and a bad
reading decide nothing. A leak lowers it and it stays lower; the sensor that falls most is the
nearest. A fall at the sensor or in the direction of one that is known already is the same leak
growing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly.columns import Columns, Event, Floats

DAY_MS: Final = 86_400_000
RIDGE: Final = 1e-3
FOLDS: Final = 4
SETTLE: Final = 5
"""days after the begin or a repair in which only the base is learned"""
BASE: Final = 21
"""days the base looks back at most"""
HOLD: Final = 2
"""days in a row a fall must last"""
SAME: Final = 0.75
"""cosine of two falls from which they are one leak"""
SAME_DAYS: Final = 60
NEXT: Final = 2
"""sensors named beside the nearest one"""
MARGIN: Final = 1.25
"""the limit lies this many times beyond the largest fall of the weeks without leaks"""


class NetworkModel(Struct, frozen=True):
    """p judged signals, each told in two ways from the others of c columns.

    `mean`, `scale` (c,) of the columns; `weight` (2, p, c + products of drivers); `spread` (2, p):
    one standard deviation of a day's median on days the model had not seen; falls beyond `limit`
    count.
    """

    names: tuple[str, ...]
    judged: tuple[str, ...]
    drivers: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    spread: np.ndarray
    limit: float
    largest_calm: float
    days: int


class LeakAlarm(Struct, frozen=True):
    """Known at the end of the day from `day_ms` on; `signal` fell most, by `fall` spreads."""

    day_ms: int
    signal: str
    fall: float
    reason: str
    beside: tuple[str, ...] = ()
    """signals that fell next most, at least half of that, the strongest first"""


def fit(
    columns: Columns, judged: tuple[str, ...], drivers: tuple[str, ...], margin: float = MARGIN
) -> NetworkModel:
    """From leak-free rows: `judged` are pressures, `drivers` flows that explain demand."""
    places = [columns.names.index(n) for n in judged]
    flows = [columns.names.index(n) for n in drivers]
    values = columns.values.astype(np.float64)
    mean, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    scale = np.where(scale > 0, scale, np.inf)
    scaled = _with_products(np.nan_to_num((values - mean) / scale), flows)
    fold = (columns.time_ms - columns.time_ms[0]) // DAY_MS // 7 % FOLDS
    left = np.full((2, columns.rows, len(places)), np.nan)
    for part in range(FOLDS):
        out = fold == part
        if out.any() and not out.all():
            weight = _weights(scaled[~out], places, flows)
            left[:, out] = _left(scaled[out], places, weight)
    daily = _daily(columns.time_ms, left)[1]
    spread = np.maximum(np.nanstd(daily, axis=1), 1e-9)
    largest = float(max((a[2] for a in _falls(daily / spread[:, None], [], 0.0)), default=0.0))
    limit = margin * largest if largest > 0 else np.inf
    return NetworkModel(
        columns.names,
        judged,
        drivers,
        mean,
        scale,
        _weights(scaled, places, flows),
        spread,
        limit,
        largest,
        daily.shape[1],
    )


def _with_products(scaled: Floats, flows: list[int]) -> Floats:
    """The columns and all products of two drivers: loss of pressure goes with the flow squared."""
    pairs = [(a, b) for k, a in enumerate(flows) for b in flows[k:]]
    more = [scaled[:, a] * scaled[:, b] - (a == b) for a, b in pairs]
    return np.column_stack([scaled, *more]) if more else scaled


def _weights(scaled: Floats, places: list[int], flows: list[int]) -> Floats:
    rows, count = scaled.shape
    products = list(range(count - len(flows) * (len(flows) + 1) // 2, count))
    product = scaled.T @ scaled / rows
    found = np.zeros((2, len(places), count))
    for way in (0, 1):
        for at, place in enumerate(places):
            told_by = places + flows if way == 0 else flows + products
            others = [k for k in told_by if k != place]
            inner = product[np.ix_(others, others)] + RIDGE * np.eye(len(others))
            found[way, at, others] = np.linalg.solve(inner, product[others, place])
    return found


def _left(scaled: Floats, places: list[int], weight: Floats) -> Floats:
    told = np.einsum("rc,wpc->wrp", scaled, weight)
    found: Floats = scaled[:, places][None] - told
    return found


def _daily(time_ms: np.ndarray, left: Floats) -> tuple[np.ndarray, Floats]:
    """(days as ms, medians (2, d, p)) of whole days."""
    day = time_ms // DAY_MS
    days, begins, counts = np.unique(day, return_index=True, return_counts=True)
    whole = counts >= 0.75 * counts.max()
    medians = [np.median(left[:, b : b + c], axis=1) for b, c in zip(begins, counts, strict=True)]
    return days[whole] * DAY_MS, np.stack(medians, axis=1)[:, whole]


def judge(
    model: NetworkModel, columns: Columns, repairs: tuple[Event, ...] = ()
) -> tuple[LeakAlarm, ...]:
    """Alarms in order, each from its day and earlier ones; after a repair the base is new."""
    order = [columns.names.index(n) for n in model.names]
    values = columns.values[:, order].astype(np.float64)
    flows = [model.names.index(n) for n in model.drivers]
    scaled = _with_products(np.nan_to_num((values - model.mean) / model.scale), flows)
    places = [model.names.index(n) for n in model.judged]
    days, daily = _daily(columns.time_ms, _left(scaled, places, model.weight))
    ends = [int(np.searchsorted(days, e.end_ms, side="right")) - 1 for e in repairs]
    found = []
    for day, place, fall, near in _falls(daily / model.spread[:, None], ends, model.limit):
        name = model.judged[place]
        found.append(
            LeakAlarm(
                int(days[day]), name, round(fall, 2),
                f"{name} has been lower for {HOLD} days than the flows and the other pressures "
                f"say, by {fall:.1f} of its usual daily spreads; it is the nearest sensor.",
                tuple(model.judged[k] for k in near),
            )
        )  # fmt: skip
    return tuple(found)


def settled_days(day: np.ndarray, repairs_ms: tuple[int, ...]) -> int:
    """How many of these days (numbers since 1970) are judged: the others are too near to the begin
    or to a repair before them, as in `judge`.
    """
    days = np.unique(day)
    ends = {int(np.searchsorted(days, at // DAY_MS, side="right")) - 1 for at in repairs_ms}
    begin = judged = 0
    for place in range(days.size):
        begin = place + 1 if place in ends else begin
        judged += place - begin >= SETTLE
    return judged


def _falls(
    daily: Floats, ends: list[int], limit: float
) -> list[tuple[int, int, float, tuple[int, ...]]]:
    """(day, sensor, size, sensors that fell next most) of new falls beyond `limit`; with 0 the
    largest fall of every day.
    """
    found: list[tuple[int, int, float, tuple[int, ...]]] = []
    known: list[tuple[int, int, Floats]] = []
    begin = 0
    for day in range(daily.shape[1]):
        if day in ends:
            begin = day + 1
            known = []
        if day - begin < SETTLE:
            continue
        first = max(begin, day - HOLD - BASE)
        base = np.median(daily[:, first : day - HOLD + 1], axis=1)
        fall = base - daily[:, day - HOLD + 1 : day + 1].max(axis=1)
        size, sensor = float(fall.max()), int(fall.max(axis=0).argmax())
        if size <= limit:
            continue
        if limit > 0:
            way = (base - daily[:, day]).ravel()
            way = way / np.linalg.norm(way)
            begin = day
            same = [
                k
                for k, (at, place, w) in enumerate(known)
                if day - at < SAME_DAYS and (place == sensor or w @ way > SAME)
            ]
            if same:
                known[same[0]] = (day, sensor, way)
                continue
            known.append((day, sensor, way))
        each = fall.max(axis=0)
        order = [int(k) for k in np.argsort(-each) if k != sensor and each[k] > size / 2]
        found.append((day, sensor, size, tuple(order[:NEXT])))
    return found
