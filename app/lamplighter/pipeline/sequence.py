"""Finds every message that was sent and never came, and asks again where that can help.

A source counts its messages from 0 in each epoch. Holes show between the messages that came, and
at the end by the source's announcements, which say how far it has counted: so neither the last
message nor any number of lost ones can hide. A hole counts as a gap only after `SETTLE_MS`,
because messages and announcements may overtake each other on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lamplighter.domain.observation import Gap, SourceLife
from lamplighter.pipeline.intervals import Intervals

SETTLE_MS: Final = 1_000
FIRST_RETRY_MS: Final = 2_000
LAST_RETRY_MS: Final = 30_000
MOST_TRIES: Final = 8
MOST_TRIES_UNINTRODUCED: Final = 3
ASK_AT_MOST: Final = 1_000
"""messages in one request"""
ASKS_AT_ONCE: Final = 8
"""open requests of one source"""


class EpochState(Struct, frozen=True):
    """What the store remembers of one (source, epoch), to go on after a restart."""

    source: int
    epoch: int
    intervals: tuple[tuple[int, int], ...] = ()
    """seqs that were stored, as closed intervals, ascending"""
    gaps: tuple[Gap, ...] = ()
    """gaps stored for it that are not filled"""
    life: SourceLife | None = None
    """the source's newest announcement, when it is of this epoch"""


@dataclass(slots=True)
class _Hole:
    """A gap that was reported, with what was done about it."""

    gap: Gap
    tries: int = 0
    next_ask_ms: int = 0
    missing: int = 0


@dataclass(slots=True)
class _Run:
    """One epoch of one source."""

    source: int
    epoch: int
    seen: Intervals = field(default_factory=Intervals)
    floor: int = 0
    oldest: int = 0
    """the source can give nothing older again"""
    announced: int = 0
    announced_at: int = 0
    introduced: bool = False
    retains: bool = False
    offline: bool = False
    progress_at: int = 0
    heard_at: int = 0
    first_heard_at: int = 0
    jumps: list[tuple[int, int]] = field(default_factory=list)
    """(when, upper): at that moment everything below `upper` was due"""
    settled: int = 0
    """everything below has had its time to arrive"""
    holes: list[_Hole] = field(default_factory=list)
    dirty: bool = True

    def heard(self, now: int) -> None:
        self.first_heard_at = self.first_heard_at or now
        self.heard_at = now


class SequenceBook:
    """All epochs of all sources. Times are monotonic milliseconds unless they say wall."""

    def __init__(self, states: Iterable[EpochState] = ()) -> None:
        self._runs: dict[tuple[int, int], _Run] = {}
        self._news: list[Gap] = []
        self._busy: set[tuple[int, int]] = set()
        self._resting: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}
        """seqs of epochs that ended whole, of which a city gathers very many: nothing is kept of
        them but this, until somebody speaks of one again"""
        for state in states:
            if _is_whole(state):
                self._resting[state.source, state.epoch] = state.intervals
            else:
                self._restore(state)

    def filled(self, source: int, epoch: int, seqs: Iterable[int], now: int) -> None:
        """Messages of a known epoch came another way: they fill holes and make no new ones."""
        run = self._runs.get((source, epoch))
        if run is None or not run.holes:
            return
        for seq in seqs:
            if seq < run.seen.end and run.seen.add(seq, 0, 0):
                run.dirty = True
                self._busy.add((source, epoch))

    # ---------------------------------------------------------------- what arrives
    def saw(
        self, source: int, epoch: int, seq: int, now: int, first_ms: int = 0, last_ms: int = 0
    ) -> bool:
        """A message came. False when this seq had come before."""
        run = self._run(source, epoch)
        run.heard(now)
        end = run.seen.end
        fresh = run.seen.add(seq, first_ms, last_ms)
        if not fresh:
            return False
        if seq != end or run.holes:
            run.dirty = True
            self._busy.add((source, epoch))
        if seq >= end:
            run.progress_at = now
            if seq > end:
                run.jumps.append((now, seq))
        return True

    def saw_run(
        self,
        source: int,
        epoch: int,
        first: int,
        last: int,
        now: int,
        first_ms: int,
        last_ms: int,
    ) -> None:
        """Messages first..last came in their order; the times are those of the first and last."""
        run = self._run(source, epoch)
        if first != run.seen.end or run.holes or first == last:
            for seq in range(first, last + 1):  # in the end only the times of the edges are left
                self.saw(source, epoch, seq, now, first_ms, last_ms)
            return
        run.heard(now)
        run.seen.add_range(first, last, first_ms, last_ms)
        run.progress_at = now

    def announced(self, life: SourceLife, now: int) -> None:
        """The source said how far it has counted."""
        run = self._run(life.source, life.epoch)
        run.heard(now)
        run.offline = life.offline
        if life.offline and life.next_seq == 0:
            return
        if not run.introduced:
            run.introduced = True
            if not run.holes:
                run.floor = life.first_seq
        run.oldest = max(run.oldest, life.first_seq)
        run.retains = life.retains
        if life.next_seq > run.announced:
            run.announced, run.announced_at = life.next_seq, now
        run.dirty = True
        self._busy.add((life.source, life.epoch))

    # ---------------------------------------------------------------- what follows from it
    def look(self, now: int, wall_ms: int) -> list[Gap]:
        """Gaps that are new or have changed since the last look, for the store.

        A gap's first report is always `open`, even when `lost` follows at once.
        """
        for key in list(self._busy):
            run = self._runs[key]
            self._settle(run, now)
            if run.dirty:
                self._compare(run, now, wall_ms)
            waiting = any(h.gap.state != "lost" for h in run.holes)
            if not (waiting or run.jumps or run.announced > max(run.settled, run.seen.end)):
                self._busy.discard(key)
        news, self._news = self._news, []
        return news

    def requests(self, now: int, wall_ms: int) -> list[tuple[int, int, int, int]]:
        """(source, epoch, first, last) to ask for now; asking again waits longer each time."""
        found = []
        for key in list(self._busy):
            run = self._runs[key]
            if not run.heard_at or run.offline or (run.introduced and not run.retains):
                continue
            for hole in run.holes[:ASKS_AT_ONCE]:
                if hole.gap.state in ("open", "asked") and now >= hole.next_ask_ms:
                    found += self._ask(run, hole, now)
        return found

    def missing(self, source: int, epoch: int) -> list[tuple[int, int]]:
        """Every seq of this epoch that is due and has not come, as closed intervals."""
        run = self._runs.get((source, epoch))
        if run is None:
            return []
        return run.seen.holes(run.floor, max(run.seen.end, run.announced))

    # ---------------------------------------------------------------- inside
    def _run(self, source: int, epoch: int) -> _Run:
        run = self._runs.get((source, epoch))
        if run is None:
            run = self._runs[(source, epoch)] = _Run(source, epoch)
            self._busy.add((source, epoch))
            for first, last in self._resting.pop((source, epoch), ()):
                run.seen.add_range(first, last)
                run.floor, run.settled = first, run.seen.end
        return run

    def _settle(self, run: _Run, now: int) -> None:
        due = now - SETTLE_MS
        while run.jumps and run.jumps[0][0] <= due:
            upper = run.jumps.pop(0)[1]
            if upper > run.settled:
                run.settled, run.dirty = upper, True
        tail = max(run.announced_at, run.progress_at, run.first_heard_at)
        if run.heard_at and run.announced > run.settled and tail <= due:
            run.settled, run.dirty = run.announced, True

    def _compare(self, run: _Run, now: int, wall_ms: int) -> None:
        """Bring the reported gaps in line with what is missing."""
        run.dirty = False
        kept: list[_Hole] = []
        for hole in run.holes:
            kept += self._recheck(run, hole, now)
        covered = Intervals()
        for hole in kept:
            covered.add_range(hole.gap.first, hole.gap.last)
        for first, last in run.seen.holes(run.floor, run.settled):
            for low, high in covered.holes(first, last + 1):
                kept.append(self._report(run, low, high, now, wall_ms))
        kept.sort(key=lambda h: h.gap.first)
        run.holes = kept

    def _recheck(self, run: _Run, hole: _Hole, now: int) -> list[_Hole]:
        gap = hole.gap
        left = run.seen.holes(max(gap.first, run.floor), gap.last + 1)
        missing = sum(last - first + 1 for first, last in left)
        if not missing:
            self._news.append(replace(gap, state="filled"))
            return []
        if missing < hole.missing:
            hole.missing, hole.tries = missing, 0
            hole.next_ask_ms = max(hole.next_ask_ms, now + FIRST_RETRY_MS)
        hopeless = run.introduced and (not run.retains or left[-1][1] < run.oldest)
        if gap.state == "lost":
            hopeless = True
        if hopeless:
            return self._give_up(run, hole, left)
        return [hole]

    def _give_up(self, run: _Run, hole: _Hole, left: list[tuple[int, int]]) -> list[_Hole]:
        """What is still missing is lost: the gap shrinks to exactly that."""
        gap = hole.gap
        if left == [(gap.first, gap.last)]:
            if gap.state != "lost":
                hole.gap = replace(gap, state="lost")
                self._news.append(hole.gap)
            return [hole]
        self._news.append(replace(gap, state="filled"))
        rest = []
        for first, last in left:
            after, before = run.seen.around(first, last)
            part = replace(
                gap, first=first, last=last, after_ms=after, before_ms=before, state="lost"
            )
            self._news.append(part)
            rest.append(_Hole(part, missing=last - first + 1))
        return rest

    def _report(self, run: _Run, first: int, last: int, now: int, wall_ms: int) -> _Hole:
        after, before = run.seen.around(first, last)
        hopeless = run.introduced and (not run.retains or last < run.oldest)
        gap = Gap(run.source, run.epoch, first, last, wall_ms, after, before)
        self._news.append(gap)
        if hopeless:
            gap = replace(gap, state="lost")
            self._news.append(gap)
        return _Hole(gap, next_ask_ms=now, missing=last - first + 1)

    def _ask(self, run: _Run, hole: _Hole, now: int) -> list[tuple[int, int, int, int]]:
        gap = hole.gap
        most = MOST_TRIES if run.introduced else MOST_TRIES_UNINTRODUCED
        left = run.seen.holes(max(gap.first, run.floor), gap.last + 1)
        if not left:
            run.dirty = True
            return []
        if hole.tries >= most:
            if run.heard_at > hole.next_ask_ms - LAST_RETRY_MS or not run.introduced:
                run.holes.remove(hole)
                run.holes += self._give_up(run, hole, left)
                run.holes.sort(key=lambda h: h.gap.first)
                return []
            hole.tries = most - 1
        hole.next_ask_ms = now + min(FIRST_RETRY_MS << hole.tries, LAST_RETRY_MS)
        hole.tries += 1
        if gap.state == "open":
            hole.gap = replace(gap, state="asked")
            self._news.append(hole.gap)
        found, budget = [], ASK_AT_MOST
        for first, last in left[:ASKS_AT_ONCE]:
            last = min(last, first + budget - 1)
            found.append((run.source, run.epoch, first, last))
            budget -= last - first + 1
            if budget <= 0:
                break
        return found

    def _restore(self, state: EpochState) -> None:
        run = self._run(state.source, state.epoch)
        for first, last in state.intervals:
            run.seen.add_range(first, last)
        known = [i[0] for i in state.intervals] + [g.first for g in state.gaps]
        run.floor = min(known, default=0)
        for gap in state.gaps:
            run.holes.append(_Hole(gap, missing=gap.last - gap.first + 1))
        run.holes.sort(key=lambda h: h.gap.first)
        run.settled = run.seen.end
        life = state.life
        if life is not None and life.epoch == state.epoch:
            run.introduced = True
            run.retains, run.oldest, run.offline = life.retains, life.first_seq, life.offline
            run.announced = life.next_seq
            run.floor = min(run.floor, life.first_seq) if known else life.first_seq


def _is_whole(state: EpochState) -> bool:
    """Whether an epoch has no hole, none that was reported, and no word of its source about it."""
    spoken_of = state.life is not None and state.life.epoch == state.epoch
    return len(state.intervals) <= 1 and not state.gaps and not spoken_of


def with_lives(states: Iterable[EpochState], lives: Iterable[SourceLife]) -> list[EpochState]:
    """The states, with one more for each source that announced itself and sent nothing yet."""
    found = list(states)
    known = {(state.source, state.epoch) for state in found}
    return found + [
        EpochState(life.source, life.epoch, life=life)
        for life in lives
        if (life.source, life.epoch) not in known
    ]
