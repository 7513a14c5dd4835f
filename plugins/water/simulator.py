"""Steady states of a water network by EPANET, one per call; tank levels are carried on.

`start({"inp": path})` opens a network and names its elements; `step(t, inputs)` solves the moment
`t` (seconds of the day; demands follow the file's patterns, interpolated) and returns columns.
The file's own controls are switched off: whoever calls plays the automation.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from epanet import toolkit as en

Floats = npt.NDArray[np.float64]
DAY_S = 86_400.0
HOUR_S = 3_600.0
BAR_PER_M = 0.0980665

_open: _Network | None = None


class _Network:
    """One open EPANET project, SI units (litres per second, metres)."""

    def __init__(self, inp: str) -> None:
        self.project: Any = en.createproject()
        self._scratch = tempfile.TemporaryDirectory()
        report = str(Path(self._scratch.name) / "report.txt")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            en.open(self.project, inp, report, "")
        p = self.project
        en.setflowunits(p, en.LPS)
        en.setstatusreport(p, en.NO_REPORT)
        en.setdemandmodel(p, en.PDA, 0.0, 15.0, 0.5)
        for control in range(1, int(en.getcount(p, en.CONTROLCOUNT)) + 1):
            en.setcontrolenabled(p, control, en.FALSE)
        count_nodes, count_links = (
            int(en.getcount(p, en.NODECOUNT)),
            int(en.getcount(p, en.LINKCOUNT)),
        )
        self.nodes = [en.getnodeid(p, k + 1) for k in range(count_nodes)]
        self.links = [en.getlinkid(p, k + 1) for k in range(count_links)]
        self.node_at = {name: k + 1 for k, name in enumerate(self.nodes)}
        self.link_at = {name: k + 1 for k, name in enumerate(self.links)}
        self.ends = [en.getlinknodes(p, k + 1)[1] - 1 for k in range(count_links)]
        kinds = [en.getlinktype(p, k + 1) for k in range(count_links)]
        self._is_valve = {name: kinds[k] > en.PUMP for k, name in enumerate(self.links)}
        self._is_pump = {name: kinds[k] == en.PUMP for k, name in enumerate(self.links)}
        self._setting = {
            name: en.getlinkvalue(p, self.link_at[name], en.INITSETTING) for name in self.links
        }
        self._is_open = {
            name: en.getlinkvalue(p, self.link_at[name], en.INITSTATUS) > 0 for name in self.links
        }
        self.first_open = dict(self._is_open)
        self.tanks = [n for n in self.nodes if en.getnodetype(p, self.node_at[n]) == en.TANK]
        self.level = {n: en.getnodevalue(p, self.node_at[n], en.TANKLEVEL) for n in self.tanks}
        self._area = {
            n: np.pi / 4 * en.getnodevalue(p, self.node_at[n], en.TANKDIAM) ** 2 for n in self.tanks
        }
        self._deepest = {n: en.getnodevalue(p, self.node_at[n], en.MAXLEVEL) for n in self.tanks}
        self._patterns = [
            [en.getpatternvalue(p, k, i + 1) for i in range(int(en.getpatternlen(p, k)))]
            for k in range(1, int(en.getcount(p, en.PATCOUNT)) + 1)
        ]
        self._pattern_s = float(en.gettimeparam(p, en.PATTERNSTEP)) or HOUR_S
        self._drawn: dict[str, float] = {}
        self._last: float | None = None
        self._inflow: dict[str, float] = {}
        en.openH(p)

    def step(self, t: float, inputs: Mapping[str, Any]) -> dict[str, Floats]:
        p = self.project
        self._fill_tanks(t)
        self._set_demands(t, inputs)
        for name, is_open in dict(inputs.get("open", {})).items():
            self._set_open(name, bool(is_open))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            en.initH(p, 0)
            en.runH(p)
        pressure = self._read(en.PRESSURE, len(self.nodes), en.getnodevalues)
        demand = self._read(en.DEMAND, len(self.nodes), en.getnodevalues)
        flow = self._read(en.FLOW, len(self.links), en.getlinkvalues)
        self._inflow = {n: float(demand[self.node_at[n] - 1]) for n in self.tanks}
        return {
            "pressure": pressure * BAR_PER_M,
            "demand": demand,
            "flow": flow,
            "outlet_pressure": pressure[self.ends] * BAR_PER_M,
            "level": np.array([self.level[n] for n in self.tanks]),
            "is_open": np.array([float(self._is_open[n]) for n in self.links]),
        }

    def _read(self, what: int, count: int, reader: Any) -> Floats:
        column = en.doubleArray(count)
        reader(self.project, what, column)
        return np.array([column[k] for k in range(count)])

    def _fill_tanks(self, t: float) -> None:
        """Carries the levels on by the last inflow (litres per second) over the time since."""
        passed = 0.0 if self._last is None else (t - self._last) % DAY_S
        self._last = t
        for name, inflow in self._inflow.items():
            level = self.level[name] + inflow / 1000.0 * min(passed, 900.0) / self._area[name]
            self.level[name] = float(np.clip(level, 0.05, self._deepest[name]))
            en.setnodevalue(self.project, self.node_at[name], en.TANKLEVEL, self.level[name])

    def _set_demands(self, t: float, inputs: Mapping[str, Any]) -> None:
        p = self.project
        for number, values in enumerate(self._patterns, start=1):
            at = t / self._pattern_s
            low, share = int(at), at - int(at)
            a, b = values[low % len(values)], values[(low + 1) % len(values)]
            en.setpatternvalue(p, number, 1, a + (b - a) * share)
        en.setoption(p, en.DEMANDMULT, float(inputs.get("demand", 1.0)))
        wanted = {str(n): float(q) for n, q in dict(inputs.get("leak", {})).items()}
        for name in self._drawn.keys() | wanted.keys():
            # an emitter: what leaves grows with the square root of the pressure
            en.setnodevalue(p, self.node_at[name], en.EMITTER, wanted.get(name, 0.0) / 6.0)
        self._drawn = wanted

    def _set_open(self, name: str, is_open: bool) -> None:
        if self._is_open[name] == is_open:
            return
        self._is_open[name] = is_open
        at = self.link_at[name]
        if is_open and self._is_valve[name]:
            en.setlinkvalue(self.project, at, en.INITSETTING, self._setting[name])
        else:
            en.setlinkvalue(self.project, at, en.INITSTATUS, en.OPEN if is_open else en.CLOSED)
            if is_open and self._is_pump[name]:
                # a pump that the file closes has speed 0 and would run without delivering
                en.setlinkvalue(self.project, at, en.INITSETTING, self._setting[name] or 1.0)

    def close(self) -> None:
        en.closeH(self.project)
        en.close(self.project)
        en.deleteproject(self.project)
        self._scratch.cleanup()


def start(network: Mapping[str, Any]) -> dict[str, list[str]]:
    """Opens `network["inp"]`; returns the names the columns of `step` stand for.

    Raises the engine's own error when it cannot read the file.
    """
    global _open
    stop()
    _open = _Network(str(network["inp"]))
    opened = [name for name in _open.links if _open.first_open[name]]
    return {"nodes": _open.nodes, "links": _open.links, "tanks": _open.tanks, "open": opened}


def step(t: float, inputs: Mapping[str, Any]) -> dict[str, Floats]:
    """The network at second `t` of the day.

    Inputs: `demand` (factor), `open` {link: bool}, `leak` {node: litres per second at 36 m}.
    Columns: `pressure` (nodes, bar), `demand` (nodes, l/s), `flow` (links, l/s, signed),
    `outlet_pressure` (links, bar), `level` (tanks, m), `is_open` (links, 0 or 1).
    """
    if _open is None:
        raise RuntimeError("step before start")
    return _open.step(t, inputs)


def stop() -> None:
    """Closes the network; harmless when none is open."""
    global _open
    if _open is not None:
        _open.close()
        _open = None
