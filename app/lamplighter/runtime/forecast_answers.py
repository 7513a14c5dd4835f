"""Answers about the next hours."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table


class ForecastAnswers(Answering):
    def table(self) -> Table:
        return {
            wire.PutFigures: self._figures,
            wire.GetForecasts: self._forecasts,
            wire.GetForecastRecords: lambda _: wire.ForecastRecords(
                self._recorder.forecasts.records()
            ),
        }

    def _figures(self, ask: wire.PutFigures) -> wire.Reply:
        self._need(Permission.VIEW, "figures")
        self._recorder.forecasts.put_figures(ask.figures)
        return self._all()

    def _forecasts(self, ask: wire.GetForecasts) -> wire.Reply:
        streams = self._recorder.core.city.streams
        self._recorder.forecasts.watch(
            [streams[i] for i in ask.datastreams if 0 <= i < len(streams)]
        )
        return self._all()

    def _all(self) -> wire.Forecasts:
        desk = self._recorder.forecasts
        return wire.Forecasts(tuple(desk.items.values()), desk.due_ms)
