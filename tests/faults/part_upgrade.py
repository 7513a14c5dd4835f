"""Upgrades happen whole or not at all: a project of every older schema, killed on the way.

Projects of older schemas are made here from the schema's own steps, filled with the rows of a
recorded project. A child upgrades and dies at a chosen instruction of the upgrade; what it leaves
must be the old project or the new one, and the next start must finish the work with every row as
it was.

Run it: `python -m tests.faults.part_upgrade --kills 100`
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.kit.clocks import FakeClock
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.problems import LamplighterError
from lamplighter.store import Store
from lamplighter.store.schema import CITY_STEPS, HISTORY_STEPS, migrate

TIER: Final = "N1"
SHORT: Final = {"upgrade kills": 100}
LONG: Final = {"upgrade kills": 1_000}
STEPS: Final = {"history.db": HISTORY_STEPS, "city.db": CITY_STEPS}
SEED: Final = 20261128
Migrate = Callable[[sqlite3.Connection, tuple[str, ...]], None]


@dataclass(slots=True)
class Outcome:
    fixtures: int = 0
    kills: int = 0
    old: int = 0
    new: int = 0
    between: list[str] = field(default_factory=list)
    """states that are neither"""
    lost: list[str] = field(default_factory=list)
    newer_refused: bool = False

    @property
    def passed(self) -> bool:
        both = self.old > 0 and self.new > 0
        return both and self.newer_refused and not self.between and not self.lost


def schema_of(sql: sqlite3.Connection) -> tuple[int, tuple[str, ...]]:
    """(number, all tables and indexes) of an open file."""
    rows = sql.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
    return int(sql.execute("PRAGMA user_version").fetchone()[0]), tuple(r[0] for r in rows)


def older(current: Path, file: Path, steps: tuple[str, ...]) -> None:
    """`file` in the schema of `steps`, with what of `current` fits into it."""
    file.unlink(missing_ok=True)
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    migrate(sql, steps)
    sql.execute("ATTACH ? AS now", (str(current),))
    tables = [
        r[0]
        for r in sql.execute(
            "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    for table in tables:
        columns = ", ".join(r[1] for r in sql.execute(f"PRAGMA table_info({table})"))
        sql.execute(f"INSERT OR IGNORE INTO {table}({columns}) SELECT {columns} FROM now.{table}")
    sql.execute("DETACH now")
    sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql.close()


def _recorded(folder: Path) -> Path:
    bench = Bench(folder)
    for seq in range(30):
        rows = [(k % 5, bench.clock.wall_ms() + k, seq + k / 10) for k in range(40)]
        bench.commit(simple(seq, rows, **(names(5) if not seq else {})))
        bench.clock.advance(1000)
    bench.store.writer.call(lambda a: [a.put_setting(f"k{i}", "v") for i in range(20)]).result(20)
    bench.store.close()
    return bench.folder


def _rows(project: Path) -> list[str]:
    store = Store.open(project, write=True, clock=FakeClock())
    try:
        found = [repr(r) for r in store.export_rows()]
        found += sorted(f"{k}={v}" for k, v in store.settings().items())
        report = store.verify()
        return found if report.ok else [f"verify: {report.first_bad}"]
    finally:
        store.close()


def _in_child(work: Callable[[], None]) -> int:
    """Exit code of a forked child that does `work`."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _upgrade(file: Path, steps: tuple[str, ...], die_at: int, how: Migrate) -> None:
    """Upgrade and die at instruction `die_at` of SQLite's machine."""
    seen = 0

    def tick() -> int:
        nonlocal seen
        seen += 1
        if seen == die_at:
            os._exit(9)
        return 0

    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA synchronous=FULL")
    sql.set_progress_handler(tick, 1)
    how(sql, steps)


def _length(file: Path, steps: tuple[str, ...], how: Migrate) -> int:
    """Instructions a whole upgrade takes."""
    seen = 0

    def tick() -> int:
        nonlocal seen
        seen += 1
        return 0

    sql = sqlite3.connect(file, isolation_level=None)
    sql.set_progress_handler(tick, 1)
    how(sql, steps)
    sql.close()
    return seen


def run(kills: int, folder: Path, *, how: Migrate = migrate, seed: int = SEED) -> Outcome:
    """`how` is only ever other than the product's own in the test of planted bugs."""
    outcome = Outcome()
    chance = random.Random(seed)
    current = _recorded(folder / "current")
    truth = _rows(current)
    cases = [(name, n) for name, steps in STEPS.items() for n in range(1, len(steps))]
    outcome.fixtures = len(cases)
    for name, known in cases:
        steps = STEPS[name]
        base = folder / f"{name}-{known}"
        shutil.copytree(current, base)
        older(current / name, base / name, steps[:known])
        trial = folder / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(base, trial)
        length = _length(trial / name, steps, how)
        with sqlite3.connect(base / name) as sql:
            before = schema_of(sql)
        with sqlite3.connect(trial / name) as sql:
            after = schema_of(sql)
        for number in range(-(-kills // len(cases))):
            shutil.rmtree(trial)
            shutil.copytree(base, trial)
            # the end of the upgrade is where old turns into new
            at = chance.randint(1, length) if number % 2 else length - chance.randint(-3, 12)
            _in_child(partial(_upgrade, trial / name, steps, at, how))
            outcome.kills += 1
            _judge(outcome, trial, name, (before, after), truth, at)
    outcome.newer_refused = _newer_is_refused(current, folder / "newer")
    return outcome


def _judge(
    outcome: Outcome, trial: Path, name: str, states: tuple[Any, Any], truth: list[str], at: int
) -> None:
    with sqlite3.connect(trial / name) as sql:
        found = schema_of(sql)
    outcome.old += found == states[0]
    outcome.new += found == states[1]
    if found not in states:
        outcome.between.append(f"{name} at {at}: schema {found[0]}")
    try:
        rows = _rows(trial)
    except (LamplighterError, sqlite3.Error) as error:
        rows = [str(error)]
    if rows != truth:
        outcome.lost.append(f"{name} at {at}: {rows[:1]}")


def _newer_is_refused(current: Path, folder: Path) -> bool:
    """Refused, and not one byte or file is other than before."""
    for name, steps in STEPS.items():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(current, folder)
        with sqlite3.connect(folder / name) as sql:
            sql.execute(f"PRAGMA user_version={len(steps) + 1}")
        before = {f: f.read_bytes() for f in (folder / n for n in STEPS)}
        for write in (True, False):
            try:
                Store.open(folder, write=write, clock=FakeClock()).close()
            except LamplighterError as error:
                if error.problem.code != "A-405":
                    return False
            else:
                return False
        if any(file.read_bytes() != data for file, data in before.items()):
            return False
    return True


def upgrade(size: dict[str, int], folder: Path) -> dict[str, Any]:
    found = run(size["upgrade kills"], folder)
    return {
        "promise": "An upgrade of a project happens whole or not at all",
        "trials": f"{found.kills} kills at single instructions of the upgrade, projects of "
        f"{found.fixtures} older schemas",
        "result": f"{found.old} left as they were, {found.new} upgraded, {len(found.between)} in "
        f"between, {len(found.lost)} with rows lost; a newer project "
        + ("was refused untouched" if found.newer_refused else "was NOT refused untouched"),
        "not_shown": "a kill is no power cut; that a commit is whole then is shown elsewhere",
        "bound": f"< {300 / found.kills:.2g} % of kills (95 %)" if found.passed else "",
        "passed": found.passed,
        "figures": {
            "kills": found.kills, "fixtures": found.fixtures, "old": found.old, "new": found.new,
            "between": found.between[:5], "lost": found.lost[:5],
        },
    }  # fmt: skip


PARTS: Final = {"upgrade": upgrade}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        result = run(given.kills, Path(place))
    print(result)
    raise SystemExit(0 if result.passed else 1)
