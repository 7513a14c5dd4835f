"""Past lives that are shown beside a forecast: alike, of other lives, with a known end."""

from __future__ import annotations

import numpy as np

from lamplighter.analytics.evidence import CaseBook, similar, would_change

ROW = np.array([1.0, 0.0])
WEIGHT = np.ones(2)


def book(features: list[list[float]], days_left: list[float], failed: list[bool]) -> CaseBook:
    n = len(features)
    every = np.arange(n)
    return CaseBook(
        tuple(f"A-{k}" for k in range(n)), np.array(features), every, every, every * 1_000,
        np.array(days_left), np.array(failed), np.zeros(2), np.ones(2),
    )  # fmt: skip


def test_a_life_that_was_cut_off_just_now_is_no_case() -> None:
    cases = similar(
        ROW, WEIGHT, book([[1, 0], [2, 0], [3, 0]], [0, 9, 45], [False, True, False]), ""
    )

    assert [c.asset for c in cases] == ["A-1", "A-2"]
    assert cases[0].outcome == "it failed 9 days later"


def test_a_case_without_a_value_is_not_the_nearest_for_lacking_it() -> None:
    cases = similar(ROW, WEIGHT, book([[np.nan, 0], [1.1, 0]], [9, 1], [True, True]), "")

    assert [c.asset for c in cases] == ["A-1", "A-0"]
    assert cases[0].outcome == "it failed 1 day later"


def test_what_would_change_a_claim_never_names_one_number_twice() -> None:
    usual = book([[1, 0]], [9], [True])
    told = would_change(0.4, np.array([0.1]), np.array([0.0, 3.0]), ("oil_temperature",), usual)

    assert told == "a steady oil temperature: 10% instead of 40%"
