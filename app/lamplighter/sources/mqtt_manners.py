"""How a link to a broker comes, goes and ends."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

LINGER_S: Final = 0.5


class LinkEnded(Exception):
    """Why a link ended. `refused`: the broker said no; `version`: it does not speak this one;
    `closed`: it closed the connection without a word."""

    def __init__(
        self,
        what: str,
        *,
        refused: bool = False,
        version: bool = False,
        taken_over: bool = False,
        closed: bool = False,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(what)
        self.refused = refused
        self.version = version
        self.taken_over = taken_over
        self.closed = closed
        self.cause = cause


class Out(NamedTuple):
    """A message on its way to the broker."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """How a link comes and goes. By default it takes up its session where it was left."""

    clean: bool = False
    """the broker keeps nothing for us while we are away"""
    will: Out | None = None
    """what the broker says when we are gone without a word"""
    hello: Out | None = None
    """said as soon as the subscriptions stand"""
    goodbye: Out | None = None
    """said before we leave"""


@contextlib.contextmanager
def lingering(sock: Any) -> Iterator[None]:
    """Keeps the connection open until the broker closes it: closed with bytes unread, it would be
    reset, and what was sent last (acknowledgements, the goodbye) could be lost with it."""
    if sock is None:
        yield
        return
    with socket.socket(fileno=os.dup(sock.fileno())) as twin:
        yield
        twin.shutdown(socket.SHUT_WR)
        twin.settimeout(LINGER_S)
        end = time.monotonic() + LINGER_S
        while twin.recv(65_536) and time.monotonic() < end:
            pass


def close_abandoned(error: BaseException) -> None:
    """Close the socket the library leaves open when a TLS handshake fails."""
    at = error.__traceback__
    while at is not None:
        for value in list(at.tb_frame.f_locals.values()):
            if isinstance(value, ssl.SSLSocket):
                value.close()
        at = at.tb_next
