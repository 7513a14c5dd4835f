"""Bringing the past in is killed at random moments, again and again; every row is there once.

The judge reads the CSV that was made and the CSV that `export --observations` writes, and nothing
else.
"""

from __future__ import annotations

import csv
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import mock

from tests.kit.program import ROOT, environment, json_of, verb

from lamplighter.domain.clock import SystemClock, parse_time
from lamplighter.runtime import past_import
from lamplighter.runtime.intake import StoreDoor
from lamplighter.store import Store

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"past rows": 300_000, "past kills": 5}
LONG: Final = {"past rows": 2_000_000, "past kills": 40}
BAD_EVERY: Final = 997
BEGIN: Final = "2015-03-01T00:00:00Z"
MAPPING: Final = """
source = "scada"
[time]
column = "time"
[long]
datastream = "tag"
value = "value"
"""
CODE: Final = "from tests.faults.part_past import child; import sys; child(*sys.argv[1:])"


def child(project: str, file: str, planted: str) -> None:
    """One attempt in a process of its own, to be killed."""
    store = Store.open(Path(project), write=True, clock=SystemClock())
    one = past_import.PastImport(store, StoreDoor(store), SystemClock())

    def tell(done: int, total: int, text: str) -> None:
        print(done, flush=True)  # whoever reads it may kill at any of these

    patched = mock.patch.object(past_import, "digest_of", lambda _: secrets.token_bytes(8))
    if planted:
        patched.start()
        past_import.WAITING = 0  # type: ignore[misc]  # so that what was told is stored
    one.run(Path(file), MAPPING, "map", again=bool(planted), progress=tell)
    store.close()


def run(rows: int, kills: int, folder: Path, *, planted: str = "") -> dict[str, Any]:
    """Make a file, bring it in under kills, and compare what is there with what was in it."""
    rng = random.Random(rows + kills)
    file, project = folder / "history.csv", folder / "town"
    expected, bad = _made(file, rows)
    verb("new", project)
    pieces = -(-rows // past_import.POINTS)
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(project), str(file), planted],
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(rng.randint(1, pieces - 1)):
            process.stdout.readline()
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.wait()
        process.stdout.close()
    subprocess.run(
        [sys.executable, "-c", CODE, str(project), str(file), planted],
        cwd=ROOT, env=environment(), check=True, timeout=600, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    found = _exported(project, folder / "export.csv")
    verdict = json_of("verify", project)
    with_store = Store.open(project, write=False, clock=SystemClock())
    aside = sum(points for _, points in with_store.quarantine_totals().values())
    with_store.close()
    missing, extra = expected - found, found - expected
    return {
        "rows": rows,
        "kills": kills,
        "missing": sum(missing.values()),
        "extra": sum(extra.values()),
        "bad_rows": bad,
        "set_aside": aside,
        "verified": bool(verdict["ok"]),
        "passed": not missing and not extra and aside == bad and bool(verdict["ok"]),
    }


def _made(file: Path, rows: int) -> tuple[Counter[tuple[str, int, float]], int]:
    start = parse_time(BEGIN)
    expected: Counter[tuple[str, int, float]] = Counter()
    bad = 0
    with file.open("w") as out:
        out.write("time,tag,value\n")
        for at in range(rows):
            moment, tag, value = start + at // 50 * 60_000, f"T-{at % 50}", at % 1_000 / 8
            if at % BAD_EVERY == 0:
                bad += 1
                out.write(f"{moment},{tag},broken\n")
                continue
            expected[tag, moment, value] += 1
            text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment // 1000))
            out.write(f"{text},{tag},{value}\n")
    return expected, bad


def _exported(project: Path, out: Path) -> Counter[tuple[str, int, float]]:
    verb("export", project, "--observations", out, timeout=600)
    with out.open(newline="") as text:
        return Counter(
            (r["datastream"], int(r["phenomenon_time_ms"]), float(r["value"]))
            for r in csv.DictReader(text)
        )


def past(size: dict[str, int], folder: Path) -> Row:
    found = run(size["past rows"], size["past kills"], folder)
    return {
        "promise": "A past that is brought in under kills is there whole, each row once",
        "trials": f"{found['rows']:,} rows, one in {BAD_EVERY} of them broken; the import killed "
        f"{found['kills']} times at random moments, and begun again",
        "result": f"{found['missing']} rows missing, {found['extra']} twice or invented; "
        f"{found['set_aside']} of {found['bad_rows']} broken rows set aside",
        "not_shown": "kill -9 is not power loss: the kernel keeps what a dead process wrote",
        "bound": "",
        "passed": found["passed"],
        "figures": found,
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"past": past}
