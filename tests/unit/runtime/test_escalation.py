"""Somebody is called about what nobody acknowledges: by e-mail, by a topic, by a program."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.alarm_room import AlarmRoom
from tests.kit.broker import Broker
from tests.kit.patience import until

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.alarm_design import Escalation, Way
from lamplighter.domain.problems import LamplighterError, problem
from lamplighter.runtime import calling, escalation
from lamplighter.runtime.calling import (
    AckListener,
    Call,
    CannotCallError,
    acknowledged_by,
    call,
    secret_of,
)

CALL = Call("Tank full", "Tank full, call the crew", ("a@b",), (), "tok", "town")
KEY = "project.full@T0"


class _Post(socketserver.StreamRequestHandler):
    """As much of SMTP as a mail needs; `refuse` first connections are turned away."""

    def handle(self) -> None:
        server: MailServer = self.server  # type: ignore[assignment]
        if server.refuse > 0:
            server.refuse -= 1
            self.wfile.write(b"421 busy\r\n")
            return
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    body += part
                server.mails.append(body.decode())
            self.wfile.write(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.mails: list[str] = []
        self.refuse = 0


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def _email(mail: MailServer) -> Way:
    return Way("post", "email", "127.0.0.1", mail.server_address[1], tls="none",
               sender="console@town", to=("crew@town",))  # fmt: skip


def _program(folder: Path, code: str) -> Way:
    file = folder / "call.py"
    file.write_text(code)
    return Way("pager", "program", program=(sys.executable, str(file)))


def test_a_mail_carries_subject_and_text_and_no_line_break_gets_into_its_head(
    mail: MailServer,
) -> None:
    call(_email(mail), Call("full\r\nBcc: all@town", "text", (), (), "t", "town"))
    (found,) = mail.mails
    assert "Subject: full  Bcc: all@town" in found and "To: crew@town" in found


def test_a_mail_server_that_refuses_is_told_without_a_secret(
    mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.refuse = 1
    with pytest.raises(CannotCallError, match="busy"):
        call(_email(mail), CALL)
    monkeypatch.setenv("POST_WORD", "hunter2")
    way = Way("p", "email", "127.0.0.1", mail.server_address[1], tls="none", user="me",
              secret="env:POST_WORD", sender="a@b", to=("c@d",))  # fmt: skip
    with pytest.raises(CannotCallError, match="never sent without TLS") as caught:
        call(way, CALL)
    assert "hunter2" not in str(caught.value)


def test_secrets_are_looked_up_where_the_way_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", "one")
    (tmp_path / "word").write_text("two\n")
    assert secret_of(Way("w", "mqtt", secret="env:WORD")) == "one"
    assert secret_of(Way("w", "mqtt", secret=f"file:{tmp_path / 'word'}")) == "two"
    with pytest.raises(CannotCallError, match="not there"):
        secret_of(Way("w", "mqtt", secret="env:NOT_SET_ANYWHERE"))


def test_a_program_gets_the_call_as_json_and_no_shell_sees_it(tmp_path: Path) -> None:
    out = tmp_path / "got; rm -rf x"
    code = f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read()); print('ack Maria')"
    assert call(_program(tmp_path, code), CALL) == "Maria"
    assert json.loads(out.read_text())["keys"] == ["a@b"]


@pytest.mark.parametrize(
    ("code", "words"),
    [("raise SystemExit(4)", "ended with code 4"), ("import time; time.sleep(60)", "did not end")],
)
def test_a_program_that_fails_or_hangs_is_told(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(CannotCallError, match=words):
        call(_program(tmp_path, code), CALL, deadline_s=1.5)


def test_a_program_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """What it started holds its output open, and would keep the way waiting."""
    hold = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
    hold += f"'import time; time.sleep(600)']); open({str(tmp_path / 'pid')!r}, 'w').write("
    hold += "str(p.pid)); p.wait()"
    with pytest.raises(CannotCallError, match="did not end"):
        call(_program(tmp_path, hold), CALL, deadline_s=5.0)
    child = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 20
    while _runs(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return False


def test_what_a_program_prints_need_not_be_text(tmp_path: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe sent\\nack Maria\\n')"
    assert call(_program(tmp_path, code), CALL) == "Maria"


def test_an_answer_of_whatever_letters_ends_no_listener(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker:
        way = Way("topic", "mqtt", "127.0.0.1", broker.port, tls="none", topic="town/alarms")
        heard: list[tuple[str, str]] = []

        def take(token: str, who: str) -> None:
            heard.append((token, who))
            if token == "fails":
                raise LamplighterError(problem("A-401", what="now"))

        listener = AckListener(way, take)
        client = calling.mqtt_client(way, "crew")
        client.connect("127.0.0.1", broker.port)
        client.loop_start()

        def ends() -> bool:
            for body in ("[" * 9_000, '{"token": "fails", "by": "x"}'):
                client.publish("town/alarms/ack", body, 1)
            client.publish("town/alarms/ack", '{"token": "t\\ud800", "by": "\\u0141"}', 1)
            return ("t?", "\u0141") in heard

        until(ends)
        listener.close()
        client.disconnect()
        client.loop_stop()


def test_a_token_of_other_letters_is_refused_like_any_other(room: AlarmRoom) -> None:
    desk = room.recorder.escalation
    desk._tokens.append(("right", (KEY,)))
    desk._answered("schl\u00fcssel", "Mallory")
    room.until(lambda: [e for e in room.audited() if e.result == "refused"])


def test_a_way_that_fails_in_an_unknown_manner_is_told_and_gets_its_pauses(
    room: AlarmRoom,
) -> None:
    calls: list[str] = []

    def broken(way: Way, what: Call) -> str:
        calls.append(way.id)
        raise RuntimeError("odd")

    room.recorder.escalation._call = broken
    _arrange(room, Way("post", "email", "127.0.0.1", 9, tls="none", sender="a@b", to=("c@d",)))
    room.tell([20.0])
    room.until(lambda: [e for e in room.audited() if "odd" in e.reason and e.result == "failed"])
    tried = room.recorder.escalation._tried
    assert [t.failures for t in tried.values()] == [1] == [len(calls)]


def test_only_a_line_of_its_own_acknowledges() -> None:
    assert acknowledged_by("hello\nack Maria from the crew\n") == "Maria from the crew"
    assert acknowledged_by("nack Maria\nack \n") == ""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlarmRoom]:
    monkeypatch.setattr(escalation, "LOOK_S", 0.05)
    monkeypatch.setattr(escalation, "BACKOFF_MS", (100, 200))
    with AlarmRoom(tmp_path / "town") as made:
        made.rule(priority=1)
        yield made


def _calls(room: AlarmRoom) -> list[str]:
    return [e.result for e in reversed(room.audited()) if e.action == "call"]


def _arrange(room: AlarmRoom, *ways: Way, **more: object) -> None:
    for way in ways:
        room.ask(wire.PutWay(way))
    words = {"after_s": 0.2, "repeat_s": 3600.0, **more}
    ids = tuple(w.id for w in ways)
    room.ask(wire.PutEscalations((Escalation(ids, (1,), **words),)))  # type: ignore[arg-type]


def test_what_nobody_acknowledges_is_called_once_for_all_and_tried_again_when_it_fails(
    room: AlarmRoom, mail: MailServer
) -> None:
    mail.refuse = 2
    _arrange(room, _email(mail))
    room.tell([20.0, 20.0, 20.0])
    room.until(lambda: mail.mails)
    room.until(lambda: _calls(room) == ["failed", "failed", "sent"])
    assert len(mail.mails) == 1 and "3 alarms" in mail.mails[0] and "Tank 2" in mail.mails[0]


def test_an_acknowledged_alarm_calls_nobody(room: AlarmRoom, mail: MailServer) -> None:
    room.tell([20.0])
    room.until(lambda: KEY in room.records())
    room.ask(wire.AlarmAction("ack", (KEY,)))
    _arrange(room, _email(mail), after_s=0.0)
    room.tell([20.0, 20.0])
    room.until(lambda: mail.mails)
    assert "Tank 1" in mail.mails[0] and "Tank 0" not in mail.mails[0]


def test_a_way_that_hangs_keeps_no_other_waiting(
    room: AlarmRoom, mail: MailServer, tmp_path: Path
) -> None:
    hangs = _program(tmp_path, "import time; time.sleep(600)")
    _arrange(room, hangs, _email(mail))
    room.tell([20.0])
    room.until(lambda: mail.mails, 10.0)


def test_the_answer_of_a_program_acknowledges_in_its_name(room: AlarmRoom, tmp_path: Path) -> None:
    _arrange(room, _program(tmp_path, "print('ack Maria')"))
    room.tell([20.0])
    room.until(lambda: KEY in room.records() and room.records()[KEY].state is AlarmState.ACKED)
    assert room.records()[KEY].acked_by == "Maria (by pager)"
    room.until(lambda: [e for e in room.audited() if e.actor == "Maria (by pager)"])


def test_an_answer_on_the_topic_acknowledges_only_with_the_token_of_its_call(
    room: AlarmRoom, tmp_path: Path
) -> None:
    with Broker(tmp_path / "broker") as broker:
        way = Way("topic", "mqtt", "127.0.0.1", broker.port, tls="none", topic="town/alarms")
        heard: list[dict[str, object]] = []
        client = calling.mqtt_client(way, "crew")
        client.on_message = lambda _, __, m: heard.append(json.loads(m.payload))
        client.connect("127.0.0.1", broker.port)
        client.subscribe("town/alarms", 1)
        client.loop_start()
        _arrange(room, way)
        room.tell([20.0])
        room.until(lambda: heard)
        assert heard[0]["keys"] == [KEY]
        wrong = {"token": "guessed", "by": "Mallory"}
        right = {"token": heard[0]["token"], "by": "Maria"}

        def answer() -> bool:
            client.publish("town/alarms/ack", json.dumps(wrong), 1)
            room.until(lambda: "refused" in [e.result for e in room.audited()], 30.0)
            assert room.records()[KEY].state is AlarmState.UNACK
            client.publish("town/alarms/ack", json.dumps(right), 1)
            return True

        answer()
        room.until(lambda: room.records()[KEY].state is AlarmState.ACKED)
        assert room.records()[KEY].acked_by == "Maria (by topic)"
        client.disconnect()
        client.loop_stop()


def test_the_test_button_proves_a_way_or_says_why_not(room: AlarmRoom, mail: MailServer) -> None:
    room.ask(wire.PutWay(_email(mail)))
    assert room.ask(wire.TryWay("post")).text == "sent by post"
    assert "test call" in mail.mails[0]
    room.ask(wire.PutWay(Way("gone", "program", program=("/nowhere/at-all",))))
    with pytest.raises(LamplighterError, match="U-812"):
        room.ask(wire.TryWay("gone"))
    results = [e.result for e in room.audited() if e.action == "test call"]
    assert sorted(results) == ["failed", "sent"]


def test_a_way_that_cannot_work_or_holds_a_secret_is_refused(room: AlarmRoom) -> None:
    for way in (
        Way("x", "pigeon"),
        Way("x", "email", "host"),
        Way("x", "mqtt", "host", topic="a/#"),
        Way("x", "program"),
        Way("x", "mqtt", "host", topic="a", user="me", secret="hunter2"),
    ):
        with pytest.raises(LamplighterError, match="U-811") as caught:
            room.ask(wire.PutWay(way))
        assert "hunter2" not in str(caught.value)
