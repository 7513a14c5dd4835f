"""The city as one binary glTF 2.0: a node for each object, named by its id, in metres.

y points up as the format asks; the origin's place on the Earth stands in `asset.extras`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Asset
from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.domain.tile_file import DamagedTile, read_tile
from lamplighter.spatial.exporting.sources import Collected

COLOURS: Final = {
    "RoofSurface": (0.62, 0.42, 0.36),
    "WallSurface": (0.82, 0.80, 0.76),
    "Window": (0.45, 0.55, 0.65),
    "Door": (0.45, 0.35, 0.30),
    "Terrain": (0.55, 0.58, 0.48),
    "Road": (0.42, 0.42, 0.44),
    "Water": (0.35, 0.50, 0.62),
    "Vegetation": (0.40, 0.55, 0.36),
}
_FLOAT, _UINT = 5126, 5125
_ARRAY, _ELEMENTS = 34962, 34963


class _Buffer:
    """Collects the binary part with its views and accessors."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        padded = data + b"\0" * (-len(data) % 4)
        self.parts.append(padded)
        self.size += len(padded)
        return len(self.views) - 1

    def accessor(self, values: npt.NDArray[Any], kind: str, target: int) -> int:
        made: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(values).tobytes(), target),
            "componentType": _UINT if values.dtype == np.uint32 else _FLOAT,
            "count": len(values),
            "type": kind,
        }
        if kind == "VEC3":
            made["min"], made["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        self.accessors.append(made)
        return len(self.accessors) - 1


class _Builder:
    def __init__(self) -> None:
        self.buffer = _Buffer()
        self.materials: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.textures: list[dict[str, Any]] = []
        self.primitives: dict[str, list[dict[str, Any]]] = {}
        self._plain: dict[int, int] = {}
        self._pictures: dict[bytes, int] = {}

    def take(self, tile: TileArrays) -> None:
        points = tile.points[:, [0, 2, 1]] * np.array([1, 1, -1], np.float32)
        if not len(tile.triangles):
            return
        group = tile.owner.astype(np.int64) * len(SURFACES) + tile.surface
        order = np.argsort(group, kind="stable")
        found, begin = np.unique(group[order], return_index=True)
        for key, rows in zip(found.tolist(), np.split(order, begin[1:]), strict=True):
            used, corner = np.unique(tile.triangles[rows], return_inverse=True)
            attributes = {"POSITION": self.buffer.accessor(points[used], "VEC3", _ARRAY)}
            if tile.uv is not None and tile.image:
                places = tile.uv[used] * np.array([1, -1], np.float32) + np.array([0, 1])
                places = places.astype(np.float32)
                attributes["TEXCOORD_0"] = self.buffer.accessor(places, "VEC2", _ARRAY)
            primitive = {
                "attributes": attributes,
                "indices": self.buffer.accessor(
                    corner.reshape(-1).astype(np.uint32), "SCALAR", _ELEMENTS
                ),
                "material": self._material(key % len(SURFACES), tile),
            }
            self.primitives.setdefault(tile.assets[key // len(SURFACES)], []).append(primitive)

    def _material(self, surface: int, tile: TileArrays) -> int:
        if tile.uv is not None and tile.image:
            if tile.image not in self._pictures:
                png = tile.image.startswith(b"\x89PNG")
                kind = "image/png" if png else "image/jpeg"
                view = self.buffer.view(tile.image)
                self.images.append({"bufferView": view, "mimeType": kind})
                self.textures.append({"source": len(self.images) - 1})
                texture = {"baseColorTexture": {"index": len(self.textures) - 1}}
                self._pictures[tile.image] = self._add("texture", texture)
            return self._pictures[tile.image]
        if surface not in self._plain:
            word = SURFACES[surface]
            colour = [*COLOURS.get(word, (0.75, 0.75, 0.75)), 1.0]
            self._plain[surface] = self._add(word, {"baseColorFactor": colour})
        return self._plain[surface]

    def _add(self, name: str, look: dict[str, Any]) -> int:
        self.materials.append(
            {
                "name": name,
                "doubleSided": True,
                "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0, **look},
            }
        )
        return len(self.materials) - 1


def write(found: Collected, tiles: Iterable[Path], out: Path) -> int:
    """Write every object that has triangles; returns how many."""
    build = _Builder()
    for path in tiles:
        try:
            build.take(read_tile(path))
        except DamagedTile as error:
            found.warnings.append(f"a tile is left out: {error}")
    assets = {asset.id: asset for asset in found.facts.assets}
    nodes: list[dict[str, Any]] = []
    meshes: list[dict[str, Any]] = []
    for name, primitives in build.primitives.items():
        if name not in assets:
            continue
        nodes.append({"name": name, "mesh": len(meshes), "extras": _extras(assets[name])})
        meshes.append({"name": name, "primitives": primitives})
    frame = found.frame
    document: dict[str, Any] = {
        "asset": {
            "version": "2.0",
            "generator": "Lamplighter",
            "copyright": found.licence().replace("\n", "; "),
            "extras": {
                "crs": f"EPSG:{frame.epsg}",
                "origin": [frame.east, frame.north, frame.up],
                "axes": "x east, y up, z south; metres",
            },
        },
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))} if nodes else {}],
    }
    lists = {
        "nodes": nodes,
        "meshes": meshes,
        "materials": build.materials,
        "images": build.images,
        "textures": build.textures,
        "accessors": build.buffer.accessors,
        "bufferViews": build.buffer.views,
    }
    document.update({key: value for key, value in lists.items() if value})
    if build.buffer.size:
        document["buffers"] = [{"byteLength": build.buffer.size}]
    _write_glb(out, document, build.buffer.parts)
    return len(nodes)


def _extras(asset: Asset) -> dict[str, Any]:
    known = {k: v for k, v in asset.attributes.items() if v is not None}
    return {"type": asset.type, "name": asset.name, "parent": asset.parent, **known}


def _write_glb(out: Path, document: dict[str, Any], parts: list[bytes]) -> None:
    text = msgspec.json.encode(document)
    text += b" " * (-len(text) % 4)
    size = sum(len(part) for part in parts)
    partial = out.with_name(out.name + ".part")
    with partial.open("wb") as file:
        total = 12 + 8 + len(text) + (8 + size if size else 0)
        file.write(struct.pack("<4sII", b"glTF", 2, total))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        if size:
            file.write(struct.pack("<I4s", size, b"BIN\0"))
            file.writelines(parts)
    partial.replace(out)
