"""Field kits over a network: one side waits with a one-time code, the other comes with it.

Over the local network it is one connection; over a broker two topics. What comes is merged where
somebody waits, and its report goes back. A transfer that was cut goes on with the next attempt.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from lamplighter.domain.kit import KitReport
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.exchange.kit_channel import (
    Carrier,
    Host,
    SealedChannel,
    SocketCarrier,
    join,
    new_code,
    room_of,
)
from lamplighter.exchange.kit_pieces import PATIENCE_S, broken, receive_file, send_file

PORT: Final = 7461
TOPIC: Final = "lamplighter/1/kit"
INBOX: Final = "cache/kits"
MOST_WRONG: Final = 5
"""attempts with another code, after which nobody is let in any more"""
MERGE_S: Final = 1_800.0
SEND: Final = b"send"
FETCH: Final = b"fetch"
Say = Callable[[str], None]
Merge = Callable[[Path], KitReport]


class _Answer(msgspec.Struct, frozen=True):
    report: KitReport | None = None
    problem: Problem | None = None


class Waiting:
    """Waits with a code until somebody has brought their work, or fetched what is given."""

    def __init__(
        self, folder: Path, merge: Merge, give: Path | None = None, code: str = ""
    ) -> None:
        """`folder`: where arriving pieces lie; `give`: the kit that may be fetched."""
        self.code = code or new_code()
        self._host = Host(self.code)
        self._folder, self._merge, self._give = folder, merge, give
        self._wrong = 0

    def over_lan(
        self, host: str, port: int, seconds: float, told: Callable[[int], None], say: Say
    ) -> KitReport | None:
        """Listen until one exchange is done; `told` hears the port. None after a kit was fetched.

        Raises LamplighterError: A-424 when nobody came in time or too many came with a wrong code,
        U-804 when the address cannot be used.
        """
        end = time.monotonic() + seconds
        try:
            server = socket.create_server((host, port))
        except OSError as error:
            what = f"{host}:{port} cannot be used ({error.strerror})"
            raise fault("U-804", name="The exchange", what=what) from None
        with server:
            told(server.getsockname()[1])
            while True:
                server.settimeout(max(end - time.monotonic(), 0.01))
                try:
                    link, _ = server.accept()
                except TimeoutError:
                    raise broken("from a laptop", "nobody came with the code") from None
                with link:
                    done, report = self._serve(SocketCarrier(link), 20.0, say)
                if done:
                    return report

    def over_broker(self, url: str, seconds: float, say: Say, **tls: str) -> KitReport | None:
        """The same over a broker, on topics nobody can find without the code."""
        end = time.monotonic() + seconds
        with broker_carrier(url, self.code, client=False, **tls) as carrier:
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise broken("from a laptop", "nobody came with the code")
                done, report = self._serve(carrier, left, say)
                if done:
                    return report

    def _serve(self, carrier: Carrier, seconds: float, say: Say) -> tuple[bool, KitReport | None]:
        """(whether the exchange is over, its report); a cut link only ends this attempt."""
        try:
            channel = self._host.answer(carrier, seconds)
        except (TimeoutError, OSError):
            return False, None
        except LamplighterError as error:
            self._wrong += 1
            say(str(error))
            if self._wrong >= MOST_WRONG:
                raise broken("from a laptop", "too many came with another code") from None
            return False, None
        try:
            return True, self._exchange(channel, say)
        except LamplighterError as error:
            if error.problem.code != "A-424":
                raise
            say(str(error))
            return False, None

    def _exchange(self, channel: SealedChannel, say: Say) -> KitReport | None:
        wanted = channel.receive(PATIENCE_S)
        if wanted == FETCH:
            if self._give is None:
                channel.send(b"nothing")
                raise broken("for a laptop", "nothing is given away here")
            channel.send(b"given")
            send_file(channel, self._give, _spoken(say))
            channel.receive(PATIENCE_S)
            return None
        file = receive_file(channel, self._folder, _spoken(say))
        try:
            report = self._merge(file)
        except LamplighterError as error:
            with contextlib.suppress(LamplighterError):
                channel.send(msgspec.json.encode(_Answer(problem=error.problem)))
            raise
        channel.send(msgspec.json.encode(_Answer(report)))
        file.unlink(missing_ok=True)
        return report


def _spoken(say: Say) -> Callable[[int, int], None]:
    last = [-1]

    def step(done: int, total: int) -> None:
        tenth = done * 10 // max(total, 1)
        if tenth != last[0]:
            last[0] = tenth
            say(f"{done:,} of {total:,} bytes")

    return step


# ---------------------------------------------------------------------- who comes with the code
def bring(carrier: Carrier, code: str, file: Path, say: Say) -> KitReport:
    """Send a bundle; returns what its merge came to there. Raises LamplighterError (A-424, ...)."""
    channel = join(carrier, code)
    channel.send(SEND)
    send_file(channel, file, _spoken(say))
    answer = msgspec.json.decode(channel.receive(MERGE_S), type=_Answer)
    if answer.report is None:
        raise LamplighterError(answer.problem) if answer.problem else broken(file.name, "no answer")
    return _seen_from_here(answer.report)


def _seen_from_here(report: KitReport) -> KitReport:
    """Their report, with the sides of each conflict named as they are on this console."""
    turned = tuple(
        msgspec.structs.replace(
            c, mine=c.theirs, theirs=c.mine, mine_by=c.theirs_by, theirs_by=c.mine_by
        )
        for c in report.conflicts
    )
    return msgspec.structs.replace(report, conflicts=turned)


def fetch(carrier: Carrier, code: str, folder: Path, say: Say) -> Path:
    """Take the kit that is given away there; returns where it lies."""
    channel = join(carrier, code)
    channel.send(FETCH)
    if channel.receive(PATIENCE_S) != b"given":
        raise broken("of the other side", "nothing is given away there")
    file = receive_file(channel, folder, _spoken(say))
    channel.send(b"thanks")
    return file


@contextlib.contextmanager
def carrier_to(where: str, code: str, **tls: str) -> Iterator[Carrier]:
    """`HOST[:PORT]`, or `mqtt://` and `mqtts://` with a broker. Raises A-424, U-801."""
    if where.startswith(("mqtt://", "mqtts://")):
        with broker_carrier(where, code, client=True, **tls) as carrier:
            yield carrier
        return
    host, _, port = where.rpartition(":") if ":" in where else (where, "", str(PORT))
    if not host or not port.isdigit():
        raise fault("U-801", what=f"'{where}' is no HOST:PORT", name="kit send")
    try:
        link = socket.create_connection((host, int(port)), 10.0)
    except OSError as error:
        raise broken("on its way", f"{where}: {error.strerror or error}") from None
    with link:
        yield SocketCarrier(link)


# ---------------------------------------------------------------------- a broker in between
class _BrokerCarrier:
    def __init__(self, client: Any, out: str, came: queue.Queue[bytes]) -> None:
        self._client, self._out, self._came = client, out, came

    def put(self, data: bytes) -> None:
        sent = self._client.publish(self._out, data, qos=1)
        if sent.rc != 0:
            raise OSError("the broker is gone")
        end = time.monotonic() + PATIENCE_S
        while not sent.is_published():
            if not self._client.is_connected() or time.monotonic() > end:
                raise OSError("the broker is gone")
            time.sleep(0.001)

    def take(self, seconds: float) -> bytes:
        try:
            return self._came.get(timeout=max(seconds, 0.01))
        except queue.Empty:
            if not self._client.is_connected():
                raise OSError("the broker is gone") from None
            raise TimeoutError from None

    def close(self) -> None:
        """Ended by `broker_carrier`."""


@contextlib.contextmanager
def broker_carrier(
    url: str, code: str, *, client: bool, ca: str = "", cert: str = "", key: str = ""
) -> Iterator[Carrier]:
    """Both directions of one meeting place on a broker. Raises LamplighterError (N-304, U-801)."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(url)
    secure = parts.scheme == "mqtts"
    if not parts.hostname:
        raise fault("U-801", what=f"'{url}' names no broker", name="kit serve")
    room = f"{TOPIC}/{room_of(code)}"
    out, into = (f"{room}/up", f"{room}/down") if client else (f"{room}/down", f"{room}/up")
    came: queue.Queue[bytes] = queue.Queue(64)
    subscribed: queue.Queue[bool] = queue.Queue()
    paho = Client(CallbackAPIVersion.VERSION2)
    paho.max_inflight_messages_set(16)
    if parts.username:
        paho.username_pw_set(parts.username, parts.password)
    if secure:
        paho.tls_set(ca or None, cert or None, key or None)
    paho.on_message = lambda c, u, message: came.put(bytes(message.payload))
    paho.on_subscribe = lambda *a: subscribed.put(True)
    paho.on_connect = lambda c, *a: c.subscribe(into, qos=1)
    try:
        try:
            paho.connect(parts.hostname, parts.port or (8883 if secure else 1883), 30)
            paho.loop_start()
            subscribed.get(timeout=10.0)
        except (OSError, queue.Empty) as error:
            what = str(error) or "it does not answer"
            raise fault("N-304", name=parts.hostname, what=what) from None
        yield _BrokerCarrier(paho, out, came)
    finally:
        paho.disconnect()
        paho.loop_stop()


# ---------------------------------------------------------------------- as verbs and the recorder
def send_back(
    project: Path, take: Callable[[Path], KitReport], where: str, code: str, say: Say, **tls: str
) -> KitReport:
    """Bring what was done here; a bundle that did not arrive whole is gone on with first.

    `take` makes the bundle. Returns what its merge came to there. Raises LamplighterError.
    """
    file = project / INBOX / "back.kit"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        take(file)
    with carrier_to(where, code, **tls) as carrier:
        report = bring(carrier, code, file, say)
    file.unlink(missing_ok=True)
    return report
