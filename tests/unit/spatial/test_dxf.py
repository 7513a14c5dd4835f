"""Drawings: every entity an object with its layer's name, blocks unfolded, damage repaired."""

from __future__ import annotations

from pathlib import Path

import ezdxf
import pyproj
import pytest
from ezdxf.document import Drawing
from tests.kit.testdata import city_data

from lamplighter.domain.city import Asset
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial import dxf
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.reader import read_file

PLAN = "0,0=385000,6672000;1000,0=385001,6672000"
"""a plan in millimetres, west to east, in EPSG:3879-like metres"""


def drawing(unit: int = 4) -> Drawing:
    document = ezdxf.new("R2010", setup=True)
    document.header["$INSUNITS"] = unit
    document.layers.add("Manholes")
    return document


def model(document: Drawing, folder: Path) -> SourceModel:
    path = folder / "plan.dxf"
    document.saveas(path)
    return dxf.read(path, lambda done, total, text: None)


def imported(
    document: Drawing, folder: Path, points: PointsOrder = NO_POINTS, epsg: int | None = None
) -> ImportedFile:
    path = folder / "plan.dxf"
    document.saveas(path)
    return read_file(
        path, project_frame=None, tiles_folder=folder / "t", epsg_override=epsg, points=points
    )


def only(found: ImportedFile, kind: str) -> Asset:
    return next(a for a in found.assets if a.type == kind)


def test_layer_names_and_counts_are_kept(tmp_path: Path) -> None:
    document = drawing()
    space = document.modelspace()
    space.add_line((0, 0), (1000, 0), dxfattribs={"layer": "Manholes", "color": 1})
    space.add_text("MH 7").set_placement((5, 5))
    space.add_circle((0, 0), 500)
    found = model(document, tmp_path)
    assert found.counts == {"CIRCLE": 1, "LINE": 1, "TEXT": 1} and found.kind == "cad"
    line, text, circle = found.features
    assert line.attributes["layer"] == "Manholes" and line.attributes["colour"] == "1"
    assert text.attributes["text"] == text.name == "MH 7" and text.at == (5, 5, 0)
    assert circle.path is not None and len(circle.path) > 8
    assert found.unit_metres == pytest.approx(0.001)


def test_two_points_place_a_drawing_within_a_centimetre(tmp_path: Path) -> None:
    document = drawing()
    document.modelspace().add_point((52_000, 31_000, 2_500))
    found = imported(document, tmp_path, PointsOrder(PLAN), 3067)
    asset = only(found, "POINT")
    assert found.report.placed == 1 and "two points" in found.report.crs_evidence
    move = pyproj.Transformer.from_crs(4326, 3067, always_xy=True)
    east, north = move.transform(asset.lon, asset.lat)
    assert (east, north) == pytest.approx((385_052.0, 6_672_031.0), abs=0.01)
    assert asset.height_m == pytest.approx(2.5, abs=0.01)
    assert found.layer is not None and len(found.layer.placement) == 10


def test_the_placement_kept_with_the_layer_gives_the_same_place(tmp_path: Path) -> None:
    document = drawing()
    document.modelspace().add_point((52_000, 31_000, 0))
    first = imported(document, tmp_path, PointsOrder(PLAN), 3067)
    assert first.layer is not None
    again = imported(document, tmp_path, PointsOrder(kept=first.layer.placement))
    assert again.assets[0].lon == pytest.approx(first.assets[0].lon, abs=1e-9)
    assert again.layer is not None and again.layer.placement == first.layer.placement


def test_points_that_coincide_are_refused_with_their_reason(tmp_path: Path) -> None:
    document = drawing()
    document.modelspace().add_point((1, 1))
    error = imported(document, tmp_path, PointsOrder("1,1=24,60;1,1=25,60")).report.error
    assert error is not None and "coincide in the file" in error and "[I-509]" in error


def test_a_block_is_one_object_with_its_attributes_and_its_lines(tmp_path: Path) -> None:
    document = drawing()
    block = document.blocks.new("VALVE")
    block.add_lwpolyline([(0, 0), (10, 0), (10, 10)])
    block.add_attdef("NR", (0, 0))
    insert = document.modelspace().add_blockref("VALVE", (100, 50))
    insert.add_auto_attribs({"NR": "V-12"})
    found = model(document, tmp_path).features
    assert [f.type for f in found] == ["INSERT"] and found[0].at == (100, 50, 0)
    assert found[0].attributes["block"] == "VALVE"
    assert found[0].attributes["attribute.NR"] == "V-12"
    assert found[0].path == [(100, 50, 0), (110, 50, 0), (110, 60, 0)]


def test_a_bulge_and_a_spline_become_curves(tmp_path: Path) -> None:
    document = drawing(unit=6)
    space = document.modelspace()
    space.add_lwpolyline([(0, 0, 0, 0, 1.0), (10, 0, 0, 0, 0)], format="xyseb")
    space.add_spline([(0, 0, 0), (5, 5, 0), (10, 0, 0)])
    arc, spline = model(document, tmp_path).features
    assert arc.path is not None and min(y for _, y, _ in arc.path) == pytest.approx(-5, abs=0.02)
    assert spline.path is not None and len(spline.path) > 5


def test_faces_meshes_and_hatches_with_holes_are_drawn(tmp_path: Path) -> None:
    document = drawing(unit=6)
    space = document.modelspace()
    space.add_3dface([(0, 0, 0), (4, 0, 0), (4, 4, 3), (0, 4, 3)])
    with space.add_mesh().edit_data() as mesh:
        mesh.vertices = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 0, 1)]
        mesh.faces = [(0, 1, 2), (0, 1, 3)]
    hatch = space.add_hatch()
    hatch.paths.add_polyline_path([(0, 0), (10, 0), (10, 10), (0, 10)], is_closed=True)
    hatch.paths.add_polyline_path([(4, 4), (6, 4), (6, 6), (4, 6)], is_closed=True, flags=16)
    found = imported(document, tmp_path, PointsOrder("0,0=385000,6672000;1,0=385001,6672000"), 3067)
    assert found.report.error is None and found.report.triangles == 2 + 2 + 8
    name = only(found, "HATCH").id
    tile = next(t for t in (read_tile(tmp_path / "t" / n) for n in found.tiles) if name in t.assets)
    hatched = tile.owner == tile.assets.index(name)
    corners = tile.points[tile.triangles[hatched]].astype(float)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2.0
    assert area == pytest.approx(96.0, abs=0.1)


def test_a_projection_file_beside_it_says_where_it_lies(tmp_path: Path) -> None:
    document = drawing(unit=6)
    document.modelspace().add_line((385_000, 6_672_000), (385_010, 6_672_000))
    (tmp_path / "plan.prj").write_text(pyproj.CRS.from_epsg(3067).to_wkt("WKT1_ESRI"), "utf-8")
    found = imported(document, tmp_path)
    assert found.report.crs == "EPSG:3067" and found.report.placed == 1


def test_a_world_file_moves_it_to_the_projection(tmp_path: Path) -> None:
    document = drawing(unit=6)
    document.modelspace().add_point((3, 4))
    (tmp_path / "plan.prj").write_text(pyproj.CRS.from_epsg(3067).to_wkt("WKT1_ESRI"), "utf-8")
    (tmp_path / "plan.wld").write_text("0,0 385000,6672000\n1,0 385000,6672001\n", "utf-8")
    asset = imported(document, tmp_path).assets[0]
    east, north = pyproj.Transformer.from_crs(4326, 3067, always_xy=True).transform(
        asset.lon, asset.lat
    )
    assert (east, north) == pytest.approx((384_996.0, 6_672_003.0), abs=0.01)


def test_geodata_of_the_drawing_place_it(tmp_path: Path) -> None:
    document = drawing(unit=6)
    document.modelspace().add_point((10, 0))
    geodata = document.modelspace().new_geodata()
    geodata.coordinate_system_definition = (
        '<?xml version="1.0"?><Dictionary><Alias id="3067" type="CoordinateSystem">'
        "<ObjectId>x</ObjectId><Namespace>EPSG Code</Namespace></Alias></Dictionary>"
    )
    geodata.dxf.design_point, geodata.dxf.reference_point = (0, 0, 0), (385_000, 6_672_000, 0)
    geodata.dxf.north_direction = (1, 0)
    found = imported(document, tmp_path)
    assert "geodata of the drawing" in found.report.crs_evidence
    asset = found.assets[0]
    east, north = pyproj.Transformer.from_crs(4326, 3067, always_xy=True).transform(
        asset.lon, asset.lat
    )
    assert (east, north) == pytest.approx((385_000.0, 6_672_010.0), abs=0.01)


def test_a_block_that_multiplies_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamplighter.spatial.dxf_entities.MAX_PIECES", 5_000)
    document = drawing()
    inner = document.blocks.new("A")
    for _ in range(20):
        inner.add_point((0, 0))
    for name, below in (("B", "A"), ("C", "B"), ("D", "C")):
        block = document.blocks.new(name)
        for _ in range(20):
            block.add_blockref(below, (0, 0))
    document.modelspace().add_blockref("D", (0, 0))
    with pytest.raises(Refused) as refused:
        model(document, tmp_path)
    assert refused.value.code == "I-502"


def test_dwg_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "plan.dwg"
    path.write_bytes(b"AC1032\x00\x00\x00" + bytes(200))
    error = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report.error
    assert error is not None and "save it as DXF" in error


def test_a_damaged_drawing_is_repaired_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "plan.dxf"
    path.write_text(
        "0\nSECTION\n2\nENTITIES\n0\nLINE\n5\n\n8\nWalls\n10\n0\n20\n0\n11\n5\n21\n5\n0\nENDSEC\n0\nEOF\n"
    )
    found = dxf.read(path, lambda done, total, text: None)
    assert found.counts == {"LINE": 1} and found.features[0].attributes["layer"] == "Walls"
    assert any("repaired" in text for text in found.warnings)


def test_a_name_with_half_a_character_does_not_lose_the_drawing(tmp_path: Path) -> None:
    path = tmp_path / "plan.dxf"
    path.write_bytes(
        b"0\nSECTION\n2\nHEADER\n9\n$ACADVER\n1\nAC1027\n0\nENDSEC\n0\nSECTION\n2\nENTITIES\n"
        b"0\nLINE\n5\nA1\n8\nW\xd2lls\n10\n0\n20\n0\n11\n5\n21\n5\n0\nENDSEC\n0\nEOF\n"
    )
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is None and report.objects == {"LINE": 1}


@pytest.mark.parametrize("content", [b"0\nSECTION\n2\nENTI", b"AutoCAD Binary DXF\r\n\x1a\x00\xff"])
def test_what_is_no_drawing_ends_with_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.dxf"
    path.write_bytes(content)
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is not None and "[I-50" in report.error


@pytest.mark.data
def test_the_real_drawings_have_the_entities_of_their_source(tmp_path: Path) -> None:
    folder = city_data("cad_dxf")
    stated = [
        line.split("\t")
        for line in (folder / "SOURCE.txt").read_text("utf-8").splitlines()
        if line.partition("\t")[0].endswith(".dxf")
    ]
    assert len(stated) == 26
    for name, *_, what in stated:
        report = read_file(folder / name, project_frame=None, tiles_folder=tmp_path).report
        assert report.error is None, report.error
        total = int(what.replace(" n=", " ents=").partition("ents=")[2].split()[0])
        assert sum(report.objects.values()) == total, name


@pytest.mark.data
def test_a_georeferenced_drawing_lies_in_westminster(tmp_path: Path) -> None:
    path = city_data("cad_dxf", "houses_of_parliament_georeferenced.dxf")
    extent = read_file(path, project_frame=None, tiles_folder=tmp_path).report.extent_wgs84
    assert extent is not None
    assert -0.127 < extent[0] < extent[2] < -0.123 and 51.497 < extent[1] < extent[3] < 51.502
