"""Wavefront OBJ with its materials and pictures: every object or group becomes an object.

The format names no coordinate system; its numbers are compared with the project's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from lamplighter.domain.geometry import SURFACES
from lamplighter.spatial.gltf_buffers import beside
from lamplighter.spatial.kinds import meaning_of
from lamplighter.spatial.mesh_polygons import Look, Polygons, mesh_parts
from lamplighter.spatial.model import Feature, Refused, SourceModel

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".obj",)
MAX_BYTES: Final = 1_500_000_000
_LINE: Final = re.compile(rb"^(?:v|f|o|g|mtllib|usemtl|vt|vn)[ \t]", re.M)
_TYPES: Final = {
    "building": "Building", "road": "Road", "water": "WaterBody", "forest": "PlantCover",
    "terrain": "LandUse", "bridge": "Bridge", "separation": "GenericCityObject",
}  # fmt: skip
"""object types by the materials that city models use"""


def claims(path: Path, head: bytes) -> bool:
    """Its ending, and lines as OBJ has them."""
    return path.suffix.lower() == ".obj" and (_LINE.search(head) is not None or not head.strip())


def brings(path: Path) -> list[Path]:
    """Material files and the pictures they name."""
    found: list[Path] = []
    for uri in _libraries(path):
        try:
            material = beside(path.parent, uri)
        except (Refused, OSError):
            continue
        found.append(material)
        for _, name, value in _material_lines(material):
            if name.startswith("map_") or name in ("bump", "disp", "decal"):
                try:
                    found.append(beside(material.parent, _picture_name(value), path.parent))
                except (Refused, OSError):
                    continue
    return found


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` for what is damaged; without a face nothing is placed."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Refused("I-502", f"a mesh of {size / 1e6:.0f} MB")
    return _Obj(path, size, progress).run()


class _Obj:
    def __init__(self, path: Path, size: int, progress: Progress) -> None:
        self.path, self.size, self.progress = path, size, progress
        self.model = SourceModel("OBJ", kind="mesh")
        self.points: list[tuple[float, ...]] = []
        self.places: list[tuple[float, ...]] = []
        self.polygons = Polygons()
        self.looks: list[Look] = [Look()]
        self.materials: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.used: dict[int, Counter[str]] = {}
        self.object = self.group = self.material = ""
        self.skipped: Counter[str] = Counter()

    def run(self) -> SourceModel:
        done = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(_joined(file), 1):
                done += len(line)
                if not number % 50_000:
                    self.progress(min(done, self.size), self.size, "lines")
                try:
                    self._line(line, number)
                except (ValueError, IndexError) as error:
                    raise Refused("I-503", f"line {number}: {str(error)[:80]}") from error
        return self._finish()

    def _line(self, line: bytes, number: int) -> None:
        parts = line.split()
        if not parts or parts[0].startswith(b"#"):
            return
        word = parts[0]
        if word == b"v":
            self.points.append(tuple(float(p) for p in parts[1:7]))
        elif word == b"vt":
            self.places.append((float(parts[1]), float(parts[2]) if len(parts) > 2 else 0.0))
        elif word == b"f":
            self._face(parts[1:], number)
        elif word in (b"o", b"g"):
            name = line.strip()[1:].strip().decode("utf-8", "replace")
            self.object, self.group = (name, "") if word == b"o" else (self.object, name)
        elif word == b"usemtl":
            self.material = line.strip()[6:].strip().decode("utf-8", "replace")
        elif word == b"mtllib":
            self._library(line.strip()[6:].strip().decode("utf-8", "replace"))
        elif word in (b"l", b"p", b"curv", b"surf"):
            self.skipped["lines, points and curves"] += 1

    def _face(self, parts: list[bytes], number: int) -> None:
        corners, places = [], []
        for part in parts:
            fields = part.split(b"/")
            corners.append(self._index(int(fields[0]), len(self.points), number))
            told = fields[1] if len(fields) > 1 else b""
            places.append(self._index(int(told), len(self.places), number) if told else -1)
        if len(corners) < 3:
            self.skipped["faces with fewer than three corners"] += 1
            return
        owner = self._owner()
        self.polygons.corners += corners
        self.polygons.places += places
        self.polygons.lengths.append(len(corners))
        self.polygons.owner.append(owner)
        self.polygons.look.append(self.materials.get(self.material, 0))
        self.used.setdefault(owner, Counter())[self.material] += 1

    def _index(self, told: int, count: int, number: int) -> int:
        """Place in the list; the format counts from 1, or back from the newest."""
        place = told - 1 if told > 0 else count + told
        if told == 0 or not 0 <= place < count:
            raise Refused("I-503", f"line {number} names point {told} of {count}")
        return place

    def _owner(self) -> int:
        name = self.object or self.group or self.path.name
        if name not in self.numbers:
            self.numbers[name] = len(self.model.features)
            self.model.features.append(Feature(name, "Mesh"))
        return self.numbers[name]

    def _library(self, name: str) -> None:
        try:
            file = beside(self.path.parent, name)
        except (Refused, OSError) as error:
            what = error.what if isinstance(error, Refused) else "it cannot be read"
            self.model.warnings.append(f"materials are missing: {what}")
            return
        look = Look()
        for line, word, value in _material_lines(file):
            if word == "newmtl":
                look = Look()
                surface = meaning_of(_split(value))[0]
                look.surface = SURFACES.index(surface) if surface in SURFACES else 0
                self.materials[value] = len(self.looks)
                self.looks.append(look)
            elif word == "kd":
                look.colour = _colour(value)
            elif word == "map_kd":
                look.image = self._picture(file, value, line)

    def _picture(self, file: Path, value: str, line: int) -> bytes:
        name = _picture_name(value)
        try:
            data = beside(file.parent, name, self.path.parent).read_bytes()
        except (Refused, OSError) as error:
            what = error.what if isinstance(error, Refused) else "it cannot be read"
            self.model.warnings.append(f"a picture is missing ({file.name} line {line}): {what}")
            return b""
        if not data.startswith((b"\x89PNG", b"\xff\xd8\xff")):
            self.skipped["pictures in another format than PNG and JPEG"] += 1
            return b""
        return data

    def _finish(self) -> SourceModel:
        model = self.model
        if not self.points:
            raise Refused("I-503", "it holds no points")
        width = min(len(p) for p in self.points)
        if width < 3:
            raise Refused("I-503", "a point has fewer than three numbers")
        table = np.array([p[:6] if width == 6 else p[:3] for p in self.points], float)
        colours = None
        if width == 6:
            top = 1.0 if table[:, 3:].max() <= 1.0 else 255.0
            colours = np.clip(table[:, 3:] / top * 255.0, 0, 255).astype(np.uint8)
        places = np.array(self.places, float).reshape(-1, 2)
        model.meshes, count = mesh_parts(table[:, :3], self.polygons, self.looks, places, colours)
        for number, feature in enumerate(model.features):
            feature.type, feature.domain = self._type(self.used.get(number, Counter()))
        if not model.features:
            model.features.append(Feature(self.path.name, "Mesh"))
        model.counts = dict(Counter(feature.type for feature in model.features))
        model.counts["triangles"] = count
        model.warnings += [f"not taken: {n} {what}" for what, n in sorted(self.skipped.items())]
        return model

    def _type(self, used: Counter[str]) -> tuple[str, str]:
        """Object type and domain by the material that most of its faces have."""
        for name, _ in used.most_common(1):
            words = _split(name).split()
            kind = next((_TYPES[word] for word in words if word in _TYPES), "Mesh")
            return kind, meaning_of(kind)[1]
        return "Mesh", "city"


def _joined(file: Iterator[bytes]) -> Iterator[bytes]:
    """Lines, those that end in a backslash joined with the next."""
    held = b""
    for line in file:
        if line.rstrip().endswith(b"\\"):
            held += line.rstrip()[:-1] + b" "
            continue
        yield held + line if held else line
        held = b""
    if held:
        yield held


def _split(name: str) -> str:
    """`BuildingWall_2` as `building wall 2`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[_\W\d]+", " ", name).lower().strip()


def _libraries(path: Path) -> list[str]:
    """The material files that the beginning of the file names."""
    with path.open("rb") as file:
        head = file.read(1_000_000)
    found = re.findall(rb"^mtllib[ \t]+([^\r\n]+)", head, re.M)
    return [name.strip().decode("utf-8", "replace") for name in found]


def _material_lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, word in small letters and the rest of every line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if rest and not word.startswith("#"):
                yield number, word.lower(), rest.strip()


def _picture_name(value: str) -> str:
    """The file at the end of a texture line, behind options like `-s 1 1 1`."""
    parts = value.split()
    while len(parts) > 1 and parts[0].startswith("-"):
        parts.pop(0)
        while len(parts) > 1 and re.fullmatch(r"[-+.\deE]+|on|off", parts[0]):
            parts.pop(0)
    return " ".join(parts)


def _colour(value: str) -> tuple[int, int, int] | None:
    try:
        red, green, blue = (min(max(float(v), 0.0), 1.0) for v in value.split()[:3])
    except ValueError:
        return None
    return round(red * 255), round(green * 255), round(blue * 255)
