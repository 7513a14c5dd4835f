"""Pictures beside a city model, read without trusting the file that names them.

Only a PNG or JPEG inside the model's own folder is taken, up to a size a laptop can draw; nothing
is ever fetched. What is not taken is counted, and its faces keep their plain colours.
"""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lamplighter.spatial.archives import plain_name

MAX_BYTES: Final = 32_000_000
MAX_TOTAL: Final = 256_000_000
MAX_PIXELS: Final = 64_000_000
MAX_NAME: Final = 1_000
_USUAL: Final = ("appearances", "appearance", "textures")
"""folders in which pictures lie when a file names them without one"""


class Pictures:
    """The pictures one model names, each read once; `images` are their encoded bytes."""

    def __init__(self, folder: Path | None) -> None:
        self.images: list[bytes] = []
        self._folder = folder.resolve() if folder is not None else None
        self._numbers: dict[str, int] = {}
        self._missing = self._outside = self._unfit = 0

    def number(self, name: str) -> int:
        """Place of the picture in `images`; -1 when it cannot be taken."""
        known = self._numbers.get(name)
        if known is None:
            known = self._numbers[name] = self._load(name)
        return known

    def warnings(self) -> list[str]:
        """One line for each reason pictures were not taken."""
        told = (
            (self._missing, "are not beside the file"),
            (self._outside, "lie outside the folder of the file"),
            (self._unfit, "are no PNG or JPEG of a usable size"),
        )
        return [
            f"{count} textures {why}; their faces keep plain colours"
            for count, why in told
            if count
        ]

    def _load(self, name: str) -> int:
        place = self._place(name)
        if place is None:
            return -1
        try:
            size = place.stat().st_size
            if size > MAX_BYTES or size + sum(map(len, self.images)) > MAX_TOTAL:
                self._unfit += 1
                return -1
            data = place.read_bytes()
        except OSError:
            self._missing += 1
            return -1
        width, height = size_of(data)
        if not 0 < width * height <= MAX_PIXELS:
            self._unfit += 1
            return -1
        self.images.append(data)
        return len(self.images) - 1

    def _place(self, name: str) -> Path | None:
        """The file meant by `name`; archives write their members under plain names."""
        if self._folder is None:
            self._missing += 1
            return None
        relative = unquote(name).replace("\\", "/")
        if "\0" in relative or ":" in relative[:8] or relative.startswith("/"):
            self._outside += 1
            return None
        if len(relative) > MAX_NAME:
            self._missing += 1
            return None
        parts = [part for part in relative.split("/") if part not in ("", ".")]
        plain = [part if part == ".." else plain_name(part) for part in parts]
        for under in ((), *((usual,) for usual in _USUAL)):
            for spelling in (parts, plain):
                place = self._folder.joinpath(*under, *spelling).resolve()
                if not place.is_relative_to(self._folder):
                    self._outside += 1
                    return None
                if place.is_file():
                    return place
        self._missing += 1
        return None


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height a PNG or JPEG states in its head; (0, 0) for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(data)
    return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 < len(data):
        if data[place] != 0xFF:
            return 0, 0
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if length < 2:
            return 0, 0
        place += 2 + length
    return 0, 0


def named_files(path: Path, pattern: re.Pattern[bytes]) -> list[Path]:
    """The files inside the folder of `path` whose names its text has where `pattern` says."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        names = {
            match.group(1).strip().decode("utf-8", "replace") for match in pattern.finditer(text)
        }
    pictures = Pictures(path.parent)
    found = (pictures._place(name) for name in sorted(names))
    return [place for place in found if place is not None]
