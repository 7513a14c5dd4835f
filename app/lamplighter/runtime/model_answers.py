"""Answers about trained models, and what a person decides on them."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table


class ModelAnswers(Answering):
    def table(self) -> Table:
        """Request type -> answer."""
        return {
            wire.GetModels: lambda _: wire.Models(self._recorder.models.records()),
            wire.PromoteModel: self._promote,
        }

    def _promote(self, ask: wire.PromoteModel) -> wire.Reply:
        self._need(Permission.MODEL, ask.kind)
        registry, who = self._recorder.models, self._recorder.identity.user
        if ask.version:
            record = registry.promote(ask.kind, ask.version, by=who, reason=ask.reason)
        else:
            record = registry.roll_back(ask.kind, by=who, reason=ask.reason)
        return wire.Ok(record.key)
