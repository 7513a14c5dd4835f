"""Clean days of the demo city, sampled once a minute: its own simulator, without its plan."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.kit.program import ROOT, environment

DAY_MIN = 1_440


def generate(folder: Path) -> Path:
    """The demo city's files, made by the program."""
    out = folder / "city"
    subprocess.run(
        [sys.executable, "-m", "lamplighter", "field", str(ROOT / "resources" / "demo"),
         "--generate", str(out), "--past-end", "1795305600000"],
        check=True, capture_output=True, env=environment(), cwd=ROOT,
    )  # fmt: skip
    return out


def minutes(
    city: Path, count: int, begin_h: float = 8.0
) -> tuple[np.ndarray, list[Any], list[str]]:
    """(values (count, m), stream rows, domain of each): numeric datastreams only."""
    from lamplighter.field import app
    from lamplighter.field.networks import Networks
    from lamplighter.field.values import Values

    device = app._read(city / "device" / "district.json")
    networks = Networks(city, device, ROOT / "plugins", print)
    values = Values(device, networks, app._rated_kw(city, device))
    keep = [k for k, s in enumerate(device.streams) if not s.states]
    step = np.array([max(device.streams[k].resolution, 1e-9) for k in keep])
    found = np.empty((count, len(keep)))
    for n in range(count):
        now = 60.0 * n
        day = (begin_h * 3_600.0 + now) % 86_400.0
        networks.step(now, day)
        values.step(now, day)
        found[n] = np.round(values.shown[keep] / step) * step
    networks.close()
    with (city / "import" / "assets.csv").open(encoding="utf-8", newline="") as file:
        domain = {row["id"]: row.get("domain", "") for row in csv.DictReader(file)}
    streams = [device.streams[k] for k in keep]
    return found, streams, [domain.get(s.asset, "") or s.source for s in streams]
