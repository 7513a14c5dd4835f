"""Every stored observation as rows, batch by batch, so that memory stays small."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from lamplighter.domain.problems import LEFT_DAMAGED, fault
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.store.batches import last_number
from lamplighter.store.replay import recorded

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
    end = last_number(sql)
    sources = dict(sql.execute("SELECT id, name FROM source").fetchall())
    names = dict(sql.execute("SELECT id, name FROM datastream").fetchall())
    words = {
        (stream, code): text
        for stream, code, text in sql.execute("SELECT datastream, code, text FROM state_word")
    }
    textual = {stream for stream, _ in words}
    damaged: list[int] = []
    for batch in recorded(sql, 0, end, from_ms=low, to_ms=high):
        if batch.damaged:
            damaged.append(batch.number)
        points, messages = batch.points, batch.messages
        if len(points) and int(points.message.max()) >= len(messages):
            damaged.append(batch.number)  # the points are there, whose they are is not
            continue
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
            key = messages[message]
            shown: float | str = value
            if stream in textual and value == value:  # a word that found no room is no number
                shown = words.get((stream, int(value)), value)
            yield ObservationRow(
                sources[key.source], key.epoch, key.seq, place, names[stream], time_ms,
                batch.wall_ms, shown, _WORDS[quality],
            )  # fmt: skip
    if damaged:
        raise fault(
            "A-402",
            what=f"{len(damaged)} batches, the first is {damaged[0]}",
            still=LEFT_DAMAGED,
        )
