"""A private channel from a one-time code: over a socket or a broker, whoever lies in between.

Both sides make a key of the code by scrypt and of two fresh numbers keys for this session. Every
message is sealed with AES-256-GCM under a counter, so it can be neither read, changed, repeated nor
left out unseen. A wrong code fails at the first message.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import struct
import time
from hashlib import blake2b
from typing import Any, Final, Protocol

from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange.kit_pieces import broken

MAGIC: Final = b"LAMPWAY1"
_SALT: Final = 16
_COUNTER: Final = struct.Struct(">Q")
_LENGTH: Final = struct.Struct(">I")
MOST: Final = (1 << 20) + (1 << 16)
"""bytes of one message but an offer"""
MOST_OFFER: Final = 8 << 20
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_READY: Final = b"ready"
_AGAIN_S: Final = 3.0
"""after which who comes says so once more"""
CODE_LETTERS: Final = 12


class Carrier(Protocol):
    """Carries whole messages; they may be lost, doubled or read on the way."""

    def put(self, data: bytes) -> None: ...

    def take(self, seconds: float) -> bytes:
        """Raises TimeoutError, or OSError when the link is gone."""
        ...

    def close(self) -> None: ...


def new_code() -> str:
    """Three groups of four letters and digits, none of which are mixed up easily."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LETTERS))
    return "-".join(letters[i : i + 4] for i in range(0, CODE_LETTERS, 4))


def plain_code(text: str) -> str:
    """As it was made, however it was typed."""
    return "".join(c for c in text.upper() if c in _LETTERS)


def room_of(code: str) -> str:
    """What both sides call the place where they meet on a broker; says nothing of the code."""
    return _scrypt(plain_code(code), b"lamplighter room")[:12].hex()


def _scrypt(code: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=1 << 15, r=8, p=1).derive(code.encode())


class SealedChannel:
    """See `kit_pieces.Channel`. Made by `join` and `answer`."""

    def __init__(self, carrier: Carrier, key: bytes, numbers: bytes, *, client: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        mine, theirs = (b"client", b"server") if client else (b"server", b"client")
        self._carrier, self._hello = carrier, MAGIC + numbers[:_SALT]
        self._out: Any = AESGCM(blake2b(numbers + mine, key=key, digest_size=32).digest())
        self._in: Any = AESGCM(blake2b(numbers + theirs, key=key, digest_size=32).digest())
        self._sent = self._heard = 0

    def send(self, data: bytes) -> None:
        """Raises LamplighterError (A-424) when the link is gone."""
        head = _COUNTER.pack(self._sent)
        sealed = self._out.encrypt(b"\0\0\0\0" + head, data, MAGIC)
        self._sent += 1
        try:
            self._carrier.put(head + sealed)
        except OSError as error:
            raise broken("on its way", error.strerror or str(error)) from None

    def receive(self, seconds: float) -> bytes:
        """The next message. Raises LamplighterError (A-424) for silence and whatever is not it."""
        from cryptography.exceptions import InvalidTag

        end = time.monotonic() + seconds
        while True:
            try:
                data = self._carrier.take(max(end - time.monotonic(), 0.01))
            except TimeoutError:
                raise broken("on its way", "the other side fell silent") from None
            except OSError as error:
                cut = "the link was cut" if self._heard else "the link was cut; is the code right?"
                raise broken("on its way", error.strerror or cut) from None
            if len(data) < _COUNTER.size or data.startswith(self._hello):
                continue  # a broker may deliver twice
            if data.startswith(MAGIC):
                raise broken("on its way", "the other side began anew")
            (number,) = _COUNTER.unpack(data[: _COUNTER.size])
            if number < self._heard:
                continue
            try:
                if number > self._heard:
                    raise InvalidTag
                plain: bytes = self._in.decrypt(
                    b"\0\0\0\0" + data[: _COUNTER.size], data[_COUNTER.size :], MAGIC
                )
            except InvalidTag:
                raise wrong() from None
            self._heard += 1
            return plain


def wrong() -> LamplighterError:
    return broken("on its way", "the code is not the right one, or somebody changed what was sent")


def join(carrier: Carrier, code: str, seconds: float = 20.0) -> SealedChannel:
    """The side that was given the code. Raises LamplighterError (A-424)."""
    mine = os.urandom(_SALT)
    end = time.monotonic() + seconds
    try:
        data = b""
        while len(data) != len(MAGIC) + 3 * _SALT or not data.startswith(MAGIC + mine):
            if time.monotonic() > end:
                raise broken("on its way", "nobody answers there")
            if not data:
                carrier.put(MAGIC + mine)
            with contextlib.suppress(TimeoutError):
                data = carrier.take(_AGAIN_S)
    except OSError as error:
        raise broken("on its way", error.strerror or "the link was cut") from None
    salt, theirs = data[len(MAGIC) + _SALT : -_SALT], data[-_SALT:]
    channel = SealedChannel(carrier, _scrypt(plain_code(code), salt), mine + theirs, client=True)
    channel.send(_READY)
    if channel.receive(seconds) != _READY:
        raise wrong()
    return channel


class Host:
    """The side that made the code; the key is derived once."""

    def __init__(self, code: str) -> None:
        self._salt = os.urandom(_SALT)
        self._key = _scrypt(plain_code(code), self._salt)

    def answer(self, carrier: Carrier, seconds: float) -> SealedChannel:
        """Wait for somebody with the code. Raises LamplighterError (A-424), TimeoutError."""
        end = time.monotonic() + seconds
        while True:
            hello = carrier.take(max(end - time.monotonic(), 0.01))
            if hello.startswith(MAGIC) and len(hello) == len(MAGIC) + _SALT:
                break
        theirs, mine = hello[len(MAGIC) :], os.urandom(_SALT)
        carrier.put(MAGIC + theirs + self._salt + mine)
        channel = SealedChannel(carrier, self._key, theirs + mine, client=False)
        if channel.receive(20.0) != _READY:
            raise wrong()
        channel.send(_READY)
        return channel


class SocketCarrier:
    """Messages over one TCP connection, each with its length."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        link.setblocking(True)

    def put(self, data: bytes) -> None:
        self._link.settimeout(60.0)
        self._link.sendall(_LENGTH.pack(len(data)) + data)

    def take(self, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, end))
        if length > MOST_OFFER:
            raise OSError("a message is too long")
        return self._exactly(length, end)

    def _exactly(self, length: int, end: float) -> bytes:
        parts: list[bytes] = []
        while length:
            ready, _, _ = select.select([self._link], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            data = self._link.recv(min(length, 1 << 18))
            if not data:
                raise OSError("the link was cut")
            parts.append(data)
            length -= len(data)
        return b"".join(parts)

    def close(self) -> None:
        self._link.close()
