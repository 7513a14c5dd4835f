"""An OPC UA server with a history, and a recorder that is killed: every value once.

The server counts up, many values a second, and keeps its history. The recorder is killed again and
again; each new one asks the history for what came since the newest value that is stored. What the
server said is known, what is stored is exported; both must be the same. The control run has a
server without a history: it must lose what came while no recorder ran.
"""

from __future__ import annotations

import csv
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.kit.opcua_server import OpcUaServer
from tests.kit.program import Recording, verb

from lamplighter.runtime.feeds import add_feed
from lamplighter.runtime.project import create

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"opcua_kills": 6}
LONG: Final = {"opcua_kills": 60}
RATE: Final = 50.0
PATIENCE_S: Final = 90.0


class Counter:
    """Sets a node to 1, 2, 3 ...; use it as a context manager."""

    def __init__(self, server: OpcUaServer) -> None:
        self.count = 0
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Counter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(1 / RATE):
            self._server.set("Count", float(self.count + 1))
            self.count += 1


def stored(project: Path) -> list[int]:
    """All values that are stored, from the program's own export."""
    out = project.parent / f"{project.name}.csv"
    if verb("export", project, "--observations", out).returncode:
        return []
    with out.open(newline="") as rows:
        return [int(float(row["value"])) for row in csv.DictReader(rows)]


def killed(kills: int, folder: Path, *, history: bool = True) -> tuple[int, list[int]]:
    """(values the server had, values stored) of one run."""
    project = folder / "p"
    folder.mkdir(parents=True)
    create(project)
    choose = random.Random(kills)
    with OpcUaServer(history=history) as server:
        server.add("Count", 0.0)
        more = "#security=none&source=count&browse=ns=2;s=Pump1"
        add_feed(project, server.url + more)
        with Counter(server) as counter:
            for _ in range(kills):
                with Recording(project) as recording:
                    recording.ready()
                    time.sleep(choose.uniform(1.0, 3.0))
                    recording.kill()
        with Recording(project) as recording:
            recording.ready()
            end = time.monotonic() + PATIENCE_S
            while counter.count not in stored(project) and time.monotonic() < end:
                time.sleep(0.5)
            recording.end()
    return counter.count, stored(project)


def opcua(size: dict[str, int], folder: Path) -> Row:
    """The promise, and a control that must break it."""
    count, values = killed(size["opcua_kills"], folder / "real")
    seen = set(values)
    begun = min(seen, default=0)
    lost = count - begun + 1 - len(seen)
    twice = len(values) - len(seen)
    had, control = killed(2, folder / "control", history=False)
    missing = had + 1 - len(set(control))
    return {
        "promise": "Values of an OPC UA server with a history arrive once while we are killed",
        "trials": f"{size['opcua_kills']} kills at random moments, {RATE:.0f} values/s",
        "result": f"{lost} of {count - begun + 1:,} values lost, {twice} stored twice; control "
        f"with a server that has none: {missing:,} missing",
        "not_shown": "a server without a history, or with one shorter than our absence",
        "bound": "",
        "passed": lost == 0 and twice == 0 and missing > 0,
        "figures": {"values": count, "lost": lost, "twice": twice, "control_missing": missing},
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"opcua": opcua}
