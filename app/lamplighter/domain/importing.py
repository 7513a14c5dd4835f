"""What an import says about each file; the keys others script against."""

from __future__ import annotations

from msgspec import Struct, field

from lamplighter.domain.city import Asset, Edge


class Unplaced(Struct, frozen=True):
    id: str
    reason: str


class FileReport(Struct):
    """One imported file."""

    file: str
    format: str = ""
    version: str = ""
    crs: str = ""
    """as `EPSG:n`; empty when none was found"""
    crs_evidence: str = ""
    extent_wgs84: list[float] | None = None
    """[west, south, east, north]"""
    objects: dict[str, int] = field(default_factory=dict)
    triangles: int = 0
    placed: int = 0
    unplaced: list[Unplaced] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0


class ImportedFile(Struct):
    """What a reader hands over: the report, the assets and edges, and where the tiles lie.

    `tiles` are names of .npz files in the project's `cache/tiles/` (see `spatial.tiles`).
    """

    report: FileReport
    assets: list[Asset] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    tiles: list[str] = field(default_factory=list)
    content_hash: str = ""
    suggested_epsg: int = 0
    """the projected CRS to found a new project's frame on"""
    suggested_origin: tuple[float, float] = (0.0, 0.0)
