"""Where a city is measured: counted by hand, and bugs in the counting are found out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.faults import part_measured

from lamplighter.domain import coverage

pytestmark = pytest.mark.faults


def test_every_verdict_is_the_one_that_is_counted_by_hand() -> None:
    found = part_measured.run(12)
    assert found.passed, found.examples
    assert found.gaps > 20


def test_silent_sensors_that_still_count_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = coverage.states

    def deaf(time_ms: Any, quality: Any, old: Any) -> Any:
        return real(time_ms, quality, np.zeros_like(old))

    monkeypatch.setattr(coverage, "states", deaf)
    found = part_measured.run(8)
    assert found.looked_better > 0 and not found.passed


def test_withheld_sensors_that_still_count_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "_DOUBTED", np.uint8(0))
    assert part_measured.run(8).looked_better > 0


def test_a_figure_of_nothing_that_looks_thin_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(live: Any, near: Any, rule: coverage.Rule) -> Any:
        thin = (live < rule.least_live) | (near < rule.share)
        return np.where(thin, coverage.THIN, coverage.MEASURED).astype(np.uint8)

    monkeypatch.setattr(coverage, "verdicts", kind)
    assert part_measured.run(8).looked_better > 0
