"""What lies in a project's folder by kind, and what a rule of retention would take from it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from lamplighter.domain.retention import Retention
from lamplighter.store import catalogue
from lamplighter.store.catalogue import DAY_MS
from lamplighter.store.growth import days_left, measure, take_sample

MOST_FILES: Final = 20_000
"""a folder with more is not counted to its end"""
_ASIDE: Final = ".damaged-"


class Part(Struct, frozen=True):
    """`kind`: hot, sealed, rollups, spare, city, media, cache or aside."""

    kind: str
    bytes: int
    files: int = 0
    whole: bool = True


class Preview(Struct, frozen=True):
    """What a rule would take away at once."""

    points: int
    segments: int
    bytes: int
    until_ms: int
    rollup_points: int
    days_left: float | None


def parts_of(sql: sqlite3.Connection, folder: Path, now_ms: int) -> list[Part]:
    """Sizes of everything in the folder. Hot points and rollups share history.db: how much of it
    the hot ones take is an estimate from their newest batches.
    """
    sample = take_sample(sql, folder, now_ms)
    hot = min(sample.hot_bytes, sample.history_bytes)
    page = int(sql.execute("PRAGMA page_size").fetchone()[0])
    spare = int(sql.execute("PRAGMA freelist_count").fetchone()[0]) * page
    # what the log holds already counts as pages; a log that is larger than its news is room too
    files = sum(_size(folder / f"history.db{end}") for end in ("", "-wal"))
    log = max(0, files - sample.history_bytes - spare)
    names = ("city.db", "audit.db")
    city = sum(_size(folder / f"{name}{end}") for name in names for end in ("", "-wal", "-shm"))
    return [
        Part("hot", hot),
        _walked("sealed", folder / "segments"),
        Part("rollups", sample.history_bytes - hot),
        Part("spare", spare + log),
        Part("city", city),
        _walked("media", folder / "media"),
        _walked("cache", folder / "cache"),
        *_aside(folder),
    ]


def preview(
    sql: sqlite3.Connection, rule: Retention, now_ms: int, points_per_s: float, free_bytes: float
) -> Preview:
    """What `retention.expire` would take away if it ran with this rule now."""
    going = []
    if rule.raw_days:
        before = now_ms - rule.raw_days * DAY_MS
        going = catalogue.aged(sql, "'sealed'", before, now_ms)
    ends = 0
    if rule.rollup_days:
        before = now_ms - rule.rollup_days * DAY_MS
        old = catalogue.aged(sql, "'sealed', 'thinned'", before, now_ms)
        ends = sum(a.points for a in old)
    return Preview(
        points=sum(a.points for a in going),
        segments=len(going),
        bytes=sum(a.size for a in going),
        until_ms=max((a.last_wall_ms for a in going), default=0),
        rollup_points=ends,
        days_left=days_left(sql, measure(sql, now_ms, points_per_s), rule, free_bytes, now_ms),
    )


def _walked(kind: str, folder: Path) -> Part:
    size = files = 0
    for here, _, names in os.walk(folder):
        for name in names:
            size += _size(Path(here, name))
            files += 1
            if files >= MOST_FILES:
                return Part(kind, size, files, False)
    return Part(kind, size, files)


def _aside(folder: Path) -> list[Part]:
    """Databases that were set aside as damaged, when there are any."""
    sizes = [_size(file) for file in folder.iterdir() if _ASIDE in file.name]
    return [Part("aside", sum(sizes), len(sizes))] if sizes else []


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
