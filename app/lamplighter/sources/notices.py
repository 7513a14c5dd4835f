"""A small HTTP receiver for notifications, opened only when the user asks for it.

It takes POSTs on one secret path, at most a megabyte each, answers and forgets the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Final

from lamplighter.sources.own_feeds import Wish, bad

MOST_BYTES: Final = 1_000_000
PATIENCE_S: Final = 10.0
MOST_HEADERS: Final = 64
_TEXTS: Final = {204: "No Content", 400: "Bad Request", 404: "Not Found", 413: "Too Large"}


def receiver_address(wish: Wish, text: str) -> tuple[str, int]:
    """(host, port) of `host:port`; raises U-801."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise bad(wish, f"'{text}' is no place to listen (127.0.0.1:8085)")
    return host, int(port)


class Receiver:
    """Calls `heard` on the loop with the body of every POST on its path."""

    def __init__(self, host: str, port: int, heard: Callable[[bytes], None]) -> None:
        self._host, self._port, self._heard = host, port, heard
        self.path = f"/notify/{secrets.token_urlsafe(18)}"
        self._server: asyncio.Server | None = None

    @property
    def base(self) -> str:
        """Its address without the path."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises OSError when the place is taken."""
        self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=65_536)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = 400
        try:
            async with asyncio.timeout(PATIENCE_S):
                status = await self._one(reader)
        except (TimeoutError, ValueError, OSError, asyncio.IncompleteReadError):
            status = 400
        with contextlib.suppress(OSError):
            line = f"HTTP/1.1 {status} {_TEXTS[status]}\r\nContent-Length: 0\r\n"
            writer.write(f"{line}Connection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async def _one(self, reader: asyncio.StreamReader) -> int:
        first = (await reader.readline()).split()
        length = 0
        for _ in range(MOST_HEADERS):
            line = await reader.readline()
            name, _, value = line.decode("latin-1").partition(":")
            if not line.strip():
                break
            if name.strip().lower() == "content-length":
                length = int(value)
        else:
            return 400
        if len(first) != 3 or first[0] != b"POST":
            return 400
        if not secrets.compare_digest(first[1], self.path.encode()):
            return 404
        if not 0 < length <= MOST_BYTES:
            return 413
        self._heard(await reader.readexactly(length))
        return 204
