"""What a field kit takes of a store: chosen points with where they were first recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from lamplighter.domain.exchange import StoredBatch
from lamplighter.domain.observation import Origin
from lamplighter.store.replay import RecordedBatch, recorded

if TYPE_CHECKING:
    from lamplighter.store.store import Store


def carried(
    store: Store,
    streams: frozenset[int] | None,
    from_ms: int,
    to_ms: int,
    last: int,
    *,
    own: bool = False,
) -> Iterator[tuple[StoredBatch, tuple[Origin, ...]]]:
    """Batches up to `last` in recorded order, cut to points of `streams` (None: all) with times in
    [from_ms, to_ms), each with one origin per message. `own`: only what this store recorded.

    Messages of which nothing is left are left out; damaged batches hold what could be read.
    """
    sql = store.history_sql
    wanted = None if streams is None else np.array(sorted(streams), np.int64)
    for batch in recorded(sql, 0, last, from_ms=from_ms, to_ms=to_ms):
        if not len(batch.points):
            continue
        rows = sql.execute(
            "SELECT first, last, store, origin_batch, origin_wall_ms FROM origin WHERE batch=?",
            (batch.number,),
        ).fetchall()
        made = _cut(batch, _origins(batch, store.store_id, rows), wanted, from_ms, to_ms,
                    store.store_id if own else "")  # fmt: skip
        if made is not None:
            yield made


def _origins(
    batch: RecordedBatch, here: str, rows: list[tuple[int, int, str, int, int]]
) -> list[Origin]:
    first = Origin(here, batch.number, batch.wall_ms)
    if batch.origin_store is not None:
        first = Origin(
            batch.origin_store, batch.origin_batch or 0, batch.origin_wall_ms or batch.wall_ms
        )
    found = [first] * len(batch.messages)
    for low, high, store, number, wall_ms in rows:
        for at in range(low, min(high + 1, len(found))):
            found[at] = Origin(store, number, wall_ms)
    return found


def _cut(
    batch: RecordedBatch,
    origins: list[Origin],
    streams: np.ndarray | None,
    from_ms: int,
    to_ms: int,
    own: str,
) -> tuple[StoredBatch, tuple[Origin, ...]] | None:
    points = batch.points
    keep = (points.time_ms >= from_ms) & (points.time_ms < to_ms)
    if streams is not None:
        keep &= np.isin(points.datastream, streams)
    if own:
        keep &= np.array([o.store == own for o in origins], bool)[points.message]
    if not keep.any():
        return None
    points = points.take(keep)
    used, place = np.unique(points.message, return_inverse=True)
    points.message[:] = place.astype(np.int32).reshape(-1)
    counts = np.bincount(points.message, minlength=len(used)).tolist()
    messages = tuple(
        replace(batch.messages[i], points=n) for i, n in zip(used.tolist(), counts, strict=True)
    )
    cut = StoredBatch(batch.number, batch.wall_ms, messages, points, damaged=batch.damaged)
    return cut, tuple(origins[i] for i in used.tolist())
