"""A plugin folder's signature: what was signed is exactly what lies there.

`signature.json` holds the hash of every file and an Ed25519 signature over that list. A file that
is changed, missing or added makes the folder unsigned.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SIGNATURE_FILE: Final = "signature.json"
_FORMAT: Final = "lamplighter-plugin-1"
_SKIPPED: Final = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
_MAX_BYTES: Final = 1_000_000


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by relative path (with `/`) of every file that counts.

    Raises ValueError for a link: what it points to could change after signing.
    """
    hashes = {}
    for file in sorted(_files(folder)):
        if file.is_symlink():
            raise ValueError(f"{file.name} is a link")
        name = file.relative_to(folder).as_posix()
        hashes[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return hashes


def sign_folder(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Writes `signature.json` and returns its path."""
    hashes = file_hashes(folder)
    document = {
        "format": _FORMAT,
        "files": hashes,
        "key": public_text(key.public_key()),
        "signature": base64.b64encode(key.sign(_canonical(hashes))).decode(),
    }
    target = folder / SIGNATURE_FILE
    target.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return target


def verify_folder(folder: Path, trusted: Iterable[str]) -> str:
    """Empty when a trusted key signed exactly this content, else what is wrong.

    `trusted` are public keys as `public_text` gives them.
    """
    try:
        hashes = signed_hashes(folder, trusted)
        found = file_hashes(folder)
    except (OSError, ValueError) as error:
        return str(error)
    changed = sorted(n for n in hashes.keys() | found.keys() if hashes.get(n) != found.get(n))
    return f"{changed[0]} is not as it was signed" if changed else ""


def signed_hashes(folder: Path, trusted: Iterable[str]) -> dict[str, str]:
    """SHA-256 by relative path, as a trusted key signed them; what lies there is not looked at.

    Raises ValueError that says why there is no such signature.
    """
    target = folder / SIGNATURE_FILE
    try:
        if target.stat().st_size > _MAX_BYTES:
            raise ValueError("its signature file is too large")
        document = json.loads(target.read_text(encoding="utf-8"))
        hashes, key = document["files"], document["key"]
        signature = base64.b64decode(document["signature"], validate=True)
        known = document["format"] == _FORMAT and isinstance(hashes, dict)
        if known and key in set(trusted):
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
            public.verify(signature, _canonical(hashes))
            return {str(name): str(digest) for name, digest in hashes.items()}
    except FileNotFoundError:
        raise ValueError("it is not signed") from None
    except InvalidSignature:
        raise ValueError("its signature is not valid") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"its signature cannot be read ({error})") from error
    if not known:
        raise ValueError("its signature is of an unknown form")
    raise ValueError("it is signed by a key that is not trusted here")


def public_text(key: Ed25519PublicKey) -> str:
    """The key in base64, as it stands in settings and signatures."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def _files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in _SKIPPED or entry.name == SIGNATURE_FILE:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
        else:
            yield entry


def _canonical(hashes: dict[str, str]) -> bytes:
    return json.dumps(hashes, sort_keys=True, separators=(",", ":")).encode()
