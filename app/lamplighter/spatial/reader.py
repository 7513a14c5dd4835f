"""Reads one file, whatever it is: recognise, read, place, cut into tiles, report.

Nothing a file contains makes this raise: a file that cannot be taken gets one line with a code
in its report, and the next file is read. What was read is kept by content and frame, so the
same file is not read twice.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.domain.city import Frame
from lamplighter.domain.findings import Repair
from lamplighter.domain.importing import FileReport, ImportedFile, RegisterMapping
from lamplighter.domain.layers import TileInfo
from lamplighter.domain.problems import problem
from lamplighter.spatial import crs, repairs
from lamplighter.spatial.assemble import assemble
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.formats import recognise
from lamplighter.spatial.licences import terms_beside
from lamplighter.spatial.model import Cancelled, Refused, SourceModel
from lamplighter.spatial.network import Importers
from lamplighter.spatial.placing import Order
from lamplighter.spatial.register import read_register, take_spots
from lamplighter.spatial.scout import digest_of, expand

Progress = Callable[[int, int, str], None]
Box = tuple[float, float, float, float]
READER_VERSION: Final = 7
"""raised when the same file gives other tiles or assets than before; old caches then rest"""
MAX_FILE_BYTES: Final = 4_000_000_000


class FileWish(Struct, frozen=True):
    """What is known or wanted of one file beside the path."""

    digest: str = ""
    """hash of its content and its parts, when somebody has made it already"""
    parts: tuple[str, ...] = ()
    """files it is read together with"""
    key: str = ""
    """begin the names of its tiles so; empty: by content and frame"""
    epsg: int = 0
    """coordinate system for this file alone"""
    placement: tuple[float, ...] = ()
    """`Layer.placement` of the same file at its import before"""
    fit: Box | None = None
    """the box it was scaled into before"""
    repairs: tuple[Repair, ...] = ()
    """fixes of the check that stand for this content"""
    register: RegisterMapping | None = None
    """read it as a register, with this mapping"""
    again: bool = False
    """its reading ended a worker before: with less effort, where the reader has such a way"""


NO_WISH: Final = FileWish()


def read_file(
    path: Path,
    *,
    project_frame: Frame | None,
    epsg_override: int | None = None,
    tiles_folder: Path,
    progress: Progress = lambda done, total, text: None,
    cancelled: Callable[[], bool] = lambda: False,
    importers: Importers | None = None,
    fit: Box | None = None,
    points: PointsOrder = NO_POINTS,
    wish: FileWish = NO_WISH,
    roots: tuple[Path, ...] = (),
    ground: tuple[TileInfo, ...] = (),
) -> ImportedFile:
    """Read `path`; never raises for a bad file (`report.error` holds one line with its code).

    Without `project_frame` a placed file founds its own frame (see `choose_frame`). `fit` is a
    box (west, south, east, north, local metres) into which a network that has no place may be
    scaled; its evidence then says so. `points` place a file without a system. Tiles are written
    into `tiles_folder`. Licence texts are looked for beside the file, up to one of `roots`.
    `ground` are the tiles that GIS data without heights is laid on.
    """
    begun = time.monotonic()
    override = wish.epsg or epsg_override
    order = Order(tiles_folder, project_frame, override, wish.fit or fit, points, ground)

    def tell(done: int, total: int, text: str) -> None:
        if cancelled():
            raise Cancelled
        progress(done, total, text)

    try:
        with np.errstate(all="ignore"):  # absurd numbers become infinite and are left out later
            imported = _read(path, order, importers or {}, tell, wish)
        _state_terms(imported, path, roots)
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
    path: Path,
    order: Order,
    importers: Importers,
    tell: Progress,
    wish: FileWish,
) -> ImportedFile:
    folder = path.is_dir() and bool(wish.digest)
    if not path.is_file() and not folder:
        raise Refused("I-507", _what_it_is(path))
    size = 0 if folder else path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise Refused("I-502", f"{size / 1e9:.1f} GB (limit {MAX_FILE_BYTES / 1e9:.0f} GB)")
    tell(0, 4, "reading")
    parts = [Path(part) for part in wish.parts]
    digest = wish.digest or digest_of([path, *parts], path)
    key = wish.key or _key(digest, order, path.suffix.lower() in importers)
    if wish.repairs and not wish.key:
        key += repairs.digest(wish.repairs)
    order.tiles_folder.mkdir(parents=True, exist_ok=True)
    laid = f"{key}{_ground_key(order.ground)}"
    kept = _recall(order.tiles_folder, key, path) or _recall(order.tiles_folder, laid, path)
    if wish.register is not None:
        kept = None
    if kept is not None:
        tell(4, 4, "known")
        return kept
    source = repairs.renamed(path, wish.repairs, order.tiles_folder)
    try:
        if wish.register is None:
            model = recognise(source, importers, tell, order.tiles_folder, again=wish.again)
        else:
            model = read_register(source, wish.register, importers, tell, order.tiles_folder)
    finally:
        if source != path:
            shutil.rmtree(source.parent, ignore_errors=True)
    repairs.apply(model, wish.repairs, _metres(model, order))
    if not wish.key and any(feature.flat for feature in model.features):
        key = laid  # it lies elsewhere as soon as more ground is known
    imported = assemble(model, path, order, key, tell)
    imported.content_hash, imported.key = digest, key
    if wish.register is not None:
        take_spots(imported)
        return imported
    _remember(order.tiles_folder, key, imported)
    return imported


def _metres(model: SourceModel, order: Order) -> float:
    """Length of a unit of the file's coordinates, for tolerances; degrees are a rough length."""
    if model.unit_metres:
        return model.unit_metres
    number = order.override or crs.parse_name(model.crs_text) or model.assumed_crs
    known = crs.system(number) if number else None
    if known is None:
        return 1.0
    return known.metres if known.projected else 111_320.0


def _state_terms(imported: ImportedFile, path: Path, roots: tuple[Path, ...]) -> None:
    """Licence, attribution and date: from the file, else from what lies beside it."""
    layer, report = imported.layer, imported.report
    if layer is None:
        return
    changes: dict[str, str] = {}
    if layer.licence or layer.attribution:
        changes["terms_from"] = "the file"
    else:
        terms = terms_beside(path, roots)
        if terms.licence:
            changes = {
                "licence": terms.licence,
                "attribution": terms.attribution,
                "terms_from": terms.origin,
            }
    if not layer.date:
        changes["date"] = time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))
    layer = imported.layer = replace(layer, **changes)
    report.licence, report.attribution = layer.licence, layer.attribution
    report.date, report.terms_from = layer.date, layer.terms_from


def _what_it_is(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "it is no ordinary file" if path.exists() else "there is no such file"


def _key(digest: str, order: Order, by_plugin: bool) -> str:
    where = (
        f"{order.frame}|{order.override}|{order.fit}|{order.points}|{READER_VERSION}|{by_plugin}"
    )
    return f"{digest[:16]}{hashlib.blake2b(where.encode(), digest_size=4).hexdigest()}"


def _ground_key(ground: tuple[TileInfo, ...]) -> str:
    """Stands for what is known of the ground."""
    names = "|".join(tile.name for tile in ground).encode()
    return "g" + (hashlib.blake2b(names, digest_size=4).hexdigest() if ground else "")


def _recall(folder: Path, key: str, path: Path) -> ImportedFile | None:
    """What an earlier import of the same content found, when all its tiles are still there."""
    try:
        kept = msgspec.msgpack.decode((folder / f"{key}.import").read_bytes(), type=ImportedFile)
    except (OSError, msgspec.MsgspecError):
        return None
    if Path(kept.report.file).name != path.name:
        return None
    names = set(kept.tiles) | {t.name for t in (kept.layer.tiles if kept.layer else ())}
    if not all((folder / name).is_file() for name in names):
        return None
    if kept.layer is not None:
        kept.layer = replace(kept.layer, source_file=str(path))
    kept.report.file = str(path)
    return kept


def _remember(folder: Path, key: str, imported: ImportedFile) -> None:
    partial = folder / f"{key}.{os.getpid()}.part"
    partial.write_bytes(msgspec.msgpack.encode(imported))
    partial.replace(folder / f"{key}.import")


def choose_frame(imported: list[ImportedFile]) -> Frame | None:
    """The frame of a new project: that of the first file that was placed; None without one."""
    for item in imported:
        if item.suggested_epsg and item.report.error is None:
            east, north = item.suggested_origin
            return Frame(epsg=item.suggested_epsg, east=east, north=north)
    return None


__all__ = ["FileWish", "choose_frame", "expand", "read_file"]
