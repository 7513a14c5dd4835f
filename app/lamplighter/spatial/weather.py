"""Weather years (EPW, TMY3, TMY2): the station as a point with what its file says of itself.

The hourly values are no assets; how many there are stands with the station.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lamplighter.domain.city import Attribute
from lamplighter.spatial.model import Feature, Refused, SourceModel

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".epw", ".tm2")
_TMY2: Final = re.compile(
    rb" (\d{5}) (.{22}) (..) +(-?\d+) ([NS]) +(\d+) +(\d+) ([EW]) +(\d+) +(\d+) +(-?\d+)"
)
_TMY3: Final = re.compile(rb'\d{6},"?[^",]+"?,[A-Z]{2},-?[\d.]+,-?[\d.]+,-?[\d.]+,-?[\d.]+\s*\n')


def claims(path: Path, head: bytes) -> bool:
    """By the first line."""
    if head.startswith(b"LOCATION,"):
        return True
    return bool(_TMY3.match(head)) or bool(_TMY2.match(head))


def read(path: Path, progress: Progress) -> SourceModel:
    """The station; raises `Refused` (I-503) when its first line does not say where it lies."""
    data = path.read_bytes()
    first, _, rest = data.partition(b"\n")
    text = first.decode("utf-8", errors="replace").strip()
    try:
        if data.startswith(b"LOCATION,"):
            model = _epw(text, rest)
        elif _TMY3.match(data):
            model = _tmy3(text, rest)
        else:
            model = _tmy2(first, rest)
    except (ValueError, IndexError) as error:
        raise Refused("I-503", "its first line does not say where the station lies") from error
    station = model.features[0]
    station.attributes["file"] = path.name
    model.counts = {"WeatherStation": 1}
    model.heights_in_metres = True
    model.kind = "vector"
    return model


def _epw(text: str, rest: bytes) -> SourceModel:
    cells = next(csv.reader([text]))
    rows = sum(line[:4].isdigit() for line in rest.splitlines())
    return _station(
        "EPW", cells[5], cells[1], float(cells[6]), float(cells[7]), float(cells[9]),
        {"region": cells[2], "country": cells[3], "source": cells[4],
         "utc_offset_h": float(cells[8]), "rows": rows},
    )  # fmt: skip


def _tmy3(text: str, rest: bytes) -> SourceModel:
    cells = next(csv.reader([text]))
    return _station(
        "TMY3", cells[0], cells[1], float(cells[4]), float(cells[5]), float(cells[6]),
        {"region": cells[2], "utc_offset_h": float(cells[3]), "rows": len(rest.splitlines()) - 1},
    )  # fmt: skip


def _tmy2(first: bytes, rest: bytes) -> SourceModel:
    found = _TMY2.match(first)
    if found is None:
        raise ValueError
    cells = [cell.decode("latin-1").strip() for cell in found.groups()]
    latitude = (int(cells[5]) + int(cells[6]) / 60.0) * (1 if cells[4] == "N" else -1)
    longitude = (int(cells[8]) + int(cells[9]) / 60.0) * (1 if cells[7] == "E" else -1)
    return _station(
        "TMY2", cells[0], cells[1], latitude, longitude, float(cells[10]),
        {"region": cells[2], "utc_offset_h": float(cells[3]), "rows": len(rest.splitlines())},
    )  # fmt: skip


def _station(
    kind: str,
    code: str,
    name: str,
    latitude: float,
    longitude: float,
    height: float,
    attributes: dict[str, Attribute],
) -> SourceModel:
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
        raise ValueError
    model = SourceModel(f"Weather year {kind}", assumed_crs=4326, fixed_crs=True)
    model.features.append(
        Feature(
            id=f"weather-{code or name}",
            type="WeatherStation",
            name=name.title(),
            domain="environment",
            attributes={"station": code, **attributes, "elevation_m": height},
            at=(longitude, latitude, height),
        )
    )
    return model
