"""Leaks in anyone's network: weeks without leaks to learn from, later weeks to judge."""

from __future__ import annotations

import time

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import network
from lamplighter.analytics.anomaly.columns import Columns, Event
from lamplighter.analytics.anomaly.tables import Table, read, unreadable
from lamplighter.domain.task import Progress

LEAST_DAYS = 21


class LeaksRequest(Struct, frozen=True):
    """Paths of two tables; columns that begin with `pressure` are judged, all others explain;
    `repairs_ms` when something was repaired in the judged time."""

    calm: str
    test: str
    pressure: str = "P_"
    repairs_ms: tuple[int, ...] = ()


class LeaksReport(Struct, frozen=True):
    """`limit` and `largest_calm` in spreads of a day; `calm_days` the limit comes from."""

    alarms: tuple[network.LeakAlarm, ...]
    days: int
    limit: float
    largest_calm: float
    calm_days: int
    sensors: int
    fit_seconds: float


def judge_leaks(payload: LeaksRequest, progress: Progress) -> LeaksReport:
    """Alarms day by day, each from its day and earlier ones."""
    progress(0, 2, "fitting")
    calm = _columns(read(payload.calm))
    sensors = tuple(n for n in calm.names if n.startswith(payload.pressure))
    drivers = tuple(n for n in calm.names if n not in sensors)
    name = payload.calm.rsplit("/", 1)[-1]
    if len(sensors) < 2:
        raise unreadable(name, f"it has no two columns that begin with '{payload.pressure}'")
    if _days(calm) < LEAST_DAYS:
        raise unreadable(name, f"it has fewer than {LEAST_DAYS} days")
    begun = time.perf_counter()
    model = network.fit(calm, sensors, drivers)
    seconds = time.perf_counter() - begun
    progress(1, 2, "judging")
    table = read(payload.test)
    missing = [n for n in model.names if n not in table.names]
    if missing:
        raise unreadable(table.name, f"it has no column '{missing[0]}'")
    test = Columns(table.names, table.time_ms, table.values)
    repairs = tuple(Event(at, at) for at in payload.repairs_ms)
    return LeaksReport(
        network.judge(model, test, repairs), _days(test), round(model.limit, 3),
        round(model.largest_calm, 3), model.days, len(sensors), round(seconds, 2),
    )  # fmt: skip


def _columns(table: Table) -> Columns:
    """Columns of numbers that are known throughout enough to learn from."""
    kept = [k for k in range(len(table.names)) if np.isfinite(table.values[:, k]).mean() > 0.5]
    return Columns(tuple(table.names[k] for k in kept), table.time_ms, table.values[:, kept])


def _days(columns: Columns) -> int:
    return int(np.unique(columns.time_ms // network.DAY_MS).size)
