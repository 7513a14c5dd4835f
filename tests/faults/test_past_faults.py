"""The past under kills, in its short form, and that a planted bug turns it red."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_past

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


def test_a_killed_import_goes_on_and_doubles_nothing(tmp_path: Path) -> None:
    found = part_past.run(60_000, 1, tmp_path)
    assert found["passed"], found


def test_pieces_without_a_name_of_their_own_are_doubled(tmp_path: Path) -> None:
    found = part_past.run(20_000, 1, tmp_path, planted="new key each time")
    assert not found["passed"]
    assert found["extra"] or found["missing"]
