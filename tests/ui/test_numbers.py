"""Numbers, ages and ranges read the same everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamplighter.domain.city import Datastream, Limits
from lamplighter.domain.newest_block import blank
from lamplighter.domain.quality import Quality
from lamplighter.ui import numbers
from lamplighter.ui.value_model import of_datastream

THIN = "\u202f"
STREAM = Datastream(0, "gw-1", "p", "bar", "pressure", "P-1", "P-1 pressure", 1000, 0.01,
                    Limits(2.0, 2.8, 5.2, 5.8))  # fmt: skip


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (2.614, 0.01, "2.61"),
        (3412, 1, "3,412"),
        (-0.4, 0.1, "\u22120.4"),
        (-0.001, 0.1, "0.0"),
        (None, 1, "\u2014"),
        (math.nan, 1, "not known"),
        (0, 1, "0"),
    ],
)
def test_number(value: float | None, step: float, text: str) -> None:
    assert numbers.number(value, step) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.8, f"0.8{THIN}s"), (42, f"42{THIN}s"), (360, f"6{THIN}min"),
     (9720, f"2{THIN}h 42{THIN}min"), (260_000, f"3{THIN}d"), (None, "not known")],
)  # fmt: skip
def test_age(seconds: float | None, text: str) -> None:
    assert numbers.age(seconds) == text


def test_ranges_use_a_dash_or_the_word_to() -> None:
    assert numbers.percent_range(0.31, 0.58) == f"31–58{THIN}%"
    assert numbers.value_range(-0.4, -0.6, 0.1) == "\u22120.4 to \u22120.6"


def value_at(age_ms: int, quality: int = 0) -> object:
    values = blank(1)
    values.time_ms[0], values.value[0], values.quality[0] = 1_000_000, 2.61, quality
    values.expected[0], values.spread[0] = 4.12, 0.15
    return of_datastream(STREAM, values, 1_000_000 + age_ms)


def test_a_value_past_twice_its_period_is_stale() -> None:
    assert value_at(1_900).live  # type: ignore[attr-defined]
    old = value_at(2_100)
    assert not old.live and old.quality is Quality.STALE  # type: ignore[attr-defined]


def test_bad_stays_bad_and_is_not_live() -> None:
    assert value_at(100, int(Quality.BAD)).quality is Quality.BAD  # type: ignore[attr-defined]
    assert not value_at(100, int(Quality.BAD)).live  # type: ignore[attr-defined]


def test_a_value_tells_everything_about_itself() -> None:
    model = value_at(800)
    text = model.describe()  # type: ignore[attr-defined]
    for part in ("2.61", "bar", "0.8", "good", "trust 1.00", "gw-1", "4.12 ± 0.15"):
        assert part in text
    assert model.gap_text == f"gap \u22121.51{THIN}bar"  # type: ignore[attr-defined]


def test_nothing_received_is_not_known_and_never_blank() -> None:
    model = of_datastream(STREAM, blank(1), 5)
    assert model.text == "not known" and model.age_text == "never received"
    beyond = of_datastream(STREAM, blank(0), 5)
    assert not beyond.known and np.isnan(blank(1).value[0])


def test_a_minute_of_another_year_says_which() -> None:
    now = 1_795_305_600_000  # in November 2026
    assert "2026" not in numbers.minute_of(now - 3_600_000, now)
    assert "2023" in numbers.minute_of(1_672_704_000_000, now)
