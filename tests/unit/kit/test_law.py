"""The outside look at the account finds what does not add up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.kit.law import LawWatch

SOUND = (10, 6, 2, 1, 1)


@pytest.mark.parametrize(
    ("account", "held", "unequal"),
    [(SOUND, 6, 0), (SOUND, 5, 1), ((10, 6, 2, 1, 0), 6, 1), ((6, 6, 0, 0, 0), 7, 1)],
)
def test_a_point_that_is_nowhere_is_seen(
    tmp_path: Path, account: tuple[int, ...], held: int, unequal: int
) -> None:
    sql = sqlite3.connect(tmp_path / "history.db")
    sql.execute(
        "CREATE TABLE account(source INTEGER, received INTEGER, stored INTEGER,"
        " duplicate INTEGER, quarantined INTEGER, refused INTEGER)"
    )
    sql.execute("CREATE TABLE batch(number INTEGER, count INTEGER)")
    sql.execute("CREATE TABLE segment(to_batch INTEGER, points INTEGER)")
    sql.execute("INSERT INTO account VALUES(1,?,?,?,?,?)", account)
    sql.execute("INSERT INTO segment VALUES(1, 2)")
    sql.executemany("INSERT INTO batch VALUES(?,?)", [(1, 2), (2, held - 2)])
    sql.commit()
    sql.close()
    watch = LawWatch(tmp_path)
    watch.look()
    assert (watch.looks, len(watch.unequal)) == (1, unequal)
