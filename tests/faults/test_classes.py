"""A class's learned risk holds on fleets it has not seen; what would flatter it is found out."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.faults import part_classes

from lamplighter.analytics import calibration, fleet, hazard, maintenance, without_skill

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trees and rows: the promises are the same."""
    monkeypatch.setitem(hazard.SETTINGS, "max_iter", 40)
    real = part_classes.made
    monkeypatch.setattr(
        part_classes, "made", lambda *given, **more: real(*given, **more, step_h=12)
    )


def broken(*trials: Any) -> set[str]:
    """The promises that did not hold; those that were not tried are left out."""
    found = part_classes.run(1, trials or part_classes.TRIALS, folds=2)
    return {name for name, held in found.verdict().items() if not held}


def test_a_class_is_told_what_happens_and_nothing_is_told_of_useless_values() -> None:
    assert broken() == set()


def test_bands_narrower_than_what_was_missed_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = calibration.narrowest

    def by_half(*given: Any) -> tuple[float, float]:
        offset, quantile = real(*given)
        return offset, 0.3 * quantile

    monkeypatch.setattr(calibration, "narrowest", by_half)
    assert "band" in broken(part_classes.known_apart)


def test_what_was_renewed_in_time_learned_as_failed_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = fleet.order

    def all_fell(history: Any) -> Any:
        rows = real(history)
        return dataclasses.replace(rows, failed=np.ones_like(rows.failed))

    monkeypatch.setattr(fleet, "order", all_fell)
    assert "chance" in broken(part_classes.known_apart)


def test_a_rule_too_weak_to_lose_against_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def rate_alone(chance: Any, outcome: Any, asset: Any, rate: float, _: Any) -> Any:
        ours = float(np.mean((chance - outcome) ** 2))
        theirs = float(np.mean((rate - outcome) ** 2))
        return without_skill.Compared(ours, theirs, ours < theirs)

    monkeypatch.setattr(without_skill, "compared", rate_alone)
    assert "useless" in broken(part_classes.useless)


def test_a_value_of_the_next_row_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = fleet._mean

    def one_ahead(column: Any, since: Any, asset: Any) -> Any:
        return real(np.append(column[1:], np.nan), since, asset)

    monkeypatch.setattr(fleet, "_mean", one_ahead)
    assert "past" in broken(part_classes.shuffled)


def test_a_model_of_four_failures_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "FEWEST_FAILURES", 1)
    assert "few" in broken(part_classes.too_few)
