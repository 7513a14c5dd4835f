"""CityGML: objects, surfaces, axis order, and files that must not be believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures import cities

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.reader import read_file


def imported(folder: Path, text: str | bytes, name: str = "x.gml") -> ImportedFile:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
def test_a_building_with_its_surfaces_and_attributes(tmp_path: Path, version: str) -> None:
    found = imported(tmp_path, cities.citygml(version))
    report = found.report
    assert report.error is None
    assert (report.format, report.version, report.crs) == ("CityGML", version, "EPSG:3879")
    assert report.objects == {
        "Building": 1, "GroundSurface": 1, "RoofSurface": 1, "WallSurface": 4,
    }  # fmt: skip
    assert (report.placed, report.triangles) == (1, 12)
    asset = found.assets[0]
    assert (asset.id, asset.name, asset.domain) == ("G1", "Town hall", "buildings")
    assert asset.attributes["measuredHeight"] == 6
    assert asset.attributes["storeys"] == 3
    assert asset.lon == pytest.approx(24.9778, abs=0.0005)
    assert asset.lat == pytest.approx(60.1828, abs=0.0005)


def test_surfaces_keep_their_meaning(tmp_path: Path) -> None:
    found = imported(tmp_path, cities.citygml())
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    words = [SURFACES[s] for s in tile.surface]
    assert {w: words.count(w) for w in set(words)} == {
        "GroundSurface": 2, "RoofSurface": 2, "WallSurface": 8,
    }  # fmt: skip


def test_a_solid_that_only_refers_to_its_surfaces_is_drawn_once(tmp_path: Path) -> None:
    assert imported(tmp_path, cities.citygml()).report.triangles == 12


@pytest.mark.parametrize("srs", ["EPSG:3879", "urn:ogc:def:crs:EPSG::3879"])
def test_axis_order_is_taken_from_the_coordinates_not_from_the_name(
    tmp_path: Path, srs: str
) -> None:
    places = []
    for swap in (False, True):
        found = imported(tmp_path, cities.citygml(srs=srs, swap=swap), f"{swap}.gml")
        places.append((found.assets[0].lon, found.assets[0].lat))
        word = "northing first" if swap else "easting first"
        assert word in found.report.crs_evidence
    assert places[0] == pytest.approx(places[1])


def test_coordinates_in_exponent_form_are_read(tmp_path: Path) -> None:
    found = imported(tmp_path, cities.citygml(exponent=True))
    assert found.report.placed == 1
    assert found.assets[0].lon == pytest.approx(24.9778, abs=0.0005)


def test_a_file_that_ends_too_early_is_refused_as_a_whole(tmp_path: Path) -> None:
    text = cities.citygml()
    for share in (0.2, 0.5, 0.9, 0.99):
        report = imported(tmp_path, text[: int(len(text) * share)], f"{share}.gml").report
        assert report.error is not None and report.error.endswith("[I-505]"), share
        assert report.objects == {}


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>'
FOREIGN = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
OUTSIDE = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">'


@pytest.mark.parametrize("prolog", [BOMB, FOREIGN, OUTSIDE, "<!DOCTYPE a>"])
def test_entity_and_document_type_declarations_are_refused_with_their_line(
    tmp_path: Path, prolog: str
) -> None:
    report = imported(tmp_path, cities.citygml(prolog=prolog)).report
    assert report.error is not None
    assert "at line 2" in report.error and report.error.endswith("[I-501]")
    assert "passwd" not in report.error


def test_a_declaration_hidden_in_another_encoding_is_found(tmp_path: Path) -> None:
    text = cities.citygml(prolog=FOREIGN).replace("UTF-8", "UTF-16")
    report = imported(tmp_path, text.encode("utf-16")).report
    assert report.error is not None and report.error.endswith("[I-501]")


def test_deep_nesting_ends_with_a_message(tmp_path: Path) -> None:
    deep = "<a>" * 5_000 + "</a>" * 5_000
    text = cities.citygml().replace("<gml:name>Town hall</gml:name>", deep)
    report = imported(tmp_path, text).report
    assert report.error is not None and report.error.endswith("[I-503]")


def test_corners_that_are_no_numbers_lose_their_face_and_say_so(tmp_path: Path) -> None:
    text = cities.citygml().replace("25498777.000", "NaN", 1)
    report = imported(tmp_path, text).report
    assert report.placed == 1
    assert report.triangles == 10
    assert any("no numbers" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<html><body/></html>", "I-504"),
        ("<a><b></a>", "I-504"),
        ("not xml at all", "I-503"),
        ("<?xml version='1.0' encoding='klingon'?><a/>", "I-503"),
    ],
)
def test_other_xml_is_refused(tmp_path: Path, text: str, code: str) -> None:
    report = imported(tmp_path, text).report
    assert report.error is not None and report.error.endswith(f"[{code}]")
