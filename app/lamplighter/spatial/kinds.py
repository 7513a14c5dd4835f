"""Which of the console's domains an object type of a city model belongs to."""

from __future__ import annotations

import re
from typing import Final

_STARTS: Final = (
    ("Building", "buildings"),
    ("Room", "buildings"),
    ("Storey", "buildings"),
    ("IntBuilding", "buildings"),
    ("Bridge", "structures"),
    ("Tunnel", "structures"),
    ("OtherConstruction", "structures"),
    ("Road", "mobility"),
    ("Rail", "mobility"),
    ("Track", "mobility"),
    ("Square", "mobility"),
    ("Transport", "mobility"),
    ("Traffic", "mobility"),
    ("Waterway", "mobility"),
    ("Water", "environment"),
    ("LandUse", "environment"),
    ("Plant", "environment"),
    ("SolitaryVegetation", "environment"),
    ("TIN", "environment"),
    ("Relief", "environment"),
)

_SURFACES: Final = {
    "TINRelief": "Terrain",
    "ReliefFeature": "Terrain",
    "LandUse": "Terrain",
    "Road": "Road",
    "Railway": "Road",
    "Track": "Road",
    "TransportSquare": "Road",
    "TransportationComplex": "Road",
    "TrafficArea": "Road",
    "AuxiliaryTrafficArea": "Road",
    "Square": "Road",
    "WaterBody": "Water",
    "WaterSurface": "Water",
    "WaterGroundSurface": "Water",
    "PlantCover": "Vegetation",
    "SolitaryVegetationObject": "Vegetation",
    "Bridge": "Bridge",
    "BridgePart": "Bridge",
    "CityFurniture": "Furniture",
}


def domain_of(kind: str) -> str:
    """`buildings`, `structures`, `mobility`, `environment` or `city` for an object type."""
    bare = kind.lstrip("+")
    return next((domain for start, domain in _STARTS if bare.startswith(start)), "city")


def surface_of(kind: str) -> str:
    """The surface word for faces of this object type that carry no meaning of their own."""
    return _SURFACES.get(kind, "Unknown")


_WORDS: Final = (
    (("bridge", "overbrugging", "overbruggings", "bridgeconstruction", "viaduct"), "Bridge",
     "structures"),
    (("tunnel", "kunstwerk", "barrier", "wall", "fence", "scheiding"), "Unknown", "structures"),
    (("building", "buildings", "pand", "house", "rakennus", "gebaeude"), "Unknown", "buildings"),
    (("water", "river", "lake", "canal", "stream", "riverbank", "pond", "reservoir", "dock",
      "waterway", "waterdeel", "sea", "basin", "wetland"), "Water", "environment"),
    (("road", "street", "highway", "traffic", "wegdeel", "motorway", "footway", "cycleway",
      "pedestrian", "parking", "residential_road", "rail", "railway", "tram", "path", "weg",
      "platform", "square", "runway", "taxiway"), "Road", "mobility"),
    (("park", "forest", "grass", "wood", "plantcover", "vegetation", "meadow", "garden", "scrub",
      "tree", "trees", "begroeidterrein", "farmland", "heath", "orchard", "cemetery", "green",
      "allotments", "pitch", "recreation_ground", "village_green", "grassland", "plant"),
     "Vegetation", "environment"),
    (("terrain", "terrein", "onbegroeidterrein", "sand", "beach", "bare_rock"), "Terrain",
     "environment"),
    (("stop", "station", "transit", "bus"), "Unknown", "mobility"),
)  # fmt: skip
_ENDS: Final = ("deel", "element", "area", "part", "parts", "line", "lines", "polygon", "s")


def meaning_of(kind: str, stem: str = "") -> tuple[str, str]:
    """Surface word and domain of a GIS object by the words of its type and of its layer."""
    known = domain_of(kind)
    if known != "city":
        return surface_of(kind), known
    for text in (kind, stem):
        words = set(re.findall(r"[a-z]+(?:_[a-z]+)*", text.lower()))
        words |= {part for word in words for part in word.split("_")}
        words |= {word.removesuffix(end) for word in words for end in _ENDS}
        for names, surface, domain in _WORDS:
            if any(name in words for name in names):
                return surface, domain
    return "Unknown", "city"
