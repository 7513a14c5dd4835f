"""The model of the next hours in the registry: learned, used, judged on what came, frozen, renewed.

A version is learned a week after the one before, or after a day when it lacks something that is
forecast now or is frozen. How its forecasts fared is counted hour by hour and put on its record
every three days; what it was not asked about is back-tested when the next one is learned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import structlog
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.analytics.forecasting.keeping import ENOUGH, FEWEST, KeptVersion, Later, Version
from lamplighter.analytics.forecasting.live import HOUR_MS, Item, LiveRequest, Past, too_poor
from lamplighter.domain.models import Figure, Judged, ModelCard
from lamplighter.domain.problems import Problem, fault
from lamplighter.domain.task import TaskState
from lamplighter.runtime.fleet_past import SIMULATED
from lamplighter.runtime.learned_model import CANCELLED, LearnedModel
from lamplighter.runtime.model_registry import AUTOMATIC
from lamplighter.runtime.own_cards import FORECASTS_CRAFT, MEDIAN

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
WINDOW: Final = "forecast.window"
"""what is counted so far, kept beside the settings so that it outlives the recorder"""
WINDOW_MS: Final = 72 * HOUR_MS
RENEW_MS: Final = 7 * 24 * HOUR_MS
LACKING_MS: Final = 24 * HOUR_MS
AGAIN_MS: Final = HOUR_MS
"""after a time of learning that came to nothing"""


class Tally(Struct, frozen=True):
    """Outcomes of one item: how many, and the sums of absolute misses."""

    count: int = 0
    miss: float = 0.0
    naive_miss: float = 0.0

    def more(self, miss: float, naive_miss: float) -> Tally:
        return Tally(self.count + 1, self.miss + abs(miss), self.naive_miss + abs(naive_miss))


class Window(Struct, frozen=True):
    """What came of the forecasts of one version since `from_ms`."""

    version: int = 0
    from_ms: int = 0
    to_ms: int = 0
    rows: dict[str, Tally] = {}


class ForecastModels:
    """The versions of one recorder's forecasts."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.kept: LearnedModel[Version] = LearnedModel(recorder, FORECASTS_CRAFT)
        self._items: dict[str, Item] = {}
        self._version = self._made_ms = self._again_ms = 0
        self._busy = False
        self._asked: tuple[OwnTask, str] | None = None
        self._window = Window()

    # ------------------------------------------------------------------ in use
    def start(self) -> None:
        """Take up the window that was counted, and load the version in use."""
        try:
            text = self._recorder.store.setting(WINDOW) or "{}"
            self._window = msgspec.json.decode(text, type=Window)
        except msgspec.MsgspecError:
            self._window = Window()
        self.load()

    def load(self, then: Callable[[], None] = lambda: None) -> None:
        """The version in use, whichever that is now."""
        self._busy = True

        def use(value: Version, card: ModelCard) -> None:
            self._use(value, card)
            then()

        def none() -> None:
            self._items, self._busy = {}, False
            self._version = self._made_ms = self._again_ms = 0
            then()

        self.kept.load(use, none)

    def moved(self) -> bool:
        """Whether a person put another version in its place, or it was frozen or thawed."""
        return not self._busy and self.kept.moved()

    def _use(self, value: Version, card: ModelCard) -> None:
        if not value.items:
            self._busy = False
            return  # nothing could be learned; what is in use stays
        self._items, self._version = {i.id: i for i in value.items}, card.version
        self._made_ms = card.made_ms or self._recorder.clock.wall_ms()
        self._busy = False

    def request(self, now_ms: int, pasts: list[Past]) -> LiveRequest:
        """What the next hours are made from: each past with what the version knows of it."""
        taught = tuple(replace(p, taught=self._items.get(p.id)) for p in pasts)
        frozen = self.kept.frozen if self._version else ""
        simulated = self._recorder.store.setting(SIMULATED) == "yes"
        return LiveRequest(
            now_ms, taught, version=self._version, frozen=frozen, simulated=simulated
        )

    # ------------------------------------------------------------------ learning
    def ask(self, by: str) -> int:
        """A person wants a new version: it is learned with the next forecasts; the task's number.

        Raises LamplighterError (P-609) while one is being learned.
        """
        if self._busy or self._asked is not None:
            name = FORECASTS_CRAFT.kind
            raise fault("P-609", name=name, what="it is being learned or loaded already")
        task = self._recorder.jobs.own(FORECASTS_CRAFT.learn_name + " (asked for)")
        self._asked = (task, by)
        return task.number

    def not_made(self, why: object) -> None:
        """There was nothing to forecast from, so nothing to learn from: who asked is told."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked[0].end(*_ended(why))

    def learn_if_due(self, request: LiveRequest) -> None:
        """Learn from what was just forecast from, when a person asked or it is time."""
        asked = self._asked
        if self._busy or (asked is None and not self._is_due(request)):
            return
        self._busy, self._asked = True, None
        now = request.made_ms
        self._again_ms = now + AGAIN_MS
        version = self._version
        task, by = asked if asked is not None else (None, AUTOMATIC)

        def told(answer: Any) -> None:
            if task is not None:
                task.end(*_ended(answer))
            if isinstance(answer, KeptVersion) and answer.version.items:
                self._again_ms = now + LACKING_MS  # also where it waits for a person
            if isinstance(answer, KeptVersion) and answer.later is not None and version:
                self.kept.judged(back_tested(answer.later), version)

        def step(done: int, total: int, text: str) -> bool:
            if task is None:
                return True
            if not task.cancelled:
                task.step(done, total, text)
            return not task.cancelled

        def failed() -> None:
            self._busy = False

        self.kept.learn(request, self._use, failed, by=by, told=told, step=step)

    def _is_due(self, request: LiveRequest) -> bool:
        now = request.made_ms
        if 0 < self._again_ms - now <= LACKING_MS:  # more than that: the clock was set back
            return False
        able = [p for p in request.items if not too_poor(p, request.least_hours)]
        age = now - self._made_ms
        if not able or 0 <= age < LACKING_MS:
            return False
        lacking = any(_lacks(p) for p in able)
        return lacking or bool(self.kept.frozen) or age < 0 or age >= RENEW_MS

    # ------------------------------------------------------------------ judging
    def came(self, id: str, version: int, hour: int, miss: float, naive_miss: float) -> None:
        """One forecast of a version met its outcome; `hour` since 1970."""
        if not version:
            return
        window, at = self._window, hour * HOUR_MS
        if version != window.version:
            if version != self._version:
                return  # its window was closed when another one came
            self._close()
            window = Window(version, at, at)
        rows = window.rows | {id: window.rows.get(id, Tally()).more(miss, naive_miss)}
        begin = min(window.from_ms, at) if window.rows else at
        end = max(window.to_ms, at + HOUR_MS)
        self._window = Window(version, begin, end, rows)

    def settle(self) -> None:
        """Put a whole window on record, and keep what is counted of the next one. One in which too
        little came to judge by goes on.
        """
        whole = self._window.to_ms - self._window.from_ms >= WINDOW_MS
        if whole and judged_of(self._window) is not None:
            self._close()
        text = msgspec.json.encode(self._window).decode()
        self._recorder.store.writer.keep(lambda access: access.put_setting(WINDOW, text))

    def _close(self) -> None:
        window, self._window = self._window, Window(self._window.version)
        found = judged_of(window)
        if found is not None:
            self.kept.judged(found, window.version)


def judged_of(window: Window) -> Judged | None:
    """The window as the registry keeps it; None where too little came."""
    enough = [t for t in window.rows.values() if t.count >= FEWEST and t.naive_miss > 0]
    if sum(t.count for t in enough) < ENOUGH:
        return None
    ratio = float(np.median([t.miss / t.naive_miss for t in enough]))
    return Judged(window.from_ms, window.to_ms, _figure("forecasts issued", ratio, len(enough)))


def back_tested(later: Later) -> Judged:
    """How the version before fared over the hours since it was learned."""
    figure = _figure("hours not learned from", later.ratio, later.items)
    return Judged(later.from_ms, later.to_ms, figure, backtest=True)


def _figure(what: str, ratio: float, items: int) -> Figure:
    return Figure(f"{MEDIAN} over the naive rule's, {what}", round(ratio, 4), 1.0, n=items)


def _ended(answer: Any) -> tuple[TaskState, str]:
    if isinstance(answer, KeptVersion):
        none = "nothing could be learned: no history is long and sound enough"
        return (TaskState.DONE, "") if answer.version.items else (TaskState.FAILED, none)
    stopped = isinstance(answer, Problem) and answer.code == CANCELLED
    return TaskState.CANCELLED if stopped else TaskState.FAILED, str(answer)


def _lacks(past: Past) -> bool:
    return past.taught is None or past.taught.end_ms <= past.anew_ms
