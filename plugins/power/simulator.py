"""Load flow of a radial medium-voltage network: a backward and forward sweep, in numpy.

`start(network)` takes the tree (substations, feeders, transformers in order of their parents);
`step(t, inputs)` gives voltages, currents and loads under the day's load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

NOMINAL_V = 10_000.0
SUPPLY_V = 10_150.0
LOW_V = 231.0
POWER_FACTOR = 0.96
TRANSFORMER_DROP = 0.035
ROOM_C, RISE_C = 24.0, 58.0
SWEEPS = 4
DAY: tuple[float, ...] = (0.62, 0.57, 0.55, 0.54, 0.56, 0.64, 0.82, 0.98, 1.04, 1.02, 1.0, 1.02)
DAY += (1.05, 1.02, 0.99, 0.98, 1.02, 1.14, 1.22, 1.2, 1.1, 0.98, 0.84, 0.71)
"""load by the hour as a share of the base load"""

_tree: _Tree | None = None


class _Tree:
    """The network as arrays; an element's parent always stands before it."""

    def __init__(self, network: Mapping[str, Sequence[Any]]) -> None:
        self.names = [str(name) for name in network["id"]]
        at = {name: k for k, name in enumerate(self.names)}
        self.parent = np.array([at.get(str(name), -1) for name in network["parent"]])
        if any(parent >= k for k, parent in enumerate(self.parent)):
            raise ValueError("an element stands before its parent")
        self.impedance: Complex = np.array(network["r_ohm"], float) + 1j * np.array(
            network["x_ohm"], float
        )
        self.base_kw = np.array(network["base_kw"], float)
        self.rated = np.array(network["rated"], float)
        self.at = at
        depth = np.zeros(len(at), int)
        for k, parent in enumerate(self.parent):
            depth[k] = 0 if parent < 0 else depth[parent] + 1
        self.levels = [np.flatnonzero(depth == d) for d in range(int(depth.max()) + 1)]
        self._phase = (np.arange(len(at)) * 0.618) % 1.0

    def step(self, t: float, inputs: Mapping[str, Any]) -> dict[str, Floats]:
        energised = self._energised(inputs.get("open", ()))
        hour = t / 3600.0 + (self._phase - 0.5)
        share = np.interp(hour % 24.0, np.arange(25), (*DAY, DAY[0]))
        kilowatts = self.base_kw * share * float(inputs.get("load", 1.0))
        for name, extra in dict(inputs.get("extra_kw", {})).items():
            kilowatts[self.at[name]] += float(extra)
        kilowatts = np.where(energised, kilowatts, 0.0)
        reactive = np.tan(np.arccos(POWER_FACTOR))
        power: Complex = kilowatts * 1000.0 * (1.0 + 1j * reactive)
        voltage, through = self._sweep(power)
        volts = np.where(energised, np.abs(voltage), 0.0)
        loading = kilowatts / np.maximum(self.rated * POWER_FACTOR, 1e-9)
        low = LOW_V * volts / NOMINAL_V * (1.0 - TRANSFORMER_DROP * loading)
        return {
            "medium_voltage": volts / 1000.0,
            "low_voltage": low,
            "own_load": kilowatts,
            "low_current": kilowatts * 1000.0 / (np.sqrt(3) * 400.0 * POWER_FACTOR),
            "through_load": through.real / 1000.0,
            "through_current": np.abs(through) / (np.sqrt(3) * NOMINAL_V),
            "oil_temperature": ROOM_C + RISE_C * np.minimum(loading, 1.6) ** 1.6,
            "energised": energised.astype(float),
        }

    def _energised(self, opened: Sequence[str]) -> npt.NDArray[np.bool_]:
        on = np.ones(len(self.names), bool)
        on[[self.at[name] for name in opened if name in self.at]] = False
        for level in self.levels[1:]:
            on[level] &= on[self.parent[level]]
        return on

    def _sweep(self, power: Complex) -> tuple[Complex, Complex]:
        """Voltage of every element, and the power that flows into it, losses included."""
        voltage: Complex = np.full(len(power), SUPPLY_V, complex)
        through = power.copy()
        for _ in range(SWEEPS):
            through = power.copy()
            for level in reversed(self.levels):
                current = np.conj(through[level] / (np.sqrt(3) * voltage[level]))
                through[level] += 3 * np.abs(current) ** 2 * self.impedance[level]
                inner = level[self.parent[level] >= 0]
                np.add.at(through, self.parent[inner], through[inner])
            for level in self.levels:
                roots = self.parent[level] < 0
                above = np.where(roots, SUPPLY_V, voltage[self.parent[level]])
                current = np.conj(through[level] / (np.sqrt(3) * above))
                voltage[level] = above - np.sqrt(3) * self.impedance[level] * current
        return voltage, through


def start(network: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Takes columns `id`, `parent` (empty at a root), `r_ohm`, `x_ohm`, `base_kw`, `rated` (kVA).

    Raises ValueError when an element stands before its parent.
    """
    global _tree
    _tree = _Tree(network)
    return {"elements": _tree.names}


def step(t: float, inputs: Mapping[str, Any]) -> dict[str, Floats]:
    """The network at second `t` of the day, one entry per element.

    Inputs: `open` (names whose breaker is open), `load` (factor), `extra_kw` {name: kW}.
    Columns: `medium_voltage` (kV), `low_voltage` (V), `own_load` and `through_load` (kW),
    `low_current` and `through_current` (A), `oil_temperature` (°C), `energised` (0 or 1).
    """
    if _tree is None:
        raise RuntimeError("step before start")
    return _tree.step(t, inputs)


def stop() -> None:
    """Forgets the network."""
    global _tree
    _tree = None
