"""Where a time axis has its marks and what they say, from a minute to a century, in local time.

Marks stand at whole local hours, days, months and years: steps of a day and more are walked on
the calendar, so that the days on which the clocks change have their 23 or 25 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final

from lamplighter.ui import numbers

SECOND: Final = 1_000
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
SHORT: Final = tuple(
    SECOND * s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
) + tuple(HOUR * h for h in (1, 2, 3, 6, 12))
DAYS: Final = (1, 2, 7, 14)
MONTHS: Final = (1, 2, 3, 6)
YEARS: Final = (1, 2, 5, 10, 20, 50)
Tick = tuple[int, str]


def local_ticks(first_ms: int, last_ms: int, most: int, zone: tzinfo | None = None) -> list[Tick]:
    """(UTC ms, text) of at most about `most` marks in [first_ms, last_ms]."""
    span = max(last_ms - first_ms, 1)
    wanted = span / max(most, 1)
    for step in SHORT:
        if step >= wanted:
            return _short(first_ms, last_ms, step, zone)
    for days in DAYS:
        if days * DAY >= wanted:
            return _days(first_ms, last_ms, days, zone)
    for months in MONTHS:
        if months * 30 * DAY >= wanted:
            return _months(first_ms, last_ms, months, zone)
    years = next((y for y in YEARS if y * 365 * DAY >= wanted), YEARS[-1])
    return _months(first_ms, last_ms, 12 * years, zone)


def _short(first_ms: int, last_ms: int, step: int, zone: tzinfo | None) -> list[Tick]:
    """Steps under a day, counted from local midnight of each day."""
    found: list[Tick] = []
    day = _midnight(first_ms, zone)
    while (start := _utc(day, zone)) <= last_ms:
        end = _utc(day + timedelta(days=1), zone)
        seen: set[str] = set()
        for at in range(start, end, min(step, HOUR)):
            shown = numbers.local(at, zone)
            whole = (shown.hour * 3600 + shown.minute * 60 + shown.second) * 1000 % step == 0
            if whole and first_ms <= at <= last_ms:
                found.append((at, _clock_word(at, start, step, zone, seen)))
        day += timedelta(days=1)
    return found


def _clock_word(at: int, start: int, step: int, zone: tzinfo | None, seen: set[str]) -> str:
    """The clock; midnight is named by its day, an hour that comes twice by its offset."""
    if at == start:
        return numbers.day(at, zone)
    text = numbers.clock(at, zone) if step < 60 * SECOND else numbers.clock_short(at, zone)
    if text in seen:
        text += f" {numbers.offset(at, zone)[3:6]}"
    seen.add(text)
    return text


def _days(first_ms: int, last_ms: int, days: int, zone: tzinfo | None) -> list[Tick]:
    """Midnights; steps of a week stand on Mondays."""
    day = _midnight(first_ms, zone)
    if days >= 7:
        day -= timedelta(days=day.weekday())
    else:
        day -= timedelta(days=day.toordinal() % days)
    found: list[Tick] = []
    while (at := _utc(day, zone)) <= last_ms:
        if at >= first_ms:
            found.append((at, numbers.day(at, zone)))
        day += timedelta(days=days)
    return found


def _months(first_ms: int, last_ms: int, months: int, zone: tzinfo | None) -> list[Tick]:
    """First days of months; January is named by its year."""
    begin = _midnight(first_ms, zone)
    number = (begin.year * 12 + begin.month - 1) // months * months
    found: list[Tick] = []
    while True:
        day = datetime(number // 12, number % 12 + 1, 1)
        at = _utc(day, zone)
        if at > last_ms:
            return found
        if at >= first_ms:
            found.append((at, str(day.year) if day.month == 1 else f"{day:%b}"))
        number += months


def _midnight(ms: int, zone: tzinfo | None) -> datetime:
    shown = numbers.local(ms, zone)
    return datetime(shown.year, shown.month, shown.day)


def _utc(day: datetime, zone: tzinfo | None) -> int:
    """UTC ms of a local time; without a zone the machine's."""
    aware = day.replace(tzinfo=zone) if zone is not None else day.astimezone()
    return round(aware.timestamp() * 1000)
