"""CSV tables: asset register, connections, datastream bindings."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.domain.city import Edge, Frame, Limits
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.tables import number, scalar

FRAME = Frame(28992, 91000.0, 435700.0)


def table(folder: Path, text: str | bytes, frame: Frame | None = None) -> ImportedFile:
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_file(path, project_frame=frame, epsg_override=25832, tiles_folder=folder / "tiles")


def test_an_asset_register_in_degrees(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "id,type,name,domain,lon,lat,people,height_m,kV,code\n"
        "S1,Substation,North,power,4.457,51.906,1200,5.5,10.5,007\n"
        "L1,StreetLight,,,4.458,51.907,,,,\n",
        FRAME,
    )
    report = found.report
    assert (report.format, report.objects) == ("CSV assets", {"StreetLight": 1, "Substation": 1})
    assert report.placed == 2
    first = found.assets[0]
    assert [first.lon, first.lat] == pytest.approx([4.457, 51.906])
    assert (first.people, first.height_m) == (1200, 5.5)
    assert first.attributes == {"kv": 10.5, "code": "007"}
    assert found.assets[1].name == "L1"


def test_courses_in_map_coordinates_count_where_they_agree_with_degrees(tmp_path: Path) -> None:
    head = "id,type,lon,lat,x,y,height_m,mode,path\n"
    row = "F,Feeder,4.457258,51.906163,91000,435700,3,TWIN,91000 435700; 91040 435720\n"
    path = tmp_path / "f.csv"
    path.write_text(head + row)
    found = read_file(path, project_frame=FRAME, tiles_folder=tmp_path / "tiles")
    feeder = found.assets[0]
    assert "agree with lon, lat" in found.report.crs_evidence
    assert feeder.path == ((0.0, 0.0, 3.0), (40.0, 20.0, 3.0))
    assert (feeder.x, feeder.y, feeder.mode) == (0.0, 0.0, "twin")
    assert any("mode twin" in warning for warning in found.report.warnings)
    path.write_text(head + row.replace("4.457258", "4.9"))
    apart = read_file(path, project_frame=FRAME, tiles_folder=tmp_path / "tiles")
    assert apart.assets[0].path == ()
    assert apart.assets[0].lon == pytest.approx(4.9)
    assert any("1 courses were left out" in warning for warning in apart.report.warnings)


def test_local_coordinates_need_a_system_or_neighbours(tmp_path: Path) -> None:
    text = "id;type;x;y;epsg\nA;Sensor;91010;435720;28992\n"
    found = table(tmp_path, text.replace(";epsg", "").replace(";28992", ""), None)
    assert found.report.placed == 0
    path = tmp_path / "own.csv"
    path.write_text(text)
    own = read_file(path, project_frame=FRAME, tiles_folder=tmp_path / "tiles")
    assert (own.assets[0].x, own.assets[0].y) == (10.0, 20.0)
    path.write_text(text.replace(";epsg", "").replace(";28992", ""))
    near = read_file(path, project_frame=FRAME, tiles_folder=tmp_path / "tiles")
    assert near.report.placed == 1 and "km from the project" in near.report.crs_evidence


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "id,type,lon,lat\nA,Sensor,4.4,51.9\n,Sensor,4.4,51.9\nA,Sensor,4.4,51.9\n"
        "B,Sensor,east,51.9\nC,Sensor,4_4,٥١\n",
        FRAME,
    )
    assert found.report.placed == 1
    reasons = {u.id: u.reason for u in found.report.unplaced}
    assert reasons == {
        "line 3": "line 3: no id or no type",
        "A": "line 4: this id stands twice",
        "B": "it has no geometry",
        "C": "it has no geometry",
    }


def test_connections_become_edges_of_the_project(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "source,kind,target\nS1,feeds,U1\nS1,Measured_by,M1\nS1,likes,U2\nS1,feeds,S1\n",
    )
    assert found.edges == [
        Edge("S1", "feeds", "U1", "project"),
        Edge("S1", "measured-by", "M1", "project"),
    ]
    assert [u.id for u in found.report.unplaced] == ["line 4", "line 5"]
    assert found.report.objects == {"connection": 2}


def test_bindings_become_datastreams(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "source,datastream,asset,kind,unit,low,high,period_ms,states\n"
        "net,P-1,J1,pressure,bar,1.5,6,5000,\nnet,V-1,V1,state,,,,,closed|open\nnet,P-1,J2,,,,,,\n",
    )
    first, second = found.datastreams
    assert (first.key, first.asset, first.unit, first.period_ms) == ("net/P-1", "J1", "bar", 5000)
    assert first.limits == Limits(low=1.5, high=6.0)
    assert second.states == ("closed", "open")
    assert [u.id for u in found.report.unplaced] == ["net/P-1"]


def test_a_latin_1_table_is_read_and_says_so(tmp_path: Path) -> None:
    found = table(tmp_path, "id,type,name\nA,Sensor,Käpylä\n".encode("latin-1"))
    assert found.assets[0].name == "Käpylä"
    assert any("Latin-1" in warning for warning in found.report.warnings)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "id\n1\n", "\0,\0\n", "one line"])
def test_other_tables_are_refused_with_what_is_expected(tmp_path: Path, text: str) -> None:
    report = table(tmp_path, text).report
    assert report.error is not None and report.error[-7:] in ("[I-504]", "[I-503]")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-2", -2), ("1.5", 1.5), ("007", "007"), ("true", True), ("", None), ("1_0", "1_0"),
     ("٣", "٣"), ("nan", "nan"), ("1e400", "1e400"), ("1e5", "1e5")],
)  # fmt: skip
def test_scalars_keep_what_is_no_plain_number(text: str, value: object) -> None:
    assert scalar(text) == value


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "1_000", "٣", "", None, "0x10"])
def test_only_plain_finite_numbers_count(text: str | None) -> None:
    assert number(text) is None
