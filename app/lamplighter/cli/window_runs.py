"""Which windows of a project ended without a word: two crashes within a minute mean safe mode.

A window that runs has a mark in the project's cache, touched every few seconds; one that ends in
order takes it away. A mark whose process is gone is a crash, at the time it was last touched.
"""

from __future__ import annotations

import os
import platform
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import msgspec

from lamplighter import __version__

CRASHES: Final = 2
WITHIN_S: Final = 60.0
TOUCH_S: Final = 2.0
KEPT_REPORTS: Final = 10


class Mark(msgspec.Struct):
    """One running window."""

    pid: int
    pid_since: float
    began: float
    """seconds of the epoch"""
    safe: bool = False


class WindowRuns:
    """The marks of one project. A cache that cannot be written means: no marks, no safe mode."""

    def __init__(self, project: Path) -> None:
        self._folder = project / "cache" / "windows"
        self._crashes = self._folder / "crashes.json"
        self._mark: Path | None = None
        self._stack: TextIO | None = None
        self._ended = threading.Event()

    def crash_loop(self) -> bool:
        """Whether the last windows crashed within a minute of each other."""
        try:
            times = self._collect()
        except OSError:
            return False
        last = times[-CRASHES:]
        return len(last) == CRASHES and last[-1] - last[0] <= WITHIN_S

    def begin(self, safe: bool) -> None:
        """This window runs from now on; a hard crash leaves a report of where it was."""
        pid = os.getpid()
        now = datetime.now(UTC).timestamp()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._mark = self._folder / f"{pid}.running"
            self._mark.write_bytes(msgspec.json.encode(Mark(pid, _since(pid), now, safe)))
        except OSError:
            self._mark = None
            return
        self._catch_hard_crashes()
        threading.Thread(target=self._touch, name="window-mark", daemon=True).start()

    def end(self) -> None:
        """It ended in order: nothing of before counts any more."""
        self._ended.set()
        if self._mark is None:
            return
        import faulthandler

        faulthandler.disable()
        if self._stack is not None:
            self._stack.close()
        for file in (self._mark, self._mark.with_suffix(".stack"), self._crashes):
            try:
                file.unlink(missing_ok=True)
            except OSError:
                continue

    def _touch(self) -> None:
        while self._mark is not None and not self._ended.wait(TOUCH_S):
            try:
                os.utime(self._mark)
            except OSError:
                return

    def _catch_hard_crashes(self) -> None:
        """The stacks of all threads, functions and lines alone: no values, so no secrets."""
        import faulthandler

        assert self._mark is not None
        self._stack = self._mark.with_suffix(".stack").open("w", encoding="utf-8")
        faulthandler.enable(self._stack)

    # ---------------------------------------------------------------- what was left
    def _collect(self) -> list[float]:
        """Times of all crashes since the last window that ended in order; makes their reports."""
        times = self._known()
        found = False
        for file in sorted(self._folder.glob("*.running")):
            try:
                mark = msgspec.json.decode(file.read_bytes(), type=Mark)
                at = file.stat().st_mtime
            except (OSError, msgspec.DecodeError):
                mark, at = Mark(0, 0.0, 0.0), 0.0
            if mark.pid and abs(_since(mark.pid) - mark.pid_since) < 1.0:
                continue  # it runs
            if mark.pid:
                times.append(at)
                self._report(mark, at, file.with_suffix(".stack"))
            for part in (file, file.with_suffix(".stack")):
                part.unlink(missing_ok=True)
            found = True
        times.sort()
        if found:
            self._crashes.write_bytes(msgspec.json.encode(times[-KEPT_REPORTS:]))
        return times

    def _known(self) -> list[float]:
        try:
            return msgspec.json.decode(self._crashes.read_bytes(), type=list[float])
        except (OSError, msgspec.DecodeError):
            return []

    def _report(self, mark: Mark, at: float, stack: Path) -> None:
        """What is known of a crash, for whoever mends it."""
        try:
            where = stack.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            where = ""
        when = datetime.fromtimestamp(at, UTC)
        lines = [
            f"Lamplighter {__version__}, Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}",
            f"the window began {datetime.fromtimestamp(mark.began, UTC):%Y-%m-%d %H:%M:%S} UTC "
            f"and was last alive {when:%Y-%m-%d %H:%M:%S} UTC",
            "in safe mode" if mark.safe else "with plugins and 3D",
            where or "it was killed from outside, or left no trace",
        ]
        name = f"crash-{when:%Y%m%d-%H%M%S}-{mark.pid}.txt"
        (self._folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        reports = sorted(self._folder.glob("crash-*.txt"))
        for old in reports[:-KEPT_REPORTS]:
            old.unlink(missing_ok=True)


def _since(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0
