"""Photos without what cameras hide in them: place, owner, serial numbers, earlier versions.

The picture itself is copied byte for byte; only the segments around it are chosen. What is kept:
colour profile, the way up, and everything a decoder needs. When the photo was taken is told apart.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lamplighter.store.media.sniff import Unfit, check_size

_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT",
     b"pHYs", b"bKGD", b"cICP"}
)  # fmt: skip
_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
_TAKEN, _TAKEN_OFFSET = 0x9003, 0x9011
_MOST_TAGS: Final = 500


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it is kept."""

    data: bytes
    width: int
    height: int
    taken_ms: int = 0
    """0 = it does not say; a time without a zone counts as this machine's"""


def clean(kind: str, data: bytes) -> Photo:
    """The photo without hidden facts. Raises Unfit when it is damaged or too large."""
    try:
        return {"jpeg": _jpeg, "png": _png, "webp": _webp}[kind](data)
    except (IndexError, struct.error):
        raise Unfit("the photo ends too early") from None


# ---------------------------------------------------------------------- JPEG
def _jpeg(data: bytes) -> Photo:
    out = [b"\xff\xd8"]
    size, exif, scans = (0, 0), Exif(), 0
    at = 2
    while True:
        if data[at] != 0xFF:
            raise Unfit("the photo is damaged")
        while data[at] == 0xFF:
            at += 1
        mark = data[at]
        at += 1
        if mark == 0xD9:
            break
        if mark in (0x01, *range(0xD0, 0xD8)):
            continue
        (length,) = struct.unpack_from(">H", data, at)
        body = data[at + 2 : at + length]
        if length < 2 or len(body) != length - 2:
            raise Unfit("the photo ends too early")
        if mark == 0xE1 and body.startswith(b"Exif\0\0"):
            exif = read_exif(body[6:])
        elif mark in _SOF:
            height, width = struct.unpack_from(">HH", body, 1)
            check_size("jpeg", width, height)
            size = (width, height)
        if _jpeg_kept(mark, body):
            out.append(bytes((0xFF, mark)) + data[at : at + length])
        at += length
        if mark == 0xDA:
            scans += 1
            end = _scan_end(data, at)
            out.append(data[at:end])
            at = end
    if not scans or size == (0, 0):
        raise Unfit("the photo holds no picture")
    if exif.orientation not in (0, 1):
        out.insert(1, _orientation_segment(exif.orientation))
    out.append(b"\xff\xd9")
    return Photo(b"".join(out), *size, exif.taken_ms)


def _jpeg_kept(mark: int, body: bytes) -> bool:
    if mark == 0xFE:  # a comment
        return False
    if not 0xE0 <= mark <= 0xEF:
        return True
    return (
        (mark == 0xE0 and body.startswith(b"JFIF\0"))
        or (mark == 0xE2 and body.startswith(b"ICC_PROFILE\0"))
        or (mark == 0xEE and body.startswith(b"Adobe"))
    )


def _scan_end(data: bytes, at: int) -> int:
    """Where the next marker stands after coded picture data."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Unfit("the photo ends too early")
        follow = data[at + 1]
        if follow == 0 or 0xD0 <= follow <= 0xD7:
            at += 2
        elif follow == 0xFF:
            at += 1
        else:
            return at


def _orientation_segment(value: int) -> bytes:
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, value, 0, 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


# ---------------------------------------------------------------------- EXIF
@dataclass(frozen=True, slots=True)
class Exif:
    """The two facts that are read from a camera's notes."""

    orientation: int = 0
    taken_ms: int = 0


def read_exif(tiff: bytes) -> Exif:
    """What a TIFF block says; a damaged one says nothing."""
    try:
        order = {b"II": "<", b"MM": ">"}[tiff[:2]]
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        main = dict(_tags(tiff, first, order))
        inner: dict[int, bytes | int] = {}
        where = main.get(_EXIF_IFD)
        if isinstance(where, int):
            inner = dict(_tags(tiff, where, order))
    except (KeyError, IndexError, struct.error):
        return Exif()
    turned = main.get(_ORIENTATION, 0)
    orientation = turned if isinstance(turned, int) and 1 <= turned <= 8 else 0
    return Exif(orientation, _time_of(inner.get(_TAKEN), inner.get(_TAKEN_OFFSET)))


def _tags(tiff: bytes, at: int, order: str) -> Iterator[tuple[int, bytes | int]]:
    """Whole numbers and texts of one directory."""
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for place in range(min(count, _MOST_TAGS)):
        tag, kind, number, where = struct.unpack_from(f"{order}HHII", tiff, at + 2 + 12 * place)
        if kind == 3 and number == 1:
            yield tag, struct.unpack_from(f"{order}H", tiff, at + 2 + 12 * place + 8)[0]
        elif kind == 4 and number == 1:
            yield tag, where
        elif kind == 2 and 4 < number <= 64 and where + number <= len(tiff):
            yield tag, tiff[where : where + number]


def _time_of(text: bytes | int | None, offset: bytes | int | None) -> int:
    if not isinstance(text, bytes):
        return 0
    words = text.split(b"\0")[0].decode("ascii", "replace")
    zone = offset.split(b"\0")[0].decode("ascii", "replace") if isinstance(offset, bytes) else ""
    try:
        if zone:
            moment = datetime.strptime(words + zone, "%Y:%m:%d %H:%M:%S%z")
        else:
            moment = datetime.strptime(words, "%Y:%m:%d %H:%M:%S").astimezone()
        found = int(moment.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return 0
    return found if datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1000 < found else 0


# ---------------------------------------------------------------------- PNG
def _png(data: bytes) -> Photo:
    out = [data[:8]]
    at, size, exif, pictures = 8, (0, 0), Exif(), 0
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        if len(body) != length or zlib.crc32(name + body) != crc:
            raise Unfit("the photo is damaged")
        if name == b"IHDR":
            size = struct.unpack_from(">II", body, 0)
            check_size("png", *size)
        elif name == b"eXIf":
            exif = read_exif(body)
        pictures += name == b"IDAT"
        if name in _PNG_KEPT:
            out.append(data[at : at + 12 + length])
        at += 12 + length
        if name == b"IEND":
            break
    if not pictures or size == (0, 0):
        raise Unfit("the photo holds no picture")
    return Photo(b"".join(out), *size, exif.taken_ms)


# ---------------------------------------------------------------------- WebP
def _webp(data: bytes) -> Photo:
    (whole,) = struct.unpack_from("<I", data, 4)
    if whole + 8 > len(data):
        raise Unfit("the photo ends too early")
    out: list[bytes] = []
    at, end, size, exif = 12, whole + 8, (0, 0), Exif()
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) != length:
            raise Unfit("the photo ends too early")
        if name == b"EXIF":
            exif = read_exif(body.removeprefix(b"Exif\0\0"))
        if size == (0, 0):
            size = _webp_size(name, body)
        if name == b"VP8X":
            body = bytes((body[0] & ~0x0C,)) + body[1:]  # no notes of cameras or programs
        if name in _WEBP_KEPT:
            out.append(struct.pack("<4sI", name, length) + body + b"\0" * (length & 1))
        at += 8 + length + (length & 1)
    check_size("webp", *size)
    inside = b"WEBP" + b"".join(out)
    return Photo(b"RIFF" + struct.pack("<I", len(inside)) + inside, *size, exif.taken_ms)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        wide = int.from_bytes(body[4:7], "little") + 1
        return wide, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if name == b"VP8 ":
        wide, high = struct.unpack_from("<HH", body, 6)
        return wide & 0x3FFF, high & 0x3FFF
    return 0, 0
