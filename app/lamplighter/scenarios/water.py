"""The what-if on a water network: the same file simulated unchanged and changed, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress
from lamplighter.scenarios.network_run import NetworkRun, RunResult
from lamplighter.scenarios.outcome import BASIS, WaterOutcome, WaterWhatIf

Floats = npt.NDArray[np.float64]
_PIPE: Final = ("Pipe", "Valve")
_TANK: Final = 2
_JUNCTION: Final = 0


def run_water(payload: WaterWhatIf, progress: Progress) -> WaterOutcome:
    """Baseline and outcome, and the outcome with less and more demand for the range.

    Raises LamplighterError: U-801 for an id that is not in the file, P-606 when it cannot be
    simulated. The same request gives the same numbers, bit for bit.
    """
    inp = Path(payload.inp)
    if not inp.is_file():
        raise fault("P-606", name=f"what-if on {inp.name}", what="the network file is gone")
    share = payload.demand_share
    plan = (
        ("baseline", False, 1.0),
        ("outcome", True, 1.0),
        ("with less demand", True, 1.0 - share),
        ("with more demand", True, 1.0 + share),
    )
    whole = round(payload.hours * 60)
    results: list[RunResult] = []
    for number, (title, changed, demand) in enumerate(plan):
        with NetworkRun(inp) as network:
            wanted = targets(network, payload)  # a wrong id ends it before anything is simulated
            for link, is_open in wanted if changed else []:
                network.set_open(link, is_open)

            def step(hour: float, at: int = number * whole, title: str = title) -> None:
                text = f"{title}, hour {hour:.1f} of {payload.hours:g}"
                progress(at + min(round(hour * 60), whole - 1), 4 * whole, text)

            results.append(network.run(payload.hours, demand, step))
    progress(4 * whole, 4 * whole, "compared")
    return _compare(network, payload, results)


def targets(network: NetworkRun, payload: WaterWhatIf) -> list[tuple[int, bool]]:
    """(link, whether it is to be open) for every id. Raises LamplighterError (U-801)."""
    found = [(network.find(name, _PIPE), False) for name in payload.close]
    found += [(network.find(name, ("Pump",)), False) for name in payload.stop]
    return found + [(network.find(name, (*_PIPE, "Pump")), True) for name in payload.open]


def _compare(network: NetworkRun, payload: WaterWhatIf, runs: list[RunResult]) -> WaterOutcome:
    kind = np.concatenate(
        [np.where(network.node_types == _TANK, 1, 0), np.full(len(network.links), 2)]
    ).astype(np.uint8)
    asset = np.array([*network.nodes, *network.link_assets], dtype=object)
    base, outcome, less, more = (np.concatenate([r.head, r.flow]) for r in runs)
    keep = np.concatenate([network.node_types != 1, np.ones(len(network.links), np.bool_)])
    change = np.abs(outcome - base)
    scale = np.where(kind == 2, max(float(np.abs(base[kind == 2]).max(initial=0)), 1e-9), 100.0)
    order = np.argsort(-(change / scale), kind="stable")
    order = order[keep[order]]
    ranges = np.stack([outcome, less, more])
    return WaterOutcome(
        tuple(str(a) for a in asset[order]),
        kind[order],
        base[order],
        outcome[order],
        ranges.min(axis=0)[order],
        ranges.max(axis=0)[order],
        _summary(network, payload, runs[0], runs[1]),
        f"{BASIS}: EPANET over {payload.hours:g} h, lowest pressure and mean flow, "
        f"range from demand ±{payload.demand_share:.0%}, demand falls with pressure",
        tuple(sorted({w for r in runs for w in r.warnings})),
    )


def _summary(network: NetworkRun, payload: WaterWhatIf, base: RunResult, outcome: RunResult) -> str:
    junction = network.node_types == _JUNCTION
    poor = junction & (outcome.head < payload.low_pressure_m)
    new = int((poor & (base.head >= payload.low_pressure_m)).sum())
    drop = np.where(junction, base.head - outcome.head, -np.inf)
    worst = int(np.argmax(drop))
    what = [
        *(f"{name} closed" for name in payload.close),
        *(f"{name} stopped" for name in payload.stop),
        *(f"{name} open" for name in payload.open),
    ]
    text = f"{', '.join(what) or 'Nothing changed'} for {payload.hours:g} h: "
    if not junction.any() or drop[worst] < 0.05:
        return text + "no junction loses pressure."
    return (
        text + f"{new} of {int(junction.sum())} junctions fall below {payload.low_pressure_m:g} m; "
        f"largest drop at {network.nodes[worst]}, from {base.head[worst]:.1f} m "
        f"to {outcome.head[worst]:.1f} m."
    )
