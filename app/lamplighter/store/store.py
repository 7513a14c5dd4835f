"""The event store of a project: one writer, any number of readers, two clocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState, Incident
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.clock import Clock
from lamplighter.domain.command import CommandState
from lamplighter.domain.days import DayCount
from lamplighter.domain.edits import Edit
from lamplighter.domain.findings import Repair
from lamplighter.domain.forecast import Forecast
from lamplighter.domain.importing import FileReport
from lamplighter.domain.layers import Layer, LayerContents
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.models import ModelRecord, Told
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.observation import Account, Gap, Quarantined, SourceLife
from lamplighter.domain.problems import fault
from lamplighter.domain.quarantine import AsideRow
from lamplighter.domain.retention import Retention
from lamplighter.domain.wire import Series
from lamplighter.store import aside, batches, counted, facts
from lamplighter.store.batches import DecodedBatches
from lamplighter.store.cells import STEPS_MS, Cells
from lamplighter.store.connections import SYNCHRONOUS, Readers
from lamplighter.store.damage import SetAside
from lamplighter.store.days import read_days
from lamplighter.store.export import ObservationRow, export_rows
from lamplighter.store.folder import CITY, HISTORY, FolderLock, refuse_remote
from lamplighter.store.growth import DiskUse, disk_use
from lamplighter.store.opening import make_project, opening_fault, prepare
from lamplighter.store.parts import Part, Preview, parts_of, preview
from lamplighter.store.past import moment_of, newest_of
from lamplighter.store.prove import proof_of
from lamplighter.store.replay import RecordedBatch, recorded
from lamplighter.store.retention import stored_retention
from lamplighter.store.rewind import Rewind
from lamplighter.store.scan import scan_cells
from lamplighter.store.schema import NewerSchemaError
from lamplighter.store.series import read_points, read_series
from lamplighter.store.verify import VerifyReport, verify
from lamplighter.store.verify_sealed import Check
from lamplighter.store.writer import Writer

T = TypeVar("T")


class Store:
    """An open project. Reading is safe from any thread, also while another process writes."""

    writer: Writer
    """only when opened for writing"""
    rewind: Rewind
    """alarms, orders and forecasts of another time"""

    def __init__(self, folder: Path, lock: FolderLock | None, writer: Writer | None) -> None:
        """Use `Store.open`."""
        self.folder = folder
        self._lock = lock
        if writer is not None:
            self.writer = writer
        self._writing = writer is not None
        self._readers = Readers(folder)
        if writer is not None:
            writer.on_damage = self._damaged
        self.on_damage: Callable[[list[SetAside]], None] = lambda found: None
        """told when a damaged file was set aside while it was open"""
        self._decoded = DecodedBatches()
        self.rewind = Rewind(self._readers, self._decoded)
        sql = self._readers.history
        about = dict(sql.execute("SELECT key, value FROM about").fetchall())
        self.name: str = about.get("name", folder.name)
        self.demo: bool = about.get("demo") == "1"
        self.store_id: str = about.get("store_id", "")
        self.version = int(sql.execute("PRAGMA user_version").fetchone()[0])

    # ------------------------------------------------------------ opening and closing
    @staticmethod
    def create(folder: Path, *, name: str, demo: bool = False, clock: Clock) -> None:
        """Make an empty project. Raises A-407 (folder not empty), A-406 (remote disk)."""
        make_project(folder, name=name, demo=demo, clock=clock)

    @staticmethod
    def open(folder: Path, *, write: bool, clock: Clock, synchronous: str = SYNCHRONOUS) -> Store:
        """Open a project.

        Raises A-403 (another process writes), A-404 (no project), A-405 (newer version, nothing
        touched), A-406 (network or synchronised disk), A-402 (damaged).
        `synchronous` is only for the control run of the power-cut test.
        """
        folder = folder.resolve()  # workers have a working folder of their own
        if not (folder / HISTORY).is_file() or not (folder / CITY).is_file():
            raise fault("A-404", name=folder.name, what=f"no {HISTORY} in it")
        refuse_remote(folder)
        try:
            lock = FolderLock(folder, clock) if write else None
            try:
                prepare(folder, write=write)
                return Store(folder, lock, Writer(folder, clock, synchronous) if write else None)
            except BaseException:
                if lock is not None:
                    lock.release()
                raise
        except NewerSchemaError as error:
            raise fault("A-405", name=folder.name, what=str(error)) from None
        except (sqlite3.Error, ValueError) as error:
            raise opening_fault(error, folder) from error

    def close(self, deadline_s: float = 10) -> None:
        """Write what waits and let go. A writer that does not end by its deadline keeps the lock
        until the process ends: nobody else may write beside it.
        """
        ended = self.writer.stop(deadline_s) if self._writing else True
        self._readers.close()
        if self._lock is not None and ended:
            self._lock.release()
            self._lock = None

    @property
    def history_sql(self) -> sqlite3.Connection:
        """This thread's read-only connection to the history, for modules of this room."""
        return self._readers.history

    @property
    def city_sql(self) -> sqlite3.Connection:
        """This thread's read-only connection to the facts, for modules of this room."""
        return self._readers.city

    def _damaged(self, found: list[SetAside]) -> None:
        self._readers.renew()
        self._decoded = DecodedBatches()
        self.on_damage(found)

    # ------------------------------------------------------------ names
    def last_wall_ms(self) -> int:
        """Wall time of the newest batch, 0 when nothing was recorded yet."""
        row = self._readers.history.execute(
            "SELECT wall_ms FROM batch ORDER BY number DESC LIMIT 1"
        ).fetchone()
        return int(row[0]) if row else 0

    def sources(self) -> dict[int, str]:
        return dict(self._readers.history.execute("SELECT id, name FROM source").fetchall())

    def datastreams(self) -> list[Datastream]:
        """By id: the registry joined with what is known of each."""
        return counted.datastreams(self._readers.history, self._readers.city)

    def assets(self, known_at_ms: int | None = None) -> list[Asset]:
        return list(self._current(facts.ASSET, Asset, known_at_ms).values())

    def edges(self, known_at_ms: int | None = None) -> list[Edge]:
        return list(self._current(facts.EDGE, Edge, known_at_ms).values())

    def tiles(self) -> list[str]:
        return list(self._current(facts.TILE, str).values())

    def layers(self) -> list[Layer]:
        """What was imported, in the order in which it came."""
        return list(self._current(facts.LAYER, Layer).values())

    def layer_contents(self) -> dict[str, LayerContents]:
        """Layer id -> what it brought beside its assets."""
        return self._current(facts.CONTENTS, LayerContents)

    def said(self) -> list[Asset]:
        """What each layer says of the assets that several describe."""
        return list(self._current(facts.SAID, Asset).values())

    def repairs(self) -> list[Repair]:
        """Fixes that stand, the oldest first."""
        return list(self._current(facts.REPAIR, Repair).values())

    def import_report(self, file: str, content_hash: str) -> FileReport | None:
        """The newest report on this content of a file."""
        key = f"{file}\x1f{content_hash}"
        return facts.one(self._readers.city, facts.IMPORT, key, FileReport)

    def frame(self) -> Frame | None:
        return facts.one(self._readers.city, facts.FRAME, "", Frame)

    def setting(self, key: str) -> str | None:
        return facts.one(self._readers.city, facts.SETTING, key, str)

    def settings(self, prefix: str = "") -> dict[str, str]:
        return facts.current(self._readers.city, facts.SETTING, str, prefix=prefix)

    def _current(self, kind: str, type_: type[T], at_ms: int | None = None) -> dict[str, T]:
        batch = None if at_ms is None else batches.known_at(self._readers.history, at_ms)
        return facts.current(self._readers.city, kind, type_, batch=batch)

    # ------------------------------------------------------------ what happened
    def alarms(self, known_at_ms: int | None = None) -> list[AlarmRecord]:
        """Records that stand in the list (state other than NORM), now or as known then."""
        every = self._current(facts.ALARM, AlarmRecord, known_at_ms).values()
        return [a for a in every if a.state != AlarmState.NORM]

    def alarm_events(self, limit: int = 1000) -> list[AlarmEvent]:
        """The last transitions, oldest first."""
        return facts.log(self._readers.city, facts.ALARM_EVENT, AlarmEvent, limit=limit)

    def alarm_journal(
        self, from_ms: int | None = None, to_ms: int | None = None, *, asset: str = ""
    ) -> Iterator[AlarmEvent]:
        """Every transition written in [from_ms, to_ms), oldest first; of one asset when given."""
        ends = f"@{asset}" if asset else ""
        sql = self._readers.city
        return facts.journal(sql, facts.ALARM_EVENT, AlarmEvent, from_ms, to_ms, ends=ends)

    def incidents(self, known_at_ms: int | None = None) -> list[Incident]:
        """Active incidents, now or as known then."""
        every = self._current(facts.INCIDENT, Incident, known_at_ms).values()
        return [i for i in every if i.active]

    def work_orders(self) -> list[WorkOrder]:
        return list(self._current(facts.ORDER, WorkOrder).values())

    def edits(self) -> list[Edit]:
        """Every edit of every record, in the order they were learned."""
        return list(self._current(facts.EDIT, Edit).values())

    def prognoses(self, known_at_ms: int | None = None) -> list[Prognosis]:
        return list(self._current(facts.PROGNOSIS, Prognosis, known_at_ms).values())

    def forecasts(self) -> list[Forecast]:
        """The newest of every datastream and figure that is forecast."""
        return list(self._current(facts.FORECAST, Forecast).values())

    def models(self) -> list[ModelRecord]:
        """Every version of every trained model."""
        return list(self._current(facts.MODEL, ModelRecord).values())

    def prognosis_journal(
        self, from_ms: int | None = None, to_ms: int | None = None, *, asset: str = ""
    ) -> Iterator[Told]:
        """Every forecast kept in [from_ms, to_ms), oldest first; of one asset when given."""
        begins = f"{asset}\x1f" if asset else ""
        sql = self._readers.city
        return facts.journal(sql, facts.PROGNOSIS, Told, from_ms, to_ms, begins=begins)

    def anomalies(self, known_at_ms: int | None = None) -> list[Anomaly]:
        """Every anomaly as it stands, oldest first."""
        found = self._current(facts.ANOMALY, Anomaly, known_at_ms).values()
        return sorted(found, key=lambda a: (a.found_ms, a.id))

    def commands(self) -> list[CommandState]:
        return list(self._current(facts.COMMAND, CommandState).values())

    def imports(self, limit: int = 1000) -> list[FileReport]:
        return facts.log(self._readers.city, facts.IMPORT, FileReport, limit=limit)

    def lives(self) -> list[SourceLife]:
        return counted.lives(self._readers.history)

    def gaps(self, from_ms: int | None = None, to_ms: int | None = None) -> list[Gap]:
        """Gaps that touch [from_ms, to_ms), all without bounds; in the order they were found."""
        return counted.gaps(self._readers.history, from_ms, to_ms)

    def sequence_state(self) -> dict[tuple[int, int], tuple[tuple[int, int], ...]]:
        """(source, epoch) -> stored seq intervals, both ends included, ascending."""
        return counted.sequence_state(self._readers.history)

    def accounts(self) -> dict[int, Account]:
        """Per source id; -1 is an unknown sender."""
        return counted.accounts(self._readers.history)

    def quarantine(self, limit: int = 1000) -> list[Quarantined]:
        """The newest kept entries, newest first."""
        return counted.quarantine(self._readers.history, limit)

    def aside_rows(
        self, *, limit: int = 500, before: int = 0, code: str = "", only: tuple[int, ...] = ()
    ) -> list[AsideRow]:
        """Kept rows of the quarantine with their numbers, the newest first."""
        return aside.aside_rows(
            self._readers.history, limit=limit, before=before, code=code, only=only
        )

    def aside_kept(self) -> tuple[dict[str, int], int]:
        """(rows kept by code, when the oldest of them came or 0)."""
        return aside.kept_counts(self._readers.history), aside.oldest_ms(self._readers.history)

    def days(self, first: int, last: int) -> list[DayCount]:
        """What came from each source on the days `first`..`last` (since 1970, both included)."""
        return read_days(self._readers.history, first, last)

    def quarantine_totals(self) -> dict[str, tuple[int, int]]:
        """code -> (entries, points), those included whose bodies were not kept."""
        return counted.quarantine_totals(self._readers.history)

    # ------------------------------------------------------------ observations
    def last_batch(self) -> int:
        return batches.last_number(self._readers.history)

    def first_ms(self) -> int:
        """Wall time of the oldest batch, 0 when there is none."""
        return counted.first_ms(self._readers.history)

    def oldest_ms(self) -> int:
        """The earliest phenomenon time that is kept, or the first batch's wall time when that is
        earlier; 0 when nothing is. What was brought in as history reaches back before the first
        batch.
        """
        return counted.oldest_ms(self._readers.history)

    def newest(self) -> NewestValues:
        """The last value of every datastream by phenomenon time."""
        return newest_of(self._readers.history, self._decoded)

    def series(
        self,
        datastream: int,
        from_ms: int,
        to_ms: int,
        points: int,
        as_known_at_ms: int | None = None,
    ) -> Series:
        """One datastream in [from_ms, to_ms): its points, or about `points` cells of minimum,
        maximum and mean when there are more. `as_known_at_ms` leaves out what was recorded later.
        """
        return self.curves((datastream,), from_ms, to_ms, points, as_known_at_ms)[0]

    def curves(
        self,
        datastreams: Sequence[int],
        from_ms: int,
        to_ms: int,
        points: int,
        as_known_at_ms: int | None = None,
    ) -> list[Series]:
        """`series` of each, in the given order; together they take far less than one by one."""
        reader = self._readers.history
        span = (from_ms, to_ms)
        return read_series(reader, self._decoded, datastreams, *span, points, as_known_at_ms)

    def moment(self, at_ms: int, as_known: bool = True) -> NewestValues:
        """Newest value of every datastream with phenomenon time <= `at_ms`; `as_known`: only of
        what had been recorded by then.
        """
        return moment_of(self._readers.history, self._decoded, at_ms, as_known)

    def points(self, datastream: int, from_ms: int, to_ms: int) -> Cells:
        """Every point in [from_ms, to_ms), each a cell of its own, by time."""
        return read_points(self._readers.history, self._decoded, datastream, from_ms, to_ms)

    def coarse_cells(
        self, datastreams: Sequence[int], from_ms: int, to_ms: int, tier: int = len(STEPS_MS)
    ) -> Iterator[tuple[int, Cells]]:
        """What the values of many datastreams came to, in cells of the tier: the coarsest there
        are unless a finer one is named.
        """
        return scan_cells(self._readers.history, self._decoded, datastreams, from_ms, to_ms, tier)

    def export_rows(
        self, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[ObservationRow]:
        """Every stored observation with phenomenon time in [from_ms, to_ms), in recorded order."""
        return export_rows(self._readers.history, from_ms, to_ms)

    def recorded(self, after: int = 0, until: int | None = None) -> Iterator[RecordedBatch]:
        """Whole batches in (after, until] in recorded order, hot or sealed; expired ones are not
        there any more.
        """
        return recorded(self._readers.history, after, until)

    def proof(self, batch: int) -> dict[str, Any]:
        """What shows to others that a sealed batch is what was recorded; see `prove`."""
        return proof_of(self._readers.history, batch)

    def retention(self) -> Retention:
        """How long this project keeps its history."""
        return stored_retention(self._readers.city)

    def disk_use(self, now_ms: int, points_per_s: float, free_bytes: float) -> DiskUse:
        """What history takes, what it will take, and how many days `free_bytes` last."""
        return disk_use(
            self._readers.history, self.retention(), self.folder, now_ms, points_per_s, free_bytes
        )

    def parts(self, now_ms: int) -> list[Part]:
        """What lies in the folder by kind."""
        return parts_of(self._readers.history, self.folder, now_ms)

    def retention_preview(
        self, rule: Retention, now_ms: int, points_per_s: float, free_bytes: float
    ) -> Preview:
        """What a rule would take away, without doing it."""
        return preview(self._readers.history, rule, now_ms, points_per_s, free_bytes)

    def verify(self, check: Check | None = None) -> VerifyReport:
        """Read everything and check every hash and count; `check` looks at signatures."""
        return verify(self._readers.history, self._readers.city, self.folder, check)
