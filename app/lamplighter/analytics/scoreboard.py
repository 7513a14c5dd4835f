"""How forecasts fared: what crews found, what failed without a warning, whether bands held.

Pure functions over what the project has kept: forecasts as they were made, and closed work
orders. Nothing is estimated; below twenty closed cases there is no record yet.

The words, exactly:

- A forecast *warns* when its chance is at least `WARNS`. An asset stands warned from the first of
  an unbroken run of warning forecasts; a forecast without a number breaks no run.
- A *case* is a closed order whose finding begins with `found`, `not found` or `failed`, of an asset
  that had been forecast before, when the order came from a forecast or the finding is `failed`.
  Orders of one asset closed within a day of each other are one case: failed counts before found,
  found before not found.
- *Hit*: a warned asset of which the finding is `found` or `failed`. *Missed*: `failed`, not warned.
  *False alarm*: `not found`. An asset counts as warned when the order came from a forecast, or its
  last run of warnings began before the closing and reached into the forecast's horizon before it.
- *Lead time*: from the begin of that run (else from the order) to the closing of a hit, in days, at
  most the forecast's horizon.
- *Coverage*: of failures whose forecasts named days, the share of these forecasts whose days held,
  each failure weighing the same.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.models import FEWEST_CASES, Figure, Judged, ScoreRow, Told

WARNS: Final = 0.5
DAY_MS: Final = 86_400_000
MONTH_DAYS: Final = 365.25 / 12
STATED: Final = 0.9
"""what the band of days promises"""
WINDOW_MS: Final = 30 * DAY_MS
LOOK_BACK_MS: Final = 3 * WINDOW_MS
_FINDINGS: Final = ("failed", "found", "not found")
"""in the order in which they count"""


class Case(NamedTuple):
    """One closed case."""

    asset: str
    finding: str
    closed_ms: int
    from_forecast: bool
    created_ms: int


def cases_of(orders: Iterable[WorkOrder], first_seen: Mapping[str, int]) -> list[Case]:
    """Closed cases in the order of their closing; `first_seen` = first forecast of each asset."""
    found: list[Case] = []
    for order in orders:
        finding = finding_of(order)
        seen = first_seen.get(order.asset)
        forecast = order.origin == "forecast"
        if not finding or not order.closed_ms or seen is None or seen >= order.closed_ms:
            continue
        if forecast or finding == "failed":
            found.append(Case(order.asset, finding, order.closed_ms, forecast, order.created_ms))
    found.sort(key=lambda c: (c.asset, c.closed_ms))
    merged: list[Case] = []
    for case in found:
        last = merged[-1] if merged else None
        if last and last.asset == case.asset and case.closed_ms - last.closed_ms <= DAY_MS:
            merged[-1] = _one(last, case)
        else:
            merged.append(case)
    return sorted(merged, key=lambda c: (c.closed_ms, c.asset))


def finding_of(order: WorkOrder) -> str:
    """`failed`, `found` or `not found`; empty for anything else and for open orders."""
    if order.state not in ("done", "closed"):
        return ""
    text = order.finding.strip().lower()
    return next((word for word in _FINDINGS if text.startswith(word)), "")


def _one(first: Case, second: Case) -> Case:
    finding = min(first.finding, second.finding, key=_FINDINGS.index)
    return Case(
        first.asset,
        finding,
        first.closed_ms,
        first.from_forecast or second.from_forecast,
        min(first.created_ms, second.created_ms),
    )


def scoreboard(
    forecasts: Iterable[Told],
    orders: Iterable[WorkOrder],
    class_of: Mapping[str, str],
    now_ms: int,
) -> tuple[ScoreRow, ...]:
    """One row per asset class that was ever forecast, by name.

    `forecasts` in the order in which they were made; an asset without a class counts as `other`.
    """
    told: dict[str, list[Told]] = {}
    for item in forecasts:
        told.setdefault(item.asset, []).append(item)
    first = {asset: items[0].made_ms for asset, items in told.items()}
    by_class: dict[str, list[Case]] = {class_of.get(a, "") or "other": [] for a in told}
    for case in cases_of(orders, first):
        by_class[class_of.get(case.asset, "") or "other"].append(case)
    rows = []
    for name, cases in sorted(by_class.items()):
        mine = [a for a in told if (class_of.get(a, "") or "other") == name]
        rows.append(_row(name, mine, cases, told, now_ms))
    return tuple(rows)


def _row(
    name: str,
    assets: Sequence[str],
    cases: Sequence[Case],
    told: Mapping[str, Sequence[Told]],
    now_ms: int,
) -> ScoreRow:
    hits, missed, false, silent, leads, covered = 0, 0, 0, 0, [], []
    for case in cases:
        before = _before(case, cases, told[case.asset])
        since = warned_since(before, case.closed_ms)
        if case.finding == "not found":
            false += 1
        elif case.from_forecast or since is not None:
            hits += 1
            begin = since if since is not None else case.created_ms
            lead = (case.closed_ms - begin) / DAY_MS
            leads.append(min(lead, before[-1].horizon_days) if before else lead)
        else:
            missed += 1
            silent += bool(before) and before[-1].probability_30d is None
        if case.finding == "failed":
            covered += _held(before, case.closed_ms)
    begun = min(told[a][0].made_ms for a in assets)
    months = (now_ms - begun) / DAY_MS / MONTH_DAYS
    known = len(cases) >= FEWEST_CASES
    return ScoreRow(
        name,
        len(assets),
        len(cases),
        hits,
        missed,
        false,
        silent,
        round(months, 2),
        _ratio(hits, hits + missed) if known else None,
        _ratio(hits, hits + false) if known else None,
        false / months if known and months > 0 else None,
        statistics.median(leads) if known and leads else None,
        STATED,
        statistics.fmean(covered) if known and covered else None,
        len(covered),
    )


def _before(case: Case, cases: Sequence[Case], told: Sequence[Told]) -> list[Told]:
    """Forecasts of the asset after its last case and before the closing of this one."""
    earlier = [c.closed_ms for c in cases if c.asset == case.asset and c.closed_ms < case.closed_ms]
    start = max(earlier, default=-1)
    return [p for p in told if start < p.made_ms < case.closed_ms]


def warned_since(before: Sequence[Told], closed_ms: int) -> int | None:
    """When the last run of warnings began, where its last warning reached the closing."""
    since: int | None = None
    last: Told | None = None
    run: int | None = None
    for item in before:
        if item.probability_30d is None:
            continue
        if item.probability_30d >= WARNS:
            run = item.made_ms if run is None else run
            since, last = run, item
        else:
            run = None
    if last is None or closed_ms - last.made_ms > last.horizon_days * DAY_MS:
        return None
    return since


def _held(before: Sequence[Told], closed_ms: int) -> list[float]:
    """The share of forecasts with days whose days held; nothing where none named days."""
    inside: list[float] = [
        float(p.days_low <= (closed_ms - p.made_ms) / DAY_MS <= p.days_high)
        for p in before
        if p.days_low is not None and p.days_high is not None
    ]
    return [sum(inside) / len(inside)] if inside else []


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


# ---------------------------------------------------------------- the latest judged window
def latest_window(
    forecasts: Iterable[Told],
    orders: Iterable[WorkOrder],
    now_ms: int,
    *,
    model: str = "",
) -> Judged | None:
    """The newest month of forecasts whose horizon has passed, against the naive chance beside them.

    The first forecast of an asset on a day counts; each asset weighs the same. None below twenty
    asset-days, or where the forecasts carry no naive chance. `model` takes only its forecasts.
    """
    failures: dict[str, list[int]] = {}
    for order in orders:
        if finding_of(order) == "failed" and order.closed_ms:
            failures.setdefault(order.asset, []).append(order.closed_ms)
    daily: dict[tuple[str, int], tuple[Told, float]] = {}
    end = 0
    for item in forecasts:
        passed = item.made_ms + int(item.horizon_days * DAY_MS)
        usable = item.probability_30d is not None and item.naive_probability is not None
        if not usable or passed > now_ms or (model and item.model != model):
            continue
        came = float(any(item.made_ms < t <= passed for t in failures.get(item.asset, ())))
        daily.setdefault((item.asset, item.made_ms // DAY_MS), (item, came))
        end = max(end, item.made_ms)
    rows = [(p, came) for p, came in daily.values() if p.made_ms > end - WINDOW_MS]
    if len(rows) < FEWEST_CASES:
        return None
    ours: dict[str, list[float]] = {}
    naive: dict[str, list[float]] = {}
    for item, came in rows:
        ours.setdefault(item.asset, []).append(((item.probability_30d or 0.0) - came) ** 2)
        naive.setdefault(item.asset, []).append(((item.naive_probability or 0.0) - came) ** 2)
    figure = Figure(
        "Brier score",
        statistics.fmean(statistics.fmean(v) for v in ours.values()),
        statistics.fmean(statistics.fmean(v) for v in naive.values()),
        n=len(rows),
    )
    return Judged(min(p.made_ms for p, _ in rows), end, figure)
