"""Answers about the past."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState, Condition
from lamplighter.domain.maintenance import one_each
from lamplighter.runtime import then_and_now
from lamplighter.runtime.answering import Answering, Table
from lamplighter.store import Store

MOST_CELLS: Final = 1_000


class HistoryAnswers(Answering):
    def table(self) -> Table:
        return {
            wire.GetHistory: self._history,
            wire.GetMoment: lambda ask: moment(self._recorder.store, ask),
            wire.GetSigns: lambda ask: signs(self._recorder.store, ask),
            wire.GetDifference: self._difference,
            wire.GetThresholds: self._thresholds,
        }

    def _history(self, ask: wire.GetHistory) -> wire.History:
        """The project's own; before its first point, what the historian has."""
        span = (ask.from_ms, ask.to_ms, ask.points)
        found = self._recorder.store.curves(ask.datastreams, *span, ask.as_known_at_ms)
        streams = self._recorder.core.city.streams
        if ask.as_known_at_ms is None:
            older = self._recorder.historian.older
            found = [
                older(streams[s.datastream], s, *span) if s.datastream < len(streams) else s
                for s in found
            ]
        return wire.History(tuple(corrected(s) for s in found))

    def _thresholds(self, ask: wire.GetThresholds) -> wire.Thresholds:
        wanted, sides = set(ask.datastreams), {Condition.ABOVE: True, Condition.BELOW: False}
        return wire.Thresholds(
            tuple(
                wire.Threshold(r.datastream, r.threshold, sides[r.condition], r.priority, r.id)
                for r in self._recorder.core.alarms.rules
                if r.datastream in wanted and r.condition in sides
            )
        )

    def _difference(self, ask: wire.GetDifference) -> wire.Difference:
        streams = self._recorder.core.city.streams
        return then_and_now.difference(self._recorder.store, streams, ask)


def moment(store: Store, ask: wire.GetMoment) -> wire.Moment:
    """The whole city at one moment of the past."""
    values, rewind = store.moment(ask.at_ms, ask.as_known), store.rewind
    alarms = rewind.alarms(ask.at_ms, ask.as_known)
    return wire.Moment(
        at_ms=ask.at_ms,
        batch=values.batch,
        time_ms=values.time_ms,
        value=values.value,
        quality=values.quality,
        alarms=tuple(a for a in alarms if a.state is not AlarmState.NORM),
        incidents=tuple(rewind.incidents(ask.at_ms, ask.as_known)),
        as_known=ask.as_known,
        orders=tuple(rewind.orders(ask.at_ms, ask.as_known)),
        prognoses=one_each(rewind.prognoses(ask.at_ms, ask.as_known)),
        forecasts=tuple(rewind.forecasts(ask.at_ms, ask.as_known)),
    )


def corrected(series: wire.Series) -> wire.Series:
    """Of points with the same time the one recorded last: it corrects the others."""
    if series.reduced or len(series.time_ms) < 2:
        return series
    last = np.append(series.time_ms[1:] != series.time_ms[:-1], True)
    if last.all():
        return series
    names = ("time_ms", "value", "quality", "low", "high")
    return replace(series, **{n: getattr(series, n)[last] for n in names})


def signs(store: Store, ask: wire.GetSigns) -> wire.Signs:
    """Marks for a time axis."""
    found = store.rewind.signs(
        ask.from_ms, ask.to_ms, ask.cells, ask.datastreams, ask.as_known_at_ms
    )
    items = (
        wire.Sign(
            sign.time_ms, sign.priority, sign.count, record.asset, record.datastream,
            record.note if sign.note else record.text, sign.note,
        )
        for sign, record in found
    )  # fmt: skip
    return wire.Signs(
        ask.from_ms,
        ask.to_ms,
        tuple(items),
        tuple(store.rewind.recorded(ask.from_ms, ask.to_ms, min(max(ask.cells, 1), MOST_CELLS))),
        _gaps(store, ask),
    )


def _gaps(store: Store, ask: wire.GetSigns) -> tuple[tuple[int, int], ...]:
    """Holes of any source, joined; of the past only those found by then."""
    known = ask.as_known_at_ms
    holes = sorted(
        (max(gap.after_ms, ask.from_ms), min(gap.before_ms or ask.to_ms, ask.to_ms))
        for gap in store.gaps(ask.from_ms, ask.to_ms)
        if (gap.found_ms <= known if known is not None else gap.state != "filled")
    )
    joined: list[tuple[int, int]] = []
    for first, last in holes:
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return tuple(joined[:MOST_CELLS])
