"""Kills while rows of the quarantine are retried: each is set aside or stored, never both.

A project holds messages that its mapping did not read. The mapping is mended, and a child retries
row after row until it is killed at a random moment. Every message must then be in the quarantine or
stored once; and the good messages that came among the bad ones must all be there.

Run it: `python -m tests.faults.part_quarantine --kills 20`
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kit.program import environment

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.runtime.project import create
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store, commit

ROOT: Final = Path(__file__).resolve().parents[2]
TIER: Final = "N1"
SHORT: Final = {"retry kills": 8}
LONG: Final = {"retry kills": 120}
SEED: Final = 20261128
BAD: Final = 150
GOOD_EACH: Final = 4
"""good messages for each bad one"""
PATIENCE_S: Final = 60.0
MAPPING: Final = """
name = "masts"
topic = "city/+/up"
[[values]]
datastream = "{id}"
value = "%s"
"""
Row = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What the trials showed."""

    kills: int = 0
    part_way: int = 0
    """kills after the first and before the last row was retried"""
    retried: int = 0
    both: int = 0
    neither: int = 0
    twice: int = 0
    good_lost: int = 0
    unsound: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing was lost, stored twice or left in two places."""
        found = self.both + self.neither + self.twice + self.good_lost + self.unsound
        return not found and not self.faults


def ask(recorder: Recorder, request: wire.Request) -> Any:
    """The recorder's answer, without the wire between."""
    return recorder._handle(request)


def prepare(project: Path) -> None:
    """A project with `BAD` rows set aside among good messages; its mapping is mended."""
    create(project)
    recorder = Recorder(project, SystemClock(), plugin_code=False)
    recorder.start()
    ask(recorder, wire.AddFeed("mqtt://127.0.0.1:9", MAPPING % "v"))
    clock = recorder.clock

    def send(body: object) -> None:
        raw = json.dumps(body).encode()
        recorder.inlet.deliver(
            RawMessage("city/a/up", raw, clock.wall_ms(), -1, "feed-1", clock.monotonic_ms())
        )

    for number in range(BAD):
        for good in range(GOOD_EACH):
            send({"id": f"good-{number}-{good}", "v": 1.0})
        send({"id": f"bad-{number}", "w": 1.0})
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and len(recorder.store.aside_rows(limit=BAD + 1)) < BAD:
        time.sleep(0.1)
    ask(recorder, wire.ChangeFeed("feed-1", "edit", mapping=MAPPING % "w"))
    recorder.stop()


def child(project: Path, *, hasty: bool = False) -> None:
    """Retry one row after the other; says so on its standard output.

    `hasty`, a planted bug: a row is stored in one transaction and would leave the quarantine in
    the next.
    """
    if hasty:
        commit.settle_retried = lambda sql, retried: (Counter(), Counter())
    recorder = Recorder(project, SystemClock(), plugin_code=False)
    recorder.start()
    rows = [r.number for r in recorder.store.aside_rows(limit=BAD)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number in reversed(rows):
        ask(recorder, wire.RetryQuarantined((number,)))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    sys.stdout.write("all\n")
    sys.stdout.flush()
    time.sleep(PATIENCE_S)


def judge(project: Path, outcome: Outcome) -> None:
    """Where each message is now."""
    store = Store.open(project, write=False, clock=SystemClock())
    try:
        kept = {json.loads(r.body)["id"] for r in store.aside_rows(limit=10 * BAD)}
        names = {d.id: d.name for d in store.datastreams()}
        stored = Counter(r.datastream for r in store.export_rows())
        report = store.verify()
    finally:
        store.close()
    assert names or not stored
    for number in range(BAD):
        name = f"bad-{number}"
        times = stored[name]
        outcome.both += times > 0 and name in kept
        outcome.neither += times == 0 and name not in kept
        outcome.twice += times > 1
        outcome.good_lost += sum(stored[f"good-{number}-{good}"] != 1 for good in range(GOOD_EACH))
    outcome.retried += BAD - len(kept)
    if not report.ok:
        outcome.unsound += 1
        outcome.faults.append(str(report.first_bad))


def run(kills: int, folder: Path, *, hasty: bool = False) -> Outcome:
    """`kills` trials, each on its own copy of the project."""
    rng = random.Random(SEED)
    outcome = Outcome()
    first = folder / "first"
    prepare(first)
    for number in range(kills):
        project = folder / f"trial-{number}"
        shutil.copytree(first, project)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.faults.part_quarantine", "--child", str(project),
             *(["--hasty"] if hasty else [])],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment(),
        ) as process:  # fmt: skip
            assert process.stdout is not None
            line = process.stdout.readline()
            while line and line != "ready\n":  # what the recorder logs
                line = process.stdout.readline()
            said = [line]
            wanted = rng.randrange(1, BAD)
            while said[-1] and len(said) <= wanted and said[-1] != "all\n":
                said.append(process.stdout.readline())
            time.sleep(rng.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
        if said[0] != "ready\n":
            outcome.faults.append("the child did not start")
        outcome.kills += 1
        outcome.part_way += 1 < len(said) <= BAD
        judge(project, outcome)
        shutil.rmtree(project)
    return outcome


def quarantine(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found = run(size["retry kills"], folder)
    return {
        "promise": "Bad messages hold up no good one; a retried one is stored once or stays set "
        "aside, whatever is killed",
        "trials": f"{found.kills} kills while {BAD} rows are retried, {found.part_way} part-way; "
        f"1 bad message in {GOOD_EACH + 1}",
        "result": f"{found.retried:,} rows retried: {found.both} in both places, {found.neither} "
        f"in neither, {found.twice} stored twice; {found.good_lost} good messages lost",
        "not_shown": "kill -9 is not power loss; rows that cannot be read again stay as they are",
        "bound": "",
        "passed": found.sound and found.part_way > 0 and found.retried > 0,
        "figures": {
            "kills": found.kills, "part_way": found.part_way, "retried": found.retried,
            "both": found.both, "neither": found.neither, "twice": found.twice,
            "good_lost": found.good_lost, "faults": found.faults[:5],
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"quarantine": quarantine}


def main() -> int:
    """One run by hand, or the child of one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--hasty", action="store_true")
    given = parser.parse_args()
    if given.child is not None:
        child(given.child, hasty=given.hasty)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        row = quarantine({"retry kills": given.kills}, Path(folder))
    sys.stdout.write(json.dumps(row, indent=1) + "\n")
    return 0 if row["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
