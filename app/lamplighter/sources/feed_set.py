"""All feeds of a recorder, so that a ticket or a request finds the feed it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import NATIVE_TOPICS, ResendRequest
from lamplighter.domain.wire import FeedState
from lamplighter.sources.feed import Deliver, DeliverAll, Feed, TlsFiles, masked
from lamplighter.sources.mqtt_feed import MqttFeed
from lamplighter.sources.own_feeds import Stored, Wish, maker_of
from lamplighter.sources.own_source import Original
from lamplighter.sources.reading import Reader
from lamplighter.sources.replay_feed import ReplayFeed
from lamplighter.sources.sparkplug_feed import SparkplugFeed


class Reading(NamedTuple):
    """A mapping file as a feed that is its own source needs it."""

    mapping: str
    """its text"""
    reader: Reader | None = None
    """what reads pages and files through it"""
    name: str = ""
    interval_s: float = 0.0
    format: str = "json"
    headed: bool = False


def open_feed(
    url: str,
    *,
    feed_id: str,
    client_id: str,
    deliver: Deliver,
    deliver_all: DeliverAll | None = None,
    clock: Clock,
    topics: tuple[str, ...] = (),
    tls: TlsFiles | None = None,
    reading: Reading | None = None,
    folder: Path | None = None,
    stored: Stored | None = None,
    trial: bool = False,
) -> Feed:
    """A feed for a URL, not started. Raises LamplighterError when the URL is none.

    mqtt[s]://host[:port], sparkplug[s]://host[:port]/GROUP, replay:/path.csv[?speed=N&source=NAME]
    and the schemes of `own_feeds.MAKERS`. `topics`: what a mapping subscribes to; empty for
    native messages. `deliver_all`: for feeds that bring many messages at once. `reading`: what a
    mapping means to a feed of its own; `folder`: the project's; `stored`: what the store has of a
    source already; `trial`: only looking, so that nothing is taken from others.
    """
    make = maker_of(urlsplit(url).scheme)
    if make is not None:
        wish = Wish(url, feed_id, deliver, clock, tls or TlsFiles(), folder=folder, stored=stored)
        return make(wish if reading is None else replace(wish, **reading._asdict()))
    if url.startswith("replay:"):
        return ReplayFeed(url, feed_id=feed_id, deliver=deliver, clock=clock)
    if url.startswith(("sparkplug:", "sparkplugs:")):
        return SparkplugFeed(
            url,
            client_id=client_id,
            feed_id=feed_id,
            deliver=deliver,
            clock=clock,
            tls=tls,
            trial=trial,
        )
    return MqttFeed(
        url,
        client_id=client_id,
        feed_id=feed_id,
        deliver=deliver,
        deliver_all=deliver_all,
        clock=clock,
        topics=topics or NATIVE_TOPICS,
        tls=tls,
        trial=trial,
    )


class FeedSet:
    """Feeds by id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._feeds: dict[str, Feed] = {}

    def add(self, feed: Feed) -> None:
        """Take a feed and start it."""
        self._feeds[feed.id] = feed
        feed.start()

    def __iter__(self) -> Iterator[Feed]:
        return iter(tuple(self._feeds.values()))

    def get(self, feed_id: str) -> Feed | None:
        return self._feeds.get(feed_id)

    def remove(self, feed_id: str, deadline_s: float = 2.0) -> bool:
        """Stop one feed; False when there is none or it did not end in time."""
        feed = self._feeds.pop(feed_id, None)
        return feed is not None and feed.stop(deadline_s)

    def ack(self, tokens: Iterable[int]) -> None:
        """Acknowledge every ticket at the feed that gave it out."""
        every = tuple(tokens)
        for feed in tuple(self._feeds.values()):
            if isinstance(feed, MqttFeed):
                feed.ack_all(every)
                continue
            for token in every:
                feed.ack(token)

    def ask(self, requests: Iterable[ResendRequest]) -> int:
        """Send resend requests; returns how many went out."""
        sent = 0
        for request in requests:
            named = self._feeds.get(request.feed)
            for feed in [named] if named is not None else list(self._feeds.values()):
                sent += feed.publish_resend(*request[1:])
        return sent

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send to the field on every feed that can; False when none could."""
        sent = [feed.publish(topic, payload) for feed in tuple(self._feeds.values())]
        return any(sent)

    def original(self, feed_id: str, source: str, name: str) -> Original | None:
        """The newest payload a datastream came in, where the feed keeps it."""
        feed = self._feeds.get(feed_id)
        ask = getattr(feed, "original", None)
        found = ask(source, name) if ask is not None else None
        return found if isinstance(found, Original) else None

    def states(self) -> tuple[FeedState, ...]:
        """How each feed is, for the status and for `feed list`."""
        now = self._clock.wall_ms()
        return tuple(state_of(feed, now) for feed in tuple(self._feeds.values()))

    def stop(self, deadline_s: float = 2.0) -> bool:
        """Stop all; False when one did not end in time."""
        ended = [feed.stop(deadline_s) for feed in tuple(self._feeds.values())]
        return all(ended)


def state_of(feed: Feed, now_ms: int) -> FeedState:
    """How one feed is at this wall time."""
    counters = feed.counters
    last = counters.last_message_ms
    ends, whose = counters.certificate
    return FeedState(
        feed.id,
        masked(feed.url),
        feed.state,
        counters.messages,
        (now_ms - last) / 1000 if last else None,
        str(feed.problem) if feed.problem is not None else "",
        counters.protocol,
        max(0, counters.connects - 1),
        counters.losses,
        counters.held,
        round((ends - now_ms) / 86_400_000, 1) if ends else None,
        whose,
    )
