"""The simulated past of what is maintained: hourly features of the pumps, failures and their work
orders, and the strain of the bridge that creeps.

It is imported as a recording, and whatever a model learns from it says so. Only what the live
device also sends is in it, made by the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lamplighter.field import bearing, strain
from lamplighter.field.definition import Definition
from lamplighter.field.register import Register, table_text

Floats = npt.NDArray[np.float64]

DAYS = 60
FAILURES = 12
PAST_FOLDER = "past"
HISTORY_FILE = "history.csv"
FAILURES_FILE = "failures.csv"
ORDERS_FILE = "work_orders.csv"
WEARING = "P-22"
START_AGE_DAYS = 6.0
HOUR_MS = 3_600_000


def write_past(definition: Definition, register: Register, folder: Path, end_ms: int) -> int:
    """Writes the three files; the past ends at `end_ms`. Returns the number of failures."""
    sources = {s.asset: s.source for s in register.streams if s.kind == "vibration_rms"}
    pumps = sorted(sources)
    ages, events = plan_lives(definition.seed, pumps)
    rng = np.random.default_rng([definition.seed, 7])
    hours = np.arange(DAYS * 24)
    times = end_ms - (DAYS * 24 - hours) * HOUR_MS
    of_day = (times // HOUR_MS % 24).astype(np.float64)
    lines = ["source,datastream,phenomenon_time_ms,value"]
    folder = folder / PAST_FOLDER
    folder.mkdir(exist_ok=True)
    for pump in pumps:
        rated = float(register.assets[pump].attributes["rated_kw"])
        load = bearing.day_load(of_day, 0.0)
        columns = bearing.features(ages[pump], load, rated, rng)
        for kind in bearing.FEATURES:
            name = f"{sources[pump]},{pump}.{kind},"
            lines += [
                f"{name}{t},{v:.2f}"
                for t, v in zip(times.tolist(), columns[kind].tolist(), strict=True)
            ]
    lines += _strain(definition, register, times, of_day)
    (folder / HISTORY_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write_events(folder, events, end_ms)
    return sum(r.failed for r in events)


def _strain(
    definition: Definition, register: Register, times: npt.NDArray[np.int64], of_day: Floats
) -> list[str]:
    """Rows of the bridge that creeps, where the district has it."""
    name = f"{strain.BRIDGE}.{strain.KIND}"
    source = next((s.source for s in register.streams if s.name == name), "")
    if not source:
        return []
    days_left = (int(times[-1]) + HOUR_MS - times) / (24.0 * HOUR_MS)
    values = strain.past(of_day, days_left, np.random.default_rng([definition.seed, 9]))
    return [
        f"{source},{name},{t},{v:.1f}" for t, v in zip(times.tolist(), values.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class Renewal:
    """A bearing replaced `hour` hours into the past, failed or in time; its age in days."""

    pump: str
    hour: int
    age_days: float
    failed: bool


def plan_lives(seed: int, pumps: list[str]) -> tuple[dict[str, Floats], list[Renewal]]:
    """Bearing age in days per pump and hour, and the renewals in the order they happened.

    Exactly `FAILURES` bearings fail, each at the end of a drawn life; the others, among them the
    one that wears live, are renewed in time. Everybody ends the past with a young bearing.
    """
    rng = np.random.default_rng([seed, 6])
    others = [p for p in pumps if p != WEARING]
    failing = set(rng.permutation(others)[:FAILURES].tolist())
    ages: dict[str, Floats] = {}
    renewals: list[Renewal] = []
    for pump in pumps:
        now = START_AGE_DAYS if pump == WEARING else float(rng.uniform(3.0, 48.0))
        if pump in failing:
            life = max(now + 20.0, float(rng.normal(bearing.LIFE_DAYS, bearing.LIFE_SPREAD_DAYS)))
        else:
            life = float(rng.uniform(48.0, 60.0))
        hour = round((DAYS - now) * 24)
        hours = np.arange(DAYS * 24)
        ages[pump] = np.where(hours < hour, life + (hours - hour) / 24, (hours - hour) / 24)
        renewals.append(Renewal(pump, hour, life, pump in failing))
    return ages, sorted(renewals, key=lambda r: (r.hour, r.pump))


def _write_events(folder: Path, renewals: list[Renewal], end_ms: int) -> None:
    failures: list[list[object]] = []
    orders: list[list[object]] = []
    for number, r in enumerate(renewals):
        when = end_ms - (DAYS * 24 - r.hour) * HOUR_MS
        if r.failed:
            note = f"Drive-end bearing seized after {r.age_days:.0f} days"
            failures.append([r.pump, when, "bearing", note])
        title = "Replace drive-end bearing" if r.failed else "Renew drive-end bearing, planned"
        finding = "found: bearing worn, replaced" if r.failed else "not found: renewed in time"
        origin = "alarm" if r.failed else "hand"
        orders.append(
            [
                f"WO-{1001 + number}", r.pump, title, "done", when, when + 6 * HOUR_MS,
                when + 5 * HOUR_MS, origin, finding,
            ]
        )  # fmt: skip
    (folder / FAILURES_FILE).write_text(
        table_text(("asset", "time_ms", "mode", "note"), failures), encoding="utf-8"
    )
    columns = (
        "id",
        "asset",
        "title",
        "state",
        "created_ms",
        "due_ms",
        "closed_ms",
        "origin",
        "finding",
    )
    (folder / ORDERS_FILE).write_text(table_text(columns, orders), encoding="utf-8")
