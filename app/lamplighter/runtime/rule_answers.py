"""Answers about alarm rules, suppressions, planned works, and ways to call somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamplighter.domain import wire
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.rule_book import CHANGES, OF_RULES, RuleBook, change_of, tried

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


class RuleAnswers(Answering):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._book = RuleBook(recorder.store, recorder.plugins, recorder.key)

    def table(self) -> Table:
        return {
            wire.GetRules: lambda ask: wire.Rules(tuple(self._book.views(ask.like))),
            wire.GetAlarmDesign: lambda _: self._book.design(),
            wire.TryWay: self._try_way,
            **dict.fromkeys(CHANGES, self._change),
        }

    def _try_way(self, ask: wire.TryWay) -> wire.Reply:
        self._need(Permission.RULES, f"way {ask.id}")
        return wire.Ok(self._recorder.escalation.test(ask.id))

    def _change(self, ask: Any) -> wire.Reply:
        recorder = self._recorder
        who = recorder.identity.user
        change = change_of(self._book, ask, who, recorder.clock.wall_ms())
        self._need(change.right, change.word)
        name = tried(change, self._audit)
        recorder.core.city_changed()
        if isinstance(ask, OF_RULES):
            recorder.server.emit(wire.RulesChanged(name, change.word, who))
        else:
            recorder.escalation.changed()
            recorder.server.emit(self._book.design())
        return wire.Ok(name)
