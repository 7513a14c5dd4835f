"""Assets, datastreams and the edges between assets."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

Attribute = str | int | float | bool | None

EDGE_KINDS: Final = ("feeds", "controls", "serves", "contains", "measured-by")


class Asset(Struct, frozen=True):
    """A thing the city owns (ISO 55000). Position: WGS 84 degrees and local metres."""

    id: str
    type: str
    """asset type, e.g. Building, Pump, Junction, Substation"""
    name: str
    domain: str
    """water | power | mobility | environment | structures | buildings | ..."""
    lon: float | None = None
    lat: float | None = None
    height_m: float | None = None
    """height of its foot above the height datum of its source, metres"""
    x: float | None = None
    """metres east of the project's origin"""
    y: float | None = None
    """metres north of the project's origin"""
    z: float | None = None
    path: tuple[tuple[float, float, float], ...] = ()
    """local metres; the course of a line-shaped asset (pipe, cable, street), else empty"""
    more: tuple[tuple[tuple[float, float, float], ...], ...] = ()
    """further parts of a course in several parts, local metres"""
    parent: str = ""
    """the asset this is a part of, e.g. the building of a wall; empty for none"""
    attributes: dict[str, Attribute] = {}
    source_file: str = ""
    mode: str = "shadow"
    """shadow (read-only) or twin (may act)"""
    people: int = 0
    """people served directly"""
    layer: str = ""
    """the layer (imported file) that brought it; empty for what was made by hand"""


class Edge(Struct, frozen=True):
    """`source` --kind--> `target`; the key is (source, kind, target, owner)."""

    source: str
    kind: str
    target: str
    owner: str
    """plugin id, file or `project`"""
    valid_from_ms: int = 0
    valid_to_ms: int | None = None


class Limits(Struct, frozen=True):
    """Alarm limits in the datastream's unit; None where there is none."""

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None


class Datastream(Struct, frozen=True):
    """One series of observations."""

    id: int
    source: str
    name: str
    """unique within its source"""
    unit: str = ""
    kind: str = ""
    """phenomenon, e.g. pressure, flow, voltage; defined by a plugin"""
    asset: str = ""
    """asset id; empty while unbound"""
    label: str = ""
    period_ms: int = 1000
    resolution: float = 0.01
    limits: Limits = Limits()
    states: tuple[str, ...] = ()
    """texts of a datastream whose values are words; the stored value is the index"""

    @property
    def key(self) -> str:
        return f"{self.source}/{self.name}"


class Frame(Struct, frozen=True):
    """The project's local metric frame: a projected CRS and a 64-bit origin in it."""

    epsg: int
    east: float
    north: float
    up: float = 0.0
