"""Every stored observation as rows, batch by batch, so that memory stays small."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from lamplighter.domain.problems import fault
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.store.batches import read_points
from lamplighter.store.commit import MESSAGES_PER_BATCH

_WORDS = [Quality(q & CLASS_MASK).word for q in range(256)]


class ObservationRow(NamedTuple):
    """One row of the export; `value` is text where the datastream has states."""

    source: str
    epoch: int
    seq: int
    n: int
    datastream: str
    phenomenon_time_ms: int
    recorded_time_ms: int
    value: float | str
    quality: str


def export_rows(
    sql: sqlite3.Connection, from_ms: int | None, to_ms: int | None
) -> Iterator[ObservationRow]:
    """See `Store.export_rows`. Raises A-402 at the end when batches had to be left out."""
    low = -(1 << 62) if from_ms is None else from_ms
    high = 1 << 62 if to_ms is None else to_ms
    sources = dict(sql.execute("SELECT id, name FROM source").fetchall())
    names = dict(sql.execute("SELECT id, name FROM datastream").fetchall())
    words = {
        (stream, code): text
        for stream, code, text in sql.execute("SELECT datastream, code, text FROM state_word")
    }
    textual = {stream for stream, _ in words}
    heads = sql.execute(
        "SELECT number, wall_ms FROM batch WHERE count>0 AND last_ms>=? AND first_ms<?"
        " ORDER BY number",
        (low, high),
    ).fetchall()
    damaged: list[int] = []
    for number, wall_ms in heads:
        try:
            points = read_points(sql, number)
        except ValueError:
            damaged.append(number)
            continue
        if points is None:
            continue
        base = number * MESSAGES_PER_BATCH
        keys = sql.execute(
            "SELECT source, epoch, seq FROM message WHERE id>=? AND id<? ORDER BY id",
            (base, base + MESSAGES_PER_BATCH),
        ).fetchall()
        for stream, time_ms, value, quality, message, place in zip(
            points.datastream.tolist(),
            points.time_ms.tolist(),
            points.value.tolist(),
            points.quality.tolist(),
            points.message.tolist(),
            points.place.tolist(),
            strict=True,
        ):
            if not low <= time_ms < high:
                continue
            source, epoch, seq = keys[message]
            shown = words.get((stream, int(value)), value) if stream in textual else value
            yield ObservationRow(
                sources[source], epoch, seq, place, names[stream], time_ms, wall_ms, shown,
                _WORDS[quality],
            )  # fmt: skip
    if damaged:
        raise fault("A-402", what=f"{len(damaged)} batches, the first is {damaged[0]}")
