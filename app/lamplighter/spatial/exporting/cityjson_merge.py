"""CityJSON in, CityJSON out: a document is taken over as it stands, only renumbered.

Nothing is read into another model in between, so what this program does not draw (materials,
textures, extensions, nested attributes, templates) comes out as it came in. Older versions are
written in the words of version 2.0.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lamplighter.spatial.exporting.cityjson_doc import Document
from lamplighter.spatial.model import Floats

_APPEARANCE: Final = ("materials", "textures", "vertices-texture")
_OLD_TYPES: Final = {
    "BridgeConstructionElement": "BridgeConstructiveElement",
    "+GenericCityObject": "GenericCityObject",
}
_PARTS: Final = ("Parts", "Installations", "ConstructionElements", "members")
_ROOT: Final = frozenset(
    {
        "type", "version", "metadata", "transform", "CityObjects", "vertices", "extensions",
        "appearance", "geometry-templates", "id",
    }
)  # fmt: skip


def vertices_of(document: dict[str, Any]) -> Floats:
    """The real coordinates (n, 3) of a document; NaN rows for what is no triple of numbers."""
    rows = document.get("vertices") or []
    points = np.full((len(rows), 3), np.nan)
    for place, row in enumerate(rows):
        if isinstance(row, list) and len(row) >= 3:
            points[place] = row[:3]
    transform = document.get("transform")
    if isinstance(transform, dict):
        points = points * np.array(transform["scale"]) + np.array(transform["translate"])
    return points


class Merger:
    """Takes documents over into one."""

    def __init__(self, into: Document) -> None:
        self.into = into
        self.twice: list[str] = []
        """ids that another file had used already; the first object counts"""

    def take(
        self, document: dict[str, Any], vertices: Floats, wanted: set[str], same_system: bool
    ) -> None:
        """Add the objects of `document` whose id is in `wanted`.

        vertices (n, 3): its vertices where they lie in the target system.
        """
        self._base = self.into.add_vertices(vertices)
        self._bases = self._take_appearance(document.get("appearance"))
        self._template_base = self._take_templates(document.get("geometry-templates"))
        if isinstance(document.get("extensions"), dict):
            kept = {k: v for k, v in document["extensions"].items() if k != "Generic"}
            self.into.extensions.update(kept)
        metadata = document.get("metadata")
        if isinstance(metadata, dict):
            for key in ("identifier", "pointOfContact", "referenceDate"):
                if key in metadata:
                    self.into.metadata.setdefault(key, metadata[key])
        for key, value in document.items():
            if key not in _ROOT:
                self.into.extra.setdefault(key, value)
        objects = document.get("CityObjects") or {}
        for name, item in objects.items():
            if name not in wanted or not isinstance(item, dict):
                continue
            if name in self.into.objects:
                self.twice.append(name)
                continue
            self.into.objects[name] = self._object(item, same_system)

    def _object(self, item: dict[str, Any], same_system: bool) -> dict[str, Any]:
        made = dict(item)
        made["type"] = _OLD_TYPES.get(item.get("type", ""), item.get("type", ""))
        children = list(made.get("children") or [])
        for old in _PARTS:
            children += made.pop(old, None) or []
        if children:
            made["children"] = children
        if "parent" in made:
            made["parents"] = [made.pop("parent")]
        box = made.pop("bbox", None)
        if box is not None:
            made.setdefault("geographicalExtent", box)
        if not same_system:
            made.pop("geographicalExtent", None)
        if isinstance(made.get("address"), dict):
            made["address"] = [made["address"]]
        geometry = made.get("geometry")
        if isinstance(geometry, list) and geometry:
            made["geometry"] = [self._geometry(g) for g in geometry]
        else:
            made.pop("geometry", None)
        return made

    def _geometry(self, geometry: dict[str, Any], base: int | None = None) -> dict[str, Any]:
        made = dict(geometry)
        made["boundaries"] = _shifted(
            geometry.get("boundaries"), self._base if base is None else base
        )
        if made.get("type") == "GeometryInstance":
            made["template"] = geometry.get("template", 0) + self._template_base
            return made
        if "lod" in made:
            made["lod"] = _level(made["lod"])
        if isinstance(made.get("semantics"), list):
            made["semantics"] = _old_semantics(made["semantics"])
        if isinstance(made.get("material"), dict):
            made["material"] = {
                theme: self._material(value) for theme, value in made["material"].items()
            }
        if isinstance(made.get("texture"), dict):
            made["texture"] = {
                theme: {**value, "values": self._rings(value.get("values"))}
                for theme, value in made["texture"].items()
            }
        return made

    def _material(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        shift = self._bases["materials"]
        return {key: _shifted(numbers, shift) for key, numbers in value.items()}

    def _rings(self, values: Any) -> Any:
        """Texture values: the first number of a ring is the texture, the others its places."""
        if not isinstance(values, list):
            return values
        if values and not any(isinstance(v, list) for v in values):
            first = [_shifted(values[0], self._bases["textures"])]
            return first + [_shifted(v, self._bases["vertices-texture"]) for v in values[1:]]
        return [self._rings(v) for v in values]

    def _take_appearance(self, appearance: Any) -> dict[str, int]:
        bases = {key: len(self.into.appearance.get(key, ())) for key in _APPEARANCE}
        if isinstance(appearance, dict):
            for key in _APPEARANCE:
                if appearance.get(key):
                    self.into.appearance.setdefault(key, []).extend(appearance[key])
            for key, value in appearance.items():
                if key not in _APPEARANCE:
                    self.into.appearance_defaults.setdefault(key, value)
        return bases

    def _take_templates(self, templates: Any) -> int:
        base = len(self.into.templates)
        if isinstance(templates, dict):
            first = len(self.into.template_vertices)
            self.into.template_vertices.extend(templates.get("vertices-templates") or [])
            for one in templates.get("templates") or []:
                self.into.templates.append(self._geometry(one, first))
        return base


def _shifted(value: Any, by: int) -> Any:
    if isinstance(value, list):
        return [_shifted(v, by) for v in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value + by
    return value


def _level(lod: Any) -> Any:
    """`2` and `2.0` were numbers before version 1.1."""
    if isinstance(lod, float):
        return str(int(lod)) if lod == int(lod) else str(lod)
    return str(lod) if isinstance(lod, int) else lod


def _old_semantics(values: list[Any]) -> dict[str, Any]:
    """Before version 0.8 each surface carried its own words; now they are listed once."""
    surfaces: list[Any] = []

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(v) for v in value]
        if value is None:
            return None
        if value not in surfaces:
            surfaces.append(value)
        return surfaces.index(value)

    found = [number(v) for v in values]
    return {"surfaces": surfaces, "values": found}
