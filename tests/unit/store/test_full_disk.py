"""A full disk stops nothing but the writing: nothing half, nothing lost, and it goes on alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.kit.clocks import FakeClock
from tests.kit.program import environment
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.observation import Committed
from lamplighter.domain.problems import LamplighterError
from lamplighter.store import Store, connections, writer

FULL = sqlite3.SQLITE_FULL
ROLLS_BACK = (False, True)
"""SQLite may or may not have rolled the transaction back when it reports a full disk"""


class Fails:
    """Counts writing statements; the chosen ones find no room."""

    def __init__(self, first: int, times: int = 1, rolls_back: bool = False) -> None:
        self.first, self.times, self.rolls_back = first, times, rolls_back
        self.seen = 0
        self.lock = threading.Lock()

    def __call__(self, sql: sqlite3.Connection, words: str) -> None:
        if not words.startswith(("INSERT", "UPDATE", "DELETE", "COMMIT", "BEGIN")):
            return
        with self.lock:
            self.seen += 1
            due = self.first <= self.seen < self.first + self.times
        if due:
            if self.rolls_back and sql.in_transaction:
                sqlite3.Connection.execute(sql, "ROLLBACK")
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = FULL
            raise error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fails]:
    at: dict[str, Fails] = {}

    class Disk(sqlite3.Connection):
        def execute(self, words: str, *given: Any) -> sqlite3.Cursor:
            if "at" in at:
                at["at"](self, words)
            return super().execute(words, *given)

        def executemany(self, words: str, given: Any) -> sqlite3.Cursor:
            if "at" in at:
                at["at"](self, words)
            return super().executemany(words, given)

    def connect(*given: Any, **more: Any) -> sqlite3.Connection:
        return real(*given, **more | {"factory": Disk})

    real = sqlite3.connect
    monkeypatch.setattr(connections.sqlite3, "connect", connect)
    monkeypatch.setattr(writer, "RETRY_S", 0.01)
    return at


def work(bench: Bench) -> tuple[list[Any], list[Any]]:
    """Three batches, a fact nobody waits for and a call: what they were told."""
    told: list[Any] = []
    ended = threading.Semaphore(0)

    def done(result: Committed | BaseException) -> None:
        told.append(result)
        if isinstance(result, Committed):
            ended.release()

    store = bench.store
    more = names(2)
    for seq in range(3):
        store.writer.submit(simple(seq, [(0, seq, 1.0), (1, seq, 2.0)], **more), done)
        more = {}
    store.writer.keep(lambda access: access.put_setting("kept", "yes"))
    calls: list[Any] = []
    try:
        store.writer.call(lambda access: access.put_setting("called", "yes")).result(20)
        calls.append("done")
    except LamplighterError as error:
        calls.append(error.problem.code)
    for _ in range(3):
        assert ended.acquire(timeout=20)
    return told, calls


@pytest.mark.parametrize("rolls_back", ROLLS_BACK)
def test_whichever_write_fails_everything_is_stored_once_and_nothing_is_half(
    failing: dict[str, Fails], tmp_path: Path, rolls_back: bool
) -> None:
    nth = 1
    while True:
        bench = Bench(tmp_path / f"{rolls_back}-{nth}")
        fails = failing["at"] = Fails(nth, rolls_back=rolls_back)
        told, calls = work(bench)
        bench.store.close()
        failing.pop("at")
        assert {r.problem.code for r in told if isinstance(r, LamplighterError)} <= {"A-401"}
        assert [c for c in calls if c not in ("done", "A-401")] == []
        store = Store.open(bench.folder, write=False, clock=FakeClock())
        assert [(r.seq, r.n) for r in store.export_rows()] == [
            (s, n) for s in range(3) for n in (0, 1)
        ]
        assert store.setting("kept") == "yes"
        assert (store.setting("called") == "yes") == (calls == ["done"])
        assert store.verify().ok
        store.close()
        if fails.seen < nth:
            break
        nth += 1
    assert nth > 15, "the loop has gone through no writes"


def test_a_call_on_a_full_disk_uses_the_room_kept_for_it_and_batches_do_not(
    failing: dict[str, Fails], bench: Bench
) -> None:
    class Kept:
        size = 100

        def __init__(self) -> None:
            self.pieces, self.whole = 4, False

        def release(self, keep: int = 0) -> bool:
            self.pieces -= 1
            if self.pieces == 2:
                failing.pop("at")
            return self.pieces >= 0

        def refill(self) -> bool:
            return self.whole

    bench.store.close()
    bench.store = Store.open(bench.folder, write=True, clock=bench.clock)
    room = bench.store.writer.room = Kept()
    failing["at"] = Fails(1, times=10_000)
    told: list[Any] = []
    stored = threading.Event()

    def done(result: Committed | BaseException) -> None:
        told.append(result)
        if isinstance(result, Committed):
            stored.set()

    bench.store.writer.submit(simple(0, [(0, 1, 1.0)], **names(1)), done)
    bench.store.writer.call(lambda access: access.put_setting("called", "yes")).result(20)
    assert bench.store.setting("called") == "yes"
    assert not stored.wait(0.3), "a batch took the room of the commands"
    assert bench.store.writer.full_since_ms is not None
    room.whole = True
    assert stored.wait(20)
    assert [r.problem.code for r in told[:-1]] == ["A-401"]
    assert bench.store.writer.full_since_ms is None


LIMITED = """
import resource, signal, sys, threading
from pathlib import Path
from tests.unit.store.store_kit import Bench, names, simple
from lamplighter.domain.observation import Committed
from lamplighter.store import writer
writer.RETRY_S = 0.05
bench = Bench(Path(sys.argv[1]))
bench.commit(simple(0, [(0, 1, 1.0)], **names(1)))
size = max(f.stat().st_size for f in bench.folder.iterdir() if f.is_file())
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, hard))
told, full, stored = [], threading.Event(), threading.Semaphore(0)
def done(result):
    told.append(result)
    stored.release() if isinstance(result, Committed) else full.set()
count = 200
for seq in range(1, count + 1):
    bench.store.writer.submit(simple(seq, [(0, seq, seq * 1.5)]), done)
assert full.wait(30), "the limit was never met"
acked = sum(isinstance(r, Committed) for r in told)
assert acked < count
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
for _ in range(count):
    assert stored.acquire(timeout=30)
assert {r.problem.code for r in told if not isinstance(r, Committed)} == {"A-401"}
found = [r.seq for r in bench.store.export_rows()]
assert found == list(range(count + 1)), found[:5]
assert bench.store.verify().ok
bench.store.close()
print("went on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are a thing of Unix")
def test_a_file_size_limit_is_a_full_disk_and_writing_goes_on_when_it_is_lifted(
    tmp_path: Path,
) -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True, text=True, timeout=120, cwd=root, env=environment(),
    )  # fmt: skip
    assert done.stdout.strip() == "went on", done.stderr[-2000:]
