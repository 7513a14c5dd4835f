"""Answers about trained models, and what a person decides on them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lamplighter.domain import wire
from lamplighter.domain.models import EXPECTED, FORECASTS
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission
from lamplighter.runtime import product_metrics
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.fleet_model import KIND
from lamplighter.runtime.model_shelf import take_in, trusted
from lamplighter.runtime.verdicts import verdict_board

ON_DEMAND: Final = (KIND, EXPECTED, FORECASTS)
"""kinds that are trained when somebody asks"""


class ModelAnswers(Answering):
    def table(self) -> Table:
        """Request type -> answer."""
        return {
            wire.GetModels: lambda _: wire.Models(self._recorder.models.records()),
            wire.PromoteModel: self._promote,
            wire.ImportModel: self._import,
            wire.TrainModel: self._train,
            wire.GetScoreboard: self._scoreboard,
        }

    def _promote(self, ask: wire.PromoteModel) -> wire.Reply:
        self._need(Permission.MODEL, ask.kind)
        registry, who = self._recorder.models, self._recorder.identity.user
        if ask.version:
            record = registry.promote(ask.kind, ask.version, by=who, reason=ask.reason)
        else:
            record = registry.roll_back(ask.kind, by=who, reason=ask.reason)
        return wire.Ok(record.key)

    def _import(self, ask: wire.ImportModel) -> wire.Reply:
        recorder = self._recorder
        self._need(Permission.MODEL, ask.path)
        record = take_in(
            Path(ask.path),
            recorder.models,
            recorder.jobs.pool,
            recorder.project / "cache",
            trusted(recorder.project, recorder.key.public_key()),
            recorder.identity.user,
        )
        return wire.Ok(record.key)

    def _train(self, ask: wire.TrainModel) -> wire.Reply:
        self._need(Permission.MODEL, ask.kind)
        if ask.kind == EXPECTED:
            task = self._recorder.usual.train(asked=True, by=self._recorder.identity.user)
            if task is None:
                raise fault("P-609", name=ask.kind, what="it is being learned already")
            return wire.TaskStarted(task)
        if ask.kind == FORECASTS:
            return wire.TaskStarted(self._recorder.forecasts.train(self._recorder.identity.user))
        desk = self._recorder.maintenance
        if ask.kind not in desk.kinds:
            if all(r.card.kind != ask.kind for r in self._recorder.store.models()):
                raise fault("U-809", what="model", name=ask.kind, lists="models list")
            what = f"only {', '.join(desk.kinds)}, {EXPECTED} and {FORECASTS} are trained on demand"
            raise fault("P-609", name=ask.kind, what=what)
        return wire.TaskStarted(desk.train(self._recorder.identity.user, ask.kind))

    def _scoreboard(self, _: wire.GetScoreboard) -> wire.Reply:
        recorder = self._recorder
        now = recorder.clock.wall_ms()
        return wire.Scoreboard(
            product_metrics.track_record(recorder.store, now),
            verdict_board(recorder.store, now),
            recorder.forecasts.records(),
        )
