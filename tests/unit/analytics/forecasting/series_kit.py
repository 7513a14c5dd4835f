"""Generated series with a daily and weekly course, for tests of forecasts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.forecasting.grid import Grid

Floats = npt.NDArray[np.float64]
MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00Z


def course(days: int, seed: int = 0, per_day: int = 24, noise: float = 4.0) -> Floats:
    """(days * per_day,) a rush hour in the morning and evening, quiet weekends, noise."""
    rng = np.random.default_rng(seed)
    at = np.arange(days * per_day)
    clock = at % per_day / per_day * 24.0
    weekday = at // per_day % 7
    day = 40 * np.exp(-(((clock - 8) / 2) ** 2)) + 50 * np.exp(-(((clock - 17) / 3) ** 2))
    level = 60 + 10 * np.sin(at / per_day / 9.0)
    found: Floats = (
        level + day * np.where(weekday < 5, 1.0, 0.3) + noise * rng.standard_normal(at.size)
    )
    return found


def grid(value: Floats, step_ms: int = 3_600_000, beside: dict[str, Floats] | None = None) -> Grid:
    zero = np.zeros(value.size, np.int64)
    return Grid(MONDAY_MS, step_ms, value, zero, beside or {})


def write(
    file: Path, value: Floats, *, layout: str = "%Y-%m-%d %H:%M:%S", separator: str = ",",
    decimal: str = ".", step_s: int = 3600,
) -> Path:  # fmt: skip
    """A CSV of `when` and `cars`; rows without a value are left out."""
    lines = [separator.join(("when", "cars"))]
    for at, v in enumerate(value.tolist()):
        if v == v:
            when = dt.datetime.fromtimestamp(MONDAY_MS / 1000 + at * step_s, dt.UTC)
            lines.append(separator.join((when.strftime(layout), f"{v:.3f}".replace(".", decimal))))
    file.write_text("\n".join(lines) + "\n")
    return file
