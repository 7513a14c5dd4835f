"""Pumps of which each signal follows from the others: what a calm one reads, and worn ones.

Flow, pressure and current follow one demand that wanders from day to day; so each alone may be
anywhere in its range at any hour, and only together they say that something is wrong.
"""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.anomaly.columns import Columns
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import Clock
from lamplighter.domain.observation import Batch, Committed, MessageRecord, PointColumns
from lamplighter.store import Store

Floats = npt.NDArray[np.float64]
STEP_MS: Final = 300_000
ROWS_A_DAY: Final = 288
AT_ONCE: Final = 96
SOURCE: Final = "pumps"
SIGNALS: Final = ("flow", "pressure", "current", "vibration")
UNITS: Final = ("l/s", "m", "A", "mm/s")
NOISE: Final = (0.2, 0.3, 0.06, 0.03)


def pump(rows: int, seed: int) -> Floats:
    """(rows, 4) a calm pump, one row each five minutes."""
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0, 0.03, rows)
    wander = np.zeros(rows)
    for row in range(1, rows):
        wander[row] = 0.97 * wander[row - 1] + shocks[row]
    demand = 1 + 0.3 * np.sin(2 * np.pi * np.arange(rows) / ROWS_A_DAY) + wander
    demand = np.clip(demand, 0.3, 2.0)
    speed = 0.5 + 0.5 * demand**0.8
    flow = 20 * demand
    pressure = 60 * speed**2 - 0.03 * flow**2
    current = 2 + 3 * speed**3 + 0.05 * flow * speed
    vibration = 1.0 + 0.8 * speed**2
    values = np.column_stack([flow, pressure, current, vibration])
    found: Floats = np.round(values + rng.normal(0, NOISE, values.shape), 2)
    return found


def switched(rows: int, seed: int) -> Floats:
    """(rows, 4) a pump that runs for some hours and rests for some; when it is switched, now and
    then a signal comes one row late.
    """
    rng = np.random.default_rng(seed + 10_000)
    found = pump(rows, seed)
    on = np.sin(2 * np.pi * np.arange(rows) / 60 + rng.normal(0, 0.3, rows).cumsum() / 20) > 0
    count = int((~on).sum())
    found[~on, 0] = np.abs(rng.normal(0, 0.02, count))
    found[~on, 1] = 15 + rng.normal(0, 0.3, count)
    found[~on, 2] = 0.02
    found[~on, 3] = 0.1 + rng.normal(0, 0.01, count)
    for row in np.flatnonzero(np.diff(on.astype(np.int8))).tolist():
        if rng.random() < 0.5:
            late = int(rng.integers(0, len(SIGNALS)))
            found[row + 1, late] = found[row, late]
    return np.round(found, 2)


def columns(values: Floats, end_ms: int) -> Columns:
    """Rows that end with `end_ms`."""
    time_ms = end_ms - (np.arange(values.shape[0], dtype=np.int64)[::-1]) * STEP_MS
    return Columns(SIGNALS, time_ms, values, UNITS)


def worn(values: Floats, row: int, share: float = 0.15) -> Floats:
    """From `row` on the pump moves less water with the same pressure and current."""
    found = values.copy()
    found[row:, 0] *= 1.0 - share
    return found


def write_pumps(folder: Path, clock: Clock, values: list[Floats], plain: int = 1) -> None:
    """A project with a pump of each (rows, 4) in `values`, up to the last whole five minutes, and
    `plain` tanks with one signal each.
    """
    Store.create(folder, name="pumping town", clock=clock)
    store = Store.open(folder, write=True, clock=clock)
    count = len(values)
    assets = [
        Asset(f"P{n}", "Pump", f"Pump {n}", "water", lon=10.0 + 0.001 * n, lat=50.0)
        for n in range(count)
    ]
    assets += [
        Asset(f"T{n}", "Tank", f"Tank {n}", "water", lon=10.0, lat=50.01) for n in range(plain)
    ]
    metas = [
        Datastream(
            0, SOURCE, f"{name}-{n}", unit, name, f"P{n}", label=name.capitalize(),
            period_ms=STEP_MS, resolution=0.01,
        )
        for n in range(count)
        for name, unit in zip(SIGNALS, UNITS, strict=True)
    ]  # fmt: skip
    metas += [
        Datastream(0, SOURCE, f"level-{n}", "m", "level", f"T{n}", label="Level", period_ms=STEP_MS)
        for n in range(plain)
    ]

    def keep(access: Any) -> None:
        access.put_assets(assets)
        access.put_datastream_meta(metas)

    store.writer.call(keep).result(60)
    source = {name: number for number, name in store.sources().items()}[SOURCE]
    table = np.hstack([*values, np.tile(3.0 + 0.01 * values[0][:, :1], (1, plain))])
    rows, streams = table.shape
    first = clock.wall_ms() // STEP_MS - rows
    done: queue.SimpleQueue[Committed | BaseException] = queue.SimpleQueue()
    for number, begin in enumerate(range(0, rows, AT_ONCE)):
        part = table[begin : begin + AT_ONCE]
        times = (first + begin + np.arange(part.shape[0], dtype=np.int64)) * STEP_MS + STEP_MS // 2
        size = part.size
        points = PointColumns(
            np.tile(np.arange(streams, dtype=np.int32), part.shape[0]),
            np.repeat(times, streams),
            part.ravel(),
            np.zeros(size, np.uint8),
            np.zeros(size, np.int32),
            np.arange(size, dtype=np.int32),
        )
        letter = MessageRecord(source, 1, number, number + 1, int(times[0]), size)
        store.writer.submit(Batch((letter,), points), done.put)
        outcome = done.get(timeout=60)
        assert not isinstance(outcome, BaseException), outcome
    store.close()
