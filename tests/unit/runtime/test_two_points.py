"""What `--two-points` may say is checked before anything is read."""

from __future__ import annotations

import pytest

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.importing import parse_points


def test_points_are_passed_on_as_they_are() -> None:
    text = "0,0=24.94,60.17;10,0=24.95,60.17"
    assert parse_points(text) == text and parse_points("") == ""


@pytest.mark.parametrize("text", ["nonsense", "0,0=24.94,60.17", "0,0=24.94;1,1=2,3"])
def test_a_typing_error_is_told_at_once(text: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        parse_points(text)
