"""Reads one datastream's years back out of the historian: points, or cells when they are many."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.exchange.link import HistorianConfig, connect, historian_id, refused, watched

ANSWER_S: Final = 20.0
_FIND: Final = """
SELECT d.id, d.text FROM lamplighter.datastream d JOIN lamplighter.source s ON s.id = d.source
WHERE s.name = %s AND d.name = %s ORDER BY d.text"""
_EXTENT: Final = """
SELECT count(*), min(time_ms), max(time_ms) FROM lamplighter.observation
WHERE datastream = %s AND time_ms >= %s AND time_ms < %s"""
_POINTS: Final = """
SELECT time_ms, value, quality FROM lamplighter.observation
WHERE datastream = %s AND time_ms >= %s AND time_ms < %s ORDER BY time_ms, epoch, seq, n"""
_NEWEST: Final = """
SELECT * FROM (SELECT time_ms, value, quality, epoch, seq, n FROM lamplighter.observation
    WHERE datastream = %s AND time_ms >= %s AND time_ms < %s ORDER BY time_ms DESC LIMIT %s) q
ORDER BY time_ms, epoch, seq, n"""
_CELLS: Final = """
SELECT min(time_ms), avg(value), max(quality & 3), min(value), max(value)
FROM lamplighter.observation WHERE datastream = %s AND time_ms >= %s AND time_ms < %s
    AND value <> 'NaN'
GROUP BY (time_ms - %s) / %s ORDER BY 1"""
_MOST_MS: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class OlderSeries:
    """Columns of equal length; reduced: `low`/`high` hold each cell's extremes. `words`: texts of
    a text datastream's values by the code that stands in `value`.
    """

    time_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    reduced: bool
    words: dict[int, str]


def read_older(
    config: HistorianConfig,
    password: str,
    source: str,
    name: str,
    from_ms: int,
    to_ms: int,
    points: int,
) -> OlderSeries | None:
    """One datastream in [from_ms, to_ms); None when the historian has nothing of it.

    Raises LamplighterError (N-330).
    """
    import psycopg

    with contextlib.closing(connect(config, password)) as sql:
        try:
            with watched(sql, ANSWER_S):
                historian_id(sql, config)
                return _read(sql, source, name, from_ms, to_ms, max(points, 1))
        except (psycopg.Error, OSError) as error:
            raise refused(config, error, password) from None


def _read(
    sql: Any, source: str, name: str, from_ms: int, to_ms: int, points: int
) -> OlderSeries | None:
    span = (max(from_ms, -_MOST_MS), min(to_ms, _MOST_MS))
    for number, text in sql.execute(_FIND, (source, name)).fetchall():
        count, first, last = sql.execute(_EXTENT, (number, *span)).fetchone()
        if not count:
            continue
        words = _words(sql, number) if text else {}
        if text and count > points:  # words have no mean: the newest of them are shown
            rows = sql.execute(_NEWEST, (number, *span, points)).fetchall()
            return _series([(t, v, q, v, v) for t, v, q, *_ in rows], False, words)
        if count <= points:
            rows = sql.execute(_POINTS, (number, *span)).fetchall()
            return _series([(t, v, q, v, v) for t, v, q in rows], False, words)
        width = max(-(-(last - first + 1) // points), 1)
        rows = sql.execute(_CELLS, (number, *span, first, width)).fetchall()
        return _series(rows, True, words)
    return None


def _words(sql: Any, number: int) -> dict[int, str]:
    return dict(
        sql.execute(
            "SELECT code, text FROM lamplighter.word WHERE datastream = %s", (number,)
        ).fetchall()
    )


def _series(rows: list[tuple[Any, ...]], reduced: bool, words: dict[int, str]) -> OlderSeries:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return OlderSeries(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.float64),
        np.array(columns[2], np.int64).astype(np.uint8),
        np.array(columns[3], np.float64),
        np.array(columns[4], np.float64),
        reduced,
        words,
    )
