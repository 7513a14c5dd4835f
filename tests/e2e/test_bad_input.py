"""Bad input over the whole program: one line each, counted, set aside, and nothing else lost."""

from __future__ import annotations

import json
import pickle
import re
import resource
import time
import zipfile
from pathlib import Path

import pytest

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from tests.e2e.feeding import OBS, balanced, native, publish, stored
from tests.fixtures import cities
from tests.kit.broker import Broker
from tests.kit.patience import until
from tests.kit.program import Recording, json_of, verb

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
NOW = time.time_ns() // 1_000_000
LINE = re.compile(r"^[^\n]{20,400} \[[A-Z]-\d{3}\]$")


def doubtful(value: str, seq: int = 0) -> str:
    """A message with one doubtful value between two good ones."""
    good = f'["ok", {NOW}, 1.5]'
    return f'{{"epoch": 9, "seq": {seq}, "points": [{good}, ["P-17", {NOW}, {value}], {good}]}}'


VALUES = {
    "D-101": "NaN",
    "D-102": "1e400",
    "D-106": str(2**63),
    "D-107": "true",
}
MESSAGES = {
    "D-103": '{"epoch": 9, "seq": 0, "points": ' + "[" * 100_000,
    "D-104": b'{"epoch": 9, "seq": 0, "points": [["\xff\xfe", 1, 1]]}',
    "D-108": '{"epoch": 9, "seq": 0, "seq": 1, "points": []}',
    "D-109": "3.21",
    "D-113": '{"epoch": 9, "points": []}',
}


def test_bad_messages_are_told_counted_and_set_aside(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    told: dict[str, str] = {}
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            session = Session(WireCarrier(project))
            session.subscribe(
                lambda event: (
                    told.update({event.problem.code: str(event.problem)})
                    if isinstance(event, wire.ProblemRaised)
                    else None
                )
            )
            until(lambda: session.ask_now(wire.GetFeeds()).items[0].state == "live")  # type: ignore[union-attr]
            good = [native("good", seq, [["G-1", NOW + seq, seq]]) for seq in range(40)]
            bad = [(f"{OBS}dev-{code}", doubtful(value)) for code, value in VALUES.items()]
            bad += [(f"{OBS}dev-{code}", body) for code, body in MESSAGES.items()]
            bad += [
                (f"{OBS}long", doubtful("9" * 5_000)),
                (f"{OBS}surrogate", doubtful(r'"\ud800"')),
                (f"{OBS}old", json.dumps({"epoch": 9, "seq": 0, "points": [["P", 1_000, 1.0]]})),
                (f"{OBS}large", b" " * 1_100_000),
                native("again", 0, [["P", NOW, 1.0]]),
                native("again", 0, [["P", NOW, 2.0]]),
                native("holes", 0, [["P", NOW, 1.0]]),
                native("holes", 9, [["P", NOW, 1.0]]),
            ]
            mixed = [m for pair in zip(good, [*bad, *bad][:40], strict=False) for m in pair]
            publish(broker, [*mixed, *good[len(bad) * 2 :]])
            wanted = {*VALUES, *MESSAGES, "D-105", "D-110", "D-111", "S-201"}
            try:
                until(lambda: wanted <= told.keys(), 20)
            except AssertionError:
                raise AssertionError(f"not told: {sorted(wanted - told.keys())}") from None
            finally:
                session.close()
            report = recording.end()
    for text in told.values():
        assert LINE.match(text), text
    assert balanced(report)
    assert report["quarantined"] >= len(VALUES) + len(MESSAGES)
    assert report["gaps"] >= 1
    assert [row[1] for row in json_of("query", project, "good/G-1")["rows"]] == list(range(40))
    assert json_of("verify", project)["ok"]


def test_a_mapping_that_matches_nothing_says_so(tmp_path: Path) -> None:
    project, mapping = tmp_path / "p", tmp_path / "m.toml"
    json_of("new", project)
    mapping.write_text('topic = "a/#"\n[[values]]\nvalue = "temp"\nunit = "°C"\n')
    told: list[str] = []
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url, "--map", mapping)
        with Recording(project) as recording:
            recording.ready()
            session = Session(WireCarrier(project))
            session.subscribe(
                lambda e: told.append(e.problem.code) if isinstance(e, wire.ProblemRaised) else None
            )
            until(lambda: session.ask_now(wire.GetFeeds()).items[0].state == "live")  # type: ignore[union-attr]
            publish(broker, [("a/b", json.dumps({"other": n})) for n in range(30)])
            until(lambda: "D-114" in told)
            publish(broker, [("a/b", json.dumps({"temp": 21.5}))])
            until(lambda: stored(project) >= 31)
            session.close()
            report = recording.end()
    assert (report["quarantined"], report["stored"]) == (30, 1)
    assert balanced(report)
    mapping.write_text("topic = ")
    done = verb("feed", "add", project, "mqtt://127.0.0.1:1", "--map", mapping)
    assert done.returncode == 2
    assert LINE.match(done.stderr.strip()), done.stderr
    (stream,) = json_of("query", project, "--list")["datastreams"]
    assert stream["unit"] == "°C"


def test_bad_files_lose_nothing_but_themselves(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "good.city.json").write_text(cities.cityjson_text())
    out_of_range = json.loads(cities.cityjson_text())
    out_of_range["vertices"] = out_of_range["vertices"][:3]
    (files / "index.city.json").write_text(json.dumps(out_of_range))
    gml = cities.citygml()
    text = gml if isinstance(gml, str) else gml.decode()
    (files / "cut.gml").write_text(text[: len(text) * 2 // 3])
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]>\n'
    (files / "entities.gml").write_text(bomb + text.split("?>", 1)[-1])
    with zipfile.ZipFile(files / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bombs:
        bombs.writestr("zeros.city.json", b"0" * 300_000_000)
    with zipfile.ZipFile(files / "slip.zip", "w") as slip:
        slip.writestr("../../outside.city.json", cities.cityjson_text())
    (files / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    (files / "nothing.city.json").write_bytes(b"")
    (files / "bridge.glb").write_bytes(b"glTF\x02\x00\x00\x00\xff\xff\xff\x7f")
    project = tmp_path / "p"
    json_of("new", project)
    found = json_of("import", project, files, *sorted(files.iterdir()), codes=(1,))
    told = {Path(f["file"]).name: f["error"] for f in found["files"]}
    assert told.pop("good.city.json") is None
    expected = {"cut.gml": "I-505", "entities.gml": "I-501", "model.pkl": "I-504"}
    for name, code in expected.items():
        assert code in told[name], told[name]
    assert {"index.city.json", "bomb.zip", "slip.zip", "nothing.city.json", "bridge.glb"} <= {
        *told, *(n for n in told if told[n])
    }  # fmt: skip
    for name, error in told.items():
        assert error is None or LINE.match(error), (name, error)
    assert not (tmp_path / "outside.city.json").exists()
    assert not (tmp_path.parent / "outside.city.json").exists()
    assert json_of("assets", project, "--type", "Building")["assets"]


def test_a_full_disk_stops_nothing_for_good(tmp_path: Path) -> None:
    """The recorder's files may not grow; then they may again: everything sent is stored."""
    project = tmp_path / "p"
    json_of("new", project)
    told: list[str] = []
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            session = Session(WireCarrier(project))
            session.subscribe(
                lambda e: told.append(e.problem.code) if isinstance(e, wire.ProblemRaised) else None
            )
            until(lambda: session.ask_now(wire.GetFeeds()).items[0].state == "live")  # type: ignore[union-attr]
            unlimited = resource.RLIM_INFINITY
            pid = recording.process.pid
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, unlimited))
            messages = [
                native("dev", seq, [[f"P-{n}", NOW + seq, seq + n] for n in range(100)])
                for seq in range(50)
            ]
            publish(broker, messages)
            until(lambda: "A-401" in told)
            assert recording.process.poll() is None
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
            until(lambda: stored(project) >= 5_000, 15)
            session.close()
            report = recording.end()
    assert balanced(report)
    assert report["stored"] == 5_000
    assert json_of("verify", project)["ok"]


def test_a_damaged_history_is_refused_in_one_line(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    (project / "history.db").write_bytes(b"not a database at all" * 300)
    done = verb("verify", project)
    assert done.returncode == 3
    assert LINE.match(done.stderr.strip()), done.stderr
    assert "A-402" in done.stderr
