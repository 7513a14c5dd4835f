"""The cause of a cascade is named; a fold that guesses, or hides, is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_cascades

from lamplighter.alarms import folding

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("script", part_cascades.scripts(), ids=lambda s: s.name)
def test_the_right_cause_is_named(script: part_cascades.Script) -> None:
    found = part_cascades.play(script)

    assert found.right, found
    assert found.hidden == 0


def test_a_fold_that_blames_whatever_is_oldest_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(folding, "EXPLAINS_FOR_MS", 10**12)
    monkeypatch.setattr(folding, "ONSET_TOLERANCE_MS", -(10**7))

    assert not part_cascades.cascades({}, tmp_path)["passed"]
