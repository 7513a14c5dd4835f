"""Plays an EPANET network's own results as one native source over MQTT.

Pressures of the nodes and flows of the links, one message a hydraulic step, as fast as asked. The
hydraulics are computed beforehand by the EPANET toolkit; the ledger and the resending are those of
`device`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.kit import device

Step = list[tuple[str, float]]


def solve(network: Path) -> list[Step]:
    """(name, value) of every node's pressure and link's flow, for each hydraulic step."""
    from epanet import toolkit as en

    project = en.createproject()
    folder = tempfile.mkdtemp(prefix="epanet-")
    report, output = str(Path(folder) / "r.txt"), str(Path(folder) / "o.bin")
    en.open(project, str(network), report, output)
    try:
        nodes = [en.getnodeid(project, n + 1) for n in range(en.getcount(project, en.NODECOUNT))]
        links = [en.getlinkid(project, n + 1) for n in range(en.getcount(project, en.LINKCOUNT))]
        steps: list[Step] = []
        en.openH(project)
        en.initH(project, 0)
        left = 1
        while left > 0:
            en.runH(project)
            row = [
                (f"{name}.pressure", float(en.getnodevalue(project, at + 1, en.PRESSURE)))
                for at, name in enumerate(nodes)
            ]
            row += [
                (f"{name}.flow", float(en.getlinkvalue(project, at + 1, en.FLOW)))
                for at, name in enumerate(links)
            ]
            steps.append(row)
            left = en.nextH(project)
        en.closeH(project)
        return steps
    finally:
        en.close(project)
        en.deleteproject(project)


class EpanetDevice(device.Device):
    """One message a step; it starts again from the first step when the run is over."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self.steps = solve(Path(options.network))

    def points_of(self, seq: int) -> list[list[Any]] | None:
        now = time.time_ns() // 1_000_000
        row = self.steps[seq % len(self.steps)]
        return [[name, now, round(value, 6)] for name, value in row]


def main() -> int:
    arguments = sys.argv[1:]
    network = arguments.pop(0)

    def kind(options: argparse.Namespace) -> EpanetDevice:
        options.network = network
        return EpanetDevice(options)

    return device.main(arguments, kind)


if __name__ == "__main__":
    raise SystemExit(main())
