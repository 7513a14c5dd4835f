"""The whole city as one CityJSON 2.0 file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from lamplighter.domain.city import Asset
from lamplighter.spatial.cityjson import brings, flat_attributes
from lamplighter.spatial.exporting.cityjson_doc import SCALE, Document
from lamplighter.spatial.exporting.cityjson_merge import Merger, vertices_of
from lamplighter.spatial.exporting.cityjson_model import add_asset, add_model
from lamplighter.spatial.exporting.sources import Collected, Moved
from lamplighter.spatial.model import Floats

KINDS = ("model", "vector", "cad", "bim")


def write(found: Collected, out: Path, project: str) -> int:
    """Write every asset of the city; returns how many objects stand in the file."""
    frame = found.frame
    documents = {id(m): _documents(m) for m in found.moved}
    into = Document(
        frame.epsg if found.facts.frame else 0,
        project,
        _scale([d for part in documents.values() for d in part]),
    )
    merger = Merger(into)
    wanted = {asset.id for asset in found.facts.assets}
    for moved in found.moved:
        for document in documents[id(moved)]:
            merger.take(document, _vertices(document, moved), wanted, moved.same_system)
        if not documents[id(moved)]:
            merger.twice += add_model(into, moved, wanted)
    if merger.twice:
        found.warnings.append(
            f"{len(merger.twice)} objects stand in more than one file; the first one was written"
        )
    for asset in found.facts.assets:
        if asset.id not in into.objects:
            add_asset(into, asset, frame)
        else:
            _add_what_is_new(into.objects[asset.id], asset)
    _drop_unknown_relatives(into)
    into.write(out)
    return len(into.objects)


def copy_textures(found: Collected, out: Path) -> None:
    """Put the pictures that the documents name beside the export, in their places."""
    for moved in found.moved:
        if not moved.model.format.startswith("CityJSON"):
            continue
        for picture in brings(moved.path):
            target = out.parent / picture.relative_to(moved.path.parent)
            if picture.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(picture, target)


def _documents(moved: Moved) -> list[dict[str, Any]]:
    """The file's CityJSON documents of version 1.0 or later; none for all other files.

    A sequence gives one for each feature, with the transform of its first line.
    """
    if not moved.model.format.startswith("CityJSON"):
        return []
    data = moved.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    whole = _decoded(data)
    if whole is not None:
        return [whole] if _takes(whole) else []
    lines = [_decoded(line) for line in data.splitlines() if line.strip()]
    head = lines[0] if lines else None
    if head is None or not _takes(head):
        return []
    shared = {k: head[k] for k in ("transform", "geometry-templates") if k in head}
    return [head, *({**shared, **line} for line in lines[1:] if line is not None)]


def _takes(document: dict[str, Any]) -> bool:
    version = str(document.get("version", ""))
    return document.get("type") == "CityJSON" and version[:1] in ("1", "2")


def _decoded(data: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _scale(documents: list[dict[str, Any]]) -> float:
    """As fine as the finest file."""
    found = [SCALE]
    for document in documents:
        transform = document.get("transform")
        if isinstance(transform, dict):
            found.extend(abs(v) for v in transform.get("scale", ()) if v)
    return max(min(found), 1e-7)


def _vertices(document: dict[str, Any], moved: Moved) -> Floats:
    points = vertices_of(document)
    return points if moved.same_system else moved.move(points)


def _add_what_is_new(item: dict[str, Any], asset: Asset) -> None:
    """What another file or a person said about an object of the model."""
    present = item.get("attributes") or {}
    known = set(flat_attributes(present)) if isinstance(present, dict) else set()
    more = {
        key: value
        for key, value in asset.attributes.items()
        if key not in known and value is not None and key != "geometry_height_m"
        and not key.startswith(("address", "surfaces."))
        and key.split(".")[0] not in item
    }  # fmt: skip
    if more:
        item["attributes"] = {**present, **more}


def _drop_unknown_relatives(into: Document) -> None:
    """Parents and children that are not in the file (removed, or in no file at all)."""
    for item in into.objects.values():
        for key in ("parents", "children"):
            if key in item:
                kept = [name for name in item[key] if name in into.objects]
                if kept:
                    item[key] = kept
                else:
                    del item[key]
