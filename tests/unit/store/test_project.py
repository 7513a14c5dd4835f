"""A project folder: who may open it, and what is refused without touching anything."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.clocks import FakeClock
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.problems import LamplighterError
from lamplighter.store import Store
from lamplighter.store.folder import refuse_remote
from lamplighter.store.schema import CITY_STEPS, HISTORY_STEPS, migrate

CLOCK = FakeClock()


def _code(caught: pytest.ExceptionInfo[LamplighterError]) -> str:
    return caught.value.problem.code


def test_a_new_project_has_its_folders_and_says_what_it_is(bench: Bench) -> None:
    found = {p.name for p in bench.folder.iterdir()}
    assert {"city.db", "history.db", "audit.db", "segments", "media", "cache"} <= found
    store = bench.store
    assert (store.name, store.demo, store.version) == ("Testville", False, len(HISTORY_STEPS))
    assert len(store.store_id) == 32
    assert store.newest().value.tolist() == []
    assert store.verify().ok


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(LamplighterError) as caught:
        Store.create(tmp_path, name="x", clock=CLOCK)
    assert _code(caught) == "A-407"
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("kind", ["missing", "empty", "zero bytes", "another database"])
def test_what_is_no_project_is_named_and_not_touched(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "p"
    if kind != "missing":
        folder.mkdir()
    for name in ("history.db", "city.db"):
        if kind == "zero bytes":
            (folder / name).touch()
        elif kind == "another database":
            sql = sqlite3.connect(folder / name)
            sql.execute("CREATE TABLE x(y)")
            sql.close()
    before = {p.name: p.read_bytes() for p in folder.iterdir()} if folder.exists() else {}
    for write in (False, True):
        with pytest.raises(LamplighterError) as caught:
            Store.open(folder, write=write, clock=CLOCK)
        assert _code(caught) == "A-404"
    after = {p.name: p.read_bytes() for p in folder.iterdir()} if folder.exists() else {}
    after.pop("lock", None)
    assert after == before


def test_a_file_that_is_no_database_is_damage(bench: Bench) -> None:
    bench.store.close()
    (bench.folder / "history.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LamplighterError) as caught:
        Store.open(bench.folder, write=True, clock=CLOCK)
    assert _code(caught) == "A-402"


def test_a_second_writer_is_told_who_holds_the_project_and_may_read(bench: Bench) -> None:
    code = (
        "import sys; from pathlib import Path; from lamplighter.store import Store\n"
        "from lamplighter.domain.clock import SystemClock\n"
        "from lamplighter.domain.problems import LamplighterError\n"
        "folder = Path(sys.argv[1])\n"
        "try:\n    Store.open(folder, write=True, clock=SystemClock())\n"
        "except LamplighterError as error:\n    print(error)\n"
        "store = Store.open(folder, write=False, clock=SystemClock())\n"
        "print(len(list(store.export_rows()))); store.close()\n"
    )
    bench.commit(simple(0, [(0, 1, 1.0)], **names(1)))
    out = subprocess.run(
        [sys.executable, "-c", code, str(bench.folder)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "[A-403]" in out[0]
    assert f"process {os.getpid()} on" in out[0]
    assert out[1] == "1"


def test_the_lock_is_free_after_closing(bench: Bench) -> None:
    bench.reopen()
    assert json.loads((bench.folder / "lock").read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("file", ["history.db", "city.db"])
def test_a_newer_project_is_refused_untouched(bench: Bench, file: str) -> None:
    bench.store.close()
    sql = sqlite3.connect(bench.folder / file)
    sql.execute("PRAGMA user_version=99")
    sql.close()
    before = (bench.folder / file).read_bytes()
    for write in (True, False):
        with pytest.raises(LamplighterError) as caught:
            Store.open(bench.folder, write=write, clock=CLOCK)
        assert _code(caught) == "A-405"
    assert (bench.folder / file).read_bytes() == before


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ("/dev/sda / ext4 rw 0 0\n", False),
        ("/dev/sda / ext4 rw 0 0\nsrv:/x {} nfs4 rw 0 0\n", True),
        ("/dev/sda / ext4 rw 0 0\n//srv/x {} cifs rw 0 0\n", True),
        ("/dev/sda / ext4 rw 0 0\ncloud {} fuse.rclone rw 0 0\n", True),
        ("srv:/ / nfs4 rw 0 0\n/dev/sdb {} ext4 rw 0 0\n", False),
        ("/dev/sda / ext4 rw 0 0\nsrv:/x {}-other nfs4 rw 0 0\n", False),
    ],
)
def test_network_and_synchronised_disks_are_refused(
    tmp_path: Path, mounts: str, refused: bool
) -> None:
    text = mounts.replace("{}", str(tmp_path.resolve()))
    if not refused:
        refuse_remote(tmp_path / "p", text)
        return
    with pytest.raises(LamplighterError) as caught:
        refuse_remote(tmp_path / "p", text)
    assert _code(caught) == "A-406"


@pytest.mark.parametrize("steps", [HISTORY_STEPS, CITY_STEPS])
def test_a_schema_change_is_all_or_nothing(tmp_path: Path, steps: tuple[str, ...]) -> None:
    sql = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    migrate(sql, steps)
    before = list(sql.iterdump())
    broken = (*steps, "CREATE TABLE one(x);", "CREATE TABLE two(x); CREATE TABLE two(x);")
    with pytest.raises(sqlite3.Error):
        migrate(sql, broken)
    assert list(sql.iterdump()) == before
    assert sql.execute("PRAGMA user_version").fetchone()[0] == len(steps)
    migrate(sql, (*steps, "CREATE TABLE one(x);", "CREATE TABLE two(x);"))
    assert sql.execute("PRAGMA user_version").fetchone()[0] == len(steps) + 2
    sql.close()
