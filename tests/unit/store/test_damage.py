"""A damaged file is kept; a new one goes on with what can be read, and says what is lost."""

from __future__ import annotations

import contextlib
import queue
import random
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.kit.clocks import FakeClock
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.observation import Committed
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.careful_start import open_store
from lamplighter.store import Store, connections, writer
from lamplighter.store.damage import damaged_files, set_aside

BATCHES = 60
PAGE = 4096


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A closed project of sixty batches with a fact each."""
    bench = Bench(tmp_path)
    more = names(4)
    for seq in range(BATCHES):
        bench.commit(simple(seq, [(n, 1000 * seq, seq + n / 10) for n in range(4)], **more))
        bench.store.writer.call(
            lambda access, seq=seq: access.put_setting(f"key-{seq}", "x" * 400)
        ).result(20)
        more = {}
    bench.store.close()
    return bench.folder


def rows(store: Store) -> dict[tuple[int, int], float]:
    """What can be exported; that some cannot is told at the end."""
    found = {}
    with contextlib.suppress(LamplighterError):
        for r in store.export_rows():
            found[(r.seq, r.n)] = float(r.value)
    return found


def spoil(file: Path, rng: random.Random, pages: int) -> bytes:
    """Overwrite some pages with noise; the first page, too, now and then."""
    data = bytearray(file.read_bytes())
    for _ in range(pages):
        at = rng.randrange(len(data) // PAGE) * PAGE
        data[at : at + PAGE] = rng.randbytes(PAGE)
    file.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_pages_are_spoiled_recording_goes_on_and_the_file_is_kept(
    project: Path, seed: int
) -> None:
    rng = random.Random(seed)
    good = Store.open(project, write=False, clock=FakeClock())
    before = rows(good)
    good.close()
    spoiled = spoil(project / "history.db", rng, rng.choice((1, 1, 3)))
    store, told = open_store(project, FakeClock())
    try:
        done: list[Any] = []
        store.writer.submit(simple(9_000, [(0, 99_000, 7.5)], **names(4)), done.append)
        store.writer.call(lambda access: access.put_setting("after", "yes")).result(20)
        assert store.writer.stop()
        assert [type(d) for d in done] == [Committed]
        assert done[0].number > BATCHES, "a number was given twice"
        now = rows(store)
        assert now.pop((9_000, 0)) == 7.5
        assert now.items() <= before.items(), "something came back that was never stored"
        if told:
            assert [t.code for t in told] == ["A-402"]
            assert (project / "history.damaged-1").read_bytes() == spoiled
        if now != before:
            report = store.verify()
            assert not report.ok, "data is missing and nobody says so"
        assert store.setting("key-59") == "x" * 400
    finally:
        store.close()


@pytest.mark.parametrize("body", [b"", b"this is no database" * 400])
def test_a_history_that_is_none_any_more_is_begun_anew(project: Path, body: bytes) -> None:
    (project / "history.db").write_bytes(body)
    store, told = open_store(project, FakeClock())
    try:
        assert "history.damaged-1" in told[0].text
        assert "batches 1 to 60" in told[0].text
        done: list[Any] = []
        store.writer.submit(simple(1, [(0, 1, 1.0)], **names(1)), done.append)
        assert store.writer.stop()
        assert done[0].number == BATCHES + 1
        report = store.verify()
        assert not report.ok
        assert report.findings[0].startswith("batch 1: missing, up to batch 60")
        assert len(report.findings) < 5
    finally:
        store.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_city_keeps_every_fact_that_can_be_read(project: Path, seed: int) -> None:
    spoil(project / "city.db", random.Random(seed + 100), 1)
    store, told = open_store(project, FakeClock())
    try:
        kept = store.settings("key-")
        assert told == [] or "city.damaged-1" in told[0].text
        # where the one page is hit by which all others are found, all is gone, and told
        assert len(kept) > BATCHES // 2 or (told and "facts 1 to" in told[0].text)
        assert set(kept.values()) <= {"x" * 400}
        assert store.last_batch() == BATCHES
        store.writer.call(lambda access: access.put_setting("after", "yes")).result(20)
        assert store.setting("after") == "yes"
    finally:
        store.close()


def test_damage_met_while_recording_is_set_aside_and_the_batch_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"armed": False}

    class Disk(connections.Connection):
        def execute(self, words: str, *given: Any) -> sqlite3.Cursor:
            if state["armed"] and words.startswith("INSERT INTO batch"):
                state["armed"] = False
                error = sqlite3.DatabaseError("database disk image is malformed")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            return super().execute(words, *given)

    real = sqlite3.connect

    def connect(*given: Any, **more: Any) -> sqlite3.Connection:
        return real(*given, **(more | {"factory": Disk}))

    monkeypatch.setattr(connections.sqlite3, "connect", connect)
    bench = Bench(tmp_path)
    for seq in range(200):
        bench.commit(simple(seq, [(0, seq, seq * 1.0)], **(names(1) if not seq else {})))
    told: list[Any] = []
    bench.store.on_damage = told.extend
    sql = real(bench.folder / "history.db")
    sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql.close()
    data = bytearray((bench.folder / "history.db").read_bytes())
    root = PAGE * (len(data) // PAGE // 2)
    data[root : root + PAGE] = b"\xff" * PAGE
    (bench.folder / "history.db").write_bytes(data)
    state["armed"] = True
    bench.commit(simple(200, [(0, 200, 200.0)]))
    assert [t.kept for t in told] == ["history.damaged-1"]
    assert (bench.folder / "history.damaged-1").exists()
    seen = {seq for seq, _ in rows(bench.store)}
    bench.store.close()
    assert 200 in seen and len(seen) > 100


def test_a_damaged_file_that_finds_no_room_aside_makes_batches_wait_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.05)
    bench = Bench(tmp_path)
    bench.commit(simple(0, [(0, 1, 1.0)], **names(1)))
    full = [3]

    def wanting(folder: Path, name: str) -> Any:
        if full[0]:
            full[0] -= 1
            raise OSError(28, "No space left on device")
        return set_aside(folder, name)

    monkeypatch.setattr(writer, "set_aside", wanting)
    told: queue.Queue[Any] = queue.Queue()

    def damage_once(_: Any) -> None:
        if full[0] < 3:
            return
        for end in ("-wal", "-shm"):
            Path(f"{bench.folder / 'history.db'}{end}").unlink(missing_ok=True)
        (bench.folder / "history.db").write_bytes(b"\xff" * 4 * PAGE)
        error = sqlite3.DatabaseError("file is not a database")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error

    bench.store.writer.keep(damage_once)
    bench.store.writer.submit(simple(1, [(0, 2, 2.0)], **names(1)), told.put)
    outcomes = [told.get(timeout=60)]
    while not isinstance(outcomes[-1], Committed):
        outcomes.append(told.get(timeout=60))
    assert not full[0]
    assert [o.problem.code for o in outcomes[:-1]] == ["A-402"]
    assert rows(bench.store)[1, 0] == 2.0
    bench.store.close()


def test_damage_met_by_a_reader_is_set_aside_when_it_is_reported(project: Path) -> None:
    store, _ = open_store(project, FakeClock())
    told: list[Any] = []
    mended = threading.Event()

    def tell(found: list[Any]) -> None:
        told.extend(found)
        mended.set()

    store.on_damage = tell
    store.writer.call(lambda access: None).result(20)
    sql = sqlite3.connect(project / "history.db")
    sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql.close()
    spoil(project / "history.db", random.Random(7), 6)
    store.writer.doubt()
    assert mended.wait(20)
    assert told[0].kept == "history.damaged-1"
    assert store.writer.number >= BATCHES
    store.close()


def test_a_kill_between_the_two_renames_is_completed_at_the_next_start(project: Path) -> None:
    set_aside(project, "history.db")
    (project / "history.db").rename(project / "history.db.new")
    store, _ = open_store(project, FakeClock())
    last = store.last_batch()
    store.close()
    assert last == BATCHES
    assert not (project / "history.db.new").exists()


def test_a_second_damage_does_not_take_the_name_of_the_first(project: Path) -> None:
    for number in (1, 2):
        (project / "history.db").write_bytes(b"x" * PAGE)
        assert damaged_files(project) == ["history.db"]
        assert set_aside(project, "history.db").kept == f"history.damaged-{number}"


def test_a_file_of_a_newer_version_is_not_taken_for_damage(project: Path) -> None:
    sql = sqlite3.connect(project / "history.db")
    sql.execute("PRAGMA user_version=99")
    sql.close()
    assert damaged_files(project) == []
