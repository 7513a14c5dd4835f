"""A layer: what one imported file brought to the city, and where its tiles lie."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

LAYER_KINDS: Final = (
    "model", "mesh", "cloud", "terrain", "imagery", "vector", "network", "cad", "bim", "table",
)  # fmt: skip


class TileInfo(Struct, frozen=True):
    """One tile file of `cache/tiles`, described so that nobody has to open it to choose."""

    name: str
    kind: str
    """one of `geometry.TILE_KINDS`"""
    lod: float
    """level of detail of the source; 0 when it names none"""
    rank: int
    """0 for the finest picture of its cell, 1 for the next coarser one ..."""
    cell: tuple[int, int]
    """column and row of the 500 m grid; the ranks of one cell and layer replace each other"""
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    """box in local metres"""
    triangles: int
    points: int


class Layer(Struct, frozen=True):
    """One imported file as a layer of the city."""

    id: str
    """unique in the project"""
    name: str
    kind: str
    """one of LAYER_KINDS"""
    domain: str = "city"
    source_file: str = ""
    """path as it was imported"""
    content_hash: str = ""
    format: str = ""
    version: str = ""
    crs: str = ""
    extent_wgs84: tuple[float, float, float, float] | None = None
    licence: str = ""
    attribution: str = ""
    date: str = ""
    """date of the data as the file states it, ISO 8601; else the file's own date"""
    imported_ms: int = 0
    objects: int = 0
    lods: tuple[float, ...] = ()
    """levels of detail it can be drawn in, the coarsest first"""
    tiles: tuple[TileInfo, ...] = ()

    @property
    def finest(self) -> tuple[TileInfo, ...]:
        """The tiles of the best picture."""
        return tuple(t for t in self.tiles if t.rank == 0)
