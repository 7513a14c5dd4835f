"""Expected values of a recorder: learned from its own history on schedule, in a limited worker.

At the start the version in use is loaded as soon as it was checked; a new one is learned when it
is due, and takes its place in the registry of models. Reading the hours and learning in a worker
have one row in the task drawer that can be cancelled.
"""

from __future__ import annotations

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
from lamplighter.runtime.known_events import known_events
from lamplighter.runtime.learned_model import CANCELLED, Lesson, TaughtModel
from lamplighter.runtime.learning_schedule import LearningSchedule, every_ms
from lamplighter.runtime.model_registry import Usable
from lamplighter.runtime.own_cards import TOLD, expected_card, later_window

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
ENOUGH_MS: Final = 60 * HOUR_MS
"""history that is needed before anything is learned"""
AGAIN_MS: Final = 2 * HOUR_MS
"""after a time of learning that failed or found nothing to use"""
LEARN: Final = "Learn what is usual"
LESSON: Final = Lesson(
    kind=EXPECTED,
    what="what is usual",
    room="lamplighter.analytics.expecting",
    learned=ExpectedReport,
    value=ExpectedTable,
    learn_name=f"{LEARN} (worker)",
    load_name="Load what is usual",
    learn_s=900.0,
)


class ExpectedDesk(LearningSchedule):
    """One recorder's expected values. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._kept = TaughtModel(recorder, LESSON)
        super().__init__(recorder, self._kept, LEARN, ENOUGH_MS)
        self.report: wire.ExpectedState = wire.ExpectedState()
        self.rows: dict[int, wire.ExpectedRow] = {}
        """by datastream: what came of the last time of learning"""

    # ------------------------------------------------------------------ life
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

        def end(value: ExpectedTable | None) -> None:
            self._loaded = True
            if value is not None:
                self._use(value)
            else:
                self._due_ms = 0  # it cannot be read: learn anew

        self._kept.open(usable, end)

    def every_second(self) -> None:
        """Begin to learn when it is due and there is enough to learn from."""
        self._second()

    # ------------------------------------------------------------------ learning
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

    def _submit(self, hours: Any, task: OwnTask, by: str) -> None:
        judged, total = self._kept.using[0], int(hours.datastream.size)

        def step(done: int, of: int, text: str) -> bool:
            try:
                task.step(total + done * total // max(of, 1), 2 * total, text)
            except LamplighterError:
                return False
            return True

        def end(value: Any) -> None:
            if not isinstance(value, ExpectedReport):
                cancelled = isinstance(value, Problem) and value.code == CANCELLED
                state = TaskState.CANCELLED if cancelled else TaskState.FAILED
                self._ended(task, state, str(value))
                return
            try:
                self._learned(value, judged, by)
            except Exception as error:  # a full disk, say: it is learned again later
                log.exception("what is usual was not registered")
                self._ended(task, TaskState.FAILED, str(error))
                return
            self._ended(task, TaskState.DONE)

        self._kept.fresh.mkdir(parents=True, exist_ok=True)
        self._kept.teach(hours, end, step=step, wanted=lambda: not self._stopping)

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
            self._due_ms = card.made_ms + every_ms()
            return
        self._use_card(card)
        self._use(None if record.frozen else report.table)

    def _use_card(self, card: wire.ExpectedCard) -> None:
        self._due_ms = card.made_ms + (every_ms() if card.used else AGAIN_MS)
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
