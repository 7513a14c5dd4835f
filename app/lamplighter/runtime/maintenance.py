"""Forecasts of a recorder: trained and scored in a worker, kept as facts.

The past comes from the store; live values are sampled once a second. Wear is counted in hours in
service where an asset reports them, so a past and a live feed that run at different speeds are on
one scale; what was learned from a simulated past says so.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from lamplighter.analytics import fleet
from lamplighter.analytics.maintenance import FEWEST_FAILURES
from lamplighter.analytics.scoreboard import WARNS
from lamplighter.analytics.scoring import ScoreRequest
from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis, without_number
from lamplighter.domain.problems import Problem, fault
from lamplighter.domain.quality import QualityMark
from lamplighter.runtime.age_watch import AgeWatch
from lamplighter.runtime.fleet_model import (
    CANCELLED,
    JUDGE_EVERY_S,
    FleetModel,
    believable,
    name_of,
)
from lamplighter.runtime.fleet_past import (
    NOT_MEASURED,
    SIMULATED,
    failures_of,
    feature_streams,
    past_points,
    renewals,
)
from lamplighter.runtime.live_samples import LiveSamples, Sample
from lamplighter.runtime.model_registry import Usable
from lamplighter.runtime.trend_watch import TrendWatch
from lamplighter.store import WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
SCORE_EVERY: Final = 5
"""seconds between two scorings of the whole fleet"""
LOOK_EVERY_S: Final = 6 * 3_600
"""without a model the past is looked at so often"""
KEPT_MS: Final = 86_400_000
"""a forecast of every asset is kept as a fact so often, and each that moved by more than `MOVED` or
began or ceased to warn"""
MOVED: Final = 0.05
UNMEASURED: Final = np.uint8(NOT_MEASURED)
"""nothing is learned or forecast from what a person set, or from a point in maintenance"""


class MaintenanceDesk:
    """One recorder's maintenance. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.model = FleetModel(recorder)
        self.trends = TrendWatch(recorder)
        self.ages = AgeWatch(recorder)
        self._beside: dict[str, Prognosis] = {}
        self._past: fleet.Points | None = None
        self._live = LiveSamples()
        self._seconds = self._beats = 0
        self._judged = -JUDGE_EVERY_S
        self._busy = threading.Event()
        self._shown: dict[str, Prognosis] = {}

    # ------------------------------------------------------------------ training
    def start(self) -> None:
        """Use the signed model there is, else train one where the project has a past."""
        streams = feature_streams(self._recorder.core.city.streams)
        if not streams:
            return
        self._past = past_points(self._recorder.store, streams)
        if self.model.usable() is None and self._can_learn(self._past):
            self.model.train(self._past)

    def _can_learn(self, past: fleet.Points) -> bool:
        """Whether to try: a past that was brought in is told of when it does not suffice."""
        if not len(past.time_ms):
            return False
        brought = bool((past.quality & int(QualityMark.HISTORICAL)).any())
        enough = failures_of(past, self._recorder.store.work_orders()) >= FEWEST_FAILURES
        return brought or enough

    def _look_again(self) -> None:
        """Without a model: is there enough of a past by now?"""
        try:
            streams = feature_streams(self._recorder.core.city.streams)
            past = past_points(self._recorder.store, streams)
            if failures_of(past, self._recorder.store.work_orders()) >= FEWEST_FAILURES:
                self.model.train(past)
        except Exception:
            log.exception("the past could not be looked at")

    def train(self, by: str) -> int:
        """Train a new version on the recorded past; the task's number.

        Raises LamplighterError (P-604) where there is no past to learn from, or while it runs.
        """
        streams = feature_streams(self._recorder.core.city.streams)
        past = past_points(self._recorder.store, streams) if streams else None
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
        self._beats += 1
        if self._beats % LOOK_EVERY_S == 0 and self.model.usable() is None:
            threading.Thread(target=self._look_again, name="past", daemon=True).start()
        learned = frozenset(self._shown) - frozenset(self._beside)
        self.trends.every_second(learned)
        self.ages.every_second(learned)
        if self.ages.found | self.trends.found != self._beside:
            self._publish_beside()
        if past is None:
            return
        newest = self._recorder.core.newest
        ids = np.array([d for d in past.meaning if d < len(newest)], np.int32)
        fresh = ids[newest.time_ms[ids] >= self._recorder.started_ms] if ids.size else ids
        fresh = fresh[(newest.quality[fresh] & UNMEASURED) == 0]
        if fresh.size:
            self._live.take(
                self._recorder.clock.monotonic_ms(),
                (fresh, newest.time_ms[fresh], newest.value[fresh], newest.quality[fresh]),
            )
        self._seconds += 1
        due = self._seconds % SCORE_EVERY == 0
        if due and len(self._live) and not self._busy.is_set():
            self._busy.set()
            samples = self._live.all()
            threading.Thread(
                target=self._score, args=(past, samples), name="score", daemon=True
            ).start()

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
        return ScoreRequest(
            folder=str(used.folder),
            files=used.files,
            history=history,
            now_ms=now,
            made_ms=now,
            what={a: f"{city.type_of(a)}, bearing".lstrip(", ") for a in history.assets},
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
                    self._withdraw(value)
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

    def _withdraw(self, why: Problem) -> None:
        """Without an answer there is no forecast: old numbers do not stand in for it."""
        shown = tuple(without_number(p, f"its model did not answer [{why.code}]")
                      for p in self._shown.values() if p.probability_30d is not None)  # fmt: skip
        if shown:
            self._publish(shown)

    def _publish(self, items: tuple[Prognosis, ...]) -> None:
        now = self._recorder.clock.wall_ms()
        items = tuple(believable(p, now) for p in items)
        moved = [p for p in items if _moved(self._shown.get(p.asset), p)]
        self._shown |= {p.asset: p for p in moved}
        batch = self._recorder.core.batch()

        def keep(access: WriteAccess) -> None:
            access.put_prognoses(moved, batch)

        if moved:
            self._recorder.store.writer.call(keep)
        shown = {p.asset for p in items}
        beside = tuple(p for p in self._beside.values() if p.asset not in shown)
        self._recorder.server.emit(wire.PrognosisChanged(items + beside))

    def _publish_beside(self) -> None:
        """Drifts to a limit and ages, beside what the model says of its assets."""
        before, self._beside = self._beside, self.ages.found | self.trends.found
        ended = [without_number(p, "nothing speaks for it any more")
                 for a, p in before.items() if a not in self._beside]  # fmt: skip
        moved = [*(believable(p, p.made_ms) for p in self._beside.values()), *ended]
        kept = [p for p in moved if _moved(before.get(p.asset), p)]
        batch = self._recorder.core.batch()

        def keep(access: WriteAccess) -> None:
            access.put_prognoses(kept, batch)

        if kept:
            self._recorder.store.writer.call(keep)
        rest = tuple(p for a, p in self._shown.items() if a not in self._beside)
        self._recorder.server.emit(wire.PrognosisChanged(rest + tuple(moved)))


def _moved(before: Prognosis | None, now: Prognosis) -> bool:
    if before is None:
        return True
    if before.probability_30d is None or now.probability_30d is None:
        other = before.probability_30d is not now.probability_30d
        return other or now.made_ms - before.made_ms >= KEPT_MS
    was, is_now = before.probability_30d, now.probability_30d
    if now.made_ms - before.made_ms >= KEPT_MS or (was >= WARNS) != (is_now >= WARNS):
        return True
    return abs(was - is_now) > MOVED
