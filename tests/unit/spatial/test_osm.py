"""OpenStreetMap: tags stay, buildings stand as blocks, what the extract lacks is listed."""

from __future__ import annotations

import bz2
from pathlib import Path

import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.osm import meaning
from lamplighter.spatial.reader import read_file

EXTRACT = """<?xml version='1.0' encoding='UTF-8'?>
<osm version="0.6">
 <node id="1" lat="60.0000" lon="25.0000"/><node id="2" lat="60.0000" lon="25.0002"/>
 <node id="3" lat="60.0001" lon="25.0002"/><node id="4" lat="60.0001" lon="25.0000"/>
 <node id="5" lat="60.0002" lon="25.0000">
  <tag k="addr:street" v="Quay &quot;A&quot;"/><tag k="addr:housenumber" v="7"/></node>
 <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="building" v="yes"/><tag k="building:levels" v="4"/></way>
 <way id="11"><nd ref="1"/><nd ref="3"/><tag k="highway" v="primary"/><tag k="lit" v="yes"/></way>
 <way id="12"><nd ref="1"/><nd ref="99"/><tag k="highway" v="path"/></way>
</osm>
"""


def read(path: Path, folder: Path) -> ImportedFile:
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


@pytest.mark.parametrize("packed", [False, True])
def test_an_extract_becomes_streets_blocks_and_addresses(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("a.osm.bz2" if packed else "a.osm")
    path.write_bytes(bz2.compress(EXTRACT.encode()) if packed else EXTRACT.encode())
    found = read(path, tmp_path)
    report = found.report
    assert report.error is None and report.format == "OpenStreetMap"
    assert report.objects == {"Address": 1, "Building": 1, "Street": 1}
    by_id = {asset.id: asset for asset in found.assets}
    assert by_id["node/5"].attributes["addr:street"] == 'Quay "A"'
    assert by_id["node/5"].name == 'Quay "A" 7'
    assert (by_id["way/11"].domain, by_id["way/11"].attributes["lit"]) == ("mobility", "yes")
    assert by_id["way/10"].attributes["geometry_height_m"] == pytest.approx(12.0)
    assert [item.id for item in report.unplaced] == ["way/12"]
    assert found.layer is not None and "OpenStreetMap" in found.layer.attribution
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    assert {SURFACES[s] for s in tile.surface} == {"GroundSurface", "RoofSurface", "WallSurface"}


def test_tags_say_what_an_area_is() -> None:
    assert meaning({"natural": "water"}, areal=True)[1] == "Water"
    assert meaning({"leisure": "park"}, areal=True)[1] == "Vegetation"
    assert meaning({"landuse": "residential"}, areal=True)[1] == ""
    assert meaning({"building": "no", "amenity": "cafe"}, areal=False)[0] == "Amenity"


@pytest.mark.parametrize(
    "content",
    [b"<osm>", b"<osm version='0.6'><node id=", b"\x00\x00\x00\x0d\x0a\x09OSMHeader" + b"\xff" * 90,
     b"<!DOCTYPE osm [<!ENTITY a 'b'>]><osm/>", bz2.compress(EXTRACT.encode())[:200]],
)  # fmt: skip
def test_damaged_extracts_are_one_line_or_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("a.osm.bz2" if content.startswith(b"BZh") else "a.osm")
    path.write_bytes(content)
    report = read(path, tmp_path).report
    assert not report.placed
    assert report.error is None or "\n" not in report.error


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "buildings", "streets"),
    [("sample.osm.pbf", 2, 36), ("test.osm.pbf", 2219, 343),
     ("planet_10.068,48.135_10.071,48.137.osm", 33, 19)],
)  # fmt: skip
def test_buildings_and_streets_are_as_many_as_the_source_states(
    tmp_path: Path, name: str, buildings: int, streets: int
) -> None:
    """Ways with that tag; those whose nodes the extract lacks are listed, not drawn."""
    found = read(city_data("osm", name), tmp_path)
    ways = [a for a in found.assets if a.id.startswith("way/")]
    listed = len(found.report.unplaced)
    assert 0 <= buildings - sum("building" in a.attributes for a in ways) <= listed
    assert 0 <= streets - sum("highway" in a.attributes for a in ways) <= listed
