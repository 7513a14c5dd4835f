"""SUMO and OpenDRIVE through the mobility plugin's importer."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pyproj
import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.city import Asset, Edge, Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.network import load_importers
from lamplighter.spatial.reader import read_file

IMPORTERS = load_importers(
    [Path(__file__).resolve().parents[3] / "plugins" / "mobility" / "importer.py"]
)
FRAME = Frame(epsg=32632, east=691_000.0, north=5_335_000.0)

NET = """<?xml version="1.0"?>
<!-- <net> made by hand -->
<net version="1.16">
  <location netOffset="-691000.00,-5335000.00" convBoundary="0,0,9,9"
    origBoundary="0,0,9,9" projParameter="+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +no_defs"/>
  <edge id=":B_0" function="internal">
    <lane id=":B_0_0" index="0" speed="5" length="4" shape="98,0 102,0"/>
  </edge>
  <edge id="AB" from="A" to="B" priority="3" name="Main Street">
    <lane id="AB_0" index="0" speed="13.89" length="98" shape="0,-5 98,-5"/>
    <lane id="AB_1" index="1" speed="13.89" length="98" shape="0,0 98,0"/>
  </edge>
  <edge id="BC" from="B" to="C"><lane id="BC_0" index="0" speed="8.33" length="50"
    shape="102,0 152,0"/></edge>
  <tlLogic id="B" type="static" programID="0"><phase duration="30" state="G"/>
    <phase duration="5" state="y"/></tlLogic>
  <tlLogic id="B" type="static" programID="night"><phase duration="9" state="G"/></tlLogic>
  <junction id="A" type="dead_end" x="0" y="0" shape=""/>
  <junction id="B" type="traffic_light" x="100" y="0" shape=""/>
  <junction id="C" type="dead_end" x="152" y="0" shape=""/>
  <connection from="AB" to="BC" fromLane="0" toLane="0" tl="B" linkIndex="0"/>
</net>
"""
ADDED = """<additional>
  <busStop id="S1" name="Market" lane="AB_0" startPos="10" endPos="30"/>
  <busStop id="S2" lane="nowhere_0" startPos="1" endPos="2"/>
  <e1Detector id="D1" lane="AB_1" pos="-8" freq="60" file="x.xml"/>
  <parkingArea id="P1" lane="BC_0" startPos="0" endPos="20" roadsideCapacity="7"/>
  <poi id="kiosk" x="50" y="20"/>
  <poly id="park" shape="0,0 10,0 10,10"/>
  <vType id="car"/>
</additional>
"""


def road(planview: str, length: float, header: str = "", more: str = "") -> str:
    return f"""<?xml version="1.0"?>
<OpenDRIVE><header revMajor="1" revMinor="6">{header}</header>
<road name="Ring" length="{length}" id="7" junction="-1">
<type s="0" type="town"><speed max="50" unit="km/h"/></type>
<planView>{planview}</planView>
<elevationProfile><elevation s="0" a="100" b="0.1" c="0" d="0"/></elevationProfile>
<lanes><laneSection s="0"><left><lane id="1" type="driving"><width sOffset="0" a="3.5" b="0"
 c="0" d="0"/></lane></left><center><lane id="0" type="none"/></center><right>
 <lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
 <lane id="-2" type="sidewalk"><width sOffset="0" a="2" b="0" c="0" d="0"/></lane></right>
 </laneSection></lanes>{more}</road></OpenDRIVE>"""


UTM = "<geoReference><![CDATA[+proj=utm +zone=32 +datum=WGS84 +units=m]]></geoReference>"


def imported(folder: Path, text: str, name: str, points: PointsOrder = NO_POINTS) -> ImportedFile:
    (folder / name).write_text(text, "utf-8")
    return read_file(
        folder / name,
        project_frame=FRAME,
        tiles_folder=folder / "t",
        importers=IMPORTERS,
        points=points,
    )


def by_id(found: ImportedFile) -> dict[str, Asset]:
    return {asset.id: asset for asset in found.assets}


def test_a_sumo_network_lies_where_its_offset_and_projection_say(tmp_path: Path) -> None:
    found = imported(tmp_path, NET, "town.net.xml")
    assert found.report.error is None and found.report.crs == "EPSG:32632"
    assert found.report.objects == {
        "StreetJunction": 3, "JunctionPath": 1, "Street": 2, "TrafficSignal": 1,
    }  # fmt: skip
    assets = by_id(found)
    street = assets["town/AB"]
    assert street.name == "Main Street" and street.attributes["lanes"] == 2
    assert street.attributes["speed_km_h"] == pytest.approx(50.0, abs=0.01)
    assert [p[:2] for p in street.path] == [(0.0, 0.0), (98.0, 0.0)]
    signal = assets["town/signal-B"]
    assert (signal.x, signal.y) == pytest.approx((100.0, 0.0), abs=1e-6)
    assert signal.attributes["programs"] == "0, night" and signal.attributes["cycle_s"] == 35
    assert Edge("town/signal-B", "controls", "town/AB", "mobility") in found.edges
    assert any("1 connections" in text for text in found.report.warnings)


def test_a_packed_network_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "town.net.xml.gz"
    path.write_bytes(gzip.compress(NET.encode()))
    found = read_file(path, project_frame=FRAME, tiles_folder=tmp_path / "t", importers=IMPORTERS)
    assert found.report.objects["Street"] == 2 and "town/AB" in by_id(found)


def test_additions_lie_on_the_lanes_of_the_network_beside_them(tmp_path: Path) -> None:
    (tmp_path / "town.net.xml").write_text(NET, "utf-8")
    found = imported(tmp_path, ADDED, "extra.add.xml")
    assets = by_id(found)
    stop = assets["town/BusStop-S1"]
    assert stop.name == "Market" and (stop.x, stop.y) == pytest.approx((20.0, -5.0), abs=1e-6)
    counter = assets["town/TrafficCounter-D1"]
    assert (counter.x, counter.y) == pytest.approx((90.0, 0.0), abs=1e-6)
    assert Edge("town/AB", "measured-by", counter.id, "mobility") in found.edges
    assert assets["town/ParkingArea-P1"].attributes["roadsideCapacity"] == 7
    assert assets["town/PointOfInterest-kiosk"].y == pytest.approx(20.0, abs=1e-6)
    assert len(assets["town/Area-park"].path) == 3
    assert [u.id for u in found.report.unplaced] == ["town/BusStop-S2"]
    assert any("1 vType" in text for text in found.report.warnings)


def test_additions_without_their_network_are_listed(tmp_path: Path) -> None:
    report = imported(tmp_path, ADDED, "extra.add.xml").report
    assert report.error is None
    assert sum("beside the file" in u.reason for u in report.unplaced) == 4


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.rou.xml", "<routes><vehicle id='1'/></routes>", "vehicles and routes"),
        ("a.sumocfg", "<configuration/>", "configuration of a SUMO run"),
        ("a.add.xml", "<additional><tlLogic id='1'/></additional>", "1 tlLogic"),
    ],
)
def test_what_belongs_to_a_simulation_is_refused_as_that(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    error = imported(tmp_path, text, name).report.error
    assert error is not None and words in error and "[I-511]" in error


@pytest.mark.parametrize(
    "text",
    [
        NET[:400],
        '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "b">]><net>&a;</net>',
        "<OpenDRIVE><road></OpenDRIVE>",
    ],
)
def test_damaged_networks_end_with_one_line(tmp_path: Path, text: str) -> None:
    error = imported(tmp_path, text, "a.net.xml").report.error
    assert error is not None and "[I-50" in error


def course(found: ImportedFile) -> np.ndarray:
    return np.array(found.assets[0].path)


def test_an_arc_road_is_a_circle_with_its_heights(tmp_path: Path) -> None:
    length = math.pi * 50.0
    view = (
        f'<geometry s="0" x="691000" y="5335000" hdg="0" length="{length}">'
        '<arc curvature="0.02"/></geometry>'
    )
    found = imported(tmp_path, road(view, length, UTM), "ring.xodr")
    assert found.report.error is None and found.report.version == "1.6"
    line = course(found)
    assert np.allclose(np.hypot(line[:, 0], line[:, 1] - 50.0), 50.0, atol=1e-6)
    assert line[-1] == pytest.approx([0.0, 100.0, 100.0 + 0.1 * length], abs=1e-6)
    facts = found.assets[0].attributes
    assert (facts["lanes_left"], facts["lanes_right"], facts["width_m"]) == (1, 2, 9.0)
    assert facts["lane_types_right"] == "driving, sidewalk" and facts["speed"] == "50 km/h"


@pytest.mark.parametrize(
    ("inner", "end"),
    [
        ("<line/>", (100.0, 0.0)),
        # a clothoid from straight to a radius of 100 m: its Fresnel integrals
        ('<spiral curvStart="0" curvEnd="0.01"/>', (97.5288, 16.3714)),
        ('<poly3 a="0" b="0" c="0" d="0"/>', (100.0, 0.0)),
        ('<paramPoly3 pRange="normalized" bU="80" cV="30"/>', (80.0, 30.0)),
        ('<paramPoly3 pRange="arcLength" bU="0.8" cV="0.003"/>', (80.0, 30.0)),
    ],
)
def test_every_kind_of_curve_ends_where_it_should(
    tmp_path: Path, inner: str, end: tuple[float, float]
) -> None:
    view = '<geometry s="0" x="691000" y="5335000" hdg="0.5" length="100">' + inner + "</geometry>"
    line = course(imported(tmp_path, road(view, 100.0, UTM), "ring.xodr"))
    x = end[0] * math.cos(0.5) - end[1] * math.sin(0.5)
    y = end[0] * math.sin(0.5) + end[1] * math.cos(0.5)
    assert line[-1][:2] == pytest.approx([x, y], abs=1e-3)


def test_signals_and_objects_stand_beside_the_road(tmp_path: Path) -> None:
    more = (
        '<signals><signal id="3" s="20" t="-4" zOffset="5" dynamic="yes" name="Light"/>'
        '<signal id="4" s="30" t="4" dynamic="no"/></signals>'
        '<objects><object id="1" s="10" t="6" type="pole"/></objects>'
    )
    view = '<geometry s="0" x="691000" y="5335000" hdg="0" length="100"><line/></geometry>'
    found = imported(tmp_path, road(view, 100.0, UTM, more), "ring.xodr")
    assert found.report.objects == {
        "RoadObject": 1, "RoadSign": 1, "Street": 1, "TrafficSignal": 1,
    }  # fmt: skip
    light = next(a for a in found.assets if a.name == "Light")
    assert (light.x, light.y, light.z) == pytest.approx((20.0, -4.0, 107.0), abs=1e-6)


def test_a_projection_described_in_full_is_used(tmp_path: Path) -> None:
    text = "+proj=tmerc +lat_0=48 +lon_0=11.5 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
    header = f"<geoReference><![CDATA[{text}]]></geoReference>"
    header += '<offset x="5000" y="17000" z="0" hdg="0"/>'
    view = '<geometry s="0" x="10" y="20" hdg="0" length="100"><line/></geometry>'
    found = imported(tmp_path, road(view, 100.0, header), "ring.xodr")
    assert found.report.placed == 1
    move = pyproj.Transformer.from_crs(text, 32632, always_xy=True)
    east, north = move.transform(5010.0, 17020.0)
    assert course(found)[0][:2] == pytest.approx([east - 691_000, north - 5_335_000], abs=0.01)


def test_a_road_without_reference_is_placed_by_two_points(tmp_path: Path) -> None:
    view = '<geometry s="0" x="0" y="0" hdg="0" length="100"><line/></geometry>'
    found = imported(tmp_path, road(view, 100.0), "ring.xodr")
    assert found.report.placed == 0
    lon, lat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(
        [691_000.0, 691_000.0], [5_335_000.0, 5_335_100.0]
    )
    text = f"0,0={lon[0]:.9f},{lat[0]:.9f};100,0={lon[1]:.9f},{lat[1]:.9f}"
    placed = imported(tmp_path, road(view, 100.0), "ring.xodr", PointsOrder(text))
    assert placed.report.placed == 1
    assert course(placed)[-1][:2] == pytest.approx([0.0, 100.0], abs=0.01)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "edges", "junctions", "signals"),
    [
        ("Doerpfeldstr/net.net.xml.gz", 2331, 492, 9),
        ("bologna/acosta/acosta_buslanes.net.xml", 472, 145, 7),
    ],
)
def test_real_networks_have_the_counts_of_their_source(
    tmp_path: Path, name: str, edges: int, junctions: int, signals: int
) -> None:
    path = city_data("sumo", *name.split("/"))
    report = read_file(path, project_frame=None, tiles_folder=tmp_path, importers=IMPORTERS).report
    counts = report.objects
    assert counts["StreetJunction"] == junctions and counts["TrafficSignal"] == signals
    assert sum(counts.values()) - junctions - signals == edges
    assert report.placed == sum(counts.values())


@pytest.mark.data
def test_the_stops_of_bologna_lie_on_its_streets(tmp_path: Path) -> None:
    path = city_data("sumo", "bologna", "acosta", "acosta_bus_stops.add.xml")
    report = read_file(path, project_frame=None, tiles_folder=tmp_path, importers=IMPORTERS).report
    assert report.objects["BusStop"] == report.placed and report.placed > 20
    extent = report.extent_wgs84
    assert extent is not None and 11.30 < extent[0] < extent[2] < 11.34
