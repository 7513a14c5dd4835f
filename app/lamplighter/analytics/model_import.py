"""A model package that somebody brings: unpacked and tried in a worker, never in the console.

A package is a zip (or a folder) of a manifest, a model and tables. `unpack` copies plain files of
bounded size and nothing else; `try_it` opens what the console has found signed and asks it for
numbers. Whatever goes wrong goes wrong in the worker.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path
from typing import IO, Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics import fleet, hazard, model_files
from lamplighter.analytics.model_archive import NotAllowed, look_at_tables
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.domain.task import Progress

MOST_FILES: Final = 16
PIECE: Final = 1_000_000
FLEET: Final = "maintenance"


class UnpackRequest(Struct, frozen=True):
    name: str
    """how people call it"""
    file: str
    """a zip or a folder"""
    folder: str
    """an empty folder to be made, below the cache"""


class TryRequest(Struct, frozen=True):
    name: str
    folder: str
    files: dict[str, str]
    """of the checked manifest"""
    kind: str


def unpack(payload: UnpackRequest, progress: Progress) -> list[str]:
    """The names of the files copied. Raises LamplighterError (P-603, P-610)."""
    file, folder = Path(payload.file), Path(payload.folder)
    folder.mkdir(parents=True)
    try:
        if file.is_dir():
            return _copy_folder(file, folder)
        with zipfile.ZipFile(file) as archive:
            return _copy_zip(archive, folder)
    except LamplighterError:
        raise
    except NotAllowed as error:
        raise not_taken(payload.name, f"it holds {error}") from None
    except zipfile.BadZipFile:
        raise not_taken(payload.name, "it is no whole model package") from None
    except Exception as error:
        raise not_taken(payload.name, f"it cannot be read: {type(error).__name__}") from None


def _copy_folder(source: Path, folder: Path) -> list[str]:
    found = sorted(source.iterdir())
    if len(found) > MOST_FILES:
        raise NotAllowed(f"{len(found):,} files")
    for file in found:
        model_files.refuse_by_name(file)
        if file.is_symlink() or not file.is_file():
            raise NotAllowed(f"{file.name[:40]!r}, which is no plain file")
        with file.open("rb") as opened:
            _copy(file.name, opened, folder)
    return [file.name for file in found]


def _copy_zip(archive: zipfile.ZipFile, folder: Path) -> list[str]:
    parts = archive.infolist()
    if len(parts) > MOST_FILES:
        raise NotAllowed(f"{len(parts):,} files")
    names = [part.filename for part in parts]
    if len(set(names)) < len(names):
        raise NotAllowed("two files of one name")
    for part in parts:
        inside = Path(part.filename)
        model_files.refuse_by_name(inside)
        kind = stat.S_IFMT(part.external_attr >> 16)
        plain = inside.name == part.filename and "\\" not in part.filename and inside.name
        if not plain or kind not in (0, stat.S_IFREG):
            raise NotAllowed(f"{part.filename[:40]!r}, which is no plain file")
        with archive.open(part) as opened:
            _copy(part.filename, opened, folder)
    return names


def _copy(name: str, opened: IO[bytes], folder: Path) -> None:
    left = model_files.MOST_BYTES
    with (folder / name).open("xb") as out:
        while piece := opened.read(PIECE):
            left -= len(piece)
            if left < 0:
                raise NotAllowed(f"{name[:40]!r}, which is larger than any model")
            out.write(piece)


def try_it(payload: TryRequest, progress: Progress) -> str:
    """Open the files with the allow-list and ask for numbers; what was found in a few words.

    Raises LamplighterError (P-603, P-604, P-610).
    """
    folder = Path(payload.folder)
    if set(payload.files) == {model_files.TABLES}:
        model_files.verify_files(folder, payload.files)
        try:
            look_at_tables(folder / model_files.TABLES)
        except NotAllowed as error:
            raise not_taken(payload.name, f"it holds {error}") from None
        except Exception as error:
            raise not_taken(payload.name, f"its tables: {type(error).__name__}") from None
        return "tables"
    model, tables = model_files.load(folder, payload.files)
    if payload.kind == FLEET or payload.kind.startswith(f"{FLEET}-"):
        try:
            _ask_fleet(model, tables)
        except NotAllowed as error:
            raise not_taken(payload.name, str(error)) from None
        except Exception as error:
            text = f"it gives no forecast: {type(error).__name__}"
            raise not_taken(payload.name, text) from None
    return type(model).__name__


def _ask_fleet(model: object, tables: dict[str, np.ndarray]) -> None:
    signals = fleet.feature_signals(tuple(str(s) for s in tables["signals"]))
    low, high = tables["lowest"], tables["highest"]
    if low.shape != (len(signals) * len(fleet.WINDOWS),) or high.shape != low.shape:
        raise NotAllowed("its tables do not fit each other")
    inputs = np.stack([low, (low + high) / 2, high])
    with hazard.one_thread():
        curve = hazard.survival(model, np.nan_to_num(inputs))
    if not np.isfinite(curve).all() or (curve < 0).any() or (curve > 1).any():
        raise NotAllowed("it gives no number where it should")


def not_taken(name: str, what: str) -> LamplighterError:
    """P-610 for a package of this name."""
    return fault("P-610", name=name, what=what)


def remove(folder: Path) -> None:
    """What is left of an import that failed."""
    shutil.rmtree(folder, ignore_errors=True)
