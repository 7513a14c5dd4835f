"""Model files: named by a signed manifest first, opened with an allow-list second, never pickled.

The core signs and checks (`sign`, `check`); only a worker opens (`load`). A format that can run
code is refused by its name and by its first bytes, before anything reads it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lamplighter.analytics.model_archive import (
    NotAllowed,
    look_at_model,
    look_at_tables,
    write_same,
)
from lamplighter.domain.problems import LamplighterError, fault

MANIFEST: Final = "manifest.json"
MODEL: Final = "model.skops"
TABLES: Final = "tables.npz"
REFUSED: Final = frozenset({".pkl", ".pickle", ".joblib", ".onnx", ".sav", ".dill", ".pt", ".h5"})
TRUSTED: Final = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
MOST_BYTES: Final = 200_000_000
MOST_MANIFEST: Final = 2_000_000
_PICKLE_START: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

_UNSIGNED: Final = "its model is not signed by this console"


class Manifest(msgspec.Struct, frozen=True):
    """What a model folder holds; the signature covers all of it but itself."""

    files: dict[str, str]
    """name -> sha256"""
    card: dict[str, Any]
    signature: str = ""

    def signed_bytes(self) -> bytes:
        body = {"files": self.files, "card": self.card}
        return msgspec.json.encode(body, order="deterministic")


class Kept(msgspec.Struct, frozen=True):
    """A folder whose manifest was checked, and the files it names: what a worker opens."""

    folder: str
    files: dict[str, str]


def sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sign(
    folder: Path, files: dict[str, str], card: dict[str, Any], key: Ed25519PrivateKey
) -> Manifest:
    """Write the manifest of a folder whose files have just been made, with these hashes."""
    unsigned = Manifest(files, card)
    manifest = Manifest(files, card, key.sign(unsigned.signed_bytes()).hex())
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def check(folder: Path, key: Ed25519PublicKey) -> Manifest:
    """The manifest, when it is signed by `key` and every file is as it says.

    Raises LamplighterError: P-603 for a format that is never opened, P-604 for everything else.
    """
    manifest = read_manifest(folder)
    try:
        key.verify(bytes.fromhex(manifest.signature), manifest.signed_bytes())
    except (ValueError, InvalidSignature):
        raise _no_forecast(folder.name, _UNSIGNED) from None
    verify_files(folder, manifest.files)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder that holds plain files alone; its signature is not checked yet.

    Raises LamplighterError (P-603, P-604) as `check` does.
    """
    try:
        found = sorted(folder.iterdir())
        for file in found:
            refuse_by_name(file)
        if any(file.is_symlink() or not file.is_file() for file in found):
            raise _no_forecast(folder.name, "its folder holds more than plain files")
        if (folder / MANIFEST).stat().st_size > MOST_MANIFEST:
            raise _no_forecast(folder.name, "its manifest is larger than any model needs")
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, ValueError, RecursionError):
        raise _no_forecast(folder.name, _UNSIGNED) from None
    if {f.name for f in found} != {MANIFEST, *manifest.files}:
        raise _no_forecast(folder.name, "its manifest names other files than there are")
    return manifest


def refuse_by_name(file: Path) -> None:
    """Raises LamplighterError (P-603) for a model format that can run code."""
    if file.suffix.lower() in REFUSED:
        raise fault("P-603", name=file.name)


def starts_like_pickle(first: bytes) -> bool:
    """Whether these two bytes begin a pickle."""
    return first in _PICKLE_START


def verify_files(folder: Path, files: dict[str, str]) -> None:
    """Raises LamplighterError when a file is missing, changed, too large or of a refused format."""
    for name, expected in files.items():
        file = folder / name
        refuse_by_name(file)
        plain = Path(name).name == name and not file.is_symlink() and file.is_file()
        if not plain or file.stat().st_size > MOST_BYTES:
            raise _no_forecast(folder.name, f"its model file {name} is missing or too large")
        if sha256(file) != expected:
            raise _no_forecast(folder.name, f"its model file {name} was changed")
        with file.open("rb") as handle:
            if starts_like_pickle(handle.read(2)):
                raise fault("P-603", name=name)


def save(folder: Path, model: Any, tables: dict[str, np.ndarray]) -> dict[str, str]:
    """Write model and tables; returns name -> sha256 of what was written.

    The same model and tables are the same bytes, so equal hashes mean equal models.
    """
    from skops import io

    folder.mkdir(parents=True, exist_ok=True)
    write_same(io.dumps(model), folder / MODEL)
    np.savez_compressed(folder / TABLES, **tables)  # type: ignore[arg-type]
    return {name: sha256(folder / name) for name in (MODEL, TABLES)}


def load(folder: Path, files: dict[str, str]) -> tuple[Any, dict[str, np.ndarray]]:
    """(model, tables) of a folder whose manifest was checked. For workers only.

    Raises LamplighterError when a file is not what `files` says or holds a type beyond the
    allow-list.
    """
    from skops import io

    if set(files) != {MODEL, TABLES}:
        raise _no_forecast(folder.name, "its model has other files than expected")
    verify_files(folder, files)
    try:
        look_at_model(folder / MODEL)
        look_at_tables(folder / TABLES)
        unknown = set(io.get_untrusted_types(file=folder / MODEL)) - set(TRUSTED)
        if unknown:
            raise _no_forecast(folder.name, f"its model holds {sorted(unknown)[0]}")
        model = io.load(folder / MODEL, trusted=list(TRUSTED))
        with np.load(folder / TABLES, allow_pickle=False) as opened:
            tables = {name: opened[name] for name in opened.files}
    except LamplighterError:
        raise
    except NotAllowed as error:
        raise _no_forecast(folder.name, f"its model holds {error}") from None
    except Exception as error:
        text = f"its model cannot be read: {type(error).__name__}"
        raise _no_forecast(folder.name, text) from None
    return model, tables


def _no_forecast(name: str, what: str) -> LamplighterError:
    return fault("P-604", name=name, what=what)
