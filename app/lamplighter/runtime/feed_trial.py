"""Looking at a feed before it is added: it connects, keeps some messages, and shows what they give.

What the preview shows is what the recorder would store: the same pipeline reads the messages, with
names of its own. Nothing is stored, and nothing of the recorder's own sessions is taken.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
from msgspec import structs

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import (
    ANNOUNCEMENTS,
    LINK,
    OBSERVATIONS,
    ROOT,
    SPARKPLUG,
    RawMessage,
    matches,
)
from lamplighter.domain.mapping_draft import to_toml
from lamplighter.domain.observation import Batch
from lamplighter.domain.problems import LamplighterError
from lamplighter.pipeline import Pipeline, read_mapping
from lamplighter.pipeline.propose import Group, propose
from lamplighter.runtime.asset_names import AssetNames
from lamplighter.runtime.feed_reading import reader_of
from lamplighter.runtime.feeds import FeedConfig, connect, shown
from lamplighter.runtime.preview_row import Seen, preview_row
from lamplighter.runtime.trial_page import PageOnTrial
from lamplighter.sources import Feed, TlsFiles
from lamplighter.sources.http_feed import INTERVAL_S
from lamplighter.sources.own_feeds import READ_BY_MAPPING
from lamplighter.sources.own_source import Point, plain
from lamplighter.sources.reading import Found, Unreadable

MOST_TOPICS: Final = 400
EACH_TOPIC: Final = 6
MOST_KEPT: Final = 800
MOST_BODY: Final = 200_000
SHOWN_BODY: Final = 20_000
SHOWN_MESSAGES: Final = 12
SHOWN_ROWS: Final = 400
GROUPS_EVERY_S: Final = 1.0
EVERYTHING: Final = ("#",)
NATIVE: Final = "lamplighter/1/#"
"""stands for the topics of native messages among the groups"""
SPEAK_FOR_THEMSELVES: Final = (OBSERVATIONS, ANNOUNCEMENTS, SPARKPLUG)


class Known(NamedTuple):
    """What the project has already, for the preview."""

    assets: Mapping[str, Asset]
    streams: Sequence[Datastream]


class FeedTrial:
    """One feed on trial. `deliver` runs on the feed's thread, the rest on any."""

    def __init__(self, number: int, ask: wire.TryFeed, clock: Clock) -> None:
        """Raises LamplighterError for an address or mapping that cannot be."""
        self.number = number
        self._clock = clock
        self._began = time.monotonic()
        self._first: float | None = None
        self._kept: dict[str, deque[RawMessage]] = {}
        self._native: deque[RawMessage] = deque(maxlen=300)
        self._asked: set[str] = set()
        self._count = 0
        self._counts: Counter[str] = Counter()
        self._kept_count = 0
        self._lock = threading.Lock()
        self._groups: list[Group] = []
        self._grouped = (-1, 0.0)
        self._names: tuple[Mapping[str, Asset], AssetNames] | None = None
        self.watched = self._began
        self.shown_url = shown(ask.url)
        scheme = urlsplit(ask.url).scheme
        self._is_page = scheme in READ_BY_MAPPING
        self._needs_no_map = not self._is_page and scheme not in ("mqtt", "mqtts")
        self.feed = self._open(ask)
        self.feed.start()

    def _open(self, ask: wire.TryFeed) -> Feed:
        if self._is_page:  # it is shown as it comes, whatever mapping it will get
            files = (Path(p) if p else None for p in (ask.ca, ask.cert, ask.key))
            tls = TlsFiles(*files)
            return PageOnTrial(ask.url, deliver=self.deliver, clock=self._clock, tls=tls)
        config = FeedConfig("trial", ask.url, ask.mapping, ask.ca, ask.cert, ask.key)
        name = f"trial-{secrets.token_hex(4)}"
        topics = ask.topics or (() if ask.mapping or self._needs_no_map else EVERYTHING)
        return connect(config, name, self.deliver, self._clock, topics=topics, trial=True)

    # ---------------------------------------------------------------- the feed's thread
    def deliver(self, message: RawMessage) -> bool:
        """Keep a few of each topic, count all; the trial's own session is told they came."""
        now = time.monotonic()
        with self._lock:
            self._count += 1
            if self._first is None:
                self._first = now - self._began
            topic = message.topic
            if isinstance(topic, bytes):
                topic = topic.decode("utf-8", "replace")
            if len(message.payload) <= MOST_BODY:
                self._keep(topic, message)
        self.feed.ack(message.token)
        return True

    def _keep(self, topic: str, message: RawMessage) -> None:
        if topic.startswith((ROOT, SPARKPLUG, LINK)):
            self._native.append(message)
            return
        known = self._kept.get(topic)
        self._counts[topic] += known is not None or len(self._counts) < MOST_TOPICS
        if known is None:
            if len(self._kept) >= MOST_TOPICS or self._kept_count >= MOST_KEPT:
                return
            known = self._kept[topic] = deque(maxlen=EACH_TOPIC)
        if len(known) == known.maxlen or self._kept_count < MOST_KEPT:
            self._kept_count += len(known) < EACH_TOPIC
            known.append(message)

    # ---------------------------------------------------------------- looking
    def look(self, group: str, mapping: str, known: Known) -> wire.Trial:
        """What came so far, and what it would become."""
        self.watched = time.monotonic()
        with self._lock:
            count, first = self._count, self._first
            native = list(self._native)
            kept = {topic: list(rows) for topic, rows in self._kept.items()}
        groups = self._grouping(kept)
        speaks_native = self._needs_no_map or any(
            str(m.topic).startswith(SPEAK_FOR_THEMSELVES) for m in native
        )
        if speaks_native and native:
            words = "it speaks for itself: no mapping is needed"
            groups = [*groups, Group(NATIVE, len({m.topic for m in native}), count, None, words)]
            groups.sort(key=lambda g: g.draft is None and g.topic != NATIVE)
        chosen = next((g for g in groups if g.topic == group), groups[0] if groups else None)
        use_native = self._needs_no_map or (
            not mapping and chosen is not None and chosen.topic == NATIVE
        )
        samples = native if use_native else self._of(chosen, kept)
        text, problem = mapping, ""
        rows: tuple[wire.PreviewRow, ...] = ()
        aside: tuple[tuple[str, int], ...] = ()
        if use_native:
            rows, aside = self._preview("", native, known)
        else:
            if not text and chosen is not None and chosen.draft is not None:
                text = to_toml(chosen.draft)
            if text:
                every = [m for messages in kept.values() for m in messages]
                try:
                    rows, aside = self._preview(text, every or native, known)
                except LamplighterError as error:
                    problem = str(error)
        seconds = time.monotonic() - self._began
        return wire.Trial(
            id=self.number,
            state=self.feed.state,
            detail=str(self.feed.problem or ""),
            messages=count,
            first_message_s=first,
            seconds=seconds,
            native=speaks_native,
            groups=tuple(
                wire.TrialGroup(g.topic, g.topics, g.messages, g.draft, g.why_not) for g in groups
            ),
            samples=tuple(_sample(m) for m in reversed(samples[-SHOWN_MESSAGES:])),
            mapping=text,
            rows=rows,
            set_aside=aside,
            problem=problem,
            points_per_s=self._page_rate(rows, text)
            if self._is_page
            else _rate(rows, samples, self._came(chosen, count), seconds, first),
        )

    def _page_rate(self, rows: Sequence[wire.PreviewRow], mapping: str) -> float:
        """Points per second a page brings at most: all of it each time it will be asked for, which
        is less often than in the trial; 0 for files, which grow when they like.
        """
        parts = urlsplit(self.shown_url)
        if parts.scheme == "folder" or not rows:
            return 0.0
        told = parse_qs(parts.fragment).get("interval", [""])[0]
        try:
            every = float(told) if told else read_mapping(mapping, "trial", topics=False).interval_s
        except (ValueError, LamplighterError):
            return 0.0
        return sum(row.points for row in rows) / (every or INTERVAL_S)

    def _grouping(self, kept: Mapping[str, list[RawMessage]]) -> list[Group]:
        count, at = self._grouped
        total = sum(map(len, kept.values()))
        now = time.monotonic()
        if total != count and now - at >= GROUPS_EVERY_S:
            samples = [(t, m.payload) for t, rows in kept.items() for m in rows]
            self._groups = propose(samples, title_of(self.shown_url))
            self._grouped = (total, now)
        return self._groups

    def _came(self, group: Group | None, count: int) -> int:
        """Messages that came on the topics of a group; all where there are no topics."""
        if group is None or not group.topic:
            return count
        with self._lock:
            return sum(n for topic, n in self._counts.items() if matches(group.topic, topic))

    @staticmethod
    def _of(group: Group | None, kept: Mapping[str, list[RawMessage]]) -> list[RawMessage]:
        """The kept messages of a group's topics, the oldest first."""
        found = [
            m
            for topic, rows in kept.items()
            if group is None or matches(group.topic, topic)
            for m in rows
        ]
        return sorted(found, key=lambda m: m.received_ms)

    def _preview(
        self, mapping: str, messages: Sequence[RawMessage], known: Known
    ) -> tuple[tuple[wire.PreviewRow, ...], tuple[tuple[str, int], ...]]:
        if mapping and self._is_page:
            return self._page_rows(mapping, messages, known)
        pipeline = Pipeline(clock=self._clock)
        if mapping:
            compiled = read_mapping(mapping, "preview")
            pipeline.use_mapping("trial", compiled)
            messages = [m for m in messages if compiled.captures(str(m.topic)) is not None]
        batch = pipeline.take(sorted(messages, key=lambda m: m.received_ms))
        self._ask_for_births(pipeline)
        return self._rows(batch, known), _aside(batch)

    def _ask_for_births(self, pipeline: Pipeline) -> None:
        """Sparkplug nodes name their metrics only in a birth; each is asked for one, once."""
        for request in pipeline.due():
            name = request.source
            new = ":" in name and name not in self._asked
            if new and self.feed.publish_resend(name, 0, 0, 0):
                self._asked.add(name)

    def _page_rows(
        self, mapping: str, messages: Sequence[RawMessage], known: Known
    ) -> tuple[tuple[wire.PreviewRow, ...], tuple[tuple[str, int], ...]]:
        """The newest page as its feed would read it: made into native messages by the feed."""
        compiled = read_mapping(mapping, "preview", topics=False)
        if not messages:
            return (), ()
        newest = max(messages, key=lambda m: m.received_ms)
        found = reader_of(compiled)(newest.payload, newest.received_ms, {})
        if isinstance(found, Unreadable):
            return (), ((f"{found.what} [{found.code}]", 1),)
        source = found.points and plain(compiled.name)
        native = [
            structs.replace(newest, topic=OBSERVATIONS + str(source), payload=body, token=-1)
            for body in _bodies(found.points)
        ]
        rows, aside = self._preview("", native, known)
        odd = Counter(f"{o.name}: {o.what} [{o.code}]" for o in found.odd)
        units = [r if r.unit else structs.replace(r, unit=_unit(r, found)) for r in rows]
        return tuple(units), (*aside, *odd.most_common(10))

    def _rows(self, batch: Batch, known: Known) -> tuple[wire.PreviewRow, ...]:
        sources = dict(batch.new_sources)
        words = {(s.datastream, s.code): s.text for s in batch.new_states}
        bound = {s.key: s.asset for s in known.streams if s.asset}
        if self._names is None or self._names[0] is not known.assets:
            self._names = (known.assets, AssetNames(known.assets.values()))
        names = self._names[1]
        points = batch.points
        rows = []
        for stream in batch.new_datastreams[:SHOWN_ROWS]:
            mine = np.nonzero(points.datastream == stream.id)[0]
            if not len(mine):
                continue
            key = f"{sources.get(stream.source, '?')}/{stream.name}"
            place = (bound[key], "bound already") if key in bound else names.nearest(key)
            seen = Seen(points.time_ms[mine], points.value[mine], points.quality[mine])
            word = partial(_word, words, stream.id) if stream.text else None
            rows.append(preview_row(key, stream.unit, seen, place, word))
        return tuple(rows)

    def stop(self) -> None:
        """Leave the feed."""
        self.feed.stop(1.0)


def title_of(url: str) -> str:
    """What a mapping for this address may be called: the file's name, else the host's."""
    parts = urlsplit(url)
    return Path(parts.path).stem or (parts.hostname or "feed").partition(".")[0]


def look_once(
    url: str,
    clock: Clock,
    *,
    tls: Iterable[Path | None] = (),
    topics: tuple[str, ...] = (),
    seconds: float = 5.0,
) -> wire.Trial:
    """Try a feed without a recorder until it has shown enough or `seconds` are over."""
    ca, cert, key = (*(str(p or "") for p in tls), "", "", "")[:3]
    trial = FeedTrial(0, wire.TryFeed(url, ca, cert, key, topics), clock)
    nothing = Known({}, ())
    try:
        end = time.monotonic() + seconds
        seen = trial.look("", "", nothing)
        while time.monotonic() < end and seen.state != "refused":
            time.sleep(0.2)
            seen = trial.look("", "", nothing)
            settled = seen.messages > 0 and seen.seconds - (seen.first_message_s or 0.0) > 2.5
            if settled and seen.rows:
                break
        return seen
    finally:
        trial.stop()


def _bodies(points: Sequence[Point]) -> Iterator[bytes]:
    for start in range(0, len(points), 500):
        rows = [[p.name, p.time_ms, p.value, p.quality] for p in points[start : start + 500]]
        yield msgspec.json.encode({"epoch": 0, "seq": start, "points": rows})


def _word(words: Mapping[tuple[int, int], str], datastream: int, code: int) -> str:
    return words.get((datastream, code), "?")


def _unit(row: wire.PreviewRow, found: Found) -> str:
    return found.units.get(row.key.partition("/")[2], "")


def _sample(message: RawMessage) -> wire.TrialMessage:
    topic = message.topic
    text = topic if isinstance(topic, str) else topic.decode("utf-8", "replace")
    body = message.payload[:SHOWN_BODY].decode("utf-8", "replace")
    size = max(message.size, len(message.payload))
    return wire.TrialMessage(text, message.received_ms, size, body)


def _aside(batch: Batch) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for entry in batch.quarantined:
        words = f"{entry.reason} [{entry.code}]"
        found[words] = found.get(words, 0) + entry.points
    return tuple(sorted(found.items(), key=lambda row: -row[1])[:20])


def _rate(
    rows: Sequence[wire.PreviewRow],
    samples: Sequence[RawMessage],
    count: int,
    seconds: float,
    first: float | None,
) -> float:
    """Points per second it would store, from what was seen; 0 while that is not known."""
    if first is None or not samples or seconds - first < 1.0:
        return 0.0
    each = sum(row.points for row in rows) / max(1, len(samples))
    return each * count / (seconds - first)
