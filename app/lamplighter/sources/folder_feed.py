"""A folder or file that is watched: appended lines and new files, each taken exactly once.

What is about to be sent is written down before it is sent, with the number it will carry. After a
crash the same bytes are sent again under the same numbers, so the store knows what it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.domain.problems import problem
from lamplighter.sources.async_feed import PolledFeed
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import messages_of
from lamplighter.sources.reading import Found, Unreadable
from lamplighter.sources.watched_files import Chunk, WatchedFiles

INTERVAL_S: Final = 1.0
AT_ONCE: Final = 50
"""pieces taken in one look"""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A piece that was sent and is not known to be on disk."""

    seq: int
    count: int
    received_ms: int
    chunk: Chunk

    def row(self) -> dict[str, Any]:
        c = self.chunk
        return {
            "seq": self.seq, "count": self.count, "received_ms": self.received_ms, "name": c.name,
            "number": c.number, "start": c.start, "end": c.end, "header": c.header,
            "version": c.version, "hash": _hash(c.body),
        }  # fmt: skip


class FolderFeed(PolledFeed):
    """`folder:/path[?pattern=*.csv&interval=1&from=end&source=NAME]`, read through a mapping.

    `{file}` in a mapping's names is the file's name without its ending.
    """

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when there is no mapping or no path."""
        parts = urlsplit(wish.url)
        options = wish.options
        path = Path(unquote(parts.path))
        if wish.reader is None:
            raise bad(wish, "files need a mapping file (--map)")
        if not path.is_absolute():
            raise bad(wish, "give the whole path: folder:/data/loggers")
        pattern = options.get("pattern", "*")
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise bad(wish, f"the pattern {pattern} leads out of the folder")
        super().__init__(
            wish.url,
            feed_id=wish.feed_id,
            source=wish.source(path.stem),
            deliver=wish.deliver,
            clock=wish.clock,
            what=str(path),
            interval_s=wish.interval(INTERVAL_S),
        )
        self.source.period_s = 0.0  # files grow when they like
        self._read = wish.reader
        self._files = WatchedFiles(path, pattern, whole=wish.format == "json", headed=wish.headed)
        self._skip = options.get("from") == "end"
        self._place = self._place_of(wish)
        self._pending: list[_Pending] = []
        self._lock = threading.Lock()
        self._resumed = False
        self._fresh = False
        self._troubled = False

    # ---------------------------------------------------------------- looking
    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._resumed:
            await loop.run_in_executor(None, self._resume)
            self._resumed = True
        while True:
            now = self.clock.monotonic_ms()
            chunks = await loop.run_in_executor(None, self._files.chunks, now, AT_ONCE)
            self._up()
            self._tell_trouble()
            for chunk in chunks:
                await self._room()
                await loop.run_in_executor(None, self._take, chunk)
            if len(chunks) < AT_ONCE and not any(c.end < _size(c) for c in chunks):
                break
        if not self._pending:
            await loop.run_in_executor(None, self._files.forget_gone)

    def _tell_trouble(self) -> None:
        """What could not be read is told, and taken back once it can."""
        trouble = self._files.trouble
        if trouble:
            self._warning = problem("N-304", name=self.what, what=trouble)
        elif self._troubled:
            self._warning = None
        self._troubled = bool(trouble)

    def _take(self, chunk: Chunk) -> None:
        """Read one piece, write down what it will be, send it."""
        received = self.clock.wall_ms()
        found = self._found(chunk, received)
        if isinstance(found, Unreadable):
            self.source.set_aside(chunk.body[:900_000], found.what, found.code)
            self._warning = problem("D-113", topic=chunk.name, what=found.what)
            self._files.took(chunk)
            self._remember()
            return
        if not self._troubled:
            self._warning = None
        count = messages_of(found.points)
        pending = _Pending(self.source.next_seq, count, received, chunk)
        before = self._files.mark(chunk.number)
        self._files.took(chunk)
        if count:
            with self._lock:
                self._pending.append(pending)
        try:
            self._remember(sure=bool(count))
        except OSError:  # a full disk: what is not written down is not sent, and read again later
            self._files.back(chunk.number, before)
            with self._lock:
                self._pending = [p for p in self._pending if p is not pending]
            raise
        self.source.put(found.points, units=found.units, original=chunk.body, note=pending)
        for odd in found.odd:
            self.source.set_aside(odd.body, f"{odd.name}: {odd.what}", odd.code)

    def _found(self, chunk: Chunk, received_ms: int) -> Found | Unreadable:
        if chunk.too_long:
            return Unreadable("D-113", "it is longer than a message may be")
        body = chunk.body
        if chunk.header:
            body = chunk.header.encode() + b"\n" + body
        return self._read(body, received_ms, {"file": Path(chunk.name).stem})

    # ---------------------------------------------------------------- remembering
    def _stored(self, note: Any) -> None:
        """A piece is on disk: it need not be sent again."""
        with self._lock:
            self._pending = [p for p in self._pending if p is not note]
            self._fresh = True
        if self._loop is None:  # we have ended: nobody writes it down later
            self._keep_place(now=True)

    def _keep_place(self, *, now: bool) -> None:
        """Not in haste: what is not written down is sent again and known by its number."""
        if self._fresh and self._resumed:
            self._fresh = False
            self._remember()

    def _remember(self, *, sure: bool = False) -> None:
        with self._lock:
            after = max((p.seq + p.count for p in self._pending), default=self.source.next_seq)
            state = {
                "epoch": self.source.epoch,
                "seq": max(after, self.source.next_seq),
                "files": self._files.state(),
                "pending": [p.row() for p in self._pending],
            }
            self._place.write(state, sure=sure)

    def _resume(self) -> None:
        """Go on where the last run ended; send again what it could not know to be stored."""
        state = self._place.read()
        epoch, seq = state.get("epoch"), state.get("seq")
        if not isinstance(epoch, int) or not isinstance(seq, int):
            self.source.resume(random.randrange(MAX_EPOCH), 0)
            if self._skip:
                self._files.skip_existing()
            self._remember()
            return
        self._files.restore(state.get("files"))
        rows = [r for r in state.get("pending") or () if isinstance(r, dict)]
        first = min((int(r["seq"]) for r in rows if "seq" in r), default=seq)
        self.source.resume(epoch, first)
        for row in sorted(rows, key=lambda r: int(r.get("seq", 0))):
            self._send_again(row)
        self.source.skip_to(seq)

    def _send_again(self, row: Mapping[str, Any]) -> None:
        """The same bytes under the same number; what is gone leaves a gap that is shown."""
        try:
            seq, count, received = int(row["seq"]), int(row["count"]), int(row["received_ms"])
            place = (str(row["name"]), int(row["number"]), int(row["start"]), int(row["end"]))
            header, version = str(row["header"]), str(row["version"])
            digest = str(row["hash"])
        except (KeyError, TypeError, ValueError):
            return
        body = self._files.again(*place)
        self.source.skip_to(seq)
        if body is None or _hash(body) != digest:  # gone, or another file under its number
            return
        chunk = Chunk(*place, header, body, version)
        found = self._found(chunk, received)
        if isinstance(found, Unreadable) or messages_of(found.points) != count:
            return
        pending = _Pending(seq, count, received, chunk)
        with self._lock:
            self._pending.append(pending)
        self.source.put(found.points, units=found.units, original=body, note=pending)


def _hash(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def _size(chunk: Chunk) -> int:
    """Where the file may go on: a full piece is seldom the last one."""
    return chunk.end + 1 if len(chunk.body) > 150_000 else chunk.end
