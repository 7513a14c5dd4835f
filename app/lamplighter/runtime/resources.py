"""Where the program's plugins lie, and how this very program is started again."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from lamplighter.domain.problems import fault
from lamplighter.domain.resources import resource

TRUSTED_KEYS: Final = "trusted-keys.txt"
"""in the resources of a packaged program: public keys its plugins are signed with, one a line"""


def resources() -> Path:
    """The `resources/` folder; raises LamplighterError (U-804) when there is none."""
    try:
        return resource()
    except FileNotFoundError as error:
        raise fault("U-804", name="The program's resources folder", what=str(error)) from None


def plugin_folders() -> list[Path]:
    """Folders that hold plugins: the program's own, then beside a frozen program."""
    own = resources().parent / "plugins"
    found = [own] if own.is_dir() else []
    if getattr(sys, "frozen", False):
        beside = Path(sys.executable).parent / "plugins"
        if beside.is_dir() and beside != own:
            found.append(beside)
    return found


def program_keys() -> list[str]:
    """Public keys that came with a packaged program; none in a checkout."""
    try:
        return resource(TRUSTED_KEYS).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []


def own_command() -> list[str]:
    """How this very program is started again: the frozen executable, or `python -m lamplighter`."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "lamplighter"]


def find_mosquitto() -> str | None:
    """Path of the mosquitto broker, or None; Debian keeps it outside a user's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("mosquitto", path=places)
