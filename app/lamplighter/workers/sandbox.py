"""Takes rights away from the calling process: limits, Landlock and a small system call filter.

Each step is taken only where the kernel offers it; `restrict` says which ones were. Landlock
leaves the task the program's own libraries and its inputs to read and one folder to write; the
filter refuses sockets and new processes. Both hold for the calling thread and all it starts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

MB: Final = 1024 * 1024
FILE_BYTES: Final = 2 * 1024 * MB
OPEN_FILES: Final = 256

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_FILTER: Final = 2

_LANDLOCK_CREATE: Final = 444
_LANDLOCK_ADD: Final = 445
_LANDLOCK_RESTRICT: Final = 446

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE = 16, 32
_MAKE_DIR, _MAKE_REG = 128, 256
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_ALL_V1: Final = (1 << 13) - 1
_READ: Final = _READ_FILE | _READ_DIR
_FILE_RIGHTS: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | (1 << 15)
_CHANGE: Final = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """On Linux the kernel ends this process when the thread that started it ends."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def limit_early() -> None:
    """Limits that hold from the first import on: open files, file size, no core dumps."""
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, FILE_BYTES)
    _lower(resource.RLIMIT_AS, 8 * 1024 * MB)


def limit_task(memory_mb: int, cpu_s: int, *, last: bool) -> None:
    """Address space = what is taken now + `memory_mb`; processor time = used so far + `cpu_s`.

    `last` also lowers the hard limits: the process will run nothing after this task.
    """
    if sys.platform == "win32":
        return
    import resource

    space = address_space() + memory_mb * MB
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    cpu = int(used) + max(cpu_s, 1)
    for kind, value in ((resource.RLIMIT_AS, space), (resource.RLIMIT_CPU, cpu)):
        hard = resource.getrlimit(kind)[1]
        grace = value + 1 if kind == resource.RLIMIT_CPU else value
        top = grace if last and (hard == resource.RLIM_INFINITY or grace < hard) else hard
        soft = value if top == resource.RLIM_INFINITY else min(value, top)
        resource.setrlimit(kind, (soft, top))


def address_space() -> int:
    """Bytes of address space this process has mapped; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 4 * 1024 * MB
    return pages * os.sysconf("SC_PAGE_SIZE")


def _lower(kind: int, value: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value if kind != resource.RLIMIT_AS else hard))


NAMES: Final = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf")
"""what finding a machine by its name needs"""


def restrict(
    read: Iterable[Path], write: Iterable[Path], *, network: bool = False
) -> tuple[str, ...]:
    """Allow reading `read` (and the program) and changing `write`; no new process, and no network
    unless it is asked for.

    Returns the names of the steps the system could take: `files`, `tcp`, `calls`.
    """
    if sys.platform != "linux":
        return ()
    libc = _libc()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    names = [Path(n) for n in NAMES] if network else []
    taken = list(_landlock(libc, [*program_paths(), *names, *read], list(write), network))
    if _filter_calls(libc, network):
        taken.append("calls")
    return tuple(taken)


def program_paths() -> list[Path]:
    """What the interpreter needs to go on importing: its own libraries, no configuration."""
    found = {Path(p).resolve() for p in sys.path if p}
    found |= {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve() / "lib"}
    frozen = getattr(sys, "_MEIPASS", "")
    if frozen:
        found.add(Path(frozen))
    found |= {Path(sys.executable).resolve().parent}
    for name in (
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/share/zoneinfo",
        "/dev/null",
        "/dev/urandom",
        "/dev/zero",
        "/sys/devices/system/cpu",
        "/proc/self",
        "/proc/cpuinfo",
        "/proc/meminfo",
    ):
        found.add(Path(name))
    return [p for p in found if p != Path("/") and p.exists()]


def _landlock(
    libc: ctypes.CDLL, read: Sequence[Path], write: Sequence[Path], may_connect: bool
) -> Iterable[str]:
    abi = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if abi < 1:
        return ()
    handled = _ALL_V1 | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    handled |= (1 << 15) if abi >= 5 else 0
    network = 3 if abi >= 4 and not may_connect else 0
    scoped = 3 if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    attributes = struct.pack("=QQQ", handled, network, scoped)
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, size, 0)
    if ruleset < 0:
        return ()
    try:
        for paths, rights in ((read, _READ | _EXECUTE), (write, _CHANGE)):
            for path in paths:
                _allow(libc, ruleset, path, rights & handled)
        for device in ("/dev/null",):
            _allow(libc, ruleset, Path(device), (_WRITE_FILE | _READ_FILE) & handled)
        if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
            return ()
    finally:
        os.close(ruleset)
    return ("files", "tcp") if network else ("files",)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= _FILE_RIGHTS
        libc.syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)


# system call numbers: socket, socketpair stays allowed; clone is allowed for threads alone; 425
# makes a ring of requests, by which the kernel opens sockets that no filter sees
_CALLS: Final = {
    "x86_64": (
        0xC000003E,
        {41: "no", 57: "no", 58: "no", 435: "none", 322: "no", 59: "no", 425: "none"},
        56,
    ),
    "aarch64": (0xC00000B7, {198: "no", 435: "none", 281: "no", 221: "no", 425: "none"}, 220),
}
_CLONE_THREAD: Final = 0x00010000


_SOCKET: Final = frozenset({41, 198})


def _filter_calls(libc: ctypes.CDLL, network: bool) -> bool:
    """Refuse sockets, new programs and new processes (threads stay allowed)."""
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    audit_arch, refused, clone = known
    allow, no = 0x7FFF0000, 0x00050000 | errno.EPERM
    answers = {"no": no, "none": 0x00050000 | errno.ENOSYS}
    load, equal, at_least, test, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    program = [
        (load, 0, 0, 4),  # architecture
        (equal, 1, 0, audit_arch),
        (answer, 0, 0, no),
        (load, 0, 0, 0),  # call number
        (at_least, 0, 1, 0x40000000),  # the other calling convention of the same machine
        (answer, 0, 0, no),
    ]
    for number, word in refused.items():
        if network and number in _SOCKET:
            continue
        program += [(equal, 0, 1, number), (answer, 0, 0, answers[word])]
    program += [
        (equal, 0, 3, clone),
        (load, 0, 0, 16),  # its flags
        (test, 1, 0, _CLONE_THREAD),
        (answer, 0, 0, no),
        (answer, 0, 0, allow),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HxxxxxxP", len(program), ctypes.addressof(buffer))
    arguments = ctypes.create_string_buffer(header, len(header))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, arguments, 0, 0) == 0)
