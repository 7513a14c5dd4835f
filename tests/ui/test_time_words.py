"""Typed moments, and the marks of a time axis, on ordinary days and when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from lamplighter.ui import numbers
from lamplighter.ui.time_axis import local_ticks
from lamplighter.ui.time_words import moment

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400_000


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


WALL = ms("2026-11-26T14:31:40")
SHOWN = ms("2026-11-24T09:00:00")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("03:42", "2026-11-24T03:42:00"),
        ("03:42:07", "2026-11-24T03:42:07"),
        ("yesterday 03:42", "2026-11-25T03:42:00"),
        ("today 3:42", "2026-11-26T03:42:00"),
        ("Sun 03:42", "2026-11-22T03:42:00"),
        ("sunday 03:42", "2026-11-22T03:42:00"),
        ("22 Nov 03:42", "2026-11-22T03:42:00"),
        ("22 november", "2026-11-22T00:00:00"),
        ("24 Dec 18:00", "2025-12-24T18:00:00"),
        ("24 Dec 2024 18:00", "2024-12-24T18:00:00"),
        ("2026-11-22 03:42", "2026-11-22T03:42:00"),
        ("2026-11-22T03:42:00", "2026-11-22T03:42:00"),
        ("2026-11-22T02:42:00Z", "2026-11-22T03:42:00"),
        ("2026-11-22T05:42+03:00", "2026-11-22T03:42:00"),
        ("-2 h", "2026-11-24T07:00:00"),
        ("-30min", "2026-11-24T08:30:00"),
        ("-1w", "2026-11-17T09:00:00"),
    ],
)
def test_a_typed_moment_is_what_was_meant(typed: str, meant: str) -> None:
    assert moment(typed, SHOWN, WALL, BERLIN) == ms(meant)


@pytest.mark.parametrize(
    "typed", ["", "   ", "soon", "25:00", "31 Feb 10:00", "12", "x 03:42", "-"]
)
def test_what_is_no_moment_is_not_guessed(typed: str) -> None:
    assert moment(typed, SHOWN, WALL, BERLIN) is None


def test_a_clock_that_is_still_to_come_was_meant_of_the_day_before() -> None:
    assert moment("23:10", WALL, WALL, BERLIN) == ms("2026-11-25T23:10:00")


SPANS = [60_000, 3 * 3_600_000, DAY, 7 * DAY, 31 * DAY, 366 * DAY, 3_653 * DAY, 40_000 * DAY]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(
    "end", ["2026-11-24T09:13:21", "2026-03-29T12:00:00", "2026-10-25T12:00:00"]
)
def test_an_axis_of_any_length_has_a_few_marks_at_whole_local_times(span: int, end: str) -> None:
    last = ms(end)
    ticks = local_ticks(last - span, last, 7, BERLIN)
    assert 1 <= len(ticks) <= 16
    assert len({at for at, _ in ticks}) == len(ticks)
    for at, text in ticks:
        shown = numbers.local(at, BERLIN)
        assert last - span <= at <= last
        assert text
        if span >= 3 * DAY:
            assert (shown.hour, shown.minute, shown.second) == (0, 0, 0)
        if span > 300 * DAY:
            assert shown.day == 1


def test_the_night_of_the_long_hour_names_both_hours() -> None:
    first = ms("2026-10-25T00:30:00")
    ticks = local_ticks(first, first + 4 * 3_600_000, 8, BERLIN)
    words = [text for at, text in ticks if numbers.local(at, BERLIN).minute == 0]
    assert "02:00" in words and "02:00 +01" in words
    hours = [at for at, _ in ticks if numbers.local(at, BERLIN).minute == 0]
    assert all(b - a == 3_600_000 for a, b in pairwise(hours))


def test_the_night_of_the_short_hour_has_no_mark_in_it() -> None:
    first = ms("2026-03-29T00:30:00")
    words = [t for _, t in local_ticks(first, first + 4 * 3_600_000, 8, BERLIN)]
    assert not any(w.startswith("02:") for w in words)


def test_ten_years_are_named_by_years() -> None:
    last = round(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)
    words = [t for _, t in local_ticks(last - 3_653 * DAY, last, 6, BERLIN)]
    assert words == ["2018", "2020", "2022", "2024", "2026"]
