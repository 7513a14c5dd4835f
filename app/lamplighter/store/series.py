"""The history of one datastream over any span, by reading a few thousand cells at most."""

from __future__ import annotations

import sqlite3

import numpy as np

from lamplighter.domain.wire import Series
from lamplighter.store import batches
from lamplighter.store.batches import DecodedBatches


def read_series(
    sql: sqlite3.Connection,
    decoded: DecodedBatches,
    datastream: int,
    from_ms: int,
    to_ms: int,
    points: int,
    as_known_at_ms: int | None,
) -> Series:
    until = (
        batches.last_number(sql)
        if as_known_at_ms is None
        else batches.known_at(sql, as_known_at_ms)
    )
    times, values, marks = [], [], []
    for part in decoded.get(sql, batches.overlapping(sql, from_ms, to_ms, 0, until)):
        chosen = (
            (part.datastream == datastream) & (part.time_ms >= from_ms) & (part.time_ms < to_ms)
        )
        times.append(part.time_ms[chosen])
        values.append(part.value[chosen])
        marks.append(part.quality[chosen])
    if not times:
        nothing = np.empty(0, np.float64)
        return Series(
            datastream, np.empty(0, np.int64), nothing, np.empty(0, np.uint8), nothing, nothing,
            False, (),
        )  # fmt: skip
    time_ms, value = np.concatenate(times), np.concatenate(values)
    quality = np.concatenate(marks)
    order = np.argsort(time_ms, kind="stable")
    time_ms, value, quality = time_ms[order], value[order], quality[order]
    return Series(datastream, time_ms, value, quality, value, value, False, ())
