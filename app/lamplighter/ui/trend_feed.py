"""Brings what the charts show: curves, the curves of an earlier day, and the marks beside them.

Of each kind one question is on its way at most; what was wanted meanwhile is asked as the next
one, so that dragging and a fast replay show as many pictures as there is time for and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.newest_block import NewestValues
from lamplighter.ui.desk import Desk
from lamplighter.ui.series import Trace

USUAL_POINTS: Final = 240
"""of a curve of expected values; it is smooth"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the charts look at."""

    streams: tuple[int, ...]
    first_ms: int
    last_ms: int
    points: int
    known_ms: int | None = None
    ghost_ms: int = 0
    alone: bool = False
    """what comes replaces everything: there is no live edge"""


class _Latest:
    """One kind of question: the newest one waits while another is on its way."""

    def __init__(self, desk: Desk, got: Callable[[wire.Request, wire.Reply], None]) -> None:
        self._desk = desk
        self._got = got
        self._next: wire.Request | None = None
        self.busy = False

    def ask(self, request: wire.Request) -> None:
        if self.busy:
            self._next = request
            return
        self.busy = True
        self._desk.ask(request, lambda reply: self._answered(request, reply))

    def drop(self) -> None:
        """What waits is not wanted any more."""
        self._next = None

    def _answered(self, request: wire.Request, reply: wire.Reply) -> None:
        self.busy = False
        follows, self._next = self._next, None
        if follows is not None:
            self.ask(follows)
        self._got(request, reply)


class TrendFeed(QObject):
    """`arrived` when something new can be drawn."""

    arrived = Signal()
    marked = Signal()
    """other marks beside the same curves"""

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self.traces: dict[int, Trace] = {}
        self.ghosts: dict[int, Trace] = {}
        self.signs: tuple[wire.Sign, ...] = ()
        self.thresholds: dict[int, tuple[wire.Threshold, ...]] = {}
        """datastream id -> where its alarm rules fire"""
        self.answers = 0
        """how often curves have come"""
        self._alone = False
        self._wanted: Wanted | None = None
        self._curves = _Latest(desk, self._got_curves)
        self._earlier = _Latest(desk, self._got_ghosts)
        self._signs = _Latest(desk, self._got_signs)
        self._limits = _Latest(desk, self._got_limits)
        self._usual = _Latest(desk, self._got_usual)

    @property
    def busy(self) -> bool:
        return self._curves.busy or self._earlier.busy

    def want(self, wanted: Wanted) -> None:
        """Ask for everything of another stretch or other curves."""
        self._wanted, self._alone = wanted, wanted.alone
        for ident in wanted.streams:
            self.traces.setdefault(ident, Trace())
        if not wanted.streams or self._desk.session is None:
            return
        if set(wanted.streams) - set(self.thresholds):
            self.thresholds = {i: self.thresholds.get(i, ()) for i in wanted.streams}
            self._limits.ask(wire.GetThresholds(wanted.streams))
        self.want_signs()  # first: they are quick, and are drawn together with the curves
        self._curves.ask(
            wire.GetHistory(wanted.streams, wanted.first_ms, wanted.last_ms + 1, wanted.points,
                            wanted.known_ms)
        )  # fmt: skip
        self._usual.ask(
            wire.GetExpectedCurve(wanted.streams, wanted.first_ms, wanted.last_ms,
                                  min(wanted.points, USUAL_POINTS))
        )  # fmt: skip
        if wanted.ghost_ms:
            self._earlier.ask(
                wire.GetHistory(wanted.streams, wanted.first_ms - wanted.ghost_ms,
                                wanted.last_ms + 1 - wanted.ghost_ms, wanted.points,
                                wanted.known_ms)
            )  # fmt: skip
        else:
            self._earlier.drop()
            self.ghosts = {}

    def want_signs(self) -> None:
        """Ask anew for alarms and notes alone."""
        wanted = self._wanted
        if wanted is not None and wanted.streams and self._desk.session is not None:
            self._signs.ask(
                wire.GetSigns(wanted.first_ms, wanted.last_ms + 1, 120, wanted.streams,
                              wanted.known_ms)
            )  # fmt: skip

    def forget(self) -> None:
        """Start anew: another mode, nothing of the old curves holds."""
        self.traces = {ident: Trace() for ident in self.traces}
        self.ghosts = {}

    def keep_only(self, streams: set[int]) -> None:
        """Let go of curves that no chart shows; rules may have changed, so they are asked anew."""
        self.thresholds = {}
        self.traces = {i: t for i, t in self.traces.items() if i in streams}
        self.ghosts = {i: t for i, t in self.ghosts.items() if i in streams}

    def add_live(self, values: NewestValues, streams: list[int]) -> None:
        """The newest points of the live block."""
        for ident in streams:
            if ident < len(values) and values.time_ms[ident]:
                at, trace = int(values.time_ms[ident]), self.traces[ident]
                trace.add(at, float(values.value[ident]), int(values.quality[ident]))
                trace.add_expected(at, float(values.expected[ident]), float(values.spread[ident]))

    # ---------------------------------------------------------------- answers
    def _got_curves(self, _: wire.Request, reply: wire.Reply) -> None:
        self.answers += 1
        if isinstance(reply, wire.History):
            for series in reply.series:
                trace = self.traces.setdefault(series.datastream, Trace())
                if self._alone:
                    trace = self.traces[series.datastream] = Trace(expected=trace.expected)
                trace.take_history(series)
        self.arrived.emit()  # also after a refusal: what is there is drawn

    def _got_ghosts(self, _: wire.Request, reply: wire.Reply) -> None:
        if isinstance(reply, wire.History):
            wanted = self._wanted
            if wanted is None or not wanted.ghost_ms:
                return
            for series in reply.series:
                trace = self.ghosts[series.datastream] = Trace()
                trace.take_history(series)
            self.arrived.emit()

    def _got_usual(self, _: wire.Request, reply: wire.Reply) -> None:
        if isinstance(reply, wire.ExpectedCurves):
            for curve in reply.items:
                trace = self.traces.get(curve.datastream)
                if trace is not None:
                    trace.take_expected(wire.ExpectedCurves((curve,)))
            if not self._curves.busy:
                self.arrived.emit()

    def _got_limits(self, _: wire.Request, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Thresholds):
            found: dict[int, list[wire.Threshold]] = {}
            for item in reply.items:
                found.setdefault(item.datastream, []).append(item)
            self.thresholds = {i: tuple(found.get(i, ())) for i in self.thresholds}

    def _got_signs(self, _: wire.Request, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Signs) and reply.items != self.signs:
            self.signs = reply.items
            if not self._curves.busy:
                self.marked.emit()
