"""A Dask cluster of processes on this machine's loopback, for tests."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

PATIENCE_S: Final = 90.0
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is not installed here"
)


class DaskCluster:
    """A scheduler and so many workers, each a process of its own."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(p for p in sys.path if p)
        self._environment = {
            **os.environ,
            "PYTHONPATH": path,
            "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "60s",
        }
        known = folder / "scheduler.json"
        self.scheduler = self._start(
            "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--scheduler-file", str(known),
        )  # fmt: skip
        self.workers: list[subprocess.Popen[bytes]] = []
        try:
            self.address = _address(known, self.scheduler)
            self.setting = self.address.replace("tcp://", "dask://")
            for _ in range(workers):
                self.add_worker()
            self.wait_for(workers)
        except BaseException:
            self.close()
            raise

    def add_worker(self) -> None:
        number = len(self.workers)
        self.workers.append(
            self._start(
                "distributed.cli.dask_worker",
                self.address,
                "--host",
                "127.0.0.1",
                "--nthreads",
                "1",
                "--no-nanny",
                "--no-dashboard",
                "--local-directory",
                str(self.folder / f"w{number}"),
                "--name",
                f"w{number}",
            )
        )

    def _start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "log.txt").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words],
                env=self._environment, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip

    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")

    def wait_for(self, count: int) -> None:
        """Until so many workers have come."""
        end = time.monotonic() + PATIENCE_S
        while self.log().count("Registered to:") < count:
            if time.monotonic() > end:
                raise RuntimeError(f"the cluster did not come up: {self.log()[-800:]}")
            time.sleep(0.1)

    def close(self) -> None:
        for child in [*self.workers, self.scheduler]:
            child.kill()
            child.wait(20)


def _address(file: Path, scheduler: subprocess.Popen[bytes]) -> str:
    import json

    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and scheduler.poll() is None:
        try:
            return str(json.loads(file.read_text())["address"])
        except (OSError, ValueError, KeyError):
            time.sleep(0.1)
    raise RuntimeError("the scheduler did not come up")
