"""The alarm figures counted by hand from their definitions, without the program's code for them.

The definitions are those of the manual, designed toward what is widely published after EEMUA 191
and ISA-18.2. Everything is counted the slow way with whole milliseconds and fractions; a share
becomes a floating-point number once, at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from lamplighter.domain.alarm import AlarmEvent

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
TEN: Final = 10 * MINUTE
FLOOD_ABOVE, FLOOD_BELOW = 10, 5

Told = tuple[int, str, int]
"""time, key, priority"""


def figures(events: Sequence[AlarmEvent], begin: int, end: int) -> dict[str, Any]:
    """The figures of [begin, end) by name; lists of keys are sorted."""
    told = [
        (e.time_ms, e.record.key, e.record.priority)
        for e in events
        if e.after == "UNACK" and e.before != "UNACK"
    ]
    inside = [t for t in told if begin <= t[0] < end]
    seconds, unanswered = _answers(events, told, begin, end)
    by_key = Counter(key for _, key, _ in inside)
    top = sorted(by_key.items(), key=lambda item: (-item[1], item[0]))[:10]
    length = end - begin
    return {
        "alarms": len(inside),
        "per_10_min": float(Fraction(len(inside) * TEN, length)),
        "per_hour": float(Fraction(len(inside) * HOUR, length)),
        "per_day": float(Fraction(len(inside) * DAY, length)),
        **_slices(inside, begin, end),
        "top_10_share": _share(sum(n for _, n in top), len(inside)),
        "top_10": tuple(top),
        "chattering": _chattering(inside),
        "fleeting": _fleeting(events, begin, end),
        "stale": _stale(events, begin, end),
        "priorities": {
            str(p): _share(sum(t[2] == p for t in inside), len(inside)) for p in (1, 2, 3, 4)
        },
        "acknowledged": len(seconds),
        "ack_median_s": _median(seconds),
        "ack_p95_s": _rank(seconds, 19, 20),
        "unacknowledged": unanswered,
        "shelved": sum(e.event == "shelved" and begin <= e.time_ms < end for e in events),
        "suppressed": sum(e.event == "suppressed" and begin <= e.time_ms < end for e in events),
    }


def _share(part: int, whole: int) -> float:
    return float(Fraction(part, whole)) if whole else 0.0


def _slices(inside: list[Told], begin: int, end: int) -> dict[str, Any]:
    """Ten minutes by ten minutes through the whole period."""
    counts = Counter((time - begin) // TEN for time, _, _ in inside)
    flooded, over, in_flood = 0, 0, False
    edges = [*range(begin, end, TEN), end]
    for number, (first, last) in enumerate(pairwise(edges)):
        count = counts[number]
        in_flood = count > FLOOD_ABOVE or (in_flood and count >= FLOOD_BELOW)
        flooded += last - first if in_flood else 0
        over += count > FLOOD_ABOVE
    most = max(counts.values(), default=0)
    first_at = min((n for n, count in counts.items() if count == most), default=0)
    return {
        "flood_share": _share(flooded, end - begin),
        "over_10_share": _share(over, len(edges) - 1),
        "peak_10_min": most,
        "peak_from_ms": begin + first_at * TEN if most else 0,
    }


def _chattering(inside: list[Told]) -> list[str]:
    times: dict[str, list[int]] = defaultdict(list)
    for time, key, _ in inside:
        times[key].append(time)
    return sorted(
        key for key, at in times.items()
        if any(third - first <= MINUTE for first, third in zip(at, at[2:], strict=False))
    )  # fmt: skip


def _fleeting(events: Sequence[AlarmEvent], begin: int, end: int) -> list[str]:
    raised: dict[str, int] = {}
    count: Counter[str] = Counter()
    for event in events:
        if event.event == "raised":
            raised[event.record.key] = event.time_ms
        if event.event == "cleared" and begin <= event.time_ms < end:
            since = raised.get(event.record.key)
            count[event.record.key] += since is not None and event.time_ms - since <= 10 * SECOND
    return sorted(key for key, times in count.items() if times >= 3)


def _stale(events: Sequence[AlarmEvent], begin: int, end: int) -> list[str]:
    """Keys that at some moment of the period had stood for more than a day."""
    spans: list[tuple[str, int, int]] = []
    since: dict[str, int] = {}
    for event in events:
        if event.event == "raised":
            since.setdefault(event.record.key, event.time_ms)
        elif event.event == "cleared" and event.record.key in since:
            spans.append((event.record.key, since.pop(event.record.key), event.time_ms))
    spans += [(key, first, end) for key, first in since.items()]
    return sorted({k for k, first, last in spans if min(last, end) > max(first + DAY, begin)})


def _answers(
    events: Sequence[AlarmEvent], told: list[Told], begin: int, end: int
) -> tuple[list[int], int]:
    """Milliseconds to the acknowledgement of each, ascending, and how many had none."""
    later: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for event in events:
        asks = event.after == "UNACK" and event.before != "UNACK"
        if asks or event.event in {"acked", "reset"}:
            later[event.record.key].append((event.time_ms, not asks))
    answered, without = [], 0
    for line in later.values():
        for (time, answer), after in zip(line, [*line[1:], (0, False)], strict=True):
            if answer or not begin <= time < end:
                continue
            if after[1]:
                answered.append(after[0] - time)
            else:
                without += 1
    assert len(answered) + without == sum(begin <= t[0] < end for t in told)
    return sorted(answered), without


def _median(ascending: list[int]) -> float | None:
    """The one in the middle, or the mean of the two, in seconds."""
    if not ascending:
        return None
    count = len(ascending)
    return float(Fraction(ascending[(count - 1) // 2] + ascending[count // 2], 2 * SECOND))


def _rank(ascending: list[int], part: int, of: int) -> float | None:
    """The smallest that at least `part/of` of all do not exceed, in seconds."""
    if not ascending:
        return None
    needed = Fraction(len(ascending) * part, of)
    return float(Fraction(next(v for n, v in enumerate(ascending, 1) if n >= needed), SECOND))
