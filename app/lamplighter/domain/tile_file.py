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

from lamplighter.domain.geometry import SURFACES, TILE_KINDS, TileArrays


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
            allow_pickle=False,
            assets=names,
            points=np.ascontiguousarray(tile.points, dtype=np.float32),
            triangles=np.ascontiguousarray(tile.triangles, dtype=np.int32),
            owner=np.ascontiguousarray(tile.owner, dtype=np.int32),
            surface=np.ascontiguousarray(tile.surface, dtype=np.uint8),
            **_extras(tile),
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
                kind=arrays["kind"].tobytes().decode() if "kind" in arrays else "model",
                lod=float(arrays["lod"][0]) if "lod" in arrays else 0.0,
                colours=arrays.get("colours"),
                uv=arrays.get("uv"),
                image=arrays["image"].tobytes() if "image" in arrays else b"",
            )
    except (
        OSError,
        ValueError,
        KeyError,
        IndexError,
        EOFError,
        zipfile.BadZipFile,
        msgspec.MsgspecError,
    ) as e:
        raise DamagedTile(f"{path.name}: {e}") from e
    _check(tile)
    return tile


def _extras(tile: TileArrays) -> dict[str, np.ndarray]:
    """What only some tiles have."""
    found: dict[str, np.ndarray] = {
        "kind": np.frombuffer(tile.kind.encode(), dtype=np.uint8),
        "lod": np.array([tile.lod], dtype=np.float64),
    }
    if tile.colours is not None:
        found["colours"] = np.ascontiguousarray(tile.colours, dtype=np.uint8)
    if tile.uv is not None:
        found["uv"] = np.ascontiguousarray(tile.uv, dtype=np.float32)
    if tile.image:
        found["image"] = np.frombuffer(tile.image, dtype=np.uint8)
    return found


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
        and tile.kind in TILE_KINDS
        and (tile.colours is None or tile.colours.shape == points.shape)
        and (tile.colours is None or tile.colours.dtype == np.uint8)
        and (tile.uv is None or tile.uv.shape == (len(points), 2))
        and (tile.uv is None or tile.uv.dtype == np.float32)
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
