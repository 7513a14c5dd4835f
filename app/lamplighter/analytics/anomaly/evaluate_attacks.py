"""Hours of a water network under attack (the BATADAL form), judged by the detector of plants."""

from __future__ import annotations

import itertools
import time
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import judging, plant
from lamplighter.analytics.anomaly.columns import Bools, Columns, Floats
from lamplighter.analytics.anomaly.tables import Table, read, unreadable
from lamplighter.domain.task import Progress

LABEL: Final = "ATT_FLAG"
SHARES: Final = (0.002, 0.005, 0.01, 0.02, 0.03)
HOLDS: Final = (4, 6, 8, 12, 18)
WORTH: Final = 0.01
"""gain in S from which other settings than the program's own are taken"""


class AttacksRequest(Struct, frozen=True):
    """Paths; `tune` "" = limits from `train` alone."""

    train: str
    test: str
    tune: str = ""


class AttacksReport(Struct, frozen=True):
    """`s` = mean of `s_ttd` (time to detection) and `s_clf` (hours right); always alarm 0.75.

    `left_out_s`: with a tuning file, each of its attacks judged with settings chosen on the
    others; null without.
    """

    s: float
    s_ttd: float
    s_clf: float
    tpr: float
    tnr: float
    f1: float
    attacks_found: int
    attacks: int
    always_alarm_s: float
    never_alarm_s: float
    left_out_s: float | None
    false_share: float
    hold_hours: int
    threshold: str
    fit_seconds: float
    signals: int
    hours: int
    reasons: tuple[str, ...]


def judge_attacks(payload: AttacksRequest, progress: Progress) -> AttacksReport:
    """Fits on hours without attacks, tunes on labelled ones if there are any, judges the test."""
    progress(0, 4, "reading")
    train, test = read(payload.train), read(payload.test)
    calm = _calm(train)
    progress(1, 4, "fitting")
    begun = time.perf_counter()
    model = plant.fit(calm)
    if model is None:
        raise unreadable(
            train.name, f"it has fewer than {plant.LEAST} rows, or none of its signals moves"
        )
    seconds = time.perf_counter() - begun
    share, hold, left_out = plant.FALSE, plant.HOLD, None
    source = f"{plant.FALSE:.1%} of hours without attack in alarm, judged unseen"
    if payload.tune:
        progress(2, 4, "tuning")
        tune = read(payload.tune)
        if not _labels(tune).any():
            raise unreadable(tune.name, "it has no hour of attack to tune on")
        tried = _tried(model, _columns(tune, model), _labels(tune))
        share, hold = _best(tried, _labels(tune))
        left_out = _left_out(tried, _labels(tune))
        own = (share, hold) == (plant.FALSE, plant.HOLD)
        source += f"; {tune.name} gave no reason to leave it" if own else ""
        source = source if own else f"chosen on the labelled hours of {tune.name}"
    progress(3, 4, "judging")
    true, columns = _labels(test), _columns(test, model)
    judged = plant.judge(model, columns)
    alarm = _alarm(model, judged.score, share, hold)
    found = judging.attacks(true, alarm)
    always = judging.attacks(true, np.ones(true.size, np.bool_))
    never = judging.attacks(true, np.zeros(true.size, np.bool_))
    progress(4, 4, "scored")
    return AttacksReport(
        found.s, found.s_ttd, found.s_clf, found.tpr, found.tnr, found.f1, found.attacks_found,
        found.attacks, always.s, never.s, left_out, share, hold, source, round(seconds, 2),
        len(model.told), int(true.size), _reasons(model, judged, alarm, columns),
    )  # fmt: skip


def _numeric(table: Table) -> list[int]:
    return [
        k for k, n in enumerate(table.names)
        if n.upper() != LABEL and np.isfinite(table.values[:, k]).any()
    ]  # fmt: skip


def _calm(table: Table) -> Columns:
    """Training rows; labelled attack hours in it are not learned from."""
    label = table.column(LABEL)
    rows = np.ones(table.time_ms.size, np.bool_) if label is None else ~(label > 0.5)
    kept = _numeric(table)
    if not kept:
        raise unreadable(table.name, "it has no column of numbers")
    return Columns(
        tuple(table.names[k] for k in kept), table.time_ms[rows], table.values[rows][:, kept]
    )


def _columns(table: Table, model: plant.PlantModel) -> Columns:
    missing = [n for n in model.moving if n not in table.names]
    if missing:
        raise unreadable(table.name, f"it has no column '{missing[0]}'")
    return Columns(table.names, table.time_ms, table.values)


def _labels(table: Table) -> Bools:
    label = table.column(LABEL)
    if label is None:
        raise unreadable(table.name, f"it has no column '{LABEL}'")
    found: Bools = label > 0.5
    return found


def _alarm(model: plant.PlantModel, score: Floats, share: float, hold: int) -> Bools:
    limit = plant.limit_of(model.calm, share, hold) / model.limit
    return plant.held(score, limit, hold)


def _tried(
    model: plant.PlantModel, columns: Columns, true: Bools
) -> dict[tuple[float, int], Bools]:
    score = plant.judge(model, columns).score
    return {
        (share, hold): _alarm(model, score, share, hold)
        for share, hold in itertools.product(SHARES, HOLDS)
    }


def _best(tried: dict[tuple[float, int], Bools], true: Bools) -> tuple[float, int]:
    """The settings of best S; those of the program unless others are better by `WORTH`, for a
    handful of attacks cannot tell smaller differences from chance."""
    scores = {k: judging.attacks(true, alarm).s for k, alarm in tried.items()}
    best, own = max(scores, key=lambda k: scores[k]), (plant.FALSE, plant.HOLD)
    return best if scores[best] > scores[own] + WORTH else own


def _left_out(tried: dict[tuple[float, int], Bools], true: Bools) -> float | None:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], true.astype(np.int8), [0]))))
    spans = edges.reshape(-1, 2)
    if spans.shape[0] < 2:
        return None
    cuts = [0, *((spans[:-1, 1] + spans[1:, 0]) // 2).tolist(), true.size]
    said = np.zeros(true.size, np.bool_)
    for begin, end in itertools.pairwise(cuts):
        rest = np.ones(true.size, np.bool_)
        rest[begin:end] = False
        best = _best({k: alarm[rest] for k, alarm in tried.items()}, true[rest])
        said[begin:end] = tried[best][begin:end]
    return judging.attacks(true, said).s


def _reasons(
    model: plant.PlantModel, judged: plant.PlantJudged, alarm: Bools, columns: Columns
) -> tuple[str, ...]:
    """Why each of the first alarms began."""
    begins = np.flatnonzero(alarm & ~np.concatenate(([False], alarm[:-1])))
    found = []
    for row in begins[:20]:
        parts = [
            f"{s.signal} {abs(s.spreads):.1f} spreads {'above' if s.spreads > 0 else 'below'}"
            for s in plant.shares(model, judged, int(row))
        ]
        when = np.datetime64(int(columns.time_ms[row]), "ms").astype("datetime64[m]")
        found.append(f"{when}: {', '.join(parts)} what the hour before and the switches say")
    return tuple(found)
