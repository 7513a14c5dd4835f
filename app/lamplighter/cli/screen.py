"""Says before the window is built that there is no screen; the toolkit itself would just abort."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Final

from lamplighter.domain.problems import fault

SOCKETS: Final = "/tmp/.X11-unix/X"
PATIENCE_S: Final = 2.0


def need_screen() -> None:
    """Raises LamplighterError (U-804) where no window can be shown."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    name = os.environ.get("DISPLAY", "")
    if not name:
        raise fault("U-804", name="The window", what="there is no screen (DISPLAY is not set)")
    number = name.removeprefix(":").split(".")[0]
    if name.startswith(":") and number.isdigit() and not _answers(number):
        raise fault("U-804", name="The window", what=f"no screen answers at DISPLAY={name}")


def _answers(number: str) -> bool:
    for address in (f"\0{SOCKETS}{number}", f"{SOCKETS}{number}"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(PATIENCE_S)
            probe.connect(address)
            return True
    return False
