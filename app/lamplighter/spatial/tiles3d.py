"""3D Tiles 1.0 and 1.1: a whole tileset with everything it names, or one tile on its own.

Of every part of the city the finest tile is taken that is there and that a machine can hold.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.spatial.mesh_model import MeshModel, refuse_part
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.tile_content import MAGICS, read_content
from lamplighter.spatial.tile_tree import Tree, choose, read_tree

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".json", ".b3dm", ".i3dm", ".pnts", ".cmpt")
_TILE_MAGICS: Final = tuple(magic for magic in MAGICS if magic != b"glTF")
MAX_TILE_BYTES: Final = 500_000_000


def claims(path: Path, head: bytes) -> bool:
    """A tileset by its keys, a tile by its first letters or its ending."""
    if head[:4] in _TILE_MAGICS or path.suffix.lower() in ENDINGS[1:]:
        return True
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    return all(key in head for key in (b'"asset"', b'"geometricError"', b'"boundingVolume"'))


def brings(path: Path) -> list[Path]:
    """All files that a tileset names, through other tilesets and subtrees too."""
    with path.open("rb") as file:
        if file.read(4) in _TILE_MAGICS:
            return []
    return read_tree(path).files


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` when nothing of it can be taken; parts that cannot are listed."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic in _TILE_MAGICS:
        return _one(path)
    if path.suffix.lower() != ".json":
        raise Refused("I-503", f"it does not begin as a {path.suffix[1:]} tile")
    return _tileset(path, progress)


def _one(path: Path) -> SourceModel:
    content = read_content(_bytes(path), path.parent)
    model = SourceModel("3D Tiles", content.form, kind="mesh")
    build = MeshModel(model, path.name)
    build.take(content, np.eye(4), path.stem)
    return build.finish()


def _tileset(path: Path, progress: Progress) -> SourceModel:
    tree = read_tree(path)
    model = SourceModel("3D Tiles", tree.version, kind="mesh")
    model.attribution = _text(tree.json.get("asset", {}), "copyright")
    build = MeshModel(model, _name(path))
    choice = choose(tree.root)
    files = [(tile, uri, file) for tile in choice.tiles for uri, file in tile.files]
    forms: set[str] = set()
    first: Refused | None = None
    taken = 0
    for number, (tile, uri, file) in enumerate(files):
        progress(number, len(files), "tiles")
        try:
            content = read_content(_bytes(file), file.parent, tree.up)
            build.take(content, tile.matrix, _stem(uri), tile.facts)
        except Refused as refused:
            if refused.code == "I-502":
                raise
            first = first or refused
            refuse_part(model, uri, refused.what)
            continue
        taken += 1
        forms.add(content.form)
        model.attribution = model.attribution or _copyright(content.documents)
    if first is not None and not taken:
        raise Refused(first.code, f"none of its {len(files)} tiles can be read: {first.what}")
    _say(model, path, tree, choice.coarser, choice.finer, choice.missing, bool(files))
    model.version = " ".join(filter(None, [tree.version, "+".join(sorted(forms))]))
    return build.finish()


def _say(
    model: SourceModel,
    path: Path,
    tree: Tree,
    coarser: int,
    finer: int,
    missing: list[str],
    any_file: bool,
) -> None:
    """What was left out of the tileset and why."""
    if coarser:
        model.warnings.append(f"{coarser} coarser tiles are replaced by finer ones")
    if finer:
        model.warnings.append(f"{finer} finer tiles were left out: too large to be drawn at once")
    for text in missing:
        refuse_part(model, path.name, text)
    if not any_file and not missing:
        refuse_part(model, path.name, "the tileset names no tile with content")


def _bytes(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_TILE_BYTES:
        raise Refused("I-502", f"a tile of {size / 1e6:.0f} MB")
    return path.read_bytes()


def _name(path: Path) -> str:
    """What the tileset is called: its folder where the file has the usual name."""
    return path.parent.name if path.stem == "tileset" and path.parent.name else path.stem


def _stem(uri: str) -> str:
    """What tells a tile from others: its name in the tileset without its ending."""
    bare = uri.split("?")[0].replace("\\", "/").removeprefix("./")
    return bare.rsplit(".", 1)[0]


def _text(held: Any, key: str) -> str:
    value = held.get(key, "") if isinstance(held, dict) else ""
    return value if isinstance(value, str) else ""


def _copyright(documents: list[Any]) -> str:
    return next(filter(None, (_text(d.json.get("asset", {}), "copyright") for d in documents)), "")
