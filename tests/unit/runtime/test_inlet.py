"""Many messages at once are taken, queued and remembered as they would be one by one."""

from __future__ import annotations

import random

from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder
from tests.kit.patience import until

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Batch
from lamplighter.domain.problems import LamplighterError, problem
from lamplighter.pipeline import Pipeline
from lamplighter.runtime.inlet import QUEUE_MESSAGES, Inlet
from lamplighter.runtime.originals import LARGEST, TOPICS, Originals
from lamplighter.sources.feed import one_by_one


def test_a_queue_takes_of_many_what_it_has_room_for_and_keeps_their_order() -> None:
    clock = FakeClock()
    inlet = Inlet(
        Pipeline(clock=clock),
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        committed=lambda _: None,
        failed=lambda _: None,
        decoded=lambda *_: None,
    )
    one = FeedBuilder(clock).message(0)
    many = [RawMessage(one.topic, one.payload, 1, n, one.feed) for n in range(QUEUE_MESSAGES + 30)]
    first = inlet.deliver_all(many[:100])
    rest = inlet.deliver_all(many[100:])
    assert (first, rest) == (100, QUEUE_MESSAGES - 100)
    assert inlet.waiting_messages == QUEUE_MESSAGES
    assert inlet.deliver_all(many[:1]) == 0
    taken = [message.token for message in inlet._gather()]
    assert taken == list(range(len(taken)))


def test_work_between_two_batches_that_fails_loses_no_message() -> None:
    clock, feeds, writer = FakeClock(), _Feeds(), _Writer()
    inlet = Inlet(
        Pipeline(clock=clock),
        feeds,  # type: ignore[arg-type]
        writer,  # type: ignore[arg-type]
        committed=lambda _: None,
        failed=lambda _: None,
        decoded=lambda *_: None,
    )
    done: list[int] = []

    def broken(_: Pipeline) -> None:
        raise RuntimeError("the writer has stopped")

    inlet.between(broken)
    inlet.between(lambda _: done.append(1))
    inlet._take([FeedBuilder(clock).message(0)])
    assert done == [1]
    assert [len(batch.messages) for batch in writer.got] == [1]


class _Feeds:
    def ask(self, requests: list[object]) -> int:
        return len(requests)


class _Writer:
    queue_points = 0
    full_since_ms = None

    def __init__(self) -> None:
        self.got: list[Batch] = []

    def submit(self, batch: Batch, on_done: object) -> None:
        self.got.append(batch)


def test_what_is_remembered_of_many_is_what_one_by_one_would_leave() -> None:
    luck = random.Random(5)
    single, together = Originals(), Originals()
    for _ in range(40):
        many = [
            RawMessage(
                f"t{int(luck.expovariate(0.001))}",
                bytes(luck.choice([10, 100, LARGEST + 1])),
                at,
                at,
                luck.choice(["f1", "f2"]),
            )
            for at in range(luck.choice([1, 20, 900]))
        ]
        for message in many:
            single.note(message)
        together.note_all(many)
        assert {k: list(v) for k, v in single._topics.items()} == {
            k: list(v) for k, v in together._topics.items()
        }
        assert single._bytes == together._bytes
    assert len(single._topics) == TOPICS


def test_whoever_takes_one_at_a_time_says_how_many_it_took() -> None:
    got: list[int] = []

    def deliver(message: RawMessage) -> bool:
        if len(got) < 3:
            got.append(message.token)
            return True
        return False

    many = [RawMessage("t", b"", 0, n, "f") for n in range(5)]
    assert one_by_one(deliver)(many) == 3
    assert got == [0, 1, 2]
    assert one_by_one(lambda _: True)(many) == 5


def test_what_fails_while_a_batch_is_told_or_between_two_loses_no_message() -> None:
    clock = FakeClock()
    submitted: list[int] = []

    class Disk:
        queue_points = 0
        full_since_ms = None

        def submit(self, batch: Batch, done: object) -> None:
            submitted.append(len(batch.messages))

    class Feeds:
        def ask(self, due: object) -> None:
            pass

    def broken(*_: object) -> None:
        raise LamplighterError(problem("A-401", what="now"))

    inlet = Inlet(
        Pipeline(clock=clock),
        Feeds(),  # type: ignore[arg-type]
        Disk(),  # type: ignore[arg-type]
        committed=lambda _: None,
        failed=lambda _: None,
        decoded=broken,
    )
    inlet.between(broken)
    device = FeedBuilder(clock)
    inlet.start()
    assert inlet.deliver(device.message(0))
    until(lambda: sum(submitted) == 1)
    assert inlet.deliver(device.message(1))
    until(lambda: sum(submitted) == 2)
    assert inlet.stop(30.0)
