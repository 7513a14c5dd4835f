"""A command from the console to a valve of the district and back, judged by the device's ledger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.command import CommandRequest, CommandState, Outcome, Receipt
from tests.e2e.feeding import publish
from tests.kit.broker import Broker
from tests.kit.patience import until
from tests.kit.program import COMMAND, Recording, environment, json_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
VALVE, OTHER, THIRD, SHADOW = "V-112", "V-113", "V-114", "SS-04"


@dataclass
class District:
    """The demo district, its recorder, its devices and one console."""

    project: Path
    ledger: Path
    broker: Broker
    recording: Recording
    devices: subprocess.Popen[bytes]
    session: Session = field(init=False)
    problems: list[str] = field(default_factory=list)

    def connect(self) -> None:
        self.session = Session(WireCarrier(self.project))
        self.session.subscribe(self._note)
        until(self._live, 30)

    def restart(self) -> None:
        """A new recorder, and the console on it."""
        self.recording = Recording(self.project)
        self.recording.ready()
        self.connect()

    def _note(self, event: wire.Event) -> None:
        if isinstance(event, wire.ProblemRaised):
            self.problems.append(event.problem.code)

    def _live(self) -> bool:
        newest = self.session.newest()
        return newest is not None and int((newest.time_ms > 0).sum()) >= 4_900

    def ask(self, asset: str, action: str, mode: str = "live", **more: str) -> wire.Reply:
        reason = more.pop("reason", "works on the main")
        request = CommandRequest(asset, action, None, reason, **more)
        return self.session.ask_now(wire.SendCommand(request, mode))

    def ask_a_mute_field(self, asset: str, action: str) -> wire.Ok:
        """Stop the devices and ask before their values are old; a busy machine may need more
        than one try.
        """
        for _ in range(12):
            until(self._live, 60)
            os.kill(self.devices.pid, signal.SIGSTOP)
            reply = self.ask(asset, action)
            if isinstance(reply, wire.Ok):
                return reply
            assert "not live" in str(reply), reply
            os.kill(self.devices.pid, signal.SIGCONT)
            time.sleep(2.0)
        raise AssertionError("the device was never live when it was asked")

    def outcome(self, reply: wire.Reply, seconds: float = 30.0) -> CommandState:
        """The end of the command this reply speaks of."""
        assert isinstance(reply, wire.Ok), reply

        def ended() -> CommandState | None:
            answer = self.session.ask_now(wire.GetCommands())
            assert isinstance(answer, wire.Commands)
            (found,) = [s for s in answer.items if s.command.id == reply.text]
            return found if found.outcome not in (Outcome.REQUESTED, Outcome.SENT) else None

        state = until(ended, seconds)
        assert isinstance(state, CommandState)
        return state

    def actuations(self, asset: str) -> list[str]:
        """What the devices themselves say they operated."""
        file = self.ledger / "actuations.jsonl"
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [row["id"] for row in rows if row["target"] == asset]


def _devices(city: Path, project: Path, broker: Broker, ledger: Path) -> subprocess.Popen[bytes]:
    ready = ledger.parent / "ready"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [*COMMAND, "field", str(city), "--broker", broker.url, "--ledger", str(ledger),
         "--trust", str(project / "keys" / "console.pub"), "--ready-file", str(ready)],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(ready.exists, 30)
    return process


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    folder = tmp_path
    project, ledger = folder / "p", folder / "ledger"
    done = json_of("field", "demo", "--generate", folder / "city")
    assert done["datastreams"] == 5000
    json_of("new", project)
    json_of("import", project, folder / "city" / "import")
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        recording = Recording(project)
        recording.ready()
        devices = _devices(folder / "city", project, broker, ledger)
        made = District(project, ledger, broker, recording, devices)
        made.connect()
        try:
            yield made
        finally:
            made.session.close()
            if made.devices.poll() is None:
                made.devices.send_signal(signal.SIGCONT)
                made.devices.terminate()
                made.devices.wait(20)
            made.recording.end()


def test_commands_from_the_gate_to_the_device_and_back(district: District) -> None:
    """In one order: each step leaves the district as the next one needs it."""
    _is_executed_once(district)
    _is_refused_with_a_reason(district)
    _of_somebody_else_is_shown(district)
    _survives_the_death_of_the_recorder(district)
    _without_receipt_is_unknown_and_blocks_a_repeat(district)
    assert json_of("audit", "verify", district.project)["ok"]


def _is_executed_once(district: District) -> None:
    state = district.outcome(district.ask(VALVE, "close", seen="open"))
    assert state.outcome is Outcome.EXECUTED, state
    assert state.measured == "closed"
    assert state.round_trip_ms is not None
    assert state.round_trip_ms >= 0
    assert district.actuations(VALVE) == [state.command.id]
    entries = json_of("audit", "show", district.project)["entries"]
    about = [e["result"] for e in entries if e["object"] == VALVE]
    assert any(r.startswith(f"executed {state.command.id}") for r in about)
    assert any(r == f"intent {state.command.id}" for r in about)


def _is_refused_with_a_reason(district: District) -> None:
    refusals = {
        "shadow": district.ask(SHADOW, "open"),
        "replay": district.ask(OTHER, "close", "replay"),
        "scenario": district.ask(OTHER, "close", "scenario"),
        "reason": district.ask(OTHER, "close", reason=" "),
        "changed": district.ask(OTHER, "close", seen="closed"),
        "no such asset": district.ask("V-0", "close"),
        "action": district.ask(OTHER, "explode"),
    }
    for word, reply in refusals.items():
        assert isinstance(reply, wire.Refused), (word, reply)
        assert reply.problem.code == "C-701"
        assert word in reply.problem.text, reply.problem
    assert district.actuations(OTHER) == []
    entries = json_of("audit", "show", district.project)["entries"]
    assert sum(e["result"].startswith("refused: ") for e in entries) >= len(refusals)


def _of_somebody_else_is_shown(district: District) -> None:
    body = json.dumps({"id": "0" * 32, "result": "executed", "measured": "closed"})
    assert Receipt("0" * 32, "executed").id in body
    publish(district.broker, [("lamplighter/1/rcp/gw-1", body)])
    until(lambda: "S-203" in district.problems)


def _survives_the_death_of_the_recorder(district: District) -> None:
    """The receipt of a command under way reaches the next recorder; the device acts once."""
    reply = district.ask_a_mute_field(THIRD, "close")
    time.sleep(0.5)  # it leaves for the broker; killed before, nobody would ever act on it
    district.recording.kill()
    district.session.close()
    os.kill(district.devices.pid, signal.SIGCONT)
    until(lambda: district.actuations(THIRD), 30)
    district.restart()
    until(lambda: district.outcome(reply).outcome is Outcome.EXECUTED)
    assert district.actuations(THIRD) == [reply.text]


def _without_receipt_is_unknown_and_blocks_a_repeat(district: District) -> None:
    reply = district.ask_a_mute_field(OTHER, "close")  # the link stands, nobody answers
    state = district.outcome(reply, 40.0)
    assert state.outcome is Outcome.UNKNOWN
    assert "C-702" in district.problems
    again = district.ask(OTHER, "close")
    assert isinstance(again, wire.Refused)
    district.devices.kill()
    district.devices.wait(10)
    assert len(district.actuations(OTHER)) <= 1
