"""A TCP proxy between a program and its server that can be made to misbehave.

It delays, cuts, resets or swallows what passes. It cannot lose single packets: TCP hides that.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from types import TracebackType


class Proxy:
    """Use it as a context manager; change it from any thread while connections are open."""

    def __init__(self, target: int, *, host: str = "127.0.0.1") -> None:
        self._target = (host, target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.latency_s = 0.0
        """added to every piece in both directions"""
        self.down = False
        """new connections are refused (accepted and closed at once)"""
        self.blackhole = False
        """bytes are taken and go nowhere; connections stay open"""
        self.connections = 0
        self.bytes = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._listener.close()
        self.cut()
        self._thread.join(5)

    def cut(self, *, reset: bool = False) -> int:
        """End every open connection, by a reset when wanted; says how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    if reset:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        end.close()
                    else:
                        end.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                ready, _, _ = select.select([self._listener], [], [], 0.2)
                if not ready:
                    continue
                near, _ = self._listener.accept()
            except (OSError, ValueError):
                return
            if self.down:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target, 5)
            except OSError:
                near.close()
                continue
            for end in (near, far):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._serve, args=(near, far), daemon=True).start()

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        try:
            while not self._stopping.is_set():
                ready, _, _ = select.select([near, far], [], [], 0.2)
                for end in ready:
                    data = end.recv(65_536)
                    if not data:
                        return
                    if self.blackhole:
                        continue
                    if self.latency_s:
                        time.sleep(self.latency_s)
                    self.bytes += len(data)
                    other[end].sendall(data)
        except (OSError, ValueError):
            return
        finally:
            with self._lock:
                self._pairs = [p for p in self._pairs if p != (near, far)]
            for end in (near, far):
                with contextlib.suppress(OSError):
                    end.close()
