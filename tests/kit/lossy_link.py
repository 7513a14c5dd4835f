"""A network link that loses, doubles, reorders and resets real packets (root on Linux only).

A network namespace is joined to this machine by two TUN devices; a small forwarder carries every
packet between them and hurts some. A proxy can only delay or reset a connection; this one lets TCP
meet what TCP has to mend. Use `LossyLink` as a context manager; run as a program it is the
forwarder.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.kit.program import ROOT, environment

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_CLONE_NEWNET: Final = 0x40000000
_TCP: Final = 6
_RST: Final = 0x04


def possible() -> bool:
    """Whether this machine lets us make namespaces and TUN devices."""
    return sys.platform == "linux" and os.geteuid() == 0 and Path("/dev/net/tun").exists()


class LossyLink:
    """`near` is this machine's address on the link, `far` the namespace's."""

    def __init__(self, folder: Path) -> None:
        number = os.getpid() % 250
        self.name = f"lamp{os.getpid() % 100_000}"
        self.near, self.far = f"10.77.{number}.1", f"10.77.{number}.2"
        self._control = folder / "link.json"
        self._log = folder / "link.log"
        self._child: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What makes a command run at the far end."""
        return ("ip", "netns", "exec", self.name)

    def set(self, **faults: float) -> None:
        """Shares per packet of `loss`, `double`, `late`; `hole` = 1 loses all; `reset` a second."""
        text = json.dumps(faults)
        new = self._control.with_suffix(".new")
        new.write_text(text)
        new.replace(self._control)

    def counts(self) -> dict[str, int]:
        """What was done to packets so far."""
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        return dict(json.loads(lines[-1])) if lines else {}

    def __enter__(self) -> LossyLink:
        _ip("netns", "add", self.name)
        self.set()
        log = self._log.open("wb")
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.lossy_link", self.name, self.near, self.far,
             str(self._control)],
            cwd=ROOT, env=environment(), stdout=log, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        log.close()
        end = time.monotonic() + 20
        while time.monotonic() < end and not self.counts():
            time.sleep(0.05)
        assert self.counts(), "the link did not come up"
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)
            self._child.wait(10)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _tun(name: str) -> int:
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    return handle


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/var/run/netns/{namespace}").open() as place:
        if libc.setns(place.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Forwarder:
    """Carries packets between two TUN devices and hurts some on the way."""

    def __init__(self, near: int, far: int, control: Path) -> None:
        self._other = {near: far, far: near}
        self._control = control
        self._faults: dict[str, float] = {}
        self._stamp = 0
        self._late: list[tuple[float, int, int, bytes]] = []
        self._rng = random.Random(11)
        self._reset_due = 0.0
        self._number = 0
        self.counts = {"passed": 0, "lost": 0, "doubled": 0, "late": 0, "reset": 0}

    def run(self) -> None:
        told = 0.0
        while True:
            now = time.monotonic()
            wait = max(0.0, min(0.05, self._late[0][0] - now)) if self._late else 0.05
            ready, _, _ = select.select(list(self._other), [], [], wait)
            self._read_control()
            for handle in ready:
                try:
                    packet = os.read(handle, 65_536)
                except BlockingIOError:
                    continue
                self._carry(self._other[handle], packet)
            now = time.monotonic()
            while self._late and self._late[0][0] <= now:
                _, _, to, packet = heapq.heappop(self._late)
                self._send(to, packet)
            if now - told > 0.5:
                told = now
                print(json.dumps(self.counts), flush=True)

    def _carry(self, to: int, packet: bytes) -> None:
        faults, chance = self._faults, self._rng.random
        if faults.get("hole") or chance() < faults.get("loss", 0.0):
            self.counts["lost"] += 1
            return
        if faults.get("reset") and time.monotonic() > self._reset_due:
            broken = reset_of(packet)
            if broken is not None:
                self._reset_due = time.monotonic() + self._rng.expovariate(faults["reset"])
                self.counts["reset"] += 1
                packet = broken
        if chance() < faults.get("late", 0.0):
            self.counts["late"] += 1
            self._number += 1
            when = time.monotonic() + self._rng.uniform(0.005, 0.08)
            heapq.heappush(self._late, (when, self._number, to, packet))
            return
        self._send(to, packet)
        if chance() < faults.get("double", 0.0):
            self.counts["doubled"] += 1
            self._send(to, packet)

    def _send(self, to: int, packet: bytes) -> None:
        try:
            os.write(to, packet)
            self.counts["passed"] += 1
        except OSError:
            self.counts["lost"] += 1

    def _read_control(self) -> None:
        stamp = self._control.stat().st_mtime_ns
        if stamp != self._stamp:
            self._stamp = stamp
            self._faults = json.loads(self._control.read_text())


def reset_of(packet: bytes) -> bytes | None:
    """The packet as a TCP reset at the same place; None when it carries no TCP data."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    head = (packet[0] & 15) * 4
    data = head + (packet[head + 12] >> 4) * 4
    if len(packet) <= data:
        return None
    ip = bytearray(packet[:20])
    ip[0] = 0x45
    ip[2:4] = struct.pack("!H", 40)
    ip[10:12] = b"\0\0"
    ip[10:12] = struct.pack("!H", _checksum(bytes(ip)))
    tcp = bytearray(packet[head : head + 20])
    tcp[12], tcp[13] = 5 << 4, _RST
    tcp[14:18] = b"\0\0\0\0"
    tcp[18:20] = b"\0\0"
    pseudo = bytes(ip[12:20]) + struct.pack("!BBH", 0, _TCP, 20)
    tcp[16:18] = struct.pack("!H", _checksum(pseudo + bytes(tcp)))
    return bytes(ip) + bytes(tcp)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def main(arguments: list[str]) -> int:
    namespace, near, far, control = arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    here = _tun(f"{namespace[:10]}a")
    _ip("addr", "add", near, "peer", far, "dev", f"{namespace[:10]}a")
    _ip("link", "set", f"{namespace[:10]}a", "up")
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    _enter(namespace)
    there = _tun(f"{namespace[:10]}b")
    _ip("addr", "add", far, "peer", near, "dev", f"{namespace[:10]}b")
    _ip("link", "set", f"{namespace[:10]}b", "up")
    _ip("link", "set", "lo", "up")
    os.close(own)
    Forwarder(here, there, Path(control)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
