"""Building models: every product an object with its storey, properties and shape, in place."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyproj
import pytest
from tests.fixtures.building import CONVERSION, METRES, MILLIMETRES, building
from tests.kit.testdata import city_data

from lamplighter.domain.city import Asset
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.reader import FileWish, read_file

NOWHERE = "$,$,$"


def imported(
    folder: Path, text: str, points: PointsOrder = NO_POINTS, epsg: int | None = None
) -> ImportedFile:
    path = folder / "tiny.ifc"
    path.write_text(text, "latin-1")
    return read_file(
        path, project_frame=None, tiles_folder=folder / "t", points=points, epsg_override=epsg
    )


def named(found: ImportedFile, name: str) -> Asset:
    return next(a for a in found.assets if a.name == name)


def on_map(asset: Asset, epsg: int) -> tuple[float, float]:
    east, north = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(
        asset.lon, asset.lat
    )
    return float(east), float(north)


@pytest.mark.parametrize("schema", ["IFC2X3", "IFC4", "IFC4X3_ADD2"])
def test_products_their_parents_and_their_properties(tmp_path: Path, schema: str) -> None:
    found = imported(tmp_path, building(schema))
    assert found.report.error is None, found.report.error
    assert found.report.format == "IFC" and found.report.version == schema
    assert found.report.kind == "bim"
    assert found.report.objects == {
        "IfcBuilding": 1, "IfcBuildingStorey": 1, "IfcOpeningElement": 1, "IfcSite": 1,
        "IfcWall": 1,
    }  # fmt: skip
    wall = named(found, "South wall")
    assert wall.type == "IfcWall" and wall.domain == "buildings"
    assert wall.parent == named(found, "Ground").id
    assert named(found, "Ground").parent == named(found, "House").id
    assert named(found, "Hole").parent == wall.id
    assert wall.attributes["Pset_WallCommon.IsExternal"] is True
    assert wall.attributes["Qto_Wall.Length"] == pytest.approx(10.0)
    assert wall.attributes["material"] == "Brick"


def test_an_opening_is_cut_out_and_not_drawn(tmp_path: Path) -> None:
    found = imported(tmp_path, building())
    tiles = [read_tile(tmp_path / "t" / name) for name in found.tiles]
    assert {a for t in tiles for a in t.assets} == {named(found, "South wall").id}
    assert found.report.triangles > 12


@pytest.mark.parametrize(("unit", "length"), [(METRES, 10.0), (MILLIMETRES, 10_000.0)])
def test_lengths_become_metres(tmp_path: Path, unit: str, length: float) -> None:
    found = imported(tmp_path, building(unit=unit, length=length))
    points = np.concatenate([read_tile(tmp_path / "t" / n).points for n in found.tiles])
    assert np.ptp(points[:, 2]) == pytest.approx(3.0, abs=1e-3)
    assert np.ptp(points[:, 0]) == pytest.approx(10.0, abs=0.15)


def test_the_site_and_true_north_place_it(tmp_path: Path) -> None:
    found = imported(tmp_path, building(north="#12"))
    assert "position of its site (48.133333, 11.566667)" in found.report.crs_evidence
    site = pyproj.Transformer.from_crs(4326, 32632, always_xy=True).transform(
        11 + 34 / 60, 48 + 8 / 60
    )
    wall = named(found, "South wall")
    geod = pyproj.Geod(ellps="WGS84")
    lon, lat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(*site)
    azimuth, _, far = geod.inv(lon, lat, wall.lon, wall.lat)
    # true north is (0.6, 0.8) of the file, so its x axis points 53.13 degrees east of north
    assert azimuth == pytest.approx(53.13 - 1.72, abs=0.05)
    assert far == pytest.approx(5.0, abs=0.05)
    assert wall.height_m == pytest.approx(510.0)


def test_a_map_conversion_counts_before_the_site(tmp_path: Path) -> None:
    found = imported(tmp_path, building(more=CONVERSION))
    assert "map conversion of the file to EPSG:25832" in found.report.crs_evidence
    wall = named(found, "South wall")
    # its middle (5, 0.15) turned by atan2(0.6, 0.8)
    expected = (691_000 + 5 * 0.8 - 0.15 * 0.6, 5_335_000 + 5 * 0.6 + 0.15 * 0.8)
    assert on_map(wall, 25832) == pytest.approx(expected, abs=0.05)
    assert wall.height_m == pytest.approx(512.0, abs=0.001)


def test_what_the_file_says_itself_is_read_anew_and_not_kept(tmp_path: Path) -> None:
    found = imported(tmp_path, building(more=CONVERSION))
    assert found.layer is not None and found.layer.placement == ()
    assert found.layer.crs == "EPSG:25832"


def test_two_points_count_before_what_the_file_says(tmp_path: Path) -> None:
    order = PointsOrder("0,0=691500,5335500;10,0=691500,5335510")
    found = imported(tmp_path, building(more=CONVERSION), order, 25832)
    assert "two points" in found.report.crs_evidence
    assert any("states a place itself" in text for text in found.report.warnings)
    assert on_map(named(found, "South wall"), 25832) == pytest.approx(
        (691_499.85, 5_335_505.0), abs=0.01
    )


def test_without_a_place_its_products_are_listed_as_unplaced(tmp_path: Path) -> None:
    report = imported(tmp_path, building(place=NOWHERE)).report
    assert report.error is None and report.placed == 0 and len(report.unplaced) == 5


def test_a_shape_that_cannot_be_made_is_listed(tmp_path: Path) -> None:
    text = building().replace("#42=IFCRECTANGLEPROFILEDEF(.AREA.,$,#41,10.0,0.3);",
                              "#42=IFCRECTANGLEPROFILEDEF(.AREA.,$,#41,0.,0.);")  # fmt: skip
    found = imported(tmp_path, text)
    assert any("could not be made: IfcWall 1" in text for text in found.report.warnings)
    assert named(found, "South wall").attributes["shape"] == "could not be made"


def test_an_archive_is_opened_within_limits(tmp_path: Path) -> None:
    path = tmp_path / "tiny.ifczip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.ifc", building())
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is None and report.placed == 5
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.ifc", "ISO-10303-21;" + " " * 30_000_000)
    error = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report.error
    assert error is not None and "[I-502]" in error


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.ifc", building()[:2000], "I-505"),
        ("a.ifc", "ISO-10303-21;\nHEADER;\nnonsense\nENDSEC;\nEND-ISO-10303-21;", "I-503"),
        ("a.ifc", "no step file at all", "I-503"),
        ("a.ifcxml", '<?xml version="1.0"?><ifcXML/>', "I-504"),
        ("a.ifczip", "PK\x03\x04 nothing", "I-503"),
    ],
)
def test_bad_files_end_with_one_line(tmp_path: Path, name: str, content: str, code: str) -> None:
    path = tmp_path / name
    path.write_text(content, "latin-1")
    error = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report.error
    assert error is not None and f"[{code}]" in error and "\n" not in error


def test_models_in_a_plain_archive_are_one_where_they_lie_alike(tmp_path: Path) -> None:
    path = tmp_path / "models.zip"
    second = building(place="(49,0,0,0),(11,34,0,0),510.").replace("0WALL", "1WALL")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ifc", building())
        archive.writestr("b.ifc", second)
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is None and report.placed == 5
    assert any("b.ifc: it lies elsewhere" in text for text in report.warnings)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ifcopenshell", None)
    error = imported(tmp_path, building()).report.error
    assert error is not None and "ifcopenshell" in error and "[I-510]" in error


def test_read_again_it_leaves_the_openings_closed_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "tiny.ifc"
    path.write_text(building(), "latin-1")
    found = read_file(
        path, project_frame=None, tiles_folder=tmp_path / "t", wish=FileWish(again=True)
    )
    assert found.report.triangles == 12
    assert any("openings were not cut out" in text for text in found.report.warnings)


SOME = (
    "buildingsmart_community/ROOT-prefab_balkons.ifczip",
    "buildingsmart_community/ROOT-prefab_vloer_lifttop.ifczip",
    "buildingsmart_community/ROOT-lateien_en_geveldragers.ifczip",
    "ifcopenshell/1019-column.ifc",
    "ifcopenshell/331--slab--segfault--augmented.ifc",
)


@pytest.mark.data
@pytest.mark.parametrize("name", SOME)
def test_real_models_have_the_products_of_their_source(tmp_path: Path, name: str) -> None:
    folder = city_data("ifc")
    stated = re.search(
        rf"^{re.escape(name)}\t.*?products=(\d+)", (folder / "SOURCE.txt").read_text("utf-8"), re.M
    )
    assert stated is not None
    report = read_file(folder / name, project_frame=None, tiles_folder=tmp_path).report
    assert report.error is None, report.error
    assert sum(report.objects.values()) == int(stated.group(1))


@pytest.mark.data
def test_the_house_of_karlsruhe_stands_there(tmp_path: Path) -> None:
    found = read_file(city_data("ifc", "FZK.ifc"), project_frame=None, tiles_folder=tmp_path)
    assert found.report.placed == 127 == sum(found.report.objects.values())
    extent = found.report.extent_wgs84
    assert extent is not None
    assert 8.436 < extent[0] < extent[2] < 8.437 and 49.100 < extent[1] < extent[3] < 49.101
