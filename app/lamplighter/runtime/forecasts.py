"""Forecasts of a recorder: made every hour in a limited worker, kept, and judged by what came.

Asked for are the figures of the windows and the datastreams that charts show. Every forecast is a
fact with the time it was made, so a replay shows what was forecast then.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import structlog

from lamplighter.analytics.forecasting.live import JUDGED_LEAD, Past
from lamplighter.domain import wire
from lamplighter.domain.anomaly import KnownEvent
from lamplighter.domain.city import Datastream
from lamplighter.domain.forecast import FIGURE, STREAM, Figure, Forecast, Track
from lamplighter.domain.models import FORECASTS
from lamplighter.domain.ports import Newest
from lamplighter.domain.problems import Problem, fault
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.runtime.forecast_list import records_of
from lamplighter.runtime.forecast_models import ForecastModels
from lamplighter.runtime.forecast_past import HOUR_MS, figure_hours, hours_of
from lamplighter.runtime.known_events import renewals
from lamplighter.store.access import WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
FIGURES: Final = "forecast.figures"
LATE_MS: Final = 60_000
"""after the full hour, so that the last values of the hour have come"""
SOON_MS: Final = 3_000
"""after something new was asked for"""
MOST_STREAMS: Final = 24
MOST_FIGURES: Final = 40
MOST_MEMBERS: Final = 400
"""datastreams read for one figure; those left out are taken to be like them"""
HALF_HOURS: Final = 28 * 24
KEEP: Final = 0.5 ** (1.0 / HALF_HOURS)
DOUBTED: Final = 0.5
DOUBTS: Final = np.uint8(QualityMark.SUSPECT | QualityMark.WITHHELD)
TIMEOUT_S: Final = 900.0


class _Said(NamedTuple):
    """What was said of an hour that has not come yet."""

    model: float
    naive: float
    low: float
    high: float
    version: int = 0
    """of the model; 0 = of none"""


@dataclass(slots=True)
class _Pending:
    """Hours that were forecast and have not come yet, by their number since 1970."""

    hours: dict[int, _Said] = field(default_factory=dict)


class ForecastDesk:
    """One recorder's forecasts. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._busy = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._figures: tuple[Figure, ...] = ()
        self._streams: list[str] = []
        """keys of datastreams, the one asked for last at the end"""
        self._pending: dict[str, _Pending] = {}
        self._made_hour = 0
        self._soon_at = 0
        self.items: dict[str, Forecast] = {}
        self.models = ForecastModels(recorder)

    # ------------------------------------------------------------------ life
    def start(self) -> None:
        """Take up what was forecast before the recorder ended."""
        store = self._recorder.store
        try:
            self._figures = msgspec.json.decode(
                store.setting(FIGURES) or "[]", type=tuple[Figure, ...]
            )
        except msgspec.MsgspecError:
            self._figures = ()
        for item in store.forecasts():
            self.items[item.id] = item
            self._remember(item)
            if item.id.startswith(STREAM):
                self._streams.append(item.id.removeprefix(STREAM))
        self._streams = self._streams[-MOST_STREAMS:]
        self.models.start()
        if self._figures or self._streams:
            self._soon()

    def stop(self, deadline_s: float = 3.0) -> None:
        self._stopping = True
        thread = self._thread
        if thread is not None:
            thread.join(deadline_s)

    def every_second(self) -> None:
        """Begin when a new hour is whole, or when something new was asked for."""
        if self._busy or self._stopping or not (self._figures or self._streams):
            return
        if self.models.moved():
            self.models.load(self._soon)
            return
        clock = self._recorder.clock
        hour = (clock.wall_ms() - LATE_MS) // HOUR_MS
        soon = bool(self._soon_at) and clock.monotonic_ms() >= self._soon_at
        if hour != self._made_hour or soon:  # also where the clock was set back
            self.make(quick=soon or not self._made_hour)

    def _soon(self) -> None:
        self._soon_at = self._recorder.clock.monotonic_ms() + SOON_MS

    @property
    def due_ms(self) -> int:
        """When forecasts are made anew."""
        return (self._made_hour + 1) * HOUR_MS + LATE_MS

    # ------------------------------------------------------------------ what is asked for
    def put_figures(self, figures: Sequence[Figure]) -> bool:
        """Forecast these figures from now on; says whether they are others than before."""
        found = tuple(
            _bounded(f)
            for f in figures[:MOST_FIGURES]
            if f.keys and f.fold in ("sum", "mean", "median")
        )
        if found == self._figures:
            return False
        self._figures = found
        text = msgspec.json.encode(found).decode()
        self._recorder.store.writer.keep(lambda access: access.put_setting(FIGURES, text))
        self._soon()
        return True

    def past_came(self) -> None:
        """A past was brought in: what had too little history may have enough now."""
        if self._figures or self._streams:
            self._soon()

    def watch(self, streams: Sequence[Datastream]) -> None:
        """Forecast these datastreams too; the ones asked about longest ago make room."""
        keys = [s.key for s in streams if not s.states][:MOST_STREAMS]
        fresh = [key for key in keys if key not in self._streams]
        self._streams = [k for k in self._streams if k not in keys] + keys
        self._streams = self._streams[-MOST_STREAMS:]
        if fresh:
            self._soon()

    def records(self) -> tuple[wire.ForecastRecord, ...]:
        """What became of the forecasts, by name."""
        return records_of(tuple(self.items.values()))

    def train(self, by: str) -> int:
        """Learn a new version now, for a person; the task's number.

        Raises LamplighterError (P-609) where nothing is forecast, or one is being learned.
        """
        if not (self._figures or self._streams):
            what = "nothing is forecast yet: it learns what a window shows"
            raise fault("P-609", name=FORECASTS, what=what)
        number = self.models.ask(by)
        self._soon()
        return number

    # ------------------------------------------------------------------ making
    def make(self, *, quick: bool = False) -> bool:
        """Begin to forecast; False when it is under way already. `quick`: without trees, for who
        asked just now does not want to wait for them.
        """
        with self._lock:
            if self._busy or self._stopping:
                return False
            self._busy = True
        self._soon_at = 0
        self._thread = threading.Thread(
            target=self._make, args=(quick,), name="forecasts", daemon=True
        )
        self._thread.start()
        return True

    def _make(self, quick: bool) -> None:
        recorder = self._recorder
        now = recorder.clock.wall_ms()
        hour = (now - LATE_MS) // HOUR_MS
        try:
            request = self.models.request(now, self._pasts(hour, boosted=not quick))
            self.models.settle()
        except Exception as error:
            log.exception("forecasts could not begin")
            self._made_hour, self._busy = hour, False
            self.models.not_made(error)
            return

        def end(value: Any) -> None:
            self._made_hour = hour
            try:
                if isinstance(value, tuple):
                    self._publish(value)
                    self.models.learn_if_due(request)
                    return
                self.models.not_made(value)
                if isinstance(value, Problem) and value.code != "P-607":
                    recorder.tell(value)
            finally:
                self._busy = False

        recorder.jobs.pool.submit(
            "lamplighter.analytics.forecasting.live:next_hours",
            request,
            name="Forecast the next hours",
            timeout_s=TIMEOUT_S,
            on_end=end,
            result=tuple[Forecast, ...],
            code="P-604",
        )

    def _pasts(self, hour: int, *, boosted: bool) -> list[Past]:
        """What was measured before `hour`, with the record of what was forecast of it."""
        recorder = self._recorder
        city = recorder.core.city
        by_key = {s.key: s for s in city.streams}
        figures, streams = self._figures, list(self._streams)
        keys = {k for f in figures for k in f.keys} | set(streams)
        ids = {by_key[k].id: k for k in keys if k in by_key}
        rows = {ids[i]: v for i, v in hours_of(recorder.store, sorted(ids), hour)}
        end = hour * HOUR_MS
        nothing, newest = np.full(1, np.nan), recorder.core.newest
        found = []
        for figure in figures:
            value = figure_hours(figure, rows)
            value = nothing if value is None else value
            found.append(
                self._past(FIGURE + figure.id, value, end, figure.name, figure.unit,
                           doubt_of(newest, [by_key[k] for k in figure.keys if k in by_key]), hour,
                           boosted=boosted)
            )  # fmt: skip
        renewed = {e.asset: e for e in sorted(renewals(recorder.store), key=lambda e: e.to_ms)}
        for key in streams:
            stream = by_key.get(key)
            if stream is not None:
                name = stream.label or stream.name
                found.append(
                    self._past(STREAM + key, rows.get(key, nothing), end, name, stream.unit,
                               doubt_of(newest, [stream]), hour, anew=renewed.get(stream.asset))
                )  # fmt: skip
        return found

    def _past(
        self, id: str, value: np.ndarray, end_ms: int, name: str, unit: str, doubt: str,
        hour: int, *, boosted: bool = False, anew: KnownEvent | None = None,
    ) -> Past:  # fmt: skip
        """`anew`: a repair; what was measured before it was another machine's."""
        if anew is not None:
            self._begin_anew(id, anew.to_ms)
            value = value.copy()
            value[: max(0, value.size - hour + -(-anew.to_ms // HOUR_MS))] = np.nan
        known = np.flatnonzero(np.isfinite(value))
        value = value[known[0] :] if known.size else np.zeros(0)
        track = self._judged(id, value, hour)
        return Past(
            id, end_ms - value.size * HOUR_MS, value, name, unit, doubt, track, boosted,
            anew.to_ms if anew is not None else 0, anew.text if anew is not None else "",
        )  # fmt: skip

    # ------------------------------------------------------------------ judging and keeping
    def _begin_anew(self, id: str, at_ms: int) -> None:
        """After a repair nothing that was forecast before it is judged, and the record is blank."""
        before = self.items.get(id)
        if before is not None and before.anew_ms < at_ms:
            blank = msgspec.structs.replace(before, track=Track(), anew_ms=at_ms)
            self.items[id] = blank
            self._pending.pop(id, None)

    def _judged(self, id: str, value: np.ndarray, hour: int) -> Track:
        """The record with all outcomes that have come since."""
        before = self.items.get(id)
        track = before.track if before is not None else Track()
        waiting = self._pending.get(id)
        if waiting is None:
            return track
        first = hour - value.size
        for at in sorted(h for h in waiting.hours if h < hour):
            said = waiting.hours.pop(at)
            if first <= at and np.isfinite(value[at - first]):
                came = float(value[at - first])
                miss, naive_miss = said.model - came, said.naive - came
                track = track.with_outcome(miss, naive_miss, said.low <= came <= said.high, KEEP)
                self.models.came(id, said.version, at, miss, naive_miss)
        if before is not None and track is not before.track:
            # on record also where the forecast that is made now comes to nothing
            self.items[id] = msgspec.structs.replace(before, track=track)
        return track

    def _remember(self, item: Forecast) -> None:
        """The hour that is judged when it has come; the first word about it counts."""
        at = JUDGED_LEAD - 1
        if len(item.time_ms) <= at:
            return
        hours = self._pending.setdefault(item.id, _Pending()).hours
        hour = item.time_ms[at] // HOUR_MS
        own = item.frozen and not self.models.kept.frozen  # then it was not the model that spoke
        version = 0 if own else item.version
        said = (item.model[at], item.naive[at], item.low[at], item.high[at], version)
        hours.setdefault(hour, _Said(*said))

    def _publish(self, items: tuple[Forecast, ...]) -> None:
        recorder = self._recorder
        wanted = {FIGURE + f.id for f in self._figures} | {STREAM + k for k in self._streams}
        gone = [id for id in self.items if id not in wanted]
        for id in gone:
            self.items.pop(id)
            self._pending.pop(id, None)
        for item in items:
            self._remember(item)
            self.items[item.id] = item
        batch = recorder.core.batch()

        def keep(access: WriteAccess) -> None:
            access.put_forecasts(items, batch)
            access.remove_forecasts(gone, batch)

        recorder.store.writer.keep(keep)
        recorder.server.emit(wire.Forecasts(items, self.due_ms))
        log.info("forecast", items=len(items), abstained=sum(not i.value for i in items))


def _bounded(figure: Figure) -> Figure:
    """Of very many datastreams every so manieth; in a sum each of those stands for several."""
    count = len(figure.keys)
    if count <= MOST_MEMBERS:
        return figure
    rows = [k * count // MOST_MEMBERS for k in range(MOST_MEMBERS)]
    stands_for = count / MOST_MEMBERS if figure.fold == "sum" else 1.0
    factors = (*figure.factors, *(1.0 for _ in figure.keys[len(figure.factors) :]))
    return msgspec.structs.replace(
        figure,
        keys=tuple(figure.keys[k] for k in rows),
        factors=tuple(factors[k] * stands_for for k in rows),
    )


def doubt_of(newest: Newest, streams: Sequence[Datastream]) -> str:
    """Why the newest values are not fit to forecast from; empty when they are."""
    known = newest.value.shape[0]
    ids = np.array([s.id for s in streams if s.id < known], np.int64)
    if not ids.size:
        return ""
    trusted = (newest.trust[ids] >= DOUBTED) & ((newest.quality[ids] & DOUBTS) == 0)
    sound = (newest.quality[ids] & CLASS_MASK) < int(Quality.BAD)
    heard = newest.time_ms[ids] > 0
    if ids.size == 1:
        if heard[0] and not trusted[0]:
            return "its sensor is under suspicion"
        if heard[0] and not sound[0]:
            return "its newest value is stale or bad"
        return ""
    if not heard.any():
        return ""
    if trusted.mean() < 0.5:
        return "more than half of its sensors are under suspicion"
    if (sound & heard).mean() < 0.5:
        return "less than half of its inputs are live"
    return ""
