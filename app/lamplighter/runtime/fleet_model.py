"""The maintenance model of a recorder: trained, registered, watched, and never believed blindly.

Training and looking for drift are tasks for a worker. A number that a worker hands over is let
through only when it can be one: finite, inside its own range, and not older than a minute.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from lamplighter.analytics import fleet, scoreboard
from lamplighter.analytics.maintenance import TrainReport, TrainRequest, card
from lamplighter.analytics.scoring import NO_SKILL, ScoreRequest
from lamplighter.domain.maintenance import Prognosis, without_number
from lamplighter.domain.models import Drift
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.runtime.fleet_past import SIMULATED, renewals
from lamplighter.runtime.model_registry import AUTOMATIC, Usable

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
KIND: Final = "maintenance"
"""what its models are called in the registry"""
LATE_MS: Final = 60_000
"""a forecast that comes later than this after it was asked for is none"""
DRIFT_EVERY: Final = 120
"""of this many scorings one also looks at the inputs"""
JUDGE_EVERY_S: Final = 3_600
CANCELLED: Final = "P-607"


class FleetModel:
    """The version in use, and what keeps it honest."""

    def __init__(self, recorder: Recorder, kind: str = KIND, of: str = "") -> None:
        """`of`: the asset class; empty for the bearings of all machines."""
        self._recorder, self.kind, self._of = recorder, kind, of
        self._fresh: Path = recorder.project / "cache" / "training" / kind
        self._usable: Usable | None = None
        self._stamp = -1
        self._looks = 0
        self._training = threading.Event()

    # ------------------------------------------------------------------ the version in use
    def usable(self) -> Usable | None:
        """The version to forecast with, read anew when a person or a window changed it."""
        models = self._recorder.models
        if models.stamp != self._stamp:
            self._stamp = models.stamp
            try:
                self._usable = models.in_use(self.kind)
            except LamplighterError as error:
                self._usable = None
                self._recorder.tell(error.problem)
        return self._usable

    def train(self, past: fleet.Points, *, by: str = AUTOMATIC, afar: bool = True) -> int:
        """Train on the project's past; the task's number, 0 while a training runs already.

        `afar`: on the cluster where one is configured; when that fails it is done here.
        """
        if self._training.is_set():
            return 0
        self._training.set()
        try:
            request = training(self._recorder.store, past, self._fresh)
        except BaseException:
            self._training.clear()
            raise

        def end(value: Any) -> None:
            self._training.clear()
            if isinstance(value, TrainReport):
                self._adopt(value, by)
            elif isinstance(value, Problem) and value.code != CANCELLED:
                self._recorder.tell(value)
                if afar and pool.cluster:
                    self.train(past, by=by, afar=False)

        pool = self._recorder.jobs.pool
        return pool.submit(
            "lamplighter.analytics.maintenance:train",
            request,
            name=f"Train the model of {self._of}" if self._of else "Train the maintenance model",
            timeout_s=120.0,
            on_end=end,
            result=TrainReport,
            code="P-604",
            afar=afar,
        )

    def _adopt(self, report: TrainReport, by: str) -> None:
        try:
            told = card(report, self.kind, self._of)
            why = NO_SKILL if report.frozen else ""
            self._recorder.models.adopt(self._fresh, report.files, told, owner=by, frozen=why)
        except LamplighterError as error:
            self._recorder.tell(error.problem)
            return
        log.info("trained", seconds=report.seconds, failures=report.failures)

    # ------------------------------------------------------------------ what keeps it honest
    def look_at_inputs(self, request: ScoreRequest) -> None:
        """Now and then compare the inputs of now with those of the training."""
        self._looks += 1
        if self._looks % DRIFT_EVERY != 1:
            return

        def end(value: Any) -> None:
            if isinstance(value, Drift):
                self._recorder.models.saw(self.kind, value)

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.drift:fleet_drift",
            request,
            name="Compare inputs with the training",
            timeout_s=60.0,
            on_end=end,
            result=Drift,
            reads=[Path(request.folder)],
            code="P-604",
        )

    def judge(self) -> None:
        """Hold the forecasts of the latest window against what came; freeze where worse."""
        recorder, used = self._recorder, self.usable()
        if used is None:
            return
        now = recorder.clock.wall_ms()
        window = scoreboard.latest_window(
            recorder.store.prognosis_journal(now - scoreboard.LOOK_BACK_MS),
            recorder.store.work_orders(),
            now,
            model=name_of(used),
        )
        known = recorder.models.record(self.kind).judged
        if window is not None and (not known or window.to_ms > known[-1].to_ms):
            recorder.models.judged(self.kind, window)


def name_of(used: Usable) -> str:
    """What forecasts say they were made by."""
    return f"{used.card.method}, version {used.card.version}"


def training(store: Any, past: fleet.Points, folder: Path) -> TrainRequest:
    """The request that trains on a project's recorded past."""
    simulated = store.setting(SIMULATED) == "yes"
    history = fleet.from_points(past, renewals(store.work_orders()), simulated=simulated)
    return TrainRequest(history, str(folder))


def believable(item: Prognosis, now_ms: int) -> Prognosis:
    """The forecast as it is, or one without a number that says why."""
    why = _unbelievable(item, now_ms)
    return without_number(item, why) if why else item


def _unbelievable(item: Prognosis, now_ms: int) -> str:
    parts = (item.probability_30d, item.low, item.high)
    days = tuple(d for d in (item.days_low, item.days_high) if d is not None)
    if all(p is None for p in parts):
        return "its model gave days without a chance" if days else ""
    known = [p for p in parts if p is not None]
    if len(known) < len(parts) or not np.isfinite([*known, *days]).all():
        return "its model gave no number"
    chance, low, high = known
    if not 0.0 <= low <= high <= 1.0 or not 0.0 <= chance <= 1.0 or min(days, default=0.0) < 0.0:
        return "its model gave a number that can be none"
    if now_ms - item.made_ms > LATE_MS:
        return f"its answer came {(now_ms - item.made_ms) / 1000:.0f} s late"
    return ""
