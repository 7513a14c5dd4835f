"""One class of assets with a model of its own: learned from its past, fed live, scored in a worker.

The past comes from the store; live values are sampled once a second, those of a class of many
assets once a minute. Wear is counted in hours in service where an asset reports them, so a past and
a live feed that run at different speeds are on one scale; what was learned from a simulated past
says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from lamplighter.analytics import fleet
from lamplighter.analytics.maintenance import FEWEST_FAILURES
from lamplighter.analytics.scoring import ScoreRequest
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.problems import Problem, fault
from lamplighter.domain.quality import QualityMark
from lamplighter.runtime.fleet_model import CANCELLED, JUDGE_EVERY_S, KIND, FleetModel, name_of
from lamplighter.runtime.fleet_past import (
    HOUR_MS,
    NOT_MEASURED,
    SIMULATED,
    Meaning,
    failures_of,
    past_points,
    renewals,
)
from lamplighter.runtime.live_samples import LiveSamples, Sample
from lamplighter.runtime.model_registry import Usable

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
FIRST_S: Final = 20
"""after the start of a recorder, for what is scored seldom"""
FEW: Final = 300
"""datastreams that are sampled each second and kept by ten minutes; of sixty days of many more
that would be a gigabyte, gone through every few seconds
"""
MANY_EVERY_S: Final = 60
"""between two scorings of many"""
AT_ONCE: Final = 100
"""datastreams whose past is read anew while somebody waits; else it is that of the start"""
UNMEASURED: Final = np.uint8(NOT_MEASURED)
"""nothing is learned or forecast from what a person set, or from a point in maintenance"""
Publish = Callable[[tuple[Prognosis, ...]], None]
Withdraw = Callable[[Problem, frozenset[str]], None]


class ClassFleet:
    """`every_second` is called on the core's beat; answers go to `publish` and `withdraw`."""

    def __init__(
        self,
        recorder: Recorder,
        publish: Publish,
        withdraw: Withdraw,
        *,
        kind: str = KIND,
        of: str = "",
        every_s: int = 5,
    ) -> None:
        """`of` is the asset class, empty for the bearings of all machines that have them."""
        self._recorder, self._publish, self._withdraw = recorder, publish, withdraw
        self.of, self._every_s = of, every_s
        self.model = FleetModel(recorder, kind, of)
        self._past: fleet.Points | None = None
        self._live = LiveSamples(HOUR_MS) if of else LiveSamples()
        self._each_s = max(1, every_s // 5)
        self._seconds = max(0, every_s - FIRST_S)
        self._judged = -JUDGE_EVERY_S
        self._busy = threading.Event()

    @property
    def assets(self) -> frozenset[str]:
        """Whom it follows."""
        past = self._past
        return frozenset(a for a, _ in past.meaning.values()) if past is not None else frozenset()

    def signal_of(self, datastream: int) -> str:
        """Which of its signals a datastream is; empty for none."""
        past = self._past
        return past.meaning.get(datastream, ("", ""))[1] if past is not None else ""

    # ------------------------------------------------------------------ training
    def start(self, meaning: Meaning) -> None:
        """Use the signed model there is, else train one where the project has a past."""
        past = past_points(self._recorder.store, meaning)
        self._follow(past)
        if self.model.usable() is None and self._can_learn(past):
            self.model.train(past)

    def _follow(self, past: fleet.Points) -> None:
        if len(past.meaning) > FEW and self._every_s < MANY_EVERY_S:
            self._every_s, self._each_s = MANY_EVERY_S, MANY_EVERY_S // 5
            self._live = LiveSamples(HOUR_MS)  # what was sampled so far stands in the past by now
        self._past = past

    def _can_learn(self, past: fleet.Points) -> bool:
        """Whether to try: a past that was brought in is told of when it does not suffice."""
        if not len(past.time_ms):
            return False
        brought = not self.of and bool((past.quality & int(QualityMark.HISTORICAL)).any())
        enough = failures_of(past, self._recorder.store.work_orders()) >= FEWEST_FAILURES
        return brought or enough

    def look_again(self, meaning: Meaning) -> None:
        """Datastreams that were bound since; and without a model, is there enough of a past?"""
        followed = self._past is not None and meaning.keys() <= self._past.meaning.keys()
        without = self.model.usable() is None
        if followed and not without:
            return
        past = past_points(self._recorder.store, meaning)
        if not followed:
            self._follow(past)
        if without and failures_of(past, self._recorder.store.work_orders()) >= FEWEST_FAILURES:
            self.model.train(past)

    def train(self, by: str, meaning: Meaning) -> int:
        """Train a new version on the recorded past; the task's number.

        Raises LamplighterError (P-604) where there is no past to learn from, or while it runs.
        """
        past = self._past
        if meaning and (past is None or len(meaning) <= AT_ONCE):
            past = past_points(self._recorder.store, meaning)
            if self._past is None:
                self._follow(past)
        if past is None or not len(past.time_ms):
            raise fault("P-604", name="the fleet", what="there is no past to learn from")
        task = self.model.train(past, by=by)
        if not task:
            raise fault("P-604", name="the fleet", what="its model is being trained already")
        return task

    # ------------------------------------------------------------------ scoring
    def every_second(self) -> None:
        """Sample the live values; score the fleet when it is due."""
        past = self._past
        if past is None:
            return
        self._seconds += 1
        if self._seconds % self._each_s == 0:
            self._sample(past)
        due = self._seconds % self._every_s == 0
        if due and len(self._live) and not self._busy.is_set():
            self._busy.set()
            samples = self._live.all()
            threading.Thread(
                target=self._score, args=(past, samples), name="score", daemon=True
            ).start()

    def _sample(self, past: fleet.Points) -> None:
        newest = self._recorder.core.newest
        ids = np.array([d for d in past.meaning if d < len(newest)], np.int32)
        begun, now = self._recorder.started_ms, self._recorder.clock.wall_ms()
        if begun > now:  # it started by a clock that was ahead and has been set right
            begun = now - HOUR_MS
        fresh = ids[newest.time_ms[ids] >= begun] if ids.size else ids
        fresh = fresh[(newest.quality[fresh] & UNMEASURED) == 0]
        if fresh.size:
            self._live.take(
                self._recorder.clock.monotonic_ms(),
                (fresh, newest.time_ms[fresh], newest.value[fresh], newest.quality[fresh]),
            )

    def _score(self, past: fleet.Points, samples: list[Sample]) -> None:
        try:
            used = self.model.usable()
            if used is None:
                self._busy.clear()
                return
            request = self._request(past, samples, used)
            self._submit(request)
            self.model.look_at_inputs(request)
            if self._seconds - self._judged >= JUDGE_EVERY_S:
                self._judged = self._seconds
                self.model.judge()
        except Exception:
            log.exception("scoring could not begin")
            self._busy.clear()

    def _request(self, past: fleet.Points, samples: list[Sample], used: Usable) -> ScoreRequest:
        recorder = self._recorder
        ids, times, values, quality = (np.concatenate(c) for c in zip(*samples, strict=True))
        points = fleet.Points(
            np.concatenate([past.datastream, ids]),
            np.concatenate([past.time_ms, times]),
            np.concatenate([past.value, values]),
            np.concatenate([past.quality, quality]),
            past.meaning,
        )
        now = recorder.clock.wall_ms()
        simulated = recorder.store.setting(SIMULATED) == "yes"
        history = fleet.from_points(
            points, renewals(recorder.store.work_orders()), simulated=simulated
        )
        city, trust = recorder.core.city, recorder.core.newest.trust
        own: dict[str, list[float]] = {}
        for stream, (asset, _) in past.meaning.items():
            if stream < len(trust):
                own.setdefault(asset, []).append(float(trust[stream]))
        part = "" if self.of else ", bearing"
        return ScoreRequest(
            folder=str(used.folder),
            files=used.files,
            history=history,
            now_ms=now,
            made_ms=now,
            what={a: f"{city.type_of(a)}{part}".lstrip(", ") for a in history.assets},
            people={a: city.graph.people_behind(a) for a in history.assets},
            trust={a: min(found) for a, found in own.items()},
            model=name_of(used),
            frozen=used.frozen,
        )

    def _submit(self, request: ScoreRequest) -> None:
        def end(value: Any) -> None:
            self._busy.clear()
            if isinstance(value, Problem):
                if value.code != CANCELLED:
                    self._recorder.tell(value)
                    self._withdraw(value, self.assets)
            elif value is not None:
                self._publish(value)

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.scoring:score",
            request,
            name="Score the fleet",
            timeout_s=30.0,
            on_end=end,
            result=tuple[Prognosis, ...],
            reads=[Path(request.folder)],
            code="P-604",
        )
