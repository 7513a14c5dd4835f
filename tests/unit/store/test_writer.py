"""The writer: order, priority, a full disk, and an end at any moment."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.observation import Committed
from lamplighter.store import Store, WriteAccess

PUMP = Asset("a", "Pump", "A", "water")


def test_functions_overtake_waiting_batches_and_see_their_names(bench: Bench) -> None:
    bench.commit(simple(0, [(0, 1, 1.0)], **names(1)))
    order: list[str] = []
    hold = threading.Event()
    blocked = bench.store.writer.call(lambda _: hold.wait(10))
    more = names(3)
    bench.store.writer.submit(
        simple(1, [(2, 1, 1.0)], new_datastreams=more["new_datastreams"]),
        lambda _: order.append("batch"),
    )

    def work(access: WriteAccess) -> list[Datastream]:
        order.append("call")
        return access.put_datastream_meta(
            [Datastream(-1, "dev-0", "P-2", "bar"), Datastream(-1, "new", "X")]
        )

    called = bench.store.writer.call(work)
    hold.set()
    blocked.result(10)
    assert [d.id for d in called.result(10)] == [2, 3]
    bench.commit(simple(2, [(0, 2, 1.0)]))
    assert order == ["call", "batch"]
    found = bench.store.datastreams()
    assert [(d.id, d.key, d.unit) for d in found][2:] == [(2, "dev-0/P-2", "bar"), (3, "new/X", "")]
    assert bench.store.verify().ok


def test_a_function_that_fails_leaves_nothing_behind(bench: Bench) -> None:
    def work(access: WriteAccess) -> None:
        access.put_assets([PUMP])
        access.put_datastream_meta([Datastream(-1, "s", "d")])
        raise KeyError("no")

    with pytest.raises(KeyError):
        bench.store.writer.call(work).result(10)
    assert bench.store.assets() == []
    assert bench.store.datastreams() == []
    bench.store.writer.call(lambda a: a.put_assets([PUMP])).result(10)
    assert bench.store.verify().ok


def test_a_listener_that_fails_does_not_end_the_recording(bench: Bench) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("listener")

    bench.store.writer.submit(simple(0, [(0, 1, 1.0)], **names(1)), fail)
    assert bench.commit(simple(1, [(0, 2, 1.0)])).number == 2


def test_stopping_writes_what_waits(bench: Bench) -> None:
    done: list[Any] = []
    for seq in range(30):
        bench.store.writer.submit(
            simple(seq, [(0, seq, 1.0)], **(names(1) if not seq else {})), done.append
        )
    bench.store.close()
    assert [d.number for d in done] == list(range(1, 31))
    with pytest.raises(RuntimeError):
        bench.store.writer.submit(simple(99, [(0, 1, 1.0)]), done.append)


def test_readers_in_other_threads_never_see_a_locked_database(bench: Bench) -> None:
    bench.commit(simple(0, [(0, 1, 1.0)], **names(1)))
    faults: list[BaseException] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                bench.store.series(0, 0, 1 << 62, 10)
                bench.store.newest()
                bench.store.accounts()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for seq in range(1, 120):
        bench.commit(simple(seq, [(0, seq, 1.0)]))
        if seq % 30 == 0:
            bench.store.writer.call(lambda a: a.put_assets([PUMP])).result(10)
    over.set()
    for thread in threads:
        thread.join(10)
    assert faults == []


_FILL = """
import queue, resource, sys
from pathlib import Path
from tests.unit.store.store_kit import Bench, names, simple
from lamplighter.domain.problems import LamplighterError
bench = Bench(Path(sys.argv[1]))
done = queue.Queue()
rows = [(i % 9, 1000 + i, i * 0.37) for i in range(2000)]
seq = 0
bench.commit(simple(0, rows, **names(9)))
size = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
stored, told = 1, None
while told is None:
    seq += 1
    bench.store.writer.submit(simple(seq, rows), done.put)
    result = done.get(timeout=20)
    if isinstance(result, BaseException):
        told = result
    else:
        stored += 1
assert isinstance(told, LamplighterError) and told.problem.code == "A-401", told
assert "history is not being recorded" in str(told)
try:
    bench.store.writer.call(lambda a: a.put_setting("k", "v" * 3_000_000)).result(20)
except LamplighterError as error:
    assert error.problem.code == "A-401", error
assert bench.store.verify().ok, bench.store.verify()
assert bench.store.writer.full_since_ms is not None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert done.get(timeout=20).number == stored + 1
assert bench.store.writer.full_since_ms is None
assert bench.commit(simple(seq + 1, rows)).number == stored + 2
report = bench.store.verify()
assert report.ok and report.rows == 2000 * (stored + 2), report
bench.store.close()
print("stored", stored)
"""


@pytest.mark.parametrize("size", [200_000, 330_000])
def test_a_full_disk_is_told_and_recording_resumes_by_itself(tmp_path: Path, size: int) -> None:
    """The limit on file size stands for the disk: writes beyond it fail with an I/O error."""
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(tmp_path), str(size)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) >= 1


_INGEST = """
import os, sys
from pathlib import Path
from lamplighter.domain.clock import SystemClock
from lamplighter.store import Store
from tests.unit.store.store_kit import names, simple
store = Store.open(Path(sys.argv[1]), write=True, clock=SystemClock())
log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
known = store.sequence_state()
seq = max((s[-1][1] for s in known.values()), default=-1) + 1
def done(result):
    for token in result.tokens:
        os.write(log, b"%d\\n" % token)
while True:
    rows = [(i % 9, 1000 + seq, float(seq)) for i in range(100)]
    while store.writer.queue_points > 500:
        pass
    store.writer.submit(simple(seq, rows, **(names(9) if seq == 0 else {})), done)
    seq += 1
"""


def test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled(bench: Bench) -> None:
    bench.store.close()
    log = bench.folder / "acked"
    for round_ in range(3):
        before = log.stat().st_size if log.exists() else 0
        child = subprocess.Popen([sys.executable, "-c", _INGEST, str(bench.folder), str(log)])
        try:
            waited = threading.Event()
            for _ in range(400):
                if log.exists() and log.stat().st_size > before + 200 * (round_ + 1):
                    break
                waited.wait(0.05)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        acked = [int(line) for line in log.read_bytes().split(b"\n")[:-1]]
        store = bench.reopen()
        stored = [row.seq for row in store.export_rows()]
        assert len(stored) == len(set(stored)) * 100
        assert set(acked) <= set(stored)
        assert store.verify().ok
        account = store.accounts()[0]
        assert (account.waiting, account.stored) == (0, len(stored))
        store.close()
    assert len(acked) > 100


def test_the_last_values_are_there_after_a_kill_without_the_derived_data(bench: Bench) -> None:
    """Opening for writing after an end without farewell gives the same newest values."""
    for seq in range(20):
        bench.commit(simple(seq, [(0, seq, float(seq))], **(names(1) if not seq else {})))
    copy = bench.folder.parent / "copy"
    copy.mkdir()
    for file in bench.folder.iterdir():
        if file.is_file() and not file.name.endswith("-shm"):
            (copy / file.name).write_bytes(file.read_bytes())
    other = Store.open(copy, write=True, clock=SystemClock())
    try:
        assert other.newest().value.tolist() == [19.0]
        assert other.verify().rows == 20
    finally:
        other.close()


def test_a_waiting_batch_is_seen_in_queue_and_lag(bench: Bench) -> None:
    hold = threading.Event()
    blocked = bench.store.writer.call(lambda _: hold.wait(10))
    done: queue.Queue[Committed | BaseException] = queue.Queue()
    bench.store.writer.submit(simple(0, [(0, 1, 1.0)] * 7, **names(1)), done.put)
    assert bench.store.writer.queue_points == 7
    hold.set()
    blocked.result(10)
    assert isinstance(done.get(timeout=10), Committed)
    assert bench.store.writer.queue_points == 0
    assert bench.store.writer.lag_ms > 0
