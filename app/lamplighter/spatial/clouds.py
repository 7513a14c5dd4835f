"""Point clouds: LAS and LAZ of every version (also COPC), and plain text with one point a line.

A scan may hold more points than a machine without a graphics card can draw. It is read piece by
piece, every so many-th point is kept, and the report says how many were read and how many kept.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.spatial.cloud_place import place_by
from lamplighter.spatial.model import Cloud, Feature, Floats, Refused, SourceModel

if TYPE_CHECKING:
    import laspy

Progress = Callable[[int, int, str], None]
Colours = npt.NDArray[np.uint8]
ENDINGS: Final = (".las", ".laz", ".xyz", ".pts")
MAX_POINTS: Final = 3_000_000
_CHUNK: Final = 500_000
_TEXT_LINE: Final = re.compile(rb"[-+0-9.eE]+([ \t,;]+[-+0-9.eE]+){2,9}[ \t]*\r?")
_GREY: Final = 185
CLASSES: Final = {
    0: "never classified", 1: "unclassified", 2: "ground", 3: "low vegetation",
    4: "medium vegetation", 5: "high vegetation", 6: "building", 7: "low noise", 8: "key point",
    9: "water", 10: "rail", 11: "road surface", 12: "overlap", 13: "wire guard", 14: "wire",
    15: "tower", 16: "wire connector", 17: "bridge deck", 18: "high noise",
}  # fmt: skip
"""names of the standard classes of the LAS specification"""


def claims(path: Path, head: bytes) -> bool:
    """LAS by its first letters, text by its ending and its first lines."""
    if head.startswith(b"LASF") or path.suffix.lower() in (".las", ".laz"):
        return True
    if path.suffix.lower() not in (".xyz", ".pts"):
        return False
    return any(_TEXT_LINE.fullmatch(line) for line in head.split(b"\n")[:3])


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` when the file is no cloud or ends before its points do."""
    with path.open("rb") as file:
        las = file.read(4) == b"LASF"
    if las:
        return _las(path, progress)
    if path.suffix.lower() in (".las", ".laz"):
        raise Refused("I-503", "it does not begin as a LAS file")
    return _text(path, progress)


def _las(path: Path, progress: Progress) -> SourceModel:
    import laspy

    _check_size(path)
    try:
        with laspy.open(path) as reader:
            return _cloud(path, reader, progress)
    except (Refused, MemoryError):
        raise
    except OSError:
        raise
    except (RuntimeError, ValueError) as error:
        raise Refused("I-505", f"its points cannot be read to the end: {error}") from error
    except Exception as error:
        if type(error).__name__ in ("LazrsError", "LazError", "PanicException"):
            raise Refused("I-505", f"its points cannot be read to the end: {error}") from error
        raise Refused("I-503", str(error) or type(error).__name__) from error


def _check_size(path: Path) -> None:
    """A header that promises more than the file holds must not make room for it."""
    with path.open("rb") as file:
        head = file.read(375)
    if len(head) < 227:
        raise Refused("I-505", f"{len(head)} bytes, less than a LAS header")
    begin, form, width, count = struct.unpack_from("<I4xBHI", head, 96)
    if head[25] >= 4 and len(head) >= 255:
        count = struct.unpack_from("<Q", head, 247)[0] or count
    size = path.stat().st_size
    if begin > size:
        raise Refused("I-505", f"its points begin at byte {begin}, it has {size}")
    if not form & 0x80 and begin + count * width > size:
        there = max(size - begin, 0) // max(width, 1)
        raise Refused("I-505", f"it states {count} points and holds {there}")
    if form & 0x80 and count > 4000 * max(size - begin, 1):
        raise Refused("I-502", f"{count} points from {size - begin} bytes")


def _cloud(path: Path, reader: laspy.LasReader, progress: Progress) -> SourceModel:
    header = reader.header
    count = int(header.point_count)
    step = max(1, -(-count // MAX_POINTS))
    model = SourceModel("LAZ" if header.are_points_compressed else "LAS", kind="cloud")
    model.version = str(header.version)
    names = set(header.point_format.dimension_names)
    spots: list[Floats] = []
    shades: list[npt.NDArray[np.uint16]] = []
    classes: Counter[int] = Counter()
    seen = 0
    if count:
        for chunk in reader.chunk_iterator(_CHUNK):
            if not len(chunk):
                break
            rows = slice((-seen) % step, None, step)
            spots.append(
                np.column_stack([np.asarray(a)[rows] for a in (chunk.x, chunk.y, chunk.z)])
            )
            shades.append(_shades(chunk, names)[rows])
            kinds, counted = np.unique(np.asarray(chunk.classification), return_counts=True)
            classes.update(dict(zip(kinds.tolist(), counted.tolist(), strict=True)))
            seen += len(chunk)
            progress(min(seen, count), count, "points")
    if seen < count:
        raise Refused("I-505", f"it states {count} points and holds {seen}")
    points = np.concatenate(spots) if spots else np.zeros((0, 3))
    colours = _colours(np.concatenate(shades)) if shades else np.zeros((0, 3), np.uint8)
    attributes: dict[str, Any] = {"points": count, "points_shown": len(points)}
    attributes |= {f"points {CLASSES.get(k, f'class {k}')}": n for k, n in sorted(classes.items())}
    for key, text in (
        ("system", header.system_identifier),
        ("made by", header.generating_software),
    ):
        if str(text).strip("\x00 "):
            attributes[key] = str(text).strip("\x00 ")
    _finish(model, path, points, colours, attributes, count)
    if header.creation_date is not None:
        model.date = header.creation_date.isoformat()
    _place(model, header, points)
    return model


def _place(model: SourceModel, header: laspy.LasHeader, points: Floats) -> None:
    """The coordinate system that the header names, if it can be understood."""
    try:
        system = header.parse_crs()
    except Exception as error:
        system = None
        model.warnings.append(f"its coordinate system cannot be read: {type(error).__name__}")
    if system is None:
        if any(v.user_id == "LASF_Projection" for v in header.vlrs):
            model.warnings.append("it describes its coordinate system without naming a known one")
        return
    place_by(model, system, points)


def _shades(chunk: Any, names: set[str]) -> npt.NDArray[np.uint16]:
    """Red, green, blue, intensity (n, 4) as the file has them."""
    shades = np.zeros((len(chunk), 4), np.uint16)
    if {"red", "green", "blue"} <= names:
        for place, name in enumerate(("red", "green", "blue")):
            shades[:, place] = chunk[name]
    if "intensity" in names:
        shades[:, 3] = chunk["intensity"]
    return shades


def _colours(shades: npt.NDArray[np.uint16]) -> Colours:
    """Colour where there is one, else intensity as grey, else an even grey; (n, 3)."""
    if shades[:, :3].any():
        shift = 8 if shades[:, :3].max() > 255 else 0
        return (shades[:, :3] >> shift).astype(np.uint8)
    grey = _stretched(shades[:, 3])
    return np.repeat(grey[:, None], 3, axis=1)


def _stretched(values: npt.NDArray[Any]) -> Colours:
    """Most of the range of `values` (n,) as greys from 60 to 245."""
    low, high = np.percentile(values, (2, 98)) if len(values) else (0.0, 0.0)
    if high <= low:
        return np.full(len(values), _GREY, np.uint8)
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return (60 + 185 * share).astype(np.uint8)


def _finish(
    model: SourceModel,
    path: Path,
    points: Floats,
    colours: Colours,
    attributes: dict[str, Any],
    count: int,
) -> None:
    """One asset for the whole cloud."""
    model.features.append(
        Feature(path.name, "PointCloud", path.stem, "city", attributes=attributes)
    )
    model.counts = {"PointCloud": 1, "points": count}
    if len(points):
        model.clouds.append(Cloud(points, colours))
    if len(points) < count:
        model.warnings.append(
            f"{len(points)} of {count} points are shown, evenly chosen; a view without graphics "
            "card draws no more"
        )


def _text(path: Path, progress: Progress) -> SourceModel:
    """Lines of x y z, with red green blue or an intensity behind them."""
    model = SourceModel("XYZ", kind="cloud")
    size = path.stat().st_size
    step = max(1, size // (24 * MAX_POINTS))
    kept: list[Floats] = []
    count = bad = done = 0
    for lines in _lines(path):
        progress(done, max(size, 1), "points")
        done += sum(map(len, lines))
        rows, wrong = _rows(lines)
        bad += wrong
        kept.append(rows[(-count) % step :: step])
        count += len(rows)
    if not count:
        raise Refused("I-503", "no line holds three numbers")
    width = min(rows.shape[1] for rows in kept if len(rows))
    table = np.concatenate([rows[:, :width] for rows in kept if len(rows)])
    if width >= 6:
        top = table[:, -3:].max()
        colours = np.clip(table[:, -3:] * (1.0 if top <= 255 else 1 / 256.0), 0, 255)
        shades = colours.astype(np.uint8)
    else:
        grey = _stretched(table[:, 3]) if width > 3 else np.full(len(table), _GREY, np.uint8)
        shades = np.repeat(grey[:, None], 3, axis=1)
    if bad:
        model.warnings.append(f"{bad} lines are no points and were left out")
    _finish(model, path, table[:, :3], shades, {"points": count, "points_shown": len(table)}, count)
    return model


def _lines(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as file:
        while lines := file.readlines(8_000_000):
            yield lines


def _rows(lines: list[bytes]) -> tuple[Floats, int]:
    """Numbers (n, k) of the lines that have as many as most, and how many have not."""
    found: list[list[float]] = []
    bad = 0
    for line in lines:
        parts = line.replace(b",", b" ").replace(b";", b" ").split()
        if not parts or parts[0][:1] in (b"#", b"/"):
            continue
        try:
            row = [float(part) for part in parts]
        except ValueError:
            bad += 1
            continue
        found.append(row)
    if not found:
        return np.zeros((0, 3)), bad
    width = Counter(map(len, found)).most_common(1)[0][0]
    even = [row for row in found if len(row) == width] if width >= 3 else []
    return np.array(even, float).reshape(len(even), max(width, 3)), bad + len(found) - len(even)
