"""Answers about feeds and their gaps."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lamplighter.domain import wire
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.feeds import FeedConfig, check_feed, next_id, put_feed, shown

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


class FeedAnswers(Answering):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._lock = threading.Lock()

    def table(self) -> Table:
        store = self._recorder.store
        return {
            wire.GetFeeds: lambda _: wire.Feeds(self._recorder.feed_states()),
            wire.AddFeed: self._add_feed,
            wire.GetGaps: lambda ask: wire.Gaps(tuple(store.gaps(ask.from_ms, ask.to_ms))),
        }

    def _add_feed(self, ask: wire.AddFeed) -> wire.Reply:
        recorder = self._recorder
        self._need(Permission.FEED, shown(ask.url))
        with self._lock:
            config = FeedConfig(
                next_id(recorder.store), ask.url, ask.mapping, ask.ca, ask.cert, ask.key
            )
            check_feed(config)
            if put_feed(recorder.store, config):
                recorder.open_feed(config)
        self._audit("add feed", shown(ask.url))
        return wire.Ok(config.id)
