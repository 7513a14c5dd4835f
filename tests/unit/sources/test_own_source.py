"""A feed without native messages is a source of its own: counted, kept until stored, announced."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.kit.clocks import FakeClock

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.pipeline import Pipeline
from lamplighter.sources import own_source
from lamplighter.sources.async_feed import AsyncFeed, PolledFeed
from lamplighter.sources.feed import Counters
from lamplighter.sources.own_source import OwnSource, Point


class Queue:
    """Takes what it is given while it is open."""

    def __init__(self) -> None:
        self.got: list[RawMessage] = []
        self.open = True

    def __call__(self, message: RawMessage) -> bool:
        if self.open:
            self.got.append(message)
        return self.open

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in self.got if f"/{kind}/" in str(m.topic)]


def _source(queue: Queue, clock: FakeClock, **more: Any) -> OwnSource:
    return OwnSource(
        feed_id="f", source="meter", deliver=queue, clock=clock, counters=Counters(), **more
    )


def test_messages_are_counted_and_announced_and_kept_until_they_are_stored() -> None:
    queue, clock = Queue(), FakeClock()
    source = _source(queue, clock, period_s=60.0)
    source.online()
    source.put([Point("a", 1, 2.0), Point("b", 1, "on", "uncertain")], units={"a": "kW"})
    source.put([Point("a", 2, 3.0)])
    clock.advance(6_000)
    source.beat()
    first, second = queue.bodies("obs")
    assert (first["seq"], second["seq"]) == (0, 1) and first["epoch"] == second["epoch"]
    assert first["points"] == [["a", 1, 2.0], ["b", 1, "on", "uncertain"]]
    says = queue.bodies("src")
    assert [s["next_seq"] for s in says] == [0, 2]
    assert says[1]["retains"] and says[1]["period_s"] == 60.0
    units = [m.units for m in queue.got if "/obs/" in str(m.topic)]
    assert units == [{"a": "kW"}, None]
    assert source.kept == 2
    for message in queue.got:
        source.ack(message.token)
    assert source.kept == 0


def test_what_was_kept_is_given_again_unchanged_and_what_is_stored_is_not() -> None:
    queue, clock = Queue(), FakeClock()
    source = _source(queue, clock)
    for n in range(3):
        source.put([Point("a", n, float(n))])
    before = [m.payload for m in queue.got]
    source.ack(queue.got[1].token)
    queue.got.clear()
    assert source.resend(source.epoch, 0, 2)
    assert [m.payload for m in queue.got] == [before[0], before[2]]
    assert not source.resend(source.epoch + 1, 0, 2)


def test_a_full_queue_holds_messages_in_order_and_announces_only_what_went_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_source, "MOST_MESSAGES", 3)
    queue, clock = Queue(), FakeClock()
    source = _source(queue, clock)
    source.online()
    queue.open = False
    for n in range(3):
        source.put([Point("a", n, float(n))])
    assert not source.has_room and source.counters.held == 3
    queue.open = True
    clock.advance(6_000)
    source.beat()
    assert [b["seq"] for b in queue.bodies("obs")] == [0, 1, 2]
    assert queue.bodies("src")[-1]["next_seq"] == 3
    for message in queue.got:
        source.ack(message.token)
    assert source.has_room and source.counters.held == 0


def test_notes_come_back_in_order_whatever_the_order_of_storing() -> None:
    queue, clock, notes = Queue(), FakeClock(), list[Any]()
    source = _source(queue, clock, stored=notes.append)
    for n in range(4):
        source.put([Point("a", n, float(n))], note=n)
    tickets = [m.token for m in queue.got]
    source.ack(tickets[2])
    source.ack(tickets[1])
    assert notes == []
    source.ack(tickets[0])
    source.ack(tickets[3])
    assert notes == [0, 1, 2, 3] and source.kept == 0


def test_large_readings_are_cut_into_messages_a_pipeline_takes_whole() -> None:
    queue, clock = Queue(), FakeClock()
    source = _source(queue, clock)
    count = source.put([Point(f"p{n}", 1, "x" * 390) for n in range(2_500)], original=b"raw")
    assert count == 3 and max(len(m.payload) for m in queue.got) < 1_000_000
    original = source.original("p2499")
    assert original is not None and original.payload == b"raw"


def test_originals_are_bounded_and_the_newest_is_told() -> None:
    queue, clock = Queue(), FakeClock()
    source = _source(queue, clock)
    for n in range(own_source.ORIGINALS + 10):
        source.put([Point(f"p{n % 300}", n, 1.0)], original=f"raw {n}".encode())
    newest, oldest = source.original("p265"), source.original("p3")
    assert newest is not None and newest.payload == b"raw 265"
    assert oldest is None and source.original("nobody") is None
    for n in range(50):
        source.put([Point(f"p{at}", n, 1.0) for at in range(300)], original=f"all {n}".encode())
    assert next(iter(source._originals.values())).payload == b"all 49"
    assert len(source._originals) == 1


def test_the_pipeline_takes_its_units_and_sets_aside_what_it_could_not_read(
    tmp_path: Path,
) -> None:
    clock, queue = FakeClock(), Queue()
    source = _source(queue, clock)
    source.online()
    source.put([Point("power", clock.wall_ms(), 2.0)], units={"power": "kW"})
    source.set_aside(b"<html>", "it is no JSON")
    source.offline()
    batch = Pipeline(clock=clock).take(queue.got)
    assert [(s.name, s.unit) for s in batch.new_datastreams] == [("power", "kW")]
    assert [(q.body, q.code) for q in batch.quarantined] == [(b"<html>", "D-113")]
    assert "it is no JSON" in batch.quarantined[0].reason
    assert [life.offline for life in batch.lives] == [False, True]


class Counting(PolledFeed):
    """Its poll gives the number of the poll; some fail."""

    fails = (2, 3)

    async def _poll(self) -> None:
        await asyncio.sleep(0)
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked in self.fails:
            raise ConnectionError("nobody answers")
        self.source.put([Point("n", self.clock.wall_ms(), float(self.asked))])


def test_a_polled_feed_goes_on_after_failures_and_tells_them() -> None:
    queue = Queue()
    feed = Counting(
        "x://y", feed_id="f", source="s", deliver=queue, clock=SystemClock(), what="y",
        interval_s=0.02,
    )  # fmt: skip
    feed.start()
    problems = set()
    end = time.monotonic() + 30
    while len(queue.bodies("obs")) < 5 and time.monotonic() < end:
        problems.add(str(feed.problem))
        time.sleep(0.005)
    assert feed.stop(10)
    assert feed.state == "off"
    assert [b["points"][0][2] for b in queue.bodies("obs")][:4] == [1.0, 4.0, 5.0, 6.0]
    assert any("nobody answers" in p and "N-304" in p for p in problems)
    says = queue.bodies("src")
    assert [s.get("offline", False) for s in says[:3]] == [False, True, False]
    assert says[-1]["offline"] and feed.counters.losses >= 1


def test_nothing_more_is_read_while_too_much_is_not_on_disk_and_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_source, "MOST_MESSAGES", 3)
    queue = Queue()

    class Patient(Counting):
        fails = ()

    feed = Patient(
        "x://y", feed_id="f", source="s", deliver=queue, clock=SystemClock(), what="y",
        interval_s=0.02,
    )  # fmt: skip
    feed.start()
    end = time.monotonic() + 30
    while "N-306" not in str(feed.problem) and time.monotonic() < end:
        time.sleep(0.01)
    assert "N-306" in str(feed.problem) and feed.state == "live"
    asked = feed.asked
    time.sleep(0.3)
    assert feed.asked == asked == 3
    for message in list(queue.got):
        feed.ack(message.token)
    while feed.asked <= asked and time.monotonic() < end:
        time.sleep(0.01)
    assert feed.asked > asked and feed.problem is None
    assert feed.stop(10)


def test_a_feed_ends_although_its_library_swallows_the_cancellation() -> None:
    class Stubborn(Counting):
        fails = ()

        async def _poll(self) -> None:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                raise ConnectionError("the request was cancelled") from None

    feed = Stubborn(
        "x://y", feed_id="f", source="s", deliver=Queue(), clock=SystemClock(), what="y",
        interval_s=0.02,
    )  # fmt: skip
    feed.start()
    time.sleep(0.2)
    assert feed.stop(10) and feed.state == "off"


def test_the_loop_ends_with_its_last_feed() -> None:
    import threading

    feeds = [
        Counting("x://y", feed_id=f"f{n}", source="s", deliver=Queue(), clock=SystemClock(),
                 what="y", interval_s=5)
        for n in range(2)
    ]  # fmt: skip
    assert isinstance(feeds[0], AsyncFeed)

    def running() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name == "feeds (async)"]

    for feed in feeds:
        feed.start()
    assert len(running()) == 1
    assert feeds[0].stop(10) and len(running()) == 1
    assert feeds[1].stop(10) and running() == []
