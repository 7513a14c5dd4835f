"""Answers about feeds and their gaps: adding, trying, changing and looking at them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.binding import bind_streams
from lamplighter.runtime.feed_trial import Known
from lamplighter.runtime.feeds import (
    SCHEMES,
    FeedConfig,
    changed,
    check_feed,
    drop_feed,
    keep_feed,
    next_id,
    put_feed,
    same_feed,
    shown,
    stored_feed,
    stored_feeds,
    whole_address,
)

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


class FeedAnswers(Answering):
    """Every change of a feed needs the right to it and stands in the audit record."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._lock = threading.Lock()
        self._trials = recorder.trials

    def table(self) -> Table:
        store, health = self._recorder.store, self._recorder.health
        return {
            wire.GetFeeds: lambda _: wire.Feeds(self._recorder.feed_states(), SCHEMES),
            wire.GetFeed: lambda ask: health.detail(ask.id),
            wire.GetDays: self._days,
            wire.AddFeed: self._add_feed,
            wire.ChangeFeed: self._change_feed,
            wire.GetGaps: lambda ask: wire.Gaps(tuple(store.gaps(ask.from_ms, ask.to_ms))),
            wire.TryFeed: self._try_feed,
            wire.LookAtTrial: self._look,
            wire.EndTrial: self._end_trial,
        }

    # ---------------------------------------------------------------- adding
    def _add_feed(self, ask: wire.AddFeed) -> wire.Reply:
        recorder = self._recorder
        self._need(Permission.FEED, shown(ask.url))
        with self._lock:
            config = FeedConfig(
                next_id(recorder.store), ask.url, ask.mapping, ask.ca, ask.cert, ask.key,
                ask.name, ask.owner,
            )  # fmt: skip
            check_feed(config)
            if put_feed(recorder.store, config):
                recorder.feeds_changed()
                bind_streams(recorder, ask.bindings, config.id)
                recorder.open_feed(stored_feed(recorder.store, config.id))
                number = config.id
            else:
                number = same_feed(recorder.store, config).id
        self._audit("add feed", shown(ask.url))
        return wire.Ok(number)

    # ---------------------------------------------------------------- changing
    def _change_feed(self, ask: wire.ChangeFeed) -> wire.Reply:
        recorder = self._recorder
        self._need(Permission.FEED, ask.id)
        with self._lock:
            before = stored_feed(recorder.store, ask.id)
            what = f"{before.id} {shown(before.url)}"
            if ask.action == "remove":
                drop_feed(recorder.store, before.id)
                recorder.feeds_changed()
                recorder.close_feed(before.id)
                recorder.inlet.between(lambda pipeline: pipeline.forget_feed(before.id))
                recorder.health.forget(before.id)
                self._audit("remove feed", what, ask.reason)
                return wire.Ok(before.id)
            after = changed(before, ask, recorder.project)
            keep_feed(recorder.store, after)
            recorder.feeds_changed()
            renamed = replace(after, name=before.name, owner=before.owner)
            after = stored_feed(recorder.store, before.id)
            if renamed != before:
                recorder.close_feed(before.id)
                if not after.paused:
                    recorder.open_feed(after)
        self._audit(f"{ask.action} feed", what, ask.reason)
        return wire.Ok(before.id)

    def _days(self, ask: wire.GetDays) -> wire.Reply:
        return self._recorder.health.days(min(max(1, ask.days), 400))

    # ---------------------------------------------------------------- trying
    def _try_feed(self, ask: wire.TryFeed) -> wire.Reply:
        self._need(Permission.FEED, shown(ask.url))
        for known in stored_feeds(self._recorder.store):
            if known.url == ask.url:  # an address shown without its secrets
                ask = replace(ask, url=whole_address(self._recorder.project, known))
                break
        return wire.TrialStarted(self._trials.start(ask))

    def _look(self, ask: wire.LookAtTrial) -> wire.Reply:
        city = self._recorder.core.city
        return self._trials.look(ask, Known(city.assets, city.streams))

    def _end_trial(self, ask: wire.EndTrial) -> wire.Reply:
        self._trials.end(ask.id)
        return wire.Ok()
