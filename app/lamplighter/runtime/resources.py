"""The one place that knows where the program's own files lie.

In order: the environment variable `LAMPLIGHTER_RESOURCES` (a folder that holds `resources/` and
`plugins/`), the frozen program's folder, the checkout. Nothing else builds such a path.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from lamplighter.domain.problems import fault


def home() -> Path:
    """The folder that holds `resources/` and `plugins/`; raises LamplighterError (U-804)."""
    named = os.environ.get("LAMPLIGHTER_RESOURCES")
    frozen = getattr(sys, "_MEIPASS", None)
    candidates = [Path(named)] if named else []
    if frozen:
        candidates.append(Path(frozen))
    candidates.append(Path(__file__).resolve().parents[3])
    for folder in candidates:
        if (folder / "resources").is_dir():
            return folder
    looked = ", ".join(str(c) for c in candidates)
    raise fault("U-804", name="The program's resources folder", what=f"not found in {looked}")


def resources() -> Path:
    """The `resources/` folder."""
    return home() / "resources"


def plugin_folders() -> list[Path]:
    """Folders that hold plugins: the program's own, then beside a frozen program."""
    own = home() / "plugins"
    found = [own] if own.is_dir() else []
    if getattr(sys, "frozen", False):
        beside = Path(sys.executable).parent / "plugins"
        if beside.is_dir() and beside != own:
            found.append(beside)
    return found


def own_command() -> list[str]:
    """How this very program is started again: the frozen executable, or `python -m lamplighter`."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "lamplighter"]


def find_mosquitto() -> str | None:
    """Path of the mosquitto broker, or None; Debian keeps it outside a user's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("mosquitto", path=places)
