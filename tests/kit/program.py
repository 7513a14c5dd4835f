"""Starts the real program, as a user would, and reads its JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "lamplighter"]


def environment() -> dict[str, str]:
    """This process's environment, with the checkout's package first."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "app")}


def verb(*arguments: object, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run one verb to its end."""
    return subprocess.run(
        [*COMMAND, *(str(a) for a in arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        check=False,
    )


def json_of(*arguments: object, timeout: float = 120.0, codes: tuple[int, ...] = (0,)) -> Any:
    """Run one verb with --json; fails the test unless it left one document and a wanted code."""
    done = verb(*arguments, "--json", timeout=timeout)
    assert done.returncode in codes, f"{arguments}: {done.returncode}\n{done.stderr}\n{done.stdout}"
    return json.loads(done.stdout)


class Recording:
    """A recorder as a process of its own; ended at the end whatever happens."""

    def __init__(self, project: Path, *options: str, prefix: Sequence[str] = ()) -> None:
        """`prefix` stands before the command: `ip netns exec NAME`, for example."""
        self.project = project
        self._begun = time.monotonic()
        self._log = (project.parent / f"{project.name}.recorder.log").open("ab")
        self.process = subprocess.Popen(
            [*prefix, *COMMAND, "record", str(project), "--json", *options],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment(),
        )

    def ready(self, deadline_s: float = 30.0) -> float:
        """Waits until clients are accepted; returns the seconds from its start."""
        end = time.monotonic() + deadline_s
        file = self.project / "recorder.json"
        while time.monotonic() < end:
            try:
                if json.loads(file.read_text())["pid"] == self.process.pid:
                    return time.monotonic() - self._begun
            except (OSError, ValueError):
                pass
            assert self.process.poll() is None, "the recorder ended"
            time.sleep(0.005)
        raise AssertionError("the recorder was not ready in time")

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self._reap()

    def end(self, deadline_s: float = 30.0) -> dict[str, Any]:
        """Ask it to stop; its final report."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=deadline_s)
        self._log.close()
        report: dict[str, Any] = json.loads(out)
        return report

    def _reap(self) -> None:
        self.process.communicate()
        self._log.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
