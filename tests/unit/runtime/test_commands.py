"""A command's outcome is what the device said, or an honest "unknown" that blocks a repeat."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.kit.clocks import FakeClock

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.command import (
    CommandRequest,
    CommandState,
    Outcome,
    Receipt,
    open_envelope,
)
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.governance.keys import signing_key
from lamplighter.governance.roles import Identity, Role
from lamplighter.runtime.commands import CommandDesk


class Store:
    """Keeps states as the store would, at once."""

    name, store_id = "City", "s"

    def __init__(self) -> None:
        self.states: dict[str, CommandState] = {}
        self.settings: dict[str, str] = {}
        self.writer = self
        self.full = False

    def call(self, work: Callable[[Any], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        if self.full:
            done.set_exception(TimeoutError())
            return done
        done.set_result(work(self))
        return done

    def put_command_state(self, state: CommandState) -> None:
        self.states[state.command.id] = state

    def put_setting(self, key: str, value: str) -> None:
        self.settings[key] = value

    def setting(self, key: str) -> str | None:
        return self.settings.get(key)

    def commands(self) -> list[CommandState]:
        return list(self.states.values())


class Recorder:
    """Everything the desk asks of a recorder, in the hands of the test."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.store = Store()
        self.key = signing_key(folder)
        self.identity = Identity("me", Role.LOCAL_OPERATOR, "here")
        self.published: list[tuple[str, bytes]] = []
        self.audited: list[str] = []
        self.events: list[wire.Event] = []
        self.told: list[Problem] = []
        self.link = True
        self.on_publish: Callable[[], None] = lambda: None
        self.feeds = self.core = self.city = self.audit = self.server = self
        self.plugins = self.host = self.health = self.table = self
        self.source = np.zeros(1, np.int32)
        self.through: dict[int, str] = {}
        self.links = {"feed-1": "live"}
        self.assets = {"V-1": Asset("V-1", "Valve", "V-1", "water", mode="twin")}
        self.by_asset = {"V-1": (0,)}
        self.streams = (Datastream(0, "gw-1", "V-1.position", kind="valve_position"),)
        self.newest = self.measured = blank(1)
        self.read_back(100.0)

    def read_back(self, value: float) -> None:
        self.newest.time_ms[0], self.newest.value[0] = self.clock.wall_ms(), value

    def loaded(self) -> list[Any]:
        return []

    def states(self) -> tuple[wire.FeedState, ...]:
        return tuple(wire.FeedState(n, "mqtt://x", s, 1, 0.1) for n, s in self.links.items())

    def feed_of(self) -> dict[int, str]:
        return self.through

    def publish(self, topic: str, payload: bytes) -> bool:
        if self.link:
            self.published.append((topic, payload))
            self.on_publish()
        return self.link

    def record(self, *, result: str, **_: object) -> int:
        self.audited.append(result)
        return len(self.audited)

    def emit(self, event: wire.Event) -> None:
        self.events.append(event)

    def tell(self, found: Problem) -> None:
        self.told.append(found)

    def outcomes(self) -> list[Outcome]:
        return [e.state.outcome for e in self.events if isinstance(e, wire.CommandChanged)]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


@pytest.fixture
def desk(recorder: Recorder) -> CommandDesk:
    return CommandDesk(recorder)  # type: ignore[arg-type]


CLOSE = CommandRequest("V-1", "close", None, "works on the main", seen="open")


def receipt(command: str, result: str = "executed", **more: Any) -> bytes:
    return msgspec.json.encode(Receipt(command, result, **more))


def test_the_intent_is_on_record_before_anything_is_sent(
    recorder: Recorder, desk: CommandDesk
) -> None:
    seen: list[tuple[list[str], list[Outcome]]] = []
    recorder.on_publish = lambda: seen.append(
        (list(recorder.audited), [s.outcome for s in recorder.store.states.values()])
    )
    state = desk.send(CLOSE, "live")
    assert seen == [([f"intent {state.command.id}"], [Outcome.REQUESTED])]
    (topic, payload) = recorder.published[0]
    assert topic == "lamplighter/1/cmd/gw-1"
    command, _ = open_envelope(payload)
    assert (command.target, command.action, command.precondition) == ("V-1", "close", "open")
    assert command.expires_ms - recorder.clock.wall_ms() <= 10_000


def test_a_receipt_ends_it_with_its_round_trip(recorder: Recorder, desk: CommandDesk) -> None:
    state = desk.send(CLOSE, "live")
    recorder.clock.advance(250)
    desk.receipt(receipt(state.command.id, measured="closed"), "gw-1")
    desk.receipt(receipt(state.command.id, measured="closed"), "gw-1")
    ended = recorder.store.states[state.command.id]
    assert (ended.outcome, ended.round_trip_ms, ended.measured) == (Outcome.EXECUTED, 250, "closed")
    assert recorder.outcomes() == [Outcome.REQUESTED, Outcome.SENT, Outcome.EXECUTED]
    assert not recorder.told


def test_what_the_device_refuses_is_refused(recorder: Recorder, desk: CommandDesk) -> None:
    state = desk.send(CLOSE, "live")
    desk.receipt(receipt(state.command.id, "refused", detail="expired"), "gw-1")
    assert recorder.store.states[state.command.id].outcome is Outcome.REFUSED


def test_silence_is_unknown_within_ten_seconds_and_blocks_until_read_back(
    recorder: Recorder, desk: CommandDesk
) -> None:
    state = desk.send(CLOSE, "live")
    for _ in range(10):
        recorder.clock.advance(1_000)
        desk.check_timeouts()
    assert recorder.store.states[state.command.id].outcome is Outcome.UNKNOWN
    assert [p.code for p in recorder.told] == ["C-702"]
    with pytest.raises(LamplighterError, match="unknown"):
        desk.send(CLOSE, "live")
    recorder.clock.advance(1_000)
    recorder.read_back(100.0)
    assert desk.send(CLOSE, "live").outcome is Outcome.SENT


def test_a_late_receipt_settles_what_was_unknown(recorder: Recorder, desk: CommandDesk) -> None:
    state = desk.send(CLOSE, "live")
    recorder.clock.advance(12_000)
    desk.check_timeouts()
    desk.receipt(receipt(state.command.id, measured="closed"), "gw-1")
    assert recorder.store.states[state.command.id].outcome is Outcome.EXECUTED
    recorder.newest.time_ms[0] = 0
    recorder.newest.value[0] = 100.0
    assert desk.send(CLOSE, "live").outcome is Outcome.SENT


def test_a_command_of_a_dead_recorder_is_unknown_until_its_receipt_comes(
    recorder: Recorder, desk: CommandDesk
) -> None:
    state = desk.send(CLOSE, "live")
    after = CommandDesk(recorder)  # type: ignore[arg-type]
    after.recover()
    assert recorder.store.states[state.command.id].outcome is Outcome.UNKNOWN
    after.receipt(receipt(state.command.id, measured="closed"), "gw-1")
    assert recorder.store.states[state.command.id].outcome is Outcome.EXECUTED
    recorder.read_back(100.0)
    assert after.send(CLOSE, "live").command.counter > state.command.counter


def test_a_link_that_fails_at_the_last_moment_leaves_a_refusal(
    recorder: Recorder, desk: CommandDesk
) -> None:
    recorder.link = False
    with pytest.raises(LamplighterError) as caught:
        desk.send(CLOSE, "live")
    assert caught.value.problem.code == "C-701"
    (state,) = recorder.store.states.values()
    assert state.outcome is Outcome.REFUSED


def test_a_receipt_for_a_command_of_nobody_here_is_an_intrusion(
    recorder: Recorder, desk: CommandDesk
) -> None:
    desk.receipt(receipt("f" * 32), "gw-7")
    desk.receipt(receipt("e" * 32, "refused"), "gw-7")
    desk.receipt(b"no receipt", "gw-7")
    assert [p.code for p in recorder.told] == ["S-203"]
    assert recorder.audited == [f"executed {'f' * 32}"]


@pytest.mark.parametrize("mode", ["replay", "scenario", "nonsense"])
def test_only_the_live_view_commands(recorder: Recorder, desk: CommandDesk, mode: str) -> None:
    with pytest.raises(LamplighterError):
        desk.send(CLOSE, mode)
    assert recorder.published == []
    assert recorder.audited[0].startswith("refused: ")


def test_the_state_is_worded_as_the_window_shows_it(recorder: Recorder, desk: CommandDesk) -> None:
    assert desk.state_of("V-1") == "open"
    recorder.read_back(0.0)
    assert desk.state_of("V-1") == "closed"
    recorder.newest.value[0] = np.nan
    assert desk.state_of("V-1") == ""


def test_the_link_that_counts_is_the_one_of_the_device(
    recorder: Recorder, desk: CommandDesk
) -> None:
    recorder.through = {0: "feed-2"}
    recorder.links = {"feed-1": "live", "feed-2": "lost"}
    with pytest.raises(LamplighterError, match="link to the field is down"):
        desk.send(CLOSE, "live")
    assert recorder.published == []
    del recorder.links["feed-2"]  # paused, or it could not be opened
    with pytest.raises(LamplighterError, match="link to the field is down"):
        desk.send(CLOSE, "live")
    recorder.links["feed-2"] = "live"
    assert desk.send(CLOSE, "live").outcome is Outcome.SENT


def test_what_cannot_be_written_down_is_not_sent_and_says_so(
    recorder: Recorder, desk: CommandDesk
) -> None:
    recorder.store.full = True
    with pytest.raises(LamplighterError, match="not sent"):
        desk.send(CLOSE, "live")
    assert recorder.published == []
    assert recorder.outcomes()[-1] is Outcome.REFUSED
    assert recorder.audited[-1].startswith("refused")
