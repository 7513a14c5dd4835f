"""How each feed is, layer by layer: rates, delay, loss, silence, and which layer is broken.

Fed by what is decoded and committed, asked once a second and by the feeds page. It only counts and
looks; nothing here decides about data.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.days import DAY_MS, day_text, qualities
from lamplighter.domain.observation import Account, Batch, Committed, Gap
from lamplighter.pipeline import Pipeline
from lamplighter.runtime.feeds import FeedConfig, resting, shown, stored_feed

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder
    from lamplighter.store import Store, WriteAccess

WINDOW_MS: Final = 60_000
HEARD: Final = "heard by "
"""setting per feed: the names of the senders that came through it"""
REMOVED: Final = "(removed)"
"""stands for the feed of senders whose feed was removed"""
LOOK_MS: Final = 500
SHOWN_SOURCES: Final = 500
LAG_MS: Final = 5_000
LAYERS: Final = ("console", "broker", "gateway", "device")
_EDGES: Final = np.concatenate([np.arange(0, 2_000, 10), np.geomspace(2_000, 86_400_000, 120)])
"""bounds of the delay histogram in milliseconds"""


def heard_by(store: Store, feed: str) -> list[str]:
    """Names of the senders that came through a feed, in this sitting or an earlier one."""
    text = store.settings(HEARD + feed).get(HEARD + feed, "[]")
    return msgspec.json.decode(text, type=list[str])


class FeedRates:
    """Messages, points and delays per feed over the last minute. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: list[str] = []
        self._index = np.full(0, -1, np.int32)
        self._recent: deque[tuple[int, dict[int, tuple[int, int, np.ndarray]]]] = deque()

    def learn(self, feed_of: dict[int, str]) -> None:
        """Which feed each source comes through (source id -> feed id)."""
        with self._lock:
            index = np.full(max(feed_of, default=-1) + 1, -1, np.int32)
            for source, feed in feed_of.items():
                if feed not in self._feeds:
                    self._feeds.append(feed)
                if source >= 0:
                    index[source] = self._feeds.index(feed)
            self._index = index

    def add(self, committed: Committed, monotonic_ms: int) -> None:
        """One committed batch."""
        if not committed.messages:
            return
        with self._lock:
            source = np.fromiter((m.source for m in committed.messages), np.int64)
            known = (source >= 0) & (source < len(self._index))
            feed = np.where(known, self._index[np.where(known, source, 0)], -1) if len(
                self._index
            ) else np.full(len(source), -1)  # fmt: skip
            delay = np.maximum(committed.wall_ms - committed.points.time_ms, 0)
            bucket = np.searchsorted(_EDGES, delay, side="right")
            of_point = feed[committed.points.message] if len(delay) else np.empty(0, np.int64)
            found = {}
            for number in np.unique(feed[feed >= 0]).tolist():
                mine = of_point == number
                counts = np.bincount(bucket[mine], minlength=len(_EDGES) + 1)
                found[number] = (int((feed == number).sum()), int(mine.sum()), counts)
            self._recent.append((monotonic_ms, found))
            self._forget(monotonic_ms)

    def _forget(self, now: int) -> None:
        while self._recent and self._recent[0][0] < now - WINDOW_MS:
            self._recent.popleft()

    def of(self, feed: str, monotonic_ms: int) -> tuple[float, float, float | None, float | None]:
        """(messages/s, points/s, delay p50, delay p95 in s); the rates over ten seconds."""
        with self._lock:
            self._forget(monotonic_ms)
            if feed not in self._feeds:
                return 0.0, 0.0, None, None
            number = self._feeds.index(feed)
            rows = [(at, found[number]) for at, found in self._recent if number in found]
        late = [row for at, row in rows if at >= monotonic_ms - 10_000]
        messages, points = sum(r[0] for r in late), sum(r[1] for r in late)
        if not rows:
            return 0.0, 0.0, None, None
        counts = np.sum([row[2] for _, row in rows], axis=0)
        if not counts.any():
            return messages / 10.0, 0.0, None, None
        return messages / 10.0, points / 10.0, _at(counts, 0.5), _at(counts, 0.95)


def _at(counts: np.ndarray, share: float) -> float:
    bucket = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
    return float(_EDGES[min(bucket, len(_EDGES) - 1)]) / 1000.0


@dataclass(frozen=True, slots=True)
class _Look:
    """All sources at one moment; arrays are indexed by source id."""

    at_ms: int
    silent: npt.NDArray[np.bool_]
    heard_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]
    """datastreams"""
    stale: npt.NDArray[np.int64]
    """of these, without a live value"""
    gaps: dict[int, tuple[int, int]]
    """source -> (holes, messages in them)"""
    of_feed: dict[str, list[int]]

    def is_silent(self, source: int) -> bool:
        return source < len(self.silent) and bool(self.silent[source])

    def stale_of(self, source: int) -> int:
        return int(self.stale[source]) if source < len(self.stale) else 0

    def values_of(self, sources: Sequence[int]) -> int:
        return sum(int(self.values[s]) for s in sources if s < len(self.values))


class FeedHealth:
    """One recorder's feeds as a person asks about them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.rates = FeedRates()
        self._feed_of: dict[int, str] = {}
        self._kept: dict[str, set[str]] = {}
        self._gaps: dict[tuple[int, int, int, int], Gap] = {}
        self._holes: dict[int, tuple[int, int]] = {}
        """source -> (gaps, messages missing in them); gaps that are lost stay for ever"""
        self._last_look: _Look | None = None
        for gap in recorder.store.gaps():
            self._note_gap(gap)
        self._remember()

    def _remember(self) -> None:
        """Senders of earlier sittings: one that stays silent after a restart is missed too."""
        store = self._recorder.store
        ids = {name: number for number, name in store.sources().items()}
        for key, text in store.settings(HEARD).items():
            names = set(msgspec.json.decode(text, type=list[str]))
            feed = key.removeprefix(HEARD)
            self._kept[feed] = names
            self._feed_of |= {ids[name]: feed for name in names if name in ids}
        self.rates.learn(self._feed_of)

    # ---------------------------------------------------------------- what happens
    def decoded(self, batch: Batch, pipeline: Pipeline) -> None:
        """On the decoding thread."""
        for gap in batch.gaps:
            self._note_gap(gap)
        heard = pipeline.feed_of()
        if any(self._feed_of.get(source) != feed for source, feed in heard.items()):
            self._feed_of = {**self._feed_of, **heard}
            self.rates.learn(self._feed_of)

    def _note_gap(self, gap: Gap) -> None:
        key = (gap.source, gap.epoch, gap.first, gap.last)
        known = key in self._gaps
        if gap.state == "filled":
            self._gaps.pop(key, None)
        else:
            self._gaps[key] = gap
        more = (gap.state != "filled") - known
        if more:
            count, missing = self._holes.get(gap.source, (0, 0))
            self._holes[gap.source] = count + more, missing + more * (gap.last - gap.first + 1)

    def feed_of(self) -> dict[int, str]:
        """Source id -> the feed it was heard through last."""
        return self._feed_of

    def committed(self, committed: Committed) -> None:
        """On the writer's thread."""
        self.rates.add(committed, self._recorder.clock.monotonic_ms())

    def every_second(self) -> None:
        """On the core's beat: note who came through which feed, once for each sender."""
        names = self._recorder.core.city.sources
        found: dict[str, set[str]] = {}
        for source, feed in self._feed_of.items():
            if feed and feed != REMOVED and source in names:
                found.setdefault(feed, set()).add(names[source])
        fresh = {f: s for f, s in found.items() if not s <= self._kept.get(f, set())}
        if not fresh:
            return
        for feed, senders in fresh.items():
            self._kept[feed] = self._kept.get(feed, set()) | senders
        texts = {HEARD + f: msgspec.json.encode(sorted(self._kept[f])).decode() for f in fresh}

        def keep(access: WriteAccess) -> None:
            for key, text in texts.items():
                access.put_setting(key, text)

        self._recorder.store.writer.call(keep)

    def forget(self, feed: str) -> None:
        """A feed was removed: its senders belong to nobody."""
        self._kept.pop(feed, None)
        self._feed_of = {s: REMOVED if f == feed else f for s, f in self._feed_of.items()}
        self._recorder.store.writer.call(lambda access: access.remove_setting(HEARD + feed))

    # ---------------------------------------------------------------- how they are
    def states(self, live: Iterable[wire.FeedState]) -> tuple[wire.FeedState, ...]:
        """The feeds' own states with what is known here, and those that are not connected."""
        known = {state.id: state for state in live}
        configs = {c.id: c for c in self._recorder.feed_configs()}
        rows = [self._whole(state, configs.get(state.id)) for state in known.values()]
        rows += [resting(c) for i, c in configs.items() if i not in known]
        return tuple(sorted(rows, key=lambda r: (len(r.id), r.id)))

    def _whole(self, state: wire.FeedState, config: FeedConfig | None) -> wire.FeedState:
        now = self._recorder.clock.monotonic_ms()
        messages, points, p50, p95 = self.rates.of(state.id, now)
        look = self._look()
        mine = look.of_feed.get(state.id, [])
        gaps = [look.gaps[s] for s in mine if s in look.gaps]
        state = replace(
            state,
            name=config.name if config else "",
            owner=config.owner if config else "",
            mapped=bool(config and config.mapping),
            messages_per_s=messages,
            points_per_s=points,
            delay_p50_s=p50,
            delay_p95_s=p95,
            sources=len(mine),
            silent_sources=sum(look.is_silent(s) for s in mine),
            gaps=sum(count for count, _ in gaps),
            missing=sum(missing for _, missing in gaps),
        )
        layers = self._layers(state, mine, look)
        broken = next((row for row in layers if row[1] == "broken"), None)
        return replace(state, layer=broken[0], layer_words=broken[2]) if broken else state

    def _look(self) -> _Look:
        """What is known of all sources, gathered at most once a second however many ask."""
        now = self._recorder.clock.monotonic_ms()
        look = self._last_look
        if look is not None and 0 <= now - look.at_ms < LOOK_MS:
            return look
        core = self._recorder.core
        of_feed: dict[str, list[int]] = {}
        for source, feed in sorted(self._feed_of.copy().items()):
            if source >= 0:
                of_feed.setdefault(feed, []).append(source)
        gaps = {source: holes for source, holes in self._holes.copy().items() if holes[0]}
        table, mask = core.city.table.source, core.mask
        rows = min(len(mask), len(table))
        known = table[:rows] >= 0
        values = np.bincount(table[:rows][known])
        stale = np.bincount(table[:rows][known & mask[:rows]], minlength=len(values))
        look = _Look(now, core.silent_sources(), core.heard_ms(), values, stale, gaps, of_feed)
        self._last_look = look
        return look

    def detail(self, feed: str) -> wire.FeedDetail:
        """One feed with its senders, the broken ones first and at most `SHOWN_SOURCES`.

        Raises LamplighterError (U-801) when there is no such feed.
        """
        recorder = self._recorder
        config = stored_feed(recorder.store, feed)
        state = next((s for s in recorder.feed_states() if s.id == config.id), resting(config))
        look = self._look()
        mine = look.of_feed.get(config.id, [])
        first = sorted(mine, key=lambda s: (not look.is_silent(s), not look.stale_of(s), s))
        accounts = recorder.store.accounts()
        return wire.FeedDetail(
            replace(state, url=shown(config.url)),
            config.mapping,
            config.ca,
            config.cert,
            config.key,
            tuple(self._layers(state, mine, look)),
            tuple(self._source(s, look, accounts) for s in first[:SHOWN_SOURCES]),
        )

    def days(self, count: int) -> wire.Days:
        """How good the data of each feed were on the last `count` days."""
        recorder = self._recorder
        now = recorder.clock.wall_ms()
        today = now // DAY_MS
        counts = recorder.store.days(today - count + 1, today)
        missing: Counter[tuple[int, int]] = Counter()
        for gap in self._gaps.copy().values():
            at = gap.after_ms or gap.before_ms or gap.found_ms
            missing[(at // DAY_MS, gap.source)] += gap.last - gap.first + 1
        feed_of = {s: f for s, f in self._feed_of.copy().items() if f != REMOVED}
        rows = qualities(counts, feed_of, missing, now)
        since = day_text(min(c.day for c in counts)) if counts else ""
        return wire.Days(tuple(rows), since)

    # ---------------------------------------------------------------- layers
    def _layers(
        self, state: wire.FeedState, mine: list[int], look: _Look
    ) -> list[tuple[str, str, str]]:
        """From here outwards; what lies behind a broken layer cannot be judged."""
        console = self._console()
        rows = [("console", "broken" if console else "ok", console or "it stores what comes")]
        if state.state in ("paused", "off"):
            words = "the feed is paused" if state.state == "paused" else "it is not connected"
            return [*rows, *((name, "unknown", words) for name in LAYERS[1:])]
        if state.state != "live":
            words = state.detail or "no connection yet"
            unseen = "not known without a connection"
            rows.append(("broker", "broken" if state.state != "connecting" else "unknown", words))
            return [*rows, ("gateway", "unknown", unseen), ("device", "unknown", unseen)]
        rows.append(("broker", "ok", state.protocol or "connected"))
        rows.append(self._gateway(mine, look))
        rows.append(_device(mine, look))
        if rows[-1][1] != "ok" and not look.values_of(mine) and state.messages > 3:
            words = "messages come, but nothing in them is stored: see Quarantine"
            rows[-1] = ("device", "broken", words)
        return rows

    def _console(self) -> str:
        recorder = self._recorder
        if recorder.storage_fault is not None:
            return recorder.storage_fault.text
        lag = recorder.store.writer.lag_ms
        return f"it writes {lag / 1000:.0f} s behind" if lag > LAG_MS else ""

    def _gateway(self, mine: list[int], look: _Look) -> tuple[str, str, str]:
        lives = self._recorder.core.lives
        names = self._recorder.core.city.sources
        gone = [s for s in mine if look.is_silent(s)]
        if not mine:
            return "gateway", "unknown", "no sender was heard yet"
        if not gone:
            return "gateway", "ok", f"{len(mine)} of {len(mine)} senders talk"
        off = [s for s in gone if s in lives and lives[s].offline]
        named = ", ".join(names.get(s, "?") for s in gone[:4]) + (" …" if len(gone) > 4 else "")
        why = "said they are off" if len(off) == len(gone) else "are silent"
        return "gateway", "broken", f"{len(gone)} of {len(mine)} senders {why}: {named}"

    def _source(self, source: int, look: _Look, accounts: dict[int, Account]) -> wire.SourceState:
        core, now = self._recorder.core, self._recorder.clock.wall_ms()
        life = core.lives.get(source)
        heard = int(look.heard_ms[source]) if source < len(look.heard_ms) else 0
        silent, stale = look.is_silent(source), look.stale_of(source)
        off = life is not None and life.offline
        words = ""
        if off and silent:
            words = "it said it is off, or its link broke"
        elif silent:
            words = "it stopped talking"
        elif stale:
            words = f"{stale:,} values are not live"
        return wire.SourceState(
            core.city.sources.get(source, "?"),
            (now - heard) / 1000 if heard else None,
            life.heartbeat_s if life is not None else 0.0,
            off,
            silent,
            look.values_of([source]),
            stale,
            *look.gaps.get(source, (0, 0)),
            accounts.get(source, Account()),
            words,
        )


def _device(mine: list[int], look: _Look) -> tuple[str, str, str]:
    talking = [s for s in mine if not look.is_silent(s)]
    total, stale = look.values_of(talking), sum(look.stale_of(s) for s in talking)
    if not total:
        return "device", "unknown", "no value came yet"
    if not stale:
        return "device", "ok", f"{total:,} of {total:,} values are live"
    words = f"{stale:,} of {total:,} values are not live although their sender talks"
    return "device", "broken", words
