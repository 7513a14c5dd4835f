from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from lamplighter.store.connections import Readers, open_writing
from lamplighter.store.folder import HISTORY


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_thread_that_ended_leaves_no_file_open(tmp_path: Path) -> None:
    open_writing(tmp_path / HISTORY).close()
    readers = Readers(tmp_path)

    def look() -> None:
        readers.history.execute("SELECT 1").fetchone()

    def ours() -> int:
        links = Path("/proc/self/fd").iterdir()
        return sum(str(tmp_path) in os.path.realpath(link) for link in links)

    look()
    before = ours()
    for _ in range(20):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert before > 0
    assert ours() <= before + 1  # SQLite keeps one descriptor of a locked file to use it again
    readers.close()
    assert ours() == 0


def test_what_is_being_read_is_read_to_its_end_when_the_files_are_replaced(tmp_path: Path) -> None:
    made = open_writing(tmp_path / HISTORY)
    made.execute("CREATE TABLE t(n)")
    made.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(500)])
    readers = Readers(tmp_path)

    rows = readers.history.execute("SELECT n FROM t ORDER BY n")
    first = next(rows)
    readers.renew()
    assert readers.history.execute("SELECT count(*) FROM t").fetchone() == (500,)

    assert [first, *rows] == [(n,) for n in range(500)]
    readers.close()
    made.close()
