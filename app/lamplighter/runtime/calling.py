"""Three ways to call somebody about alarms: e-mail, a topic, a program. Each has a deadline.

The only secret, a password, is looked up where the way says it is, when it is used. Whoever is
called can acknowledge: a program by the line `ack NAME` on its output, a listener of the topic by a
message on `<topic>/ack` that repeats the call's token.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import smtplib
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import structlog
from msgspec import Struct

from lamplighter.domain.alarm_design import Way

log = structlog.get_logger(__name__)
DEADLINE_S: Final = 20.0
MOST_NAMED: Final = 20
"""alarms listed in one call; the others are counted"""


class Call(Struct, frozen=True):
    """What is sent. `token`: who answers must repeat it."""

    subject: str
    text: str
    keys: tuple[str, ...]
    alarms: tuple[dict[str, Any], ...]
    token: str
    project: str
    test: bool = False

    def document(self) -> str:
        """The same as JSON, for programs and topics."""
        return json.dumps(
            {
                "subject": self.subject,
                "text": self.text,
                "keys": self.keys,
                "alarms": self.alarms,
                "token": self.token,
                "project": self.project,
                "test": self.test,
            },
            ensure_ascii=False,
        )


class CannotCallError(Exception):
    """This way failed, in words without any secret."""


def secret_of(way: Way) -> str:
    """The password a way names. Raises CannotCallError when it is not there."""
    place, _, name = way.secret.partition(":")
    if not way.secret:
        return ""
    try:
        if place == "env":
            return os.environ[name]
        if place == "file":
            return Path(name).read_text(encoding="utf-8").strip()
        if place == "keyring":
            import keyring

            service, _, user = name.partition("/")
            found = keyring.get_password(service, user)
            if found is None:
                raise CannotCallError(f"the keyring has no password for {service}")
            return str(found)
    except (KeyError, OSError, UnicodeError):
        raise CannotCallError(f"its secret {place}:{name} is not there") from None
    raise CannotCallError("its secret is named by nothing known")


def call(
    way: Way, what: Call, deadline_s: float = DEADLINE_S, cancel: threading.Event | None = None
) -> str:
    """Call by one way; returns who acknowledged at once, empty for nobody. `cancel` ends it.

    Raises CannotCallError.
    """
    if way.kind == "email":
        _email(way, what, deadline_s)
        return ""
    if way.kind == "mqtt":
        _publish(way, what, deadline_s)
        return ""
    return _program(way, what, deadline_s, cancel)


def _context(way: Way) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=way.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _email(way: Way, what: Call, deadline_s: float) -> None:
    message = EmailMessage()
    message["Subject"] = what.subject.replace("\r", " ").replace("\n", " ")
    message["From"] = way.sender
    message["To"] = ", ".join(way.to)
    message.set_content(what.text)
    port = way.port or {"tls": 465, "starttls": 587}.get(way.tls, 25)
    try:
        if way.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                way.host, port, timeout=deadline_s, context=_context(way)
            )
        else:
            server = smtplib.SMTP(way.host, port, timeout=deadline_s)
        with server:
            if way.tls == "starttls":
                server.starttls(context=_context(way))
            if way.user:
                if way.tls == "none":
                    raise CannotCallError("a password is never sent without TLS")
                server.login(way.user, secret_of(way))
            refused = server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise CannotCallError(
            f"{way.host} does not accept the password ({error.smtp_code})"
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise CannotCallError(f"{way.host}:{port}: {_words(error)}") from None
    if refused:
        raise CannotCallError(f"{way.host} refused {', '.join(refused)}")


def _publish(way: Way, what: Call, deadline_s: float) -> None:
    """Sent with QoS 1 and taken by the broker within the deadline."""
    done = threading.Event()
    failed: list[str] = []
    client = mqtt_client(way, "call")
    client.on_publish = lambda *_: done.set()

    def connected(client: Any, _: Any, __: Any, code: Any, ___: Any = None) -> None:
        if code.is_failure:
            failed.append(str(code))
            done.set()
        else:
            client.publish(way.topic, what.document(), qos=1)

    client.on_connect = connected
    try:
        client.connect(way.host, way.port or (8883 if way.tls == "tls" else 1883), 30)
        client.loop_start()
        if not done.wait(deadline_s):
            failed.append(f"no answer within {deadline_s:.0f} s")
    except (OSError, ValueError) as error:
        failed.append(_words(error))
    finally:
        client.disconnect()
        client.loop_stop()
    if failed:
        raise CannotCallError(f"{way.host}: {failed[0]}")


def mqtt_client(way: Way, role: str) -> Any:
    """A client for a way's broker, not connected."""
    import secrets

    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(
        CallbackAPIVersion.VERSION2, client_id=f"lamplighter-{role}-{secrets.token_hex(4)}"
    )
    if way.user:
        client.username_pw_set(way.user, secret_of(way))
    if way.tls == "tls":
        client.tls_set_context(_context(way))
    return client


def _program(way: Way, what: Call, deadline_s: float, cancel: threading.Event | None = None) -> str:
    """Ended when it takes too long, or when `cancel` is set."""
    try:
        process = subprocess.Popen(
            list(way.program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CannotCallError(f"{way.program[0]}: {_words(error)}") from None
    end = time.monotonic() + deadline_s
    given: str | None = what.document()
    with process:
        while True:
            try:
                output, _ = process.communicate(given, timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                given = None
                stopped = cancel is not None and cancel.is_set()
                if stopped or time.monotonic() > end:
                    _end(process)
                    raise CannotCallError(
                        f"{way.program[0]} did not end within {deadline_s:.0f} s"
                    ) from None
    if process.returncode:
        raise CannotCallError(f"{way.program[0]} ended with code {process.returncode}")
    return acknowledged_by(output)


def _end(process: subprocess.Popen[str]) -> None:
    """End a program with all it started; what still holds its output is not waited for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, OSError):  # no groups here, or it has just ended
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=2.0)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def acknowledged_by(output: str) -> str:
    """The name in a line `ack NAME` of a program's output."""
    for line in output.splitlines():
        word, _, name = line.strip().partition(" ")
        if word == "ack" and name.strip():
            return name.strip()[:80]
    return ""


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


class AckListener:
    """Listens on `<topic>/ack` of one way; `heard` gets (token, who) on the client's thread."""

    def __init__(self, way: Way, heard: Callable[[str, str], None]) -> None:
        self.way = way
        self._heard = heard
        self._client = mqtt_client(way, "ack")
        self._client.on_connect = lambda client, *_: client.subscribe(f"{way.topic}/ack", qos=1)
        self._client.on_message = lambda _, __, message: self._take(message.payload)
        self._client.reconnect_delay_set(1, 60)
        self._client.connect_async(way.host, way.port or (8883 if way.tls == "tls" else 1883), 30)
        self._client.loop_start()

    def _take(self, payload: bytes) -> None:
        try:
            said = json.loads(payload[:10_000])
            token, who = (
                str(said[name]).encode("utf-8", "replace").decode() for name in ("token", "by")
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        who = who.strip()[:80]
        if not token or not who:
            return
        try:
            self._heard(token, who)
        except Exception:  # the client's thread ends with it, and no later answer would be heard
            log.exception("an answer to a call was not taken", way=self.way.id)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
