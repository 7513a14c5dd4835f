"""Pictures of a camera, fetched now and then: the newest are kept, and how old the newest one is.

The age counts from the moment the picture changed: a camera that shows the same picture again and
again is as blind as one that does not answer.
"""

from __future__ import annotations

import email.utils
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lamplighter.domain.clock import iso
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import Point, plain
from lamplighter.sources.reading import Unreadable
from lamplighter.sources.web_feed import WebFeed

INTERVAL_S: Final = 30.0
PICTURE: Final = "picture/"
"""how the names of a camera's datastreams begin"""
KEPT: Final = 20
MOST_KEPT: Final = 1_000
MOST_BYTES: Final = 8_000_000
FOLDER: Final = ("media", "stills")
_KINDS: Final = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG\r\n\x1a\n", ".png"), (b"RIFF", ".webp"))


class StillFeed(WebFeed):
    """`still+http(s)://camera/picture.jpg[#interval=30&keep=20&source=NAME]`.

    Pictures lie in `media/stills/<source>/`, named by their time; the newest name is the newest.
    """

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when the address or `keep` cannot be."""
        super().__init__(wish, interval_s=INTERVAL_S)
        keep = wish.options.get("keep", str(KEPT))
        if not keep.isdigit() or not 1 <= int(keep) <= MOST_KEPT:
            raise bad(wish, f"'keep' is 1 to {MOST_KEPT} pictures")
        self._keep = int(keep)
        self._folder = None if wish.folder is None else wish.folder.joinpath(*FOLDER)
        self._hash = b""
        self._taken_ms = 0
        self._bytes = 0

    async def _ask(self) -> None:
        answer = await self._get(self._wish.address, most_bytes=MOST_BYTES)
        now = self.clock.wall_ms()
        if not answer.unchanged:
            ending = ending_of(answer.body)
            if not ending:
                self._found(Unreadable("D-113", "it is no picture"), answer.body[:4_000])
                return
            self._warning = None
            digest = hashlib.blake2b(answer.body, digest_size=16).digest()
            if digest != self._hash:
                self._hash, self._bytes = digest, len(answer.body)
                self._taken_ms = _modified(answer.headers.get("last-modified", ""), now)
                self._write(answer.body, ending)
        if self._taken_ms:
            age = max(0.0, (now - self._taken_ms) / 1000)
            points = [
                Point("picture/age", now, round(age, 1)),
                Point("picture/size", now, round(self._bytes / 1000, 1)),
            ]
            self.source.put(points, units={"picture/age": "s", "picture/size": "kB"})

    def _write(self, body: bytes, ending: str) -> None:
        """Keep the picture and let the oldest go. Raises OSError, which is told."""
        if self._folder is None:
            return
        folder = self._folder / self.source.name
        folder.mkdir(parents=True, exist_ok=True)
        name = iso(self._taken_ms).replace(":", "").replace(".", "-")
        fresh = folder / f"{name}.new"
        fresh.write_bytes(body)
        fresh.replace(folder / f"{name}{ending}")
        for old in pictures(folder)[: -self._keep]:
            old.unlink(missing_ok=True)


def pictures(folder: Path) -> list[Path]:
    """The kept pictures of a camera, the oldest first."""
    endings = {ending for _, ending in _KINDS}
    return sorted(p for p in folder.glob("*") if p.suffix in endings)


def pictures_of_source(project: Path, source: str) -> list[tuple[Path, int]]:
    """(file, its time in UTC ms) of a camera's kept pictures, the oldest first."""
    timed = ((p, _time_of(p.stem)) for p in pictures(project.joinpath(*FOLDER, plain(source))))
    return [(file, time) for file, time in timed if time is not None]


def _time_of(stem: str) -> int | None:
    try:
        moment = datetime.strptime(stem, "%Y-%m-%dT%H%M%S-%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(moment.timestamp() * 1000)


def ending_of(body: bytes) -> str:
    """The ending for a picture by its first bytes; empty when it is none."""
    for mark, ending in _KINDS:
        if body.startswith(mark) and (ending != ".webp" or body[8:12] == b"WEBP"):
            return ending
    return ""


def _modified(text: str, now_ms: int) -> int:
    """When the server says it changed, if that can be; else now."""
    try:
        moment = int(email.utils.parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return now_ms
    return moment if now_ms - 86_400_000 * 365 < moment <= now_ms else now_ms
