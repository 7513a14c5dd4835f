"""Writes the district as CityJSON 2.0, the format its own importer takes in like anybody's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from lamplighter.field.layout import Ground

SCALE = 0.01
Ring = list[tuple[float, float, float]]


class CityWriter:
    """Collects objects in grid metres, writes them in the projected frame.

    Vertices are pooled: the same corner is stored once.
    """

    def __init__(self, ground: Ground, epsg: int, name: str) -> None:
        self._ground = ground
        self._epsg = epsg
        self._name = name
        self._index: dict[tuple[int, int, int], int] = {}
        self._points: list[tuple[float, float, float]] = []
        self.objects: dict[str, dict[str, Any]] = {}

    def _vertex(self, point: tuple[float, float, float]) -> int:
        key = (round(point[0] * 200), round(point[1] * 200), round(point[2] * 200))
        at = self._index.get(key)
        if at is None:
            at = self._index[key] = len(self._points)
            self._points.append(point)
        return at

    def _face(self, rings: list[Ring]) -> list[list[int]]:
        out = []
        for ring in rings:
            indices: list[int] = []
            for point in ring:
                vertex = self._vertex(point)
                if not indices or indices[-1] != vertex:
                    indices.append(vertex)
            if len(indices) > 1 and indices[0] == indices[-1]:
                indices.pop()
            out.append(indices)
        return out

    def solids(
        self,
        identifier: str,
        kind: str,
        solids: list[list[tuple[str, list[Ring]]]],
        attributes: dict[str, Any],
    ) -> None:
        """An object of LoD 2 solids with semantic surfaces; one geometry per solid."""
        geometry = []
        for faces in solids:
            types = sorted({surface for surface, _ in faces})
            geometry.append(
                {
                    "type": "Solid",
                    "lod": "2",
                    "boundaries": [[self._face(rings) for _, rings in faces]],
                    "semantics": {
                        "surfaces": [{"type": surface} for surface in types],
                        "values": [[types.index(surface) for surface, _ in faces]],
                    },
                }
            )
        self.objects[identifier] = {"type": kind, "attributes": attributes, "geometry": geometry}

    def surfaces(
        self,
        identifier: str,
        kind: str,
        faces: list[list[Ring]],
        attributes: dict[str, Any],
        geometry_type: str = "MultiSurface",
        lod: str = "1",
    ) -> None:
        """An object of plain surfaces; degenerate ones are left out."""
        boundaries = [self._face(rings) for rings in faces]
        boundaries = [face for face in boundaries if len(set(face[0])) >= 3]
        self.objects[identifier] = {
            "type": kind,
            "attributes": attributes,
            "geometry": [{"type": geometry_type, "lod": lod, "boundaries": boundaries}],
        }

    def write(self, path: Path) -> None:
        """Writes the file; the bytes depend on nothing but what was added."""
        local = np.array(self._points)
        world = np.column_stack([self._ground.to_map(local[:, :2]), local[:, 2]])
        low = np.floor(world.min(axis=0))
        whole = np.round((world - low) / SCALE).astype(int)
        used = whole * SCALE + low
        document = {
            "type": "CityJSON",
            "version": "2.0",
            "transform": {"scale": [SCALE] * 3, "translate": low.tolist()},
            "metadata": {
                "title": self._name,
                "referenceSystem": f"https://www.opengis.net/def/crs/EPSG/0/{self._epsg}",
                "geographicalExtent": np.round(
                    np.concatenate([used.min(axis=0), used.max(axis=0)]), 2
                ).tolist(),
            },
            "CityObjects": self.objects,
            "vertices": whole.tolist(),
        }
        path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
