"""Bugs put into the comparison of sensors on purpose: each turns its promise red."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.faults import part_spoof, part_tampering
from tests.kit import tampering as kit

from lamplighter.analytics.suspicion import judged, verdict

pytestmark = pytest.mark.faults
RUNS = 4


@cache
def place() -> part_tampering.Field:
    return part_tampering.generated(samples=2_300)


@cache
def sound() -> dict[str, Any]:
    return part_tampering.run([place()], RUNS)


def test_the_promise_holds_on_the_generated_network() -> None:
    found = sound()
    assert part_tampering.kept(found), part_tampering.as_row(found)["result"]
    assert set(found["kinds"]) == {*kit.NINE, kit.STEALTHY}


def test_limits_that_are_far_too_wide_are_found_out() -> None:
    blind = replace(place().model, limit=place().model.limit * 60.0)

    def judge(method: str, values: np.ndarray, time_ms: np.ndarray) -> np.ndarray:
        if method == "ours":
            return np.asarray(judged(blind, values, time_ms).max(axis=2))
        return place().scores(method, values, time_ms)

    seen = part_tampering.one_kind(place(), "clock shift", RUNS, 5, judge)
    assert seen.found["ours"] / seen.runs < part_tampering.TRUE_RATE


def test_limits_that_are_too_tight_are_found_out() -> None:
    nervous = replace(place().model, limit=place().model.limit * 0.4)

    def judge(method: str, values: np.ndarray, time_ms: np.ndarray) -> np.ndarray:
        if method == "ours":
            return np.asarray(judged(nervous, values, time_ms).max(axis=2))
        return place().scores(method, values, time_ms)

    seen = part_tampering.one_kind(place(), "bias", RUNS, 5, judge)
    assert seen.false["ours"] / seen.runs > part_tampering.FALSE_RATE


def test_a_verdict_that_takes_everybody_at_his_word_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = sound()["kinds"]["bias"]  # before the bug is in: what is kept must be sound
    monkeypatch.setattr(verdict, "_replaced", lambda model, values, time_ms, rows: values)
    seen = part_tampering.one_kind(place(), "bias", RUNS, 5)
    assert seen.others / seen.runs > honest["others accused a run"] + 0.5 or seen.accused < RUNS


def test_a_table_with_a_missed_kind_or_no_reason_fails() -> None:
    for change in ({"found": {"ours": 0.5, "z-score": 0.1, "cumulative sum": 0.1}},
                   {"median samples": 40.0}, {"with reason": 0.5}):  # fmt: skip
        kinds = {k: dict(v) for k, v in sound()["kinds"].items()}
        kinds["swap"] |= change
        assert not part_tampering.kept({**sound(), "kinds": kinds})


@pytest.mark.parametrize(
    "spoiled", [{"commands": 1}, {"false": 2}, {"beside": 2}, {"told": False}, {"missed": 3}]
)
def test_a_run_of_scripts_that_went_wrong_fails(spoiled: dict[str, Any]) -> None:
    rows = [{"script": s, "flagged": True, "seconds": 2.0, "round": 0} for s in part_spoof.SCRIPTS]
    found = {
        "scripts": rows,
        "rounds": 1,
        "false": 0,
        "beside": 0,
        "clean_s": 200.0,
        "commands": 0,
        "told": True,
    }
    assert part_spoof.as_row(found)["passed"]
    for row in rows[: spoiled.pop("missed", 0)]:
        row["flagged"] = False
    assert not part_spoof.as_row({**found, **spoiled})["passed"]
