"""The broker of the demo: mosquitto as our own child where there is one, else amqtt in here.

Never the system's service and never its port: a free port on the loopback, own configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final, Protocol

from lamplighter.domain.problems import fault

START_S: Final = 8.0
SYSTEM_PORT: Final = 1883
_PLACES: Final = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")


class Broker(Protocol):
    """A running broker."""

    url: str

    def stop(self) -> None: ...


def start_broker(mosquitto: str | None = None, *, prefer_amqtt: bool = False) -> Broker:
    """Starts a broker on a free loopback port.

    Raises LamplighterError (N-304) when none answers in time.
    """
    program = None if prefer_amqtt else (mosquitto or find_mosquitto())
    return Mosquitto(program) if program else Amqtt()


def find_mosquitto() -> str | None:
    """Debian keeps it outside a user's PATH."""
    return shutil.which("mosquitto") or next((p for p in _PLACES if Path(p).exists()), None)


def free_port() -> int:
    """A loopback port nobody listens on now; never the one of the system's broker."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port != SYSTEM_PORT:
            return port


def _wait(port: int, alive: Any) -> bool:
    end = time.monotonic() + START_S
    while time.monotonic() < end and alive():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return True
        time.sleep(0.02)
    return False


class Mosquitto:
    """A mosquitto child; it ends with us."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lamplighter-broker-")
        port = free_port()
        self.url = f"mqtt://127.0.0.1:{port}"
        config = Path(self._folder.name) / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "persistence false\n"
            "max_inflight_messages 2000\n"
            "max_queued_messages 200000\n"
            "set_tcp_nodelay true\n"
            "log_type error\n" + _same_user(),
            encoding="ascii",
        )
        with (Path(self._folder.name) / "mosquitto.log").open("ab") as log:
            self._child = subprocess.Popen(
                [program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_system_environment(),
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        if not _wait(port, lambda: self._child.poll() is None):
            self.stop()
            raise fault("N-304", name=self.url, what="mosquitto did not start")

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(3.0)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._folder.cleanup()


def _system_environment() -> dict[str, str]:
    """This process's environment with the library path a packaged program started with.

    Such a program sets the path to its own libraries; those of the system's mosquitto are others.
    """
    found = dict(os.environ)
    if getattr(sys, "frozen", False):
        found.pop("LD_LIBRARY_PATH", None)
        if before := os.environ.get("LD_LIBRARY_PATH_ORIG"):
            found["LD_LIBRARY_PATH"] = before
    return found


def _same_user() -> str:
    """As root mosquitto changes its user, and with that the kernel forgets to end it with us."""
    root = sys.platform == "linux" and os.geteuid() == 0
    return "user root\n" if root else ""


def _end_with_parent() -> None:
    """Linux: the child gets a signal when the thread that started it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Amqtt:
    """amqtt on a loop of its own in a thread of this process."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"mqtt://127.0.0.1:{port}"
        self._loop = asyncio.new_event_loop()
        self._broker: Any = None
        self._error = ""
        self._up = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(port,), name="broker", daemon=True
        )
        self._thread.start()
        # no trial connection here: amqtt keeps the transport of a client that says nothing
        self._up.wait(START_S)
        if self._error or not self._up.is_set():
            self.stop()
            raise fault("N-304", name=self.url, what=self._error or "amqtt did not start")

    def _serve(self, port: int) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            from amqtt.broker import Broker as AmqttBroker

            self._broker = AmqttBroker(
                {
                    "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
                    "plugins": {
                        "amqtt.plugins.authentication.AnonymousAuthPlugin": {
                            "allow_anonymous": True
                        }
                    },
                },
                loop=self._loop,
            )
            self._loop.run_until_complete(self._broker.start())
            self._up.set()
            self._loop.run_forever()
            self._end_tasks()
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
            self._up.set()
        finally:
            self._loop.close()

    def _end_tasks(self) -> None:
        """Lets everything amqtt left behind end, so that no socket outlives the loop."""
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0.05))

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._broker.shutdown(), self._loop).result(5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)
