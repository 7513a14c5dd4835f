"""What the recorder itself notices: a feed that is lost, a source that fell silent, a sleep.

Each is one alarm with a name, and while it stands the datastreams behind it are not called stale
one by one. After a sleep, and when somebody set the clock, nothing is judged stale until the feeds
had time to come back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.alarms import AlarmEngine
from lamplighter.domain import by_hand
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.clock import Clock, iso

FEED: Final = "system.feed-lost"
SOURCE: Final = "system.source-silent"
SLEPT: Final = "system.console-slept"
CONSOLE: Final = "console"
SLEPT_MS: Final = 30_000
"""the core looks ten times a second; when it did not look for this long it slept"""
GRACE_MS: Final = 30_000
"""how long feeds may take to come back before anything counts as stale"""
AWAY: Final = "paused"
"""state of a feed that a person put away: its silence is meant"""
CONNECTING: Final = "connecting"
RETURN_MS: Final = 60_000
"""how long the sources of a feed that is back may take to speak before they count as silent"""
SHOWN_MS: Final = 10_000
"""how long the alarm of a sleep stays active"""
PATIENCE_MS = 5_000
"""how long a feed or source must be gone, or back, before it is said"""
SET_MS: Final = 2_000
_LOST: Final = frozenset({"lost", "refused"})
_NOBODYS: Final = 2
"""of a source that no feed of ours brings now: nobody waits for it until it speaks"""
Bools = npt.NDArray[np.bool_]


def system_rules(sources: Iterable[str], feeds: Iterable[str]) -> list[AlarmRule]:
    """The rules whose condition the program itself tells."""
    rules = [
        AlarmRule(
            SLEPT, -1, CONSOLE, Condition.TOLD, 0.0, 3, "The console slept",
            cause="The machine was suspended, or too busy to look.",
            consequence="Nothing was watched in that time. Sources that keep their data resend it.",
            guidance=("Look at what happened meanwhile in the journal and the gaps.",),
            owner="system",
        )
    ]  # fmt: skip
    rules += [
        AlarmRule(
            FEED, -1, feed, Condition.TOLD, 0.0, 2, "Feed lost",
            on_delay_ms=PATIENCE_MS, off_delay_ms=PATIENCE_MS,
            cause="The broker, the network or the access to it failed.",
            consequence="Everything behind this feed is out of sight; its values grow stale.",
            guidance=("Open the feeds page: it says which layer is broken.",),
            owner="system", is_cause=True,
        )
        for feed in feeds
    ]  # fmt: skip
    rules += [
        AlarmRule(
            SOURCE, -1, source, Condition.TOLD, 0.0, 3, "Source silent",
            on_delay_ms=PATIENCE_MS, off_delay_ms=PATIENCE_MS,
            cause="The device or gateway is off, or its link is cut.",
            consequence="None of its values is live.",
            guidance=("Check the device's power and link.",),
            owner="system", is_cause=True,
        )
        for source in sources
        if not source.startswith(by_hand.SOURCE)
    ]  # fmt: skip
    return rules


def awake_ms() -> int:
    """Milliseconds that also pass while the machine sleeps, and that nobody can set."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return int(time.clock_gettime(clock) * 1000) if clock is not None else _monotonic()


def _monotonic() -> int:
    return time.monotonic_ns() // 1_000_000


class AlarmWatch:
    """Called on the core's beat, before the rules are judged."""

    def __init__(
        self,
        clock: Clock,
        feed_states: Callable[[], Sequence[tuple[str, str]]],
        feed_of: Callable[[], Mapping[int, str]],
        new_feed: Callable[[], None] = lambda: None,
        awake: Callable[[], int] = awake_ms,
    ) -> None:
        self._clock = clock
        self._feed_states = feed_states
        self._feed_of = feed_of
        self._new_feed = new_feed
        self._asked: set[str] = set()
        self._back_until: dict[str, int] = {}
        self._resumed_until: dict[str, int] = {}
        self._away: frozenset[str] = frozenset()
        """feeds that a person paused or removed"""
        self._unsettled: frozenset[str] = frozenset()
        """feeds of which nobody knows yet whether they are lost: their sources are not judged"""
        self._awake = awake
        self._begun_ms = clock.wall_ms()
        self._last_awake = awake()
        self._last_wall = self._begun_ms
        self._last_mono = clock.monotonic_ms()
        self._missed_from = self._last_mono + RETURN_MS
        self._grace_until = 0
        self._slept_until = 1  # a sleep before this recorder's start is over
        self._told: dict[str, bool] = {}
        self._source_told = np.zeros(0, np.int8)
        """by source id: 1 silent, -1 heard, 0 nothing was told yet, or `_NOBODYS`"""

    def look(
        self,
        engine: AlarmEngine,
        dead: Bools,
        heard_ms: npt.NDArray[np.int64],
        sources: Mapping[int, str],
        source_of: npt.NDArray[np.int32],
        count: int,
    ) -> Bools:
        """Tell the engine what stands; the mask of datastreams that are silent as a whole.

        `dead`, `heard_ms`: by source id; `source_of`: source id by datastream; `count` datastreams.
        """
        self._look_at_clocks(engine)
        lost = self._tell_feeds(engine)
        silent = dead.copy()
        if lost:
            behind = [s for s, feed in self._feed_of().items() if feed in lost]
            silent[[s for s in behind if 0 <= s < silent.size]] = True
        resting = self._clock.monotonic_ms() < self._grace_until
        if not resting:
            self._tell_sources(engine, dead, heard_ms, sources, lost)
        if resting:
            return np.ones(count, np.bool_)
        mask = np.zeros(count, np.bool_)
        n = min(count, source_of.shape[0])
        known = (source_of[:n] >= 0) & (source_of[:n] < silent.size)
        if silent.size:
            mask[:n] = known & silent[np.where(known, source_of[:n], 0)]
        return mask

    def _tell_feeds(self, engine: AlarmEngine) -> set[str]:
        """Feeds that are lost, or were a moment ago: their sources are not judged."""
        states = self._feed_states()
        lost = {feed for feed, state in states if state in _LOST}
        for feed, state in states:
            key = f"{FEED}@{feed}"
            if not engine.has_rule(key):
                if (
                    feed not in self._asked and state != AWAY
                ):  # it was added just now: its rule comes with the city
                    self._asked.add(feed)
                    self._new_feed()
                continue
            if state != CONNECTING:  # until it is connected or lost it stays as it was
                self._tell(engine, key, feed in lost)
        now = self._clock.monotonic_ms()
        self._unsettled = frozenset(feed for feed, state in states if state == CONNECTING)
        away = frozenset(feed for feed, state in states if state == AWAY)
        if away != self._away:
            self._away = away
            self._source_told[self._source_told == _NOBODYS] = 0
        self._back_until = _until(self._back_until, lost, now)
        self._resumed_until = _until(self._resumed_until, away, now)
        return lost | set(self._back_until)

    def _tell_sources(
        self,
        engine: AlarmEngine,
        dead: Bools,
        heard_ms: npt.NDArray[np.int64],
        sources: Mapping[int, str],
        lost: set[str],
    ) -> None:
        """Only of those whose state is not what was told of them last. One that has not spoken
        since the start is missed too, once its feed had time to bring what waits.
        """
        if self._source_told.size < heard_ms.size:
            more = heard_ms.size - self._source_told.size
            self._source_told = np.append(self._source_told, np.zeros(more, np.int8))
        now = np.where(dead[: heard_ms.size], 1, -1)
        told = self._source_told[: heard_ms.size]
        spoke = heard_ms >= self._begun_ms
        if self._clock.monotonic_ms() >= self._missed_from:
            spoke |= (now > 0) & (told == 0)
        changed = np.flatnonzero(spoke & (told != now))
        feed_of = self._feed_of() if changed.size else {}
        waits = lost | self._resumed_until.keys() | self._unsettled
        for source in changed.tolist():
            feed = feed_of.get(source, "")
            unheard = heard_ms[source] < self._begun_ms
            if feed in self._away:  # paused or removed by a person: nobody waits for it
                if unheard:
                    told[source] = _NOBODYS
                continue
            if sources.get(source, by_hand.SOURCE).startswith(by_hand.SOURCE):
                continue
            if not feed and unheard:
                told[source] = _NOBODYS
            elif feed not in waits:
                told[source] = now[source]
                engine.tell(f"{SOURCE}@{sources[source]}", bool(dead[source]))

    def _tell(self, engine: AlarmEngine, key: str, holds: bool, text: str = "") -> None:
        if self._told.get(key) != holds or text:
            self._told[key] = holds
            engine.tell(key, holds, text)

    def forget(self) -> None:
        """The engine has new rules: tell it everything again."""
        self._told.clear()
        self._source_told[:] = 0

    def _look_at_clocks(self, engine: AlarmEngine) -> None:
        awake, wall, mono = self._awake(), self._clock.wall_ms(), self._clock.monotonic_ms()
        passed = awake - self._last_awake
        key = f"{SLEPT}@{CONSOLE}"
        if passed > SLEPT_MS:
            self._grace_until = mono + GRACE_MS
            self._slept_until = mono + SHOWN_MS
            begun = iso(self._last_wall)[:19].replace("T", " ")
            text = f"The console slept from {begun} to {iso(wall)[11:19]} UTC"
            self._tell(engine, key, True, text)
        elif abs((wall - self._last_wall) - (mono - self._last_mono)) > SET_MS:
            self._grace_until = mono + GRACE_MS
            # when each source was heard moves with the clock, and so does this
            self._begun_ms += (wall - self._last_wall) - (mono - self._last_mono)
        elif self._slept_until and mono >= self._slept_until:
            self._slept_until = 0
            self._tell(engine, key, False)
        self._last_awake, self._last_wall, self._last_mono = awake, wall, mono


def _until(known: dict[str, int], gone: Iterable[str], now_ms: int) -> dict[str, int]:
    """Until when the sources of each feed get time to speak: a while after it is back."""
    found = known | dict.fromkeys(gone, now_ms + RETURN_MS)
    return {feed: until for feed, until in found.items() if until > now_ms}
