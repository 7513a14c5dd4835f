"""Time as a dependency: whoever needs the time is handed a `Clock`, so tests can stand still."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for labels, monotonic time for every timeout."""

    def wall_ms(self) -> int:
        """UTC, milliseconds since 1970. May jump; never used to measure a duration."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds that only grow; for time-outs and ages of what is held in memory."""
        ...


class SystemClock:
    """The machine's own clock."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


def iso(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. `2026-11-22T14:02:07.000Z`."""
    seconds, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:03d}Z"


def parse_time(text: str) -> int:
    """Milliseconds since 1970 from integer milliseconds or ISO 8601 (no zone means UTC).

    Raises ValueError with a readable text when it is neither.
    """
    stripped = text.strip()
    if stripped.lstrip("-").isdigit():
        return int(stripped)
    try:
        moment = datetime.fromisoformat(stripped.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"'{text}' is no time: give ISO 8601 or milliseconds since 1970") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
