"""GeoJSON, GeoPackage and Shapefile as simple assets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.reader import read_file


def geojson(folder: Path, document: Any, epsg: int | None = None) -> ImportedFile:
    path = folder / "lights.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return read_file(path, project_frame=None, epsg_override=epsg, tiles_folder=folder / "tiles")


def collection(*geometries: Any, **properties: Any) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": n, "properties": properties, "geometry": g}
            for n, g in enumerate(geometries)
        ],
    }


POINT = {"type": "Point", "coordinates": [24.98, 60.185]}
LINE = {"type": "LineString", "coordinates": [[24.98, 60.185], [24.981, 60.186, 12]]}
AREA = {
    "type": "Polygon",
    "coordinates": [[[24.98, 60.185], [24.981, 60.185], [24.981, 60.186], [24.98, 60.185]]],
}


def test_points_lines_and_areas_become_assets(tmp_path: Path) -> None:
    found = geojson(tmp_path, collection(POINT, LINE, AREA, type="StreetLight", name="L"))
    report = found.report
    assert (report.format, report.crs, report.objects) == (
        "GeoJSON", "EPSG:4326", {"StreetLight": 3},
    )  # fmt: skip
    assert report.placed == 3
    point, line, area = found.assets
    assert [point.lon, point.lat] == pytest.approx([24.98, 60.185])
    assert point.path == () and len(line.path) == 2 and len(area.path) == 4
    assert line.path[1][2] == pytest.approx(12)
    assert [a.id for a in found.assets] == ["lights-0", "lights-1", "lights-2"]


def test_a_damaged_geometry_is_named_and_the_rest_taken(tmp_path: Path) -> None:
    bad = {"type": "Point", "coordinates": ["east", 60]}
    found = geojson(tmp_path, collection(POINT, bad, {"type": "Blob"}, None, {"type": "Point"}))
    assert found.report.placed == 1
    assert len(found.report.unplaced) == 4


def test_a_number_too_long_for_a_coordinate_damages_its_shape_alone(tmp_path: Path) -> None:
    document = collection(
        {"type": "Point", "coordinates": [10**400, 51.9]},
        {"type": "Point", "coordinates": [4.4, 51.9]},
    )
    report = geojson(tmp_path, document).report
    assert (report.error, report.placed, len(report.unplaced)) == (None, 1, 1)


def test_metres_instead_of_degrees_are_not_believed(tmp_path: Path) -> None:
    metres = {"type": "Point", "coordinates": [25498757.0, 6674431.0]}
    report = geojson(tmp_path, collection(metres)).report
    assert report.placed == 0
    assert "outside the area of EPSG:4326" in report.unplaced[0].reason
    assert geojson(tmp_path, collection(metres), 3879).report.placed == 1


def test_the_old_system_member_counts(tmp_path: Path) -> None:
    document = collection({"type": "Point", "coordinates": [25498757.0, 6674431.0]})
    document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3879"}}
    assert geojson(tmp_path, document).report.crs == "EPSG:3879"


@pytest.mark.parametrize(
    "text",
    ['{"type": "FeatureCollection"}', '{"type":"FeatureCollection","features":7}',
     '{"type": "Feature", "geometry": ' + '{"a":' * 40_000,
     '{"type": "Point", "coordinates": ' + "[" * 100_000],
)  # fmt: skip
def test_broken_documents_are_refused(tmp_path: Path, text: str) -> None:
    report = geojson(tmp_path, text).report
    assert report.error is not None and "\n" not in report.error


def test_a_geopackage_keeps_columns_and_system(tmp_path: Path) -> None:
    pyogrio = pytest.importorskip("pyogrio")
    shapely = pytest.importorskip("shapely")
    path = tmp_path / "pipes.gpkg"
    pyogrio.raw.write(
        path,
        shapely.to_wkb([shapely.LineString([(91000, 435700), (91050, 435720)])]),
        [np.array(["Pipe"], dtype=object), np.array([200.0])],
        ["type", "diameter"],
        layer="pipes",
        driver="GPKG",
        geometry_type="LineString",
        crs="EPSG:28992",
    )
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert found.report.error is None
    assert (found.report.format, found.report.crs) == ("GeoPackage", "EPSG:28992")
    pipe = found.assets[0]
    assert (pipe.type, pipe.attributes["diameter"], len(pipe.path)) == ("Pipe", 200.0, 2)


def test_a_damaged_geopackage_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 500)
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles").report
    assert report.error is not None and "\n" not in report.error


def test_a_very_long_course_keeps_its_ends_and_says_so(tmp_path: Path) -> None:
    spots = [[24.98 + n * 1e-7, 60.185] for n in range(12_000)]
    found = geojson(tmp_path, collection({"type": "LineString", "coordinates": spots}))
    path = found.assets[0].path
    assert len(path) == 5_000
    east, north = path[-1][0] - path[0][0], path[-1][1] - path[0][1]
    assert np.hypot(east, north) == pytest.approx(0.0012 * 55_500, rel=0.02)
    assert any("more than 5,000 corners" in text for text in found.report.warnings)
