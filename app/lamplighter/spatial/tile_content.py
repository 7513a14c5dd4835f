"""One tile of 3D Tiles as pieces of geometry: b3dm, i3dm, pnts, cmpt, glb and glTF."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.spatial.batch_table import (
    Table,
    batch_table,
    binary_column,
    property_tables,
    unpacked,
)
from lamplighter.spatial.gltf_buffers import Document, Json, beside
from lamplighter.spatial.gltf_scene import MAX_TRIANGLES, Piece, read_scene
from lamplighter.spatial.model import Floats, Refused

MAGICS: Final = (b"b3dm", b"i3dm", b"pnts", b"cmpt", b"glTF")
_OLD_HEADER: Final = 570_425_344
"""a length can not be as large as these letters: the header is an older, shorter one"""
MAX_POINTS: Final = 30_000_000


@dataclass(slots=True)
class Content:
    """Pieces in the tile's own system with z up, and the tables their ids point into."""

    pieces: list[Piece] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    form: str = ""
    documents: list[Document] = field(default_factory=list)

    def take(self, other: Content) -> None:
        """Add the pieces of another content, its tables renumbered."""
        shift = len(self.tables)
        for piece in other.pieces:
            self.pieces.append(
                replace(piece, table=piece.table + shift) if piece.table >= 0 else piece
            )
        self.tables.extend(other.tables)
        self.skipped.update(other.skipped)
        self.documents.extend(other.documents)


def read_content(data: bytes, folder: Path | None, up: str = "y", depth: int = 0) -> Content:
    """The content of a tile. Raises `Refused`, also for damage of any kind."""
    magic = data[:4]
    try:
        if magic == b"b3dm":
            return _b3dm(data, folder, up)
        if magic == b"i3dm":
            return _i3dm(data, folder, up)
        if magic == b"pnts":
            return _pnts(data)
        if magic == b"cmpt":
            return _cmpt(data, folder, up, depth)
        if magic == b"glTF" or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            return gltf_content(data, folder, up)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        what = str(error) or type(error).__name__
        raise Refused("I-503", f"its tile is broken: {what}") from error
    raise Refused("I-504", f"a tile that begins with {magic!r}")


def gltf_content(data: bytes, folder: Path | None, up: str = "y") -> Content:
    """A glTF of its own with its property tables."""
    document = Document(data, folder)
    scene = read_scene(document, up)
    content = Content(form=f"glTF {document.json.get('asset', {}).get('version', '')}".strip())
    content.tables = property_tables(document)
    for piece in scene.pieces:
        piece.points += scene.centre
        if piece.table >= len(content.tables):
            piece.table = -1
    content.pieces, content.skipped = scene.pieces, scene.skipped
    content.documents.append(document)
    return content


def _sections(data: bytes, begin: int, lengths: tuple[int, ...]) -> list[bytes]:
    ends = np.cumsum([begin, *lengths]).tolist()
    if ends[-1] > len(data):
        raise Refused("I-505", f"its tables end at byte {ends[-1]}, it has {len(data)}")
    return [data[a:b] for a, b in pairwise(ends)] + [data[ends[-1] :]]


def _features(text: bytes) -> Json:
    if not text.strip(b" \0"):
        return {}
    found = msgspec.json.decode(text.rstrip(b" \0"))
    if not isinstance(found, dict):
        raise ValueError("its feature table is no object")
    return found


def _whole(data: bytes, length: int) -> bytes:
    if length > len(data):
        raise Refused("I-505", f"it states {length} bytes and holds {len(data)}")
    return data[:length]


def _b3dm(data: bytes, folder: Path | None, up: str) -> Content:
    version, length, *sizes = unpacked(data, "<6I")
    if version != 1:
        raise Refused("I-504", f"b3dm {version}")
    data = _whole(data, length)
    if sizes[2] >= _OLD_HEADER:
        count, text = sizes[0], sizes[1]
        told, binary, body = _sections(data, 20, (text, 0))
        feature: Json = {"BATCH_LENGTH": count}
    elif sizes[3] >= _OLD_HEADER:
        told, binary, body = _sections(data, 24, (sizes[0], sizes[1]))
        feature = {"BATCH_LENGTH": sizes[2]}
    else:
        head, _, told, binary, body = _sections(data, 28, tuple(sizes))
        feature = _features(head)
    count = _count(feature.get("BATCH_LENGTH", 0))
    content = gltf_content(body, folder, up)
    content.form = "b3dm"
    centre = _centre(feature)
    table = batch_table(told, binary, count)
    if count:
        content.tables.append(table)
    for piece in content.pieces:
        piece.points += centre
        if piece.table < 0 and count:
            piece.table = len(content.tables) - 1
    return content


def _count(stated: Any) -> int:
    count = int(stated)
    if not 0 <= count <= MAX_POINTS:
        raise Refused("I-502", f"{count} objects in a tile")
    return count


def _centre(feature: Json) -> Floats:
    return np.array(feature.get("RTC_CENTER", (0.0, 0.0, 0.0)), float).reshape(3)


def _values(feature: Json, binary: bytes, name: str, dtype: str, width: int, count: int) -> Any:
    """A column of the feature table (count, width); None where the tile has none."""
    info = feature.get(name)
    if info is None:
        return None
    kinds = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
    told = {
        "type": kinds[width],
        "byteOffset": info["byteOffset"],
        "componentType": info.get("componentType", dtype),
    }
    found = binary_column(binary, told, count)
    return found.astype(np.float64) if name != "RGB565" else found


def _positions(feature: Json, binary: bytes, count: int) -> Floats:
    found = _values(feature, binary, "POSITION", "FLOAT", 3, count)
    if found is None:
        found = _values(feature, binary, "POSITION_QUANTIZED", "UNSIGNED_SHORT", 3, count)
        if found is None:
            raise Refused("I-503", "it states no positions")
        scale = np.array(feature["QUANTIZED_VOLUME_SCALE"], float)
        found = found / 65535.0 * scale + np.array(feature["QUANTIZED_VOLUME_OFFSET"], float)
    placed: Floats = found + _centre(feature)
    return placed


def _pnts(data: bytes) -> Content:
    version, length, *sizes = unpacked(data, "<6I")
    if version != 1:
        raise Refused("I-504", f"pnts {version}")
    head, binary, told, told_binary, _ = _sections(_whole(data, length), 28, tuple(sizes))
    feature = _features(head)
    if "3DTILES_draco_point_compression" in feature.get("extensions", {}):
        raise Refused("I-504", "its points are packed with Draco, which is not read")
    count = _count(feature.get("POINTS_LENGTH", 0))
    piece = Piece(_positions(feature, binary, count), None)
    piece.colours = _point_colours(feature, binary, count)
    content = Content([piece], form="pnts")
    ids = _values(feature, binary, "BATCH_ID", "UNSIGNED_SHORT", 1, count)
    if ids is not None:
        piece.ids, piece.table = ids.astype(np.int64), 0
        content.tables.append(batch_table(told, told_binary, _count(feature["BATCH_LENGTH"])))
    return content


def _point_colours(feature: Json, binary: bytes, count: int) -> npt.NDArray[np.uint8] | None:
    for name, width in (("RGBA", 4), ("RGB", 3)):
        found = _values(feature, binary, name, "UNSIGNED_BYTE", width, count)
        if found is not None:
            return np.asarray(found[:, :3], np.uint8)
    packed = _values(feature, binary, "RGB565", "UNSIGNED_SHORT", 1, count)
    if packed is not None:
        parts = [(packed >> 11) / 31.0, (packed >> 5 & 63) / 63.0, (packed & 31) / 31.0]
        return np.rint(np.column_stack(parts) * 255.0).astype(np.uint8)
    if "CONSTANT_RGBA" in feature:
        one = np.array(feature["CONSTANT_RGBA"][:3], np.uint8)
        return np.repeat(one[None, :], count, axis=0)
    return None


def _cmpt(data: bytes, folder: Path | None, up: str, depth: int) -> Content:
    version, length, tiles = unpacked(data, "<3I")
    if version != 1:
        raise Refused("I-504", f"cmpt {version}")
    if depth > 8:
        raise Refused("I-502", "tiles inside tiles, more than 8 deep")
    data = _whole(data, length)
    content, begin = Content(form="cmpt"), 16
    for _ in range(tiles):
        if begin + 12 > len(data):
            raise Refused("I-505", f"it states {tiles} tiles and ends before them")
        size = int.from_bytes(data[begin + 8 : begin + 12], "little")
        if size < 12 or begin + size > len(data):
            raise Refused("I-505", f"an inner tile states {size} bytes")
        content.take(read_content(data[begin : begin + size], folder, up, depth + 1))
        begin += size
    return content


def _i3dm(data: bytes, folder: Path | None, up: str) -> Content:
    version, length, *sizes, form = unpacked(data, "<7I")
    if version != 1:
        raise Refused("I-504", f"i3dm {version}")
    head, binary, told, told_binary, body = _sections(_whole(data, length), 32, tuple(sizes))
    feature = _features(head)
    count = _count(feature["INSTANCES_LENGTH"])
    if form == 0:
        path = beside(folder, bytes(body).split(b"\0")[0].decode().strip())
        model = gltf_content(path.read_bytes(), path.parent, up)
    else:
        model = gltf_content(body, folder, up)
    spots = _positions(feature, binary, count)
    turns = _turns(feature, binary, count, spots)
    ids = _values(feature, binary, "BATCH_ID", "UNSIGNED_SHORT", 1, count)
    content = Content(form="i3dm", skipped=model.skipped, documents=model.documents)
    content.tables.append(
        batch_table(told, told_binary, count if ids is None else int(ids.max(initial=-1)) + 1)
    )
    numbers = np.arange(count) if ids is None else ids.astype(np.int64)
    for piece in model.pieces:
        if piece.triangles is not None:
            content.pieces.append(_repeated(piece, spots, turns, numbers))
    return content


def _repeated(piece: Piece, spots: Floats, turns: Floats, numbers: npt.NDArray[Any]) -> Piece:
    """One piece that holds the instances (k) of a model side by side."""
    assert piece.triangles is not None
    count, size = len(spots), len(piece.points)
    if count * len(piece.triangles) > MAX_TRIANGLES or count * size > MAX_POINTS:
        raise Refused("I-502", f"{count} instances of {len(piece.triangles)} triangles")
    points = np.einsum("kij,nj->kni", turns, piece.points) + spots[:, None, :]
    shift = (np.arange(count, dtype=np.int64) * size)[:, None, None]
    return Piece(
        points.reshape(-1, 3),
        (piece.triangles[None] + shift).reshape(-1, 3),
        None if piece.uv is None else np.tile(piece.uv, (count, 1)),
        None if piece.colours is None else np.tile(piece.colours, (count, 1)),
        piece.image,
        np.repeat(numbers, size).astype(np.int64),
        0,
    )


def _turns(feature: Json, binary: bytes, count: int, spots: Floats) -> Floats:
    """Turn and scale (count, 3, 3) of every instance."""
    up = _values(feature, binary, "NORMAL_UP", "FLOAT", 3, count)
    right = _values(feature, binary, "NORMAL_RIGHT", "FLOAT", 3, count)
    if up is None and "NORMAL_UP_OCT32P" in feature:
        up = _octahedral(_values(feature, binary, "NORMAL_UP_OCT32P", "UNSIGNED_SHORT", 2, count))
        right = _octahedral(
            _values(feature, binary, "NORMAL_RIGHT_OCT32P", "UNSIGNED_SHORT", 2, count)
        )
    if up is not None and right is not None:
        turns = np.stack([right, up, np.cross(right, up)], axis=2)
    elif feature.get("EAST_NORTH_UP"):
        turns = _east_north_up(spots)
    else:
        turns = np.repeat(np.eye(3)[None], count, axis=0)
    scale = _values(feature, binary, "SCALE", "FLOAT", 1, count)
    if scale is not None:
        turns = turns * scale.reshape(-1, 1, 1)
    scales = _values(feature, binary, "SCALE_NON_UNIFORM", "FLOAT", 3, count)
    if scales is not None:
        turns = turns * scales[:, None, :]
    found: Floats = turns
    return found


def _octahedral(packed: Floats) -> Floats:
    flat = packed / 65535.0 * 2.0 - 1.0
    up = 1.0 - np.abs(flat).sum(axis=1)
    folded = (1.0 - np.abs(flat[:, ::-1])) * np.where(flat >= 0, 1.0, -1.0)
    flat = np.where((up < 0)[:, None], folded, flat)
    found = np.column_stack([flat, up])
    turned: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
    return turned


def _east_north_up(spots: Floats) -> Floats:
    """Axes (n, 3, 3) that point east, north and away from the earth's centre."""
    from lamplighter.spatial.earth import degrees

    place = degrees(spots)
    lon, lat = np.radians(place[:, 0]), np.radians(place[:, 1])
    zero = np.zeros(len(spots))
    east = np.column_stack([-np.sin(lon), np.cos(lon), zero])
    up = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return np.stack([east, np.cross(up, east), up], axis=2)
