"""Turns the state of the district into one value per datastream, once a second, in numpy.

What a sensor shows lags behind what is true (its time constant) and is noisy; what the plan does
to sensors (spoof, drift, stuck) is done here, after the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamplighter.field import bearing, shapes
from lamplighter.field.city_generator import DeviceFile
from lamplighter.field.networks import Networks
from lamplighter.field.past import START_AGE_DAYS, WEARING, plan_lives

Floats = npt.NDArray[np.float64]
CYCLE_S = 72.0
ROOM_C = 19.0
LONGEST_DRIFT_S = 120.0
OLDEST_DAYS = 112.0
"""the bearing that wears live stays at this age: badly worn, still turning"""
MEND_S = 8.0
"""a worn pump that was stopped by command for so long gets a new bearing: the crew of the demo"""
WORN_DAYS = 20.0


@dataclass
class Tamper:
    """What a sensor does instead of measuring, since `since_s`."""

    how: str
    amount: float
    since_s: float
    held: float


class Values:
    """Current readings of all datastreams; words where `words[k]` is not empty."""

    def __init__(self, device: DeviceFile, networks: Networks, rated_kw: dict[str, float]) -> None:
        self._device = device
        self._networks = networks
        self._rng = np.random.default_rng([device.seed, 8])
        streams = device.streams
        self.names = [s.name for s in streams]
        self.index = {name: k for k, name in enumerate(self.names)}
        signals = [s.signal for s in streams]
        n = len(streams)
        self._base = np.array([s.base for s in signals])
        self._amp = np.array([s.amp for s in signals])
        self._noise = np.array([s.noise for s in signals])
        self._tau = np.array([s.tau_s for s in signals])
        self._shape = np.array([shapes.NAMES.index(s.shape) for s in signals])
        self._shift = self._rng.uniform(-0.5, 0.5, n)
        self._daily = np.flatnonzero([s.model == "daily" for s in signals])
        self._net = np.flatnonzero([s.model == "net" for s in signals])
        gates: dict[str, list[int]] = {}
        for k, s in enumerate(signals):
            if s.gate:
                gates.setdefault(s.gate, []).append(k)
        self._gates = {gate: np.array(rows) for gate, rows in gates.items()}
        self._state = [(k, s.ref) for k, s in enumerate(signals) if s.model == "state"]
        self._wear: list[tuple[int, str, str]] = []
        for k, s in enumerate(signals):
            if s.model == "wear":
                pump, _, feature = s.ref.partition("/")
                self._wear.append((k, pump, feature))
        self._gather: npt.NDArray[np.intp] | None = None
        self._true = np.full(n, np.nan)
        self._wander = np.zeros(n)
        self.shown = np.zeros(n)
        self.words = [""] * n
        self.tampered: dict[int, Tamper] = {}
        self.wear_per_s = 0.0
        self._fresh_days, self._fresh_s = START_AGE_DAYS, 0.0
        self._stopped_s: float | None = None
        self._rated = rated_kw
        ages, _ = plan_lives(device.seed, sorted(device.pumps))
        self._age = {pump: float(column[-1]) for pump, column in ages.items()}
        self._last_s = 0.0

    def tamper(self, stream: str, how: str, amount: float, now_s: float) -> None:
        """From now on the sensor lies: `spoof`, `drift` (amount per second) or `stuck`."""
        row = self.index[stream]
        self.tampered[row] = Tamper(how, amount, now_s, float(self.shown[row]))

    def step(self, now_s: float, day_s: float) -> None:
        """Readings at `now_s` seconds from the start; the networks must have been stepped."""
        passed = max(0.0, now_s - self._last_s)
        self._last_s = now_s
        age = self._fresh_days + self.wear_per_s * (now_s - self._fresh_s)
        self._age[WEARING] = min(age, OLDEST_DAYS)
        self._mend(now_s)
        goal = self._goal(day_s)
        fresh = np.isnan(self._true)
        share = 1.0 - np.exp(-passed / np.maximum(self._tau, 1e-6))
        self._true = np.where(fresh, goal, self._true + share * (goal - self._true))
        self._true[(goal == 0.0) & (np.abs(self._true) < 0.02)] = 0.0
        self._wander = 0.8 * self._wander + 0.6 * self._noise * self._rng.normal(
            size=len(self.shown)
        )
        self.shown = self._true + np.where(goal == 0.0, 0.0, self._wander)
        self._say_words(now_s)
        for row, tamper in self.tampered.items():
            self.shown[row] = self._lie(row, tamper, now_s)

    def usual(self, day_s: float) -> Floats:
        """(n,) what is true at so many seconds of a day; the networks must have been stepped."""
        return self._goal(day_s)

    def _mend(self, now_s: float) -> None:
        """A worn bearing is replaced while its pump stands; the new one wears as slowly as real."""
        if self._networks.pump_state(WEARING) != "stopped":
            self._stopped_s = None
            return
        if self._stopped_s is None:
            self._stopped_s = now_s
        if now_s - self._stopped_s >= MEND_S and self._age[WEARING] > WORN_DAYS:
            self._fresh_days, self._fresh_s, self.wear_per_s = 0.0, now_s, 0.0
            self._age[WEARING] = 0.0

    def _goal(self, day_s: float) -> Floats:
        goal = np.zeros(len(self.shown))
        rows = self._daily
        hour = (day_s / 3600.0 + self._shift[rows]) % 24.0
        goal[rows] = self._base[rows] * (
            1.0 + self._amp[rows] * shapes.deviation(self._shape[rows], hour)
        )
        if self._gather is None:
            places = self._networks.quantities
            refs = [self._device.streams[k].signal.ref for k in self._net]
            self._gather = np.array([places[ref] for ref in refs], dtype=np.intp)
        goal[self._net] = self._networks.values[self._gather]
        for gate, gated in self._gates.items():
            if not self._networks.live.get(gate, True):
                goal[gated] = 0.0
        self._wear_goal(goal, day_s)
        return goal

    def _wear_goal(self, goal: Floats, day_s: float) -> None:
        """Bearing features of every maintained pump; a stopped machine is still and cools."""
        made: dict[str, dict[str, Floats]] = {}
        load = bearing.day_load(np.array([day_s / 3600.0]), 0.0)
        for row, pump, feature in self._wear:
            if pump not in made:
                age = np.array([max(self._age[pump], 0.0)])
                made[pump] = bearing.features(age, load, self._rated[pump], self._rng)
            value = float(made[pump][feature][0])
            if feature != "service_hours" and self._networks.pump_state(pump) in (
                "no supply",
                "stopped",
            ):
                value = ROOM_C if feature == "bearing_temperature" else 0.0
                self._tau[row] = 180.0 if feature == "bearing_temperature" else 1.0
            else:
                self._tau[row] = 1.0
            goal[row] = value

    def _say_words(self, now_s: float) -> None:
        for row, ref in self._state:
            domain, name = ref.split("/")[:2]
            if domain == "water":
                word = self._networks.pump_state(name)
            elif domain == "power":
                word = self._networks.breaker_state(name)
            elif self._networks.supplied(name):
                word = _lamp(now_s + 7.0 * (row % 11))
            else:
                word = "dark"
            self.words[row] = word

    def _lie(self, row: int, tamper: Tamper, now_s: float) -> float:
        if tamper.how == "stuck":
            return tamper.held
        if tamper.how == "drift":
            passed = min(now_s - tamper.since_s, LONGEST_DRIFT_S)
            return float(self.shown[row] + tamper.amount * passed)
        return float(tamper.held + tamper.amount + 0.5 * self._wander[row])


def _lamp(at_s: float) -> str:
    phase = at_s % CYCLE_S
    if phase < 34.0:
        return "green"
    return "amber" if phase < 38.0 else "red"
