"""Answers about the historian."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.exchange import Poison
from lamplighter.exchange import shown
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.historian import settled, sync_config


class HistorianAnswers(Answering):
    def table(self) -> Table:
        return {
            wire.SyncHistorian: self._sync,
            wire.SetHistorian: self._set,
            wire.GetExchange: lambda _: wire.Exchange(self._recorder.historian.state),
            wire.RetryPoison: self._retry,
        }

    def _sync(self, ask: wire.SyncHistorian) -> wire.Reply:
        self._need(Permission.FEED, "the historian")
        config, password = sync_config(self._recorder.store, ask)
        found = self._recorder.historian.once(config, password)
        poison = tuple(Poison(**one) for one in found.pop("poison_shown"))
        self._audit("exchange with the historian", shown(config.url))
        return wire.HistorianSynced(**found, poison_shown=poison)

    def _set(self, ask: wire.SetHistorian) -> wire.Reply:
        self._need(Permission.FEED, "the historian")
        config = settled(self._recorder.project, ask)
        self._recorder.historian.use(config)
        name = shown(config.url) if config else ""
        self._audit("set the historian", name or "off")
        return wire.Ok(name)

    def _retry(self, ask: wire.RetryPoison) -> wire.Reply:
        self._need(Permission.FEED, "the historian")
        sent, refused = self._recorder.historian.retry(list(ask.numbers))
        return wire.HistorianSynced("", sent=sent, poison=refused)
