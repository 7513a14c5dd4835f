"""What came each day from each source: counted in the transaction that stores it.

Days are UTC days of the phenomenon time, so data that came late fills the day it belongs to. A day
is 288 spans of five minutes; which of them hold a value is one bit each.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from lamplighter.domain.days import DAY_MS, LATE_MS, SPAN_MS, SPANS, DayCount
from lamplighter.domain.observation import MessageRecord, PointColumns, Quarantined
from lamplighter.domain.quality import CLASS_MASK, Quality

REMEMBERED: Final = 20_000
_SOURCES: Final = 1 << 32
Key = tuple[int, int]
"""(day number since 1970, source)"""


class DayBook:
    """Belongs to the writer's thread."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql
        self._spans: OrderedDict[Key, int] = OrderedDict()

    def add(
        self,
        stored: Sequence[MessageRecord],
        points: PointColumns,
        aside: Iterable[Quarantined],
        wall_ms: int,
    ) -> None:
        """Count one batch, inside its transaction."""
        if len(points):
            self._points(stored, points, wall_ms)
        lost: Counter[Key] = Counter()
        for entry in aside:
            lost[(entry.received_ms // DAY_MS, entry.source)] += entry.points
        self.quarantined(lost)

    def quarantined(self, counts: Counter[Key]) -> None:
        """Points set aside (or, below zero, taken back) on the day they came."""
        self._sql.executemany(
            "INSERT INTO day(day, source, quarantined) VALUES(?,?,?)"
            " ON CONFLICT DO UPDATE SET quarantined=max(0, quarantined+excluded.quarantined)",
            [(*key, count) for key, count in counts.items()],
        )

    def _points(self, stored: Sequence[MessageRecord], points: PointColumns, wall_ms: int) -> None:
        source = np.fromiter((m.source for m in stored), np.int64, len(stored))[points.message]
        keys, row = np.unique((points.time_ms // DAY_MS) * _SOURCES + source, return_inverse=True)
        size = len(keys)
        grade = points.quality & CLASS_MASK
        late = wall_ms - points.time_ms > LATE_MS
        counts = [np.bincount(row, minlength=size).tolist()] + [
            np.bincount(row[chosen], minlength=size).tolist() if chosen.any() else [0] * size
            for chosen in (late, grade == Quality.UNCERTAIN, grade >= Quality.BAD)
        ]
        span = (points.time_ms % DAY_MS) // SPAN_MS
        spans: dict[int, list[int]] = {}
        for pair in np.unique(row * SPANS + span).tolist():
            spans.setdefault(pair // SPANS, []).append(pair % SPANS)
        rows = []
        for at, whole in enumerate(keys.tolist()):
            key = (whole // _SOURCES, whole % _SOURCES)
            bits = self._with(key, spans[at])
            held = None if bits is None else bits.to_bytes(SPANS // 8, "little")
            rows.append((*key, *(count[at] for count in counts), held))
        self._sql.executemany(
            "INSERT INTO day(day, source, points, late, uncertain, bad, spans)"
            " VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET points=points+excluded.points,"
            " late=late+excluded.late, uncertain=uncertain+excluded.uncertain,"
            " bad=bad+excluded.bad, spans=coalesce(excluded.spans, spans)",
            rows,
        )

    def _with(self, key: Key, spans: Sequence[int]) -> int | None:
        """The bits of a day with these spans set, None when they were set already; remembered,
        so that a batch reads nothing.
        """
        known = self._spans.get(key)
        if known is None:
            row = self._sql.execute(
                "SELECT spans FROM day WHERE day=? AND source=?", key
            ).fetchone()
            known = int.from_bytes(row[0], "little") if row and row[0] else 0
            if len(self._spans) >= REMEMBERED:
                self._spans.popitem(last=False)
            self._spans[key] = known
        bits = known
        for span in spans:
            bits |= 1 << span
        if bits == known:
            return None
        self._spans[key] = bits
        return bits

    def forget(self) -> None:
        """A transaction failed: what it had set is not there."""
        self._spans.clear()


def read_days(sql: sqlite3.Connection, first: int, last: int) -> list[DayCount]:
    """All sources on the days `first`..`last` (numbers since 1970, both included)."""
    rows = sql.execute(
        "SELECT day, source, points, late, uncertain, bad, quarantined, spans FROM day"
        " WHERE day BETWEEN ? AND ? ORDER BY day, source",
        (first, last),
    )
    return [
        DayCount(
            day, source, points, late, uncertain, bad, aside, int.from_bytes(spans or b"", "little")
        )
        for day, source, points, late, uncertain, bad, aside, spans in rows
    ]
