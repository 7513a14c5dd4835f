"""A model of this project's own datastreams that one worker learns and another one loads again.

Learned anew when its desk wants it, kept in the registry of models, loaded at the start and when a
person put another version in its place. What differs between kinds is their `Lesson`; kinds that
are also registered in the same way have a `Craft`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import structlog

from lamplighter.domain.models import ModelCard, ModelState
from lamplighter.domain.problems import Problem
from lamplighter.runtime.kept_model import KeptModel
from lamplighter.runtime.model_registry import AUTOMATIC, Usable

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
Value = TypeVar("Value")
Step = Callable[[int, int, str], bool]
"""hears (done, of, words) and says whether to go on"""
CANCELLED: Final = "P-607"
REPLY_BYTES: Final = 256_000_000
MEMORY_MB: Final = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson(Generic[Value]):
    """How one kind is learned and loaded in a worker."""

    kind: str
    what: str
    """for people and the log: `the comparison of sensors`"""
    room: str
    """the module of `analytics` whose `learn` and `reload` do it"""
    learned: type
    """what `learn` answers; its `files` were written"""
    value: type[Value]
    """what `reload` answers"""
    learn_name: str
    load_name: str
    learn_s: float = 600.0
    memory_mb: int = MEMORY_MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Craft(Lesson[Value]):
    """A kind that is registered as soon as it was learned, the same way for all such kinds."""

    asked: Callable[[Any, str], Any]
    """(what is learned from, folder) -> what `learn` takes"""
    value_of: Callable[[Any], Value]
    """what is used, of what `learn` answered"""
    card: Callable[[Any], ModelCard]
    any: Callable[[Value], bool]
    """whether there is something to keep"""
    judged_while_frozen: bool = False
    """a frozen version is loaded too: it gives no numbers and goes on being judged"""


class TaughtModel(KeptModel, Generic[Value]):
    """The versions of one kind; its desk registers them. Callbacks are called on the pool's
    thread.
    """

    def __init__(self, recorder: Recorder, lesson: Lesson[Value]) -> None:
        super().__init__(recorder, lesson.kind)
        self._lesson = lesson

    def open(self, usable: Usable, end: Callable[[Value | None], None]) -> None:
        """Have a worker read a version that was found; None, and logged, when it cannot be."""
        lesson = self._lesson

        def read(value: Any) -> None:
            if isinstance(value, lesson.value):
                end(value)
            else:
                log.warning("not loaded", what=lesson.what, why=str(value))
                end(None)

        self.reload(usable, lesson.room, lesson.value, lesson.load_name, read)

    def teach(
        self,
        request: Any,
        end: Callable[[Any], None],
        *,
        step: Step = lambda done, total, text: True,
        afar: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> int:
        """Learn in a worker; `end` gets what `learn` answered, or the problem. The task's number.

        `afar`: on the cluster where one is configured; when that fails it is done here as long as
        it is `wanted`.
        """
        lesson, pool = self._lesson, self._recorder.jobs.pool

        def tell(done: int, total: int, text: str) -> None:
            if not step(done, total, text):
                pool.cancel(number)

        def ended(value: Any) -> None:
            lost = isinstance(value, Problem) and value.code != CANCELLED
            if lost and afar and pool.cluster and wanted():
                log.warning("not learned on the cluster", what=lesson.what, why=str(value))
                self.teach(request, end, step=step, afar=False, wanted=wanted)
                return
            end(value)

        number = pool.submit(
            f"{lesson.room}:learn",
            request,
            name=lesson.learn_name,
            timeout_s=lesson.learn_s,
            on_progress=tell,
            on_end=ended,
            result=lesson.learned,
            memory_mb=lesson.memory_mb,
            code="P-604",
            reply_bytes=REPLY_BYTES,
            afar=afar,
        )
        return number


class LearnedModel(TaughtModel[Value]):
    """The versions of one kind, registered by its `Craft`."""

    def __init__(self, recorder: Recorder, craft: Craft[Value]) -> None:
        super().__init__(recorder, craft)
        self._craft = craft

    @property
    def version(self) -> int:
        """The version in use; 0 = none."""
        return self.using[0]

    @property
    def frozen(self) -> str:
        """Why the version in use says nothing; empty when it may."""
        return self.using[1]

    def load(self, learned: Callable[[Value, ModelCard], None], none: Callable[[], None]) -> None:
        """The version in use goes to `learned`; where there is none that is sound, `none`."""
        craft, usable = self._craft, self.found()
        if usable is None or (usable.frozen and not craft.judged_while_frozen):
            none()
            return
        card = usable.card

        def end(value: Value | None) -> None:
            if value is not None:
                learned(value, card)
            else:
                none()

        self.open(usable, end)

    def learn(
        self,
        request: Any,
        learned: Callable[[Value, ModelCard], None],
        failed: Callable[[], None],
        *,
        by: str = AUTOMATIC,
        told: Callable[[Any], None] = lambda answer: None,
        step: Step = lambda done, total, text: True,
    ) -> int:
        """Learn in a worker and register it; where a person chose another version, that stays
        in use and `failed` is called. `told` hears what the worker answered, or its problem.
        The task's number.
        """
        craft = self._craft

        def end(value: Any) -> None:
            try:
                told(value)
                if isinstance(value, craft.learned):
                    self._register(value, learned, failed, by)
                    return
            except Exception:  # a full disk, say: whoever waits must not wait for ever
                log.exception("not registered", what=craft.what)
                failed()
                return
            if not (isinstance(value, Problem) and value.code == CANCELLED):
                log.warning("not learned", what=craft.what, why=str(value))
            failed()

        return self.teach(craft.asked(request, str(self.fresh)), end, step=step)

    def _register(
        self,
        answer: Any,
        learned: Callable[[Value, ModelCard], None],
        failed: Callable[[], None],
        by: str,
    ) -> None:
        craft, value = self._craft, self._craft.value_of(answer)
        card = craft.card(answer)
        record = self.keep(answer.files, card, by=by) if craft.any(value) else None
        if record is None:
            learned(value, card)  # it cannot be kept; it is as good for this run
        elif record.state is ModelState.IN_USE and (craft.judged_while_frozen or not record.frozen):
            learned(value, record.card)
        else:
            failed()  # it waits for a person
