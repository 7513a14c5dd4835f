"""Tiles on disk: the one place that knows how a `TileArrays` lies in its .npz file.

The worker that makes tiles and the scene that draws them may not import each other; they meet
here. Nothing is pickled, and what is read is checked before anybody indexes with it.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import msgspec
import numpy as np

from lamplighter.domain.geometry import SURFACES, TileArrays


class DamagedTile(Exception):
    """The file is no tile, or its numbers contradict each other; make it anew by importing."""


def write_tile(tile: TileArrays, folder: Path) -> str:
    """Write `tile` as `folder/<tile.name>` (atomically, not compressed); returns the name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / tile.name
    partial = path.with_name(f"{tile.name}.{os.getpid()}.part")
    names = np.frombuffer(msgspec.json.encode(tile.assets), dtype=np.uint8)
    with partial.open("wb") as file:
        np.savez(
            file,
            assets=names,
            points=np.ascontiguousarray(tile.points, dtype=np.float32),
            triangles=np.ascontiguousarray(tile.triangles, dtype=np.int32),
            owner=np.ascontiguousarray(tile.owner, dtype=np.int32),
            surface=np.ascontiguousarray(tile.surface, dtype=np.uint8),
        )
    partial.replace(path)
    return tile.name


def read_tile(path: Path) -> TileArrays:
    """Read and check one tile; raises `DamagedTile`, also when the file is missing."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            assets = msgspec.json.decode(arrays["assets"].tobytes(), type=tuple[str, ...])
            tile = TileArrays(
                name=path.name,
                assets=assets,
                points=arrays["points"],
                triangles=arrays["triangles"],
                owner=arrays["owner"],
                surface=arrays["surface"],
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.MsgspecError) as e:
        raise DamagedTile(f"{path.name}: {e}") from e
    _check(tile)
    return tile


def _check(tile: TileArrays) -> None:
    points, triangles = tile.points, tile.triangles
    sound = (
        points.ndim == 2
        and points.shape[1] == 3
        and points.dtype == np.float32
        and triangles.ndim == 2
        and triangles.shape[1] == 3
        and triangles.dtype == np.int32
        and tile.owner.shape == tile.surface.shape == (len(triangles),)
        and tile.owner.dtype == np.int32
        and tile.surface.dtype == np.uint8
        and bool(np.isfinite(points).all())
    )
    if sound and len(triangles):
        sound = (
            bool((triangles >= 0).all())
            and int(triangles.max()) < len(points)
            and bool((tile.owner >= 0).all())
            and int(tile.owner.max()) < len(tile.assets)
            and int(tile.surface.max()) < len(SURFACES)
        )
    if not sound:
        raise DamagedTile(f"{tile.name}: its arrays contradict each other")
