"""Chatter and flood: alarms that come too often to be read, found by counting onsets."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from lamplighter.domain.alarm import AlarmEvent

CHATTER_COUNT: Final = 3
CHATTER_WINDOW_MS: Final = 60_000
FLOOD_WINDOW_MS: Final = 600_000
FLOOD_STARTS_ABOVE: Final = 10
FLOOD_ENDS_BELOW: Final = 5


def chatters(raised_ms: Sequence[int]) -> bool:
    """Whether one alarm was raised three times within sixty seconds. Times ascend."""
    reach = CHATTER_COUNT - 1
    return any(
        later - earlier <= CHATTER_WINDOW_MS
        for earlier, later in zip(raised_ms, raised_ms[reach:], strict=False)
    )


def chattering(events: Iterable[AlarmEvent]) -> list[str]:
    """Keys of the alarms that chatter, the worst first."""
    times: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.event == "raised":
            times[event.record.key].append(event.time_ms)
    worst = sorted(times, key=lambda k: (-len(times[k]), k))
    return [key for key in worst if chatters(sorted(times[key]))]


def flood_since(raised_ms: Sequence[int], now_ms: int, since_ms: int = 0) -> int:
    """Since when there is an alarm flood, 0 for none. Times ascend.

    A flood starts with more than ten alarms within ten minutes and ends below five; `since_ms` is
    the answer of the step before, which is what makes the two limits differ.
    """
    recent = bisect_left(raised_ms, now_ms + 1) - bisect_left(
        raised_ms, now_ms - FLOOD_WINDOW_MS + 1
    )
    if since_ms:
        return since_ms if recent >= FLOOD_ENDS_BELOW else 0
    return now_ms if recent > FLOOD_STARTS_ABOVE else 0
