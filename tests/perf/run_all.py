"""All benchmarks in one run, as JSON and as a table of ratios to named peers.

`python -m tests.perf.run_all --out FOLDER [--only NAME ...]`. Each benchmark runs in a process of
its own, measures its peer in the same run, and gives rows of `name, figure, unit, against, ratio`;
a ratio above 1 means better than the peer. Compare ratios, not figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.kit.machine import machine_line
from tests.kit.program import ROOT, environment

BENCHES: Final = {
    "ingest": "From the field to the disk",
    "protocols": "Feeds of other protocols",
    "store": "Store: ingest, size, history",
    "sealed": "Sealed history",
    "seek": "A moment of the past",
    "historian": "Historian, and the past brought in",
    "import": "Import of city models",
    "importing": "The window while a real city is imported",
    "scene": "The 3D city (software or hardware OpenGL, as the machine has it)",
    "scene_big": "The 3D city with a hundred thousand houses",
    "chart": "Charts",
    "start": "Start",
    "alarms": "Alarms",
    "backtest": "Rules tried on the past",
    "analytics": "Expected values and forecasts",
    "life": "Remaining life and failure risk",
    "classes": "Failure risk of a class, and of ages alone",
    "anomaly": "Anomalies, attacks and leaks",
    "suspicion": "Is this sensor genuine",
    "coverage": "Where the city is measured",
    "forecast": "Forecasts of the next day",
}
CODE: Final = """
import importlib, json, sys
found = importlib.import_module("tests.perf.bench_" + sys.argv[1]).rows()
with open(sys.argv[2], "w") as out:
    json.dump(found, out)
"""
KEYS: Final = {"name", "figure", "unit", "against", "ratio"}


def run(name: str) -> dict[str, Any]:
    """One benchmark in its own process: its rows, or why there are none."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.json"
        done = subprocess.run(
            [sys.executable, "-c", CODE, name, str(out)],
            cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        if out.exists():
            rows, why = json.loads(out.read_text()), ""
        else:
            rows, why = [], (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    odd = [r for r in rows if not r.keys() >= KEYS or not isinstance(r["against"], str)]
    assert not odd, f"rows of {name} do not keep the contract: {odd[:1]}"
    seconds = round(time.monotonic() - begun, 1)
    return {"bench": name, "rows": rows, "why": why, "seconds": seconds, "machine": machine_line()}


def table(found: list[dict[str, Any]]) -> str:
    """The page."""
    lines = [
        "# Figures beside named peers",
        "",
        "Made by `make bench`; do not edit. The peer of each row was measured in the same run on "
        "the same machine. A ratio above 1 means better than the peer. Figures hold for this "
        "machine and its load; ratios travel further.",
    ]
    for one in found:
        lines += ["", f"## {BENCHES[one['bench']]}", "", f"{one['machine']}.", ""]
        if one["why"]:
            lines += [f"Not measured: {one['why']}"]
            continue
        lines += ["| what | figure | against | ratio |", "|---|---:|---|---:|"]
        for r in one["rows"]:
            ratio = "—" if r["ratio"] is None else f"{r['ratio']:,}"
            against = r["against"] or "—"
            lines.append(f"| {r['name']} | {r['figure']:,} {r['unit']} | {against} | {ratio} |")
    return "\n".join([*lines, ""])


def write(found: list[dict[str, Any]], out: Path) -> None:
    """JSON and table; benchmarks that were not run now stay as they were."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "bench.json"
    before = json.loads(file.read_text(encoding="utf-8"))["benches"] if file.exists() else []
    known = {one["bench"]: one for one in [*before, *found]}
    kept = [known[name] for name in BENCHES if name in known]
    file.write_text(json.dumps({"benches": kept}, indent=1) + "\n", encoding="utf-8")
    (out / "bench.md").write_text(table(kept), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "docs" / "results")
    parser.add_argument("--only", nargs="*", choices=sorted(BENCHES), default=[])
    given = parser.parse_args()
    found = []
    for name in given.only or BENCHES:
        one = run(name)
        found.append(one)
        print(f"{name}: {one['seconds']} s {one['why']}", flush=True)
        for r in one["rows"]:
            print(f"  {r['name']:<58} {r['figure']:>12,} {r['unit']:<10} "
                  f"{r['ratio'] or '':>8}  {r['against']}", flush=True)  # fmt: skip
    write(found, given.out)
    return 1 if any(one["why"] for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
