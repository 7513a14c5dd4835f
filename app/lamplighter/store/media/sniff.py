"""What a file really is, and why it cannot be kept. Its name says nothing here."""

from __future__ import annotations

import re
from typing import Final

PIXELS: Final = {"jpeg": 120_000_000, "png": 64_000_000, "webp": 64_000_000}
"""a photo of more would fill the memory of whoever looks at it"""
_SCRIPT: Final = re.compile(
    rb"<\s*(?:[\w.-]+:)?(script|foreignobject|iframe|embed|object|handler|animate|set)\b"
    rb"|[\s'\"/]on[a-z]{3,20}\s*="
    rb"|(?:href|src)\s*=\s*['\"]?\s*(?!#|data:image/(?:png|jpeg))[^\s'\">#]"
    rb"|javascript:|<!DOCTYPE|<!ENTITY|<\?xml-stylesheet|@import|url\(\s*['\"]?(?!#)[^)]",
    re.IGNORECASE,
)
_DXF: Final = re.compile(rb"\A(?:\s*999\r?\n[^\r\n]*\r?\n)*\s*0\r?\n\s*SECTION\r?\n")


class Unfit(Exception):
    """Why a file is not kept, as words of one line."""


def kind_of(data: bytes) -> str:
    """A key of `ENDINGS`. Raises Unfit for what is none of them."""
    head = data[:1024]
    if not data:
        raise Unfit("it is empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if b"%PDF-" in head:
        return _pdf(data)
    if _is_svg(head):
        return _svg(data)
    if _DXF.match(head) and b"\x00" not in head:
        return "dxf"
    raise Unfit(f"it is {_named(head)}; photos (JPEG, PNG, WebP), PDF, SVG and DXF are taken")


def _pdf(data: bytes) -> str:
    if b"%%EOF" not in data[-2048:]:
        raise Unfit("the PDF ends too early")
    for word in (b"/Launch", b"/EmbeddedFile", b"/JavaScript", b"/RichMedia"):
        if word in data:
            raise Unfit(f"the PDF holds {word.decode()[1:]}, which can run when it is opened")
    return "pdf"


def _is_svg(head: bytes) -> bool:
    return b"<svg" in head.lower() or (
        head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<?xml") and b"svg" in head.lower()
    )


def _svg(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data:
        raise Unfit("the SVG is not in UTF-8")
    found = _SCRIPT.search(data)
    if found:
        words = " ".join(found.group(0).decode("utf-8", "replace").split())[:40]
        raise Unfit(f"the SVG holds script or points outside itself ({words})")
    if re.search(rb"&#x?0*(?:6a|4a|106|74);", data, re.IGNORECASE):
        raise Unfit("the SVG hides letters of a script")
    if b"</svg" not in data[-4096:].lower():
        raise Unfit("the SVG ends too early")
    return "svg"


def _named(head: bytes) -> str:
    for start, words in (
        (b"MZ", "a Windows program"),
        (b"\x7fELF", "a program"),
        (b"#!", "a script"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"GIF8", "a GIF"),
        (b"\x1f\x8b", "a compressed file"),
        (b"II*\x00", "a TIFF"),
        (b"MM\x00*", "a TIFF"),
        (b"<!DOCTYPE html", "a web page"),
        (b"<html", "a web page"),
    ):
        if head.lower().startswith(start.lower()):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIC photo or a film; export it as JPEG"
    return "of no known kind"


def check_size(kind: str, width: int, height: int) -> None:
    """Raises Unfit for a photo with too many pixels, or with none."""
    if width <= 0 or height <= 0:
        raise Unfit("the photo has no size")
    if width * height > PIXELS[kind]:
        raise Unfit(
            f"it would unfold to {width:,} x {height:,} pixels, "
            f"{PIXELS[kind] // 1_000_000} million are taken"
        )
