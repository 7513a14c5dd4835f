"""Everything a real link does to TCP while a device that keeps its messages goes on.

The recorder runs in a network namespace of its own behind a link that loses, doubles and delays
packets, cuts connections, resets them and falls silent half-open. Completeness is judged from the
device's ledger.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.e2e.feeding import stored
from tests.kit.broker import Broker, free_port
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.law import LawWatch
from tests.kit.lossy_link import LossyLink, possible
from tests.kit.program import ROOT, Recording, json_of, verb

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"cuts": 8, "loss_seconds": 20}
LONG: Final = {"cuts": 50, "loss_seconds": 120}
RATE, POINTS = 50, 20
KEEP_ALIVE_S: Final = 6.0


def packets(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    if not possible():
        raise RuntimeError("needs root on Linux and /dev/net/tun")
    found = run(size["cuts"], size["loss_seconds"], folder)
    done = found["packets"]
    return {
        "promise": "Packet loss, cuts, resets and half-open silence cost a source that keeps its "
        "messages nothing",
        "trials": f"{found['loss_seconds']} s of 5 % packet loss, {found['cuts']} cuts of "
        f"0.1 to {found['longest_cut']:.0f} s, {done['reset']} resets, one half-open silence; "
        f"{done['passed']:,} packets passed, {done['lost']:,} lost, {done['doubled']:,} doubled, "
        f"{done['late']:,} out of order",
        "result": f"{found['law']}; {found['lost']} of {found['sent']:,} points lost, "
        f"{found['stored_twice']} "
        f"stored twice, {found['gaps_left']} gaps left; caught up {found['catch_up_s']:.1f} s "
        "after the last fault",
        "not_shown": f"a TUN forwarder, not a radio; the longest cut is "
        f"{found['longest_cut'] / KEEP_ALIVE_S:.1f} times the keep-alive",
        "bound": "",
        "passed": found["passed"] and done["reset"] > 0 and done["lost"] > 0,
        "figures": found,
    }


def run(cuts: int, loss_seconds: int, folder: Path, seed: int = 5) -> dict[str, Any]:
    """The experiment; the device sends 50 messages of 20 points a second all the time."""
    rng = random.Random(seed)
    project, ledger, port = folder / "project", folder / "ledger", free_port()
    json_of("new", project)
    lengths = [0.1 * (KEEP_ALIVE_S * 5 / 0.1) ** rng.random() for _ in range(cuts)]
    with LossyLink(folder / "link") as link:
        lines = (f"listener {port} 127.0.0.1", f"listener {port} {link.near}",
                 "allow_anonymous true")  # fmt: skip
        with Broker(folder / "broker", port=port, lines=lines) as broker:
            json_of("feed", "add", project, f"mqtt://{link.near}:{port}")
            with Recording(project, prefix=link.prefix) as recording, LawWatch(project) as law:
                recording.ready()
                time.sleep(3.0)
                device = _device(broker, ledger, _length(lengths, loss_seconds) + 8.0)
                try:
                    _hurt(link, lengths, loss_seconds, rng)
                    catch_up = _caught_up(project, ledger)
                    report = recording.end()
                finally:
                    device.terminate()
                    device.wait(20)
        done = link.counts()
    export = folder / "export.csv"
    assert verb("export", project, "--observations", export, timeout=300).returncode == 0
    found = check(read_ledger(ledger, "device-1"), read_export(export), in_order=False)
    parts = ("stored", "duplicate", "quarantined", "refused", "waiting")
    balanced = report["received"] == sum(report[p] for p in parts) and not report["waiting"]
    return {
        "cuts": cuts,
        "longest_cut": max(lengths),
        "loss_seconds": loss_seconds,
        "packets": done,
        "sent": found.sent,
        "stored": found.stored,
        "lost": found.lost,
        "stored_twice": found.duplicate,
        "law": law.words(),
        "wrong": found.wrong + found.unknown,
        "gaps_left": report["gaps"],
        "catch_up_s": catch_up,
        "passed": found.ok
        and balanced
        and not law.unequal
        and found.stored == found.sent
        and not report["gaps"],
    }


def _hurt(link: LossyLink, lengths: list[float], loss_seconds: int, rng: random.Random) -> None:
    link.set(loss=0.05, double=0.01, late=0.03)
    time.sleep(loss_seconds)
    for length in lengths:
        link.set(loss=0.01)
        time.sleep(rng.uniform(0.5, 2.0))
        link.set(hole=1)
        time.sleep(length)
    link.set(reset=1.0)
    time.sleep(loss_seconds / 2)
    link.set(hole=1)
    time.sleep(2 * KEEP_ALIVE_S)
    link.set()


def _length(lengths: list[float], loss_seconds: int) -> float:
    """About how long `_hurt` takes, in seconds."""
    return 1.5 * loss_seconds + sum(lengths) + 1.25 * len(lengths) + 2 * KEEP_ALIVE_S


def _device(broker: Broker, ledger: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port),
        "--ledger", str(ledger), "--rate", str(RATE), "--points", str(POINTS),
        "--seconds", str(seconds), "--linger", "600",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _caught_up(project: Path, ledger: Path) -> float:
    """Seconds until what is stored is within two seconds of what is sent; returns at the end."""
    begun = time.monotonic()
    while time.monotonic() - begun < 120:
        if stored(project) >= POINTS * ledger.read_bytes().count(b"\n") - 2 * RATE * POINTS:
            break
        time.sleep(0.1)
    taken = time.monotonic() - begun
    size, same = -1, 0
    while same < 4 and time.monotonic() - begun < 240:  # the device ends by itself and lingers
        time.sleep(0.5)
        now = ledger.stat().st_size
        whole = stored(project) >= POINTS * ledger.read_bytes().count(b"\n")
        same = same + 1 if now == size and whole else 0
        size = now
    return taken


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"packets": packets}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(packets({"cuts": int(sys.argv[1]), "loss_seconds": int(sys.argv[2])}, Path(place)))
