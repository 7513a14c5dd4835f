"""What an OPC UA server sends, as points: value, source time, and its status as quality."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lamplighter.sources.own_source import Point

LONGEST_ARRAY: Final = 64
_OVERFLOW: Final = 0x0480
"""the value carries data bits, and the one for overflow is set"""
_EARLIEST_YEAR: Final = 1971
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def quality_of(status: int) -> str:
    """good | uncertain | bad from the two highest bits of a status code."""
    return ("good", "uncertain", "bad", "bad")[status >> 30 & 3]


def overflowed(status: int) -> bool:
    """True when the server says that its queue was full and values before this one are gone."""
    return status & _OVERFLOW == _OVERFLOW


def original_of(nodeid: Any, data: Any) -> str:
    """One line that shows a notification as it came."""
    value = data.Value.Value if data.Value is not None else None
    status = data.StatusCode.value if data.StatusCode is not None else 0
    times = f"source={data.SourceTimestamp} server={data.ServerTimestamp}"
    node = nodeid.to_string() if hasattr(nodeid, "to_string") else str(nodeid)
    return f"{node} value={str(value)[:200]} status=0x{status:08X} {times}"


def micros_of(moment: Any) -> int | None:
    """UTC microseconds of a timestamp; None for none or for one of the epoch's beginning."""
    if not isinstance(moment, datetime) or moment.year < _EARLIEST_YEAR:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    micros: int = (moment - _EPOCH) // timedelta(microseconds=1)
    return micros


def plain_value(value: Any) -> float | str | None:
    """A value as a number or a text; None when it is neither."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    if isinstance(value, str):
        return value[:400]
    if isinstance(value, datetime):
        return value.isoformat()
    text = getattr(value, "Text", None)
    return text[:400] if isinstance(text, str) else None


def points_of(
    name: str, value: Any, time_ms: int, quality: str, last: float | str | None
) -> Iterator[Point]:
    """The points of one value; an array gives one per place. Never raises.

    A bad status often comes without a value: then the last one stands, marked bad.
    """
    if isinstance(value, list | tuple):
        for at, one in enumerate(value[:LONGEST_ARRAY]):
            plain = plain_value(one)
            if plain is not None:
                yield Point(f"{name}[{at}]", time_ms, plain, quality)
        return
    plain = plain_value(value)
    if plain is None and quality == "bad":
        plain = last
    if plain is not None:
        yield Point(name, time_ms, plain, quality)
