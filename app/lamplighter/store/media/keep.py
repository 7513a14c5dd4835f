"""Puts a file under the hash of its content into a project's `media` folder, once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lamplighter.domain.attachments import ENDINGS, PHOTOS, media_place
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.store.media.photos import clean
from lamplighter.store.media.sniff import Unfit, kind_of

LIMIT: Final = 100_000_000
"""bytes of one file"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that lies in `media` now."""

    file: str
    kind: str
    size: int
    width: int = 0
    height: int = 0
    taken_ms: int = 0


def keep_file(project: Path, path: Path) -> Kept:
    """Check a file, free a photo of hidden facts and keep it.

    Raises LamplighterError (I-531) in one line; nothing is left of a file that is refused.
    """
    name = path.name
    try:
        data = _read(path)
        kind = kind_of(data)
        width = height = taken = 0
        if kind in PHOTOS:
            photo = clean(kind, data)
            data, width, height, taken = photo.data, photo.width, photo.height, photo.taken_ms
        file = f"{hashlib.blake2b(data, digest_size=20).hexdigest()}.{ENDINGS[kind]}"
        _write(project.joinpath(*media_place(file)), data)
    except Unfit as error:
        raise _no(name, str(error)) from None
    except OSError as error:
        raise _no(name, (error.strerror or str(error)).lower()) from error
    return Kept(file, kind, len(data), width, height, taken)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise Unfit("it is a folder")
    with path.open("rb") as handle:
        about = os.fstat(handle.fileno())
        if about.st_size > LIMIT:
            raise Unfit(f"it has {about.st_size / 1e6:,.0f} MB, {LIMIT / 1e6:,.0f} are taken")
        data = handle.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise Unfit(f"it has more than {LIMIT / 1e6:,.0f} MB")
    return data


def _write(place: Path, data: bytes) -> None:
    """Whole and forced to disk, or not at all."""
    if place.is_file() and place.stat().st_size == len(data):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(place)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _no(name: str, what: str) -> LamplighterError:
    return fault("I-531", name=name, what=what)
