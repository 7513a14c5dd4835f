"""Runs of one machine with labelled faults (the SKAB form), judged by the detector of assets."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import asset, judging
from lamplighter.analytics.anomaly.columns import Bools, Columns, Floats
from lamplighter.analytics.anomaly.tables import Table, read, unreadable
from lamplighter.domain.task import Progress

FIT_ROWS: Final = 400
"""rows at the begin of a run that are fitted on without their labels and not judged"""
LABELS: Final = ("anomaly", "changepoint")


class RunsRequest(Struct, frozen=True):
    """Files of runs; one without label columns is left out and named, unless `strict`."""

    paths: tuple[str, ...]
    strict: bool = False


class RunResult(Struct, frozen=True):
    """One file: rows judged, and what the detector made of them."""

    file: str
    rows: int
    f1: float
    far: float
    mar: float


class RunsReport(Struct, frozen=True):
    """Pooled over the judged rows of all files; `naive_f1`, `naive_far`: always alarm."""

    f1: float
    far: float
    mar: float
    nab_standard: float
    nab_low_fp: float
    nab_low_fn: float
    naive_f1: float
    naive_far: float
    fit_seconds: float
    judge_seconds: float
    files: int
    rows: int
    change_points: int
    left_out: tuple[str, ...]
    threshold: str
    by_file: tuple[RunResult, ...]


def judge_runs(payload: RunsRequest, progress: Progress) -> RunsReport:
    """Fits each run on its own first rows and judges the rest of it causally."""
    seconds: list[Floats] = []
    true: list[Bools] = []
    said: list[Bools] = []
    changes: list[Bools] = []
    predicted: list[Bools] = []
    left_out: list[str] = []
    results: list[RunResult] = []
    spent = [0.0, 0.0]
    for place, path in enumerate(payload.paths):
        progress(place, len(payload.paths), path)
        table = read(path)
        label = table.column("anomaly")
        if label is None:
            if payload.strict:
                raise unreadable(table.name, "it has no column 'anomaly'")
            left_out.append(table.name)
            continue
        if label.shape[0] <= FIT_ROWS:
            raise unreadable(table.name, f"it has no row after the first {FIT_ROWS}")
        alarm = _alarms(table, spent)[FIT_ROWS:]
        y = label[FIT_ROWS:] > 0.5
        marked = table.column("changepoint")
        flip = np.concatenate(([False], alarm[1:] != alarm[:-1]))
        true.append(y)
        said.append(alarm)
        seconds.append(table.time_ms[FIT_ROWS:] / 1000.0)
        changes.append(np.zeros(y.size, np.bool_) if marked is None else marked[FIT_ROWS:] > 0.5)
        predicted.append(flip)
        r = judging.rates([y], [alarm])
        results.append(RunResult(table.name, int(y.size), r.f1, r.far, r.mar))
    if not results:
        raise unreadable(payload.paths[0], "no file with a column 'anomaly' was given")
    progress(len(payload.paths), len(payload.paths), "scored")
    pooled = judging.rates(true, said)
    always = judging.rates(true, [np.ones(y.size, np.bool_) for y in true])
    points = judging.change_points(seconds, changes, predicted)
    return RunsReport(
        pooled.f1,
        pooled.far,
        pooled.mar,
        points["standard"],
        points["low_fp"],
        points["low_fn"],
        always.f1,
        always.far,
        round(spent[0], 3),
        round(spent[1], 3),
        len(results),
        sum(r.rows for r in results),
        int(sum(c.sum() for c in changes)),
        tuple(left_out),
        f"from the first {FIT_ROWS} rows of each run, without labels",
        tuple(results),
    )


def _alarms(table: Table, spent: list[float]) -> Bools:
    kept = [k for k, n in enumerate(table.names) if n.lower() not in LABELS]
    columns = Columns(tuple(table.names[k] for k in kept), table.time_ms, table.values[:, kept])
    begun = time.perf_counter()
    model = asset.fit(columns.part(0, FIT_ROWS))
    fitted = time.perf_counter()
    judged = asset.judge(model, columns, since=FIT_ROWS)
    spent[0] += fitted - begun
    spent[1] += time.perf_counter() - fitted
    return judged.alarm
