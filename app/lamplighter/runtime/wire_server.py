"""The recorder's end of the wire: accepts clients of this user, answers, and sends events in order.

Each client has one reading and one sending thread. A client that does not read its events is let
go after `BACKLOG` of them: it may come back and ask anew, and holds up nobody.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Final

import msgspec
import structlog

from lamplighter.domain import wire
from lamplighter.domain.clock import Clock
from lamplighter.domain.codec import Codec
from lamplighter.domain.endpoint import DESCRIPTION, KEY, SPILL, Endpoint, address_for, hang_up
from lamplighter.domain.problems import LamplighterError, problem

log = structlog.get_logger(__name__)
BACKLOG: Final = 5_000
REFUSED_S: Final = 0.05
"""pause after somebody was refused: a recorder out of descriptors must not spin"""
LONG: Final = (
    wire.GetHistory,
    wire.GetSigns,
    wire.GetDifference,
    wire.LookAtPast,
    wire.GetAlarmJournal,
    wire.GetAlarmKpis,
    wire.WriteAlarmJournal,
)
"""questions that may read much: nobody waits behind them for a moment or an acknowledgement"""
Handle = Callable[[wire.Request], wire.Reply]


class WireServer:
    """Listens for one project. `handle` is called on the asking client's own thread."""

    def __init__(self, project: Path, handle: Handle, clock: Clock, *, service: bool) -> None:
        self._project = project
        self._handle = handle
        self._clock = clock
        self._service = service
        self._clients: list[_Client] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._seq = 0
        self.address = address_for(project)
        self._key = secrets.token_bytes(32)
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None
        self.spill = project / "cache" / SPILL

    def start(self) -> None:
        """Begin to listen and describe the address in the project folder."""
        self.spill.mkdir(parents=True, exist_ok=True)
        for left in self.spill.glob("*.array"):
            left.unlink(missing_ok=True)
        if not self.address.startswith("\\"):
            Path(self.address).unlink(missing_ok=True)
        before = os.umask(0o077)
        try:
            self._listener = Listener(self.address, authkey=self._key, backlog=16)
            _write_private(self._project / KEY, self._key)
        finally:
            os.umask(before)
        endpoint = Endpoint(self.address, os.getpid(), self._clock.wall_ms(), self._service)
        _write_private(self._project / DESCRIPTION, msgspec.json.encode(endpoint))
        self._thread = threading.Thread(target=self._accept, name="wire-accept", daemon=True)
        self._thread.start()

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        with self._lock:
            return len(self._clients)

    def emit(self, event: wire.Event) -> None:
        """Send an event to every client, in the order of the calls."""
        with self._lock:
            self._seq += 1
            frame = wire.EventFrame(self._seq, event)
            for client in self._clients:
                client.offer(frame)

    def stop(self, deadline_s: float = 2.0) -> None:
        """Say goodbye to everybody and remove what described the address."""
        self._stopping.set()
        with contextlib.suppress(Exception):  # only to wake `accept`
            Client(self.address, authkey=self._key).close()
        if self._thread is not None:
            self._thread.join(deadline_s)
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.close(deadline_s)
        if self._listener is not None:
            self._listener.close()
        for name in (DESCRIPTION, KEY):
            (self._project / name).unlink(missing_ok=True)

    def _accept(self) -> None:
        listener = self._listener
        assert listener is not None
        while not self._stopping.is_set():
            try:
                connection = listener.accept()
            except Exception as error:  # a stranger without the key must not end the loop
                if not self._stopping.is_set():
                    log.warning("client refused", error=str(error))
                    self._stopping.wait(REFUSED_S)
                continue
            if self._stopping.is_set():
                connection.close()
                return
            client = _Client(connection, self._handle, Codec(self.spill), self._left)
            with self._lock:
                self._clients.append(client)
            client.start()

    def _left(self, client: _Client) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._clients.remove(client)


class _Client:
    def __init__(
        self,
        connection: Connection[bytes, bytes],
        handle: Handle,
        codec: Codec,
        left: Callable[[_Client], None],
    ) -> None:
        self._connection = connection
        self._handle = handle
        self._codec = codec
        self._left = left
        self._out: queue.Queue[wire.ReplyFrame | wire.EventFrame | None] = queue.Queue()
        self._beside: queue.Queue[wire.RequestFrame | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="wire-read", daemon=True)
        self._threads = [
            threading.Thread(target=self._look_back, name="wire-past", daemon=True),
            self._reader,
            threading.Thread(target=self._write, name="wire-write", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def offer(self, frame: wire.ReplyFrame | wire.EventFrame) -> None:
        if self._out.qsize() > BACKLOG:
            log.warning("a client does not read its events and was let go")
            self._hang_up()
            return
        self._out.put(frame)

    def _read(self) -> None:
        try:
            while True:
                data = self._connection.recv_bytes()
                try:
                    frame = self._codec.decode(data, wire.RequestFrame)
                except (msgspec.MsgspecError, ValueError, TypeError) as error:
                    log.warning("unreadable request", error=str(error))
                    break
                if isinstance(frame.body, LONG):
                    self._beside.put(frame)
                else:
                    self._out.put(wire.ReplyFrame(frame.id, self._answer(frame.body)))
        except (EOFError, OSError):
            pass
        finally:
            self._beside.put(None)
            self._left(self)
            self._out.put(None)

    def _look_back(self) -> None:
        """Long looks into the past, in order, while shorter questions are answered beside them."""
        while (frame := self._beside.get()) is not None:
            self._out.put(wire.ReplyFrame(frame.id, self._answer(frame.body)))

    def _answer(self, request: wire.Request) -> wire.Reply:
        try:
            return self._handle(request)
        except LamplighterError as error:
            return wire.Refused(error.problem)
        except Exception as error:
            log.exception("request failed", request=type(request).__name__)
            what = f"{type(request).__name__}: {error}"
            return wire.Refused(problem("P-606", name="the request", what=what))

    def _write(self) -> None:
        """Sends what waits until the end; closes the connection when the reader has left it."""
        while (frame := self._out.get()) is not None:
            try:
                self._connection.send_bytes(self._codec.encode(frame))
            except (OSError, ValueError):
                break
        self._hang_up()
        self._reader.join()
        self._connection.close()

    def _hang_up(self) -> None:
        hang_up(self._connection)

    def close(self, deadline_s: float) -> None:
        self._out.put(None)
        for thread in reversed(self._threads):
            thread.join(deadline_s)


def _write_private(file: Path, data: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
