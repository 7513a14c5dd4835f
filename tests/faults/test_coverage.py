"""The count of bands that hold is a count: narrow bands turn it red."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_coverage


def test_bands_hold_and_narrow_bands_are_noticed(tmp_path: Path) -> None:
    found = part_coverage.run(1, tmp_path / "sound")
    assert found["failures"] == 12
    assert found["named"] >= 20
    assert found["coverage"] >= 0.6  # one fleet proves little
    narrow = part_coverage.run(1, tmp_path / "narrow", squeeze=0.1)
    assert narrow["coverage"] < found["coverage"]
    assert not part_coverage.holds(narrow)


@pytest.mark.parametrize(
    ("inside", "passed"), [(360, True), (385, True), (330, False), (420, False)]
)
def test_the_stated_rate_is_kept_within_five_points(inside: int, passed: bool) -> None:
    found = {"named": 420, "failures": 400, "coverage": inside / 420}
    assert part_coverage.holds(found) is passed
