"""CityGML 1.0, 2.0 and 3.0 as a stream: one city object in memory at a time."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.spatial import gml
from lamplighter.spatial.citygml_attributes import attributes_of, title_of
from lamplighter.spatial.kinds import domain_of, surface_of
from lamplighter.spatial.model import (
    SURFACE_INDEX,
    FaceList,
    Feature,
    Refused,
    SourceModel,
    without_coarse_parents,
)
from lamplighter.spatial.xml_guard import root_of

Progress = Callable[[int, int, str], None]

ROOT: Final = re.compile(r"^http://www\.opengis\.net/citygml/(?:profiles/\w+/)?(\d\.\d) CityModel$")
_MODULE: Final = re.compile(r"^\{http://www\.opengis\.net/citygml/([a-z]+/)?\d\.\d\}(\w+)$")
_LOD: Final = re.compile(r"^lod([0-4])(\w*)$")
_MAX_DEPTH: Final = 200
_MEMBERS: Final = frozenset({"cityObjectMember", "featureMember", "featureMembers"})
_NO_OBJECTS: Final = ("appearance/",)
_ASSETS: Final = frozenset(
    {
        "Building", "BuildingPart", "BuildingInstallation", "IntBuildingInstallation",
        "BuildingFurniture", "BuildingConstructiveElement", "BuildingRoom", "BuildingUnit",
        "Storey", "Room", "Bridge", "BridgePart", "BridgeInstallation",
        "BridgeConstructionElement", "BridgeConstructiveElement", "BridgeRoom", "Tunnel",
        "TunnelPart", "TunnelInstallation", "TunnelConstructiveElement", "HollowSpace",
        "OtherConstruction", "CityFurniture", "GenericCityObject", "GenericOccupiedSpace",
        "GenericUnoccupiedSpace", "GenericLogicalSpace", "GenericThematicSurface", "LandUse",
        "Road", "Railway", "Track", "Square", "Waterway", "TransportationComplex", "Section",
        "Intersection", "SolitaryVegetationObject", "PlantCover", "WaterBody", "ReliefFeature",
        "TINRelief", "RasterRelief", "MassPointRelief", "BreaklineRelief", "CityObjectGroup",
    }
)  # fmt: skip
_PLAIN: Final = frozenset(
    {
        "CityModel", "ExternalReference", "Address", "ImplicitGeometry", "ExternalObject",
        "StringAttribute", "IntAttribute", "DoubleAttribute", "DateAttribute", "UriAttribute",
        "MeasureAttribute", "GenericAttributeSet", "CodeAttribute", "XalAddressProperty",
        "CityObjectRelation", "Occupancy", "QualifiedArea", "QualifiedVolume", "Height",
        "Elevation", "ConstructionEvent", "RoomHeight", "SensorConnection", "Role", "Dynamizer",
        "TimeValuePair",
    }
)  # fmt: skip
_WORDS: Final = {
    "InteriorWallSurface": "WallSurface",
    "CeilingSurface": "OuterCeilingSurface",
    "FloorSurface": "OuterFloorSurface",
    "WindowSurface": "Window",
    "DoorSurface": "Door",
    "TrafficArea": "Road",
    "AuxiliaryTrafficArea": "Road",
    "TrafficSpace": "Road",
    "WaterSurface": "Water",
    "WaterGroundSurface": "GroundSurface",
    "WaterClosureSurface": "ClosureSurface",
}


def version_of(path: Path) -> str | None:
    """CityGML version of the file's root element; None for XML of another kind."""
    found = ROOT.match(root_of(path))
    return found.group(1) if found else None


def read(path: Path, version: str, progress: Progress) -> SourceModel:
    """The whole file; raises `Refused` when it is no sound XML or is cut off."""
    from lxml import etree

    reader = _Reader(path, version)
    size = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        try:
            parser = etree.iterparse(
                file,
                events=("start", "end"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                remove_comments=True,
                remove_pis=True,
                huge_tree=True,
            )
            _stream(parser, reader, lambda: progress(file.tell(), size, "city objects"))
        except etree.XMLSyntaxError as error:
            code = "I-503" if _ends_well(path) else "I-505"
            line = error.lineno or 0
            raise Refused(code, f"line {line}: {_first_line(str(error.msg))}") from error
    return reader.finish()


def _stream(parser: Any, reader: _Reader, tell: Callable[[], None]) -> None:
    depth = 0
    seen = 0
    for event, element in parser:
        if event == "start":
            depth += 1
            if depth > _MAX_DEPTH:
                raise Refused("I-503", f"it is nested deeper than {_MAX_DEPTH} levels")
            continue
        depth -= 1
        name = gml.local(element)
        if depth == 1 and name in _MEMBERS:
            reader.member(element)
            seen += 1
            if seen % 50 == 0:
                tell()
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
        elif depth == 1:
            reader.beside(element)
            element.clear()


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 200), os.SEEK_SET)
        return b"CityModel>" in file.read()


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "malformed"


class _Shape:
    """Geometry found for one feature, by level of detail, until its subtree has ended."""

    def __init__(self) -> None:
        self.polygons: dict[int, list[tuple[gml.Polygon, int, bool]]] = {}
        """level -> (polygon, surface, whether its meaning is known)"""
        self.lines: list[list[gml.Spot]] = []
        self.spots: list[gml.Spot] = []
        self.meaning: dict[str, int] = {}
        """gml:id a surface refers to -> its meaning"""


class _Reader:
    def __init__(self, path: Path, version: str) -> None:
        self.model = SourceModel("CityGML", version)
        self._stem = path.stem
        self._counts: Counter[str] = Counter()
        self._systems: Counter[str] = Counter()
        self._faces = FaceList()
        self._vertices: list[gml.Spot] = []
        self._finest: list[float] = []
        self._templates: dict[str, list[gml.Polygon]] = {}
        self._ids: set[str] = set()
        self._odd = 0

    def beside(self, element: Any) -> None:
        """Anything of the city model that is no member: only its envelope matters."""
        self._note_systems(element)

    def member(self, element: Any) -> None:
        self._note_systems(element)
        for child in element:
            if isinstance(child.tag, str):
                self._walk(child, None, None, -1, SURFACE_INDEX["Unknown"], False)

    def _note_systems(self, element: Any) -> None:
        for holder in element.iter():
            name = holder.get("srsName")
            if name:
                self._systems[name.strip()] += 1

    # ------------------------------------------------------------------ the walk
    def _walk(
        self,
        element: Any,
        feature: Feature | None,
        shape: _Shape | None,
        lod: int,
        surface: int,
        known: bool,
    ) -> None:
        """One element below a member; nested features collect their own geometry."""
        name, is_object = self._object_name(element)
        if is_object:
            self._counts[name] += 1
        if is_object and name in _ASSETS:
            self._feature(element, name, feature)
            return
        if feature is None or shape is None:
            self._children(element, feature, shape, lod, surface, known)
            return
        if is_object:
            word = _WORDS.get(name, name)
            if word in SURFACE_INDEX:
                surface, known = SURFACE_INDEX[word], True
            self._children(element, feature, shape, lod, surface, known)
            return
        level = _LOD.match(name)
        if level:
            lod = int(level.group(1))
            if level.group(2) == "TerrainIntersection":
                return
        if name in gml.FACES:
            self._polygon(element, shape, lod, surface, known)
        elif name == "ImplicitGeometry":
            self._implicit(element, shape, lod, surface)
        elif name in ("LineString", "Point") and lod >= 0:
            self._thin(element, name, shape)
        else:
            target = gml.target(element)
            if target and known:
                shape.meaning[target] = surface
            self._children(element, feature, shape, lod, surface, known)

    def _children(
        self,
        element: Any,
        feature: Feature | None,
        shape: _Shape | None,
        lod: int,
        surface: int,
        known: bool,
    ) -> None:
        for child in element:
            if isinstance(child.tag, str):
                self._walk(child, feature, shape, lod, surface, known)

    def _object_name(self, element: Any) -> tuple[str, bool]:
        found = _MODULE.match(element.tag)
        if not found:
            return gml.local(element), False
        name = found.group(2)
        plain = found.group(1) in _NO_OBJECTS or name in _PLAIN
        return name, name[:1].isupper() and not plain

    def _feature(self, element: Any, kind: str, parent: Feature | None) -> None:
        name = gml.identity(element)
        if not name or name in self._ids:
            name = f"{name or self._stem + '-' + kind}-{self._counts[kind]}"
        self._ids.add(name)
        feature = Feature(
            id=name,
            type=kind,
            name=title_of(element) or name,
            domain=domain_of(kind),
            parent=parent.id if parent else "",
            attributes=attributes_of(element),
        )
        number = len(self.model.features)
        self.model.features.append(feature)
        self._finest.append(-1.0)
        shape = _Shape()
        fallback = SURFACE_INDEX[surface_of(kind)]
        self._children(element, feature, shape, -1, fallback, False)
        self._settle(feature, number, shape)

    # ------------------------------------------------------------------ geometry
    def _polygon(self, element: Any, shape: _Shape, lod: int, surface: int, known: bool) -> None:
        try:
            polygon = gml.polygon(element)
        except ValueError:
            self._odd += 1
            return
        if polygon.rings:
            shape.polygons.setdefault(lod, []).append((polygon, surface, known))

    def _thin(self, element: Any, name: str, shape: _Shape) -> None:
        try:
            spots = gml.spots(element)
        except ValueError:
            self._odd += 1
            return
        if name == "Point" and spots:
            shape.spots.append(spots[0])
        elif len(spots) > 1:
            shape.lines.append(spots)

    def _implicit(self, element: Any, shape: _Shape, lod: int, surface: int) -> None:
        """A shape given once and placed by a matrix; a library file outside is never fetched."""
        try:
            matrix, anchor = gml.placement(element)
        except ValueError:
            self._odd += 1
            return
        polygons: list[gml.Polygon] = []
        for holder in element:
            if gml.local(holder) not in ("relativeGMLGeometry", "relativeGeometry"):
                continue
            target = gml.target(holder)
            if target:
                polygons = self._templates.get(target, [])
            for part in holder.iter():
                if isinstance(part.tag, str) and gml.local(part) in gml.FACES:
                    try:
                        polygons.append(gml.polygon(part))
                    except ValueError:
                        self._odd += 1
            for part in holder.iter():
                identity = gml.identity(part)
                if identity:
                    self._templates[identity] = polygons
        if anchor is not None:
            shape.spots.append(anchor)
            for polygon in polygons:
                moved = gml.moved(polygon, matrix, anchor)
                shape.polygons.setdefault(lod, []).append((moved, surface, True))

    def _settle(self, feature: Feature, number: int, shape: _Shape) -> None:
        """Keep the highest level of detail of the feature, each face once."""
        level = max(shape.polygons, default=-1)
        self._finest[number] = float(level)
        chosen = shape.polygons.get(level, [])
        named = sum(1 for _, _, known in chosen if known)
        twice = named * 2 >= len(chosen) and named > 0
        for polygon, surface, known in chosen:
            if not known:
                meaning = next((shape.meaning[i] for i in polygon.ids if i in shape.meaning), None)
                if meaning is None and twice:
                    continue
                surface = surface if meaning is None else meaning
            rings = []
            for ring in polygon.rings:
                begin = len(self._vertices)
                self._vertices.extend(ring)
                rings.append(list(range(begin, len(self._vertices))))
            self._faces.add(rings, number, surface)
        if not chosen and shape.lines:
            feature.path = max(shape.lines, key=len)
        elif not chosen and shape.spots:
            feature.at = shape.spots[0]

    def finish(self) -> SourceModel:
        model = self.model
        model.counts = dict(sorted(self._counts.items()))
        if self._systems:
            model.crs_text = self._systems.most_common(1)[0][0]
        if len({name.lower() for name in self._systems}) > 1:
            names = ", ".join(sorted(self._systems)[:4])
            model.warnings.append(
                f"several coordinate systems are named ({names}); {model.crs_text} was used"
            )
        if self._odd:
            model.warnings.append(f"{self._odd} geometries could not be read; they are not drawn")
        points = np.array(self._vertices, float).reshape(-1, 3)
        if len(points) and not np.isfinite(points).any():
            raise Refused("I-503", "no coordinate in it is a number")
        faces = self._faces.build(points)
        model.faces = without_coarse_parents(faces, model.features, self._finest)
        return model
