"""The past comes in: recorded observations, failures and work orders from CSV files.

Recorded time is now, so nobody can take it for something known at the time. Rows go in by
messages of a source of their own, keyed by the file's content: importing the same file again, or
after a kill, stores nothing twice.
"""

from __future__ import annotations

import csv
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.domain.clock import SystemClock, parse_time
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.observation import Batch, Committed, MessageRecord, PointColumns
from lamplighter.domain.problems import fault
from lamplighter.domain.quality import QualityMark
from lamplighter.runtime.fleet_past import SIMULATED
from lamplighter.runtime.project import opened
from lamplighter.store import Store, WriteAccess

Say = Callable[[str], None]
CHUNK: Final = 5_000
HISTORY: Final = "history.csv"
FAILURES: Final = "failures.csv"
ORDERS: Final = "work_orders.csv"


def import_past(project: Path, folder: Path, *, simulated: bool, say: Say) -> dict[str, Any]:
    """Take in a folder with `history.csv`, `failures.csv` and `work_orders.csv`.

    Returns counts: `points`, `unknown` (rows of datastreams the project does not have),
    `duplicate`, `failures`, `orders`. Raises LamplighterError (I-507).
    """
    try:
        with opened(project, write=True) as store:
            counts = _observations(store, folder / HISTORY)
            orders = [*_failures(folder / FAILURES), *_orders(folder / ORDERS)]

            def put(access: WriteAccess) -> None:
                for order in orders:
                    access.put_work_order(order)
                access.put_setting(SIMULATED, "yes" if simulated else "no")

            store.writer.call(put).result()
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise fault("I-507", name=str(folder), what=_why(error)) from None
    failures = sum(o.origin == "failure" for o in orders)
    say(
        f"the past: {counts['points']} points, {failures} failures, {len(orders) - failures} orders"
    )
    return counts | {"failures": failures, "orders": len(orders) - failures}


def _why(error: Exception) -> str:
    """What is wrong with which file, in plain words."""
    if isinstance(error, OSError):
        name = Path(str(error.filename)).name if error.filename else ""
        return f"{name}: {error.strerror or error}".removeprefix(": ")
    if isinstance(error, KeyError):
        return f"there is no column {error}"
    return str(error)


def _observations(store: Store, file: Path) -> dict[str, int]:
    streams = {(d.source, d.name): d.id for d in store.datastreams()}
    sources = {name: number for number, name in store.sources().items()}
    digest = hashlib.blake2b(file.read_bytes(), digest_size=6).digest()
    name = f"recording {file.stem}"
    source = sources.get(name, max(store.sources(), default=-1) + 1)
    new = () if name in sources else ((source, name),)
    counts = {"points": 0, "unknown": 0, "duplicate": 0}
    done = threading.Semaphore(0)
    failed: list[BaseException] = []

    def end(outcome: Committed | BaseException) -> None:
        if isinstance(outcome, BaseException):
            failed.append(outcome)
        else:
            counts["points"] += sum(a.stored for _, a in outcome.accounts)
            counts["duplicate"] += sum(a.duplicate for _, a in outcome.accounts)
        done.release()

    sent = 0
    for seq, (ids, times, values) in enumerate(_chunks(file, streams, counts)):
        batch = _batch(source, int.from_bytes(digest, "big"), seq, ids, times, values, new)
        store.writer.submit(batch, end)
        new, sent = (), sent + 1
    for _ in range(sent):
        done.acquire()
    if failed:
        raise failed[0]
    return counts


def _chunks(
    file: Path, streams: dict[tuple[str, str], int], counts: dict[str, int]
) -> Iterator[tuple[list[int], list[int], list[float]]]:
    ids: list[int] = []
    times: list[int] = []
    values: list[float] = []
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            stream = streams.get((row["source"], row["datastream"]))
            if stream is None:
                counts["unknown"] += 1
                continue
            ids.append(stream)
            times.append(int(row["phenomenon_time_ms"]))
            values.append(float(row["value"]))
            if len(ids) == CHUNK:
                yield ids, times, values
                ids, times, values = [], [], []
    if ids:
        yield ids, times, values


def _batch(
    source: int,
    epoch: int,
    seq: int,
    ids: list[int],
    times: list[int],
    values: list[float],
    new: tuple[tuple[int, str], ...],
) -> Batch:
    count = len(ids)
    points = PointColumns(
        np.array(ids, np.int32),
        np.array(times, np.int64),
        np.array(values, np.float64),
        np.full(count, int(QualityMark.HISTORICAL), np.uint8),
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int32),
    )
    body = points.datastream.tobytes() + points.time_ms.tobytes() + points.value.tobytes()
    hash64 = int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big", signed=True)
    received = SystemClock().wall_ms()
    return Batch(
        (MessageRecord(source, epoch, seq, hash64, received, count),), points, new_sources=new
    )


def _failures(file: Path) -> Iterator[WorkOrder]:
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            when = parse_time(row["time_ms"])
            yield WorkOrder(
                id=f"F-{row['asset']}-{when}",
                asset=row["asset"],
                title=row.get("note") or f"Failure: {row['mode']}",
                state="done",
                created_ms=when,
                closed_ms=when,
                origin="failure",
                finding=f"failed: {row['mode']}",
            )


def _orders(file: Path) -> Iterator[WorkOrder]:
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            yield WorkOrder(
                id=row["id"],
                asset=row["asset"],
                title=row["title"],
                state=row["state"],
                created_ms=parse_time(row["created_ms"]),
                due_ms=parse_time(row["due_ms"]) if row.get("due_ms") else 0,
                closed_ms=parse_time(row["closed_ms"]) if row.get("closed_ms") else 0,
                origin=row.get("origin") or "hand",
                finding=row.get("finding", ""),
            )
