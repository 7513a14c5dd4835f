"""A large kit whose cable is pulled again and again: while it is written, and while it is sent.

The file is compared with what was put into the project, by a hash made before anything was packed.
"""

from __future__ import annotations

import hashlib
import os
import queue
import random
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil
from tests.kit.field_town import change, town

from lamplighter.domain.kit import KitWanted
from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange.kit_channel import SocketCarrier
from lamplighter.exchange.kit_pieces import PIECE, WINDOW
from lamplighter.runtime import kit as kits
from lamplighter.runtime.kit_ways import Waiting, fetch

Row = dict[str, Any]
SHORT: Final = {"kit_mb": 24, "kit_cuts": 6}
LONG: Final = {"kit_mb": 1024, "kit_cuts": 25}
TIER: Final = "N1"
MEMORY_MB: Final = 200.0
"""more than before that either side may take"""
NAME: Final = "drawing.bin"


class CableError(Exception):
    """The stick was pulled while the kit was written."""


class Cutting(SocketCarrier):
    """A link that ends after some messages."""

    def __init__(self, link: socket.socket, messages: int) -> None:
        super().__init__(link)
        self._socket, self._left = link, messages
        self.heard = 0

    def take(self, seconds: float) -> bytes:
        self._left -= 1
        if self._left < 0:
            self._socket.close()
            raise OSError("the cable was pulled")
        data = super().take(seconds)
        self.heard += len(data)
        return data


def resume(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found = run(size["kit_mb"], size["kit_cuts"], folder)
    return {
        "promise": "A kit that was cut goes on where it was, written or sent, within little memory",
        "trials": f"a kit of {found['bytes'] / 1e6:,.0f} MB, {found['write_cuts']} cuts while it "
        f"was written and {found['send_cuts']} while it was sent",
        "result": f"{'the same' if found['same'] else 'NOT the same'} in the end; "
        f"{found['again'] / 1e6:,.1f} MB sent twice in all, "
        f"{found['memory_mb']:,.0f} MB more memory at most",
        "not_shown": "a stick that reports data as written and loses them when it is pulled",
        "bound": "",
        "passed": found["passed"],
        "figures": found,
    }


def run(megabytes: int, cuts: int, folder: Path, seed: int = 11) -> dict[str, Any]:
    """Pack, cut, send, cut, and compare."""
    rng = random.Random(seed)
    office = town(folder / "office", assets=2, messages=2, photo=False)
    right = _fill(office / "media" / NAME, megabytes, rng)
    change(office, "attachment/d", {"asset": "A-0", "file": NAME}, "ann")
    watch = _Memory()
    file = folder / "large.kit"
    written = _write(office, file, megabytes, cuts, rng)
    size = file.stat().st_size
    arrived, sent_cuts, heard = _send(office, file, folder / "in", cuts, size // PIECE, rng)
    kits.merge_alone(folder / "laptop", arrived)
    kept = folder / "laptop" / "media" / NAME
    same = kept.is_file() and _hash(kept) == right
    memory = watch.end()
    again = max(heard - size, 0)
    most = (sent_cuts + 1) * (WINDOW + 2) * PIECE
    return {
        "bytes": size, "write_cuts": written, "send_cuts": sent_cuts, "same": same,
        "again": again, "memory_mb": round(memory, 1),
        "passed": same and again <= most and memory < MEMORY_MB and written + sent_cuts >= cuts,
    }  # fmt: skip


def _fill(file: Path, megabytes: int, rng: random.Random) -> str:
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for _ in range(megabytes):
            data = rng.randbytes(1 << 20)
            digest.update(data)
            out.write(data)
    return digest.hexdigest()


def _hash(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _write(office: Path, file: Path, megabytes: int, cuts: int, rng: random.Random) -> int:
    """Take the kit; the cable is pulled `cuts` times. Each attempt must keep what lay there."""
    done = 0
    for at in sorted(rng.randrange(1, megabytes) for _ in range(cuts)):
        left = [at]

        def step(*_: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] <= 0:
                raise CableError

        try:
            kits.take_alone(office, file, KitWanted(everything=True), steps=step)
        except CableError:
            done += 1
            part = file.with_name(file.name + ".part")
            with part.open("r+b") as out:  # the last block did not reach the stick
                out.truncate(max(part.stat().st_size - rng.randrange(1, 300_000), 60))
    kits.take_alone(office, file, KitWanted(everything=True))
    return done


def _send(
    office: Path, file: Path, inbox: Path, cuts: int, pieces: int, rng: random.Random
) -> tuple[Path, int, int]:
    """(where it arrived, cuts, bytes heard)"""
    desk = Waiting(office / "cache" / "kits", lambda _: kits.show(file), file)
    ports: queue.Queue[int] = queue.Queue()
    thread = threading.Thread(
        target=lambda: desk.over_lan("127.0.0.1", 0, 3_000, ports.put, lambda _: None), daemon=True
    )
    thread.start()
    port = ports.get(timeout=60)
    heard = pulled = 0
    while True:
        few = max(pieces // max(cuts, 1), 2)
        messages = rng.randrange(1, 2 * few) if pulled < cuts else 1 << 30
        with socket.create_connection(("127.0.0.1", port), 30) as link:
            carrier = Cutting(link, messages)
            try:
                arrived = fetch(carrier, desk.code, inbox, lambda _: None)
                heard += carrier.heard
                break
            except LamplighterError:
                pulled += 1
                heard += carrier.heard
    thread.join(60)
    return arrived, pulled, heard


class _Memory:
    """The most this process held while it was watched, in MB more than at the beginning."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self._begun = self._most = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, self._process.memory_info().rss)

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return (self._most - self._begun) / 1e6


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"kit cut": resume}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(resume({"kit_mb": int(sys.argv[1]), "kit_cuts": int(sys.argv[2])}, Path(place)))
