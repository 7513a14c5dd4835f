"""The district's definition: what the generator builds and what the plan does to it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from lamplighter.domain.problems import fault

DEFINITION_FILE = "district.toml"


class Water(Struct, frozen=True):
    """River, basins and canal in grid metres."""

    river: tuple[tuple[float, float], ...]
    river_width: float
    basins: tuple[tuple[float, float, float, float], ...]
    canal: tuple[float, float, float, float]


class CityPlan(Struct, frozen=True):
    parks: int
    towers: int
    gateways: int


class PlanStep(Struct, frozen=True):
    """One thing that happens, in seconds from the feed's start."""

    at_s: float
    event: str
    """trip | silence | spoof | drift | stuck | burst | wear"""
    target: str
    amount: float = 0.0
    text: str = ""


class Definition(Struct, frozen=True):
    """A district; lengths in metres, the grid's frame is rotated against the map's."""

    name: str
    seed: int
    epsg: int
    origin: tuple[float, float]
    rotation_deg: float
    size: tuple[float, float]
    buildings: int
    population: int
    datastreams: int
    past_ends: str
    water: Water
    city: CityPlan
    plan: tuple[PlanStep, ...] = ()


def load_definition(path: Path) -> Definition:
    """Reads `district.toml` (or the folder that holds it).

    Raises LamplighterError (I-507) when it is absent or does not fit.
    """
    file = path / DEFINITION_FILE if path.is_dir() else path
    try:
        return msgspec.toml.decode(file.read_bytes(), type=Definition)
    except (OSError, msgspec.MsgspecError) as error:
        raise fault("I-507", name=file.name, what=str(error)) from None
