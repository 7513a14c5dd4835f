"""Which of the console's domains an object type of a city model belongs to."""

from __future__ import annotations

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
