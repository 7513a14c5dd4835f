"""Two recorders share one broker's messages while one of them is killed and comes back.

Judged from the devices' ledgers: the union of both projects must hold every message once, each
recorder in the order its sources sent, and neither may call the other's part a gap.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.kit.broker import Broker
from tests.kit.patience import until

ROOT: Final = Path(__file__).resolve().parents[2]
POINTS: Final = 4
Row = dict[str, Any]
Key = tuple[str, int, int]


class Recorder:
    """One `lamplighter record` with a project of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.project = folder
        self._environment = {
            **os.environ, "PYTHONPATH": str(ROOT / "app"), "LAMPLIGHTER_SECRETS": "file"
        }  # fmt: skip
        self._child: subprocess.Popen[bytes] | None = None
        self.run("new", str(folder))
        self.run("feed", "add", str(folder), url)

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lamplighter", *words], env=self._environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.stdout

    def start(self) -> None:
        words = [sys.executable, "-m", "lamplighter", "record", str(self.project)]
        log = self.project.with_suffix(".log").open("ab")
        self._child = subprocess.Popen(words, env=self._environment, stdout=log, stderr=log)
        log.close()

    def live(self) -> bool:
        text = self.run("feed", "list", str(self.project), "--json")
        return '"state":"live"' in text.replace(" ", "")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._child is not None
        self._child.send_signal(how)
        self._child.wait(60)

    def keys(self) -> list[Key]:
        """(source, epoch, seq) of every stored point, in the order of storing."""
        out = self.project.with_suffix(".csv")
        self.run("export", str(self.project), "--observations", str(out))
        with out.open(newline="") as text:
            return [(r["source"], int(r["epoch"]), int(r["seq"])) for r in csv.DictReader(text)]

    def gaps(self) -> int:
        from lamplighter.runtime.project import opened

        with opened(self.project) as store:
            return len(store.gaps())


def run(folder: Path, devices: int, messages: int, share: str = "?share=night") -> Row:
    """Figures of one run. `share` is taken out to plant a bug."""
    folder.mkdir(parents=True, exist_ok=True)
    with Broker(folder / "broker", persistent=True) as broker:
        pair = [Recorder(folder / name, broker.url + share) for name in ("one", "two")]
        for recorder in pair:
            recorder.start()
        until(lambda: all(recorder.live() for recorder in pair))
        senders = [_device(folder, broker.port, n, messages) for n in range(devices)]
        time.sleep(2)
        pair[0].end(signal.SIGKILL)
        time.sleep(1)
        pair[0].start()
        for sender in senders:
            sender.wait(180)
        until(lambda: all(recorder.live() for recorder in pair))
        time.sleep(3)
        for recorder in pair:
            recorder.end()
    sent = Counter[Key]()
    for n in range(devices):
        for text in (folder / f"ledger-{n}").read_text().splitlines():
            row = json.loads(text)
            sent[(f"device-{n}", row["epoch"], row["seq"])] += POINTS
    stored = [recorder.keys() for recorder in pair]
    union = Counter([key for keys in stored for key in keys])
    return {
        "sent": len(sent),
        "lost": sum((sent - union).values()),
        "twice": sum((union - sent).values()),
        "unordered": sum(_unordered(keys) for keys in stored),
        "shares": sorted(len(set(keys)) for keys in stored),
        "gaps": sum(recorder.gaps() for recorder in pair),
    }


def _unordered(keys: list[Key]) -> int:
    """How often a source's message stands before an earlier one."""
    newest: dict[tuple[str, int], int] = {}
    count = 0
    for source, epoch, seq in keys:
        count += seq < newest.get((source, epoch), -1)
        newest[(source, epoch)] = max(seq, newest.get((source, epoch), -1))
    return count


def _device(folder: Path, port: int, number: int, messages: int) -> subprocess.Popen[bytes]:
    words = [
        sys.executable, "-m", "tests.kit.device", "--port", str(port),
        "--source", f"device-{number}", "--ledger", str(folder / f"ledger-{number}"),
        "--messages", str(messages), "--points", str(POINTS), "--rate", "100", "--linger", "2",
    ]  # fmt: skip
    return subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def passed(found: Row) -> bool:
    """Complete, nothing twice, in order, no false gap, and really shared."""
    whole = not (found["lost"] or found["twice"] or found["unordered"] or found["gaps"])
    return whole and found["sent"] > 0 and min(found["shares"]) > 0.1 * found["sent"]


def part(size: dict[str, int], folder: Path) -> Row:
    found = run(folder, size["share_devices"], size["share_messages"])
    return {
        "promise": "Recorders that share a broker's messages hold all of them together, each once",
        "trials": f"{found['sent']:,} messages of {size['share_devices']} devices, two recorders, "
        "one of them killed and started again",
        "result": f"{found['lost']} points lost, {found['twice']} stored twice, "
        f"{found['unordered']} out of order; shared {found['shares'][0]:,} to "
        f"{found['shares'][1]:,}; {found['gaps']} false gaps",
        "not_shown": "a broker that gives a dead recorder's messages to the other one",
        "bound": "",
        "passed": passed(found),
        "figures": found,
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"sharing": part}
SHORT: Final[dict[str, int]] = {"share_devices": 3, "share_messages": 800}
LONG: Final[dict[str, int]] = {"share_devices": 8, "share_messages": 10_000}
TIER: Final = "N1"
