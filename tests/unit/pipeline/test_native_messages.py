"""Native observation messages: what is sound is stored whole, what is not is named and counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.observation import Batch
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.pipeline import Bounds, Pipeline, Registry
from lamplighter.pipeline.native import hash64

NAN = float("nan")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def dev(clock: FakeClock) -> FeedBuilder:
    return FeedBuilder(clock)


@pytest.fixture
def pipeline(clock: FakeClock) -> Pipeline:
    return Pipeline(clock=clock)


def conserved(batch: Batch) -> tuple[int, int, int]:
    """(stored, set aside, refused) in points."""
    return (
        len(batch.points),
        sum(q.points for q in batch.quarantined),
        sum(points for _, points in batch.refused),
    )


def test_points_keep_their_order_place_time_and_value(
    pipeline: Pipeline, dev: FeedBuilder, clock: FakeClock
) -> None:
    now = clock.wall_ms()
    batch = pipeline.take(
        [
            dev.message(0, [("P-17", now, 3.21), ("P-18", now - 5, 3.4, "uncertain")]),
            dev.message(1, [("P-17", now, 3), ("P-17", now, 4)]),
        ]
    )
    assert batch.points.datastream.tolist() == [0, 1, 0, 0]
    assert batch.points.time_ms.tolist() == [now, now - 5, now, now]
    assert batch.points.value.tolist() == [3.21, 3.4, 3.0, 4.0]
    assert batch.points.quality.tolist() == [0, Quality.UNCERTAIN, 0, 0]
    assert batch.points.message.tolist() == [0, 0, 1, 1]
    assert batch.points.place.tolist() == [0, 1, 0, 1]
    assert [d.name for d in batch.new_datastreams] == ["P-17", "P-18"]
    assert batch.new_sources == ((0, "dev-88"),)
    assert [(m.seq, m.points) for m in batch.messages] == [(0, 2), (1, 2)]


def test_the_hash_is_that_of_the_body_and_fits_a_signed_column(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    message = dev.message(0)
    batch = pipeline.take([message])
    assert batch.messages[0].hash64 == hash64(message.payload)
    assert all(-(2**63) <= hash64(bytes([n])) < 2**63 for n in range(50))
    assert any(hash64(bytes([n])) < 0 for n in range(50))


def test_words_become_codes_of_their_datastream(pipeline: Pipeline, dev: FeedBuilder) -> None:
    now = dev.clock.wall_ms()
    batch = pipeline.take([dev.message(n, [("V-3", now, word)]) for n, word in enumerate("aba")])
    assert batch.points.value.tolist() == [0.0, 1.0, 0.0]
    assert [(s.code, s.text) for s in batch.new_states] == [(0, "a"), (1, "b")]
    assert batch.new_datastreams[0].text


def test_words_and_numbers_may_share_a_message(pipeline: Pipeline, dev: FeedBuilder) -> None:
    now = dev.clock.wall_ms()
    batch = pipeline.take([dev.message(0, [("V", now, "open"), ("P", now, 2, "bad")])])
    assert batch.points.value.tolist() == [0.0, 2.0]
    assert batch.points.quality.tolist() == [0, Quality.BAD]


def test_names_known_from_the_store_keep_their_ids(clock: FakeClock, dev: FeedBuilder) -> None:
    from lamplighter.domain.city import Datastream

    registry = Registry(
        [Datastream(7, "dev-88", "P-17"), Datastream(4, "other", "P-17")],
        [(0, "other"), (1, "dev-88")],
    )
    batch = Pipeline(clock=clock, registry=registry).take(
        [dev.message(0, [("P-17", clock.wall_ms(), 1), ("new", clock.wall_ms(), 1)])]
    )
    assert batch.points.datastream.tolist() == [7, 8]
    assert batch.messages[0].source == 1
    assert not batch.new_sources


def test_a_message_without_points_still_counts_in_the_sequence(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    batch = pipeline.take([dev.message(0, [])])
    assert len(batch.messages) == 1 and len(batch.points) == 0 and not batch.quarantined


def test_a_bad_point_is_set_aside_and_its_neighbours_are_kept(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    now = dev.clock.wall_ms()
    message = dev.message(0, [("A", now, 1), ("B", now, NAN), ("C", now, 3)])
    batch = pipeline.take([message])
    assert batch.points.value.tolist() == [1.0, 3.0]
    assert batch.points.place.tolist() == [0, 2], "places count what was set aside"
    (aside,) = batch.quarantined
    assert aside.code == "D-101" and aside.points == 1 and aside.token == message.token
    assert batch.messages[0].points == 3


def test_a_type_that_changes_is_set_aside_both_ways(pipeline: Pipeline, dev: FeedBuilder) -> None:
    now = dev.clock.wall_ms()
    pipeline.take([dev.message(0, [("N", now, 1), ("T", now, "open")])])
    batch = pipeline.take([dev.message(1, [("N", now, "1_000"), ("T", now, 5), ("N", now, 2)])])
    assert batch.points.value.tolist() == [2.0]
    assert [q.code for q in batch.quarantined] == ["D-107", "D-107"]
    assert "number → text" in batch.quarantined[0].reason


def test_a_declared_state_may_come_as_its_code(clock: FakeClock, dev: FeedBuilder) -> None:
    from lamplighter.domain.city import Datastream

    stream = Datastream(0, "dev-88", "V-3", kind="position", states=("closed", "open"))
    pipeline = Pipeline(clock=clock, registry=Registry([stream], [(0, "dev-88")]))
    now = clock.wall_ms()
    batch = pipeline.take(
        [dev.message(0, [("V-3", now, 1), ("V-3", now, "open"), ("V-3", now, 2)])]
    )
    assert batch.points.value.tolist() == [1.0, 1.0]
    assert [q.code for q in batch.quarantined] == ["D-107"]


def test_names_beyond_the_limit_are_refused_and_counted(clock: FakeClock, dev: FeedBuilder) -> None:
    pipeline = Pipeline(clock=clock, registry=Registry(names_per_source=3))
    now = clock.wall_ms()
    batch = pipeline.take([dev.message(0, [(f"N{n}", now, n) for n in range(5)])])
    assert conserved(batch) == (3, 0, 2)
    assert batch.messages[0].points == 5
    assert pipeline.notices()[0][0].code == "D-109"


def test_sources_beyond_the_limit_are_refused_with_their_ticket(clock: FakeClock) -> None:
    pipeline = Pipeline(clock=clock, registry=Registry(source_limit=1))
    one, two = FeedBuilder(clock, "one"), FeedBuilder(clock, "two")
    last = two.message(0)
    batch = pipeline.take([one.message(0), last])
    assert conserved(batch) == (1, 0, 1)
    assert batch.refused_tokens == (last.token,)


def test_a_clock_far_off_is_replaced_by_our_time_and_marked(
    pipeline: Pipeline, dev: FeedBuilder, clock: FakeClock
) -> None:
    now = clock.wall_ms()
    wrong = [now * 1000, -5, 0, now // 1000, 253_402_300_800_000, 2**70]
    batch = pipeline.take([dev.message(n, [("P", t, n)]) for n, t in enumerate(wrong)])
    assert batch.points.time_ms.tolist() == [now] * len(wrong)
    assert (batch.points.quality & CLASS_MASK).tolist() == [Quality.UNCERTAIN] * len(wrong)
    assert (batch.points.quality & QualityMark.TIME_UNCERTAIN).all()
    assert [p.code for p, _ in pipeline.notices()] == ["D-110"]


def test_a_clock_a_little_ahead_keeps_its_time_and_is_marked(
    pipeline: Pipeline, dev: FeedBuilder, clock: FakeClock
) -> None:
    now = clock.wall_ms()
    batch = pipeline.take(
        [dev.message(0, [("P", now + 299_000, 1), ("P", now + 301_000, 2), ("P", now, 3, "bad")])]
    )
    assert batch.points.time_ms.tolist() == [now + 299_000, now + 301_000, now]
    marked = QualityMark.TIME_UNCERTAIN | Quality.UNCERTAIN
    assert batch.points.quality.tolist() == [0, marked, Quality.BAD]


def test_a_jump_of_our_own_clock_changes_labels_and_nothing_else(
    pipeline: Pipeline, dev: FeedBuilder, clock: FakeClock
) -> None:
    pipeline.take([dev.announcement(0), dev.message(0)])
    for jump in (3_600_000, -86_400_000, 40 * 365 * 86_400_000):
        clock.jump(jump)
        clock.advance(1)
        assert pipeline.due() == []
        batch = pipeline.take([dev.message(1 + abs(jump) % 7, [("P", clock.wall_ms(), 1)])])
        assert len(batch.points) == 1 and not batch.gaps


def test_values_outside_what_is_possible_are_uncertain(clock: FakeClock, dev: FeedBuilder) -> None:
    pipeline = Pipeline(clock=clock, bounds={0: Bounds(0.0, 10.0)})
    now = clock.wall_ms()
    rows = [("P", now, 5), ("P", now, 11), ("P", now, -0.1), ("Q", now, 99), ("P", now, 12, "bad")]
    batch = pipeline.take([dev.message(0, rows)])
    assert batch.points.quality.tolist() == [0, 1, 1, 0, Quality.BAD]


def test_a_value_that_stands_still_too_long_is_uncertain(
    clock: FakeClock, dev: FeedBuilder
) -> None:
    pipeline = Pipeline(clock=clock, bounds={0: Bounds(stuck_after_ms=10_000)})
    now = clock.wall_ms()
    moves = [1.0, 1.0, 1.0, 2.0, 2.0]
    rows = [("P", now + 6_000 * n, value) for n, value in enumerate(moves)]
    batch = pipeline.take([dev.message(0, rows)])
    assert batch.points.quality.tolist() == [0, 0, Quality.UNCERTAIN, 0, 0]


def test_receipts_are_handed_on_and_acknowledged(pipeline: Pipeline, dev: FeedBuilder) -> None:
    receipt = dev.raw(b"{}", "lamplighter/1/rcp/dev-88")
    batch = pipeline.take([receipt])
    assert pipeline.receipts() == [receipt] and pipeline.receipts() == []
    assert batch.refused_tokens == (receipt.token,)
    assert conserved(batch) == (0, 0, 0)


def test_an_announcement_is_acknowledged_and_counts_no_point(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    message = dev.announcement(4, heartbeat_s=2)
    batch = pipeline.take([message])
    (life,) = batch.lives
    assert (life.epoch, life.next_seq, life.heartbeat_s, life.retains) == (7213, 4, 2.0, True)
    assert batch.refused_tokens == (message.token,) and conserved(batch) == (0, 0, 0)


def test_a_last_will_keeps_what_was_announced(pipeline: Pipeline, dev: FeedBuilder) -> None:
    pipeline.take([dev.announcement(4)])
    (life,) = pipeline.take([dev.last_will()]).lives
    assert life.offline and life.next_seq == 4 and life.retains


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"epoch": -1}',
        b'{"epoch": 1, "first_seq": 5, "next_seq": 2}',
        b'{"epoch": 1, "next_seq": "9"}',
        b'{"epoch": true}',
    ],
)
def test_a_bad_announcement_is_set_aside(pipeline: Pipeline, dev: FeedBuilder, body: bytes) -> None:
    batch = pipeline.take([dev.raw(body, "lamplighter/1/src/dev-88")])
    assert len(batch.quarantined) == 1 and not batch.lives


def test_every_ticket_is_in_the_batch_exactly_where_the_store_looks(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    sent = [
        dev.message(0),
        dev.raw(b"\xff"),
        dev.raw(b'{"epoch":1,"seq":3,"points":7}'),
        dev.raw(b"x" * 1_000_001),
        dev.announcement(1),
        dev.raw(b"{}", "lamplighter/1/rcp/dev-88"),
        dev.raw(b"{}", b"\xff\xfe"),
        dev.raw(b"{}", "somebody/else"),
    ]
    batch = pipeline.take(sent)
    tickets = {m.token for m in batch.messages} | {q.token for q in batch.quarantined}
    tickets |= set(batch.refused_tokens)
    assert tickets == {m.token for m in sent}


def test_the_fast_and_the_careful_way_agree(clock: FakeClock) -> None:
    from lamplighter.pipeline import careful, native

    rng = np.random.default_rng(4)
    for _ in range(200):
        points = [
            [f"n{rng.integers(5)}", int(clock.wall_ms() + rng.integers(-9, 9)), float(v)]
            for v in rng.normal(size=rng.integers(0, 6))
        ]
        body = json.dumps({"epoch": 5, "seq": int(rng.integers(9)), "points": points}).encode()
        quick, saved = native.decode(body), careful.salvage(body)
        assert isinstance(quick, native.Decoded) and isinstance(saved, careful.Salvaged)
        slow = native.from_salvage(saved)
        assert (quick.epoch, quick.seq, quick.names) == (slow.epoch, slow.seq, slow.names)
        assert quick.times.tolist() == slow.times.tolist()
        assert list(quick.values) == list(slow.values)
