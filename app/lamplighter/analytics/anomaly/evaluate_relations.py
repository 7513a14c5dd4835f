"""One asset's signals in two tables, learned from the one and judged on the other, by the very
relations that the recorder judges assets by."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import judging, relation
from lamplighter.analytics.anomaly.columns import Columns, Floats
from lamplighter.analytics.anomaly.tables import Table, read, unreadable
from lamplighter.domain.task import Progress

LABEL: Final = "anomaly"
LABELS: Final = (LABEL, "changepoint")
MOST_REASONS: Final = 20


class RelationsRequest(Struct, frozen=True):
    """Tables of a time and the signals of one asset. A column `anomaly` is taken for labels: what
    they mark in `train` is not learned from, and in `test` they are what findings are held against.
    """

    train: str
    test: str


class RelationsReport(Struct, frozen=True):
    """`why_not`: why nothing was learned; then nothing is in alarm. The rates are NaN where `test`
    has no labels, `naive_f1` is that of always alarm.
    """

    rows: int
    signals: int
    told: tuple[str, ...]
    unexplained: tuple[float, ...]
    """of each told signal, error in that of the better of its mean and its course of the day"""
    why_not: str
    judged: float
    """share of the rows that could be judged"""
    in_alarm: float
    findings: int
    f1: float
    far: float
    mar: float
    naive_f1: float
    fit_seconds: float
    judge_seconds: float
    reasons: tuple[str, ...]


def judge_relations(payload: RelationsRequest, progress: Progress) -> RelationsReport:
    """For workers. Raises LamplighterError (U-831) for a table that cannot be judged."""
    progress(0, 2, "learning")
    train, test = read(payload.train), read(payload.test)
    past, later = _columns(train), _columns(test)
    marked = train.column(LABEL)
    if marked is not None:
        past.values[marked > 0.5] = np.nan
    missing = [n for n in past.names if n not in later.names]
    if missing:
        raise unreadable(test.name, f"it has no column '{missing[0]}'")
    begun = time.perf_counter()
    model, why = relation.fit(past)
    fitted = time.perf_counter()
    progress(1, 2, "judging")
    alarm, known = np.zeros(later.rows, np.bool_), np.zeros(later.rows, np.bool_)
    found: tuple[str, ...] = ()
    if model is not None:
        judged = relation.judge(model, later)
        alarm, known = judged.alarm, np.isfinite(judged.score)
        found = tuple(f.reason for f in relation.findings(model, later, judged))
    ended = time.perf_counter()
    label = test.column(LABEL)
    rates = always = judging.Rates(float("nan"), float("nan"), float("nan"))
    if label is not None:
        rates = judging.rates([label > 0.5], [alarm])
        always = judging.rates([label > 0.5], [np.ones(later.rows, np.bool_)])
    return RelationsReport(
        later.rows,
        len(past.names),
        () if model is None else tuple(model.names[k] for k in model.told.tolist()),
        () if model is None else tuple(np.round(model.spread / model.naive, 3).tolist()),
        why,
        round(float(known.mean()), 4),
        round(float(alarm.mean()), 4),
        len(found),
        rates.f1,
        rates.far,
        rates.mar,
        always.f1,
        round(fitted - begun, 3),
        round(ended - fitted, 3),
        found[:MOST_REASONS],
    )


def _columns(table: Table) -> Columns:
    kept = [k for k, n in enumerate(table.names) if n.strip().lower() not in LABELS]
    values: Floats = table.values[:, kept].astype(np.float64)
    return Columns(tuple(table.names[k] for k in kept), table.time_ms, values)
