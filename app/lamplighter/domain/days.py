"""How good the data of a feed were on a day: complete, late, uncertain, set aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

DAY_MS: Final = 86_400_000
SPAN_MS: Final = 300_000
SPANS: Final = DAY_MS // SPAN_MS
LATE_MS: Final = 60_000
"""a value that is stored longer than this after it was measured came late"""


class DayCount(Struct, frozen=True):
    """What came from one source on one UTC day of phenomenon time."""

    day: int
    """days since 1970"""
    source: int
    points: int
    late: int
    uncertain: int
    bad: int
    quarantined: int
    spans: int
    """bit n is set when the n-th five minutes of the day hold a value"""


class DayQuality(Struct, frozen=True):
    """One feed on one day."""

    feed: str
    day: str
    """2026-11-28, UTC"""
    points: int
    late: int
    uncertain: int
    bad: int
    quarantined: int
    missing: int
    """messages of its senders that were sent and never came"""
    completeness: float | None
    """0 to 1: the spans that hold values, of those that should; None: nothing was due"""


def day_text(day: int) -> str:
    """`2026-11-28` for a number of days since 1970."""
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


def qualities(
    counts: Iterable[DayCount],
    feed_of: Mapping[int, str],
    missing: Mapping[tuple[int, int], int],
    now_ms: int,
) -> list[DayQuality]:
    """One row a feed and day. `missing`: messages by (day, source).

    A source is due in as many spans as on its best day, so one that speaks every quarter of an hour
    is whole with 96; from the day on which it was first heard; today up to now.
    """
    rows = list(counts)
    best: dict[int, int] = {}
    first: dict[int, int] = {}
    for row in rows:
        spans = row.spans.bit_count()
        if row.points:
            best[row.source] = max(best.get(row.source, 0), spans)
            first[row.source] = min(first.get(row.source, row.day), row.day)
    today = now_ms // DAY_MS
    elapsed = max(1, (now_ms % DAY_MS) // SPAN_MS)
    days = sorted({row.day for row in rows} | ({today} if rows else set()))
    by = {(row.day, row.source): row for row in rows}
    found = []
    for feed in sorted(set(feed_of.values())):
        mine = [s for s, f in feed_of.items() if f == feed and s in first]
        found += [
            _one(feed, day, mine, by, missing, best, first, (today, elapsed))
            for day in (range(days[0], days[-1] + 1) if days else ())
        ]
    return found


def _one(
    feed: str,
    day: int,
    sources: list[int],
    by: Mapping[tuple[int, int], DayCount],
    missing: Mapping[tuple[int, int], int],
    best: Mapping[int, int],
    first: Mapping[int, int],
    now: tuple[int, int],
) -> DayQuality:
    today, elapsed = now
    due = held = 0.0
    sums = [0, 0, 0, 0, 0]
    for source in sources:
        row = by.get((day, source))
        if row is not None:
            for at, value in enumerate(
                (row.points, row.late, row.uncertain, row.bad, row.quarantined)
            ):
                sums[at] += value
        if day < first[source]:
            continue
        wanted = float(best[source])
        if day == today:
            wanted = min(wanted, max(1.0, wanted * elapsed / SPANS))
        got = row.spans.bit_count() if row is not None else 0
        if day == first[source] and row is not None:
            # it began in the middle of a day: due from its first value on
            begun = (row.spans & -row.spans).bit_length() - 1
            until = elapsed if day == today else SPANS
            wanted = min(wanted, max(1.0, best[source] * max(1, until - begun) / SPANS))
        due += wanted
        held += min(float(got), wanted)
    lost = sum(missing.get((day, s), 0) for s in sources)
    return DayQuality(
        feed, day_text(day), sums[0], sums[1], sums[2], sums[3], sums[4], lost,
        held / due if due else None,
    )  # fmt: skip
