"""When something is learned of a recorder's own history: on schedule or when asked, one at a time.

Reading the history is done on a thread of its own, in small snapshots, with one row in the task
drawer that can be cancelled. What is learned and how, its desk knows.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.kept_model import KeptModel
from lamplighter.runtime.model_registry import AUTOMATIC
from lamplighter.runtime.settings import explain

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask
    from lamplighter.runtime.recorder import Recorder

EVERY: Final = "expected.every_hours"
"""setting: hours between two times of learning; 0 = never by itself"""
EVERY_HOURS: Final = 24.0
LOOK_MS: Final = 30_000
"""how often it is looked whether learning is due"""


class LearningSchedule:
    """A desk that learns. It says in `_load`, `_able` and `_train` what; it sets `_loaded` when
    loading ended, `_due_ms` when it is to learn next and `_busy` when it ended.
    """

    def __init__(self, recorder: Recorder, kept: KeptModel, learn: str, enough_ms: int) -> None:
        """`learn` is the task's name; `enough_ms` the history that is needed before anything is
        learned without being asked for.
        """
        self._recorder = recorder
        self._model, self._learn, self._enough_ms = kept, learn, enough_ms
        self._lock = threading.Lock()
        self._busy = self._stopping = self._loaded = False
        self._due_ms = self._look_ms = 0
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------ what a desk says
    def _load(self) -> None:
        """Use the version in use, whichever that is now."""
        raise NotImplementedError

    def _able(self) -> bool:
        """Whether there is anything to learn of."""
        return True

    def _train(self, task: OwnTask, by: str) -> None:
        """Learn, on a thread of its own."""
        raise NotImplementedError

    # ------------------------------------------------------------------ life
    def start(self) -> None:
        """Use the version there is; learning waits until the first look."""
        self._load()

    def stop(self, deadline_s: float = 3.0) -> None:
        self._stopping = True
        thread = self._thread
        if thread is not None:
            thread.join(deadline_s)

    def _second(self) -> None:
        """Begin to learn when it is due and there is enough to learn from."""
        if not self._loaded or self._stopping:
            return
        if not self._busy and self._model.moved():
            self._load()
            return
        now = self._recorder.clock.monotonic_ms()
        if now < self._look_ms:
            return
        self._look_ms = now + LOOK_MS
        if self._busy or not every_hours() or self._recorder.clock.wall_ms() < self._due_ms:
            return
        self.train()

    def train(self, *, asked: bool = False, by: str = AUTOMATIC) -> int | None:
        """Begin to learn; the task's number, None when it is under way, too early, or there is
        nothing to learn of.

        `asked`: a person (`by`) wants it: it is tried even with little history.
        """
        store, now = self._recorder.store, self._recorder.clock.wall_ms()
        with self._lock:
            if self._busy or self._stopping:
                return None
            enough = store.last_batch() and now - store.oldest_ms() >= self._enough_ms
            if not self._able() or not (asked or enough):
                self._due_ms = 0
                return None
            self._busy = True
        task = self._recorder.jobs.own(self._learn)
        self._thread = threading.Thread(
            target=self._train, args=(task, by), name=self._model.kind, daemon=True
        )
        self._thread.start()
        return task.number


def every_hours() -> float:
    """Hours between two times of learning; 0 = only when asked."""
    try:
        return max(float(explain(EVERY)["value"]), 0.0)
    except (LamplighterError, TypeError, ValueError):
        return EVERY_HOURS


def every_ms() -> int:
    """Milliseconds until what was learned now is learned anew."""
    return round((every_hours() or EVERY_HOURS) * HOUR_MS)
