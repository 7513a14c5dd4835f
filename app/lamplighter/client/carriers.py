"""How frames travel: over the recorder's local socket, or inside one process for unit tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection
from pathlib import Path

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.codec import Codec
from lamplighter.domain.endpoint import DESCRIPTION, KEY, SPILL, Endpoint, hang_up
from lamplighter.domain.problems import fault

Take = Callable[[wire.ReplyFrame | wire.EventFrame], None]
Lost = Callable[[str], None]


def find_endpoint(project: Path) -> Endpoint | None:
    """The endpoint a recorder of this project described, or None when none is described."""
    try:
        raw = (project / DESCRIPTION).read_bytes()
        return msgspec.json.decode(raw, type=Endpoint)
    except (OSError, msgspec.MsgspecError):
        return None


class WireCarrier:
    """The socket. Only bytes cross; nothing is ever unpickled."""

    def __init__(self, project: Path, *, wait_s: float = 0.0) -> None:
        """Raises LamplighterError (U-805) when no recorder answers within `wait_s`."""
        self._codec = Codec(project / "cache" / SPILL)
        self._connection = _connect(project, wait_s)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self, frame: wire.RequestFrame) -> None:
        data = self._codec.encode(frame)
        with self._lock:
            self._connection.send_bytes(data)

    def listen(self, take: Take, lost: Lost) -> None:
        self._thread = threading.Thread(
            target=self._receive, args=(take, lost), name="session", daemon=True
        )
        self._thread.start()

    def _receive(self, take: Take, lost: Lost) -> None:
        while True:
            try:
                data = self._connection.recv_bytes()
            except (EOFError, OSError):
                lost("the connection ended")
                return
            try:
                frame = self._codec.decode(data, wire.ToClient)
            except (msgspec.MsgspecError, ValueError, TypeError, OSError) as error:
                lost(f"it sent something unreadable: {error}")
                return
            take(frame)

    def close(self) -> None:
        hang_up(self._connection)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)
            if thread.is_alive():
                return  # it still reads: the descriptor stays its own until the process ends
        self._connection.close()


def _connect(project: Path, wait_s: float) -> Connection[bytes, bytes]:
    deadline = time.monotonic() + wait_s
    why = "none is running"
    while True:
        endpoint = find_endpoint(project)
        if endpoint is not None:
            try:
                key = (project / KEY).read_bytes()
                return Client(endpoint.address, authkey=key)
            except (OSError, EOFError) as error:
                why = f"it does not accept a connection: {error}"
            except Exception as error:  # AuthenticationError has no common base
                why = f"it does not accept this project's key: {error}"
        if time.monotonic() >= deadline:
            raise fault("U-805", what=why)
        time.sleep(0.05)


class DirectCarrier:
    """Inside one process: `handle` answers, `attach` hands out the event callback."""

    def __init__(
        self,
        handle: Callable[[wire.Request], wire.Reply],
        attach: Callable[[Callable[[wire.Event], None]], None] | None = None,
    ) -> None:
        self._handle = handle
        self._attach = attach
        self._take: Take | None = None
        self._seq = 0

    def send(self, frame: wire.RequestFrame) -> None:
        if self._take is not None:
            self._take(wire.ReplyFrame(frame.id, self._handle(frame.body)))

    def listen(self, take: Take, lost: Lost) -> None:
        self._take = take
        if self._attach is not None:
            self._attach(self._event)

    def _event(self, event: wire.Event) -> None:
        self._seq += 1
        if self._take is not None:
            self._take(wire.EventFrame(self._seq, event))

    def close(self) -> None:
        self._take = None
