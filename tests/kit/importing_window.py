"""The window on a live project while a real city is imported: its report, and the import's."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.e2e.feeding import native, publish
from tests.kit.broker import Broker
from tests.kit.patience import until
from tests.kit.program import COMMAND, environment, json_of

SECONDS = 40


def measure(folder: Path, before: Path, city: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The window's report and the import's result; `before` stands in the city already.

    The window measures itself at rest first, with a city that is drawn; then one value a second
    comes in, and `city` is imported beside it.
    """
    project, report = folder / "p", folder / "report.json"
    json_of("new", project)
    json_of("import", project, before)
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        words = ("run", project, "--seconds", SECONDS, "--report", report, "--theme", "dark")
        window = subprocess.Popen(
            [*COMMAND, *map(str, words)],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stop = threading.Event()
        feeding = threading.Thread(target=_feed, args=(broker, stop), daemon=True)
        try:
            until(lambda: (project / "recorder.json").exists(), 40)
            time.sleep(14)
            feeding.start()
            time.sleep(2)
            imported = json_of("import", project, city, codes=(0, 1), timeout=60)
            window.wait(90)
        finally:
            stop.set()
            window.kill()
    assert window.returncode == 0
    return json.loads(report.read_text()), imported


def _feed(broker: Broker, stop: threading.Event) -> None:
    """One value a second, so that the window counts as live."""
    number = 0
    while not stop.wait(1.0):
        publish(broker, [native("dev", number, [["P-1", time.time_ns() // 1_000_000, 1.0]])])
        number += 1
