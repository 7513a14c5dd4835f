"""A conversation: answers find their questions, events keep their order, a loss is told."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from lamplighter.client import DirectCarrier, Session
from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError, problem

WELCOME = wire.Welcome(
    project="p", path="/p", demo=False, version="0", pid=1, user="me", role="operator", block="",
    frame=None, started_ms=0, first_ms=None,
)  # fmt: skip


def handle(request: wire.Request) -> wire.Reply:
    if isinstance(request, wire.Hello):
        return WELCOME
    if isinstance(request, wire.GetFeeds):
        return wire.Feeds(())
    return wire.Refused(problem("C-701", name="x", what="no"))


class Scripted:
    """A carrier in the hands of the test."""

    def __init__(self) -> None:
        self.sent: list[wire.RequestFrame] = []
        self.take: Callable[[wire.ReplyFrame | wire.EventFrame], None] = lambda _: None
        self.lost: Callable[[str], None] = lambda _: None
        self.broken = False

    def send(self, frame: wire.RequestFrame) -> None:
        if self.broken:
            raise OSError("gone")
        self.sent.append(frame)
        if isinstance(frame.body, wire.Hello):
            self.take(wire.ReplyFrame(frame.id, WELCOME))

    def listen(
        self,
        take: Callable[[wire.ReplyFrame | wire.EventFrame], None],
        lost: Callable[[str], None],
    ) -> None:
        self.take, self.lost = take, lost

    def close(self) -> None:
        self.lost("closed")


def test_questions_are_answered() -> None:
    session = Session(DirectCarrier(handle))
    assert session.welcome.project == "p"
    assert session.ask_now(wire.GetFeeds()) == wire.Feeds(())
    assert isinstance(session.ask_now(wire.GetTasks()), wire.Refused)
    session.close()


def test_answers_in_another_order_find_their_questions() -> None:
    carrier, got = Scripted(), []
    session = Session(carrier)
    session.ask(wire.GetFeeds(), lambda reply: got.append(("feeds", reply)))
    session.ask(wire.GetTasks(), lambda reply: got.append(("tasks", reply)))
    _, feeds, tasks = carrier.sent
    carrier.take(wire.ReplyFrame(tasks.id, wire.Tasks(())))
    carrier.take(wire.ReplyFrame(feeds.id, wire.Feeds(())))
    carrier.take(wire.ReplyFrame(feeds.id, wire.Feeds(())))
    carrier.take(wire.ReplyFrame(10_000, wire.Feeds(())))
    assert got == [("tasks", wire.Tasks(())), ("feeds", wire.Feeds(()))]


def test_events_before_the_first_listener_are_not_lost_and_keep_their_order() -> None:
    carrier, seen = Scripted(), []
    session = Session(carrier)
    events = [wire.LayerState(f"plugin-{n}", "running") for n in range(6)]
    for number, event in enumerate(events[:3]):
        carrier.take(wire.EventFrame(number, event))
    session.subscribe(seen.append)
    for number, event in enumerate(events[3:], 3):
        carrier.take(wire.EventFrame(number, event))
    assert seen == events


def test_deliver_decides_where_answers_and_events_run() -> None:
    posted: list[Callable[[], None]] = []
    carrier, got = Scripted(), []
    session = Session(carrier, posted.append)
    session.subscribe(got.append)
    session.ask(wire.GetFeeds(), got.append)
    carrier.take(wire.ReplyFrame(carrier.sent[-1].id, wire.Feeds(())))
    carrier.take(wire.EventFrame(1, wire.LayerState("x", "off")))
    assert got == []
    for work in posted:
        work()
    assert got == [wire.Feeds(()), wire.LayerState("x", "off")]


def test_a_lost_recorder_answers_everything_once() -> None:
    carrier, got, lost = Scripted(), [], []
    session = Session(carrier, on_lost=lost.append)
    session.ask(wire.GetFeeds(), got.append)
    carrier.lost("it died")
    carrier.lost("again")
    session.ask(wire.GetFeeds(), got.append)
    assert [r.problem.code for r in got] == ["U-805", "U-805"]
    assert lost == ["it died"]
    assert isinstance(session.ask_now(wire.GetFeeds()), wire.Refused)


def test_a_link_that_breaks_while_sending_is_a_refusal() -> None:
    carrier, got = Scripted(), []
    session = Session(carrier)
    carrier.broken = True
    session.ask(wire.GetFeeds(), got.append)
    (reply,) = got
    assert isinstance(reply, wire.Refused)
    assert "gone" in reply.problem.text


def test_a_recorder_that_goes_while_it_is_asked_answers_once() -> None:
    carrier, got = Scripted(), []
    session = Session(carrier)

    def send(frame: wire.RequestFrame) -> None:
        carrier.lost("it died")
        raise OSError("broken pipe")

    carrier.send = send  # type: ignore[method-assign]
    session.ask(wire.GetFeeds(), got.append)
    assert [r.problem.code for r in got] == ["U-805"]
    other = Scripted()
    session = Session(other)
    carrier.lost, other.send = other.lost, send  # type: ignore[method-assign]
    assert isinstance(session.ask_now(wire.GetFeeds()), wire.Refused)


def test_a_recorder_that_says_no_hello_leaves_no_connection_behind() -> None:
    carrier, closed = Scripted(), []

    def send(frame: wire.RequestFrame) -> None:
        carrier.take(wire.ReplyFrame(frame.id, wire.Ok()))

    carrier.send = send  # type: ignore[method-assign]
    carrier.close = lambda: closed.append(True)  # type: ignore[method-assign]
    with pytest.raises(LamplighterError, match="hello"):
        Session(carrier)
    assert closed == [True]


def test_closing_by_oneself_is_no_loss() -> None:
    lost: list[str] = []
    Session(Scripted(), on_lost=lost.append).close()
    assert lost == []


def test_no_answer_in_time_is_a_fault() -> None:
    session = Session(Scripted())
    with pytest.raises(LamplighterError) as caught:
        session.ask_now(wire.GetFeeds(), 0.05)
    assert caught.value.problem.code == "U-805"


def test_many_threads_may_ask_at_once() -> None:
    session = Session(DirectCarrier(handle))
    replies: list[wire.Reply] = []
    threads = [
        threading.Thread(target=lambda: replies.append(session.ask_now(wire.GetFeeds())))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert replies == [wire.Feeds(())] * 16
