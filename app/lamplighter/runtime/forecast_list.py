"""The newest forecasts of a project with what became of earlier ones, read beside a recorder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from lamplighter.domain import wire
from lamplighter.domain.clock import iso
from lamplighter.domain.forecast import Forecast
from lamplighter.runtime.project import opened

HOURS: Final = 6
HOUR_MS: Final = 3_600_000


def forecasts_of(project: Path) -> dict[str, Any]:
    """Key `forecasts`: one row for each, by name. Raises LamplighterError when it is no project."""
    with opened(project) as store:
        found = store.forecasts()
    rows = [_row(item) for item in sorted(found, key=lambda f: (f.name.casefold(), f.id))]
    return {"forecasts": rows}


def records_of(items: Iterable[Forecast]) -> tuple[wire.ForecastRecord, ...]:
    """What became of forecasts, by name: stated against achieved, beside the naive rule."""
    rows = (
        wire.ForecastRecord(
            i.id, i.name, i.track.total, i.track.mae, i.track.naive_mae, i.track.coverage,
            i.frozen, i.why, looked_back=i.judged, back_mae=i.mae, back_naive_mae=i.naive_mae,
            back_coverage=i.coverage, unit=i.unit,
        )
        for i in items
    )  # fmt: skip
    return tuple(sorted(rows, key=lambda r: (r.name.casefold(), r.id)))


def _row(item: Forecast) -> dict[str, Any]:
    """`value` and the rest are of the hour that lies six hours after the forecast was made."""
    at = item.at(item.made_ms + HOURS * HOUR_MS)
    value, low, high, naive = at if at is not None else (None, None, None, None)
    track = item.track
    return {
        "id": item.id, "name": item.name, "unit": item.unit, "made": iso(item.made_ms),
        "hours": HOURS, "value": value, "low": low, "high": high, "naive": naive,
        "frozen": item.frozen, "why": item.why, "basis": item.basis,
        "naive_rule": item.naive_name, "mae": item.mae, "naive_mae": item.naive_mae,
        "version": item.version, "coverage_90": item.coverage, "judged": item.judged,
        "came_due": track.total, "came_mae": track.mae, "came_naive_mae": track.naive_mae,
        "came_coverage_90": track.coverage,
        "ahead": [
            {"time_ms": t, "value": v, "low": a, "high": b, "naive": n}
            for t, v, a, b, n in zip(
                item.time_ms, item.value, item.low, item.high, item.naive, strict=True
            )
        ],
    }  # fmt: skip
