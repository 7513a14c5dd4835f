"""CityGML and IndoorGML solids and surfaces as they are stated.

Polygons that a solid only refers to (`xlink:href`) are looked up in its own city object; the
surface that holds them gives them their meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lamplighter.spatial import gml
from lamplighter.spatial.checking.boundaries import (
    Builder,
    Fault,
    RawModel,
    RawObject,
    Rings,
    Shell,
    Solid,
)
from lamplighter.spatial.model import Refused
from lamplighter.spatial.xml_guard import root_of

_LOD: Final = re.compile(r"^lod([0-4])")
_WHOLE: Final = ("Solid", "MultiSolid", "CompositeSolid", "MultiSurface", "CompositeSurface")
_SOLID: Final = ("Solid", "MultiSolid", "CompositeSolid")
_THIN: Final = (
    "ImplicitGeometry", "MultiCurve", "CompositeCurve", "Curve", "LineString", "MultiPoint",
    "Point", "RectifiedGridCoverage",
)  # fmt: skip
"""geometry that has no polygons to check"""
_PATCHES: Final = ("TriangulatedSurface", "Tin", "Surface", "PolyhedralSurface")
_MEMBERS: Final = (
    "cityObjectMember", "featureMember", "featureMembers", "cellSpaceMember", "primalSpaceFeatures",
    "multiLayeredGraph",
)  # fmt: skip
_NO_OBJECTS: Final = frozenset(
    {"CityModel", "Envelope", "Address", "ImplicitGeometry", "ExternalReference", "Appearance",
     "Geometry3D", "Geometry2D", "PrimalSpaceFeatures", "SpaceLayer", "SpaceLayers", "Nodes",
     "Edges", "MultiLayeredGraph", "IndoorFeatures", "State", "Transition"}
)  # fmt: skip


def read(path: Path) -> RawModel:
    """The whole file; raises `Refused` for damaged XML and for XML of another kind."""
    from lxml import etree

    root = root_of(path)
    kind = root.rpartition(" ")[2]
    if kind not in ("CityModel", "IndoorFeatures", "FeatureCollection"):
        raise Refused("I-504", f"XML of another kind ({kind})")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
    )
    try:
        tree = etree.parse(str(path), parser)
    except etree.XMLSyntaxError as error:
        what = str(error.msg).splitlines()[0] if error.msg else "malformed"
        raise Refused("I-503", f"line {error.lineno or 0}: {what}") from error
    reader = _Reader("IndoorGML" if kind == "IndoorFeatures" else "CityGML")
    version = re.search(r"/(\d\.\d)", root)
    reader.model.version = version.group(1) if version else ""
    reader.take(tree.getroot())
    model = reader.finish()
    if model.format == "IndoorGML":
        from lamplighter.spatial.checking.indoor import check_graph

        model.faults.extend(check_graph(tree.getroot(), model))
    return model


@dataclass(slots=True)
class _Known:
    """Everything of the file that has an id, and which polygons are in use."""

    named: dict[str, Any] = field(default_factory=dict)
    used: set[Any] = field(default_factory=set)


class _Reader:
    def __init__(self, form: str) -> None:
        self.model = RawModel(form)
        self._builder = Builder()
        self._known = _Known()
        self._ids: set[str] = set()
        self._lost = 0

    def take(self, root: Any) -> None:
        for element in root.iter():
            if not isinstance(element.tag, str):
                continue
            name = gml.identity(element)
            if name:
                self._known.named.setdefault(name, element)
            system = element.get("srsName")
            if system and not self.model.crs_text:
                self.model.crs_text = system.strip()
        for child in root:
            if isinstance(child.tag, str):
                self._walk(child, "", False)

    def _walk(self, element: Any, parent: str, member: bool) -> None:
        name = gml.local(element)
        if self._is_object(element, name, member):
            self._object(element, name, parent)
            return
        member = name in _MEMBERS or name[:1].islower()
        for child in element:
            if isinstance(child.tag, str):
                self._walk(child, parent, member)

    def _is_object(self, element: Any, name: str, member: bool) -> bool:
        if not member or not name[:1].isupper() or name in _NO_OBJECTS:
            return False
        space = element.tag.partition("}")[0]
        if "/citygml/" not in space and "/indoorgml/" not in space:
            return False
        if not gml.identity(element) and gml.local(element.getparent()) not in _MEMBERS:
            return False
        return not (name.endswith("Surface") or name in ("Door", "Window"))

    def _object(self, element: Any, kind: str, parent: str) -> None:
        name = gml.identity(element)
        if name and name in self._ids:
            self.model.faults.append(
                Fault("duplicate-id", name, "another object has this id", False)
            )
        number = len(self._builder.objects)
        name = name or f"{kind}-{number + 1}"
        self._ids.add(name)
        item = RawObject(name, kind, parent)
        self._builder.objects.append(item)
        inner: list[Any] = []
        found: list[tuple[Any, str, str]] = []
        self._collect(element, "", "", found, inner)
        found.sort(key=lambda entry: gml.local(entry[0]) not in _SOLID)
        for geometry, lod, meaning in found:
            self._geometry(geometry, lod, meaning, item)
        for child in inner:
            self._object(child, gml.local(child), name)

    def _collect(
        self, element: Any, lod: str, meaning: str, found: list[Any], inner: list[Any]
    ) -> None:
        """Whole geometries below one object, and the objects inside it."""
        for child in element:
            if not isinstance(child.tag, str):
                continue
            name = gml.local(child)
            level = _LOD.match(name)
            here = level.group(1) if level else lod
            if name.endswith("TerrainIntersection"):
                continue
            if name in (*_WHOLE, *_PATCHES, *_THIN, "Polygon"):
                found.append((child, here, meaning))
            elif self._is_object(child, name, gml.local(element)[:1].islower()):
                inner.append(child)
            else:
                word = name if name.endswith("Surface") or name in ("Door", "Window") else meaning
                self._collect(child, here, word, found, inner)

    def _geometry(self, element: Any, lod: str, meaning: str, item: RawObject) -> None:
        kind = gml.local(element)
        item.geometries += 1
        if kind in _THIN:
            return
        words: list[str] = []
        if kind in _SOLID:
            parts = [element]
            if kind != "Solid":
                parts = [e for e in element.iter() if gml.local(e) == "Solid"]
            solids = [self._solid(part, meaning, words, item) for part in parts]
        else:
            fresh = [p for p in self._polygons(element) if p[0] not in self._known.used]
            shell = self._shell(fresh, meaning, words, item)
            if not shell:
                return
            solids = [[shell]]
            kind = kind if kind in _WHOLE else "MultiSurface"
        self._builder.add(
            kind, solids, number=item.geometries - 1, lod=lod, closing=True, meanings=words
        )

    def _solid(self, element: Any, meaning: str, words: list[str], item: RawObject) -> Solid:
        shells: Solid = []
        for holder in element:
            if gml.local(holder) in ("exterior", "interior"):
                polygons = self._polygons(holder)
                self._known.used.update(polygon for polygon, _ in polygons)
                shells.append(self._shell(polygons, meaning, words, item))
        return shells

    def _polygons(self, element: Any, turned: bool = False) -> list[tuple[Any, bool]]:
        """Polygon elements below `element`, each with whether it is to be turned round."""
        found: list[tuple[Any, bool]] = []
        for part in [element] if gml.local(element) in gml.FACES else element:
            if not isinstance(part.tag, str):
                continue
            name = gml.local(part)
            if name in gml.FACES:
                found.append((part, turned))
                continue
            target = gml.target(part)
            if target and len(part) == 0:
                there = self._known.named.get(target)
                if there is None:
                    self._lost += 1
                else:
                    found.extend(self._polygons(there, turned))
                continue
            flip = name == "OrientableSurface" and part.get("orientation") == "-"
            found.extend(self._polygons(part, turned ^ flip))
        return found

    def _shell(
        self, polygons: list[tuple[Any, bool]], meaning: str, words: list[str], item: RawObject
    ) -> Shell:
        shell: Shell = []
        for polygon, turned in polygons:
            try:
                rings = self._rings(polygon)
            except ValueError:
                what = "coordinates that are no numbers"
                self.model.faults.append(Fault("bad-structure", item.id, what))
                continue
            shell.append([ring[::-1] for ring in rings] if turned else rings)
            words.append(meaning or _meaning(polygon))
        return shell

    def _rings(self, polygon: Any) -> Rings:
        rings: Rings = []
        for holder in polygon:
            if gml.local(holder) in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
                spots = gml.spots(holder)
                first = len(self._builder.points)
                self._builder.points.extend(spots)
                rings.append(list(range(first, first + len(spots))))
        return rings

    def finish(self) -> RawModel:
        if self._lost:
            what = f"{self._lost} surfaces are referred to but not in the file"
            self.model.faults.append(Fault("bad-reference", "", what))
        self.model.shapes = self._builder.build()
        return self.model


def _meaning(polygon: Any) -> str:
    """The boundary surface around a polygon."""
    here = polygon.getparent()
    for _ in range(12):
        if here is None:
            return ""
        name = gml.local(here)
        if name.endswith("Surface") and "opengis.net/gml" not in here.tag:
            return name
        here = here.getparent()
    return ""
