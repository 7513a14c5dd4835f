"""The import as a task of a worker process.

What an import finds can be far larger than one message, so the worker leaves it in a file of
the cache folder and answers with its name; `take` reads it on the other side.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.problems import fault
from lamplighter.spatial.batch import import_paths
from lamplighter.spatial.control_points import PointsOrder
from lamplighter.spatial.network import load_importers


class ImportOrder(Struct, frozen=True):
    """What the worker is asked to import; all paths absolute."""

    paths: tuple[str, ...]
    tiles_folder: str
    """the project's `cache/tiles`"""
    frame: Frame | None = None
    epsg: int | None = None
    """coordinate system the user gives"""
    importers: tuple[str, ...] = ()
    """`importer.py` files of the plugins that are switched on"""
    fit: bool = False
    city_box: tuple[float, float, float, float] | None = None
    """west, south, east, north of the city in local metres; for `fit`"""
    two_points: str = ""
    """`x1,y1=LON1,LAT1;x2,y2=LON2,LAT2`, places in `epsg` when that is given"""
    fixed_scale: bool = False
    """the points turn and shift the file; its scale is that of its unit"""
    placement: tuple[float, ...] = ()
    """`Layer.placement` of the same file at its import before"""
    known: str = ""
    """file with a msgpack mapping of known asset ids to their source files; empty for none"""


class ImportAnswer(Struct, frozen=True):
    """`result` is the file to `take`; `frame` the project's frame after this import."""

    result: str
    frame: Frame | None


def import_files(order: ImportOrder, progress: Callable[[int, int, str], None]) -> ImportAnswer:
    """Run the import; bad files are in their reports and never end it."""
    folder = Path(order.tiles_folder)
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, str] = {}
    if order.known:
        known = msgspec.msgpack.decode(Path(order.known).read_bytes(), type=dict[str, str])
    imported, frame = import_paths(
        [Path(path) for path in order.paths],
        project_frame=order.frame,
        tiles_folder=folder,
        epsg_override=order.epsg,
        importers=load_importers([Path(path) for path in order.importers]),
        fit=order.fit,
        points=PointsOrder(order.two_points, order.fixed_scale, order.placement),
        city_box=order.city_box,
        known=known,
        progress=progress,
    )
    result = folder / f"import-{os.getpid()}.result"
    result.write_bytes(msgspec.msgpack.encode(imported))
    return ImportAnswer(str(result), frame)


def take(answer: ImportAnswer) -> list[ImportedFile]:
    """Read and remove the result file. Raises LamplighterError (I-508) when it is damaged."""
    path = Path(answer.result)
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=list[ImportedFile])
    except (OSError, msgspec.MsgspecError) as error:
        raise fault("I-508", name=path.name, what="its result could not be read") from error
    path.unlink(missing_ok=True)
    return found
