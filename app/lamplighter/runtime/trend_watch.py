"""Slow drifts to a limit, looked for in a worker now and then, shown beside the learned forecasts.

Asked of every datastream that has a limit and an asset the learned model does not follow.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from lamplighter.analytics.life.degradation import DAY_MS, MOST_DAYS, TrendRequest, Watched
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.runtime.fleet_past import NOT_MEASURED, SIMULATED
from lamplighter.runtime.known_events import renewals
from lamplighter.runtime.rounds import Rounds

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
EVERY_S: Final = 900
FIRST_S: Final = 60
"""after the start of a recorder"""
POINTS: Final = 1_500
"""a datastream; more are cells of means"""
MOST: Final = 1_000
"""datastreams looked at in one round; the next round goes on behind them"""


class TrendWatch:
    """`found` holds the newest trends by asset; `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.rounds = Rounds(EVERY_S, FIRST_S)
        self._busy = threading.Event()
        self._next = 0
        self._watched: frozenset[str] = frozenset()
        self._looked: frozenset[str] = frozenset()
        """assets with a limit that no model follows, and those of this round"""
        self.found: dict[str, Prognosis] = {}

    def every_second(self, learned: frozenset[str]) -> None:
        """`learned`: assets that a model follows; they need no trend."""
        if self.rounds.due(learned, busy=self._busy.is_set()):
            self._busy.set()
            threading.Thread(target=self._ask, args=(learned,), name="trends", daemon=True).start()

    def _ask(self, learned: frozenset[str]) -> None:
        try:
            request = self.request(learned)
            if not request.series:
                self._take(())
                self._busy.clear()
                return
            self._submit(request)
        except Exception:
            log.exception("trends could not begin")
            self._busy.clear()

    def request(self, learned: frozenset[str]) -> TrendRequest:
        """What is asked of the worker: the recorded past of datastreams with a limit, since their
        asset was last repaired: what came before was another machine's.
        """
        recorder = self._recorder
        now = recorder.clock.wall_ms()
        watched = [
            d
            for d in recorder.core.city.streams
            if d.asset and d.asset not in learned and not d.states
            and (d.limits.low is not None or d.limits.high is not None)
        ]  # fmt: skip
        watched.sort(key=lambda d: d.asset)
        begin = self._next if self._next < len(watched) else 0
        end = min(begin + MOST, len(watched))
        while end < len(watched) and watched[end].asset == watched[end - 1].asset:
            end += 1  # an asset is looked at as a whole
        self._next = end
        self._watched = frozenset(d.asset for d in watched)
        self._looked = frozenset(d.asset for d in watched[begin:end])
        anew: dict[str, int] = {}
        for event in renewals(recorder.store):
            anew[event.asset] = max(event.to_ms, anew.get(event.asset, 0))
        series = []
        for stream in watched[begin:end]:
            since = max(now - MOST_DAYS * DAY_MS, anew.get(stream.asset, 0))
            past = recorder.store.series(stream.id, min(since, now), now + 1, POINTS)
            good = (past.quality & CLASS_MASK) == int(Quality.GOOD)
            good &= (past.quality & NOT_MEASURED) == 0
            if not good.any() or int(np.ptp(past.time_ms[good])) < DAY_MS:
                continue
            series.append(
                Watched(stream.asset, stream.kind or stream.name, stream.unit, past.time_ms[good],
                        past.value[good], stream.limits.low, stream.limits.high)
            )  # fmt: skip
        simulated = recorder.store.setting(SIMULATED) == "yes"
        return TrendRequest(tuple(series), now, simulated)

    def _take(self, found: tuple[Prognosis, ...]) -> None:
        """What was looked at and does not drift is gone, and so is what nobody looks at any more:
        a model follows it, or it lost its limit.
        """
        open_ = self._watched - self._looked
        kept = {a: p for a, p in self.found.items() if a in open_}
        self.found = kept | {p.asset: p for p in found}

    def _submit(self, request: TrendRequest) -> None:
        def end(value: Any) -> None:
            if isinstance(value, tuple):
                self._take(value)
            self._busy.clear()

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.life.degradation:trends",
            request,
            name="Look for drifts to a limit",
            timeout_s=120.0,
            on_end=end,
            result=tuple[Prognosis, ...],
            code="P-604",
        )
