"""What a feed must know at its next start: how far it has read. One small file per feed."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lamplighter.domain.clock import Clock

FOLDER: Final = "feeds"
WRITE_EVERY_MS: Final = 2_000


class Place:
    """`<project>/feeds/<feed>.json`. Without a project folder nothing is kept.

    `of` says what was read: another address or source under the same feed id begins anew.
    """

    def __init__(self, project: Path | None, feed: str, of: str) -> None:
        self._of = of
        self._file = None if project is None else project / FOLDER / f"{feed}.json"
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any]:
        """What was written last; empty when there is nothing that can be read."""
        if self._file is None:
            return {}
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict) or found.get("of") != self._of:
            return {}
        state = found.get("state")
        return state if isinstance(state, dict) else {}

    def write(self, what: Mapping[str, Any], *, sure: bool = False) -> None:
        """Replace it as a whole. `sure`: it is on the disk when this returns. Raises OSError."""
        if self._file is None:
            return
        whole = {"of": self._of, "state": what}
        text = json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace")
        with self._lock:
            self._file.parent.mkdir(exist_ok=True)
            fresh = self._file.with_suffix(".new")
            with fresh.open("wb") as out:
                out.write(text)
                if sure:
                    out.flush()
                    os.fsync(out.fileno())
            fresh.replace(self._file)
            if sure:
                _sync(self._file.parent)


def _sync(folder: Path) -> None:
    """The name itself on the disk, where folders can be forced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Progress:
    """The newest own time of each datastream that is on disk, kept for the next start.

    What the store itself says is the truth; the file speaks for times the store holds otherwise.
    """

    def __init__(self, place: Place, clock: Clock, stored: Mapping[str, int] | None = None) -> None:
        self._place = place
        self._clock = clock
        self._stored = {k: v for k, v in place.read().items() if isinstance(v, int)}
        self._stored.update(stored or {})
        self._lock = threading.Lock()
        self._fresh = False
        self._written_ms = clock.monotonic_ms()

    def times(self) -> dict[str, int]:
        """Newest own time by datastream, UTC ms; a copy."""
        with self._lock:
            return dict(self._stored)

    def take(self, times: Mapping[str, int], *, last: bool = False) -> None:
        """These are on disk. `last`: the feed has ended, nothing later will write them."""
        with self._lock:
            self._stored.update(times)
            self._fresh = True
        self.keep(now=last)

    def keep(self, *, now: bool = False) -> None:
        """Write what is fresh, not more often than every two seconds."""
        with self._lock:
            moment = self._clock.monotonic_ms()
            if not self._fresh or (not now and moment - self._written_ms < WRITE_EVERY_MS):
                return
            self._fresh, self._written_ms = False, moment
            self._place.write(self._stored)
