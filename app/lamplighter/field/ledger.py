"""What the devices sent and did, on disk before it is sent or done.

`observations.jsonl` holds every message (a resend is read from it, unchanged), `actuations.jsonl`
everything that was operated, `commands.jsonl` the ids already seen. A checker may read all three;
they are written by the device alone.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

OBSERVATIONS = "observations.jsonl"
ACTUATIONS = "actuations.jsonl"
COMMANDS = "commands.jsonl"


class Ledger:
    """Append-only files of one device program. Thread-safe.

    With `safe` every step is forced to disk before it takes effect; without, only what concerns
    commands is.
    """

    def __init__(self, folder: Path, *, safe: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._safe = safe
        self._lock = threading.Lock()
        self._path = folder / OBSERVATIONS
        self._out = self._path.open("ab", buffering=1 << 16)
        self._reader = os.open(self._path, os.O_RDONLY)
        self._at = self._out.tell()
        self._places: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def keep(self, source: str, epoch: int, body: bytes) -> int:
        """Writes a message; returns its place in the epoch. `flush` makes it certain."""
        head = b'{"source":"%s",' % source.encode()
        line = head + body[1:] + b"\n"
        with self._lock:
            places = self._places.setdefault((source, epoch), [])
            self._out.write(line)
            places.append((self._at + len(head), len(body) - 1))
            self._at += len(line)
            return len(places) - 1

    def flush(self) -> None:
        """Everything kept so far is on disk when this returns (if the ledger is `safe`)."""
        with self._lock:
            self._out.flush()
            if self._safe:
                os.fsync(self._out.fileno())

    def again(self, source: str, epoch: int, first: int, last: int) -> list[bytes]:
        """The messages first..last of an epoch, byte for byte; what was never sent is left out."""
        with self._lock:
            self._out.flush()
            places = list(self._places.get((source, epoch), ()))[max(first, 0) : last + 1]
        return [b"{" + os.pread(self._reader, size, at) for at, size in places]

    def note(self, file: str, entry: dict[str, Any]) -> None:
        """Appends one entry and forces it to disk."""
        with self._lock, (self.folder / file).open("ab") as out:
            out.write(json.dumps(entry, separators=(",", ":"), sort_keys=True).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())

    def entries(self, file: str) -> list[dict[str, Any]]:
        """What stands in one of the small files; a torn last line is left out."""
        path = self.folder / file
        if not path.exists():
            return []
        found = []
        for line in path.read_bytes().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def close(self) -> None:
        self.flush()
        with self._lock:
            self._out.close()
            os.close(self._reader)
