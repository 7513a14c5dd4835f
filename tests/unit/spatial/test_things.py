"""Things of city platforms with a position, and files that are named as no part of a city."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.scout import expand

NICE = Frame(epsg=32632, east=354_000.0, north=4_836_000.0)
POINT = {"type": "Point", "coordinates": [7.196545, 43.66481]}


def imported(
    folder: Path, content: Any, name: str = "a.json", frame: Frame | None = None
) -> ImportedFile:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, "utf-8")
    return read_file(folder / name, project_frame=frame, tiles_folder=folder / "t")


NORMALISED = {
    "id": "urn:ngsi-ld:WaterObserved:7",
    "type": "WaterObserved",
    "name": {"type": "Property", "value": "Var bridge"},
    "location": {"type": "GeoProperty", "value": POINT},
    "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Device:9"},
    "flow": {"type": "Property", "value": 12, "observedAt": "2024-01-01T00:00:00Z"},
    "address": {"type": "Property", "value": {"streetAddress": "Quai 1", "postalCode": "06"}},
    "@context": ["https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"],
}


def test_an_entity_becomes_an_asset_without_its_measured_values(tmp_path: Path) -> None:
    found = imported(tmp_path, NORMALISED, "a.jsonld")
    (asset,) = found.assets
    assert (asset.id, asset.type, asset.name) == (
        "urn:ngsi-ld:WaterObserved:7", "WaterObserved", "Var bridge",
    )  # fmt: skip
    assert asset.domain == "environment"
    assert (asset.lon, asset.lat) == pytest.approx((7.196545, 43.66481), abs=1e-7)
    assert asset.attributes["refDevice"] == "urn:ngsi-ld:Device:9"
    assert asset.attributes["address.streetAddress"] == "Quai 1"
    assert "flow" not in asset.attributes
    assert any("1 measured values" in text for text in found.report.warnings)


def test_key_values_and_lists_and_courses_are_read_too(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[7.1, 43.6], [7.2, 43.6]]}
    document = [
        {"id": "Tank:1", "type": "Tank", "location": POINT},
        {"id": "Pipe:1", "type": "Pipe", "location": line},
    ]
    found = imported(tmp_path, document)
    assert found.report.objects == {"Pipe": 1, "Tank": 1} and found.report.placed == 2
    assert {a.domain for a in found.assets} == {"water"}


def test_latitude_first_is_seen_where_the_project_lies(tmp_path: Path) -> None:
    swapped = {"type": "Point", "coordinates": POINT["coordinates"][::-1]}
    entity = {"id": "x:1", "type": "Tank", "location": swapped}
    found = imported(tmp_path, entity, frame=NICE)
    assert "northing first" in found.report.crs_evidence
    assert found.assets[0].lat == pytest.approx(43.66481, abs=1e-6)


def test_a_thing_of_a_sensor_server_lies_at_its_location(tmp_path: Path) -> None:
    thing = {
        "@iot.id": 4,
        "name": "Box",
        "description": "on a pole",
        "properties": {"owner": "city"},
        "Locations": [{"name": "p", "encodingType": "application/geo+json", "location": POINT}],
        "Datastreams": [{"name": "PM10", "Observations": [{"result": 1}, {"result": 2}]}],
    }
    found = imported(tmp_path, {"value": [thing]}, "box.json")
    (asset,) = found.assets
    assert (asset.id, asset.type, asset.name) == ("box-thing-4", "Thing", "Box")
    assert asset.attributes["owner"] == "city" and asset.attributes["datastreams"] == "PM10"
    assert asset.lon == pytest.approx(7.196545, abs=1e-7)
    assert any("2 measured values" in text for text in found.report.warnings)


REQUEST = {"service_request_id": "14-1", "service_name": "Light out", "status": "open",
           "lat": 41.85, "long": -87.66}  # fmt: skip


def test_requests_of_citizens_are_placed_and_those_without_place_listed(tmp_path: Path) -> None:
    found = imported(tmp_path, [REQUEST, {"service_request_id": "14-2", "address": "somewhere"}])
    assert found.report.format == "Open311 requests" and found.report.placed == 1
    placed = next(a for a in found.assets if a.lon is not None)
    assert (placed.id, placed.name, placed.lon) == ("request-14-1", "Light out", -87.66)
    assert placed.attributes["status"] == "open"
    assert [u.id for u in found.report.unplaced] == ["request-14-2"]


def test_requests_written_as_xml_are_the_same(tmp_path: Path) -> None:
    text = "<service_requests><request>" + "".join(f"<{k}>{v}</{k}>" for k, v in REQUEST.items())
    found = imported(tmp_path, text + "</request></service_requests>", "a.xml")
    assert [(a.id, a.lat) for a in found.assets] == [("request-14-1", 41.85)]
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><service_requests/>'
    assert "[I-501]" in (imported(tmp_path, bomb, "b.xml").report.error or "")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.yaml", "render: |\n  modbus:\n    register: 1", "a map of Modbus registers"),
        ("a.json", {"group": {"name": "x"}, "id": 202}, "SunSpec"),
        ("a.json", [{"bn": "urn:dev:1", "n": "t", "v": 23.1}], "SenML"),
        ("a.json", {"timestamp": 1, "metrics": []}, "Sparkplug"),
        ("a.json", {"$schema": "x", "properties": {}}, "a schema"),
        ("a.json", {"@context": {"a": "b"}}, "a vocabulary"),
        ("a.json", {"id": "x:1", "type": "AirQualityForecast"}, "entity without a position"),
        ("a.xml", "<UANodeSet xmlns='http://opcfoundation.org/x'/>", "OPC UA"),
        ("a.proto", 'syntax = "proto2";', "Protocol Buffers"),
        ("a.xlsx", "PK", "save its sheet as CSV"),
        ("a.cbor", "x", "CBOR"),
    ],
)
def test_what_is_no_city_file_is_named(tmp_path: Path, name: str, content: Any, words: str) -> None:
    error = imported(tmp_path, content, name).report.error
    assert error is not None and words in error and "[I-511]" in error


def test_city_files_are_not_mistaken(tmp_path: Path) -> None:
    feature = {"id": "x", "type": "Feature", "geometry": POINT, "properties": {"name": "a"}}
    assert imported(tmp_path, feature).report.format == "GeoJSON"
    assert imported(tmp_path, POINT).report.format == "GeoJSON"
    xml = imported(tmp_path, "<other/>", "a.xml").report.error
    assert xml is not None and "root element is 'other'" in xml


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "placed", "no_city"),
    [("live_ngsi_ld", 50, 15), ("live_open311", 4, 8), ("live_sensorthings", 1, 8)],
)
def test_real_platform_files_are_things_or_named(
    tmp_path: Path, folder: str, placed: int, no_city: int
) -> None:
    reports = [
        read_file(path, project_frame=None, tiles_folder=tmp_path).report
        for path in expand([city_data(folder)])
    ]
    assert sum(bool(r.placed) for r in reports) >= placed
    assert sum("[I-511]" in (r.error or "") for r in reports) >= no_city


@pytest.mark.data
@pytest.mark.parametrize("folder", ["live_modbus", "live_opcua"])
def test_descriptions_of_devices_are_named_as_that(tmp_path: Path, folder: str) -> None:
    for path in expand([city_data(folder)])[:60]:
        error = read_file(path, project_frame=None, tiles_folder=tmp_path).report.error
        assert error is not None and "[I-511]" in error, path
