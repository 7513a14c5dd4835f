"""A small generated water network: demand, flows, pressures and a tank that obey a balance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STEP_MS = 1_800_000
DAY = 48
"""samples a day"""


def network(samples: int, seed: int, pressures: int = 9) -> tuple[Floats, list[str], list[str]]:
    """(values (n, m), names, kinds): pressures in m, three flows in m3/h, a tank's level in m."""
    rng = np.random.default_rng(seed)
    at = np.arange(samples)
    day = 1.0 + 0.45 * np.sin(2 * np.pi * at / DAY) + 0.2 * np.sin(4 * np.pi * at / DAY + 1.0)
    slow = np.cumsum(rng.normal(0, 0.012, samples))
    slow -= np.linspace(0, slow[-1], samples)
    zones = []
    for _ in range(3):
        wobble = _smooth(rng.normal(0, 1.0, samples), 6) * 0.25
        zones.append(np.maximum(day * (1 + 0.1 * slow) + wobble, 0.1) * rng.uniform(25, 60))
    demand = np.stack(zones, axis=1)
    level = np.empty(samples)
    level[0] = 3.0
    pumped = np.empty(samples)
    for n in range(samples):
        before = level[n - 1] if n else 3.0
        pumped[n] = demand[n].sum() + 30.0 * (3.0 - before) + rng.normal(0, 2.0)
        level[n] = before + (pumped[n] - demand[n].sum()) * 0.5 / 150.0
    columns = [level + rng.normal(0, 0.005, samples), pumped + rng.normal(0, 0.3, samples)]
    names, kinds = ["tank level", "flow pumped"], ["level", "flow"]
    for zone in range(3):
        columns.append(demand[:, zone] + rng.normal(0, 0.3, samples))
        names.append(f"flow zone {zone + 1}")
        kinds.append("flow")
    for number in range(pressures):
        share = rng.dirichlet(np.ones(3))
        loss = (demand @ share) ** 1.85 * rng.uniform(0.004, 0.009)
        columns.append(38.0 + 2.0 * number + level - loss + rng.normal(0, 0.03, samples))
        names.append(f"pressure {number + 1}")
        kinds.append("pressure")
    return np.stack(columns, axis=1), names, kinds


def with_leak(values: Floats, names: list[str], begin: int, size: float = 1.0) -> Floats:
    """The same with a leak in one place: several pressures fall and the pumped flow grows."""
    found = values.copy()
    grown = size * np.minimum(1.0, np.arange(len(values) - begin) / 4.0)
    for at, name in enumerate(names):
        if name.startswith("pressure"):
            near = np.exp(-abs(int(name.split()[1]) - 4) / 2.5)
            found[begin:, at] -= grown * near * 1.5
        elif name in ("flow pumped", "flow zone 2"):
            found[begin:, at] += grown * 12.0
    return found


def _smooth(noise: Floats, over: int) -> Floats:
    kernel = np.ones(over) / over
    return np.convolve(noise, kernel, mode="same")
