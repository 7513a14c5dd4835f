"""The binary side of glTF 1.0 and 2.0: containers, buffers and accessors as arrays.

Every count and offset of a file is checked against the bytes that are there before anything is
made of it; files of others are never fetched, only read from the file's own folder.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.spatial.model import Floats, Refused

Json = dict[str, Any]
Array = npt.NDArray[Any]
TYPES: Final = {
    5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5124: "<i4", 5125: "<u4", 5126: "<f4",
    5130: "<f8",
}  # fmt: skip
WIDTHS: Final = {
    "SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16,
}  # fmt: skip
MAX_ELEMENTS: Final = 60_000_000
_PACKED: Final = ("EXT_meshopt_compression", "MESHOPT_compression", "KHR_meshopt_compression")


class Document:
    """One glTF file: its JSON and how to reach its bytes.

    `folder` is where files that it names may lie, None when it may name none.
    """

    def __init__(self, data: bytes, folder: Path | None) -> None:
        self.json, self._chunk = _opened(data)
        self.folder = folder
        self._buffers: dict[str, memoryview] = {}
        self.old = str(self.json.get("asset", {}).get("version", "2.0")).startswith("1") or (
            isinstance(self.json.get("accessors"), dict)
        )

    def item(self, kind: str, key: Any) -> Json:
        """One member of a list (2.0) or dictionary (1.0) of the file."""
        found = self.json[kind][key]
        if not isinstance(found, dict):
            raise ValueError(f"{kind} {key} is no object")
        return found

    def items(self, kind: str) -> list[tuple[Any, Json]]:
        """All members with their keys."""
        held = self.json.get(kind, [])
        return list(held.items() if isinstance(held, dict) else enumerate(held))

    def view(self, key: Any) -> memoryview:
        """The bytes of a buffer view."""
        view = self.item("bufferViews", key)
        packed = [name for name in _PACKED if name in view.get("extensions", {})]
        if packed and "uri" not in self.item("buffers", view["buffer"]):
            raise Refused("I-504", f"its geometry is packed with {packed[0]}, which is not read")
        data = self._buffer(view["buffer"])
        begin, length = int(view.get("byteOffset", 0)), int(view.get("byteLength", 0))
        if begin < 0 or length < 0 or begin + length > len(data):
            raise Refused(
                "I-505", f"buffer view {key} ends at {begin + length} of {len(data)} bytes"
            )
        return data[begin : begin + length]

    def accessor(self, key: Any) -> Array:
        """The values (count, width) of an accessor, as the file has them or from 0 to 1."""
        info = self.item("accessors", key)
        count, width = int(info["count"]), WIDTHS[info["type"]]
        dtype = np.dtype(TYPES[info["componentType"]])
        if not 0 <= count * width <= MAX_ELEMENTS:
            raise Refused("I-502", f"accessor {key} states {count} elements")
        if info.get("bufferView") is None:
            values = np.zeros((count, width), dtype)
        else:
            values = self._strided(key, info, count, width, dtype)
        if "sparse" in info:
            values = self._sparse(info["sparse"], values.copy())
        if info.get("normalized"):
            return normalised(values)
        decode = info.get("extensions", {}).get("WEB3D_quantized_attributes")
        return _decoded(values, decode) if decode else values

    def external(self, uri: str) -> bytes:
        """Bytes behind a `data:` text or a file of the same folder; `Refused` for all else."""
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            try:
                coded = head.endswith(";base64")
                return base64.b64decode(body, validate=False) if coded else unquote(body).encode()
            except (binascii.Error, ValueError) as error:
                raise Refused("I-503", "a data: text that is no base64") from error
        return beside(self.folder, uri).read_bytes()

    def _buffer(self, key: Any) -> memoryview:
        name = str(key)
        if name not in self._buffers:
            info = self.item("buffers", key)
            uri = info.get("uri")
            inner = self._chunk is not None and (
                uri is None or name in ("binary_glTF", "KHR_binary_glTF")
            )
            if inner and self._chunk is not None:
                data = self._chunk
            elif isinstance(uri, str):
                data = memoryview(self.external(uri))
            else:
                raise Refused("I-505", f"the bytes of buffer {key} are missing")
            self._buffers[name] = data
        return self._buffers[name]

    def _strided(self, key: Any, info: Json, count: int, width: int, dtype: Any) -> Array:
        data = self.view(info["bufferView"])
        begin = int(info.get("byteOffset", 0))
        row = width * dtype.itemsize
        stride = int(
            info.get("byteStride")
            or self.item("bufferViews", info["bufferView"]).get("byteStride")
            or row
        )
        end = begin + (stride * (count - 1) + row if count else 0)
        if begin < 0 or stride < dtype.itemsize or end > len(data):
            raise Refused("I-505", f"accessor {key} needs {end} bytes of {len(data)}")
        return np.ndarray((count, width), dtype, data, begin, (stride, dtype.itemsize))

    def _sparse(self, sparse: Json, values: Array) -> Array:
        count = int(sparse["count"])
        if not 0 <= count <= len(values):
            raise Refused("I-503", f"{count} sparse values for {len(values)} elements")
        info = sparse["indices"]
        kind = np.dtype(TYPES[info["componentType"]])
        rows = np.frombuffer(
            self.view(info["bufferView"]), kind, count, int(info.get("byteOffset", 0))
        )
        found = np.frombuffer(
            self.view(sparse["values"]["bufferView"]),
            values.dtype,
            count * values.shape[1],
            int(sparse["values"].get("byteOffset", 0)),
        )
        if count and int(rows.max()) >= len(values):
            raise Refused("I-503", "a sparse value lies beyond its accessor")
        values[rows.astype(np.int64)] = found.reshape(count, -1)
        return values


def normalised(values: Array) -> Floats:
    """Whole numbers as the share of their range: 0 to 1, or -1 to 1 with a sign."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    most = float(np.iinfo(values.dtype).max)
    return np.maximum(values.astype(np.float64) / most, -1.0)


def _decoded(values: Array, decode: Json) -> Array:
    matrix = np.array(decode["decodeMatrix"], float)
    size = math.isqrt(len(matrix))
    matrix = matrix.reshape(size, size).T
    found: Array = values.astype(np.float64) @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return found


def beside(folder: Path | None, uri: str, home: Path | None = None) -> Path:
    """The file that `uri` names from `folder`; `Refused` for addresses and places outside.

    It must lie in `home`, which is `folder` itself when none is given.
    """
    if "://" in uri or uri.startswith("//"):
        raise Refused("I-507", f"it names {uri[:80]} on another computer, which is never fetched")
    if folder is None:
        raise Refused("I-507", f"it names the file {uri[:80]} and lies inside another one")
    name = unquote(uri.split("?")[0].split("#")[0]).replace("\\", "/")
    if "\0" in name:
        raise Refused("I-507", "it names a file with a zero byte in its name")
    inside = (home or folder).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(inside):
        raise Refused("I-507", f"it names {uri[:80]} outside of its own folder")
    if not path.is_file():
        raise Refused("I-507", f"the file {uri[:80]} that it names is missing")
    return path


def _opened(data: bytes) -> tuple[Json, memoryview | None]:
    """The JSON of a .gltf or .glb, and the binary chunk of the latter."""
    view = memoryview(data)
    if data[:4] != b"glTF":
        return _json(view), None
    if len(data) < 20:
        raise Refused("I-505", f"{len(data)} bytes, less than a glTF header")
    version, length, first, kind = struct.unpack_from("<4I", data, 4)
    if length > len(data):
        raise Refused("I-505", f"it states {length} bytes and holds {len(data)}")
    if version == 1:
        return _json(view[20 : 20 + first]), view[20 + first : length]
    if version != 2:
        raise Refused("I-504", f"glTF {version}")
    if kind != 0x4E4F534A or 20 + first > length:
        raise Refused("I-503", "its first part is no JSON of the stated length")
    begin, chunk = 20 + first, None
    while begin + 8 <= length and chunk is None:
        size, kind = struct.unpack_from("<2I", data, begin)
        if begin + 8 + size > length:
            raise Refused("I-505", f"its binary part states {size} bytes")
        if kind == 0x004E4942:
            chunk = view[begin + 8 : begin + 8 + size]
        begin += 8 + size
    return _json(view[20 : 20 + first]), chunk


def _json(text: memoryview) -> Json:
    try:
        found = msgspec.json.decode(bytes(text).rstrip(b"\0 \r\n\t").lstrip(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refused("I-503", f"its JSON cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise Refused("I-503", "its JSON is no object")
    return found
