"""Forecasts freeze soon, seldom and fairly; rules that do otherwise are found out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.faults import part_freezing

from lamplighter.analytics.forecasting import freezing

pytestmark = pytest.mark.faults


def broken(*trials: Any) -> set[str]:
    """The promises that did not hold; those that were not tried are among them."""
    found = part_freezing.run(1, trials or part_freezing.TRIALS)
    return {name for name, held in found.verdict().items() if not held}


def test_a_changed_series_is_frozen_soon_and_a_sound_one_is_not() -> None:
    assert broken() == set()


def test_a_rule_of_weeks_alone_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezing, "SUDDEN", np.inf)
    assert "soon" in broken(part_freezing.change)


def test_a_rule_that_takes_every_bad_day_for_a_change_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(freezing, "SUDDEN", 0.5)
    monkeypatch.setattr(freezing, "_unheard", lambda now, before: True)
    assert "calm" in broken(part_freezing.calm)


def test_a_naive_rule_that_is_flattered_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = freezing.decided

    def flattered(miss: Any, naive_miss: Any, *rest: Any) -> Any:
        return real(miss, 0.4 * naive_miss, *rest)

    monkeypatch.setattr(freezing, "decided", flattered)
    assert {"calm", "fair"} <= broken(part_freezing.calm)


def test_a_decision_by_outcomes_nobody_knows_yet_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = freezing.decided

    def clairvoyant(miss: Any, naive: Any, chosen: int, begins: Any, _: int, day: int) -> Any:
        return real(miss, naive, chosen, [b for b in begins if b[0] + 4 * day < miss.size],
                    -4 * day, day)  # fmt: skip

    monkeypatch.setattr(freezing, "decided", clairvoyant)
    assert "past" in broken(part_freezing.future)
