"""How the signals of each asset go together: learned from a recorder's own history, on schedule.

The same schedule, worker and registry as expected values: read in small snapshots on a thread of
its own, fitted in a limited worker some assets at a time, kept as one version with its card. What
was learned is judged by `relation_watch` on the beat.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import structlog

from lamplighter.analytics.anomaly import relation
from lamplighter.analytics.anomaly.columns import Columns
from lamplighter.analytics.anomaly.relation import SIGNALS, Fared
from lamplighter.analytics.anomaly.relation_tables import (
    Histories,
    Related,
    RelationTable,
    joined,
)
from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.anomaly import KnownEvent
from lamplighter.domain.models import RELATIONS, ModelState
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.domain.quality import QualityMark
from lamplighter.domain.task import TaskState
from lamplighter.runtime.hours import UNUSUAL, numeric
from lamplighter.runtime.known_events import known_events
from lamplighter.runtime.learned_model import CANCELLED, Lesson, TaughtModel
from lamplighter.runtime.learning_schedule import LearningSchedule, every_ms
from lamplighter.runtime.own_cards import TOLD, later_relations, relations_card
from lamplighter.runtime.relation_watch import RelationWatch
from lamplighter.runtime.signal_ring import STEP_MS, SignalRing, read_rows

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
DAYS: Final = 28
ENOUGH_MS: Final = 72 * HOUR_MS
"""history that is needed before anything is learned"""
AGAIN_MS: Final = 6 * HOUR_MS
"""after a time of learning that failed or found nothing to use"""
AT_ONCE: Final = 192
"""datastreams read and learned from in one go"""
LEARN: Final = "Learn how signals go together"
LESSON: Final = Lesson(
    kind=RELATIONS,
    what="relations",
    room="lamplighter.analytics.anomaly.relation_tables",
    learned=Related,
    value=RelationTable,
    learn_name=f"{LEARN} (worker)",
    load_name="Load how signals go together",
    memory_mb=1_024,
)
UNFIT: Final = UNUSUAL | int(QualityMark.SUSPECT | QualityMark.WITHHELD)
FILE: Final = "relations-{:04d}.npz"


class RelationDesk(LearningSchedule):
    """One recorder's relations. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder, ring: SignalRing) -> None:
        self._kept = TaughtModel(recorder, LESSON)
        super().__init__(recorder, self._kept, LEARN, ENOUGH_MS)
        self.watch = RelationWatch(recorder, ring)

    # ------------------------------------------------------------------ life
    def _load(self) -> None:
        self._loaded = False
        usable = self._kept.found()
        if usable is None or usable.frozen:
            self._due_ms, self._loaded = 0, True
            self.watch.use(None, {}, usable.frozen if usable is not None else "")
            return
        why_not: dict[str, str] = {}
        try:
            why_not = msgspec.json.decode((usable.folder / TOLD).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            log.warning("why assets have no relations is not known")
        self._due_ms = usable.card.made_ms + every_ms()

        def end(value: RelationTable | None) -> None:
            self._loaded = True
            if value is not None:
                self.watch.use(value, why_not)
            else:
                self._due_ms = 0  # it cannot be read: learn anew

        self._kept.open(usable, end)

    def stop(self, deadline_s: float = 3.0) -> None:
        super().stop(deadline_s)
        self.watch.stop(deadline_s)

    def every_second(self, events: Sequence[KnownEvent]) -> None:
        """Judge a share of the assets; begin to learn when it is due."""
        self.watch.every_second(events)
        self._second()

    # ------------------------------------------------------------------ learning
    def _able(self) -> bool:
        return bool(self._groups())

    def _groups(self) -> list[tuple[str, list[int]]]:
        """Assets with signals enough, and which these are."""
        city = self._recorder.core.city
        numbers = {s.id for s in numeric(city)}
        found = []
        for asset, ids in city.by_asset.items():
            mine = [i for i in ids if i in numbers]
            if SIGNALS[0] <= len(mine) <= SIGNALS[1]:
                found.append((asset, mine))
        return found

    def _train(self, task: OwnTask, by: str) -> None:
        recorder = self._recorder
        begun = recorder.clock.monotonic_ms()
        self._due_ms = recorder.clock.wall_ms() + AGAIN_MS
        try:
            found = self._learned(task)
            seconds = (recorder.clock.monotonic_ms() - begun) / 1000.0
            self._adopt(found, by, seconds)
            task.end(TaskState.DONE, "")
        except LamplighterError as error:
            cancelled = error.problem.code == CANCELLED
            task.end(TaskState.CANCELLED if cancelled else TaskState.FAILED, str(error.problem))
        except Exception as error:
            if not self._stopping:
                log.exception("relations could not be learned")
            task.end(TaskState.FAILED, str(error))
        finally:
            self._busy = False

    def _learned(self, task: OwnTask) -> list[Related]:
        recorder, groups = self._recorder, self._groups()
        fresh = self._kept.fresh
        fresh.mkdir(parents=True, exist_ok=True)
        for left in fresh.glob("*.npz"):
            left.unlink(missing_ok=True)
        events = known_events(recorder.store, recorder.core.city)
        slot = recorder.clock.wall_ms() // STEP_MS - 1
        begin = max(slot - DAYS * 86_400_000 // STEP_MS + 1, recorder.store.oldest_ms() // STEP_MS)
        found: list[Related] = []
        fared: list[Fared] = []
        done = 0
        for part in _parts(groups):
            if self._stopping:
                task.cancel()
            task.step(done, len(groups), f"{len(groups):,} assets with three signals or more")
            history = self._history(part, begin, int(slot - begin + 1))
            blank(history, events)
            fared += self._fared(history)
            file = FILE.format(len(found))
            history = msgspec.structs.replace(history, folder=str(fresh), file=file)
            found.append(self._in_worker(history))
            done += len(part)
        window = later_relations(fared)
        if window is not None and self._kept.using[0]:
            self._kept.judged(window, self._kept.using[0])
        return found

    def _fared(self, history: Histories) -> list[Fared]:
        """How what is in use told the rows that came after it was learned."""
        found = []
        for place, asset in enumerate(history.assets):
            model = self.watch.models.get(asset)
            if model is None:
                continue
            mine = slice(int(history.begins[place]), int(history.begins[place + 1]))
            names = tuple(str(i) for i in history.datastream[mine].tolist())
            rows = history.time_ms > model.last_ms
            later = Columns(names, history.time_ms[rows], history.values[rows, mine])
            if set(model.names) <= set(names):
                found.append(relation.fared(model, later))
        return found

    def _history(self, part: list[tuple[str, list[int]]], begin: int, rows: int) -> Histories:
        ids = [i for _, mine in part for i in mine]
        values = read_rows(self._recorder.store, ids, begin, rows, UNFIT)
        return Histories(
            tuple(asset for asset, _ in part),
            np.cumsum([0, *[len(mine) for _, mine in part]]),
            np.array(ids, np.int64),
            (begin + np.arange(rows, dtype=np.int64) + 1) * STEP_MS,
            values,
        )

    def _in_worker(self, history: Histories) -> Related:
        """Raises LamplighterError when the worker failed."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        number = self._kept.teach(history, answers.put, afar=False)
        while True:
            try:
                value = answers.get(timeout=0.5)
                break
            except queue.Empty:
                if self._stopping:
                    self._recorder.jobs.pool.cancel(number)
        if isinstance(value, Related):
            return value
        raise LamplighterError(value) if isinstance(value, Problem) else RuntimeError(str(value))

    def _adopt(self, found: list[Related], by: str, seconds: float) -> None:
        """Register what was learned and use it, unless a person chose another version."""
        table = joined([f.table for f in found])
        why_not = {asset: why for f in found for asset, why in f.why_not.items()}
        log.info("learned relations", assets=len(table.assets), without=len(why_not))
        if not table.assets and not self.watch.models:
            self.watch.use(None, why_not)
            return
        if not table.assets:
            return  # nothing came of it: what is in use stays
        files = {name: sha for f in found for name, sha in f.files.items()}
        files |= self._kept.write(TOLD, why_not)
        record = self._kept.keep(files, relations_card(table, seconds), by=by)
        self._due_ms = self._recorder.clock.wall_ms() + every_ms()
        if record is None or record.state is ModelState.IN_USE:
            frozen = record.frozen if record is not None else ""
            self.watch.use(None if frozen else table, why_not, frozen)


def _parts(groups: list[tuple[str, list[int]]]) -> list[list[tuple[str, list[int]]]]:
    """Groups with at most `AT_ONCE` datastreams together."""
    found: list[list[tuple[str, list[int]]]] = []
    count = AT_ONCE
    for group in groups:
        if count + len(group[1]) > AT_ONCE:
            found.append([])
            count = 0
        found[-1].append(group)
        count += len(group[1])
    return found


def blank(history: Histories, events: Sequence[KnownEvent]) -> None:
    """What an event explains teaches nothing, and neither does anything before a repair. A new
    set-point is no new asset: its signals go together as before.
    """
    place = {asset: n for n, asset in enumerate(history.assets)}
    column = {int(i): n for n, i in enumerate(history.datastream.tolist())}
    for event in events:
        if event.datastream >= 0:
            at = column.get(event.datastream, -1)
            mine = slice(at, at + 1) if at >= 0 else None
        else:
            n = place.get(event.asset, -1)
            mine = slice(int(history.begins[n]), int(history.begins[n + 1])) if n >= 0 else None
        if mine is None:
            continue
        rows = history.time_ms <= event.to_ms
        if not event.renewed:
            rows &= history.time_ms >= event.from_ms
        history.values[rows, mine] = np.nan
