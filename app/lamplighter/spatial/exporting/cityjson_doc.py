"""A CityJSON 2.0 document that grows object by object and keeps each vertex once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.spatial.model import Floats

VERSION: Final = "2.0"
SCALE: Final = 0.001
"""metres; a coarser number would lose what a survey knows"""
FIRST_LEVEL: Final = frozenset(
    {
        "Bridge", "Building", "CityFurniture", "CityObjectGroup", "GenericCityObject", "LandUse",
        "OtherConstruction", "PlantCover", "SolitaryVegetationObject", "TINRelief",
        "TransportSquare", "Railway", "Road", "Tunnel", "WaterBody", "Waterway",
    }
)  # fmt: skip
SECOND_LEVEL: Final = frozenset(
    {
        "BuildingPart", "BuildingInstallation", "BuildingConstructiveElement", "BuildingFurniture",
        "BuildingStorey", "BuildingRoom", "BuildingUnit", "BridgePart", "BridgeInstallation",
        "BridgeConstructiveElement", "BridgeRoom", "BridgeFurniture", "TunnelPart",
        "TunnelInstallation", "TunnelConstructiveElement", "TunnelHollowSpace", "TunnelFurniture",
    }
)  # fmt: skip


class Document:
    """Collects city objects; `write` quantises all vertices at once."""

    def __init__(self, epsg: int, title: str, scale: float = SCALE) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.extensions: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.appearance: dict[str, list[Any]] = {}
        self.appearance_defaults: dict[str, Any] = {}
        self.templates: list[Any] = []
        self.template_vertices: list[Any] = []
        self.metadata: dict[str, Any] = {"title": title}
        if epsg:
            self.metadata["referenceSystem"] = f"https://www.opengis.net/def/crs/EPSG/0/{epsg}"
        self.scale = scale
        self._vertices: list[Floats] = []
        self.count = 0

    def add_vertices(self, points: Floats) -> int:
        """Take over vertices (n, 3); returns the number of the first."""
        first = self.count
        self._vertices.append(points)
        self.count += len(points)
        return first

    def write(self, out: Path) -> None:
        """Write the document; raises OSError."""
        points = np.concatenate(self._vertices) if self._vertices else np.zeros((0, 3))
        finite = points[np.isfinite(points).all(axis=1)]
        low = np.floor(finite.min(axis=0)) if len(finite) else np.zeros(3)
        scaled = np.rint((np.nan_to_num(points, nan=0.0) - low) / self.scale).astype(np.int64)
        if len(finite):
            high = finite.max(axis=0)
            self.metadata["geographicalExtent"] = [*finite.min(axis=0).tolist(), *high.tolist()]
        document: dict[str, Any] = {
            "type": "CityJSON",
            "version": VERSION,
            "metadata": self.metadata,
            "transform": {"scale": [self.scale] * 3, "translate": low.tolist()},
            "CityObjects": self.objects,
            "vertices": scaled.tolist(),
        }
        if self.extensions:
            document["extensions"] = self.extensions
        if self.appearance:
            document["appearance"] = {**self.appearance, **self.appearance_defaults}
        if self.templates:
            document["geometry-templates"] = {
                "templates": self.templates,
                "vertices-templates": self.template_vertices,
            }
        document.update(self.extra)
        part = out.with_name(out.name + ".part")
        part.write_bytes(msgspec.json.encode(document))
        part.replace(out)
