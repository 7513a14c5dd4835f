"""Small stores with known points, and the exchange of one with a historian, for tests."""

from __future__ import annotations

import dataclasses
import queue
from pathlib import Path

import msgspec
import numpy as np

from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.observation import (
    Batch,
    Committed,
    MessageRecord,
    NewDatastream,
    NewState,
    PointColumns,
)
from lamplighter.exchange import Exchanger, HistorianConfig
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.intake import StoreDoor
from lamplighter.runtime.received_edits import taker_alone
from lamplighter.store import OutgoingStore, Store
from tests.kit.clocks import FakeClock

BEGIN_MS = 1_795_305_600_000


def batch(
    source: str,
    epoch: int,
    first_seq: int,
    *,
    number: int = 0,
    messages: int = 4,
    points: int = 5,
    streams: int = 3,
    fresh: bool = False,
    words: bool = False,
) -> Batch:
    """`messages` messages of `points` points; every value follows from its place alone.

    `number`: the source's number in the store; `words`: the last datastream has text states.
    """
    count = messages * points
    at = np.arange(count)
    seq = first_seq + at // points
    stream = (at % streams).astype(np.int32) + number * streams
    value = np.round(epoch % 97 + seq * 0.25 + at % points, 3)
    if words:
        value = np.where(at % streams == streams - 1, seq % 2, value)
    made = PointColumns(
        stream,
        BEGIN_MS + seq * 1000 + at % points,
        value.astype(np.float64),
        (at % 3 == 2).astype(np.uint8),
        (at // points).astype(np.int32),
        (at % points).astype(np.int32),
    )
    records = tuple(
        MessageRecord(
            number, epoch, first_seq + i, hash_of(epoch, first_seq + i), BEGIN_MS, points, i
        )
        for i in range(messages)
    )
    names = [f"d{i}" for i in range(streams)]
    new = tuple(
        NewDatastream(number * streams + i, number, n, words and i == streams - 1, "bar")
        for i, n in enumerate(names)
    )
    states = tuple(
        NewState(number * streams + streams - 1, i, text) for i, text in enumerate(("on", "off"))
    )
    return Batch(
        records,
        made,
        new_sources=((number, source),) if fresh else (),
        new_datastreams=new if fresh else (),
        new_states=states if fresh and words else (),
    )


def hash_of(epoch: int, seq: int) -> int:
    """Stands for the hash of the message's body: the same at every console that heard it."""
    return (epoch * 1_000_003 + seq * 7_919) % (1 << 62)


def swapped(batch: Batch) -> Batch:
    """The same message with the two words in the other order of discovery."""
    states = tuple(msgspec.structs.replace(s, code=1 - s.code) for s in batch.new_states)
    stream = batch.new_states[0].datastream if batch.new_states else 2
    value = batch.points.value.copy()
    rows = batch.points.datastream == stream
    value[rows] = 1 - value[rows]
    return dataclasses.replace(
        batch, new_states=states, points=dataclasses.replace(batch.points, value=value)
    )


class Console:
    """A store of its own that exchanges with a historian."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock = clock or FakeClock(BEGIN_MS)
        if not folder.exists():
            Store.create(folder, name=folder.name, clock=self.clock)
        self.store = Store.open(folder, write=True, clock=self.clock)
        self.folder = folder

    def put(self, *batches: Batch) -> None:
        """Store them durably."""
        done: queue.Queue[Committed | BaseException] = queue.Queue()
        for one in batches:
            self.store.writer.submit(one, done.put)
        for _ in batches:
            outcome = done.get(timeout=60)
            if isinstance(outcome, BaseException):
                raise outcome

    def exchanger(self, url: str) -> Exchanger:
        return Exchanger(
            HistorianConfig(url), self.folder, OutgoingStore(self.store),
            StoreDoor(self.store), SystemClock(), edits=taker_alone(self.store),
        )  # fmt: skip

    def desk(self) -> EditDesk:
        """The records that people edit here, as they are stored now."""
        return EditDesk(self.store, author=self.folder.name, now_ms=self.clock.wall_ms)

    def rows(self) -> set[tuple[object, ...]]:
        """Everything stored, by names: (source, epoch, seq, n, datastream, time, value)."""
        return {
            (r.source, r.epoch, r.seq, r.n, r.datastream, r.phenomenon_time_ms, r.value, r.quality)
            for r in self.store.export_rows()
        }

    def close(self) -> None:
        self.store.close()


QUERY = """
SELECT m.name, o.epoch, o.seq, o.n, d.name, o.time_ms,
    coalesce(to_jsonb(w.text), to_jsonb(o.value)),
    (ARRAY['good', 'uncertain', 'bad', 'stale'])[(o.quality & 3) + 1]
FROM lamplighter.observation o
JOIN lamplighter.source m ON m.id = o.source
JOIN lamplighter.datastream d ON d.id = o.datastream
LEFT JOIN lamplighter.word w ON d.text AND w.code = o.value::integer
"""
"""every row of the historian as `Console.rows` gives it, written without the product's code"""
