"""Sixteen states of certificates against a real broker: only the right pair may talk.

For each bad one nothing of MQTT may leave this machine: the bytes handed to the encrypted socket
are counted, and the broker's own record is read. Two rows need a server mosquitto cannot be: one
that speaks only old TLS, one with a key its library refuses to load.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kit.broker import Broker, free_port
from tests.kit.certificates import Authority, broker_lines
from tests.kit.patience import came

from lamplighter.domain.clock import SystemClock
from lamplighter.sources import MqttFeed, TlsFiles, tls

Row = dict[str, Any]


@dataclass
class Trial:
    """One state of certificates: what both sides have and what must come of it."""

    name: str
    server: TlsFiles
    ours: TlsFiles
    code: str
    """of the message; empty: it must connect"""
    says: str = ""
    """words the message must hold"""
    more: tuple[str, ...] = ()
    plain: bool = False
    own_server: str = ""
    """`old` or `weak`: a server other than mosquitto"""


@dataclass
class Outcome:
    state: str = ""
    code: str = ""
    text: str = ""
    sent: int = 0
    """bytes of MQTT handed to the encrypted socket"""
    heard: bool = False
    """the broker saw a client"""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Counting(tls.PatientSocket):
    """Counts what is sent after the handshake."""

    sent = 0

    def send(self, data: Any, flags: int = 0) -> int:
        done = super().send(data, flags)
        Counting.sent += done
        return done


def trials(folder: Path) -> list[Trial]:
    """The good pair and the thirteen bad ones."""
    authority, stranger = Authority(folder), Authority(folder, "stranger")
    server, ours = authority.issue("server"), authority.issue("console")
    foreign = stranger.issue("foreign")
    banned = authority.issue("banned")
    crl = f"crlfile {authority.revoke(banned)}"
    ca = authority.file
    return [
        Trial("good", server, ours, ""),
        Trial("another authority", server, TlsFiles(stranger.file, ours.cert, ours.key), "N-302",
              "not trusted here"),
        Trial("signed by itself", authority.self_signed("alone"), ours, "N-302", "itself"),
        Trial("ended", authority.issue("old", start=-9, end=-1), ours, "N-301", "20"),
        Trial("not begun", authority.issue("young", start=1, end=9), ours, "N-304",
              "not valid before 20"),
        Trial("another host", authority.issue("other", host="elsewhere.example"), ours, "N-302",
              "elsewhere.example"),
        Trial("address without a name", authority.issue("nameless", host=None), ours, "N-302",
              "no host name"),
        Trial("weak key", authority.issue("weak", weak=True), ours, "N-302", "1024",
              own_server="weak"),
        Trial("TLS 1.1 only", server, ours, "N-304", "older than 1.2", own_server="old"),
        Trial("no TLS on the port", server, ours, "N-304", "speak TLS on this port", plain=True),
        Trial("ours is missing", server, TlsFiles(ca), "N-303", "none is set"),
        Trial("ours has ended", server, authority.issue("past", start=-9, end=-1), "N-303",
              "ours ended 20"),
        Trial("ours is of another authority", server, TlsFiles(ca, foreign.cert, foreign.key),
              "N-303", "does not know the authority"),
        Trial("ours was revoked", server, banned, "N-303", "revoked", (crl,)),
    ]  # fmt: skip


def run(trial: Trial, folder: Path) -> Outcome:
    """Connect once and see what came of it."""
    found = Outcome()
    begun = time.monotonic()
    before = Counting.sent
    with _server(trial, folder) as port:
        feed = MqttFeed(
            f"mqtts://127.0.0.1:{port}",
            client_id="console",
            deliver=lambda _: True,
            clock=SystemClock(),
            tls=trial.ours,
        )
        feed.start()
        came(lambda: feed.state == "live" or feed.problem is not None)
        found.state = feed.state
        problem = feed.problem
        found.code, found.text = (problem.code, problem.text) if problem else ("", "")
        feed.stop(6.0)
    found.sent = Counting.sent - before
    log = folder / "mosquitto.log"
    found.heard = log.exists() and "New client connected" in log.read_text(errors="replace")
    found.seconds = time.monotonic() - begun
    _judge(trial, found)
    return found


def _judge(trial: Trial, found: Outcome) -> None:
    if not trial.code:
        if found.state != "live" or not found.heard:
            found.wrong.append(f"not connected: {found.text}")
        return
    if found.state == "live" or found.heard or found.sent:
        found.wrong.append(f"{found.sent} bytes of MQTT were sent")
    if found.code != trial.code or trial.says not in found.text:
        found.wrong.append(f"told as {found.code}: {found.text}")


@contextlib.contextmanager
def _server(trial: Trial, folder: Path) -> Iterator[int]:
    if trial.own_server:
        with _tls_stub(trial) as port:
            yield port
        return
    port = free_port()
    lines = [f"listener {port} 127.0.0.1"] if trial.plain else broker_lines(port, trial.server)
    with Broker(folder, port=port, lines=[*lines, "allow_anonymous true", *trial.more]):
        yield port


@contextlib.contextmanager
def _tls_stub(trial: Trial) -> Iterator[int]:
    """A server with what no broker would load today; it shakes hands and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if trial.own_server == "old":
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(str(trial.server.cert), str(trial.server.key))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    plain, _ = listener.accept()
                except OSError:
                    continue
                plain.settimeout(3)
                with contextlib.suppress(OSError):
                    context.wrap_socket(plain, server_side=True).close()
                plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


def revoked_broker(folder: Path, *, ended: bool = False) -> Outcome:
    """The broker's certificate stands on a list in our CA file; or that list is out of date."""
    authority = Authority(folder)
    server = authority.issue("server")
    both = folder / "ca-and-list.pem"
    listed = authority.issue("other") if ended else server
    crl = authority.revoke(listed, ended=ended)
    both.write_bytes(authority.file.read_bytes() + crl.read_bytes())
    says = "does not reach to today" if ended else "was revoked"
    return run(Trial("revoked", server, TlsFiles(both), "N-302", says), folder / "broker")


def rotation(folder: Path) -> list[str]:
    """New files for a running feed: wrong ones change nothing, good ones are taken at once, an
    authority is exchanged with overlap, nothing is restarted. Returns what went wrong."""
    wrong: list[str] = []
    old, new = Authority(folder, "old-ca"), Authority(folder, "new-ca")
    both = folder / "both.pem"
    both.write_bytes(old.file.read_bytes() + new.file.read_bytes())
    server = old.issue("server")
    first, second, foreign = old.issue("one"), new.issue("two"), Authority(folder, "no").issue("x")
    ours = TlsFiles(folder / "ca.pem", folder / "own.crt", folder / "own.key")
    _copy(old.file, first, ours)
    port = free_port()
    trusting = TlsFiles(both, server.cert, server.key)
    lines = [*broker_lines(port, trusting), "allow_anonymous true"]
    broker = Broker(folder / "broker", port=port, lines=lines)
    broker.start()
    feed = MqttFeed(f"mqtts://127.0.0.1:{port}", client_id="console", deliver=lambda _: True,
                    clock=SystemClock(), tls=ours)  # fmt: skip
    feed.start()
    try:
        if not came(lambda: feed.state == "live"):
            return [f"the first files do not connect: {feed.problem}"]
        _copy(both, foreign, ours)
        if not came(lambda: feed.problem is not None) or feed.state != "live":
            wrong.append("wrong new files were not told, or cost the link")
        _copy(both, second, ours)
        if not came(lambda: feed.counters.connects == 2 and feed.state == "live"):
            wrong.append(f"good new files were not taken: {feed.problem}")
        if feed.problem is not None or feed.counters.losses:
            wrong.append(f"the renewal is told as a fault: {feed.problem}")
        broker.stop()
        exchanged = new.issue("server2")
        lines = broker_lines(port, TlsFiles(new.file, exchanged.cert, exchanged.key))
        broker = Broker(folder / "broker2", port=port, lines=[*lines, "allow_anonymous true"])
        broker.start()
        if not came(lambda: feed.counters.connects == 3 and feed.state == "live"):
            wrong.append(f"the broker's new authority is not accepted: {feed.problem}")
    finally:
        feed.stop(6.0)
        broker.stop()
    return wrong


def ends_while_connected(folder: Path) -> list[str]:
    """Our certificate runs out under a live link: told fourteen days ahead, data goes on, no new
    link is made with it, and new files end it all."""

    class Ahead(SystemClock):
        days = 0

        def wall_ms(self) -> int:
            return super().wall_ms() + self.days * 86_400_000

    wrong: list[str] = []
    clock, authority = Ahead(), Authority(folder)
    ours, server = authority.issue("own", end=20), authority.issue("server", end=300)
    port = free_port()
    with Broker(folder / "broker", port=port,
                lines=[*broker_lines(port, server), "allow_anonymous true"]) as broker:  # fmt: skip
        feed = MqttFeed(f"mqtts://127.0.0.1:{port}", client_id="console", clock=clock,
                        deliver=lambda _: True, tls=ours)  # fmt: skip
        feed.start()
        try:
            if not came(lambda: feed.state == "live") or feed.problem is not None:
                return [f"not quietly connected: {feed.problem}"]
            clock.days = 7
            if feed.problem is None or feed.problem.code != "N-311":
                wrong.append("not warned thirteen days ahead")
            clock.days = 21
            problem = feed.problem
            if problem is None or "ended on" not in problem.text or feed.state != "live":
                wrong.append("its end is not told, or cost the link")
            broker.stop()
            if not came(lambda: feed.problem is not None and feed.problem.code == "N-303"):
                wrong.append("the ended certificate is tried again")
            broker.start()
            time.sleep(1.0)
            if feed.state == "live":
                wrong.append("an ended certificate made a new link")
        finally:
            feed.stop(6.0)
    return wrong


def _copy(ca: Path, own: TlsFiles, to: TlsFiles) -> None:
    for source, target in ((own.key, to.key), (own.cert, to.cert), (ca, to.ca)):
        assert source is not None and target is not None
        part = target.with_suffix(".part")
        shutil.copyfile(source, part)
        part.replace(target)


def matrix(folder: Path, names: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Trial -> what went wrong; all, or those named."""
    counted, tls.PatientSocket = tls.PatientSocket, Counting  # type: ignore[misc]
    try:
        certificates = folder / "certificates"
        certificates.mkdir(parents=True, exist_ok=True)
        found = {}
        for at, trial in enumerate(trials(certificates)):
            if not names or trial.name in names:
                found[trial.name] = run(trial, folder / f"trial-{at}").wrong
        return found
    finally:
        tls.PatientSocket = counted  # type: ignore[misc]


def part(size: dict[str, int], folder: Path) -> Row:
    found = matrix(folder)
    for name, test in (("rotated with overlap", rotation), ("ends under a link",
                                                            ends_while_connected)):  # fmt: skip
        place = folder / name.replace(" ", "-")
        place.mkdir()
        found[name] = test(place)
    bad = {name: wrong for name, wrong in found.items() if wrong}
    refused = sum(1 for trial in trials(folder / "certificates") if trial.code)
    return {
        "promise": "Only the right broker is talked to, and only with our right certificate",
        "trials": f"{len(found)} states of certificates against a broker, {refused} of them bad",
        "result": "; ".join(f"{name}: {', '.join(wrong)}" for name, wrong in bad.items())
        or f"{refused} refused with 0 bytes of MQTT sent, each told with its cause; new files "
        "taken without a restart; the end told 14 days ahead",
        "not_shown": "a broker's revoked certificate is known only from a list in the CA file; old "
        "TLS and the weak key are a server of the test, as mosquitto cannot be one",
        "bound": "",
        "passed": not bad and len(found) == 16,
        "figures": {"trials": len(found), "refused": refused, "wrong": len(bad)},
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"tls": part}
SHORT: Final[dict[str, int]] = {}
LONG: Final[dict[str, int]] = {}
TIER: Final = "N1"
