"""Timetables: stops are points, lines follow shapes or stops, the feed keeps its counts."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.formats import recognise
from lamplighter.spatial.reader import FileWish, read_file
from lamplighter.spatial.scout import scout

TABLES = {
    "agency": "agency_id,agency_name\nA,City Trams\n",
    "stops": "stop_id,stop_name,stop_lat,stop_lon\nS1,Quay,60.0,25.0\nS2,Hill,60.01,25.01\n"
    "S3,Lost,,\nS1,Twice,60,25\n",
    "routes": "route_id,route_short_name,route_type,route_color\nR1,7,0,FF0000\nR2,N,3,\n",
    "trips": "route_id,service_id,trip_id,shape_id\nR1,W,T1,H1\nR1,W,T2,H1\nR2,W,T3,\n",
    "stop_times": "trip_id,stop_id,stop_sequence\nT3,S2,2\n , ,\n\nT3,S1,1\n",
    "shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
    "H1,60.01,25.01,10\nH1,60.0,25.0,9\nH1,x,25.0,11\n",
}


def feed(folder: Path, **changed: str) -> Path:
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**TABLES, **changed}.items():
            if text:
                archive.writestr(f"{name}.txt", text)
    return path


def read(path: Path, folder: Path) -> ImportedFile:
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


def test_a_feed_becomes_stops_and_lines(tmp_path: Path) -> None:
    found = read(feed(tmp_path), tmp_path)
    assert found.report.objects == {"TransitFeed": 1, "TransitLine": 2, "TransitStop": 3}
    by_id = {asset.id: asset for asset in found.assets}
    shape, through = by_id["shape/H1"], by_id["route/R2"]
    assert (shape.attributes["vehicle"], shape.attributes["trips"]) == ("tram", 2)
    assert len(shape.path) == len(through.path) == 2
    assert shape.path[0][0] < shape.path[1][0] and through.path[0][0] < through.path[1][0]
    assert by_id["feed/feed"].attributes["stop_times_rows"] == 2
    assert {u.id for u in found.report.unplaced} == {"S1", "stop/S3"}
    assert any("1 points of shapes" in text for text in found.report.warnings)


def test_a_feed_without_stops_is_refused(tmp_path: Path) -> None:
    path = feed(tmp_path, stops="")
    assert (
        "stops.txt" in str(read(path, tmp_path).report.error)
        or not read(path, tmp_path).report.placed
    )


def test_a_feed_with_a_damaged_table_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in TABLES.items():
            archive.writestr(f"{name}.txt", text * 50)
    data = bytearray(path.read_bytes())
    begin = data.index(b"stops.txt") + len(b"stops.txt")
    data[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(data)
    error = read(path, tmp_path).report.error
    assert error is not None and "stops.txt" in error and "I-503" in error


def test_a_folder_of_tables_is_one_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / f"{name}.txt").write_text(text)
    scouted = scout([tmp_path])
    assert [f.path for f in scouted.files] == [str(folder)]
    wish = FileWish(digest=scouted.files[0].digest)
    found = read_file(folder, project_frame=None, tiles_folder=tmp_path / "t", wish=wish)
    assert found.report.objects["TransitStop"] == 3


@pytest.mark.data
def test_the_counts_of_every_feed_are_those_its_source_states() -> None:
    checked = 0
    for topic in ("transit_gtfs", "helsinki_kalasatama"):
        folder = city_data(topic)
        for line in (folder / "SOURCE.txt").read_text("utf-8", errors="replace").splitlines():
            cells = line.split("\t")
            if len(cells) < 4 or not cells[3].startswith("GTFS "):
                continue
            model = recognise(folder / cells[0], {}, lambda *step: None, folder)
            rows = next(f for f in model.features if f.type == "TransitFeed").attributes
            for name, count in re.findall(r"(\w+)=(\d+)", cells[3]):
                assert (rows[f"{name}_rows"] or 0) == int(count), (cells[0], name)
            assert sum(f.type == "TransitStop" for f in model.features) == rows["stops_rows"]
            checked += 1
    assert checked == 5
