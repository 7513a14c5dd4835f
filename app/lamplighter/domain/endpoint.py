"""Where a project's recorder listens, and how a client proves it may speak to it.

The recorder writes `recorder.json` (address, process, start) and `recorder.key` (0600) into the
project folder while it runs. The address is a Unix socket in the user's own runtime folder, since a
socket path may not exceed about 100 bytes; on Windows it is a named pipe.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

DESCRIPTION: Final = "recorder.json"
KEY: Final = "recorder.key"
SPILL: Final = "wire"
"""folder below the project's cache/ through which large arrays cross"""


class Endpoint(Struct, frozen=True):
    """What `recorder.json` holds."""

    address: str
    pid: int
    started_ms: int
    service: bool = False


SOCKET: Final = "recorder.sock"
"""in the project, where there is no temporary folder"""


def address_for(project: Path) -> str:
    """The address a recorder of this project listens on; the same in every process of this user."""
    digest = hashlib.blake2b(os.fsencode(project.resolve()), digest_size=8).hexdigest()
    if sys.platform == "win32":
        return rf"\\.\pipe\lamplighter-{digest}"
    folder = os.environ.get("XDG_RUNTIME_DIR") or ""
    try:
        base = Path(folder) if folder and Path(folder).is_dir() else Path(tempfile.gettempdir())
    except OSError:  # no temporary folder anywhere on this machine can be written
        return str(project.resolve() / SOCKET)
    return str(base / f"lamplighter-{os.getuid()}-{digest}.sock")


class HasFile(Protocol):
    """Anything with a file descriptor and a `close`."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def hang_up(connection: HasFile) -> None:
    """Ends a connection from any thread; a thread that waits in it for bytes wakes with EOF.

    The descriptor stays open: its owner closes it when no thread reads or writes any more, so
    that none of them ever meets a missing or foreign descriptor. Only Windows' pipes, which
    know no half-way end, are closed at once.
    """
    with contextlib.suppress(OSError, ValueError):
        if sys.platform == "win32":
            connection.close()
        else:
            with socket.socket(fileno=os.dup(connection.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)
