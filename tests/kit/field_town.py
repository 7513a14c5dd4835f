"""A small town with orders, readings and a photo, for tests of the field kit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.edits import Edit, Value
from lamplighter.domain.exchange import NamedStream, ReceivedChunk, ReceivedPoints
from lamplighter.domain.maintenance import Step, WorkOrder
from lamplighter.domain.observation import MessageRecord
from lamplighter.runtime import project as projects
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.intake import StoreDoor
from lamplighter.store import Store, WriteAccess

DAY_MS = 86_400_000
PHOTO = b"\xff\xd8\xff\xe0 a photo of a pump"
PHOTO_NAME = hashlib.sha256(PHOTO).hexdigest() + ".jpg"


def asset(n: int) -> Asset:
    """A-0, A-1 ... along a street, a hundredth of a degree apart."""
    return Asset(
        f"A-{n}", "Pump", f"Pump {n}", "water", lon=10.0 + n / 100, lat=53.5, x=n * 660.0, y=0.0
    )


def chunk(source: str, epoch: int, seq: int, rows: Sequence[tuple[str, int, float]]) -> Any:
    """One message with these points."""
    names = sorted({r[0] for r in rows})
    n = len(rows)
    body = hashlib.blake2b(msgspec.json.encode((source, epoch, seq, rows)), digest_size=8)
    record = MessageRecord(
        0, epoch, seq, int.from_bytes(body.digest(), "big", signed=True), rows[0][1], n
    )
    return ReceivedChunk(
        tuple(NamedStream(source, name, False) for name in names),
        (),
        (source,),
        (record,),
        ReceivedPoints(
            np.array([names.index(r[0]) for r in rows], np.int32),
            np.array([r[1] for r in rows], np.int64),
            np.array([r[2] for r in rows], np.float64),
            np.zeros(n, np.uint8),
            np.zeros(n, np.int32),
            np.arange(n, dtype=np.int32),
        ),
    )


def orders(count: int) -> list[WorkOrder]:
    """WO-0 ... on A-0 ..."""
    steps = (Step("a", "isolate"), Step("b", "read the pressure", reads=True, unit="bar"))
    return [
        WorkOrder(f"WO-{n}", f"A-{n}", f"Look at pump {n}", created_ms=1000 + n, steps=steps)
        for n in range(count)
    ]


def town(folder: Path, assets: int = 4, messages: int = 5, photo: bool = True) -> Path:
    """A project with `assets` pumps, an order and a datastream on each, and a photo of A-0."""
    projects.create(folder, name="Office")
    with projects.opened(folder, write=True) as store:
        now = SystemClock().wall_ms()
        door = StoreDoor(store)
        for seq in range(messages):
            rows = [(f"p{n}", now - 60_000 * (messages - seq), n + seq / 8) for n in range(assets)]
            door.take(chunk("plc", 7, seq, rows))

        def put(access: WriteAccess) -> None:
            access.put_assets(asset(n) for n in range(assets))
            access.put_edges(
                Edge(f"A-{n}", "feeds", f"A-{n + 1}", "water") for n in range(assets - 1)
            )
            access.put_datastream_meta(
                Datastream(0, "plc", f"p{n}", "bar", "pressure", f"A-{n}") for n in range(assets)
            )
            for order in orders(assets):
                access.put_work_order(order)
            access.put_setting("past.simulated", "yes")
            access.put_setting("command.counter", "7")

        store.writer.call(put).result(30)
        if photo:
            (folder / "media" / PHOTO_NAME).write_bytes(PHOTO)
            desk = EditDesk(store, author="ann", now_ms=lambda: now)
            desk.change("attachment/ph", {"asset": "A-0", "file": PHOTO_NAME, "caption": "leak"})
    return folder


@contextmanager
def desk_of(
    folder: Path, who: str = "ann", now_ms: int | None = None
) -> Iterator[tuple[Store, EditDesk]]:
    """The project opened for writing, with the desk of its edits."""
    with projects.opened(folder, write=True) as store:
        yield (
            store,
            EditDesk(
                store,
                author=who,
                now_ms=(lambda: now_ms) if now_ms is not None else SystemClock().wall_ms,
            ),
        )


def change(folder: Path, object: str, changes: Mapping[str, Value], who: str = "ann") -> list[Edit]:
    """Set fields of a record in a project nobody records."""
    with desk_of(folder, who) as (_, desk):
        return desk.change(object, changes, reason=f"{who} says so")


def records(folder: Path) -> dict[str, dict[str, Value]]:
    """What every record says."""
    with projects.opened(folder) as store:
        desk = EditDesk(store, author="", now_ms=lambda: 0)
        return {o: desk.edits.record(o) for o in desk.edits.objects()}
