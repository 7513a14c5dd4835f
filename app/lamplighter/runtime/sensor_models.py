"""The comparison of sensors in the registry of models: kept when learned, loaded at the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from lamplighter.analytics.suspicion.keeping import Keeping, Kept, KeptModels
from lamplighter.analytics.suspicion.training import Learning, Models
from lamplighter.domain.models import SENSORS, ModelCard, ModelState
from lamplighter.domain.problems import Problem
from lamplighter.runtime.kept_model import KeptModel
from lamplighter.runtime.own_cards import sensors_card

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
LEARN = "Learn how sensors go together"
Learned = Callable[[Models, ModelCard], None]


class SensorModels:
    """`learn` and `load` answer on the pool's thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._kept = KeptModel(recorder, SENSORS)

    def moved(self) -> bool:
        """Whether a person put another version in its place."""
        return self._kept.moved()

    @property
    def frozen(self) -> str:
        """Why the version in use says nothing; empty when it may."""
        return self._kept.using[1]

    def load(self, learned: Learned, none: Callable[[], None]) -> None:
        """The version in use goes to `learned`; where there is none that is sound, `none`."""
        usable = self._kept.found()
        if usable is None or usable.frozen:
            none()
            return
        card = usable.card

        def end(value: Any) -> None:
            if isinstance(value, Models):
                learned(value, card)
            else:
                log.warning("the comparison of sensors was not loaded", why=str(value))
                none()

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.suspicion.keeping:reload",
            Kept(str(usable.folder), usable.files),
            name="Load how sensors go together",
            timeout_s=120.0,
            on_end=end,
            result=Models,
            reads=[usable.folder],
            code="P-604",
            reply_bytes=256_000_000,
        )

    def learn(self, request: Learning, learned: Learned, failed: Callable[[], None]) -> None:
        """Learn in a worker and register it; where a person chose another version, that stays
        in use and is loaded again.
        """

        def end(value: Any) -> None:
            if isinstance(value, KeptModels):
                self._register(value, learned, failed)
                return
            if not (isinstance(value, Problem) and value.code == "P-607"):
                log.warning("the comparison of sensors was not learned", why=str(value))
            failed()

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.suspicion.keeping:learn",
            Keeping(request, str(self._kept.fresh)),
            name=LEARN,
            timeout_s=600.0,
            on_end=end,
            result=KeptModels,
            memory_mb=2_048,
            code="P-604",
            reply_bytes=256_000_000,
        )

    def _register(self, value: KeptModels, learned: Learned, failed: Callable[[], None]) -> None:
        card = sensors_card(value.models)
        record = self._kept.keep(value.files, card) if value.models.items else None
        if record is None:
            learned(value.models, card)  # it cannot be kept; it is as good for this run
        elif record.state is ModelState.IN_USE and not record.frozen:
            learned(value.models, record.card)
        else:
            failed()  # it waits for a person
