"""All fault tests in one run, their figures as JSON and as a table.

`python -m tests.faults.run_all --out FOLDER`. Without TIER the forms that take a quarter of an
hour together; TIER=N1, N2 or N3 runs a third of the long forms each (kills and links; images;
patterns and messages). `--size soak_seconds=600` chooses one size by hand. Returns 1 when a
promise did not hold. A test whose control run shows no loss proves nothing and counts as failed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
for _place in (ROOT, ROOT / "app"):
    if str(_place) not in sys.path:
        sys.path.insert(0, str(_place))

from tests.faults import (  # noqa: E402
    broker_faults,
    fuzz_messages,
    gap_truth,
    import_mutants,
    kill_recorder,
    power_cut,
)
from tests.kit.machine import machine_line  # noqa: E402

Row = dict[str, Any]
SHORT: Final[dict[str, int]] = {
    "kills": 60, "images": 300, "patterns": 10_000, "fuzz": 20_000, "restarts": 8, "files": 500,
}  # fmt: skip
LONG: Final[dict[str, int]] = {
    "kills": 500, "images": 5_000, "patterns": 100_000, "fuzz": 500_000, "restarts": 50,
    "files": 50_000,
}  # fmt: skip
REOPEN_S: Final = 2.0
BUSY: Final = 2.5
"""load per core above which others have the machine and times say nothing"""
PARTS_OF: Final[dict[str, tuple[str, ...]]] = {
    "N1": ("kill", "links"),
    "N2": ("power",),
    "N3": ("gaps", "messages", "files", "tasks"),
}


def kill(size: dict[str, int], folder: Path) -> Row:
    found = kill_recorder.run(size["kills"], folder)
    report, worst = found.report, max(found.seconds_to_reopen)
    busy = worst > REOPEN_S and os.getloadavg()[1] > BUSY * (os.cpu_count() or 1)
    fast = sorted(found.seconds_to_reopen)[len(found.seconds_to_reopen) // 2]
    return {
        "promise": "Killing the recorder loses nothing acknowledged and stores nothing twice",
        "trials": f"{found.kills} kills at random moments, {found.points_per_s:,.0f} points/s",
        "result": f"{report.lost} of {report.sent:,} points lost, {report.duplicate} stored twice, "
        f"{report.wrong + report.unknown} wrong; reopened in {fast:.2f} s (median), "
        f"{worst:.2f} s (worst)" + (" on a busy machine, so not judged" if busy else "")
        + (f"; {found.law.words()}" if found.law else ""),
        "not_shown": "kill -9 is not power loss: the kernel keeps what a dead process wrote",
        "bound": _bound(found.kills, report.lost),
        "passed": report.ok and found.verified and report.sent == report.stored
        and found.law is not None and not found.law.unequal
        and (busy or worst <= REOPEN_S),
        "figures": {
            "kills": found.kills, "lost": report.lost, "duplicate": report.duplicate,
            "sent": report.sent, "points_per_s": found.points_per_s, "worst_reopen_s": worst,
            "median_reopen_s": fast, "verified": found.verified,
        },
    }  # fmt: skip


def power(size: dict[str, int], folder: Path) -> Row:
    if shutil.which("strace") is None:
        raise RuntimeError("strace is not installed; the power cuts cannot be made")
    found = power_cut.run(size["images"], seed=20261122)
    full, normal = found["FULL"], found["NORMAL"]
    return {
        "promise": "A power cut loses nothing acknowledged",
        "trials": f"{full['images']} images made from the recorded writes and fsyncs, what was "
        "not forced to disk kept, lost or torn at 512 bytes",
        "result": f"{full['corrupt']} corrupt, {full['lost']} with acknowledged rows lost; "
        f"control with synchronous=NORMAL: {normal['lost']} of {normal['images']} with loss "
        f"(worst {normal['worst']} messages)",
        "not_shown": "images are replayed writes, not a disk; a drive that lies about fsync loses "
        "data under any program",
        "bound": _bound(full["images"], full["lost"]),
        "passed": found["passed"],
        "figures": found,
    }


def links(size: dict[str, int], folder: Path) -> Row:
    found = broker_faults.run(size["restarts"], folder)
    return {
        "promise": "Every point of a source that keeps its messages arrives exactly once",
        "trials": f"{found['restarts']} restarts of the broker, every second by kill -9, down "
        "0.2 to 4 s, nothing kept on its disk",
        "result": f"{found['lost']} of {found['sent']:,} points lost, {found['stored_twice']} "
        f"stored twice, {found['gaps_left']} gaps left; {found['law']}",
        "not_shown": "a broker's restart is not packet loss; a source that keeps nothing cannot "
        "be completed (its gaps are shown)",
        "bound": _bound(found["restarts"], found["lost"]),
        "passed": found["passed"],
        "figures": found,
    }


def gaps(size: dict[str, int], folder: Path) -> Row:
    found = gap_truth.as_row(gap_truth.run(size["patterns"]))
    return {
        "promise": "Of a source that keeps nothing, every loss is shown and none is invented",
        "trials": f"{found['patterns']:,} random patterns with {found['messages_lost']:,} messages "
        "lost, also 256, 512 and 65,536 at once, the first, the last, across restarts",
        "result": f"{found['hidden']} patterns with a hidden loss, {found['invented']} with an "
        "invented one",
        "not_shown": "the decoder with a clock of its own; no broker in between",
        "bound": _bound(found["patterns"], found["hidden"]),
        "passed": found["passed"],
        "figures": found,
    }


def messages(size: dict[str, int], folder: Path) -> Row:
    found = fuzz_messages.as_row(fuzz_messages.run(size["fuzz"], folder / "p"))
    return {
        "promise": "Broken messages are counted and set aside; the others are stored",
        "trials": f"{found['messages']:,} messages, 70 % of them damaged",
        "result": f"{found['good_lost']} good points lost; {found['received']:,} received = "
        f"{found['stored']:,} stored + {found['duplicate']:,} duplicate + "
        f"{found['quarantined']:,} quarantined + {found['refused']:,} refused",
        "not_shown": "random damage is not an attacker who knows the decoder",
        "bound": "",
        "passed": found["passed"],
        "figures": found,
    }


def files(size: dict[str, int], folder: Path) -> Row:
    found = import_mutants.as_row(import_mutants.run(size["files"], folder / "f"))
    stopped = found.get("refused_at_the_memory_limit", 0)
    taken = found.get("taken", 0) + found.get("taken_with_a_word", 0)
    return {
        "promise": "A bad file to import is told about and harms nothing",
        "trials": f"{found['files']:,} bad files, made by hand or good ones damaged by chance: "
        "CityJSON, CityGML, GeoJSON, CSV, glTF, archives, pictures",
        "result": f"{len(found['broken'])} crashed, {len(found['hung'])} hung, "
        f"{len(found['silent'])} of those made by hand passed over silently, "
        f"{len(found['escaped'])} wrote elsewhere, {found['fetched']} fetched; "
        f"{found.get('refused', 0):,} refused with their reason, {stopped} stopped at the memory "
        f"limit, {taken:,} taken as far as sound; {found['good_lost']} of {found['good']} good "
        "files between them lost",
        "not_shown": "random damage is not an attacker who knows the readers; what a damaged file "
        "shows is not compared with what it meant",
        "bound": _bound(found["files"], len(found["broken"]) + len(found["hung"])),
        "passed": found["passed"],
        "figures": found,
    }


def tasks(size: dict[str, int], folder: Path) -> Row:
    out = folder / "junit.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={out}",
         "tests/faults/test_hostile_tasks.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    suite = _suite(out)
    good = suite["tests"] - suite["failures"] - suite["errors"] - suite["skipped"]
    return {
        "promise": "A task that raises, hangs, exits, eats memory or reaches outside fails alone",
        "trials": f"{suite['tests']} hostile tasks in workers",
        "result": f"{good} contained, {suite['failures'] + suite['errors']} not, "
        f"{suite['skipped']} not tried here",
        "not_shown": "a sandbox of limits and Landlock, not of a virtual machine; a kernel fault "
        "is outside of it",
        "bound": "",
        "passed": done.returncode == 0 and good > 0,
        "figures": suite,
    }


def _suite(file: Path) -> dict[str, int]:
    import re

    text = file.read_text(encoding="utf-8") if file.exists() else ""
    names = ("tests", "failures", "errors", "skipped")
    return {n: int(m[1]) if (m := re.search(rf'<testsuite [^>]*\b{n}="(\d+)"', text)) else 0
            for n in names}  # fmt: skip


def _bound(trials: int, lost: int) -> str:
    """With no failure in N trials the rate is below 3/N with 95 % confidence."""
    return f"< {300 / trials:.2g} % of trials (95 %)" if not lost and trials else ""


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {
    "kill": kill,
    "power": power,
    "links": links,
    "gaps": gaps,
    "messages": messages,
    "files": files,
    "tasks": tasks,
}


def _discover() -> None:
    """Take in every `part_*.py` beside this file: its PARTS, sizes SHORT and LONG, and TIER."""
    for file in sorted(Path(__file__).parent.glob("part_*.py")):
        module = importlib.import_module(f"tests.faults.{file.stem}")
        PARTS.update(module.PARTS)
        SHORT.update(module.SHORT)
        LONG.update(module.LONG)
        PARTS_OF[module.TIER] = (*PARTS_OF[module.TIER], *module.PARTS)


_discover()


def run(names: tuple[str, ...], size: dict[str, int]) -> list[Row]:
    """Run the parts one after the other; one that fails stops no other."""
    rows = []
    for name in names:
        begun = time.monotonic()
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"faults-{name}-") as folder:
            try:
                row = PARTS[name](size, Path(folder))
            except Exception as error:
                row = {"promise": name, "trials": "", "not_shown": "", "bound": "", "passed": False,
                       "result": f"the test itself failed: {error}", "figures": {}}  # fmt: skip
        seconds = round(time.monotonic() - begun, 1)
        row |= {"name": name, "seconds": seconds, "machine": machine_line()}
        rows.append(row)
        verdict = "passed" if row["passed"] else "FAILED"
        print(f"  {verdict} in {row['seconds']} s: {row['result']}", flush=True)
    return rows


def table(rows: list[Row]) -> str:
    """The page with what each figure shows and what it does not."""
    lines = [
        "# Reliability, measured",
        "",
        "Made by `make faults`; do not edit. Loss and duplicates are judged from what the devices "
        "wrote down before they sent it, never from the broker or the program under test.",
        "",
        "| promise | trials | found | upper bound | what this does not show | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row[k] or "—" for k in ("promise", "trials", "result", "bound", "not_shown")]
        lines.append(f"| {' | '.join(cells)} | {'held' if row['passed'] else '**FAILED**'} |")
    lines += ["", "Measured on:", ""]
    lines += [f"- {row['name']}: {row['machine']}; {row['seconds']} s" for row in rows]
    lines += [
        "",
        "The upper bound is what N trials without a failure allow to say: at most about 3/N of "
        "such events would fail, with 95 % confidence. Completeness is promised for sources that "
        "keep their messages until they are acknowledged; for all others the promise is that "
        "every loss is shown.",
        "",
    ]
    return "\n".join(lines)


def write(rows: list[Row], out: Path, stem: str) -> None:
    """JSON and table; rows of parts that were not run now stay as they were."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{stem}.json"
    before = json.loads(file.read_text(encoding="utf-8"))["results"] if file.exists() else []
    known = {row["name"]: row for row in [*before, *rows]}
    kept = [known[name] for name in PARTS if name in known]
    file.write_text(json.dumps({"results": kept}, indent=1) + "\n", encoding="utf-8")
    page = out / f"{stem}.md"
    page.write_text(table(kept), encoding="utf-8")
    print(f"\n{page}")


def _size(word: str) -> tuple[str, int]:
    """`past_kills=9` is the size `past kills` too: a shell cuts words at blanks."""
    name, _, number = word.partition("=")
    name = next((size for size in SHORT if size.replace(" ", "_") == name), name)
    if name not in SHORT or not number.isdecimal():
        known = ", ".join(sorted(size.replace(" ", "_") for size in SHORT))
        raise argparse.ArgumentTypeError(f"{word}: NAME=NUMBER, the name one of {known}")
    return name, int(number)


def main() -> int:
    sizes = "\n".join(
        f"  {name.replace(' ', '_')}: {SHORT[name]:,}, long {LONG.get(name, SHORT[name]):,}"
        for name in sorted(SHORT)
    )
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"sizes:\n{sizes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "docs" / "results")
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), default=[])
    parser.add_argument("--size", nargs="*", type=_size, default=[], metavar="NAME=NUMBER")
    given = parser.parse_args()
    tier = os.environ.get("TIER", "")
    size = {**(LONG if tier.startswith("N") else SHORT), **dict(given.size)}
    names = tuple(given.only) or PARTS_OF.get(tier, tuple(PARTS))
    rows = run(names, size)
    stem = f"reliability-{tier}" if tier.startswith("N") else "reliability"
    write(rows, given.out, stem)
    return 0 if all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
