"""Recognises a file by its content and hands it to its reader."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, Protocol, cast

from lamplighter.spatial import citygml, cityjson, network, tables, vectors
from lamplighter.spatial.archives import unpack_gzip, unpack_zip
from lamplighter.spatial.joining import joined
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.not_city import what_it_is
from lamplighter.spatial.xml_guard import root_of

Progress = Callable[[int, int, str], None]

ENDINGS: Final = (
    ".json", ".jsonl", ".cityjson", ".cityjsonl", ".geojson", ".gml", ".xml", ".citygml",
    ".csv", ".zip", ".gz", ".ndjson", ".geojsonl",
)  # fmt: skip
_INSIDE: Final = (
    ".json", ".jsonl", ".cityjson", ".gml", ".xml", ".citygml", ".geojson", ".inp", ".dxf", ".ifc",
    ".xodr",
)  # fmt: skip
_PICTURES: Final = (".jpg", ".jpeg", ".png")
_HEAD: Final = 200_000


READERS: Final[tuple[str, ...]] = (
    "tiles3d",
    "gltf",
    "obj",
    "plain_meshes",
    "clouds",
    "dxf",
    "ifc",
    "things",
    "records",
    "rasters",
    "osm",
    "gtfs",
    "gdal_layers",
    "parquet",
    "weather",
)  # fmt: skip
"""modules of this room that read a format of their own, asked in this order"""


class Reader(Protocol):
    """What such a module offers; heavy libraries are imported inside `read`.

    It may also offer `brings(path) -> list[Path]`: the files that `path` is read together with
    (textures and tiles it names), which are then no files of their own; and
    `claims_folder(path) -> bool` where a whole folder is one data set; and
    `read_again(path, progress)`, which does what cannot end the worker a second time.
    """

    ENDINGS: tuple[str, ...]

    @staticmethod
    def claims(path: Path, head: bytes) -> bool:
        """Whether the file is of this format, by its content; cheap, never raises."""

    @staticmethod
    def read(path: Path, progress: Progress) -> SourceModel:
        """The content; raises `Refused` with a code when it cannot be taken."""


def brought_by_model(path: Path) -> list[Path]:
    """The pictures a CityJSON or CityGML file is read together with."""
    ending = path.suffix.lower()
    if ending in (".json", ".jsonl", ".cityjson", ".cityjsonl"):
        return cityjson.brings(path)
    return citygml.brings(path) if ending in (".gml", ".xml", ".citygml") else []


@cache
def readers() -> tuple[Reader, ...]:
    """The modules named in READERS."""
    found = (importlib.import_module(f"lamplighter.spatial.{name}") for name in READERS)
    return tuple(cast(Reader, module) for module in found)


def recognise(
    path: Path,
    importers: network.Importers,
    progress: Progress,
    scratch: Path,
    again: bool = False,
) -> SourceModel:
    """The content of `path`; raises `Refused` with a code when it cannot be taken.

    `again`: reading it ended a worker before; readers with a `read_again` then take less effort.
    """
    if path.is_dir():
        return _folder(path, progress)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise Refused("I-503", "it is empty")
    ending = path.suffix.lower()
    if (importer := network.chosen(path, head, importers)) is not None:
        return network.read(path, importer)
    for reader in readers():
        if reader.claims(path, head):
            less = getattr(reader, "read_again", None) if again else None
            return (less or reader.read)(path, progress)
    if (known := what_it_is(path, head)) is not None:
        raise Refused("I-511", known)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(path, importers, progress, scratch)
    if head.startswith(b"\x1f\x8b"):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            return recognise(
                _not_packed(unpack_gzip(path, Path(folder))), importers, progress, scratch
            )
    if head.lstrip(b"\x1e\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _json(path, head, progress)
    if _is_xml(head):
        version = citygml.version_of(path)
        if version is None:
            root = root_of(path).rpartition(" ")[2][:60]
            raise Refused(
                "I-504", f"XML of another kind than CityGML: its root element is '{root}'"
            )
        return citygml.read(path, version, progress)
    if ending == ".csv":
        return tables.read(path.read_bytes())
    if ending in (".json", ".geojson", ".cityjson"):
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
            raise Refused("I-504", "a JSON list, no city model")
        raise Refused("I-503", "it is no JSON")
    if ending in (".gml", ".xml", ".citygml"):
        raise Refused("I-503", "it is no XML")
    raise Refused("I-504", f"ending '{ending}'" if ending else "no ending and unknown content")


def _folder(path: Path, progress: Progress) -> SourceModel:
    """A folder that is one data set."""
    for reader in readers():
        claims = getattr(reader, "claims_folder", None)
        if claims is not None and claims(path):
            return reader.read(path, progress)
    raise Refused("I-507", "it is a folder")


def _is_xml(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<"))


def _json(path: Path, head: bytes, progress: Progress) -> SourceModel:
    data = path.read_bytes()
    lines = path.suffix.lower() in (".jsonl", ".cityjsonl") or _is_sequence(head)
    if vectors.looks_like_sequence(head, path.suffix.lower()):
        return vectors.read_sequence(data, path.stem)
    if lines:
        return cityjson.read_sequence(data, progress, path.parent)
    if b'"CityObjects"' in data or cityjson.looks_like(head):
        return cityjson.read(data, progress, path.parent)
    if vectors.looks_like_geojson(head):
        return vectors.read_geojson(data, path.stem)
    return cityjson.read(data, progress, path.parent)


def _is_sequence(head: bytes) -> bool:
    """A first line that is a whole CityJSON object, followed by a feature."""
    first, _, rest = head.partition(b"\n")
    return first.rstrip().endswith(b"}") and b'"CityJSONFeature"' in rest[:2000]


def _not_packed(path: Path) -> Path:
    with path.open("rb") as file:
        if file.read(4) in (b"PK\x03\x04",) or path.suffix.lower() in (".gz", ".zip"):
            raise Refused("I-502", "archives inside archives")
    return path


def _zip(
    path: Path, importers: network.Importers, progress: Progress, scratch: Path
) -> SourceModel:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        members = unpack_zip(path, Path(folder), _INSIDE, _PICTURES)
        if not members:
            raise Refused("I-504", "an archive without a city model")
        merged: SourceModel | None = None
        left_out: list[str] = []
        reason = Refused("I-504", "an archive without a city model")
        for member in members:
            name = member.name.partition("-")[2]
            try:
                part = recognise(_not_packed(member), importers, progress, scratch)
            except Refused as refused:
                reason = refused
                left_out.append(f"{name}: {refused.what}")
                continue
            if merged is None:
                merged = part
            elif why := joined(merged, part):
                left_out.append(f"{name}: {why}")
        if merged is None:
            raise reason
        merged.warnings.extend(f"left out of the archive: {text}" for text in left_out[:20])
        return merged
