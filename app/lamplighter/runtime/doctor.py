"""What can be wrong with a machine or an installation, looked at one by one."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import shutil
import socket
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from lamplighter import __version__
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.plugins import plugin_rows
from lamplighter.runtime.project import opened
from lamplighter.runtime.resources import find_mosquitto, resources
from lamplighter.runtime.settings import DEFAULTS, explain

Check = dict[str, Any]
LOW_DISK_BYTES: Final = 2_000_000_000
SECRET_WORDS: Final = ("key", "password", "secret", "token")


def examine(project: Path | None = None) -> list[Check]:
    """Checks as `name`, `ok`, `message`; none of them changes anything."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("program", _program),
        ("resources", lambda: f"found at {resources()}"),
        ("plugins", _plugins),
        ("SQLite", _sqlite),
        ("disk", lambda: _disk(project or Path.home())),
        ("local sockets", _sockets),
        ("broker", _broker),
        ("screen", _screen),
    ]
    if project is not None:
        looks.append(("project", lambda: _project(project)))
    return [_look(name, look) for name, look in looks]


def _look(name: str, look: Callable[[], str]) -> Check:
    try:
        return {"name": name, "ok": True, "message": look()}
    except LamplighterError as error:
        return {"name": name, "ok": False, "message": str(error)}
    except Exception as error:
        return {"name": name, "ok": False, "message": f"{type(error).__name__}: {error}"}


def _program() -> str:
    kind = "frozen" if getattr(sys, "frozen", False) else "checkout"
    return (
        f"Lamplighter {__version__} ({kind}), Python {platform.python_version()}, "
        f"{platform.platform()}"
    )


def _plugins() -> str:
    rows = plugin_rows()
    refused = [f"{r['id']}: {r['why']}" for r in rows if r["state"] == "refused"]
    if refused:
        raise RuntimeError("; ".join(refused))
    return f"{len(rows)} found: " + ", ".join(f"{r['id']} {r['version']}" for r in rows)


def _sqlite() -> str:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < (3, 37):
        raise RuntimeError(f"{version} is too old (3.37 or newer is needed)")
    return version


def _disk(folder: Path) -> str:
    free = shutil.disk_usage(folder if folder.exists() else Path.home()).free
    if free < LOW_DISK_BYTES:
        raise RuntimeError(f"only {free / 1e9:.1f} GB free")
    return f"{free / 1e9:.1f} GB free"


def _sockets() -> str:
    if sys.platform == "win32":
        return "named pipes"
    left, right = socket.socketpair(socket.AF_UNIX)
    left.close()
    right.close()
    return "Unix sockets work"


def _broker() -> str:
    found = find_mosquitto()
    return f"mosquitto at {found}" if found else "no mosquitto; the demo brings its own broker"


def _screen() -> str:
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return f"display {shown}" if shown else "none; verbs work, the window needs one"


def _project(project: Path) -> str:
    with opened(project) as store:
        return f"{store.name}: {len(store.assets())} assets, {len(store.datastreams())} datastreams"


def write_bundle(file: Path, checks: list[Check]) -> None:
    """A ZIP with the checks, package versions and settings; keys and passwords stay out."""
    versions = {d.name: d.version for d in importlib.metadata.distributions()}
    settings = {key: explain(key) for key in DEFAULTS if not any(w in key for w in SECRET_WORDS)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("checks.json", json.dumps(checks, indent=1))
        archive.writestr("versions.json", json.dumps(versions, indent=1, sort_keys=True))
        archive.writestr("settings.json", json.dumps(settings, indent=1, sort_keys=True))
    file.write_bytes(buffer.getvalue())
