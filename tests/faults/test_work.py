"""Work orders and files over kills; and the planted bug that the same look must find."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_work

pytestmark = pytest.mark.faults


def test_what_was_said_to_be_kept_is_there_after_kills(tmp_path: Path) -> None:
    found = part_work.run(2, tmp_path, longest_s=0.5)
    assert found["kept"] and found["verified"]
    assert (found["lost"], found["broken"], found["unequal"]) == (0, 0, 0)


def test_a_program_that_says_kept_too_early_is_found(tmp_path: Path) -> None:
    assert part_work.run(3, tmp_path, hurried=True, longest_s=0.4)["lost"] > 0
