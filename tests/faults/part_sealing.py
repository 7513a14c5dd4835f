"""Kills while hours are sealed, merged and expired: the old state or the new one, never less.

A child seals a copy of a recorded project and is killed at a random moment. What it leaves must
give every batch as it was recorded and pass `verify`; the next start finishes the work, and again
every batch must be there.

Run it: `python -m tests.faults.part_sealing --kills 40`
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.faults.part_flips import build, digests
from tests.kit.clocks import FakeClock

from lamplighter.store import Sealer, Store, sealer, slices
from lamplighter.store.segment import SegmentAbout

TIER: Final = "N1"
SHORT: Final = {"seal kills": 40}
LONG: Final = {"seal kills": 600}
SEED: Final = 20261128
DAY_MS: Final = 86_400_000


class Hasty(Sealer):
    """A planted bug: the hot rows go before the segment is in the catalogue. It dies in between by
    itself, so that no trial misses the moment.
    """

    def write(self, *given: Any, **more: Any) -> SegmentAbout:
        about = super().write(*given, **more)
        if not about.tier:
            self.chore(partial(_take_away, last=about.to_batch))
            os.kill(os.getpid(), signal.SIGKILL)
        return about


def _take_away(sql: sqlite3.Connection, last: int) -> None:
    sql.execute("DELETE FROM body WHERE number<=?", (last,))


@dataclass(slots=True)
class Outcome:
    kills: int = 0
    too_late: int = 0
    """the child had ended already"""
    part_way: int = 0
    """left with files that were not in the catalogue, or rows still to be taken away"""
    lost: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.kills > self.too_late and not self.lost


def _work(project: Path, now_ms: int, how: type[Sealer]) -> None:
    """Small slices and steps, so that there are many moments to be killed at."""
    sealer.SLICE_POINTS = 2_500  # type: ignore[misc]
    sealer._FIRST_STEP = 12  # type: ignore[misc]
    slices.CHUNK_POINTS = 200  # type: ignore[misc]
    clock = FakeClock()
    clock.advance(now_ms - clock.wall_ms())
    store = Store.open(project, write=True, clock=clock)
    made = how(project, store.writer, clock)
    made.seal()
    clock.advance(9 * DAY_MS)
    made.merge()
    made.seal()
    made.close()
    store.close()


def _child(project: Path, now_ms: int, how: type[Sealer]) -> int:
    child = os.fork()
    if child == 0:
        try:
            _work(project, now_ms, how)
        finally:
            os._exit(0)
    return child


def run(
    kills: int,
    folder: Path,
    *,
    how: type[Sealer] = Sealer,
    seed: int = SEED,
    built: tuple[FakeClock, dict[int, bytes]] | None = None,
) -> Outcome:
    """`how` is only ever other than the product's own in the test of planted bugs; `built`: what
    `build` gave for `folder / "base"`.
    """
    chance = random.Random(seed)
    base = folder / "base"
    clock, truth = built or build(base, sealed=False)
    now = clock.wall_ms() + DAY_MS
    trial = folder / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(base, trial)
    begun = time.monotonic()
    os.waitpid(_child(trial, now, how), 0)
    whole_s = time.monotonic() - begun
    outcome = Outcome()
    for _ in range(kills):
        shutil.rmtree(trial)
        shutil.copytree(base, trial)
        child = _child(trial, now, how)
        if how is Hasty:
            os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        else:
            time.sleep(chance.uniform(0.02, whole_s))
        try:
            os.kill(child, signal.SIGKILL)
        finally:
            status = os.waitpid(child, 0)[1]
        outcome.kills += 1
        outcome.too_late += os.WIFEXITED(status)
        outcome.part_way += _part_way(trial)
        _judge(outcome, trial, clock, truth, "after the kill")
        _work(trial, now, Sealer)
        _judge(outcome, trial, clock, truth, "after the next start")
    return outcome


def _part_way(project: Path) -> bool:
    with sqlite3.connect(project / "history.db") as sql:
        known = {f"{name}.seg" for (name,) in sql.execute("SELECT name FROM segment")}
        swept = sql.execute(
            "SELECT coalesce(min(number), 0) > coalesce((SELECT max(to_batch) FROM segment), 0)"
            " FROM batch"
        ).fetchone()[0]
    return not swept or {f.name for f in (project / "segments").glob("*")} != known


def _judge(
    outcome: Outcome, project: Path, clock: FakeClock, truth: dict[int, bytes], step: str
) -> None:
    store = Store.open(project, write=False, clock=clock)
    try:
        found = digests(store)
        report = store.verify()
        missing = [n for n, digest in truth.items() if found.get(n) != digest]
        if missing or not report.ok:
            why = f"batches {missing[:3]} of {len(missing)}, {report.first_bad}"
            outcome.lost.append(f"{step}: {why}")
    finally:
        store.close()


def sealing(size: dict[str, int], folder: Path) -> dict[str, Any]:
    found = run(size["seal kills"], folder)
    effective = found.kills - found.too_late
    return {
        "promise": "A kill while history is sealed or merged loses none of it",
        "trials": f"{found.kills} kills at random moments, {effective} before the end of the work,"
        f" {found.part_way} leaving it part way",
        "result": f"{len(found.lost)} with a batch that is not as it was recorded, or not verified",
        "not_shown": "kill -9 is not power loss; files are forced to disk before they are entered",
        "bound": f"< {300 / effective:.2g} % of kills (95 %)" if found.passed else "",
        "passed": found.passed,
        "figures": {
            "kills": found.kills, "too_late": found.too_late, "part_way": found.part_way,
            "lost": found.lost[:5],
        },
    }  # fmt: skip


PARTS: Final = {"sealing": sealing}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        result = run(given.kills, Path(place))
    print(result)
    raise SystemExit(0 if result.passed else 1)
