"""Small photos made by hand: with a camera's hidden facts, damaged, or far too large."""

from __future__ import annotations

import struct
import zlib

GPS = b"GPS-SECRET-52.3702"
SERIAL = b"SERIAL-0815\0"


def exif(taken: bytes = b"2026:03:04 05:06:07\0", orientation: int = 6) -> bytes:
    """A TIFF block with orientation, time taken, a serial number and a place."""
    order = "<"
    text_at = 8 + 2 + 4 * 12 + 4
    taken_at = text_at + len(SERIAL) + len(GPS)
    inner_at = taken_at + len(taken)
    main = [
        (0x0112, 3, 1, orientation),
        (0x010F, 2, len(SERIAL), text_at),
        (0x8769, 4, 1, inner_at),
        (0x8825, 4, 1, text_at + len(SERIAL)),
    ]
    block = b"II" + struct.pack("<HI", 42, 8) + struct.pack("<H", len(main))
    for tag, kind, count, value in main:
        block += struct.pack(f"{order}HHII", tag, kind, count, value)
    block += struct.pack("<I", 0) + SERIAL + GPS + taken
    zone = b"+02:00\0"
    zone_at = inner_at + 2 + 2 * 12 + 4
    inner = [(0x9003, 2, len(taken), taken_at), (0x9011, 2, len(zone), zone_at)]
    block += struct.pack("<H", 2)
    for tag, kind, count, value in inner:
        block += struct.pack("<HHII", tag, kind, count, value)
    return block + struct.pack("<I", 0) + zone


def _segment(mark: int, body: bytes) -> bytes:
    return bytes((0xFF, mark)) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 8, height: int = 6, *, tail: bytes = b"") -> bytes:
    """A JPEG by its segments; the coded part is not a real picture."""
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0"),
            _segment(0xE1, b"Exif\0\0" + exif()),
            _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + GPS + b"</x>"),
            _segment(0xFE, b"comment " + GPS),
            _segment(0xDB, bytes(65)),
            _segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + bytes((1, 0x11, 0))),
            _segment(0xDA, bytes((1, 1, 0, 0, 63, 0))),
            b"\x12\x34\xff\x00\x56\xff\xd0\x78",
            b"\xff\xd9",
            tail,
        )
    )


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk with its check sum."""
    return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int = 2, height: int = 2) -> bytes:
    """A real grey PNG with texts that tell a place."""
    rows = b"".join(b"\0" + bytes(width) for _ in range(height if height < 100 else 1))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            chunk(b"tEXt", b"Comment\0" + GPS),
            chunk(b"eXIf", exif()),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


def webp(width: int = 3, height: int = 2) -> bytes:
    """A WebP by its chunks; the coded part is not a real picture."""

    def one(name: bytes, body: bytes) -> bytes:
        return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) & 1)

    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    inside = b"WEBP" + b"".join(
        (
            one(b"VP8X", bytes((0x0C, 0, 0, 0)) + canvas),
            one(b"VP8L", b"\x2f" + bytes(9)),
            one(b"EXIF", exif()),
            one(b"XMP ", GPS),
        )
    )
    return b"RIFF" + struct.pack("<I", len(inside)) + inside
