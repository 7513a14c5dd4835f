"""A typed moment: what people write when they mean a time of the past."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from lamplighter.ui import numbers

DAYS: Final = {"today": 0, "yesterday": 1}
UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLES: Final = "03:42, yesterday 03:42, Sun 03:42, 22 Nov 03:42, 2026-11-22 03:42, -2 h"

_BACK: Final = re.compile(r"^[-\u2212]\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)$")
_CLOCK: Final = re.compile(r"(?:^|[ T])(\d{1,2}):(\d{2})(?::(\d{2}))?$")
_DATE: Final = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})$")
_NAMED: Final = re.compile(r"^(\d{1,2})\.? ?([a-z]{3})[a-z]*\.?(?: (\d{4}))?$")


def moment(text: str, shown_ms: int, wall_ms: int, zone: tzinfo | None = None) -> int | None:
    """UTC ms of a typed local time, None when it cannot be understood.

    A clock alone means the shown day, or the day before when that is still to come. An hour that
    a change of the clocks leaves out is taken as the one after it.
    """
    given = text.strip().lower()
    if not given:
        return None
    back = _BACK.match(given)
    if back:
        return shown_ms - round(float(back[1]) * UNITS[back[2]] * 1000)
    if re.match(r"^\d{4}-\d{2}-\d{2}t?.*(z|[+-]\d{2}:?\d{2})$", given):
        try:
            return round(datetime.fromisoformat(given.upper()).timestamp() * 1000)
        except ValueError:
            return None
    clock = _CLOCK.search(text.strip().replace("t", "T"))
    rest = given[: clock.start()].strip() if clock else given
    day = _day(rest, shown_ms, wall_ms, zone)
    if day is None or (clock is None and not rest):
        return None
    hour, minute, second = (int(p or 0) for p in clock.groups()) if clock else (0, 0, 0)
    try:
        found = _utc_ms(day.replace(hour=hour, minute=minute, second=second), zone)
        if not rest and found > wall_ms:
            found = _utc_ms(
                (day - timedelta(days=1)).replace(hour=hour, minute=minute, second=second), zone
            )
    except (ValueError, OverflowError):
        return None
    return found


def _day(text: str, shown_ms: int, wall_ms: int, zone: tzinfo | None) -> datetime | None:
    """Midnight of the named day, without a zone; None when it names none."""
    today = _naive(wall_ms, zone)
    if not text:
        return _naive(shown_ms, zone)
    if text in DAYS:
        return today - timedelta(days=DAYS[text])
    if text[:3] in WEEKDAYS and text.isalpha():
        return today - timedelta(days=(today.weekday() - WEEKDAYS.index(text[:3])) % 7)
    date, named = _DATE.match(text), _NAMED.match(text)
    try:
        if date:
            return datetime(int(date[1]), int(date[2]), int(date[3]))
        if named and named[2] in MONTHS:
            month, year = MONTHS.index(named[2]) + 1, int(named[3] or today.year)
            found = datetime(year, month, int(named[1]))
            return found if named[3] or found <= today else found.replace(year=year - 1)
    except ValueError:
        return None
    return None


def _naive(ms: int, zone: tzinfo | None) -> datetime:
    shown = numbers.local(ms, zone)
    return datetime(shown.year, shown.month, shown.day)


def _utc_ms(moment: datetime, zone: tzinfo | None) -> int:
    """Local wall time as UTC ms; without a zone the machine's."""
    return (
        round(moment.replace(tzinfo=zone).astimezone().timestamp() * 1000)
        if zone
        else round(moment.astimezone().timestamp() * 1000)
    )
