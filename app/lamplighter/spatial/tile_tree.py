"""The tree of a tileset: its tiles with their places, refinement and files, and which to draw.

Tilesets name further tilesets, and tiles that no list names but only bits of a subtree file. Here
all of them become one tree, and of it the finest picture that a machine can hold is chosen.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from lamplighter.spatial.gltf_buffers import Json, beside
from lamplighter.spatial.implicit_tiles import implicit_tiles
from lamplighter.spatial.model import Floats, Refused

BUDGET_BYTES: Final = 120_000_000
"""tile files to read at most; a few million triangles"""
MAX_TILES: Final = 200_000
MAX_DEPTH: Final = 200
MAX_NESTED: Final = 16


@dataclass(slots=True)
class Tile:
    """One tile: its place in the root's system, files and children."""

    matrix: Floats
    error: float
    refine: str
    files: list[tuple[str, Path]] = field(default_factory=list)
    """uri and path of what it shows"""
    bad: list[str] = field(default_factory=list)
    """why files that it names are not there"""
    children: list[Tile] = field(default_factory=list)
    facts: Json = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for _, path in self.files)

    def walk(self) -> Iterator[Tile]:
        """This tile and all below it."""
        stack = [self]
        while stack:
            tile = stack.pop()
            yield tile
            stack.extend(reversed(tile.children))


@dataclass(slots=True)
class Tree:
    """A whole tileset. `files` are those it consists of, beside its own."""

    root: Tile
    version: str
    up: str
    json: Json
    files: list[Path] = field(default_factory=list)


def read_tree(path: Path) -> Tree:
    """The tree of the tileset at `path`. Raises `Refused`, also for broken structure."""
    reader = _Reader(path.parent)
    try:
        document = load_json(path)
        root = reader.tileset(path, document, np.eye(4), "REPLACE", (path.resolve(),))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        what = str(error) or type(error).__name__
        raise Refused("I-503", f"its tile tree is broken: {what}") from error
    asset = document.get("asset", {})
    up = str(asset.get("gltfUpAxis", "Y")).lower()
    return Tree(root, str(asset.get("version", "")), up, document, reader.files)


def load_json(path: Path) -> Json:
    """The JSON object of a file."""
    try:
        found = msgspec.json.decode(path.read_bytes().lstrip(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refused("I-503", f"the JSON of {path.name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise Refused("I-503", f"the JSON of {path.name} is no object")
    return found


class _Reader:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.files: list[Path] = []
        self.tiles = 0

    def tileset(
        self, path: Path, document: Json, above: Floats, refine: str, trail: tuple[Path, ...]
    ) -> Tile:
        if "root" not in document:
            raise Refused("I-503", f"{path.name} has no root tile")
        return self._tile(path.parent, document["root"], above, refine, trail, 0)

    def _tile(
        self,
        folder: Path,
        info: Json,
        above: Floats,
        refine: str,
        trail: tuple[Path, ...],
        depth: int,
    ) -> Tile:
        self.tiles += 1
        if self.tiles > MAX_TILES or depth > MAX_DEPTH:
            raise Refused("I-502", f"more than {MAX_TILES} tiles or {MAX_DEPTH} levels")
        matrix = above
        if info.get("transform") is not None:
            matrix = above @ np.array(info["transform"], float).reshape(4, 4).T
        refine = str(info.get("refine", refine)).upper()
        tile = Tile(matrix, float(info.get("geometricError") or 0.0), refine)
        tile.facts = info.get("metadata", {}).get("properties", {})
        implicit = info.get("implicitTiling") or info.get("extensions", {}).get(
            "3DTILES_implicit_tiling"
        )
        if implicit:
            self._implicit(folder, info, implicit, tile, trail)
            return tile
        for content in _contents(info):
            uri = content.get("uri", content.get("url"))
            if isinstance(uri, str):
                self._content(folder, uri, tile, trail, depth)
        for child in info.get("children") or ():
            tile.children.append(self._tile(folder, child, matrix, refine, trail, depth + 1))
        return tile

    def _content(
        self, folder: Path, uri: str, tile: Tile, trail: tuple[Path, ...], depth: int
    ) -> None:
        """A file that the tile shows, or a tileset that hangs below it."""
        try:
            path = beside(folder, uri, self.home)
        except (Refused, OSError) as error:
            tile.bad.append(error.what if isinstance(error, Refused) else f"{uri[:80]}: no file")
            return
        self.files.append(path)
        if not _is_json(path):
            tile.files.append((uri, path))
            return
        document = load_json(path)
        if "root" not in document:
            tile.files.append((uri, path))
            return
        if path in trail:
            raise Refused("I-503", f"{path.name} names itself through other tilesets")
        if len(trail) > MAX_NESTED:
            raise Refused("I-502", f"tilesets inside tilesets, more than {MAX_NESTED} deep")
        tile.children.append(self.tileset(path, document, tile.matrix, tile.refine, (*trail, path)))

    def _implicit(
        self, folder: Path, info: Json, implicit: Json, tile: Tile, trail: tuple[Path, ...]
    ) -> None:
        """The tiles that subtree files describe, hung below `tile`."""
        templates = [str(c.get("uri", c.get("url"))) for c in _contents(info)]
        made: dict[tuple[int, int, int, int], Tile] = {}
        for place, uris in implicit_tiles(folder, self.home, implicit, templates, self.files):
            level = place[0]
            self.tiles += 1
            if self.tiles > MAX_TILES:
                raise Refused("I-502", f"more than {MAX_TILES} tiles")
            one = tile
            if level:
                one = Tile(tile.matrix, tile.error / 2**level, tile.refine)
                above = (level - 1, *(n // 2 for n in place[1:]))
                made[above].children.append(one)  # type: ignore[index]
            made[place] = one
            for uri in uris:
                self._content(folder, uri, one, trail, level)


def _contents(info: Json) -> list[Json]:
    """What a tile shows, in any of the ways to write it."""
    many = info.get("contents")
    if many is None:
        many = info.get("extensions", {}).get("3DTILES_multiple_contents", {})
        many = many.get("contents", many.get("content", [])) if isinstance(many, dict) else many
    one = info.get("content")
    return ([one] if one else []) + list(many or ())


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


@dataclass(slots=True)
class Choice:
    """The tiles to draw; `coarser` were left out for finer ones, `finer` did not fit."""

    tiles: list[Tile]
    coarser: int
    finer: int
    missing: list[str]


def choose(root: Tile, budget: int = BUDGET_BYTES) -> Choice:
    """The finest complete picture whose files are there and hold at most `budget` bytes."""
    order = 0
    queue: list[tuple[float, int, Tile]] = [(-math.inf, 0, root)]
    final: list[Tile] = []
    missing = [text for tile in root.walk() for text in tile.bad]
    held, coarser, finer = root.size, 0, 0
    while queue:
        _, _, tile = heapq.heappop(queue)
        if not tile.children:
            final.append(tile)
            continue
        more = sum(child.size for child in tile.children)
        more -= tile.size if tile.refine == "REPLACE" else 0
        whole = tile.refine != "REPLACE" or not tile.files or all(map(_shows, tile.children))
        if not whole or held + more > budget:
            final.append(tile)
            if whole:
                finer += sum(1 for below in tile.walk()) - 1
            continue
        held += more
        if tile.refine == "REPLACE":
            coarser += bool(tile.files)
        else:
            final.append(tile)
        for child in tile.children:
            order += 1
            heapq.heappush(queue, (-child.error, order, child))
    return Choice([tile for tile in final if tile.files], coarser, finer, missing)


def _shows(tile: Tile) -> bool:
    """Whether a tile can stand in for its part of its parent."""
    if tile.files:
        return not tile.bad
    if tile.bad:
        return bool(tile.children) and all(map(_shows, tile.children))
    return all(map(_shows, tile.children))
