"""The import as a task of a worker process.

What an import finds can be far larger than one message, so the worker leaves it in a file of
the cache folder and answers with its name; `take` reads it on the other side.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.problems import fault
from lamplighter.spatial.control_points import PointsOrder
from lamplighter.spatial.ground import known_tiles, load_known
from lamplighter.spatial.network import load_importers
from lamplighter.spatial.reader import NO_WISH, FileWish, choose_frame, read_file
from lamplighter.spatial.scout import Scouted, scout

T = TypeVar("T")


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
    wishes: dict[str, FileWish] = {}
    """path -> what is known or wanted of that file"""
    roots: tuple[str, ...] = ()
    """what the user named; licence texts are looked for no further up"""
    result: str = ""
    """what the result files begin with"""
    ground: str = ""
    """file that names the tiles the ground may be taken from (`ground.save_known`)"""


class ImportAnswer(Struct, frozen=True):
    """`result` is what the files to `take` begin with; `frame` the project's frame now."""

    result: str
    frame: Frame | None
    count: int = 0
    peak_mb: float = 0.0
    """the most memory this worker held"""


class ScoutOrder(Struct, frozen=True):
    """What somebody wants imported, to be looked at first; absolute paths."""

    paths: tuple[str, ...]
    endings: tuple[str, ...]
    """those of plugin importers"""
    tiles_folder: str


class ScoutAnswer(Struct, frozen=True):
    """`result` is the file to `take_scouted`."""

    result: str


def scout_paths(order: ScoutOrder, progress: Callable[[int, int, str], None]) -> ScoutAnswer:
    """Tell what lies in the paths and what belongs together."""
    found = scout([Path(path) for path in order.paths], order.endings, progress)
    folder = Path(order.tiles_folder)
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / f"scout-{os.getpid()}.result"
    result.write_bytes(msgspec.msgpack.encode(found))
    return ScoutAnswer(str(result))


def take_scouted(answer: ScoutAnswer) -> Scouted:
    """Read and remove the result. Raises LamplighterError (I-508) when it is damaged."""
    return _taken(Path(answer.result), Scouted)


def import_files(order: ImportOrder, progress: Callable[[int, int, str], None]) -> ImportAnswer:
    """Read the files one after the other; bad files are in their reports and never end it.

    The first that says where it lies founds the frame when the order has none. Each result is
    left in a file of its own as soon as it is there, so that a file that kills the worker takes
    nothing with it.
    """
    folder = Path(order.tiles_folder)
    folder.mkdir(parents=True, exist_ok=True)
    importers = load_importers([Path(path) for path in order.importers])
    begins = order.result or str(folder / f"import-{os.getpid()}")
    frame, total = order.frame, 1000 * len(order.paths)
    ground = load_known(Path(order.ground)) if order.ground else ()
    for number, name in enumerate(order.paths):
        path = Path(name)
        wish = order.wishes.get(name, NO_WISH)
        kept = wish.placement or order.placement
        progress(number * 1000, total, path.name)
        found = read_file(
            path,
            project_frame=frame,
            epsg_override=order.epsg,
            tiles_folder=folder,
            progress=lambda done, of, text, n=number, p=path: progress(  # type: ignore[misc]
                n * 1000 + min(1000 * done // of if of > 0 else 0, 1000), total, p.name
            ),
            importers=importers,
            fit=order.city_box if order.fit else None,
            points=PointsOrder(order.two_points, order.fixed_scale, kept),
            wish=wish,
            roots=tuple(Path(root) for root in order.roots),
            ground=ground,
        )
        ground += known_tiles(found.layer)
        frame = frame or choose_frame([found])
        _leave(result_file(begins, number), found)
    return ImportAnswer(begins, frame, len(order.paths), _peak_mb())


def result_file(begins: str, number: int) -> Path:
    """Where the worker leaves what it found in the file of that number."""
    return Path(f"{begins}-{number}.result")


def _leave(path: Path, found: ImportedFile) -> None:
    partial = path.with_suffix(".part")
    partial.write_bytes(msgspec.msgpack.encode(found))
    partial.replace(path)


def _peak_mb() -> float:
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000.0


def take(answer: ImportAnswer) -> list[ImportedFile]:
    """Read and remove the result files. Raises LamplighterError (I-508) when one is damaged."""
    return [take_one(result_file(answer.result, number)) for number in range(answer.count)]


def take_one(path: Path) -> ImportedFile:
    """Read and remove one result file. Raises LamplighterError (I-508) when it is damaged."""
    return _taken(path, ImportedFile)


def _taken(path: Path, kind: type[T]) -> T:
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise fault("I-508", name=path.name, what="its result could not be read") from error
    path.unlink(missing_ok=True)
    return found
