"""How fast a project's folder grows, measured on itself, and how long the disk lasts.

After each round of sealing the size of what stays in the databases is noted beside the points that
were recorded until then. Two such notes tell what a point costs for good; segments know what they
cost; the rule of retention tells what goes again. From the three the free space is followed day
by day.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.domain.retention import Retention
from lamplighter.store import catalogue
from lamplighter.store.catalogue import DAY_MS, HOUR_MS
from lamplighter.store.folder import HISTORY
from lamplighter.store.segment import SegmentAbout

Array = npt.NDArray[np.float64]
_KEY: Final = "growth"
_KEPT: Final = 60
HORIZON_DAYS: Final = 3_650
"""beyond ten years nothing is said"""
_UNMEASURED_SEALED: Final = 3.0
_UNMEASURED_STAYING: Final = 2.0
_HOT_HOURS: Final = 1.5
_LOOKED_BACK_MS: Final = DAY_MS


class Sample(Struct, frozen=True, array_like=True):
    """What lay in the folder after a round of sealing."""

    wall_ms: int
    points: int
    """recorded since the beginning"""
    history_bytes: int
    """pages in use of history.db"""
    hot_points: int
    hot_bytes: int
    """of those pages, about what the hot batches take"""
    other_bytes: int
    """the city, the audit record and what lies beside them"""


class Growth(Struct, frozen=True):
    """What a day adds. `measured` is false while nothing was sealed yet."""

    points_per_day: float = 0.0
    sealed_per_point: float = _UNMEASURED_SEALED
    staying_per_point: float = _UNMEASURED_STAYING
    """rollups and all else in history.db"""
    other_per_day: float = 0.0
    hot_bytes_to_come: float = 0.0
    """until the hot part of history.db has its full size"""
    kept_share: float = 0.0
    """of expired points, how many stay around alarms"""
    measured: bool = False


def take_sample(sql: sqlite3.Connection, folder: Path, now_ms: int) -> Sample:
    """The folder as it is now."""
    used = _pragma(sql, "page_count") - _pragma(sql, "freelist_count")
    page = _pragma(sql, "page_size")
    batches, hot, messages = sql.execute(
        "SELECT count(*), coalesce(sum(count), 0), coalesce(sum(messages), 0) FROM batch"
        " WHERE number>(SELECT coalesce(max(to_batch), 0) FROM segment)"
    ).fetchone()
    body = _mean(sql, "SELECT length(points), count FROM body JOIN batch USING(number)"
                 " ORDER BY number DESC LIMIT 200")  # fmt: skip
    sealed = sql.execute("SELECT coalesce(sum(points), 0) FROM segment WHERE state<>'merged'")
    total = int(sealed.fetchone()[0]) + _expired_points(sql) + hot
    other = sum(
        file.stat().st_size for name in ("city.db", "audit.db") if (file := folder / name).exists()
    )
    hot_bytes = int(hot * body + batches * 190 + messages * 75)
    return Sample(now_ms, total, used * page, hot, hot_bytes, other)


def _pragma(sql: sqlite3.Connection, name: str) -> int:
    return int(sql.execute(f"PRAGMA {name}").fetchone()[0])


def _mean(sql: sqlite3.Connection, statement: str) -> float:
    sizes = sql.execute(statement).fetchall()
    points = sum(row[1] for row in sizes)
    return sum(row[0] for row in sizes) / points if points else 25.0


def _expired_points(sql: sqlite3.Connection) -> int:
    lost = 0
    for about in catalogue.rows(sql, "state IN ('expired', 'thinned')"):
        with contextlib.suppress(msgspec.MsgspecError):
            note = msgspec.msgpack.decode(about.note, type=catalogue.ExpiryNote)
            lost += note.points - about.points
    return lost


def keep_sample(sql: sqlite3.Connection, sample: Sample) -> None:
    """Write it down, on the writer's connection."""
    samples = [*samples_of(sql), sample]
    if len(samples) > _KEPT:
        samples = [*samples[: _KEPT // 2 : 2], *samples[_KEPT // 2 :]]
    text = json.dumps([msgspec.to_builtins(s) for s in samples])
    sql.execute("INSERT OR REPLACE INTO about VALUES(?, ?)", (_KEY, text))


def samples_of(sql: sqlite3.Connection) -> list[Sample]:
    row = sql.execute("SELECT value FROM about WHERE key=?", (_KEY,)).fetchone()
    if row is None:
        return []
    try:
        return msgspec.json.decode(row[0], type=list[Sample])
    except msgspec.MsgspecError:
        return []


def measure(sql: sqlite3.Connection, now_ms: int, points_per_s: float = 0.0) -> Growth:
    """What a day adds, by the last day of recording; by `points_per_s` while that is under an
    hour.
    """
    recent = catalogue.rows(
        sql, "state='sealed' AND points>0 AND last_wall_ms>=?", (now_ms - _LOOKED_BACK_MS,)
    )
    recent = recent or catalogue.rows(sql, "state='sealed' AND points>0")[-24:]
    points = sum(a.points for a in recent)
    samples = samples_of(sql)
    rate, hot_now = _rate(sql, now_ms, recent)
    per_day = (rate if rate is not None else points_per_s) * 86_400
    sealed = sum(a.size for a in recent) / points if points else _UNMEASURED_SEALED
    staying, other = _staying(samples)
    hot_full = per_day / 24 * _HOT_HOURS * _hot_per_point(samples)
    return Growth(
        points_per_day=per_day,
        sealed_per_point=sealed,
        staying_per_point=staying,
        other_per_day=other,
        hot_bytes_to_come=0.0 if recent else max(hot_full - hot_now, 0.0),
        kept_share=_kept_share(sql),
        measured=bool(points),
    )


def _rate(
    sql: sqlite3.Connection, now_ms: int, recent: list[SegmentAbout]
) -> tuple[float | None, float]:
    """Points per second over the last day, None below an hour; and bytes of hot points."""
    first, last, hot = sql.execute(
        "SELECT min(wall_ms), max(wall_ms), coalesce(sum(count), 0) FROM batch"
        " WHERE number>(SELECT coalesce(max(to_batch), 0) FROM segment)"
    ).fetchone()
    begins = [a.first_wall_ms for a in recent] + ([first] if first is not None else [])
    if not begins:
        return None, 0.0
    end = max(now_ms, last or 0)
    begin = max(min(begins), end - _LOOKED_BACK_MS - HOUR_MS)
    span_s = (end - begin) / 1000
    points = hot + sum(a.points for a in recent)
    return (points / span_s if span_s >= 3_600 else None), hot * 25.0


def _hot_per_point(samples: list[Sample]) -> float:
    hot = [s for s in samples if s.hot_points > 1_000]
    return hot[-1].hot_bytes / hot[-1].hot_points if hot else 28.0


def _staying(samples: list[Sample]) -> tuple[float, float]:
    """(bytes a point leaves in history.db for good, bytes a day adds elsewhere)"""
    if len(samples) < 2:
        return _UNMEASURED_STAYING, 0.0
    last = samples[-1]
    first = next((s for s in samples if last.wall_ms - s.wall_ms <= 7 * DAY_MS), samples[0])
    if first is last:
        first = samples[-2]
    points, span = last.points - first.points, last.wall_ms - first.wall_ms
    grown = (last.history_bytes - last.hot_bytes) - (first.history_bytes - first.hot_bytes)
    staying = max(grown / points, 0.0) if points > 0 else _UNMEASURED_STAYING
    other = (last.other_bytes - first.other_bytes) / span * DAY_MS if span > HOUR_MS else 0.0
    return staying, max(other, 0.0)


def _kept_share(sql: sqlite3.Connection) -> float:
    points = kept = 0
    for about in catalogue.rows(sql, "state IN ('expired', 'thinned')")[-200:]:
        with contextlib.suppress(msgspec.MsgspecError):
            note = msgspec.msgpack.decode(about.note, type=catalogue.ExpiryNote)
            points, kept = points + note.points, kept + about.points
    return kept / points if points else 0.0


def days_left(
    sql: sqlite3.Connection, growth: Growth, policy: Retention, free_bytes: float, now_ms: int
) -> float | None:
    """Days until the disk is full; None when it is not within ten years."""
    if growth.points_per_day <= 0 and growth.other_per_day <= 0:
        return None
    days = np.arange(1, HORIZON_DAYS + 1, dtype=np.float64)
    raw_day = growth.points_per_day * growth.sealed_per_point
    kept_day = raw_day * growth.kept_share
    staying_day = growth.points_per_day * growth.staying_per_point
    raw = raw_day * _window(days, policy.raw_days)
    if policy.raw_days:
        gone = np.maximum(days - policy.raw_days, 0.0)
        room = policy.rollup_days - policy.raw_days if policy.rollup_days else 0
        raw += kept_day * (np.minimum(gone, room) if policy.rollup_days else gone)
    added = (
        raw
        + staying_day * _window(days, policy.rollup_days)
        + growth.other_per_day * days
        + growth.hot_bytes_to_come
        - _released(sql, policy, growth, days, now_ms)
    )
    over = np.flatnonzero(added >= free_bytes)
    if not over.shape[0]:
        return None
    at = int(over[0])
    before = float(added[at - 1]) if at else 0.0
    share = (free_bytes - before) / max(float(added[at]) - before, 1e-9)
    return float(max(at + min(max(share, 0.0), 1.0), 0.0))


class DiskUse(Struct, frozen=True):
    """Figures of a project's history."""

    retention: Retention
    growth: Growth
    points: int
    expired_points: int
    segments: int
    sealed_points: int
    sealed_bytes: int
    history_bytes: int
    days_left: float | None


def disk_use(
    sql: sqlite3.Connection,
    retention: Retention,
    folder: Path,
    now_ms: int,
    points_per_s: float,
    free_bytes: float,
) -> DiskUse:
    """All of it at once, out of one look at the files."""
    growth = measure(sql, now_ms, points_per_s)
    segments = catalogue.rows(sql, "state IN ('sealed', 'thinned')")
    hot = sql.execute(
        "SELECT coalesce(sum(count), 0) FROM batch"
        " WHERE number>(SELECT coalesce(max(to_batch), 0) FROM segment)"
    ).fetchone()[0]
    sealed = sum(a.points for a in segments)
    return DiskUse(
        retention=retention,
        growth=growth,
        points=sealed + int(hot),
        expired_points=_expired_points(sql),
        segments=len(segments),
        sealed_points=sealed,
        sealed_bytes=sum(a.size for a in segments),
        history_bytes=(folder / HISTORY).stat().st_size,
        days_left=days_left(sql, growth, retention, free_bytes, now_ms),
    )


def _window(days: Array, limit: int) -> Array:
    """Days of data that are there after so many days of recording."""
    return np.minimum(days, limit) if limit else days


def _released(
    sql: sqlite3.Connection, policy: Retention, growth: Growth, days: Array, now_ms: int
) -> Array:
    """Bytes of what lies there now that will have gone after so many days."""
    gone = np.zeros(days.shape[0])
    if not policy.raw_days:
        return gone
    for about in catalogue.rows(sql, "state='sealed' AND bytes>0"):
        due = (about.last_wall_ms - now_ms) / DAY_MS + policy.raw_days
        gone[days >= due] += about.size * (1 - growth.kept_share)
        if policy.rollup_days:
            end = due + policy.rollup_days - policy.raw_days
            gone[days >= end] += about.size * growth.kept_share
    # cells that go leave free pages in history.db, which the new ones fill
    if policy.rollup_days:
        for about in catalogue.rows(sql, "state<>'merged' AND state<>'expired'"):
            due = (about.last_wall_ms - now_ms) / DAY_MS + policy.rollup_days
            gone[days >= due] += about.points * growth.staying_per_point
    return gone
