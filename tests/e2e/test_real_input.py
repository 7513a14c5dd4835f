"""The main job on real input: a city, its water network, its feeds, and back out unchanged."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from tests.e2e.feeding import balanced, device, publish, stored
from tests.kit.broker import Broker
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.epanet_device import solve
from tests.kit.patience import until
from tests.kit.program import Recording, json_of
from tests.kit.testdata import city_data, prognostics_data

pytestmark = [pytest.mark.e2e, pytest.mark.data]


def test_a_network_bound_to_its_city_is_recorded_as_its_simulation_says(tmp_path: Path) -> None:
    network = city_data("water_epanet", "epanet", "Net3.inp")
    city = city_data("rotterdam", "3-20-DELFSHAVEN.city.json")
    project, ledger = tmp_path / "p", tmp_path / "ledger"
    json_of("new", project)
    imported = json_of("import", project, city, network, "--fit")
    assert imported["objects"]["Building"] == 853
    assert all(f["error"] is None and not f["unplaced"] for f in imported["files"])
    west, south, east, north = imported["files"][0]["extent_wgs84"]
    pipes = json_of("assets", project, "--type", "Pipe")["assets"]
    assert len(pipes) == 117
    assert all(west - 0.01 < p["lon"] < east + 0.01 for p in pipes)
    assert all(south - 0.01 < p["lat"] < north + 0.01 for p in pipes)
    steps = solve(network)
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            device(broker, ledger, network, "--messages", len(steps), "--rate", 0,
                   "--source", "net3", module="epanet_device")  # fmt: skip
            points = sum(len(step) for step in steps)
            until(lambda: stored(project) >= points)
            report = recording.end()
    assert balanced(report)
    assert report["stored"] == points
    for name in ("10.pressure", "335.flow", "3.pressure"):
        rows = json_of("query", project, name)["rows"]
        wanted = [value for step in steps for key, value in step if key == name]
        assert [row[1] for row in rows] == pytest.approx(wanted, abs=1e-6)
    out = tmp_path / "all.csv"
    json_of("export", project, "--observations", out)
    compared = check(read_ledger(ledger, "net3"), read_export(out))
    assert compared.ok, compared
    assert json_of("verify", project)["ok"]


MAPPING = """
name = "Water quality"
topic = "city/quality/+/state"
source = "buoy-{1}"
time = "dateObserved"
time_format = "iso"

[[values]]
datastream = "{id}/temperature"
value = "temperature"
unit = "°C"

[[values]]
datastream = "{id}/pH"
value = "pH"
"""


def test_foreign_json_comes_in_by_a_mapping_file(tmp_path: Path) -> None:
    example = city_data(
        "live_ngsi_ld", "WaterQuality", "WaterQualityObserved", "examples", "example.json"
    )
    entity = json.loads(example.read_text())
    project, mapping = tmp_path / "p", tmp_path / "quality.toml"
    mapping.write_text(MAPPING)
    json_of("new", project)
    topic = "city/quality/bay/state"
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url, "--map", mapping)
        with Recording(project) as recording:
            recording.ready()
            until(lambda: json_of("feed", "list", project)["feeds"][0]["state"] == "live")
            publish(broker, [(topic, json.dumps(entity)), (topic, '{"nothing": "of it"}')])
            until(lambda: stored(project) >= 3)
            report = recording.end()
    assert balanced(report)
    assert (report["stored"], report["quarantined"]) == (2, 1)
    found = json_of("query", project, f"buoy-bay/{entity['id']}/temperature")
    assert found["unit"] == "°C"
    assert [row[1] for row in found["rows"]] == [entity["temperature"]]


def test_a_recording_is_replayed_as_a_feed(tmp_path: Path) -> None:
    file = prognostics_data("skab", "anomaly-free", "anomaly-free.csv.gz")
    with gzip.open(file, "rt") as text:
        rows = list(csv.DictReader(text, delimiter=";"))
    project = tmp_path / "p"
    json_of("new", project)
    json_of("feed", "add", project, f"replay:{file}?speed=0&source=skab&times=recorded")
    with Recording(project) as recording:
        recording.ready()
        until(lambda: stored(project) >= 8 * len(rows), 40)
        report = recording.end()
    assert balanced(report)
    assert report["stored"] == 8 * len(rows)
    first, last = rows[0]["datetime"], rows[100]["datetime"]
    found = json_of("query", project, "skab/Pressure", "--from", first, "--to", last)
    assert [row[1] for row in found["rows"]] == pytest.approx(
        [float(row["Pressure"]) for row in rows[:100]]
    )
