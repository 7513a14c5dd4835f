"""What may be known about a step when its forecast is made, one horizon before it.

Every column at step t is made of values up to t - horizon and of the calendar of t; nothing here
looks at a later value, which a test proves by cutting the series.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.forecasting.grid import DAY_MS, MONDAY_MS, WEEK_MS, Grid

Floats = npt.NDArray[np.float64]
YEAR_DAYS: Final = 365.2425
_MOST_BESIDE: Final = 24
"""other columns beyond these (the most complete ones are taken) would only slow a fit down"""


@dataclass(frozen=True, slots=True)
class Known:
    """All of n rows: `own` (n, k) from the series and the calendar, `beside` (n, j) from others.

    `naive_day`, `naive_week`, `usual` (n,): same time on the last day, in the last week, and the
    middle of the last four weeks, as far as known one horizon before.
    """

    own: Floats
    beside: Floats
    naive_day: Floats
    naive_week: Floats
    usual: Floats
    shift: Floats
    """(n, 5) how far the latest known values departed from what is usual"""
    names: tuple[str, ...]


def lag(value: Floats, steps: int) -> Floats:
    """(n,) the value `steps` before; NaN where there is none."""
    found = np.full(value.shape, np.nan)
    if 0 < steps < value.size:
        found[steps:] = value[:-steps]
    elif steps == 0:
        found[:] = value
    return found


def trailing_mean(value: Floats, steps: int) -> Floats:
    """(n,) mean of the last `steps` values up to and with each; NaN below a quarter measured."""
    known = np.isfinite(value)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, value, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    end = np.arange(value.size) + 1
    begin = np.maximum(end - max(steps, 1), 0)
    seen = count[end] - count[begin]
    enough = seen >= max(1, steps // 4)
    return np.where(enough, (total[end] - total[begin]) / np.maximum(seen, 1), np.nan)


def known_before(grid: Grid, horizon: int) -> Known:
    """All columns for a forecast `horizon` steps ahead."""
    y, day, week = grid.value, grid.day, grid.week
    days = _multiples(y, day, horizon, 7)
    weeks = _multiples(y, week, horizon, 4)
    naive_day = days[0] if days else _multiples(y, week, horizon, 1)[0] if week else lag(y, horizon)
    naive_week = weeks[0] if weeks else naive_day
    usual = _usual(weeks, days, y, horizon, day)
    departure = y - usual
    unit = day or 7
    shift = np.stack(
        [
            lag(departure, horizon),
            lag(trailing_mean(departure, max(unit // 4, 1)), horizon),
            lag(trailing_mean(departure, unit), horizon),
            lag(trailing_mean(departure, week or 4 * unit), horizon),
            lag(departure, -(-horizon // unit) * unit),
        ],
        axis=1,
    )
    columns: dict[str, Floats] = {}
    for extra in (0, 1, 2, max(day // 4, 3), max(day // 2, 4)):
        columns[f"value {horizon + extra} steps before"] = lag(y, horizon + extra)
    columns |= {f"same time, day {k}": d for k, d in enumerate(days, 1)}
    columns |= {f"same time, week {k}": w for k, w in enumerate(weeks, 1)}
    for name, steps in (("6 hours", max(day // 4, 1)), ("day", unit), ("week", week or 4 * unit),
                        ("four weeks", 4 * (week or 4 * unit))):  # fmt: skip
        columns[f"mean of a {name}"] = lag(trailing_mean(y, steps), horizon)
    columns["usual"] = usual
    if days:
        columns["middle of the days"] = _middle(days)
    columns |= {f"departure {k}": shift[:, k] for k in range(shift.shape[1])}
    if day and grid.steps > 400 * day:
        columns["departure a year ago"] = lag(departure, 364 * day)
    columns |= _calendar(grid)
    own = np.stack(list(columns.values()), axis=1)
    return Known(
        own, _beside(grid, horizon), naive_day, naive_week, usual, shift, tuple(columns)
    )  # fmt: skip


def _multiples(y: Floats, season: int, horizon: int, count: int) -> list[Floats]:
    if not season:
        return []
    first = -(-horizon // season) * season
    return [lag(y, first + k * season) for k in range(count)]


def _middle(columns: list[Floats]) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        middle: Floats = np.nanmedian(np.stack(columns), axis=0)
    return middle


def _usual(weeks: list[Floats], days: list[Floats], y: Floats, horizon: int, day: int) -> Floats:
    """The middle of the last weeks; without them of the last days; without them the last mean."""
    found = _middle(weeks) if weeks else np.full(y.shape, np.nan)
    for other in ([_middle(days)] if days else []) + [
        lag(trailing_mean(y, max(day, 7)), horizon),
        lag(trailing_mean(y, 4 * max(day, 7)), horizon),
    ]:
        found = np.where(np.isfinite(found), found, other)
    return found


def _calendar(grid: Grid) -> dict[str, Floats]:
    """Clock, weekday and, where two turns of the year were seen, the season.

    With less than a year and a half of history the day of the year only names what was seen once.
    """
    wall = grid.wall_ms()
    weekday = ((wall - MONDAY_MS) % WEEK_MS // DAY_MS).astype(np.float64)
    columns = {"weekday": weekday}
    if grid.day:
        clock = (wall % DAY_MS) / 3_600_000.0
        columns["clock"] = clock
        columns["clock of the week"] = clock + 24.0 * weekday
    if grid.steps * grid.step_ms > 1.5 * YEAR_DAYS * DAY_MS:
        columns["day of the year"] = (wall / DAY_MS) % YEAR_DAYS
    return columns


def _beside(grid: Grid, horizon: int) -> Floats:
    """What the other columns showed when the forecast was made."""
    filled = {name: float(np.isfinite(c).mean()) for name, c in grid.beside.items()}
    names = sorted(filled, key=lambda n: (-filled[n], n))[:_MOST_BESIDE]
    columns = [lag(grid.beside[n], horizon) for n in names]
    columns += [lag(trailing_mean(grid.beside[n], grid.day or 7), horizon) for n in names]
    return np.stack(columns, axis=1) if columns else np.zeros((grid.steps, 0))
