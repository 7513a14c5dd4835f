"""What parent and worker say to each other: length-prefixed msgpack frames, never pickle.

A frame is 4 bytes of length (big-endian) and a tagged struct, at most 1 MB. Payloads and results
are nested bytes, so the envelope can be checked before anything inside it is looked at.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.codec import MAX_FRAME_BYTES
from lamplighter.domain.problems import Problem

SCHEMA: Final = 1
_LENGTH: Final = 4


class FrameError(Exception):
    """The other end does not keep to the protocol; its process is not to be trusted further."""


class Begin(Struct, frozen=True, tag="begin"):
    """Parent to worker: run this."""

    id: int
    task: str
    payload: bytes
    reads: tuple[str, ...]
    """files and folders the task may read beside the program itself"""
    memory_mb: int
    """address space the task may add to what the imports took"""
    cpu_s: int
    schema: int = SCHEMA


class Ready(Struct, frozen=True, tag="ready"):
    """Worker to parent: imports are done."""

    kind: str
    schema: int = SCHEMA


class Progress(Struct, frozen=True, tag="progress"):
    id: int
    done: int
    total: int
    text: str


class Done(Struct, frozen=True, tag="done"):
    id: int
    result: bytes


class Failed(Struct, frozen=True, tag="failed"):
    """The task raised. `problem` where it named its own fault, else only `what`."""

    id: int
    what: str
    problem: Problem | None = None


FromWorker = Ready | Progress | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)
_begin: msgspec.msgpack.Decoder[Begin] = msgspec.msgpack.Decoder(Begin)


def pack(frame: Begin | FromWorker) -> bytes:
    """The frame with its length. Raises FrameError when it is larger than 1 MB."""
    body = _encoder.encode(frame)
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(f"a message of {len(body):,} bytes; at most {MAX_FRAME_BYTES:,} may cross")
    return len(body).to_bytes(_LENGTH, "big") + body


def read_body(stream: BinaryIO) -> bytes | None:
    """The next frame's bytes, None at the end. Raises FrameError on a wrong or cut-off frame."""
    head = stream.read(_LENGTH)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    if len(head) < _LENGTH or size > MAX_FRAME_BYTES:
        raise FrameError(f"a message of {size:,} bytes; at most {MAX_FRAME_BYTES:,} may cross")
    body = stream.read(size)
    if len(body) < size:
        raise FrameError("a message that ends too early")
    return body


def read_from_worker(stream: BinaryIO) -> FromWorker | None:
    """The worker's next frame, None at the end. Raises FrameError when it is none of ours."""
    body = read_body(stream)
    if body is None:
        return None
    try:
        return _from_worker.decode(body)
    except msgspec.DecodeError as error:
        raise FrameError(f"an unreadable message ({error})") from None


def read_begin(stream: BinaryIO) -> Begin | None:
    """The parent's next order, None when it has gone. Raises FrameError."""
    body = read_body(stream)
    if body is None:
        return None
    try:
        return _begin.decode(body)
    except msgspec.DecodeError as error:
        raise FrameError(f"an unreadable message ({error})") from None


def one_line(text: str, limit: int = 200) -> str:
    """Any text as one printable line of at most `limit` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
