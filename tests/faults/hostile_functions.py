# ruff: noqa: PTH115, PTH123, PTH211
"""Functions as a bad plugin would have them; loaded by path inside workers, never imported here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any


def fine(a: int, b: int) -> dict[str, int]:
    print("a stray print on standard output")
    sys.__stdout__.write("and another\n")
    return {"sum": a + b}


def count(steps: int, progress: Any) -> int:
    for step in range(steps):
        progress(step + 1, steps, f"step {step + 1}")
        time.sleep(0.05)
    return steps


def raises() -> None:
    raise ValueError("the valve\nis stuck")


def opens(file: str) -> str:
    with open(file) as text:
        return text.read()


def segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def exits() -> None:
    os._exit(0)


def system_exit() -> None:
    sys.exit(4)


def hangs() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def spins() -> None:
    while True:
        pass


def eats_memory() -> int:
    kept = [bytearray(64_000_000) for _ in range(32)]
    return len(kept)


def opens_files() -> int:
    kept = [open(os.devnull) for _ in range(10_000)]  # noqa: SIM115
    return len(kept)


def forks() -> int:
    return sum(1 for _ in range(200) if os.fork())


def starts_program() -> str:
    return subprocess.run(["id"], capture_output=True, text=True, check=True).stdout


def floods() -> int:
    line = b"x" * 65_535 + b"\n"
    for _ in range(16_000):
        os.write(1, line)
    return 1


def big_answer() -> str:
    return "x" * 100_000_000


def _answer_pipe() -> int:
    """The real descriptor of the answers, as somebody malicious would find it."""
    for handle in range(3, 64):
        try:
            target = os.readlink(f"/proc/self/fd/{handle}")
        except OSError:
            continue
        if target.startswith("pipe:") and not _readable(handle):
            return handle
    raise RuntimeError("not found")


def _readable(handle: int) -> bool:
    import fcntl

    return fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY


def lies_about_length() -> None:
    os.write(_answer_pipe(), (100_000_000).to_bytes(4, "big") + b"x" * 1000)
    time.sleep(30)


def malformed() -> None:
    os.write(_answer_pipe(), (7).to_bytes(4, "big") + b"\x93garbag")
    time.sleep(30)


def answers_for_others() -> None:
    import msgspec

    body = msgspec.msgpack.encode({"type": "done", "id": 999_999, "result": b"\x01"})
    os.write(_answer_pipe(), len(body).to_bytes(4, "big") + body)
    time.sleep(30)


def floods_progress(task: int) -> None:
    import msgspec

    body = msgspec.msgpack.encode(
        {"type": "progress", "id": task, "done": 1, "total": 2, "text": "x" * 1000}
    )
    pipe = _answer_pipe()
    while True:
        os.write(pipe, len(body).to_bytes(4, "big") + body)


def reads_passwords() -> str:
    with open("/etc/passwd") as file:
        return file.read()


def reads(path: str) -> str:
    with open(path) as file:
        return file.read()


def writes(path: str) -> str:
    with open(path, "w") as file:
        file.write("here I was")
    return path


def links(path: str) -> None:
    os.symlink("/etc/passwd", path)


def connects(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
        link.sendall(b"hello")
    return "sent"


def tells_by_datagram(port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.sendto(b"hello", ("127.0.0.1", port))
    return "sent"


def kills_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def environment() -> list[str]:
    return sorted(os.environ)


def tell_pid_and_hang(progress: Any) -> None:
    progress(os.getpid())
    hangs()


def rings() -> int:
    """The other way to a socket: by a ring of requests that the kernel carries out."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(425, 8, ctypes.create_string_buffer(120))
    if handle < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(handle)
