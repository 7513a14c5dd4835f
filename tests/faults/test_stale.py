"""The observer of stale values finds a value that is shown as live too long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from tests.faults.part_stale import Observer, Seen, Watched, stale_is_visible
from tests.kit import program

pytestmark = pytest.mark.faults


def observer() -> Observer:
    made = cast(Any, Observer.__new__(Observer))
    made.seen = Seen()
    return cast(Observer, made)


def watched(**more: Any) -> Watched:
    return Watched(1, 4.0, cast("subprocess.Popen[bytes]", None), **more)


@pytest.mark.parametrize(
    ("device", "age_s"),
    [(watched(), 12.0), (watched(dead_since=0.0), 3.0), (watched(silent_since=0.0), 7.0)],
)
def test_a_value_live_beyond_its_limit_is_a_violation(device: Watched, age_s: float) -> None:
    looks = observer()

    looks._judge(device, age_s, True, 7.0)
    assert looks.seen.violations == 0
    looks._judge(device, age_s, False, 7.0)
    assert looks.seen.violations == 1


def test_a_fresh_value_called_stale_is_told_apart() -> None:
    looks = observer()

    looks._judge(watched(), 1.0, True, 7.0)

    assert (looks.seen.early, looks.seen.violations) == (1, 0)


SHIFTED = """
import sys
from lamplighter.runtime import core_loop
real = core_loop.stale
core_loop.stale = lambda state, now, *more: real(state, now + {by_ms}, *more)
from lamplighter.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("by_ms", "shows"), [(-15_000, "violations"), (30_000, "early")], ids=["too late", "too early"]
)
def test_a_recorder_that_judges_age_wrongly_fails_its_row(
    by_ms: int, shows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "COMMAND", [sys.executable, "-c", SHIFTED.format(by_ms=by_ms)])

    row = stale_is_visible({"stale_patterns": 3}, tmp_path)

    assert not row["passed"]
    assert row["figures"][shows] > 0
