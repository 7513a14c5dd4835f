"""glTF 2.0 and 1.0 files of their own, text or binary, with their buffers and pictures.

A glTF has no coordinate system. Its place is known when it was written earth-centred, or by this
console, which notes system and origin; else it is placed like a drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.spatial.gltf_buffers import Document, Json, beside
from lamplighter.spatial.kinds import domain_of
from lamplighter.spatial.mesh_model import MeshModel
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.tile_content import Content, gltf_content

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".glb", ".gltf")
MAX_BYTES: Final = 1_000_000_000


def claims(path: Path, head: bytes) -> bool:
    """Binary glTF by its first letters, the text form by its ending or its keys."""
    if head.startswith(b"glTF") or path.suffix.lower() in ENDINGS:
        return True
    if path.suffix.lower() != ".json" or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    return all(key in head for key in (b'"asset"', b'"bufferViews"', b'"accessors"'))


def brings(path: Path) -> list[Path]:
    """Buffers and pictures that lie beside it."""
    document = Document(path.read_bytes(), path.parent)
    found: list[Path] = []
    for kind in ("buffers", "images", "shaders"):
        for _, item in document.items(kind):
            uri = item.get("uri")
            if isinstance(uri, str) and not uri.startswith("data:"):
                try:
                    found.append(beside(path.parent, uri))
                except (Refused, OSError):
                    continue
    return found


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` for what is no glTF, is packed in a way not read, or is damaged."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Refused("I-502", f"a mesh of {size / 1e6:.0f} MB")
    content = gltf_content(path.read_bytes(), path.parent)
    progress(1, 2, "mesh")
    document = content.documents[0]
    asset = document.json.get("asset", {})
    model = SourceModel("glTF", str(asset.get("version", "")), kind="mesh")
    model.attribution = (
        asset.get("copyright", "") if isinstance(asset.get("copyright"), str) else ""
    )
    build = MeshModel(model, path.name)
    told = _told(asset)
    if told is not None:
        model.crs_text = told[0]
    shift = np.eye(4)
    shift[:3, 3] = (0.0, 0.0, 0.0) if told is None else told[1]
    for name, facts, part in _by_node(document, content):
        build.take(part, shift, name, facts)
        if facts:
            _name_whole(model, build, path, name, facts)
    return build.finish()


def _told(asset: Json) -> tuple[str, tuple[float, float, float]] | None:
    """System and origin as this console writes them into a mesh."""
    extras = asset.get("extras")
    if not isinstance(extras, dict):
        return None
    system, origin = extras.get("crs"), extras.get("origin")
    if not isinstance(system, str) or not isinstance(origin, list) or len(origin) != 3:
        return None
    if not all(isinstance(value, int | float) for value in origin):
        return None
    return system, (float(origin[0]), float(origin[1]), float(origin[2]))


def _by_node(document: Document, content: Content) -> list[tuple[str, dict[str, Any], Content]]:
    """Pieces under the named nodes that say something of themselves; the rest together."""
    nodes = dict(document.items("nodes"))
    names = {
        key: str(node["name"])
        for key, node in nodes.items()
        if node.get("name") and isinstance(node.get("extras"), dict) and node["extras"]
    }
    if len(set(names.values())) < len(names):
        names = {}
    groups: dict[Any, Content] = {}
    for piece in content.pieces:
        key = piece.node if piece.node in names else None
        groups.setdefault(key, Content(tables=content.tables if key is None else [])).pieces.append(
            piece
        )
    found: list[tuple[str, dict[str, Any], Content]] = []
    for key, part in groups.items():
        if key is None:
            part.skipped = content.skipped
            found.append(("mesh", {}, part))
            continue
        for piece in part.pieces:
            piece.table = -1
        found.append((names[key], dict(nodes[key]["extras"]), part))
    return found


def _name_whole(
    model: SourceModel, build: MeshModel, path: Path, name: str, facts: dict[str, Any]
) -> None:
    """Give the object of a node the id, type and parent that the node states."""
    feature = model.features[build.feature(f"{path.name}/{name}", "Mesh", "", {})]
    feature.id = name
    for key, kind in (("type", str), ("name", str), ("parent", str)):
        value = facts.get(key)
        if isinstance(value, kind) and value:
            setattr(feature, key, value)
            feature.attributes.pop(key, None)
    feature.domain = domain_of(feature.type)


__all__ = ["ENDINGS", "brings", "claims", "read"]
