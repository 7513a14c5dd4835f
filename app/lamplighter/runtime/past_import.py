"""The past comes in through a mapping: observations, failures and work orders of any length.

Recorded time is now, so nobody can take it for something known at the time, and no alarm follows.
A file is cut into pieces that depend on nothing but the file and the mapping; each is one message
of the source `past/<hash of the file>`. A piece that is stored is stored once: after a kill the
same command goes on, and importing the same file again adds nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.domain.clock import Clock
from lamplighter.domain.exchange import ReceivedChunk, ReceivedPoints
from lamplighter.domain.importing import FileReport
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.observation import Committed, MessageRecord, Quarantined
from lamplighter.domain.order_rules import finding_said, state_said
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.pipeline import OWN_EXPORT, PastMapping, PastTable, read_past_mapping
from lamplighter.pipeline.past_columns import times
from lamplighter.pipeline.past_mapping import EXPORT_HEAD, digest_of
from lamplighter.pipeline.past_table import Aside, PastPoints, worded
from lamplighter.sources import PastFile, Piece
from lamplighter.store import Store

POINTS: Final = 10_000
"""points of one piece"""
WAITING: Final = 8
"""pieces that may wait for the disk"""
PATIENCE_S: Final = 600.0
SHOWN: Final = 20
"""rows set aside that the report names"""
MAX_BODY: Final = 4_000
Progress = Callable[[int, int, str], None]
"""done, total, text; may raise to end the import between two pieces"""


class Door(Protocol):
    def submit(
        self, chunk: ReceivedChunk, aside: tuple[Quarantined, ...] = ()
    ) -> Future[Committed]: ...


class PastCounts(Struct):
    """In points; `rows` counts lines. stored + duplicate + quarantined = points."""

    rows: int = 0
    points: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    empty: int = 0
    uncertain: int = 0
    failures: int = 0
    orders: int = 0
    from_ms: int = 0
    to_ms: int = 0
    """first and last moment that was taken"""

    def reach(self, first_ms: int, last_ms: int) -> None:
        """Something of this stretch was taken."""
        self.from_ms = min(self.from_ms or first_ms, first_ms)
        self.to_ms = max(self.to_ms or last_ms, last_ms)


def mapping_for(file: PastFile, text: str, name: str) -> PastMapping:
    """The given mapping, or the one for our own export. Raises LamplighterError (U-801)."""
    if text:
        return read_past_mapping(text, name)
    if set(EXPORT_HEAD) <= set(file.columns):
        return OWN_EXPORT
    raise fault("U-801", what=f"{file.file.name} needs a mapping (--map)", name="import")


class PastImport:
    """One file on its way into a project."""

    def __init__(self, store: Store, door: Door, clock: Clock) -> None:
        self._store = store
        self._door = door
        self._clock = clock
        self.counts = PastCounts()
        self._shown: list[str] = []
        self._named: set[str] = set()
        self._name = ""
        self._begun = time.monotonic()
        self._mapping = OWN_EXPORT

    def run(
        self, path: Path, mapping_text: str, name: str, *, again: bool, progress: Progress
    ) -> FileReport:
        """Raises LamplighterError: U-801 (mapping), I-507, I-503, I-510, I-522, A-401."""
        self._begun = time.monotonic()
        self._name = path.name
        first = read_past_mapping(mapping_text, name) if mapping_text else None
        file = PastFile(
            path,
            delimiter=first.delimiter if first else "",
            encoding=first.encoding if first else "utf-8",
        )
        mapping = self._mapping = first or mapping_for(file, "", name)
        if mapping.kind == "observations":
            self._observations(file, mapping, again, progress)
        else:
            self._orders(file, mapping, progress)
        return self.report(path)

    def report(self, path: Path) -> FileReport:
        """What was taken of the file until now."""
        mapping, seconds = self._mapping, time.monotonic() - self._begun
        counts = self.counts
        objects = {
            "Observation": counts.stored,
            "Failure": counts.failures,
            "WorkOrder": counts.orders,
        }
        warnings = list(self._shown)
        if counts.quarantined:
            warnings.insert(0, f"rows or values set aside in Quarantine: {counts.quarantined}")
        if counts.duplicate:
            warnings.append(f"points that were in already: {counts.duplicate}")
        if counts.uncertain:
            warnings.append(
                f"{counts.uncertain} points have a local time that happens twice or never when "
                "clocks change; they are marked 'time uncertain'"
            )
        if counts.empty:
            warnings.append(f"{counts.empty} empty cells are no points")
        if self._named:
            known = {a.id for a in self._store.assets()}
            if strange := sorted(self._named - known):
                warnings.append(
                    f"{len(strange)} of {len(self._named)} assets are not in this project (yet): "
                    + ", ".join(strange[:5])
                )
        return FileReport(
            file=str(path),
            format=f"past {mapping.kind}",
            objects={k: n for k, n in objects.items() if n},
            placed=counts.stored + counts.failures + counts.orders,
            warnings=warnings,
            seconds=round(seconds, 3),
            kind="past",
            already=bool(counts.duplicate) and not counts.stored,
            set_aside=counts.quarantined,
            from_ms=counts.from_ms,
            to_ms=counts.to_ms,
        )

    # ------------------------------------------------------------ observations
    def _observations(
        self, file: PastFile, mapping: PastMapping, again: bool, progress: Progress
    ) -> None:
        units = {(d.source, d.name): d.unit for d in self._store.datastreams() if d.unit}
        table = PastTable(mapping, file.columns, units)
        source = f"past/{file.hash.hex()[:16]}"
        stamp = hashlib.blake2b(file.hash + digest_of(mapping), digest_size=16).digest()
        epoch = int.from_bytes(stamp[:6], "big")
        held = self._held(source, epoch, again)
        waiting: deque[tuple[int, Future[Committed]]] = deque()
        rows = max(POINTS // table.points_per_row, 1)
        for seq, piece in enumerate(file.pieces(rows)):
            self.counts.rows += len(piece.rows) + len(piece.broken)
            points = table.read(piece.rows, piece.lines) if seq not in held else None
            if points is None:
                known = (len(piece.rows) + len(piece.broken)) * table.points_per_row
                self.counts.points += known
                self.counts.duplicate += known
            else:
                self._submit(waiting, source, epoch, seq, stamp, piece, points)
            self._settle(waiting, WAITING)
            try:
                progress(piece.done, file.total, f"{self.counts.rows:,} rows of {file.file.name}")
            except LamplighterError:  # it is to end here: what is on its way is counted still
                self._settle(waiting, 0)
                raise
        self._settle(waiting, 0)

    def _held(self, source: str, epoch: int, again: bool) -> set[int]:
        """Pieces that are stored already. Raises LamplighterError (I-522)."""
        numbers = {name: number for number, name in self._store.sources().items()}
        if source not in numbers:
            return set()
        mine: set[int] = set()
        for (number, one), spans in self._store.sequence_state().items():
            if number != numbers[source]:
                continue
            if one != epoch and not again:
                raise fault("I-522", name=self._name, what=f"epoch {one}")
            if one == epoch:
                mine |= {s for first, last in spans for s in range(first, last + 1)}
        return mine

    def _submit(
        self,
        waiting: deque[tuple[int, Future[Committed]]],
        source: str,
        epoch: int,
        seq: int,
        stamp: bytes,
        piece: Piece,
        points: PastPoints,
    ) -> None:
        aside = [*points.aside, *(Aside(line, why, text) for line, text, why in piece.broken)]
        now = self._clock.wall_ms()
        total = len(points.points.stream) + len(aside)
        body = hashlib.blake2b(stamp + seq.to_bytes(8, "big"), digest_size=8).digest()
        message = MessageRecord(
            0, epoch, seq, int.from_bytes(body, "big", signed=True), now, total, 0
        )
        chunk = ReceivedChunk(points.streams, points.words, (source,), (message,), points.points)
        entries = tuple(
            Quarantined(
                0, f"past/{self._name}", now, a.code, worded(a, self._name),
                a.text.encode()[:MAX_BODY], 1, 0,
            )
            for a in sorted(aside, key=lambda a: a.line)
        )  # fmt: skip
        self.counts.points += total
        self.counts.empty += points.empty
        self.counts.uncertain += points.uncertain
        times = points.points.time_ms
        if len(times):
            self.counts.reach(int(times.min()), int(times.max()))
        room = SHOWN - len(self._shown)
        self._shown += [f"line {a.line}: {a.why}" for a in aside[: max(room, 0)]]
        waiting.append((seq, self._door.submit(chunk, entries)))

    def _settle(self, waiting: deque[tuple[int, Future[Committed]]], leave: int) -> None:
        """Wait until at most `leave` pieces are on their way, and count what came of the others."""
        while len(waiting) > leave:
            _, future = waiting.popleft()
            try:
                done = future.result(PATIENCE_S)
            except TimeoutError:
                raise fault("A-401", what="the past was brought in") from None
            for _, account in done.accounts:
                self.counts.stored += account.stored
                self.counts.duplicate += account.duplicate
                self.counts.quarantined += account.quarantined

    # ------------------------------------------------------------ failures and work orders
    def _orders(self, file: PastFile, mapping: PastMapping, progress: Progress) -> None:
        failures = mapping.kind == "failures"
        known = self._failures() if failures else {}
        for piece in file.pieces(5_000):
            self.counts.rows += len(piece.rows) + len(piece.broken)
            orders, aside = read_orders(piece, file.columns, mapping)
            if failures:
                orders = [_told_apart(order, known) for order in orders]
            self._keep(orders)
            self._named.update(order.asset for order in orders)
            for order in orders:
                self.counts.reach(order.created_ms, order.created_ms)
            if failures:
                self.counts.failures += len(orders)
            else:
                self.counts.orders += len(orders)
            self.counts.points += len(orders) + len(aside)
            self._quarantine(file, piece, aside)
            progress(piece.done, file.total, f"{self.counts.rows:,} rows of {file.file.name}")

    def _failures(self) -> dict[str, str]:
        """id -> finding of the failures that are in, but for those whose finding people wrote."""
        every = self._store.work_orders()
        return {
            o.id: o.finding
            for o in every
            if o.finding.startswith("failed: ") and not (o.signature or o.closed_by)
        }

    def _keep(self, orders: Sequence[WorkOrder]) -> None:
        def put(access: object) -> None:
            for order in orders:
                access.put_work_order(order)  # type: ignore[attr-defined]

        self._store.writer.call(put).result(PATIENCE_S)

    def _quarantine(self, file: PastFile, piece: Piece, aside: Sequence[Aside]) -> None:
        """Bad rows as a message of their own, so that importing again sets them aside once."""
        if not aside:
            return
        now = self._clock.wall_ms()
        stamp = hashlib.blake2b(
            file.hash + piece.done.to_bytes(8, "big") + b"orders", digest_size=8
        ).digest()
        number = int.from_bytes(stamp, "big", signed=True)
        message = MessageRecord(
            0, int.from_bytes(stamp[:6], "big"), aside[0].line, number, now, len(aside), 0
        )
        empty = PastPoints((), (), _no_points())
        chunk = ReceivedChunk(
            (), (), (f"past/{file.hash.hex()[:16]}/orders",), (message,), empty.points
        )
        entries = tuple(
            Quarantined(
                0, f"past/{self._name}", now, a.code, worded(a, self._name),
                a.text.encode()[:MAX_BODY], 1, 0,
            )
            for a in aside
        )  # fmt: skip
        self._shown += [
            f"line {a.line}: {a.why}" for a in aside[: max(SHOWN - len(self._shown), 0)]
        ]
        self._door.submit(chunk, entries).result(PATIENCE_S)
        self.counts.quarantined += len(aside)


def _no_points() -> ReceivedPoints:
    ints, longs = np.empty(0, np.int32), np.empty(0, np.int64)
    return ReceivedPoints(ints, longs, np.empty(0), np.empty(0, np.uint8), ints, ints)


def read_orders(
    piece: Piece, columns: Sequence[str], mapping: PastMapping
) -> tuple[list[WorkOrder], list[Aside]]:
    """Failures or work orders of some rows, and what is none. Raises LamplighterError (U-801) for a
    column that is not there.
    """
    aside = [Aside(line, why, text) for line, text, why in piece.broken]
    orders: list[WorkOrder] = []
    place = {}
    for ours, theirs in mapping.columns.items():
        if theirs not in columns:
            what = f"the file has no column {theirs}"
            raise fault("U-801", what=what, name="import")
        place[ours] = list(columns).index(theirs)
    for row, line in zip(piece.rows, piece.lines, strict=True):
        cell = {ours: row[at].strip() for ours, at in place.items()}
        try:
            orders.append(_order(cell, mapping))
        except ValueError as error:
            aside.append(Aside(line, str(error), ";".join(row)))
    return orders, sorted(aside, key=lambda a: a.line)


def _order(cell: dict[str, str], mapping: PastMapping) -> WorkOrder:
    """Raises ValueError with why the row is none."""
    asset = cell.get("asset", "")
    if not asset:
        raise ValueError("it names no asset")
    if mapping.kind == "failures":
        when = _when(cell.get("time", ""), mapping)
        mode = cell.get("mode", "") or "failure"
        return WorkOrder(
            id=f"F-{asset}-{when}",
            asset=asset,
            title=cell.get("note") or f"Failure: {mode}",
            state="done",
            created_ms=when,
            closed_ms=when,
            origin="failure",
            finding=f"failed: {mode}",
        )
    created = _when(cell.get("created", ""), mapping)
    title = cell.get("title", "") or "Work order"
    stamp = hashlib.blake2b(f"{asset}\0{created}\0{title}".encode(), digest_size=6).hexdigest()
    return WorkOrder(
        id=cell.get("id") or f"W-{stamp}",
        asset=asset,
        title=title,
        state=state_said(cell.get("state", ""), closed=bool(cell.get("closed"))),
        created_ms=created,
        due_ms=_when(cell["due"], mapping) if cell.get("due") else 0,
        closed_ms=_when(cell["closed"], mapping) if cell.get("closed") else 0,
        origin=cell.get("origin") or "hand",
        note=cell.get("note", ""),
        finding=finding_said(cell.get("finding", "")),
    )


def _told_apart(failure: WorkOrder, known: dict[str, str]) -> WorkOrder:
    """A failure under an id of its own where its asset failed in another way at the same moment.

    `known`: id -> finding of those before it; it is noted there.
    """
    if known.setdefault(failure.id, failure.finding) == failure.finding:
        return failure
    stamp = hashlib.blake2b(failure.finding.encode(), digest_size=4).hexdigest()
    return replace(failure, id=f"{failure.id}-{stamp}")


def _when(text: str, mapping: PastMapping) -> int:
    known = mapping.time
    found, bad, _ = times([text], known.format if known else "iso", known.zone if known else "UTC")
    if bool(bad[0]):
        raise ValueError(f"'{text[:40]}' is no time")
    return int(found[0])


def files_of(paths: Sequence[Path]) -> Iterator[Path]:
    """The files, and those of folders that hold tables, in order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                f for f in path.rglob("*") if f.suffix.lower() in (".csv", ".txt", ".parquet")
            )
        else:
            yield path


def import_files(
    store: Store,
    door: Door,
    clock: Clock,
    paths: Sequence[Path],
    mapping_text: str,
    name: str,
    *,
    again: bool,
    progress: Progress,
    into: list[FileReport] | None = None,
) -> list[FileReport]:
    """Every file with one mapping; a file that cannot be taken is reported and stops no other.

    `into` gets the reports as they come, also that of a file in which it was ended.
    """
    reports = into if into is not None else []
    for path in files_of(paths):
        one = PastImport(store, door, clock)
        try:
            reports.append(one.run(path, mapping_text, name, again=again, progress=progress))
        except LamplighterError as error:
            if error.problem.code in ("P-607", "A-401"):
                reports.append(one.report(path))
                raise
            reports.append(FileReport(file=str(path), format="past", error=str(error)))
    return reports
