"""The console's signing key: one Ed25519 key per project, readable by its owner alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

PRIVATE: Final = "console.key"
PUBLIC: Final = "console.pub"
EARLIER: Final = "earlier"
"""public keys this console signed with before, one file each"""


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key in `folder`, made on first use (0600); its public half lies beside it as 64 hex."""
    folder.mkdir(parents=True, exist_ok=True)
    private = folder / PRIVATE
    raw = private.read_bytes() if private.exists() else b""
    if raw:
        key = Ed25519PrivateKey.from_private_bytes(raw)
    else:
        key = Ed25519PrivateKey.generate()
        private.unlink(missing_ok=True)  # empty: the power went while it was made
        _put(private, _raw(key), 0o600)
    public = (public_hex(key) + "\n").encode("ascii")
    if not raw:
        _put(folder / PUBLIC, public, 0o644)
    elif not (folder / PUBLIC).exists():
        with contextlib.suppress(OSError):  # who only reads can do without it
            _put(folder / PUBLIC, public, 0o644)
    return key


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )


def _put(file: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, also when the power goes: a cut key would close the project.

    Raises FileExistsError for a private key that somebody else has just made.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    if file.exists() and file.name == PRIVATE:
        part.unlink()
        raise FileExistsError(f"{file} was made meanwhile")
    part.replace(file)


def signed_by_console(folder: Path) -> Callable[[bytes, bytes], bool] | None:
    """(data, signature) -> whether the console of this project signed it, now or before, by the
    public keys in `folder`; None when there is no such key.
    """
    keys = earlier_keys(folder)
    try:
        raw = bytes.fromhex((folder / PUBLIC).read_text(encoding="ascii").strip())
        keys.insert(0, Ed25519PublicKey.from_public_bytes(raw))
    except (OSError, ValueError):
        pass
    if not keys:
        return None

    def check(data: bytes, signature: bytes) -> bool:
        for key in keys:
            try:
                key.verify(signature, data)
            except InvalidSignature:
                continue
            return True
        return False

    return check


def public_hex(key: Ed25519PrivateKey) -> str:
    """64 hexadecimal characters: what a device is given to trust this console."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        .hex()
    )


def retire(folder: Path) -> bool:
    """Where the public key alone is there (a backup without its private half) it becomes an
    earlier key: what it signed stays provable, and a new key is made on first use. Says whether.
    """
    public = folder / PUBLIC
    if (folder / PRIVATE).exists() or not public.exists():
        return False
    (folder / EARLIER).mkdir(exist_ok=True)
    public.replace(folder / EARLIER / f"{public.read_text(encoding='ascii').strip()[:16]}.pub")
    return True


def earlier_keys(folder: Path) -> list[Ed25519PublicKey]:
    """Keys this console signed with before; what is no key is passed over."""
    found = []
    for file in sorted((folder / EARLIER).glob("*.pub")):
        try:
            raw = bytes.fromhex(file.read_text(encoding="ascii").strip())
            found.append(Ed25519PublicKey.from_public_bytes(raw))
        except (OSError, ValueError):
            continue
    return found
