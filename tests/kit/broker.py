"""A mosquitto of our own: a child process on a free port with its own configuration."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

_PLACES: Final = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")


def mosquitto_program() -> str:
    """Path of mosquitto; skips the calling test when there is none."""
    found = shutil.which("mosquitto") or next((p for p in _PLACES if Path(p).exists()), None)
    if found is None:
        pytest.skip("mosquitto is not installed")
    return found


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """Use it as a context manager. It is stopped by its own process id, never by name."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        persistent: bool = False,
        lines: Sequence[str] = (),
    ) -> None:
        self._program = mosquitto_program()
        self.folder = folder
        self.port = port or free_port()
        self._persistent = persistent
        self._lines = tuple(lines)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """0 while it is not running."""
        return self._child.pid if self._child is not None else 0

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it answers; raises RuntimeError with its log when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(self._config()) + "\n", encoding="utf-8")
        log = (self.folder / "mosquitto.log").open("ab")
        self._child = subprocess.Popen(
            [self._program, "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        log.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        text = (self.folder / "mosquitto.log").read_text(errors="replace")[-800:]
        raise RuntimeError(f"mosquitto did not start: {text}")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It holds its connections and says nothing: a half-open link."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.send_signal(signal.SIGCONT)
        child.send_signal(how)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)

    def _config(self) -> list[str]:
        lines = []
        if not any(line.startswith("listener") for line in self._lines):
            lines += [f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        lines += [
            "max_inflight_messages 2000",
            "max_queued_messages 0",
            "max_queued_bytes 0",
            "message_size_limit 268435455",
            "set_tcp_nodelay true",
        ]
        if os.geteuid() == 0:  # else it gives up its rights and cannot read our files
            lines.append("user root")
        if self._persistent:
            lines += [
                "persistence true",
                f"persistence_location {self.folder}/",
                "autosave_interval 1",
            ]
        else:
            lines.append("persistence false")
        return [*lines, *self._lines]
