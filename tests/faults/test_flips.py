"""The check of recorded history finds what it must, and a checker that is blind is found out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.faults import part_flips

from lamplighter.store import verify, verify_sealed
from lamplighter.store.verify_sealed import Check, Found

pytestmark = pytest.mark.faults


def test_every_flipped_bit_that_changes_a_point_is_found_and_located(tmp_path: Path) -> None:
    found = part_flips.run(20, tmp_path)
    assert found.passed, found
    assert found.by_file["segments"]


def test_a_checker_that_passes_over_segments_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = verify_sealed.check_segments

    def blind(sql: sqlite3.Connection, found: Found, check: Check | None) -> None:
        seen = Found(last=found.last, head=found.head)
        real(sql, seen, check)
        found.last, found.head, found.stored = seen.last, seen.head, found.stored + seen.stored

    monkeypatch.setattr(verify, "check_segments", blind)
    found = part_flips.run(8, tmp_path)
    assert not found.passed
