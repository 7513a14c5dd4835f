"""What the trends say beside their curves: the note above, headings, marks on the axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.series import Trace
from lamplighter.ui.time_model import DAY_MS
from lamplighter.ui.trend_gaps import hole_of
from lamplighter.ui.trend_readout import value_at
from lamplighter.ui.trend_view import TrendView
from lamplighter.ui.units import shown_span
from lamplighter.ui.words import tr

FIT_S: Final = (120, 300, 600, 1800, 7200, 21_600)
"""spans a chart takes while there is less data than its window"""


def note(desk: Desk, view: TrendView, span: str, *, replay: bool, pinned: bool) -> str:
    """Which stretch is shown, as known when, compared with what; `span` names a moving window."""
    known = tr("as known then") if desk.time.as_known else tr("truth now")
    if view.held is not None:
        first, last = view.held
        when, end = (numbers.minute_of(ms, desk.time.now_ms) for ms in (first, last))
        words = tr("{a} to {b} · held", a=when, b=end) + (f" · {known}" if replay else "")
    else:
        words = f"{span} · {known if replay else tr('live')}"
    ghost = desk.time.ghost_ms
    if ghost:
        words += " · " + (tr("dotted: yesterday") if ghost == DAY_MS else tr("dotted: last week"))
    return words + (f" · {tr('pinned')}" if pinned else "")


def against(stream: Datastream, trace: Trace | None, ghost: Trace | None, back_ms: int) -> str:
    """The difference of the newest value to the same time of the compared day, for a heading."""
    end = trace.last() if trace is not None else None
    if not back_ms or ghost is None or end is None:
        return ""
    then = value_at(ghost, end[0] - back_ms, hole_of(stream, ghost))
    if then is None or end[1] != end[1]:
        return tr("  (then: no data)")
    text = shown_span(end[1] - then, stream.unit, stream.resolution)
    return "  (" + ("" if text.startswith(numbers.MINUS) else "+") + text + ")"


def marks_of(
    desk: Desk, streams: list[Datastream], signs: Iterable[wire.Sign]
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Of a chart's datastreams and their assets: alarms as (ms, priority), and notes as ms."""
    ids = {s.id for s in streams}
    assets = {s.asset for s in streams if s.asset}
    mine = [s for s in signs if s.datastream in ids]
    marks = {(s.time_ms, s.priority) for s in mine if not s.note}
    marks |= {(a.since_ms, a.priority) for a in desk.standing() if a.datastream in ids}
    notes = {s.time_ms for s in mine if s.note}
    notes |= {o.created_ms for o in desk.orders.values() if o.asset in assets}
    return tuple(sorted(marks)), tuple(sorted(notes))


def fitted(traces: Iterable[Trace], first_ms: int, last_ms: int, span_s: int) -> int:
    """The window's start, or that of the data while there is less than a window of it.

    In steps, so that the axis does not crawl; at least two minutes.
    """
    starts = [int(t.time_ms[0]) for t in traces if len(t.time_ms)]
    if not starts or min(starts) <= first_ms:
        return first_ms
    for span in FIT_S:
        if span < span_s and last_ms - min(starts) <= span * 1000:
            return last_ms - span * 1000
    return first_ms
