"""Answers about the past."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.runtime.answering import Answering, Table
from lamplighter.store import Store


class HistoryAnswers(Answering):
    def table(self) -> Table:
        return {
            wire.GetHistory: self._history,
            wire.GetMoment: lambda ask: moment(self._recorder.store, ask),
        }

    def _history(self, ask: wire.GetHistory) -> wire.History:
        store = self._recorder.store
        return wire.History(
            tuple(
                store.series(d, ask.from_ms, ask.to_ms, ask.points, ask.as_known_at_ms)
                for d in ask.datastreams
            )
        )


def moment(store: Store, ask: wire.GetMoment) -> wire.Moment:
    """The whole city at one moment of the past."""
    values = store.moment(ask.at_ms, ask.as_known)
    alarms = [r for r in store.alarms(ask.at_ms) if r.state is not AlarmState.NORM]
    incidents = [i for i in store.incidents(ask.at_ms) if i.active]
    return wire.Moment(
        at_ms=ask.at_ms,
        batch=values.batch,
        time_ms=values.time_ms,
        value=values.value,
        quality=values.quality,
        alarms=tuple(alarms),
        incidents=tuple(incidents),
    )
