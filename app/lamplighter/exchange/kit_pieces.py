"""A file in pieces over a link that may be cut: what arrived is kept, the rest follows.

The sender offers the hashes of all pieces; the receiver looks at what lies there already and asks
for the rest. Neither holds more than a few pieces in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.exchange.kit_file import PART

PIECE: Final = 1 << 20
WINDOW: Final = 8
"""pieces that may be on their way unconfirmed"""
MOST_PIECES: Final = 1 << 17
PATIENCE_S: Final = 60.0
Steps = Callable[[int, int], None]
"""bytes done, bytes in all; may raise to end the transfer"""


class Channel(Protocol):
    """Whole messages in order, private and unchanged, or an error."""

    def send(self, data: bytes) -> None: ...

    def receive(self, seconds: float) -> bytes: ...


class Offer(Struct, frozen=True, tag="offer"):
    """A file that is ready to be sent."""

    name: str
    size: int
    hashes: tuple[str, ...]
    """BLAKE2b-128 of each piece"""

    @property
    def id(self) -> str:
        """Stands for this content."""
        return blake2b("".join(self.hashes).encode(), digest_size=16).hexdigest()


class Missing(Struct, frozen=True, tag="missing"):
    """Pieces first..last that the receiver still needs, as spans."""

    spans: tuple[tuple[int, int], ...]


class Got(Struct, frozen=True, tag="got"):
    piece: int


Word = Offer | Missing | Got
_decoder: Final = msgspec.json.Decoder(Word)


def hash_of(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def offer_of(file: Path) -> Offer:
    """The offer of a file, read piece by piece."""
    hashes: list[str] = []
    with file.open("rb") as source:
        while data := source.read(PIECE):
            hashes.append(hash_of(data))
    return Offer(file.name, file.stat().st_size, tuple(hashes))


def send_file(channel: Channel, file: Path, steps: Steps) -> int:
    """Offer a file and send what is missing there; returns the bytes that were sent.

    Raises LamplighterError (A-424) when the link is cut or the other side speaks otherwise.
    """
    offer = offer_of(file)
    channel.send(msgspec.json.encode(offer))
    wanted = _word(channel, file.name)
    if not isinstance(wanted, Missing):
        raise broken(file.name, "the other side answered out of turn")
    pieces = [n for first, last in wanted.spans for n in range(first, last + 1)]
    if pieces and not 0 <= min(pieces) <= max(pieces) < len(offer.hashes):
        raise broken(file.name, "the other side asks for pieces there are not")
    sent = waiting = 0
    held = offer.size - sum(_length(offer, n) for n in pieces)
    with file.open("rb") as source:
        for number in pieces:
            source.seek(number * PIECE)
            channel.send(number.to_bytes(4, "big") + source.read(PIECE))
            sent += _length(offer, number)
            waiting += 1
            while waiting >= WINDOW:
                _confirmed(channel, file.name)
                waiting -= 1
            steps(held + sent, offer.size)
    for _ in range(waiting):
        _confirmed(channel, file.name)
    return sent


def _confirmed(channel: Channel, name: str) -> None:
    if not isinstance(_word(channel, name), Got):
        raise broken(name, "the other side answered out of turn")


def _word(channel: Channel, name: str) -> Word:
    try:
        found: Word = _decoder.decode(channel.receive(PATIENCE_S))
    except msgspec.MsgspecError:
        raise broken(name, "the other side speaks another language") from None
    return found


def _length(offer: Offer, number: int) -> int:
    return min(PIECE, offer.size - number * PIECE)


def receive_file(channel: Channel, folder: Path, steps: Steps) -> Path:
    """Take a file that is offered; returns it when it is whole.

    What arrived lies in `folder` under the name of its content until then, and is gone on with
    next time. Raises LamplighterError (A-424).
    """
    offer = _word(channel, "of the other side")
    if not isinstance(offer, Offer) or not _possible(offer):
        raise broken("of the other side", "its offer cannot be")
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f"{offer.id}.kit"
    part = whole.with_name(whole.name + PART)
    missing = [] if whole.is_file() else missing_in(part, offer)
    channel.send(msgspec.json.encode(Missing(_spans(missing))))
    done = offer.size - sum(_length(offer, n) for n in missing)
    if not whole.is_file():
        _fill(channel, part, offer, missing, done, steps)
        part.replace(whole)
    return whole


def _fill(
    channel: Channel, part: Path, offer: Offer, missing: Sequence[int], done: int, steps: Steps
) -> None:
    handle = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as out:
        out.truncate(offer.size)
        for number in missing:
            data = channel.receive(PATIENCE_S)
            piece = data[4:]
            if int.from_bytes(data[:4], "big") != number or hash_of(piece) != offer.hashes[number]:
                raise broken(offer.name, f"piece {number + 1} is not what was offered")
            out.seek(number * PIECE)
            out.write(piece)
            out.flush()
            channel.send(msgspec.json.encode(Got(number)))
            done += len(piece)
            steps(done, offer.size)
        os.fsync(out.fileno())


def missing_in(part: Path, offer: Offer) -> list[int]:
    """Pieces of an offer that do not lie in an unfinished file."""
    try:
        with part.open("rb") as source:
            found = []
            for number, right in enumerate(offer.hashes):
                source.seek(number * PIECE)
                if hash_of(source.read(_length(offer, number))) != right:
                    found.append(number)
            return found
    except OSError:
        return list(range(len(offer.hashes)))


def _possible(offer: Offer) -> bool:
    pieces = -(-offer.size // PIECE)
    return offer.size > 0 and len(offer.hashes) == pieces <= MOST_PIECES


def _spans(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def broken(name: str, what: str) -> LamplighterError:
    """A transfer that ended early."""
    return fault("A-424", name=name, what=what)
