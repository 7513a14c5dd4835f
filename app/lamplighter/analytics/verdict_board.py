"""How anomalies and suspicions fared, by what people said of them and what crews found.

Pure functions over what the project has kept; nothing is estimated, and below twenty judged cases
there is no rate. The words, exactly:

- *Told*: an anomaly, or a suspicion of a sensor. *Judged*: a person called it real or false; a
  sensor that was withheld while it was suspect counts as real, one called genuine as false.
- *Missed* (per class of asset): an order closed as failed, of an asset of which nothing had been
  told in the 30 days before that was not called false. Only what failed after the first thing of
  all was told: before, nobody looked, and a past that was brought in cannot be missed.
- *Hit rate*: real / (real + missed). *Right when told*: real / (real + false).
- *False a month*: called false, per month since the first one was told.
- *Lead*: of real ones, from the finding to the first order of that asset closed as failed or found
  in the 30 days after, the median in days; those without such an order do not count.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lamplighter.analytics.scoreboard import DAY_MS, MONTH_DAYS, WINDOW_MS, finding_of
from lamplighter.domain.anomaly import FALSE, REAL
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.models import FEWEST_CASES, ToldOf, VerdictRow

CLASS: Final = "class"
DETECTOR: Final = "detector"
_FAULTS: Final = ("failed", "found")
Closed = dict[str, list[int]]
"""by asset: when orders were closed"""


def verdicts(
    told: Iterable[ToldOf],
    orders: Iterable[WorkOrder],
    class_of: Mapping[str, str],
    now_ms: int,
) -> tuple[VerdictRow, ...]:
    """One row per class of asset of which anything was told, then one per detector, by name."""
    every, closed = list(told), list(orders)
    since = min((t.found_ms for t in every), default=now_ms)
    failed = _closed([o for o in closed if o.closed_ms >= since], ("failed",))
    faults = _closed(closed, _FAULTS)
    by_class: dict[str, list[ToldOf]] = {}
    by_detector: dict[str, list[ToldOf]] = {}
    for one in every:
        by_class.setdefault(_class(class_of, one.asset), []).append(one)
        by_detector.setdefault(one.detector, []).append(one)
    rows = []
    for name, mine in sorted(by_class.items()):
        theirs = {a: t for a, t in failed.items() if _class(class_of, a) == name}
        rows.append(_row(CLASS, name, mine, _missed(mine, theirs), faults, now_ms))
    for name, mine in sorted(by_detector.items()):
        rows.append(_row(DETECTOR, name, mine, None, faults, now_ms))
    return tuple(rows)


def _class(class_of: Mapping[str, str], asset: str) -> str:
    return class_of.get(asset, "") or "other"


def _closed(orders: Sequence[WorkOrder], findings: Sequence[str]) -> Closed:
    found: Closed = {}
    for order in orders:
        if order.closed_ms and finding_of(order) in findings:
            found.setdefault(order.asset, []).append(order.closed_ms)
    return found


def _missed(told: Sequence[ToldOf], failed: Closed) -> int:
    def warned(asset: str, at: int) -> bool:
        return any(
            t.asset == asset and at - WINDOW_MS <= t.found_ms < at and t.verdict != FALSE
            for t in told
        )

    return sum(not warned(asset, at) for asset, times in failed.items() for at in times)


def _row(
    group: str,
    name: str,
    told: Sequence[ToldOf],
    missed: int | None,
    faults: Closed,
    now_ms: int,
) -> VerdictRow:
    real = [t for t in told if t.verdict == REAL]
    false = sum(t.verdict == FALSE for t in told)
    known = len(real) + false >= FEWEST_CASES
    months = (now_ms - min(t.found_ms for t in told)) / DAY_MS / MONTH_DAYS
    leads = [lead for t in real if (lead := _lead(t, faults.get(t.asset, []))) is not None]
    faulty = None if missed is None else len(real) + missed
    return VerdictRow(
        group,
        name,
        len(told),
        len(real),
        false,
        missed,
        round(months, 2),
        len(real) / faulty if known and faulty else None,
        len(real) / (len(real) + false) if known else None,
        false / months if known and months > 0 else None,
        statistics.median(leads) if known and leads else None,
        len(leads),
    )


def _lead(told: ToldOf, faults: Sequence[int]) -> float | None:
    """Days from the finding to the first fault that was closed in the month after it."""
    after = [t for t in faults if told.found_ms < t <= told.found_ms + WINDOW_MS]
    return (min(after) - told.found_ms) / DAY_MS if after else None
