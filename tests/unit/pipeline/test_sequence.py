"""No loss hides: not the first message, not the last, not 65,536 of them; and none is invented."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.observation import Gap, SourceLife
from lamplighter.pipeline import EpochState, Pipeline, sequence
from lamplighter.pipeline.intervals import Intervals
from lamplighter.pipeline.sequence import SequenceBook

SETTLED_MS = 1_100


class Gaps:
    """What a reader of the stored gap rows sees: the last state of each row."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int, int, int], Gap] = {}

    def add(self, gaps: tuple[Gap, ...] | list[Gap]) -> None:
        for gap in gaps:
            self.rows[(gap.source, gap.epoch, gap.first, gap.last)] = gap

    def missing(self, *states: str) -> set[int]:
        wanted = states or ("open", "asked", "lost")
        rows = [g for g in self.rows.values() if g.state in wanted]
        return {seq for g in rows for seq in range(g.first, g.last + 1)}

    def ranges(self, *states: str) -> list[tuple[int, int]]:
        wanted = states or ("open", "asked", "lost")
        return sorted((g.first, g.last) for g in self.rows.values() if g.state in wanted)


class Bench:
    """A pipeline with one device, and the gap rows a store would hold."""

    def __init__(self, *, retains: bool = False, introduced: bool = True) -> None:
        self.clock = FakeClock()
        self.dev = FeedBuilder(self.clock)
        self.pipeline = Pipeline(clock=self.clock)
        self.gaps = Gaps()
        self.retains = retains
        if introduced:
            self.announce(0)

    def announce(self, next_seq: int, first_seq: int = 0) -> None:
        message = self.dev.announcement(next_seq, first_seq=first_seq, retains=self.retains)
        self.take([message])

    def take(self, messages: list[object]) -> None:
        self.gaps.add(self.pipeline.take(messages).gaps)  # type: ignore[arg-type]

    def send(self, *seqs: int) -> None:
        self.take([self.dev.message(seq) for seq in seqs])

    def wait(self, ms: int = SETTLED_MS) -> list[tuple[int, int]]:
        """Time passes; returns what was asked for."""
        self.clock.advance(ms)
        asked = [(r.first, r.last) for r in self.pipeline.due()]
        self.take([])
        return asked


@pytest.mark.parametrize("lost", [1, 255, 256, 257, 512, 65_536])
def test_a_hole_of_any_size_is_found_two_seconds_after_the_next_message(lost: int) -> None:
    bench = Bench()
    bench.send(0, 1)
    bench.send(2 + lost)
    bench.wait()
    assert bench.gaps.ranges("lost") == [(2, 1 + lost)]


def test_the_first_message_cannot_be_lost_unseen() -> None:
    for introduced in (True, False):
        bench = Bench(introduced=introduced)
        bench.send(1)
        bench.wait()
        assert bench.gaps.missing() == {0}


def test_the_last_message_cannot_be_lost_unseen() -> None:
    bench = Bench()
    bench.send(0, 1, 2)
    bench.announce(4)
    bench.wait()
    assert bench.gaps.missing() == {3}


def test_all_messages_cannot_be_lost_unseen() -> None:
    bench = Bench()
    bench.announce(65_536)
    bench.wait()
    assert bench.gaps.ranges() == [(0, 65_535)]


def test_a_new_epoch_starts_its_own_count() -> None:
    bench = Bench()
    bench.send(0, 1, 2)
    bench.dev.epoch = 99
    bench.announce(0)
    bench.send(0, 1)
    bench.wait()
    assert bench.gaps.ranges() == []
    bench.send(3)
    bench.wait()
    assert [(g.epoch, g.first, g.last) for g in bench.gaps.rows.values()] == [(99, 2, 2)]


def test_a_source_that_forgot_its_oldest_is_taken_at_its_word() -> None:
    bench = Bench(introduced=False)
    bench.announce(1_000, first_seq=1_000)
    bench.send(1_000, 1_001)
    bench.wait()
    assert bench.gaps.ranges() == []


def test_messages_that_overtake_each_other_are_no_gap() -> None:
    bench = Bench()
    bench.send(1, 0, 3)
    bench.clock.advance(500)
    bench.send(2)
    bench.wait()
    assert bench.gaps.rows == {}


def test_an_announcement_ahead_of_its_messages_is_no_gap() -> None:
    bench = Bench()
    bench.announce(50)
    for seq in range(50):
        bench.clock.advance(300)
        bench.send(seq)
    bench.wait()
    assert bench.gaps.rows == {}


def test_a_gap_says_between_which_moments_it_lies() -> None:
    bench = Bench()
    bench.send(0)
    before = bench.clock.wall_ms()
    bench.clock.advance(5_000)
    bench.send(3)
    after = bench.clock.wall_ms()
    bench.wait()
    (gap,) = bench.gaps.rows.values()
    assert (gap.after_ms, gap.before_ms) == (before, after)


def test_a_source_that_retains_is_asked_and_the_gap_closes() -> None:
    bench = Bench(retains=True)
    bench.send(0, 5)
    assert bench.wait() == [(1, 4)]
    assert bench.gaps.ranges("asked") == [(1, 4)]
    bench.send(1, 2, 3, 4)
    bench.wait()
    assert bench.gaps.ranges() == [] and bench.gaps.ranges("filled") == [(1, 4)]


def test_asking_again_waits_longer_and_asks_only_for_what_is_missing() -> None:
    bench = Bench(retains=True)
    bench.send(0, 5)
    assert bench.wait() == [(1, 4)]
    assert bench.wait(1_000) == []
    assert bench.wait(1_000) == [(1, 4)]
    bench.send(2, 3)
    assert bench.wait(2_000) == []
    assert sorted(bench.wait(2_100)) == [(1, 1), (4, 4)]


def test_a_source_that_is_gone_is_asked_when_it_is_back() -> None:
    bench = Bench(retains=True)
    bench.send(0, 5)
    bench.take([bench.dev.last_will()])
    assert bench.wait() == []
    bench.announce(6)
    assert bench.wait() == [(1, 4)]


def test_a_source_that_never_answers_leaves_a_lost_gap() -> None:
    bench = Bench(retains=True)
    bench.send(0, 2)
    asked = 0
    for step in range(40):
        asked += len(bench.wait(10_000))
        bench.announce(3 + step)
        bench.send(3 + step)
    assert bench.gaps.ranges() == [(1, 1)] and bench.gaps.ranges("lost") == [(1, 1)]
    assert 5 <= asked <= 10


def test_a_partly_filled_gap_ends_as_exactly_what_is_lost() -> None:
    bench = Bench(retains=True)
    bench.send(0, 10)
    bench.wait()
    bench.send(2, 3, 7)
    bench.announce(11, first_seq=11)
    bench.wait()
    assert bench.gaps.missing("lost") == {1, 4, 5, 6, 8, 9}
    assert bench.gaps.missing() == {1, 4, 5, 6, 8, 9}


def test_a_huge_gap_is_asked_for_in_pieces() -> None:
    bench = Bench(retains=True)
    bench.send(0)
    bench.send(65_537)
    asked = bench.wait()
    assert asked == [(1, 1_000)]
    bench.send(*range(1, 1_001))
    assert bench.wait(2_200) == [(1_001, 2_000)]


def test_one_broken_device_cannot_make_us_ask_without_end() -> None:
    bench = Bench(retains=True)
    bench.send(*range(0, 2_000, 2))
    assert len(bench.wait()) <= 8


def test_after_a_restart_the_search_goes_on_and_nothing_is_reported_twice() -> None:
    bench = Bench(retains=True)
    bench.send(0, 1, 5)
    bench.wait()
    life = bench.pipeline.life(0)
    state = EpochState(0, 7213, ((0, 1), (5, 5)), tuple(bench.gaps.rows.values()), life)
    again = Bench(introduced=False, retains=True)
    again.pipeline = Pipeline(clock=again.clock, states=[state], lives=[life] if life else [])
    again.gaps.rows = dict(bench.gaps.rows)
    again.pipeline.registry.source("dev-88")
    assert again.wait(5_000) == [], "the source was not heard yet"
    again.announce(6)
    assert again.wait() == [(2, 4)]
    again.send(2, 3, 4)
    again.wait()
    assert again.gaps.ranges() == [] and len(again.gaps.rows) == 1


def test_epochs_that_ended_whole_take_no_room_until_somebody_speaks_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    luck = random.Random(8)
    life = SourceLife(1, 40, 0, 30, 5.0, True, False, 1)
    gap = Gap(2, 41, 6, 7, 1, 2, 3)
    states = [EpochState(0, epoch, ((epoch, epoch + 9),)) for epoch in range(30)]
    states += [EpochState(1, 40, ((0, 9),), (), life), EpochState(2, 41, ((0, 5), (8, 9)), (gap,))]
    states += [EpochState(3, 42, ((0, 2), (5, 9))), EpochState(4, 43)]
    lazy = SequenceBook(states)
    assert set(lazy._runs) == {(1, 40), (2, 41), (3, 42)}
    monkeypatch.setattr(sequence, "_is_whole", lambda _: False)
    eager = SequenceBook(states)
    found: list[list[object]] = [[], []]
    for now in range(1, 60_000, 150):
        state, kind = luck.choice(states), luck.random()
        seq = luck.randrange(40)
        said = SourceLife(state.source, state.epoch, luck.randrange(3), seq, 5.0, seq % 2 == 0,
                          seq % 7 == 0, now)  # fmt: skip
        for book, out in zip((lazy, eager), found, strict=True):
            if kind < 0.5:
                out.append(book.saw(state.source, state.epoch, seq, now, now, now))
            elif kind < 0.6:
                book.saw_run(state.source, state.epoch, seq, seq + 3, now, now, now)
            elif kind < 0.7:
                book.announced(said, now)
            elif kind < 0.8:
                book.filled(state.source, state.epoch, [seq, seq + 1], now)
            out.append(sorted(book.look(now, now), key=repr))
            out.append(sorted(book.requests(now, now)))
            out.append(book.missing(state.source, state.epoch))
    assert found[0] == found[1]
    assert any(found[0][n] for n in range(len(found[0])))


def test_messages_held_by_the_broker_over_a_restart_are_no_gap() -> None:
    bench = Bench(retains=True)
    bench.send(0, 1)
    bench.announce(4)
    life = bench.pipeline.life(0)
    assert life is not None
    after = Bench(introduced=False, retains=True)
    after.pipeline = Pipeline(
        clock=after.clock, states=[EpochState(0, 7213, ((0, 1),), (), life)], lives=[life]
    )
    after.pipeline.registry.source("dev-88")
    after.wait(60_000)
    after.announce(4)
    after.send(2, 3)
    after.wait()
    assert after.gaps.rows == {}


def test_a_source_that_announced_itself_and_sent_nothing_is_remembered() -> None:
    bench = Bench(retains=True)
    bench.announce(3)
    life = bench.pipeline.life(0)
    assert life is not None
    after = Bench(introduced=False, retains=True)
    after.pipeline = Pipeline(clock=after.clock, lives=[life])
    after.pipeline.registry.source("dev-88")
    after.announce(3)
    assert after.wait() == [(0, 2)]


def test_a_queue_behind_is_no_gap() -> None:
    """While messages wait to be decoded, their absence means nothing."""
    bench = Bench()
    bench.announce(3)
    bench.clock.advance(60_000)
    assert bench.pipeline.due(idle=False) == []
    bench.take([])
    assert bench.gaps.rows == {}


PATTERNS = 1_500


def test_random_loss_is_found_whole_and_nothing_else() -> None:
    """Losses of every shape, in and out of order, with restarts: exactly the lost are reported."""
    rng = random.Random(11)
    for _ in range(PATTERNS):
        book, gaps = SequenceBook(), Gaps()
        now = 5_000
        expected: dict[int, set[int]] = {}
        for epoch in range(rng.choice([1, 1, 2])):
            count = rng.choice([1, 2, 5, 40, 300, 700])
            lost = _loss(rng, count)
            expected[epoch] = lost
            book.announced(SourceLife(1, epoch), now)
            order = [seq for seq in range(count) if seq not in lost]
            for at in range(0, len(order), 7):
                part = order[at : at + 7]
                rng.shuffle(part)
                for seq in part:
                    now += rng.randint(0, 20)
                    book.saw(1, epoch, seq, now)
                gaps.add(book.look(now, now))
            book.announced(SourceLife(1, epoch, 0, count), now)
            now += 2_000
            gaps.add(book.look(now, now))
        for epoch, lost in expected.items():
            mine = Gaps()
            mine.add([g for g in gaps.rows.values() if g.epoch == epoch])
            assert mine.missing("lost") == lost
            assert mine.missing() == lost


def _loss(rng: random.Random, count: int) -> set[int]:
    roll = rng.random()
    if roll < 0.1:
        return set(range(count))
    if roll < 0.2:
        return {0} | ({count - 1} if rng.random() < 0.5 else set())
    if roll < 0.3:
        return {count - 1}
    if roll < 0.5 and count > 256:
        start = rng.randrange(count - 255)
        return set(range(start, min(count, start + rng.choice([256, 512]))))
    return {seq for seq in range(count) if rng.random() < rng.choice([0.01, 0.2, 0.6])}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=40))
@settings(max_examples=200, deadline=None)
def test_intervals_hold_exactly_what_was_added(ranges: list[tuple[int, int]]) -> None:
    intervals, plain = Intervals(), set[int]()
    for first, length in ranges:
        if length == 0:
            assert intervals.add(first) == (first not in plain)
            plain.add(first)
        else:
            intervals.add_range(first, first + length)
            plain.update(range(first, first + length + 1))
    held = {n for low, high in intervals.pairs for n in range(low, high + 1)}
    assert held == plain
    pairs = intervals.pairs
    assert all(b[0] > a[1] + 1 for a, b in itertools.pairwise(pairs))
    missing = {n for low, high in intervals.holes(0, 80) for n in range(low, high + 1)}
    assert missing == set(range(80)) - plain


@given(st.permutations(list(range(12))), st.lists(st.integers(0, 11), max_size=12))
@settings(max_examples=150, deadline=None)
def test_what_is_stored_does_not_depend_on_the_order_of_arrival(
    order: list[int], repeated: list[int]
) -> None:
    bench = Bench(retains=True)
    stored: dict[tuple[int, int, int], tuple[float, int, int]] = {}
    names: dict[int, str] = {}
    base = bench.clock.wall_ms()
    for seq in order + repeated:
        points = [(f"N{seq % 3}", base + seq, seq * 1.5), ("N0", base - seq, seq, "uncertain")]
        bench.clock.advance(seq % 5 * 100)
        batch = bench.pipeline.take([bench.dev.message(seq, points)])
        names.update({d.id: d.name for d in batch.new_datastreams})
        for row in range(len(batch.points)):
            p = batch.points
            key = (bench.dev.epoch, batch.messages[0].seq, int(p.place[row]))
            value = (float(p.value[row]), int(p.time_ms[row]), int(p.quality[row]))
            assert stored.setdefault(key, value) == value
    assert len(stored) == 24
    assert {stored[(7213, s, 0)] for s in range(12)} == {(s * 1.5, base + s, 0) for s in range(12)}
    bench.announce(12)
    bench.wait()
    assert bench.gaps.ranges() == []
