"""A small town with weeks of hourly past: pressure, load, traffic and air breathe with the day.

Air follows traffic of the same place after two hours, so that what belongs together can be found.
"""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Asset, Datastream, Limits
from lamplighter.domain.clock import Clock
from lamplighter.domain.observation import Batch, Committed, MessageRecord, PointColumns
from lamplighter.store import Store

Floats = npt.NDArray[np.float64]
HOUR_MS: Final = 3_600_000
SOURCE: Final = "town"
LAG_H: Final = 2
LON, LAT = 10.0, 50.0
KINDS: Final = (
    # asset type, domain, kind, unit, resolution, limits
    ("Junction", "water", "pressure", "bar", 0.01, Limits(2.0, 2.8, 5.2, 5.8)),
    ("Substation", "power", "active_power", "kW", 1.0, Limits()),
    ("Detector", "traffic", "flow", "veh/h", 1.0, Limits()),
    ("AirStation", "air", "no2", "µg/m³", 0.1, Limits(None, None, 80.0, 120.0)),
)


class BreathingTown:
    """`each` assets of every kind, `days` of hours before now."""

    def __init__(self, folder: Path, clock: Clock, *, each: int = 3, days: int = 30) -> None:
        self.folder, self.clock, self.each, self.days = folder, clock, each, days
        self.end_ms = clock.wall_ms() // HOUR_MS * HOUR_MS
        rng = np.random.default_rng(11)
        hours = np.arange(-24 * days, 12) + self.end_ms // HOUR_MS
        self.first_hour = int(hours[0])
        clock_h, weekday = hours % 24, (hours // 24 + 3) % 7
        rush = np.exp(-(((clock_h - 8) / 2.0) ** 2)) + 1.2 * np.exp(-(((clock_h - 17) / 2.5) ** 2))
        rush = rush * np.where(weekday < 5, 1.0, 0.35)
        wander = np.cumsum(rng.normal(0, 0.12, hours.size))
        wander -= wander.mean()
        self.rows: list[Floats] = []
        for kind in range(len(KINDS)):
            for n in range(each):
                own = rng.normal(0, 1.0, hours.size)
                if kind == 0:
                    row = 4.1 + 0.05 * n - 0.5 * rush + 0.04 * own
                elif kind == 1:
                    row = 900.0 + 60 * n + 500 * rush + 25 * own
                elif kind == 2:
                    row = 300.0 + 40 * n + 900 * rush + 60 * own + 40 * wander
                else:
                    traffic = self.rows[2 * each + n]
                    before = np.concatenate([traffic[:LAG_H], traffic[:-LAG_H]])
                    row = 12.0 + 0.03 * before + 2.0 * own + 1.5 * rng.normal(0, 1, hours.size)
                self.rows.append(row)

    def assets(self) -> list[Asset]:
        found = []
        for kind, (type_, domain, *_) in enumerate(KINDS):
            for n in range(self.each):
                lon, lat = LON + 0.004 * n, LAT + 0.0008 * kind
                found.append(Asset(f"{type_}-{n}", type_, f"{type_} {n}", domain, lon=lon, lat=lat))
        return found

    def write(self) -> None:
        Store.create(self.folder, name="town", clock=self.clock)
        store = Store.open(self.folder, write=True, clock=self.clock)
        assets = self.assets()
        metas = [
            Datastream(
                kind * self.each + n, SOURCE, f"{word}-{n}", unit, word, f"{type_}-{n}",
                label=f"{type_} {n} {word}", period_ms=HOUR_MS, resolution=resolution,
                limits=limits,
            )
            for kind, (type_, _, word, unit, resolution, limits) in enumerate(KINDS)
            for n in range(self.each)
        ]  # fmt: skip

        def keep(access: Any) -> None:
            access.put_assets(assets)
            access.put_datastream_meta(metas)

        store.writer.call(keep).result(60)
        source = {name: number for number, name in store.sources().items()}[SOURCE]
        done: queue.SimpleQueue[Committed | BaseException] = queue.SimpleQueue()
        count = len(metas)
        for day in range(self.days):
            rows = slice(24 * day, 24 * day + 24)
            times = (self.first_hour + np.arange(24 * day, 24 * day + 24)) * HOUR_MS + HOUR_MS // 2
            size = 24 * count
            points = PointColumns(
                np.repeat(np.arange(count, dtype=np.int32), 24), np.tile(times, count),
                np.concatenate([row[rows] for row in self.rows]), np.zeros(size, np.uint8),
                np.zeros(size, np.int32), np.arange(size, dtype=np.int32),
            )  # fmt: skip
            letter = MessageRecord(source, 1, day, day + 1, int(times[0]), size)
            store.writer.submit(Batch((letter,), points), done.put)
            outcome = done.get(timeout=60)
            assert not isinstance(outcome, BaseException), outcome
        store.close()
