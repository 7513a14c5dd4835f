"""A kill while rows are retried leaves each in one place; a retry in two steps is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_quarantine


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_quarantine, "BAD", 50)


def test_a_killed_retry_leaves_each_row_in_one_place(tmp_path: Path) -> None:
    found = part_quarantine.run(1, tmp_path)
    assert found.sound, found
    assert found.kills == 1


def test_a_retry_in_two_steps_is_found_out(tmp_path: Path) -> None:
    found = part_quarantine.run(1, tmp_path, hasty=True)
    assert found.both > 0
    assert not found.sound
