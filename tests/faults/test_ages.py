"""Risk from ages holds against what then happened; wrong counting and rash words are found out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.faults import part_ages

from lamplighter.analytics.life import ages
from lamplighter.runtime import age_watch

pytestmark = pytest.mark.faults
FEW = 3


def broken(*trials: Any, fleets: int = FEW) -> set[str]:
    """The promises that did not hold, of these trials or of all."""
    found = part_ages.run(fleets, trials=trials or part_ages.TRIALS)
    return {name for name, held in found.verdict().items() if not held}


def test_a_chance_from_ages_is_what_then_happens() -> None:
    assert broken() == set()


def test_what_still_stands_counted_as_failed_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class AllFell(ages.Lasting):
        def __init__(self, entry: Any, end: Any, failed: Any) -> None:
            super().__init__(entry, end, np.ones_like(failed))

    monkeypatch.setattr(ages, "Lasting", AllFell)
    assert {"curve", "band"} <= broken(part_ages.play)


def test_what_was_renewed_in_time_left_out_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = age_watch.lives_of

    def only_failed(*given: Any) -> Any:
        found = []
        for lives in real(*given):
            kept = lives.failed | lives.running
            found.append(replace(lives, **{n: getattr(lives, n)[kept] for n in (
                "entry", "end", "failed", "asset", "end_ms", "running")}))  # fmt: skip
        return tuple(found)

    monkeypatch.setattr(part_ages, "lives_of", only_failed)
    assert "counted" in broken(part_ages.play, fleets=1)


def test_years_before_the_records_counted_as_watched_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class FromTheMaking(ages.Lasting):
        def __init__(self, entry: Any, end: Any, failed: Any) -> None:
            super().__init__(np.zeros_like(entry), end, failed)

    monkeypatch.setattr(ages, "Lasting", FromTheMaking)
    assert "curve" in broken(part_ages.play)


def test_the_young_told_by_failures_of_the_old_are_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class OldSpeak(ages.Lasting):
        def __init__(self, entry: Any, end: Any, failed: Any) -> None:
            super().__init__(entry, end, failed)
            self.least = self.failures, self.days

    monkeypatch.setattr(ages, "Lasting", OldSpeak)
    assert "young" in broken(part_ages.play)


def test_a_number_after_four_failures_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ages, "FEWEST", 1)
    monkeypatch.setattr(age_watch, "FEWEST", 1)
    monkeypatch.setattr(ages, "NEAR", 1)
    assert "silent" in broken(part_ages.too_few, fleets=2)


def test_ages_that_tell_nothing_and_speak_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ages, "judged", lambda lives: (0.0, 1.0))
    assert "frozen" in broken(part_ages.by_chance)


def test_failures_of_tomorrow_counted_today_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = age_watch.renewals

    def all_of_them(orders: Any) -> Any:
        return tuple(replace(r, time_ms=min(r.time_ms, part_ages.NOW - 1)) for r in real(orders))

    monkeypatch.setattr(age_watch, "renewals", all_of_them)
    assert "past" in broken(part_ages.future, fleets=1)
