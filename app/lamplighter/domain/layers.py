"""A layer: what one imported file brought to the city, and where its tiles lie."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lamplighter.domain.city import Datastream, Edge

LAYER_KINDS: Final = (
    "model", "mesh", "cloud", "terrain", "imagery", "vector", "network", "cad", "bim", "table",
)  # fmt: skip
REALITY_KINDS: Final = frozenset({"mesh", "cloud"})
"""layers that show the city as it was captured, against the semantic model"""


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
    made: bool = False
    """made for far views; no level of detail of the source"""
    error: float = 0.0
    """metres by which it may differ from the finest picture"""


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
    terms_from: str = ""
    """where licence and attribution were found: `the file`, or the name of a text beside it"""
    imported_ms: int = 0
    objects: int = 0
    lods: tuple[float, ...] = ()
    """levels of detail it can be drawn in, the coarsest first"""
    placement: tuple[float, ...] = ()
    """how its own coordinates were moved to the map, where it names no system: EPSG code, point
    of the file (3), turn and scale as a complex number (2), place (3), metres per unit of height"""
    tiles: tuple[TileInfo, ...] = ()

    @property
    def finest(self) -> tuple[TileInfo, ...]:
        """The tiles of the best picture."""
        return tuple(t for t in self.tiles if t.rank == 0)


class LayerContents(Struct, frozen=True):
    """What a layer brought beside its assets, so that all of it can be taken back or made anew."""

    edges: tuple[Edge, ...] = ()
    datastreams: tuple[Datastream, ...] = ()
    key: str = ""
    """how its tile files begin; reading the same file with it makes the same tiles"""
    main: str = ""
    """the file inside its folder of `media/sources`"""
    parts: tuple[str, ...] = ()
    """files it was read together with, as paths when it was imported"""
    epsg: int = 0
    """the coordinate system the user gave; 0 for none"""
    fit: tuple[float, float, float, float] | None = None
    """the box the user had it scaled into"""


class LayerRemoval(Struct, frozen=True):
    """What goes when a layer is removed, counted before and after."""

    layer: str
    name: str
    source_file: str
    assets: int
    """assets that go"""
    kept_assets: int
    """assets another file described too; they fall back to what that one said"""
    edges: int
    tiles: int
    bindings: int
    """datastreams that lose their asset or what the file said of them"""
    examples: tuple[str, ...] = ()
    """some of the assets that go"""
    done: bool = False


class LayerView(Struct, frozen=True):
    """Which layers the 3D picture shows, and how; the layers panel states it, the view obeys."""

    hidden: frozenset[str] = frozenset()
    """ids of the layers switched off"""
    ghosted: frozenset[str] = frozenset()
    """ids of the layers drawn as ghosts"""
    lod: dict[str, float] = {}
    """level of detail chosen for a layer; a layer that is absent chooses by itself"""
    isolated: str = ""
    """id of the one layer to look at, all others are ghosts; empty for none"""
    reality: str = "both"
    """`model`, `mesh` or `both`: semantic models, reality meshes and clouds, or all of them"""

    def shows(self, layer: Layer) -> bool:
        """Whether the layer is drawn at all, as itself or as a ghost."""
        if layer.id in self.hidden:
            return False
        mesh = layer.kind in REALITY_KINDS
        return not (
            (self.reality == "model" and mesh) or (self.reality == "mesh" and layer.kind == "model")
        )

    def is_ghost(self, layer: Layer) -> bool:
        """Whether the layer is drawn as a ghost."""
        return layer.id in self.ghosted or self.isolated not in ("", layer.id)
