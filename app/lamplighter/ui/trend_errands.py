"""What other views bring to the trends: assets, datastreams, a stretch of time, a key figure."""

from __future__ import annotations

from collections.abc import Sequence

from lamplighter.ui.desk import Desk
from lamplighter.ui.docks import Docks
from lamplighter.ui.kpi import KpiState
from lamplighter.ui.trends import Trends

MOST_SELECTED = 3


class TrendErrands:
    """Each shows what is brought and the trends with it."""

    def __init__(self, desk: Desk, docks: Docks, trends: Trends) -> None:
        self._desk, self._docks, self._trends = desk, docks, trends

    def asset(self, asset: str) -> None:
        """All that is measured of it."""
        self._trends.pin_asset(asset)
        self._docks.show("trends")

    def selection(self) -> None:
        """The twin of dragging: charts of what is selected."""
        for asset in self._desk.selection.assets[-MOST_SELECTED:]:
            self.asset(asset)

    def stream(self, datastream: int) -> None:
        self.streams([datastream])

    def streams(self, datastreams: Sequence[int]) -> None:
        self._trends.pin(list(datastreams))
        self._docks.show("trends")

    def past(self, datastreams: Sequence[int], first_ms: int, last_ms: int) -> None:
        """A stretch of time, one chart for each datastream."""
        self._trends.set_charts([[d] for d in datastreams])
        self._trends.look(first_ms, last_ms)
        self._docks.show("trends")

    def figure(self, state: KpiState) -> None:
        """What a key figure is made of, where that is measured."""
        if state.streams:
            self.streams(state.streams)
