"""Where passwords lie: in the system's keyring where there is one, else in a file for its owner.

Settings, lists, logs and the audit record carry an address with `***` in place of its secrets; the
whole address is kept here under the feed's name and joined again only in the memory that connects.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from lamplighter.domain.problems import fault

FILE: Final = "secrets.json"
SERVICE: Final = "lamplighter"
WHERE: Final = "LAMPLIGHTER_SECRETS"
"""environment: `file` keeps secrets out of the keyring"""


class Secrets:
    """The secrets of one project."""

    def __init__(self, project: Path) -> None:
        self._file = project / "keys" / FILE
        self._project = project.resolve()

    def put(self, name: str, text: str) -> str:
        """Keep a secret; returns where: `keyring` or `file`. Raises LamplighterError (U-804)."""
        if _keyring_put(self._entries(name)[0], text):
            self._drop_from_file(name)
            return "keyring"
        known = self._read()
        known[name] = text
        self._write(known)
        return "file"

    def get(self, name: str) -> str:
        """A secret; empty when there is none or the keyring does not give it out."""
        found = self._read().get(name, "")
        for entry in self._entries(name):
            found = found or _keyring_get(entry)
        return found

    def drop(self, name: str) -> None:
        """Forget a secret, wherever it is."""
        self._drop_from_file(name)
        for entry in self._entries(name):
            _keyring_drop(entry)

    def _entries(self, name: str) -> list[str]:
        """Names in the keyring: by the project's public key, which moves with it; else by place."""
        by_place = f"{self._project}#{name}"
        try:
            key = (self._project / "keys" / "console.pub").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return [by_place]
        return [f"{key}#{name}", by_place]

    def _drop_from_file(self, name: str) -> None:
        known = self._read()
        if known.pop(name, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            what = getattr(error, "strerror", None) or "it is damaged"
            raise fault("U-804", name=f"The file {self._file.name}", what=what) from None
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def _write(self, known: dict[str, str]) -> None:
        part = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(known, out)
                out.flush()
                os.fsync(out.fileno())
            part.replace(self._file)
        except OSError as error:
            raise fault("U-804", name="Keeping a password", what=str(error.strerror)) from None


def _keyring_put(entry: str, text: str) -> bool:
    """True when a keyring took it and gives it back."""
    if os.environ.get(WHERE) == "file":
        return False
    try:
        import keyring

        if keyring.get_keyring().priority < 1:
            return False
        keyring.set_password(SERVICE, entry, text)
        return bool(keyring.get_password(SERVICE, entry) == text)
    except Exception:  # whatever a desktop's keyring does, the file is there
        return False


def _keyring_get(entry: str) -> str:
    if os.environ.get(WHERE) == "file":
        return ""
    try:
        import keyring

        return keyring.get_password(SERVICE, entry) or ""
    except Exception:
        return ""


def _keyring_drop(entry: str) -> None:
    if os.environ.get(WHERE) == "file":
        return
    try:
        import keyring

        if keyring.get_keyring().priority >= 1 and keyring.get_password(SERVICE, entry):
            keyring.delete_password(SERVICE, entry)
    except Exception:
        return
