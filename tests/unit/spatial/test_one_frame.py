"""One frame: the same place in many coordinate systems is the same place in the city.

The truth is pyproj itself, called directly; what is tested is our way from a file to the frame:
names, axis orders, units, missing and wrong statements.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial import crs
from lamplighter.spatial.reader import read_file

HELSINKI, DELFT, ZURICH = (24.9780, 60.1870), (4.3570, 52.0110), (8.5410, 47.3770)
NEW_YORK, BERLIN, LONDON = (-73.9700, 40.7800), (13.4000, 52.5200), (-0.1276, 51.5072)
SYDNEY, TOKYO, MUNICH = (151.2093, -33.8688), (139.6917, 35.6895), (11.5755, 48.1374)
CASES = [
    (HELSINKI, code) for code in (3879, 3067, 3047, 32635, 25835, 3857, 4326, 4258, 3903, 3901)
] + [
    (DELFT, code) for code in (28992, 7415, 25831, 32631, 3035, 3857, 4326, 4937)
] + [
    (ZURICH, 2056), (ZURICH, 21781), (ZURICH, 32632), (NEW_YORK, 2263), (NEW_YORK, 32618),
    (NEW_YORK, 6347), (BERLIN, 25833), (BERLIN, 5556), (BERLIN, 32633), (LONDON, 27700),
    (LONDON, 7405), (SYDNEY, 28356), (SYDNEY, 7856), (TOKYO, 6677), (MUNICH, 31468),
    (MUNICH, 25832),
]  # fmt: skip


def frame_at(lonlat: tuple[float, float]) -> Frame:
    """A frame in UTM on WGS 84, so that nothing is the file's own system by chance."""
    zone = int((lonlat[0] + 180) // 6) + 1
    epsg = (32600 if lonlat[1] > 0 else 32700) + zone
    east, north = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(*lonlat)
    return Frame(epsg, float(round(east)), float(round(north)))


def in_system(lonlat: tuple[float, float], code: int) -> tuple[float, float]:
    x, y = pyproj.Transformer.from_crs(4326, code, always_xy=True).transform(*lonlat)
    return float(x), float(y)


def read(folder: Path, points: list[list[float]], name: str, frame: Frame | None) -> ImportedFile:
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": p}}
            for p in points
        ],
    }
    if name:
        document["crs"] = {"type": "name", "properties": {"name": name}}
    path = folder / "points.geojson"
    path.write_text(json.dumps(document))
    return read_file(path, project_frame=frame, tiles_folder=folder / "tiles")


def off(found: ImportedFile, lonlat: tuple[float, float], frame: Frame) -> float:
    east, north = pyproj.Transformer.from_crs(4326, frame.epsg, always_xy=True).transform(*lonlat)
    asset = found.assets[0]
    assert asset.x is not None and asset.y is not None, found.report.unplaced
    return float(np.hypot(asset.x + frame.east - east, asset.y + frame.north - north))


@pytest.mark.parametrize(("lonlat", "code"), CASES)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_point_lands_within_half_a_metre(
    tmp_path: Path, lonlat: tuple[float, float], code: int, swapped: bool
) -> None:
    frame = frame_at(lonlat)
    x, y = in_system(lonlat, code)
    found = read(tmp_path, [[y, x] if swapped else [x, y]], f"urn:ogc:def:crs:EPSG::{code}", frame)
    assert off(found, lonlat, frame) < 0.5
    assert found.report.crs == f"EPSG:{code}" and found.report.crs_evidence


def test_heights_in_feet_become_metres() -> None:
    assert crs.system(6360) is None  # heights alone are no place
    compound = crs.system(8360)
    assert compound is None or compound.up_metres == pytest.approx(1.0)
    feet = next(code for code in (6595, 2263) if crs.system(code) is not None)
    known = crs.system(feet)
    assert known is not None and known.up_metres == pytest.approx(0.3048, abs=1e-4)


@pytest.mark.parametrize(
    "name",
    ["ETRS89 / GK25FIN", "EPSG:3879", "urn:ogc:def:crs:EPSG::3879", "epsg:3879", "3879",
     "http://www.opengis.net/def/crs/EPSG/0/3879",
     "https://www.opengis.net/def/crs/EPSG/9.9.1/3879",
     "http://www.opengis.net/gml/srs/epsg.xml#3879",
     "urn:ogc:def:crs,crs:EPSG::3879,crs:EPSG::3900",
     "+proj=tmerc +lat_0=0 +lon_0=25 +k=1 +x_0=25500000 +y_0=0 +ellps=GRS80 +units=m +no_defs",
     pyproj.CRS(3879).to_wkt("WKT1_ESRI"), pyproj.CRS(3879).to_wkt("WKT2_2019"),
     pyproj.CRS(3879).to_wkt("WKT1_GDAL")],
)  # fmt: skip
def test_one_system_has_many_names(tmp_path: Path, name: str) -> None:
    frame = frame_at(HELSINKI)
    found = read(tmp_path, [list(in_system(HELSINKI, 3879))], name, frame)
    assert off(found, HELSINKI, frame) < 0.5


def test_a_system_without_a_number_has_a_place(tmp_path: Path) -> None:
    text = "+proj=tmerc +lat_0=60 +lon_0=24.9 +k=1 +x_0=5000 +y_0=7000 +ellps=GRS80 +units=m"
    point = pyproj.Transformer.from_crs(4326, text, always_xy=True).transform(*HELSINKI)
    frame = frame_at(HELSINKI)
    found = read(tmp_path, [list(point)], text, frame)
    assert off(found, HELSINKI, frame) < 0.5
    assert "own system" in found.report.crs
    alone = read(tmp_path, [list(point)], text, None)
    assert alone.suggested_epsg == 32635


def test_a_missing_system_is_found_from_the_neighbourhood(tmp_path: Path) -> None:
    frame = frame_at(HELSINKI)
    for code in (3879, 4326, 3857):
        points = np.array([in_system(HELSINKI, code)])
        place = crs.decide("", np.column_stack([points, [0.0]]), frame, None)
        assert isinstance(place, crs.Place), place
        assert place.epsg == code and "from the project's origin" in place.evidence


def test_a_wrong_statement_yields_to_the_neighbourhood_and_is_told(tmp_path: Path) -> None:
    """A GeoJSON means degrees by its standard, yet many hold map coordinates."""
    frame = frame_at(DELFT)
    found = read(tmp_path, [list(in_system(DELFT, 28992))], "", frame)
    assert off(found, DELFT, frame) < 0.5
    assert found.report.crs == "EPSG:28992"
    assert any("was taken since it lies by the project" in w for w in found.report.warnings)
    alone = read(tmp_path, [list(in_system(DELFT, 28992))], "", None)
    assert not alone.report.placed


def test_other_possible_readings_are_named() -> None:
    frame = frame_at(HELSINKI)
    east, north = in_system(HELSINKI, 3067)
    place = crs.decide("", np.array([[east, north, 0.0]]), frame, None)
    assert isinstance(place, crs.Place)
    x, y = crs.to_frame(frame, place.epsg, np.array([east]), np.array([north]))
    assert np.hypot(x[0], y[0]) < 1.5
