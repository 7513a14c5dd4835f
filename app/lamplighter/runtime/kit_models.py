"""Models that came in a field kit: proved by their console's key, then signed with this one's.

A model is believed only under a project's own signature. What is not signed by the console the kit
came from is thrown away, and this project learns its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lamplighter.analytics import model_files
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.model_registry import FOLDER

log = structlog.get_logger(__name__)


def adopt_models(project: Path, theirs: bytes, mine: Ed25519PrivateKey) -> None:
    """Every folder with a manifest under `models`."""
    their_key = Ed25519PublicKey.from_public_bytes(theirs)
    root = project / FOLDER
    for manifest in sorted(root.rglob(model_files.MANIFEST)):
        folder = manifest.parent
        try:
            model_files.check(folder, mine.public_key())
            continue  # signed here already
        except (LamplighterError, OSError):
            pass
        try:
            found = model_files.check(folder, their_key)
            model_files.sign(folder, found.files, found.card, mine)
        except (LamplighterError, OSError, ValueError) as error:
            log.warning("model of a kit not taken", folder=folder.name, why=str(error))
            shutil.rmtree(folder, ignore_errors=True)
