"""What a feed must know at its next start: how far it has read. One small file per feed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "feeds"


class Place:
    """`<project>/feeds/<feed>.json`. Without a project folder nothing is kept."""

    def __init__(self, project: Path | None, feed: str) -> None:
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
        return found if isinstance(found, dict) else {}

    def write(self, what: Mapping[str, Any], *, sure: bool = False) -> None:
        """Replace it as a whole. `sure`: it is on the disk when this returns. Raises OSError."""
        if self._file is None:
            return
        text = json.dumps(what, ensure_ascii=False).encode("utf-8", "replace")
        with self._lock:
            self._file.parent.mkdir(exist_ok=True)
            fresh = self._file.with_suffix(".new")
            with fresh.open("wb") as out:
                out.write(text)
                if sure:
                    out.flush()
                    os.fsync(out.fileno())
            fresh.replace(self._file)
