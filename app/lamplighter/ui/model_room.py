"""What the window knows of trained models and of how forecasts fared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.models import ModelRecord, ModelState, ScoreRow, VerdictRow

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk


class ModelRoom(QObject):
    """`records` by key; views read them and listen to `changed`."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.records: dict[str, ModelRecord] = {}
        self.scores: dict[str, ScoreRow] = {}
        self.verdicts: tuple[VerdictRow, ...] = ()
        self.forecasts: tuple[wire.ForecastRecord, ...] = ()
        desk.orders_changed.connect(self.ask_scores)

    def ask(self) -> None:
        """Everything anew, with a new session."""
        self._desk.ask(wire.GetModels(), self.take)
        self.ask_scores()

    def ask_scores(self) -> None:
        """The track record: a closed order changes it."""
        self._desk.ask(wire.GetScoreboard(), self.take)

    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event of these things; others are left alone."""
        match news:
            case wire.Models():
                self.records = {r.key: r for r in news.items}
            case wire.ModelChanged() if news.record.state is ModelState.DROPPED:
                self.records.pop(news.record.key, None)
            case wire.ModelChanged():
                self.records[news.record.key] = news.record
            case wire.Scoreboard():
                scores = {r.asset_class: r for r in news.rows}
                before = (self.scores, self.verdicts, self.forecasts)
                if before == (scores, news.verdicts, news.forecasts):
                    return
                self.scores = scores
                self.verdicts, self.forecasts = news.verdicts, news.forecasts
            case _:
                return
        self.changed.emit()

    def listed(self) -> list[ModelRecord]:
        """By kind, the newest version first."""
        return sorted(self.records.values(), key=lambda r: (r.card.kind, -r.card.version))

    def in_use(self, kind: str) -> ModelRecord | None:
        """The version that forecasts, where there is one."""
        mine = (r for r in self.records.values() if r.card.kind == kind)
        return next((r for r in mine if r.state is ModelState.IN_USE), None)
