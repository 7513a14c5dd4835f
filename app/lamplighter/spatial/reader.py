"""Reads one file, whatever it is: recognise, read, place, cut into tiles, report.

Nothing a file contains makes this raise: a file that cannot be taken gets one line with a code
in its report, and the next file is read. What was read is kept by content and frame, so the
same file is not read twice.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import FileReport, ImportedFile
from lamplighter.domain.problems import problem
from lamplighter.spatial.assemble import Order, assemble
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.formats import ENDINGS, recognise
from lamplighter.spatial.model import Cancelled, Refused
from lamplighter.spatial.network import Importer

Progress = Callable[[int, int, str], None]
Box = tuple[float, float, float, float]
READER_VERSION: Final = 3
"""raised when the same file gives other tiles or assets than before; old caches then rest"""
MAX_FILE_BYTES: Final = 4_000_000_000
MAX_FILES: Final = 100_000


def read_file(
    path: Path,
    *,
    project_frame: Frame | None,
    epsg_override: int | None = None,
    tiles_folder: Path,
    progress: Progress = lambda done, total, text: None,
    cancelled: Callable[[], bool] = lambda: False,
    importers: Mapping[str, Importer] | None = None,
    fit: Box | None = None,
    points: PointsOrder = NO_POINTS,
) -> ImportedFile:
    """Read `path`; never raises for a bad file (`report.error` holds one line with its code).

    Without `project_frame` a placed file founds its own frame (see `choose_frame`). `fit` is a
    box (west, south, east, north, local metres) into which a network that has no place may be
    scaled; its evidence then says so. `points` place a file
    without a system. Tiles are written into `tiles_folder`.
    """
    begun = time.monotonic()
    order = Order(tiles_folder, project_frame, epsg_override, fit, points)

    def tell(done: int, total: int, text: str) -> None:
        if cancelled():
            raise Cancelled
        progress(done, total, text)

    try:
        with np.errstate(all="ignore"):  # absurd numbers become infinite and are left out later
            imported = _read(path, order, importers or {}, tell)
    except Refused as refused:
        imported = _failed(path, refused.code, refused.what)
    except Cancelled:
        imported = _failed(path, "I-508", "it was cancelled")
    except MemoryError:
        imported = _failed(path, "I-508", "it needs more memory than allowed")
    except RecursionError:
        imported = _failed(path, "I-503", "it is nested too deeply")
    except OSError as error:
        imported = _failed(path, "I-507", error.strerror or type(error).__name__)
    except Exception as error:
        imported = _failed(path, "I-503", f"its reader failed: {type(error).__name__}: {error}")
    imported.report.seconds = round(time.monotonic() - begun, 3)
    return imported


def _failed(path: Path, code: str, what: str) -> ImportedFile:
    line = " ".join("".join(c if c.isprintable() else " " for c in what).split())[:300]
    text = str(problem(code, name=path.name, what=line))
    return ImportedFile(report=FileReport(file=str(path), error=text))


def _read(
    path: Path, order: Order, importers: Mapping[str, Importer], tell: Progress
) -> ImportedFile:
    if not path.is_file():
        raise Refused("I-507", _what_it_is(path))
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise Refused("I-502", f"{size / 1e9:.1f} GB (limit {MAX_FILE_BYTES / 1e9:.0f} GB)")
    tell(0, 4, "reading")
    digest = _digest(path)
    key = _key(digest, order, path.suffix.lower() in importers)
    order.tiles_folder.mkdir(parents=True, exist_ok=True)
    kept = _recall(order.tiles_folder, key, path)
    if kept is not None:
        tell(4, 4, "known")
        return kept
    model = recognise(path, importers, tell, order.tiles_folder)
    imported = assemble(model, path, order, key, tell)
    imported.content_hash = digest
    _remember(order.tiles_folder, key, imported)
    return imported


def _what_it_is(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "it is no ordinary file" if path.exists() else "there is no such file"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _key(digest: str, order: Order, by_plugin: bool) -> str:
    where = (
        f"{order.frame}|{order.override}|{order.fit}|{order.points}|{READER_VERSION}|{by_plugin}"
    )
    return f"{digest[:16]}{hashlib.blake2b(where.encode(), digest_size=4).hexdigest()}"


def _recall(folder: Path, key: str, path: Path) -> ImportedFile | None:
    """What an earlier import of the same content found, when all its tiles are still there."""
    try:
        kept = msgspec.msgpack.decode((folder / f"{key}.import").read_bytes(), type=ImportedFile)
    except (OSError, msgspec.MsgspecError):
        return None
    if Path(kept.report.file).name != path.name:
        return None
    if not all((folder / name).is_file() for name in kept.tiles):
        return None
    kept.report.file = str(path)
    return kept


def _remember(folder: Path, key: str, imported: ImportedFile) -> None:
    partial = folder / f"{key}.{os.getpid()}.part"
    partial.write_bytes(msgspec.msgpack.encode(imported))
    partial.replace(folder / f"{key}.import")


def expand(paths: list[Path], endings: tuple[str, ...] = ()) -> list[Path]:
    """Files as given; folders become the files in them, recursively, in a stable order.

    Inside a folder hidden files and files that only accompany others (textures, licences,
    texts) are passed over; every other file is returned, also of unknown format, so that it can
    be reported. `endings` are those of plugin importers. Links out of a folder are not followed.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for folder, names, files in os.walk(path, followlinks=False):
            names[:] = sorted(name for name in names if not name.startswith("."))
            here = Path(folder)
            for name in sorted(files):
                if _belongs(here / name, endings):
                    found.append(here / name)
                if len(found) >= MAX_FILES:
                    return found
    return found


_COMPANIONS: Final = frozenset(
    {".jpg", ".jpeg", ".png", ".txt", ".md", ".pdf", ".dbf", ".shx", ".prj", ".cpg", ".qix",
     ".sbn", ".sbx", ".xsd", ".wld", ".jgw", ".html", ".toml", ""}
)  # fmt: skip


def _belongs(path: Path, endings: tuple[str, ...]) -> bool:
    ending = path.suffix.lower()
    if path.name.startswith(".") or path.is_symlink():
        return False
    return ending in ENDINGS or ending in endings or ending not in _COMPANIONS


def choose_frame(imported: list[ImportedFile]) -> Frame | None:
    """The frame of a new project: that of the first file that was placed; None without one."""
    for item in imported:
        if item.suggested_epsg and item.report.error is None:
            east, north = item.suggested_origin
            return Frame(epsg=item.suggested_epsg, east=east, north=north)
    return None
