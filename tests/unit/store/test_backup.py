"""A backup holds one moment of a changing project, and comes back whole or not at all."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.clocks import FakeClock
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.alarm import Incident
from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange import Ledger
from lamplighter.store import Store, backup
from lamplighter.store.archive import ArchiveWriter, Manifest
from lamplighter.store.backup import take_backup, unpack_backup
from lamplighter.store.sealer import Sealer


def quiet(done: int, total: int, text: str) -> None:
    """Tells nobody."""


def take(bench: Bench, file: Path, passphrase: str = "") -> None:
    take_backup(bench.folder, file, passphrase=passphrase, clock=bench.clock, steps=quiet)


def bring(file: Path, folder: Path, passphrase: str = "") -> Store:
    unpack_backup(file, folder, passphrase=passphrase, steps=quiet)
    return Store.open(folder, write=False, clock=FakeClock())


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.commit(simple(0, [(0, 1000, 1.5), (1, 1000, 2.5)], **names(2)))
    (bench.folder / "media" / "plan.pdf").write_bytes(b"plan" * 1000)
    (bench.folder / "keys").mkdir()
    (bench.folder / "keys" / "console.key").write_bytes(b"k" * 32)
    (bench.folder / "keys" / "console.pub").write_text("ab")
    yield bench
    bench.store.close()


def test_what_comes_back_is_what_was_there(filled: Bench, tmp_path: Path) -> None:
    take(filled, tmp_path / "b.tar.zst")
    back = bring(tmp_path / "b.tar.zst", tmp_path / "back")
    assert list(back.export_rows()) == list(filled.store.export_rows())
    assert back.verify().ok
    assert (tmp_path / "back" / "media" / "plan.pdf").read_bytes() == b"plan" * 1000


def test_the_books_of_the_exchange_come_along_with_their_newest_entries(
    filled: Bench, tmp_path: Path
) -> None:
    ledger = Ledger(filled.folder)
    try:
        ledger.mark_sent("h", 1, 7, {"newest receipt": 5}, {}, ())
        take(filled, tmp_path / "b.tar.zst")
    finally:
        ledger.close()
    bring(tmp_path / "b.tar.zst", tmp_path / "back").close()
    back = Ledger(tmp_path / "back", read_only=True)
    assert back.sent("h") == [(1, 7)]
    assert back.mark("h", "newest receipt") == 5
    back.close()


def test_the_books_of_the_exchange_claim_nothing_that_the_history_beside_them_lacks(
    filled: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, ledger = backup._held, Ledger(filled.folder)

    @contextlib.contextmanager
    def amid_an_exchange(file: Path) -> Iterator[sqlite3.Connection]:
        with held(file) as sql:
            if file.name == "history.db":
                filled.commit(simple(1, [(0, 2000, 2.0)]))
                ledger.mark_sent("h", 1, 2, {}, {}, ())
            yield sql

    monkeypatch.setattr(backup, "_held", amid_an_exchange)
    take(filled, tmp_path / "b.tar.zst")
    ledger.close()
    with contextlib.closing(bring(tmp_path / "b.tar.zst", tmp_path / "back")) as store:
        assert store.last_batch() == 1
    back = Ledger(tmp_path / "back", read_only=True)
    assert back.sent("h") == []
    back.close()


def test_books_that_cannot_be_read_stop_no_backup(filled: Bench, tmp_path: Path) -> None:
    (filled.folder / "exchange.db").write_bytes(b"no database" * 1000)
    file = tmp_path / "b.tar.zst"
    taken = take_backup(filled.folder, file, passphrase="", clock=filled.clock, steps=quiet)
    assert len(taken.warnings) == 1 and "exchange.db was left out" in taken.warnings[0]
    back = bring(file, tmp_path / "back")
    assert list(back.export_rows()) == list(filled.store.export_rows())


def test_a_copy_taken_amid_writing_is_one_moment(filled: Bench, tmp_path: Path) -> None:
    ending = threading.Event()

    def write() -> None:
        seq = 1
        while not ending.is_set():
            batch = filled.commit(simple(seq, [(0, 1000 + seq, seq), (1, 1000 + seq, -seq)]))
            told = Incident(f"i-{seq}", "a", "P-1", "text", 1, 0, (), 0)
            filled.store.writer.call(
                lambda access, told=told, n=batch.number: access.put_incidents([told], n)
            ).result(20)
            seq += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for turn in range(4):
            file, folder = tmp_path / f"{turn}.tar.zst", tmp_path / f"back-{turn}"
            take(filled, file)
            back = bring(file, folder)
            assert back.verify().ok
            sql = sqlite3.connect(folder / "city.db")
            known = sql.execute("SELECT coalesce(max(batch),0) FROM fact").fetchone()[0]
            sql.close()
            assert known <= back.last_batch(), "the city speaks of what the history does not hold"
            back.close()
    finally:
        ending.set()
        thread.join(30)


def test_the_private_key_leaves_the_house_only_encrypted(filled: Bench, tmp_path: Path) -> None:
    take(filled, tmp_path / "plain")
    bring(tmp_path / "plain", tmp_path / "a").close()
    assert not (tmp_path / "a" / "keys" / "console.key").exists()
    assert (tmp_path / "a" / "keys" / "console.pub").exists()
    take(filled, tmp_path / "sealed", "correct horse")
    assert b"plan" not in (tmp_path / "sealed").read_bytes()
    bring(tmp_path / "sealed", tmp_path / "b", "correct horse").close()
    assert (tmp_path / "b" / "keys" / "console.key").read_bytes() == b"k" * 32


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_cut_or_changed_file_is_refused_and_leaves_nothing(
    filled: Bench, tmp_path: Path, passphrase: str
) -> None:
    take(filled, tmp_path / "whole", passphrase)
    whole = (tmp_path / "whole").read_bytes()
    rng = random.Random(5)
    bad = [whole[:n] for n in (0, 3, 40, len(whole) // 2, len(whole) - 1)]
    end = len(whole)
    for place in [0, *range(end - 50, end, 3), *(rng.randrange(end) for _ in range(25))]:
        changed = bytes([whole[place] ^ (1 << rng.randrange(8))])
        bad.append(whole[:place] + changed + whole[place + 1 :])
    for data in bad:
        (tmp_path / "bad").write_bytes(data)
        with pytest.raises(LamplighterError, match="A-409"):
            unpack_backup(tmp_path / "bad", tmp_path / "back", passphrase=passphrase, steps=quiet)
        assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("given", ["", "wrong"])
def test_a_wrong_passphrase_is_refused(filled: Bench, tmp_path: Path, given: str) -> None:
    take(filled, tmp_path / "sealed", "right")
    with pytest.raises(LamplighterError, match="passphrase"):
        unpack_backup(tmp_path / "sealed", tmp_path / "back", passphrase=given, steps=quiet)
    assert not (tmp_path / "back").exists()


def test_a_folder_with_anything_in_it_is_not_written_into(filled: Bench, tmp_path: Path) -> None:
    take(filled, tmp_path / "b")
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "mine.txt").write_text("mine")
    with pytest.raises(LamplighterError, match="A-407"):
        unpack_backup(tmp_path / "b", tmp_path / "back", passphrase="", steps=quiet)
    assert [p.name for p in (tmp_path / "back").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil-lamplighter", "a/../../evil", "a\\..\\evil"]
)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    import io

    out = ArchiveWriter(tmp_path / "bad", "")
    out.add(name, io.BytesIO(b"x"), 1, 0o600, lambda _: None)
    out.finish(Manifest(1, "x", "", 0, 0, False, tuple(out.entries)))
    with pytest.raises(LamplighterError, match="A-409"):
        unpack_backup(tmp_path / "bad", tmp_path / "in" / "back", passphrase="", steps=quiet)
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "in" / "back").exists()


def test_an_ordinary_tool_opens_a_plain_backup(filled: Bench, tmp_path: Path) -> None:
    take(filled, tmp_path / "b.tar.zst")
    listed = subprocess.run(
        ["tar", "--zstd", "-tf", str(tmp_path / "b.tar.zst")], capture_output=True, text=True
    )
    if listed.returncode == 127 or "zstd" in listed.stderr:
        pytest.skip("this tar knows no zstd")
    assert {"city.db", "history.db", "audit.db", "media/plan.pdf"} <= set(listed.stdout.split())


def test_a_backup_that_was_stopped_leaves_nothing(filled: Bench, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int, text: str) -> None:
        if text == "packing":
            raise Stopped

    with pytest.raises(Stopped):
        take_backup(filled.folder, tmp_path / "b", passphrase="", clock=filled.clock, steps=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["city"]


def test_a_place_inside_the_project_or_without_a_folder_is_refused(
    filled: Bench, tmp_path: Path
) -> None:
    for file in (filled.folder / "b", tmp_path / "none" / "b", tmp_path):
        with pytest.raises(LamplighterError, match="A-408"):
            take(filled, file)


def test_sealed_hours_come_back_too(filled: Bench, tmp_path: Path) -> None:
    for seq in range(1, 100):
        filled.clock.advance(120_000)
        filled.commit(simple(seq, [(0, filled.clock.wall_ms(), seq), (1, 0, -seq)]))
    sealer = Sealer(filled.folder, filled.store.writer, filled.clock)
    sealer.seal()
    sealer.close()
    assert list((filled.folder / "segments").iterdir())
    take(filled, tmp_path / "b")
    back = bring(tmp_path / "b", tmp_path / "back")
    assert back.verify().ok
    assert list(back.export_rows()) == list(filled.store.export_rows())
    back.close()


def in_wrong_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The history is held first and the city later: it may speak of what is not in the copy."""
    held = backup._held

    @contextlib.contextmanager
    def slowly(file: Path) -> Iterator[sqlite3.Connection]:
        with held(file) as sql:
            time.sleep(0.3)
            yield sql

    monkeypatch.setattr(backup, "_held", slowly)
    monkeypatch.setattr(backup, "HELD", ("audit.db", "history.db", "city.db"))


def test_files_held_in_the_wrong_order_are_found_out(
    filled: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_wrong_order(monkeypatch)
    with pytest.raises(AssertionError, match="does not hold"):
        test_a_copy_taken_amid_writing_is_one_moment(filled, tmp_path)
