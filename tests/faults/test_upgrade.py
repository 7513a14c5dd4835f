"""Upgrades killed on the way, and an upgrade in pieces that must be found out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.faults import part_upgrade

from lamplighter.store.schema import _statements

pytestmark = pytest.mark.faults


def test_a_killed_upgrade_leaves_the_old_project_or_the_new_one(tmp_path: Path) -> None:
    found = part_upgrade.run(9, tmp_path)
    assert found.passed, found


def test_an_upgrade_that_commits_each_statement_is_found_out(tmp_path: Path) -> None:
    def in_pieces(sql: sqlite3.Connection, steps: tuple[str, ...]) -> None:
        known = int(sql.execute("PRAGMA user_version").fetchone()[0])
        for step in steps[known:]:
            for statement in _statements(step):
                sql.execute(statement)
        sql.execute(f"PRAGMA user_version={len(steps)}")

    found = part_upgrade.run(9, tmp_path, how=in_pieces)
    assert not found.passed
    assert found.between
