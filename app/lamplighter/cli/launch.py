"""Starts the recorder as a process of its own and ends it in order."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from lamplighter.client import Session, WireCarrier, find_endpoint
from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.runtime.resources import own_command

START_S: Final = 30.0
STOP_S: Final = 20.0


class RecorderProcess:
    """A recorder this program started; `stop` returns its final report."""

    def __init__(self, project: Path, *, log: Path | None = None, safe: bool = False) -> None:
        command = [*own_command(), "record", str(project), "--with-window", "--json"]
        command += ["--safe"] if safe else []
        self._log = (log or project / "cache" / "recorder.log").open("ab")
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            start_new_session=sys.platform != "win32",
        )
        self.project = project

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process is gone, for whatever reason."""
        return self._process.poll() is not None

    def wait_ready(self, deadline_s: float = START_S) -> None:
        """Returns when it accepts clients. Raises LamplighterError (U-805) when it does not."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            endpoint = find_endpoint(self.project)
            if endpoint is not None and endpoint.pid == self.pid:
                return
            if self._process.poll() is not None:
                raise fault("U-805", what=self._last_words())
            time.sleep(0.02)
        raise fault("U-805", what=f"it did not start within {deadline_s:.0f} s")

    def _last_words(self) -> str:
        self._log.flush()
        lines = Path(self._log.name).read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else f"it ended with code {self._process.returncode}"

    def ask_to_end(self) -> None:
        """It ends soon in its own order; `ended` tells when."""
        try:
            session = Session(WireCarrier(self.project))
            session.ask_now(wire.StopRecorder(), 5.0)
            session.close()
        except LamplighterError:
            if self._process.poll() is None:
                self._process.terminate()

    def stop(self, deadline_s: float = STOP_S) -> dict[str, Any]:
        """Ask it to end (source, queue, writer) and read its report; kills it after the deadline.

        Returns an empty dict when it left no report.
        """
        if self._process.poll() is None:
            self.ask_to_end()
        try:
            out, _ = self._process.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, _ = self._process.communicate()
        self._log.close()
        try:
            report: dict[str, Any] = json.loads(out.decode("utf-8", "replace") or "{}")
        except ValueError:
            return {}
        return report


def running(project: Path) -> bool:
    """Whether a recorder of this project answers."""
    try:
        Session(WireCarrier(project)).close()
    except LamplighterError:
        return False
    return True
