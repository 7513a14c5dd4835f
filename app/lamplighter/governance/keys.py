"""The console's signing key: one Ed25519 key per project, readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE: Final = "console.key"
PUBLIC: Final = "console.pub"


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key in `folder`, made on first use (0600); its public half lies beside it as 64 hex."""
    folder.mkdir(parents=True, exist_ok=True)
    private = folder / PRIVATE
    if private.exists():
        return Ed25519PrivateKey.from_private_bytes(private.read_bytes())
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
    handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(raw)
    (folder / PUBLIC).write_text(public_hex(key) + "\n", encoding="ascii")
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """64 hexadecimal characters: what a device is given to trust this console."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        .hex()
    )
