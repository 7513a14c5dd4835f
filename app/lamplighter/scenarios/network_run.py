"""One EPANET run: opened, changed, stepped, closed. Needs the engine, so it runs in a worker."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.problems import LamplighterError, fault

Floats = npt.NDArray[np.float64]

KINDS: Final = {0: "Pipe", 1: "Pipe", 2: "Pump"}
"""EPANET's link types; all others are valves"""
_REQUIRED_PRESSURE_M: Final = 20.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """n nodes, l links: `head` (n,) lowest pressure or level, `flow` (l,) mean flow, signed."""

    head: Floats
    flow: Floats
    warnings: tuple[str, ...]


class NetworkRun:
    """An open network in SI units with pressure-driven demand; use as a context."""

    def __init__(self, inp: Path) -> None:
        """Raises LamplighterError (P-606) when the engine cannot read the file."""
        from epanet import toolkit

        self._en: Any = toolkit
        self._file = inp
        self._handle = toolkit.createproject()
        self._folder = tempfile.TemporaryDirectory()
        report = Path(self._folder.name) / "report.txt"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                toolkit.open(self._handle, str(inp), str(report), "")
        except Exception as error:
            toolkit.deleteproject(self._handle)
            text = _first_error(report) or str(error)
            self._folder.cleanup()
            raise _failed(inp, text) from None
        self._prepare()

    def __enter__(self) -> NetworkRun:
        return self

    def __exit__(self, *gone: object) -> None:
        self._en.close(self._handle)
        self._en.deleteproject(self._handle)
        self._folder.cleanup()

    def _prepare(self) -> None:
        en, p = self._en, self._handle
        en.setflowunits(p, en.LPS)
        en.setoption(p, en.PRESS_UNITS, en.METERS)
        en.setstatusreport(p, en.NO_REPORT)
        en.setdemandmodel(p, en.PDA, 0.0, _REQUIRED_PRESSURE_M, 0.5)
        self.nodes = tuple(en.getnodeid(p, n + 1) for n in range(int(en.getcount(p, en.NODECOUNT))))
        self.links = tuple(en.getlinkid(p, n + 1) for n in range(int(en.getcount(p, en.LINKCOUNT))))
        types = [en.getlinktype(p, n + 1) for n in range(len(self.links))]
        self.link_kinds = tuple(KINDS.get(t, "Valve") for t in types)
        self.node_types = np.array([en.getnodetype(p, n + 1) for n in range(len(self.nodes))])
        taken = set(self.nodes)
        self.link_assets = tuple(
            f"{kind}-{name}" if name in taken else name
            for name, kind in zip(self.links, self.link_kinds, strict=True)
        )

    def find(self, asset: str, kinds: tuple[str, ...]) -> int:
        """EPANET's number of the link. Raises LamplighterError (U-801) when there is none."""
        for names in (self.link_assets, self.links):
            if asset in names:
                place = names.index(asset)
                if self.link_kinds[place] in kinds:
                    return place + 1
        what = f"No {' or '.join(k.lower() for k in kinds)} of the network is called {asset}"
        raise fault("U-801", what=what, name="scenario")

    def set_open(self, link: int, is_open: bool) -> None:
        """Open or shut a link for the whole run: nothing in the file may turn it back."""
        en, p = self._en, self._handle
        self._release(link)
        if en.getlinktype(p, link) == en.CVPIPE:
            link = int(en.setlinktype(p, link, en.PIPE, en.UNCONDITIONAL))
        if en.getlinktype(p, link) == en.PUMP and en.getlinkvalue(p, link, en.LINKPATTERN) > 0:
            en.setlinkvalue(p, link, en.LINKPATTERN, 0)
        en.setlinkvalue(p, link, en.INITSTATUS, en.OPEN if is_open else en.CLOSED)

    def _release(self, link: int) -> None:
        en, p = self._en, self._handle
        for control in range(1, int(en.getcount(p, en.CONTROLCOUNT)) + 1):
            if int(en.getcontrol(p, control)[1]) == link:
                en.setcontrolenabled(p, control, en.FALSE)
        for rule in range(1, int(en.getcount(p, en.RULECOUNT)) + 1):
            _, actions, others, _ = en.getrule(p, rule)
            links = [en.getthenaction(p, rule, a)[0] for a in range(1, int(actions) + 1)]
            links += [en.getelseaction(p, rule, a)[0] for a in range(1, int(others) + 1)]
            if link in (int(x) for x in links):
                en.setruleenabled(p, rule, en.FALSE)

    def run(self, hours: float, demand: float, step: Callable[[float], None]) -> RunResult:
        """Simulate; `step` hears the simulated hour. Raises LamplighterError (P-606)."""
        en, p = self._en, self._handle
        en.settimeparam(p, en.DURATION, round(hours * 3600))
        multiplier = en.getoption(p, en.DEMANDMULT)
        en.setoption(p, en.DEMANDMULT, multiplier * demand)
        nodes, links = en.doubleArray(len(self.nodes)), en.doubleArray(len(self.links))
        lowest = np.full(len(self.nodes), np.inf)
        total, passed = np.zeros(len(self.links)), 0.0
        notes: dict[str, None] = {}
        try:
            en.openH(p)
        except Exception as error:
            raise _failed(self._file, str(error)) from None
        try:
            en.initH(p, en.INITFLOW)
            while True:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    now = en.runH(p)
                notes |= {str(w.message): None for w in caught}
                en.getnodevalues(p, en.PRESSURE, nodes)
                en.getlinkvalues(p, en.FLOW, links)
                lowest = np.minimum(lowest, _taken(nodes, len(self.nodes)))
                flow = _taken(links, len(self.links))
                step(now / 3600)
                ahead = en.nextH(p)
                weight = float(ahead) if ahead > 0 else (1.0 if passed == 0.0 else 0.0)
                total, passed = total + weight * flow, passed + weight
                if ahead <= 0:
                    break
        except LamplighterError:
            raise
        except Exception as error:
            raise _failed(self._file, str(error)) from None
        finally:
            en.closeH(p)
            en.setoption(p, en.DEMANDMULT, multiplier)
        return RunResult(np.maximum(lowest, 0.0), total / passed, tuple(notes))


def _taken(values: Any, count: int) -> Floats:
    return np.array([values[k] for k in range(count)])


def _first_error(report: Path) -> str:
    try:
        lines = report.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next(
        (" ".join(line.split()) for line in lines if "Error" in line and "200" not in line), ""
    )


def _failed(inp: Path, what: str) -> LamplighterError:
    return fault("P-606", name=f"what-if on {inp.name}", what=what.strip().rstrip("."))
