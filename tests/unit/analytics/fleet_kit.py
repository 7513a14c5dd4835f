"""A fleet with a seeded past: bearings that wear at their own pace, twelve of which fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lamplighter.analytics.fleet import DAY_MS, FleetHistory

END_MS = 1_795_305_600_000
HOUR_MS = 3_600_000
SIGNALS = ("vibration_rms", "bearing_temperature", "motor_current", "service_hours")
DAYS = 60


@dataclass
class Fleet:
    history: FleetHistory
    life_end_days: np.ndarray
    """per asset: day (from the begin of the past) at which the worn bearing fails"""


def wear_signals(
    age: np.ndarray, life: float, rated: float, rng: np.random.Generator
) -> np.ndarray:
    """(n, 4) signals of a bearing of this age whose life is `life` days."""
    worn = np.clip(age / life, 0, 1.1) ** 4
    load = 0.7 + 0.2 * np.sin(age * 2 * np.pi) + rng.normal(0, 0.03, len(age))
    return np.column_stack(
        [
            2.2 + 0.5 * load + 4.0 * worn + rng.normal(0, 0.12, len(age)),
            45 + 12 * load + 8 * worn + rng.normal(0, 1.0, len(age)),
            rated * (0.4 + 0.6 * load) + rng.normal(0, 0.2, len(age)),
            age * 24,
        ]
    )


def make(seed: int, *, failures: int = 12, sound: int = 12, every_h: int = 3) -> Fleet:
    """A past of sixty days; `sound` assets are renewed in time, once each."""
    rng = np.random.default_rng([seed, 99])
    hours = np.arange(0, DAYS * 24, every_h)
    day = hours / 24.0
    count = failures + sound
    values, asset, time_ms, ends = [], [], [], []
    renewal_ms, failed = [], []
    for number in range(count):
        life = float(np.clip(rng.normal(80, 14), 50, 120))
        if number < failures:
            end = float(rng.uniform(10, 58))
        else:
            end = float(rng.uniform(10, 58))
            life = life + rng.uniform(35, 60)  # renewed long before
        age_at_end = life if number < failures else life - rng.uniform(32, 50)
        age = np.where(day < end, age_at_end - (end - day), day - end)
        shown = age >= 0
        second = float(np.clip(rng.normal(80, 14), 50, 120))
        first_part = wear_signals(age, life, 20 + 2.0 * number, rng)
        later = wear_signals(age, second, 20 + 2.0 * number, rng)
        values.append(np.where((day < end)[:, None], first_part, later)[shown])
        asset.append(np.full(int(shown.sum()), number))
        time_ms.append(END_MS - DAYS * DAY_MS + hours[shown] * HOUR_MS)
        renewal_ms.append(END_MS - DAYS * DAY_MS + int(end * DAY_MS))
        failed.append(number < failures)
        ends.append(end)
    history = FleetHistory(
        tuple(f"P-{n + 1:02}" for n in range(count)),
        SIGNALS,
        np.concatenate(asset),
        np.concatenate(time_ms),
        np.concatenate(values),
        np.arange(count),
        np.array(renewal_ms),
        np.array(failed),
        simulated=True,
        mode="bearing",
    )
    return Fleet(history, np.array(ends))


def until(history: FleetHistory, now_ms: int) -> FleetHistory:
    """What was known at `now_ms`: no later row, no later renewal."""
    rows = history.time_ms <= now_ms
    known = history.renewal_ms <= now_ms
    return FleetHistory(
        history.assets,
        history.signals,
        history.asset[rows],
        history.time_ms[rows],
        history.values[rows],
        history.renewal_asset[known],
        history.renewal_ms[known],
        history.renewal_failed[known],
        history.simulated,
        history.mode,
    )
