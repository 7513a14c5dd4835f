"""Every verb of the real program: one JSON document, its keys and exit code, faults as a line."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lamplighter.domain.problems import MISCALLED
from tests.e2e.feeding import Played, balanced
from tests.fixtures import cities
from tests.kit.broker import Broker
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.program import Recording, json_of, verb

pytestmark = pytest.mark.e2e
CODE = re.compile(r"\[[A-Z]-\d{3}\]")


def refused(*arguments: object) -> str:
    """Run a verb that must fail: 2 for wrong usage, else 3; returns its one line."""
    done = verb(*arguments)
    assert done.returncode == (2 if any(f"[{code}]" in done.stderr for code in MISCALLED) else 3), (
        done.returncode,
        done.stdout,
        done.stderr,
    )
    assert "Traceback" not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert CODE.search(lines[0]), lines[0]
    return lines[0]


def has(document: dict[str, Any], *keys: str) -> None:
    missing = set(keys) - document.keys()
    assert not missing, missing


# ---------------------------------------------------------------- city
def test_new_makes_a_project_once(tmp_path: Path) -> None:
    made = json_of("new", tmp_path / "p")
    has(made, "project", "store_version")
    assert Path(made["project"]) == tmp_path / "p"
    assert "A-407" in refused("new", tmp_path / "p")


def test_import_reports_every_file_and_goes_on_after_a_bad_one(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    (tmp_path / "good.city.json").write_text(cities.cityjson_text())
    (tmp_path / "broken.city.json").write_text(cities.cityjson_text()[:300])
    (tmp_path / "thing.xyz123").write_bytes(b"\x00\x01\x02 nothing anybody knows")
    files = ("good.city.json", "broken.city.json", "thing.xyz123")
    found = json_of("import", project, *(tmp_path / name for name in files), codes=(1,))
    has(found, "files", "objects", "seconds", "peak_rss_mb")
    by_name = {Path(f["file"]).name: f for f in found["files"]}
    assert set(by_name) == {"good.city.json", "broken.city.json", "thing.xyz123"}
    for report in by_name.values():
        has(report, "file", "format", "version", "crs", "crs_evidence", "extent_wgs84", "objects",
            "triangles", "placed", "unplaced", "warnings", "error", "seconds")  # fmt: skip
    good = by_name["good.city.json"]
    assert good["error"] is None
    assert good["objects"]["Building"] == 1
    west, south, east, north = good["extent_wgs84"]
    assert 3 < west < east < 6
    assert 51 < south < north < 53
    for name in ("broken.city.json", "thing.xyz123"):
        assert CODE.search(by_name[name]["error"]), by_name[name]
        assert "\n" not in by_name[name]["error"]
    assert len(json_of("assets", project, "--type", "Building")["assets"]) == 1


def test_assets_lists_what_is_there_by_type_and_by_place(small_city: Path) -> None:
    everything = json_of("assets", small_city)["assets"]
    has(everything[0], "id", "type", "name", "domain", "lon", "lat", "height_m", "attributes",
        "source_file")  # fmt: skip
    pumps = json_of("assets", small_city, "--type", "Pump")["assets"]
    assert [p["type"] for p in pumps] == ["Pump"]
    place = next(a for a in everything if a["type"] == "Building")
    near = json_of("assets", small_city, "--near", f"{place['lon']},{place['lat']},1")["assets"]
    assert place["id"] in [a["id"] for a in near]
    assert json_of("assets", small_city, "--near", "0,0,10")["assets"] == []
    assert "U-801" in refused("assets", small_city, "--near", "here")


@pytest.mark.gl
def test_shot_draws_the_city(small_city: Path, tmp_path: Path) -> None:
    out = tmp_path / "shot.png"
    drawn = json_of("shot", small_city, "--out", out, "--size", "320x200")
    has(drawn, "out", "seconds", "triangles")
    assert drawn["triangles"] >= 12
    data = out.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20], "big") == 320
    assert "U-801" in refused("shot", small_city, "--out", out, "--size", "big")
    assert "U-801" in refused("shot", small_city, "--out", out, "--target", "nobody")


def test_a_scenario_compares_two_runs_of_the_network(small_city: Path) -> None:
    found = json_of("scenario", small_city, "close-pipe", "--set", "pipe=P1", "--set", "hours=2")
    has(found, "baseline", "outcome", "difference", "ranges")
    assert found["baseline"].keys() == found["outcome"].keys() == found["difference"].keys()
    assert found["difference"]
    assert "U-801" in refused("scenario", small_city, "no-such-thing")
    refused("scenario", small_city, "close-pipe", "--set", "pipe=NOBODY")


# ---------------------------------------------------------------- feeds and history
def test_a_feed_is_added_listed_and_tried(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    with Broker(tmp_path / "broker") as broker:
        for added in (
            json_of("feed", "add", project, broker.url),
            json_of("feed", "list", project),
        ):
            (feed,) = added["feeds"]
            has(feed, "id", "url", "state", "messages", "last_value_age_s")
            assert feed["url"] == broker.url
        tried = json_of("feed", "test", project, "--seconds", "1")
        assert tried["feeds"][0]["state"] == "live"
    down = json_of("feed", "test", project, "--seconds", "1", codes=(1,))
    assert down["feeds"][0]["state"] != "live"
    assert "U-801" in refused("feed", "add", project, "ftp://somewhere")


def test_a_feed_added_while_recording_is_live_at_once(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    with Broker(tmp_path / "broker") as broker, Recording(project) as recording:
        recording.ready()
        json_of("feed", "add", project, broker.url)
        for _ in range(50):
            (feed,) = json_of("feed", "list", project)["feeds"]
            if feed["state"] == "live":
                break
        assert feed["state"] == "live"
        recording.end()


def test_files_come_in_while_recording(tmp_path: Path) -> None:
    project, file = tmp_path / "p", tmp_path / "house.city.json"
    json_of("new", project)
    file.write_text(cities.cityjson_text())
    with Recording(project) as recording:
        recording.ready()
        found = json_of("import", project, file, tmp_path / "missing.json", codes=(1,))
        by_name = {Path(f["file"]).name: f for f in found["files"]}
        assert by_name["house.city.json"]["error"] is None
        assert CODE.search(by_name["missing.json"]["error"])
        recording.end()
    assert json_of("assets", project, "--type", "Building")["assets"]


def test_one_feed_that_cannot_be_opened_stops_no_other(tmp_path: Path) -> None:
    project, file = tmp_path / "p", tmp_path / "pump.csv"
    json_of("new", project)
    file.write_text("time,pressure\n2026-01-01 00:00:00,3.5\n2026-01-01 00:00:01,3.6\n")
    json_of("feed", "add", project, f"replay:{file}?speed=0")
    file.rename(tmp_path / "pump2.csv")
    json_of("feed", "add", project, f"replay:{tmp_path / 'pump2.csv'}?speed=0")
    assert "I-507" in refused("feed", "add", project, "replay:/nowhere.csv")
    report = json_of("record", project, "--seconds", "1.5")
    assert report["stored"] == 2


def test_record_ends_by_itself_and_accounts_for_every_point(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    report = json_of("record", project, "--seconds", "0.5")
    has(report, "received", "stored", "duplicate", "quarantined", "refused", "waiting", "gaps",
        "points_per_s", "age_p95_s", "seconds")  # fmt: skip
    assert balanced(report)


def test_what_was_recorded_is_what_the_device_wrote_down(recorded: Played, tmp_path: Path) -> None:
    assert balanced(recorded.report)
    assert recorded.report["stored"] == 60 * 20
    out = tmp_path / "all.csv"
    exported = json_of("export", recorded.project, "--observations", out)
    has(exported, "out", "objects")
    with out.open(newline="") as text:
        assert next(csv.reader(text)) == [
            "source", "epoch", "seq", "n", "datastream", "phenomenon_time_ms",
            "recorded_time_ms", "value", "quality",
        ]  # fmt: skip
    compared = check(read_ledger(recorded.ledger, "device-1"), read_export(out))
    assert compared.ok, compared
    assert compared.stored == 60 * 20


def test_the_history_comes_out_as_parquet_too(recorded: Played, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "all.parquet"
    done = json_of("export", recorded.project, "--format", "parquet", "--history", "--out", out)
    table = parquet.read_table(out)
    assert done["objects"] == table.num_rows == 60 * 20
    assert set(table["datastream"].to_pylist()) >= {"P-3"}
    assert all(isinstance(v, float) for v in table["value"].to_pylist())


@pytest.mark.parametrize("format", ["cityjson", "geopackage", "gltf", "csv", "parquet"])
def test_the_city_comes_out_in_open_formats(format: str, small_city: Path, tmp_path: Path) -> None:
    out = tmp_path / f"town.{format}"
    done = json_of("export", small_city, "--format", format, "--out", out)
    has(done, "out", "objects", "licence")
    assert out.stat().st_size > 100 and done["objects"] > 0
    assert out.with_name(out.name + ".licence.txt").read_text().strip() == done["licence"]
    assert not list((small_city / "cache" / "exports").iterdir()), "the desk is cleared"
    assert "cannot be written" in refused(
        "export", small_city, "--format", format, "--out", tmp_path / "no" / "x"
    )


def test_a_project_may_be_named_relative_to_where_one_stands(
    small_city: Path, tmp_path: Path
) -> None:
    named = os.path.relpath(small_city)
    assert json_of("export", named, "--format", "csv", "--out", tmp_path / "a.csv")["objects"] > 0
    assert "findings" in json_of("check", named, codes=(0, 1))


def test_query_gives_the_history_of_one_datastream(recorded: Played) -> None:
    found = json_of("query", recorded.project, "P-3")
    has(found, "datastream", "unit", "rows", "reduced", "gaps")
    assert len(found["rows"]) == 60
    assert not found["reduced"]
    assert {row[2] for row in found["rows"]} == {"good"}
    few = json_of("query", recorded.project, "device-1/P-3", "--points", "10")
    assert few["reduced"]
    assert 1 <= len(few["rows"]) <= 40
    before = json_of("query", recorded.project, "P-3", "--as-known-at", "2020-01-01T00:00:00Z")
    assert before["rows"] == []
    assert json_of("query", recorded.project, "P-3", "--to", "2020-01-01")["rows"] == []
    assert "U-802" in refused("query", recorded.project, "nobody")
    assert "U-801" in refused("query", recorded.project, "P-3", "--from", "yesterdayish")


def test_verify_says_whether_history_and_audit_are_whole(recorded: Played) -> None:
    for arguments in (("verify",), ("audit", "verify")):
        found = json_of(*arguments, recorded.project)
        has(found, "ok", "rows", "first_bad")
        assert found["ok"]


def test_alarms_and_prognosis_are_lists_also_when_empty(recorded: Played) -> None:
    found = json_of("alarms", recorded.project)
    has(found, "alarms", "incidents")
    past = json_of("alarms", recorded.project, "--at", "2026-01-01T00:00:00Z")
    assert past["alarms"] == past["incidents"] == []
    assert json_of("prognosis", recorded.project)["prognosis"] == []
    assert "U-801" in refused("alarms", recorded.project, "--at", "soon")


# ---------------------------------------------------------------- plugins, machine, simulator
def test_plugins_are_listed_and_checked(tmp_path: Path) -> None:
    for word in ("list", "check"):
        rows = json_of("plugins", word)["plugins"]
        for row in rows:
            has(row, "id", "version", "state", "signed", "quality_tier")
        assert {"water", "power", "mobility", "environment", "structures"} <= {
            r["id"] for r in rows
        }
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "plugin.toml").write_text("id = 'bad'\n")
    rows = json_of("plugins", "check", bad, codes=(1,))["plugins"]
    assert [r["state"] for r in rows] == ["refused"]


def test_doctor_and_settings_explain_themselves(tmp_path: Path) -> None:
    checks = json_of("doctor", codes=(0, 1))["checks"]
    for row in checks:
        has(row, "name", "ok", "message")
    bundle = tmp_path / "bundle.zip"
    json_of("doctor", "--bundle", bundle, codes=(0, 1))
    assert bundle.read_bytes().startswith(b"PK")
    has(json_of("config", "explain", "window.theme"), "value", "source", "locked")
    refused("config", "explain", "no.such.key")


def test_a_bench_names_its_peer_and_the_ratio() -> None:
    for row in json_of("bench", "wire")["results"]:
        has(row, "name", "figure", "unit", "against", "ratio")
        assert isinstance(row["against"], str)
    assert "U-801" in refused("bench", "nothing")


def test_the_field_simulator_plays_and_reports(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with Broker(tmp_path / "broker") as broker:
        done = json_of("field", "demo", "--seconds", "2", "--broker", broker.url,
                       "--ledger", ledger)  # fmt: skip
    has(done, "messages", "points", "resent", "commands", "ledger")
    assert done["points"] >= 5_000
    written = sum(
        len(json.loads(line)["points"])
        for line in (ledger / "observations.jsonl").read_text().splitlines()
    )
    assert written == done["points"]


# ---------------------------------------------------------------- use
def test_usage_errors_leave_with_code_2() -> None:
    for arguments in (("nosuchverb",), ("query",), ("record", "p", "--seconds", "soon")):
        assert "U-801" in refused(*arguments)


VERBS_ON_A_PROJECT = [
    ("import", "X", "y.json"), ("assets", "X"), ("shot", "X", "--out", "y.png"),
    ("feed", "list", "X"), ("feed", "add", "X", "mqtt://127.0.0.1:1"), ("record", "X"),
    ("query", "X", "d"), ("export", "X", "--observations", "y.csv"), ("alarms", "X"),
    ("prognosis", "X"), ("scenario", "X", "close-pipe", "--set", "pipe=1"), ("verify", "X"),
    ("audit", "verify", "X"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", VERBS_ON_A_PROJECT, ids=lambda a: " ".join(a[:2]))
def test_a_folder_that_is_no_project_is_one_line(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "nothing"
    line = refused(*(str(folder) if a == "X" else a for a in arguments))
    assert "A-404" in line
    assert not folder.exists()


def test_a_second_recorder_is_told_who_records(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    with Recording(project) as first:
        first.ready()
        assert "A-403" in refused("record", project, "--seconds", "1")
        first.end()


def test_a_reader_that_goes_away_is_no_fault(recorded: Played) -> None:
    from tests.kit.program import COMMAND, environment

    line = f"{' '.join(COMMAND)} query {recorded.project} --list | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment(),
                          timeout=60, check=False)  # fmt: skip
    assert done.stderr == ""
    assert done.stdout
