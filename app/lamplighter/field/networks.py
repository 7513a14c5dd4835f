"""The district's physics: water by EPANET, power by load flow, both by the plugins' simulators.

Switching states live here: what is open, what runs, what has voltage. Everything is driven by one
thread; a command from outside is handed to that thread first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from lamplighter.domain.problems import fault
from lamplighter.field.city_generator import IMPORT_FOLDER, WATER_FILE, DeviceFile
from lamplighter.plugin_api import load_module

Floats = npt.NDArray[np.float64]
SOLVE_EVERY_S = 5.0
ENGINES = ("numpy", "epanet")
TANK_HIGH_M, TANK_LOW_M = 7.2, 4.5
AUTOMATIC = {"P-09": "TK-1", "P-23": "TK-2"}
"""second duty pumps, switched by the level of their tank"""


class Networks:
    """Both networks and their switching states.

    Raises LamplighterError when a simulator cannot be loaded or cannot read its network.
    """

    def __init__(self, folder: Path, device: DeviceFile, plugins: Path, say: Callable[[str], None]):
        self._device = device
        self._say = say
        self.water = _load(plugins, "water")
        self.power = _load(plugins, "power")
        names = self.water.start({"inp": str(folder / IMPORT_FOLDER / WATER_FILE)})
        self.nodes, self.links, self.tanks = names["nodes"], names["links"], names["tanks"]
        rows = device.power
        self.elements = [row.id for row in rows]
        self.power.start(
            {
                "id": self.elements,
                "parent": [r.parent for r in rows],
                "r_ohm": [r.r_ohm for r in rows],
                "x_ohm": [r.x_ohm for r in rows],
                "base_kw": [r.base_kw for r in rows],
                "rated": [r.rated for r in rows],
            }
        )
        self.pumps = set(device.pumps)
        opened = set(names["open"])
        network_pumps = self.pumps & set(self.links)
        self.wanted = {p: p in opened or p not in network_pumps for p in sorted(self.pumps)}
        self.stopped: set[str] = set()
        self.valves = {n: n in opened for n in self.links if n.startswith("V-")}
        self.tripped: set[str] = set()
        self.leaks: dict[str, float] = {}
        self.quantities: dict[str, int] = {}
        self.values: Floats = np.zeros(0)
        self.solve_ms = 0.0
        self._water: dict[str, Floats] = {}
        self._solved_at = -1e9
        self._dirty = True
        self._failed = False
        self.live: dict[str, bool] = {}

    # ---------------------------------------------------------------- switching
    def trip(self, substation: str) -> None:
        self.tripped.add(substation)
        self._dirty = True

    def leak(self, node: str, litres_per_s: float) -> None:
        self.leaks[node] = litres_per_s
        self._dirty = True

    def set_valve(self, name: str, is_open: bool) -> None:
        self.valves[name] = is_open
        self._dirty = True

    def set_pump(self, name: str, run: bool) -> None:
        self.wanted[name] = run
        if run:
            self.stopped.discard(name)
        else:
            self.stopped.add(name)
        self._dirty = True

    def supplied(self, asset: str) -> bool:
        """Whether the transformer that feeds the asset has voltage; assets without one have."""
        transformer = self._device.supplied_by.get(asset, "")
        return self.live.get(transformer, True)

    def runs(self, pump: str) -> bool:
        return self.wanted[pump] and self.supplied(pump)

    def pump_state(self, pump: str) -> str:
        if not self.supplied(pump):
            return "no supply" if self.wanted[pump] else "standby"
        if self.wanted[pump]:
            return "running"
        return "stopped" if pump in self.stopped else "standby"

    def breaker_state(self, substation: str) -> str:
        return "tripped" if substation in self.tripped else "closed"

    # ---------------------------------------------------------------- solving
    def step(self, now_s: float, day_s: float) -> None:
        """Brings `values` to the moment: `now_s` counts from the start, `day_s` from midnight."""
        pumped = {
            self._device.supplied_by[p]: 12.0
            for p in sorted(self.pumps)
            if p in self._device.supplied_by and self.wanted[p]
        }
        power = self.power.step(day_s, {"open": sorted(self.tripped), "extra_kw": pumped})
        before = self.live
        self.live = dict(zip(self.elements, (power["energised"] > 0).tolist(), strict=True))
        if self.live != before:
            self._dirty = True
        if self._dirty or now_s - self._solved_at >= SOLVE_EVERY_S:
            self._solve_water(now_s, day_s)
        self._publish_values(power)

    def _solve_water(self, now_s: float, day_s: float) -> None:
        self._automate()
        opened = {p: self.runs(p) for p in self.pumps if p in self.links} | self.valves
        began = time.perf_counter()
        try:
            self._water = self.water.step(day_s, {"open": opened, "leak": self.leaks})
            self._failed = False
        except Exception as error:  # the engine names many faults; the last state stays
            if not self._failed:
                self._say(f"The water network could not be solved ({error}); its last state stays.")
            self._failed = True
        self.solve_ms = (time.perf_counter() - began) * 1000.0
        self._solved_at = now_s
        self._dirty = False

    def _automate(self) -> None:
        if not self._water:
            return
        levels = dict(zip(self.tanks, self._water["level"].tolist(), strict=True))
        for pump, tank in AUTOMATIC.items():
            if pump in self.wanted and pump not in self.stopped and tank in levels:
                if levels[tank] > TANK_HIGH_M:
                    self.wanted[pump] = False
                elif levels[tank] < TANK_LOW_M:
                    self.wanted[pump] = True

    def _publish_values(self, power: dict[str, Floats]) -> None:
        water = self._water
        position = [100.0 * self.valves[name] for name in self.valves]
        columns = [
            ("water", "pressure", self.nodes, water["pressure"]),
            ("water", "flow", self.links, np.abs(water["flow"])),
            ("water", "outlet_pressure", self.links, water["outlet_pressure"]),
            ("water", "level", self.tanks, water["level"]),
            ("water", "position", list(self.valves), np.array(position)),
            ("power", "medium_voltage", self.elements, power["medium_voltage"]),
            ("power", "low_voltage", self.elements, power["low_voltage"]),
            ("power", "own_load", self.elements, power["own_load"]),
            ("power", "low_current", self.elements, power["low_current"]),
            ("power", "through_load", self.elements, power["through_load"] / 1000.0),
            ("power", "through_current", self.elements, power["through_current"]),
            ("power", "oil_temperature", self.elements, power["oil_temperature"]),
        ]
        if not self.quantities:
            keys = [f"{d}/{name}/{what}" for d, what, names, _ in columns for name in names]
            self.quantities = {key: k for k, key in enumerate(keys)}
        self.values = np.concatenate([column for *_, column in columns])

    def close(self) -> None:
        self.water.stop()
        self.power.stop()


def _load(plugins: Path, name: str) -> ModuleType:
    file = plugins / name / "simulator.py"
    if not file.exists():
        raise fault("P-605", name=name, what="its simulator.py is not there")
    return load_module(name, file, ENGINES)
