"""The project folder: its layout, the lock that guards it, and disks that must not carry it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Final

from lamplighter.domain.clock import Clock, iso
from lamplighter.domain.problems import fault

CITY: Final = "city.db"
HISTORY: Final = "history.db"
AUDIT: Final = "audit.db"
LOCK: Final = "lock"
FOLDERS: Final = ("segments", "media", "cache")

_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "davfs"}
    | {"ncpfs", "coda", "beegfs", "gpfs", "ocfs2", "gfs2", "vboxsf", "vmhgfs", "prl_fs"}
)
_LOCAL_FUSE: Final = frozenset({"fuseblk", "fuse.ntfs-3g", "fuse.exfat", "fuse.ext4", "fuse.lxcfs"})


def refuse_remote(folder: Path, mounts: str | None = None) -> None:
    """Raise A-406 when `folder` lies on a network or synchronised file system.

    `mounts` is the text of `/proc/mounts`; where there is none (not Linux) nothing is refused.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    kind = _file_system(folder.absolute().resolve(), mounts)
    if kind in _REMOTE or (kind.startswith("fuse") and kind not in _LOCAL_FUSE):
        raise fault("A-406", name=folder.name, what=kind)


def _file_system(path: Path, mounts: str) -> str:
    best, kind = -1, ""
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = parts[1].replace("\\040", " ")
        inside = path == Path(point) or Path(point) in path.parents
        if inside and len(point) >= best:
            best, kind = len(point), parts[2]
    return kind


class FolderLock:
    """An operating-system lock that dies with its process; its text says who holds it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Raises A-403 when another process holds the lock."""
        self._file = (folder / LOCK).open("a+", encoding="utf-8")
        try:
            _lock(self._file.fileno())
        except OSError:
            who = self._holder()
            self._file.close()
            raise fault("A-403", name=folder.name, what=who) from None
        self._file.seek(0)
        self._file.truncate()
        text = {"host": socket.gethostname(), "pid": os.getpid(), "since": iso(clock.wall_ms())}
        # a full disk must not keep anybody from opening: the text is a courtesy
        with contextlib.suppress(OSError):
            json.dump(text, self._file)
            self._file.flush()

    def _holder(self) -> str:
        try:
            self._file.seek(0)
            found = json.load(self._file)
            return f"process {found['pid']} on {found['host']} since {found['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def release(self) -> None:
        self._file.close()


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, 1_000_000, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_empty(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
