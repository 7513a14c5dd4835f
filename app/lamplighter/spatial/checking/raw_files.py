"""OBJ, OFF and POLY files as they are stated, and the choice of the raw reader for any file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lamplighter.spatial.checking import raw_cityjson, raw_gml
from lamplighter.spatial.checking.boundaries import Builder, Fault, RawModel, RawObject, Shell
from lamplighter.spatial.model import Refused

ENDINGS: Final = (
    ".json", ".jsonl", ".cityjson", ".cityjsonl", ".gml", ".xml", ".citygml", ".obj", ".off",
    ".poly",
)  # fmt: skip
MAX_BYTES: Final = 1_000_000_000


def read(path: Path, *, solid: str = "Solid") -> RawModel:
    """The geometry of a file as it states it; raises `Refused` when it cannot be taken.

    `solid` says what the faces of an OBJ, OFF or POLY file are meant to bound: Solid,
    CompositeSurface or MultiSurface.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Refused("I-502", f"{size / 1e9:.1f} GB")
    with path.open("rb") as file:
        head = file.read(400).lstrip(b"\xef\xbb\xbf \t\r\n")
    ending = path.suffix.lower()
    if not head:
        raise Refused("I-503", "it is empty")
    if head.startswith(b"<"):
        return raw_gml.read(path)
    if ending == ".obj":
        return _obj(_lines(path), solid)
    if ending == ".off" or head.startswith(b"OFF"):
        return _off(_lines(path), solid)
    if ending == ".poly":
        return read_poly([path], solid)
    if head.startswith((b"{", b"[")) or ending in (".json", ".jsonl", ".cityjson"):
        return raw_cityjson.read(path.read_bytes())
    raise Refused("I-504", f"ending '{ending}'")


def _lines(path: Path) -> list[str]:
    text = path.read_text("utf-8", errors="replace")
    return [line.split("#")[0].strip() for line in text.splitlines()]


def _obj(lines: list[str], solid: str) -> RawModel:
    model, builder = RawModel("OBJ"), Builder()
    shell: Shell = []
    name = ""

    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            if words[0] == "v":
                x, y, z = (float(word) for word in words[1:4])
                builder.points.append((x, y, z))
            elif words[0] == "o":
                if shell:
                    builder.objects.append(RawObject(name or "model", "Mesh", geometries=1))
                    builder.add(solid, [[shell]])
                    shell = []
                name = " ".join(words[1:])
            elif words[0] == "f":
                shell.append([[_obj_number(word, len(builder.points)) for word in words[1:]]])
        except ValueError as error:
            raise Refused("I-503", f"line {number}: {error}") from error
    if shell or not builder.objects:
        builder.objects.append(RawObject(name or "model", "Mesh", geometries=1))
        builder.add(solid, [[shell]] if shell else [])
    highest = len(builder.points)
    model.shapes = builder.build()
    if len(model.shapes.corners) and int(model.shapes.corners.max()) >= highest:
        raise Refused("I-503", f"vertex {int(model.shapes.corners.max()) + 1} of {highest}")
    return model


def _obj_number(word: str, count: int) -> int:
    number = int(word.split("/")[0])
    if number == 0:
        raise ValueError("vertex 0; they are counted from 1")
    if number < 0:
        number += count + 1
    if number < 1:
        raise ValueError(f"vertex {word} of {count}")
    return number - 1


def _off(lines: list[str], solid: str) -> RawModel:
    words = " ".join(lines).split()
    if not words or words[0] != "OFF":
        raise Refused("I-503", "it does not begin with OFF")
    builder = Builder()
    try:
        points, faces = int(words[1]), int(words[2])
        if points < 0 or faces < 0 or 4 + 3 * points > len(words):
            raise ValueError("fewer numbers than it announces")
        values = [float(word) for word in words[4 : 4 + 3 * points]]
        builder.points = list(zip(values[::3], values[1::3], values[2::3], strict=True))
        place = 4 + 3 * points
        shell: Shell = []
        for _ in range(faces):
            size = int(words[place])
            ring = [int(word) for word in words[place + 1 : place + 1 + size]]
            if len(ring) != size or any(not 0 <= n < points for n in ring):
                raise ValueError("a face that names no vertex")
            shell.append([ring])
            place += 1 + size
    except (ValueError, IndexError) as error:
        raise Refused("I-503", f"no sound OFF: {error}") from error
    builder.objects.append(RawObject("model", "Mesh", geometries=1))
    builder.add(solid, [[shell]] if shell else [])
    return RawModel("OFF", shapes=builder.build())


def read_poly(paths: list[Path], solid: str = "Solid") -> RawModel:
    """POLY files; the first is the outer shell, each further one an inner shell of it."""
    builder = Builder()
    shells: list[Shell] = []
    for path in paths:
        base = len(builder.points)
        shell: Shell = []
        try:
            _poly(_lines(path), builder, shell, base)
        except (ValueError, IndexError) as error:
            raise Refused("I-503", f"no sound POLY: {error}") from error
        shells.append(shell)
    model = RawModel("POLY")
    builder.objects.append(RawObject(paths[0].stem, "Mesh", geometries=1))
    builder.add(solid, [shells] if shells[0] else [])
    model.shapes = builder.build()
    if any(not shell for shell in shells):
        model.faults.append(Fault("902", paths[0].stem, "it has no polygons"))
    return model


def _poly(lines: list[str], builder: Builder, shell: Shell, base: int) -> None:
    """Points, then for each polygon its number of rings and holes, its rings and hole points."""
    rows = [line.split() for line in lines if line]
    count = int(rows[0][0])
    names: dict[int, int] = {}
    for row in rows[1 : 1 + count]:
        names[int(row[0])] = len(builder.points) - base
        x, y, z = (float(word) for word in row[1:4])
        builder.points.append((x, y, z))
    place = 1 + count
    if len(names) < count:
        raise ValueError(f"{len(names)} points of {count}")
    faces = int(rows[place][0])
    place += 1
    for _ in range(faces):
        rings = int(rows[place][0])
        holes = int(rows[place][1]) if len(rows[place]) > 1 else 0
        place += 1
        polygon: list[list[int]] = []
        for _ring in range(rings):
            row = rows[place]
            size = int(row[0])
            if len(row) - 1 < size:
                raise ValueError("a ring with fewer points than it announces")
            polygon.append([_known(names, int(word)) + base for word in row[1 : 1 + size]])
            place += 1
        place += holes
        shell.append(polygon)


def _known(names: dict[int, int], number: int) -> int:
    if number not in names:
        raise ValueError(f"point {number} is not listed")
    return names[number]
