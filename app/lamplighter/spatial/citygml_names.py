"""The words of CityGML 1.0 to 3.0: which elements are objects, and which of them become assets."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from lamplighter.spatial import gml

ROOT: Final = re.compile(r"^http://www\.opengis\.net/citygml/(?:profiles/\w+/)?(\d\.\d) CityModel$")
MODULE: Final = re.compile(r"^\{http://www\.opengis\.net/citygml/([a-z]+/)*\d\.\d\}(\w+)$")
LOD: Final = re.compile(r"^lod([0-4])(\w*)$")
MEMBERS: Final = frozenset({"cityObjectMember", "featureMember", "featureMembers"})
_NO_OBJECTS: Final = ("appearance/",)
ASSETS: Final = frozenset(
    {
        "Building", "BuildingPart", "BuildingInstallation", "IntBuildingInstallation",
        "BuildingFurniture", "BuildingConstructiveElement", "BuildingRoom", "BuildingUnit",
        "Storey", "Room", "Bridge", "BridgePart", "BridgeInstallation",
        "BridgeConstructionElement", "BridgeConstructiveElement", "BridgeRoom", "BridgeFurniture",
        "IntBridgeInstallation", "Tunnel", "TunnelPart", "TunnelInstallation",
        "TunnelConstructiveElement", "TunnelFurniture", "IntTunnelInstallation", "HollowSpace",
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
        "TimeValuePair", "PointCloud",
    }
)  # fmt: skip
WORDS: Final = {
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


def object_name(element: Any) -> tuple[str, bool]:
    """Name of an element, and whether it is a city object or one of its surfaces."""
    return _named(element.tag)


@lru_cache(maxsize=4096)
def _named(tag: str) -> tuple[str, bool]:
    found = MODULE.match(tag)
    if not found:
        return tag.rpartition("}")[2], False
    name = found.group(2)
    plain = found.group(1) in _NO_OBJECTS or name in _PLAIN
    return name, name[:1].isupper() and not plain


def is_foreign(element: Any) -> bool:
    """An object of an extension (ADE): neither of CityGML nor of GML."""
    if gml.is_gml(element) or MODULE.match(element.tag):
        return False
    return gml.local(element)[:1].isupper()
