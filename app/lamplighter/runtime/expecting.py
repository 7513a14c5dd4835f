"""Expected values of a recorder: learned from its own history on schedule, in a limited worker.

At the start the version in use is loaded as soon as it was checked; a new one is learned when it
is due, and takes its place in the registry of models. Reading the hours is done on a thread of its
own, in small snapshots; learning in a worker, both with one row in the task drawer that can be
cancelled.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import structlog

from lamplighter.analytics.expected import ExpectedTable
from lamplighter.analytics.expecting import TABLE, USED, WHY, WORSE, ExpectedReport
from lamplighter.analytics.season import HOUR_MS, KINDS
from lamplighter.domain import wire
from lamplighter.domain.models import EXPECTED, ModelState
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.domain.task import TaskState
from lamplighter.runtime.hours import hourly_history
from lamplighter.runtime.kept_model import KeptModel
from lamplighter.runtime.known_events import known_events
from lamplighter.runtime.model_registry import AUTOMATIC, Usable
from lamplighter.runtime.own_cards import TOLD, expected_card, later_window
from lamplighter.runtime.settings import explain

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
EVERY: Final = "expected.every_hours"
"""setting: hours between two times of learning; 0 = never by itself"""
EVERY_HOURS: Final = 24.0
LOOK_MS: Final = 30_000
"""how often it is looked whether learning is due"""
ENOUGH_MS: Final = 60 * HOUR_MS
"""history that is needed before anything is learned"""
AGAIN_MS: Final = 2 * HOUR_MS
"""after a time of learning that failed or found nothing to use"""
TRAIN_S: Final = 900.0
MEMORY_MB: Final = 2_048
LEARN: Final = "Learn what is usual"


class ExpectedDesk:
    """One recorder's expected values. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._kept = KeptModel(recorder, EXPECTED)
        self._lock = threading.Lock()
        self._busy = False
        self._stopping = False
        self._loaded = False
        self._due_ms = 0
        self._look_ms = 0
        self._thread: threading.Thread | None = None
        self.report: wire.ExpectedState = wire.ExpectedState()
        self.rows: dict[int, wire.ExpectedRow] = {}
        """by datastream: what came of the last time of learning"""

    # ------------------------------------------------------------------ life
    def start(self) -> None:
        """Use the version there is; learning waits until the first look."""
        self._load()

    def _load(self) -> None:
        """The version in use, whichever that is now; a damaged one is learned anew."""
        self._loaded = False
        usable = self._kept.found()
        card = _told(usable) if usable is not None else None
        if usable is None or card is None:
            self._due_ms, self._loaded = 0, True
            self._use(None)
            return
        self._use_card(card)
        if usable.frozen:
            self._loaded = True
            self._use(None)
            return

        def end(value: Any) -> None:
            self._loaded = True
            if isinstance(value, ExpectedTable):
                self._use(value)
            else:
                self._due_ms = 0  # it cannot be read: learn anew
                log.warning("expected values not loaded", why=str(value))

        room = "lamplighter.analytics.expecting"
        self._kept.reload(usable, room, ExpectedTable, "Load what is usual", end)

    def stop(self, deadline_s: float = 3.0) -> None:
        self._stopping = True
        thread = self._thread
        if thread is not None:
            thread.join(deadline_s)

    def every_second(self) -> None:
        """Begin to learn when it is due and there is enough to learn from."""
        if not self._loaded or self._stopping:
            return
        if not self._busy and self._kept.moved():
            self._load()
            return
        now = self._recorder.clock.monotonic_ms()
        if now < self._look_ms:
            return
        self._look_ms = now + LOOK_MS
        every = self.every_hours()
        if self._busy or not every or self._recorder.clock.wall_ms() < self._due_ms:
            return
        self.train()

    def every_hours(self) -> float:
        """Hours between two times of learning; 0 = only when asked."""
        try:
            return max(float(explain(EVERY)["value"]), 0.0)
        except (LamplighterError, TypeError, ValueError):
            return EVERY_HOURS

    # ------------------------------------------------------------------ learning
    def train(self, *, asked: bool = False, by: str = AUTOMATIC) -> int | None:
        """Begin to learn; the task's number, None when it is under way or too early.

        `asked`: a person (`by`) wants it: it is tried even with little history.
        """
        store = self._recorder.store
        now = self._recorder.clock.wall_ms()
        with self._lock:
            if self._busy or self._stopping:
                return None
            if not asked and (not store.last_batch() or now - store.oldest_ms() < ENOUGH_MS):
                self._due_ms = 0
                return None
            self._busy = True
        task = self._recorder.jobs.own(LEARN)
        self._thread = threading.Thread(
            target=self._train, args=(task, by), name="usual", daemon=True
        )
        self._thread.start()
        return task.number

    def _train(self, task: OwnTask, by: str) -> None:
        recorder, city = self._recorder, self._recorder.core.city
        now = recorder.clock.wall_ms()
        self._due_ms = now + AGAIN_MS
        try:

            def step(done: int, total: int) -> None:
                if self._stopping:
                    task.cancel()
                task.step(done, 2 * total, f"reading the history of {total:,} datastreams")

            events = known_events(recorder.store, city)
            fresh = str(self._kept.fresh)
            hours = hourly_history(recorder.store, city, events, now, fresh, step=step)
            self._submit(msgspec.structs.replace(hours, before=self.table), task, by)
        except LamplighterError as error:
            self._ended(task, TaskState.CANCELLED, str(error.problem))
        except Exception as error:
            log.exception("what is usual could not be learned")
            self._ended(task, TaskState.FAILED, str(error))

    def _submit(self, hours: Any, task: OwnTask, by: str, *, afar: bool = True) -> None:
        """`afar`: on the cluster where one is configured; when that fails it is done here."""
        pool, judged = self._recorder.jobs.pool, self._kept.using[0]
        total = int(hours.datastream.size)

        def tell(done: int, of: int, text: str) -> None:
            try:
                task.step(total + done * total // max(of, 1), 2 * total, text)
            except LamplighterError:
                pool.cancel(number)

        def end(value: Any) -> None:
            if isinstance(value, ExpectedReport):
                try:
                    self._learned(value, judged, by)
                except Exception as error:  # a full disk, say: it is learned again later
                    log.exception("what is usual was not registered")
                    self._ended(task, TaskState.FAILED, str(error))
                    return
                self._ended(task, TaskState.DONE)
            else:
                cancelled = isinstance(value, Problem) and value.code == "P-607"
                if afar and pool.cluster and not cancelled and not self._stopping:
                    self._submit(hours, task, by, afar=False)
                    return
                state = TaskState.CANCELLED if cancelled else TaskState.FAILED
                self._ended(task, state, str(value))

        self._kept.fresh.mkdir(parents=True, exist_ok=True)
        number = pool.submit(
            "lamplighter.analytics.expecting:learn",
            hours,
            name=f"{LEARN} (worker)",
            timeout_s=TRAIN_S,
            on_progress=tell,
            on_end=end,
            result=ExpectedReport,
            memory_mb=MEMORY_MB,
            code="P-604",
            afar=afar,
        )

    def _ended(self, task: OwnTask, state: TaskState, problem: str = "") -> None:
        self._busy = False
        task.end(state, problem)

    def _learned(self, report: ExpectedReport, judged: int, by: str) -> None:
        """Register what was learned, and how version `judged` fared since it was."""
        recorder, kept = self._recorder, self._kept
        card = _card(report, recorder.clock.wall_ms())
        if report.later is not None and judged:
            kept.judged(later_window(report.later), judged)
        log.info("learned what is usual", seconds=round(report.seconds, 2), used=card.used)
        if not report.files or (not card.used and self.table is not None):
            self._due_ms = card.made_ms + AGAIN_MS  # nothing came of it: what is in use stays
            return
        table = self.table
        gone = table is None or table.valid_to_ms <= card.made_ms
        files = report.files | kept.write(TOLD, card)
        record = kept.keep(files, expected_card(report), by=by, over=gone)
        if record is None or record.state is not ModelState.IN_USE:
            self._due_ms = card.made_ms + round((self.every_hours() or EVERY_HOURS) * HOUR_MS)
            return
        self._use_card(card)
        self._use(None if record.frozen else report.table)

    def _use_card(self, card: wire.ExpectedCard) -> None:
        every_ms = round((self.every_hours() or EVERY_HOURS) * HOUR_MS)
        self._due_ms = card.made_ms + (every_ms if card.used else AGAIN_MS)
        self.rows = {r.datastream: r for r in card.rows}
        shown = msgspec.structs.replace(card, rows=())
        self.report = wire.ExpectedState(shown, self._due_ms)

    def _use(self, table: ExpectedTable | None) -> None:
        expected = self._recorder.core.expected

        def use() -> None:
            expected.trained = table

        self._recorder.core.on_beat(use)
        self._recorder.server.emit(self.report)

    # ------------------------------------------------------------------ reading
    @property
    def table(self) -> ExpectedTable | None:
        """What is in use."""
        return self._recorder.core.expected.trained

    def why_not(self, datastream: int) -> str:
        """Why a datastream has no expected value from history; empty when it has one."""
        if self._kept.using[1]:
            return f"Expected values are frozen: {self._kept.using[1]}."
        row = self.rows.get(datastream)
        if row is not None:
            return "" if row.why == WHY[USED] else f"No model from history: {why_words(row)}."
        if not self.report.card.made_ms:
            return "Nothing was learned from the history yet: it needs two and a half days of it."
        if self._recorder.core.city.streams[datastream].states:
            return "Its values are words."
        return "It came after the last time of learning."


def why_words(row: wire.ExpectedRow) -> str:
    """Why a datastream's model is not used, in a few words with the figures."""
    if row.why == WHY[WORSE] and row.error is not None and row.naive is not None:
        return (
            f"its model was worse than '{row.rule}' over the last {row.judged} judged hours "
            f"({row.error:.3g} against {row.naive:.3g} off on average)"
        )
    return row.why


def _told(usable: Usable) -> wire.ExpectedCard | None:
    """What came of the time of learning, datastream by datastream."""
    try:
        return msgspec.json.decode((usable.folder / TOLD).read_bytes(), type=wire.ExpectedCard)
    except (OSError, msgspec.MsgspecError):
        return None


def _card(report: ExpectedReport, now_ms: int) -> wire.ExpectedCard:
    rows = tuple(
        wire.ExpectedRow(
            int(ident),
            WHY[int(why)],
            KINDS[int(kind)],
            _number(error),
            _number(naive),
            report.rules[int(rule)] if rule >= 0 else "",
            int(judged),
        )
        for ident, why, kind, error, naive, rule, judged in zip(
            report.datastream, report.why, report.season, report.error, report.naive,
            report.naive_rule, report.judged, strict=True,
        )
    )  # fmt: skip
    numbers = np.bincount(np.asarray(report.why, np.int64), minlength=len(WHY))
    counts = {WHY[n]: int(count) for n, count in enumerate(numbers) if count}
    return wire.ExpectedCard(
        now_ms, report.first_ms, report.last_ms, round(report.seconds, 2),
        int((report.why == USED).sum()), int(report.why.size), counts, rows,
    )  # fmt: skip


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


__all__ = ["TABLE", "ExpectedDesk", "why_words"]
