"""Reads one file, whatever it is: recognise, read, place, cut into tiles, report.

Nothing a file contains makes this raise: a file that cannot be taken gets one line with a code
in its report, and the next file is read.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import FileReport, ImportedFile
from lamplighter.domain.problems import problem
from lamplighter.spatial import cityjson
from lamplighter.spatial.assemble import assemble
from lamplighter.spatial.model import Cancelled, Refused, SourceModel

Progress = Callable[[int, int, str], None]
READER_VERSION: Final = "1"
MAX_FILE_BYTES: Final = 4_000_000_000


def read_file(
    path: Path,
    *,
    project_frame: Frame | None,
    epsg_override: int | None = None,
    tiles_folder: Path,
    progress: Progress = lambda done, total, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportedFile:
    """Read `path`; never raises for a bad file (`report.error` holds one line with its code)."""
    begun = time.monotonic()

    def tell(done: int, total: int, text: str) -> None:
        if cancelled():
            raise Cancelled
        progress(done, total, text)

    try:
        imported = _read(path, project_frame, epsg_override, tiles_folder, tell)
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
    imported.report.seconds = round(time.monotonic() - begun, 3)
    return imported


def _failed(path: Path, code: str, what: str) -> ImportedFile:
    line = " ".join(what.split())[:300]
    text = str(problem(code, name=path.name, what=line))
    return ImportedFile(report=FileReport(file=str(path), error=text))


def _read(
    path: Path, frame: Frame | None, override: int | None, tiles_folder: Path, tell: Progress
) -> ImportedFile:
    if not path.is_file():
        raise Refused("I-507", "it is a folder" if path.is_dir() else "there is no such file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise Refused("I-502", f"{path.stat().st_size / 1e9:.1f} GB")
    tell(0, 4, "reading")
    data = path.read_bytes()
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    where = f"{frame}{override}{READER_VERSION}".encode()
    key = f"{digest[:16]}{hashlib.blake2b(where, digest_size=4).hexdigest()}"
    model = _model(path, data, tell)
    imported = assemble(model, path, frame, override, tiles_folder, key, tell)
    imported.content_hash = digest
    return imported


def _model(path: Path, data: bytes, tell: Progress) -> SourceModel:
    if not data:
        raise Refused("I-503", "it is empty")
    if cityjson.looks_like(data[:100_000]):
        return cityjson.read(data, tell)
    raise Refused("I-504", f"'{path.suffix or 'no ending'}'")


def choose_frame(imported: list[ImportedFile]) -> Frame | None:
    """The frame of a new project: that of the first file that was placed; None without one."""
    for item in imported:
        if item.suggested_epsg:
            east, north = item.suggested_origin
            return Frame(epsg=item.suggested_epsg, east=east, north=north)
    return None
