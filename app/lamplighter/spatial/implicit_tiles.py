"""Implicit tiling of 3D Tiles 1.1: which tiles exist, from the bits of subtree files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.spatial.gltf_buffers import Json, beside
from lamplighter.spatial.model import Refused

Place = tuple[int, int, int, int]
MAX_SUBTREE_TILES: Final = 5_000_000
MAX_SUBTREES: Final = 20_000
Bits = npt.NDArray[np.bool_]


def implicit_tiles(
    folder: Path, home: Path, implicit: Json, templates: list[str], files: list[Path]
) -> Iterator[tuple[Place, list[str]]]:
    """Every tile that exists as (level, x, y, z) with the files it names, parents first.

    The subtree files that were read are added to `files`.
    """
    scheme = str(implicit.get("subdivisionScheme", "QUADTREE")).upper()
    if scheme not in ("QUADTREE", "OCTREE"):
        raise Refused("I-504", f"the subdivision scheme {scheme[:40]}")
    axes = 3 if scheme == "OCTREE" else 2
    height = int(implicit["subtreeLevels"])
    last = int(implicit.get("availableLevels", implicit.get("maximumLevel", -1) + 1))
    if not (0 < height <= 20 and 0 < last <= 60):
        raise Refused("I-502", f"{height} levels in a subtree, {last} in all")
    branch = 2**axes
    if (branch**height - 1) // (branch - 1) > MAX_SUBTREE_TILES:
        raise Refused("I-502", f"{height} levels in a subtree")
    queue: list[Place] = [(0, 0, 0, 0)]
    seen = 0
    while queue:
        root = queue.pop(0)
        seen += 1
        if seen > MAX_SUBTREES:
            raise Refused("I-502", f"more than {MAX_SUBTREES} subtrees")
        path = beside(folder, _filled(implicit["subtrees"]["uri"], root), home)
        files.append(path)
        subtree = _Subtree(path, home, files)
        count = (branch**height - 1) // (branch - 1)
        tiles = subtree.bits(subtree.json["tileAvailability"], count)
        told = subtree.json.get("contentAvailability", [])
        contents = [
            subtree.bits(item, count) for item in ([told] if isinstance(told, dict) else told)
        ]
        for level in range(min(height, last - root[0])):
            begin = (branch**level - 1) // (branch - 1)
            for morton in np.flatnonzero(tiles[begin : begin + branch**level]).tolist():
                place = _below(root, level, morton, axes)
                uris = [
                    _filled(template, place)
                    for template, bits in zip(templates, contents, strict=False)
                    if bits[begin + morton]
                ]
                yield place, uris
        if root[0] + height < last and "childSubtreeAvailability" in subtree.json:
            below = subtree.bits(subtree.json["childSubtreeAvailability"], branch**height)
            marked = np.flatnonzero(below).tolist()
            queue.extend(_below(root, height, morton, axes) for morton in marked)


def _below(root: Place, level: int, morton: int, axes: int) -> Place:
    """The tile `level` below `root` at a place on the Morton curve."""
    spot = [0, 0, 0]
    for bit in range(level):
        for axis in range(axes):
            spot[axis] |= (morton >> (bit * axes + axis) & 1) << bit
    x, y, z = (whole << level | part for whole, part in zip(root[1:], spot, strict=True))
    return (root[0] + level, x, y, z)


def _filled(template: str, place: Place) -> str:
    for name, number in zip(("level", "x", "y", "z"), place, strict=True):
        template = template.replace("{" + name + "}", str(number))
    return template


class _Subtree:
    """One subtree file, binary or JSON."""

    def __init__(self, path: Path, home: Path, files: list[Path]) -> None:
        data = path.read_bytes()
        self.path, self.home, self.files = path, home, files
        self.chunk = b""
        text = data
        if data[:4] == b"subt":
            if len(data) < 24:
                raise Refused("I-505", f"{path.name} is shorter than its header")
            _, first, second = struct.unpack_from("<IQQ", data, 4)
            if 24 + first + second > len(data):
                raise Refused("I-505", f"{path.name} states {24 + first + second} bytes")
            text, self.chunk = data[24 : 24 + first], data[24 + first : 24 + first + second]
        try:
            self.json: Any = msgspec.json.decode(text.rstrip(b" \0"))
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise Refused("I-503", f"{path.name} cannot be read: {error}") from error

    def bits(self, info: Json, count: int) -> Bits:
        """One truth for each of `count` tiles."""
        if "constant" in info:
            return np.full(count, bool(info["constant"]))
        view = self.json["bufferViews"][info.get("bitstream", info.get("bufferView"))]
        buffer = self.json["buffers"][view["buffer"]]
        data = self.chunk
        if isinstance(buffer.get("uri"), str):
            path = beside(self.path.parent, buffer["uri"], self.home)
            self.files.append(path)
            data = path.read_bytes()
        begin, length = int(view.get("byteOffset", 0)), int(view["byteLength"])
        if begin < 0 or begin + length > len(data) or length * 8 < count:
            raise Refused("I-505", f"{self.path.name} has too few bits for its tiles")
        packed = np.frombuffer(data, np.uint8, length, begin)
        return np.unpackbits(packed, bitorder="little")[:count].astype(bool)


__all__ = ["implicit_tiles"]
