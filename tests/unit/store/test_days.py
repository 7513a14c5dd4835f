"""Days are counted with the batch, by the day a value belongs to, and retold as completeness."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from lamplighter.domain.days import DAY_MS, SPAN_MS, SPANS, DayCount, qualities
from lamplighter.domain.observation import MessageRecord, PointColumns, Quarantined
from lamplighter.store.days import DayBook, read_days
from lamplighter.store.schema import HISTORY_STEPS, migrate

DAY = 20_785
NOON = DAY * DAY_MS + DAY_MS // 2


@pytest.fixture
def sql() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made, HISTORY_STEPS)
    return made


def points(times: list[int], quality: list[int], message: list[int] | None = None) -> PointColumns:
    n = len(times)
    return PointColumns(
        np.zeros(n, np.int32), np.array(times, np.int64), np.zeros(n), np.array(quality, np.uint8),
        np.array(message or [0] * n, np.int32), np.arange(n, dtype=np.int32),
    )  # fmt: skip


def message(source: int) -> MessageRecord:
    return MessageRecord(source, 1, 0, 0, NOON, 1)


def test_points_are_counted_on_the_day_they_belong_to(sql: sqlite3.Connection) -> None:
    book = DayBook(sql)
    times = [NOON, NOON + 1, NOON - DAY_MS, NOON + SPAN_MS]
    book.add([message(3), message(4)], points(times, [0, 1, 2 | 16, 0], [0, 0, 0, 1]), (), NOON)
    aside = Quarantined(3, "t", NOON, "D-101", "r", b"", 2)
    book.add([message(3)], points([NOON + SPAN_MS], [0]), (aside,), NOON + 2 * SPAN_MS)
    rows = {(r.day, r.source): r for r in read_days(sql, DAY - 5, DAY)}
    at = NOON % DAY_MS // SPAN_MS
    assert rows == {
        (DAY, 3): DayCount(DAY, 3, 3, 1, 1, 0, 2, 0b11 << at),
        (DAY - 1, 3): DayCount(DAY - 1, 3, 1, 1, 0, 1, 0, 1 << at),
        (DAY, 4): DayCount(DAY, 4, 1, 0, 0, 0, 0, 1 << at + 1),
    }


def test_a_new_book_goes_on_where_the_old_one_ended(sql: sqlite3.Connection) -> None:
    for offset in (0, 5):
        DayBook(sql).add([message(1)], points([NOON + offset * SPAN_MS], [0]), (), NOON)
    assert read_days(sql, DAY, DAY)[0].spans.bit_count() == 2


def whole(day: int, source: int, spans: int) -> DayCount:
    return DayCount(day, source, spans, 0, 0, 0, 0, (1 << spans) - 1)


def test_completeness_is_what_came_of_what_was_due() -> None:
    counts = [whole(DAY - 2, 1, SPANS), whole(DAY - 1, 1, SPANS // 2), whole(DAY, 1, SPANS // 4)]
    rows = qualities(counts, {1: "feed-1"}, {(DAY - 1, 1): 7}, NOON)
    assert [(r.day[-2:], r.completeness, r.missing) for r in rows] == [
        ("26", 1.0, 0), ("27", 0.5, 7), ("28", 0.5, 0),
    ]  # fmt: skip


def test_a_slow_sender_is_whole_and_a_silent_day_is_empty() -> None:
    rows = qualities([whole(DAY - 3, 1, 96), whole(DAY - 1, 1, 96)], {1: "f", 2: "g"}, {}, NOON)
    mine = {(r.feed, r.day[-2:]): r.completeness for r in rows}
    assert mine[("f", "25")] == 1.0 and mine[("f", "26")] == 0.0 and mine[("f", "27")] == 1.0
    assert mine[("f", "28")] == 0.0, "today nothing came of what was due"
    assert mine[("g", "27")] is None, "a feed that was never heard owes nothing"
