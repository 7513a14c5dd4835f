"""The two times: any moment of a day with late and corrected data, by both clocks.

The product's answer is compared with one worked out row by row from an export and from the plain
table of facts, which uses nothing of the store's reading.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.kit import brute_day
from tests.kit.past_day import MIDNIGHT_MS, PastDay, Size

from lamplighter.domain.clock import SystemClock
from lamplighter.runtime.project import export_observations
from lamplighter.store import Store

Row = dict[str, Any]
TIER: Final = "N3"
SHORT: Final = {"moments": 40}
LONG: Final = {"moments": 600}
DAY: Final = Size(streams=40, assets=60, every_s=300, batch_s=300, alarms=150)


def wrong_readings(folder: Path, moments: int) -> tuple[dict[str, int], int]:
    """How often each part of a reading was wrong, and at how many moments the two differed."""
    project = PastDay(folder / "day", DAY).write()
    export = folder / "day.csv"
    export_observations(project, export)
    rng = np.random.default_rng(20261122)
    wrong: dict[str, int] = {}
    differed = 0
    store = Store.open(project, write=False, clock=SystemClock())
    try:
        for at_ms in (MIDNIGHT_MS + rng.integers(0, 86_400_000, moments)).tolist():
            plain = brute_day.readings(export, project / "city.db", at_ms)
            differed += any(plain["differ"].values())
            for reading, as_known in (("then", True), ("now", False)):
                found = brute_day.told(store, at_ms, as_known)
                for part, expected in plain[reading].items():
                    if found[part] != expected:
                        key = f"{part} {reading}"
                        wrong[key] = wrong.get(key, 0) + 1
    finally:
        store.close()
    return wrong, differed


def two_times(size: dict[str, int], folder: Path) -> Row:
    moments = size["moments"]
    wrong, differed = wrong_readings(folder, moments)
    every = sum(wrong.values())
    return {
        "promise": "Any past moment can be seen as it was known then, and as it is known now",
        "trials": f"{moments} random moments of a day with a gateway back-filled after hours, "
        "corrected values, an alarm, a cause and a forecast found out later, by both clocks",
        "result": f"{every} of {12 * moments:,} parts of readings differ from a plain reading of "
        f"the export; the two readings differed at {differed} moments",
        "not_shown": "one story of a day, and no clock that was set back in it",
        "bound": "",
        "passed": every == 0 and differed > moments // 4,
        "figures": {"moments": moments, "wrong": wrong, "differed": differed},
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"two times": two_times}
