"""Small batches by hand and a store that answers at once, for the tests of the store."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tests.kit.clocks import FakeClock

from lamplighter.domain.observation import (
    Batch,
    Committed,
    MessageRecord,
    NewDatastream,
    PointColumns,
)
from lamplighter.store import Store

EPOCH = 7213


def columns(rows: Iterable[Sequence[float]]) -> PointColumns:
    """(datastream, time_ms, value[, quality[, message[, place]]])"""
    full = [tuple(r) + (0,) * (5 - len(r)) if len(r) < 5 else tuple(r) for r in rows]
    message = [int(r[4]) for r in full]
    seen: dict[int, int] = {}
    place = []
    for row, m in zip(full, message, strict=True):
        place.append(int(row[5]) if len(row) > 5 else seen.get(m, 0))
        seen[m] = seen.get(m, 0) + 1
    return PointColumns(
        np.array([r[0] for r in full], np.int32),
        np.array([r[1] for r in full], np.int64),
        np.array([r[2] for r in full], np.float64),
        np.array([r[3] for r in full], np.uint8),
        np.array(message, np.int32),
        np.array(place, np.int32),
    )


def message(
    seq: int, points: int, *, source: int = 0, hash64: int | None = None, token: int = -1
) -> MessageRecord:
    return MessageRecord(
        source, EPOCH, seq, hash64 if hash64 is not None else seq * 7919 + source, 1, points, token
    )


def names(streams: int, source: int = 0) -> dict[str, object]:
    return {
        "new_sources": ((source, f"dev-{source}"),),
        "new_datastreams": tuple(NewDatastream(i, source, f"P-{i}") for i in range(streams)),
    }


def simple(seq: int, rows: Sequence[Sequence[float]], **more: object) -> Batch:
    """One message with all the rows."""
    return Batch((message(seq, len(rows), token=seq),), columns(rows), **more)  # type: ignore[arg-type]


class Bench:
    """A project on disk with a clock that stands still."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.clock = FakeClock()
        self.folder = folder / "city"
        Store.create(self.folder, name="Testville", clock=self.clock)
        self.store = Store.open(self.folder, write=True, clock=self.clock, **more)

    def commit(self, batch: Batch) -> Committed:
        done: queue.Queue[Committed | BaseException] = queue.Queue()
        self.store.writer.submit(batch, done.put)
        result = done.get(timeout=20)
        if isinstance(result, BaseException):
            raise result
        return result

    def reopen(self) -> Store:
        self.store.close()
        self.store = Store.open(self.folder, write=True, clock=self.clock)
        return self.store
