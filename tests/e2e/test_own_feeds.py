"""Every protocol through the real program; bound by id; killed and whole."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from lamplighter.domain.city import Datastream
from lamplighter.runtime.feeds import add_feed
from lamplighter.runtime.project import create, opened
from tests.faults.part_watched import Writer, values_of
from tests.kit.modbus_device import ModbusDevice
from tests.kit.opcua_server import OpcUaServer
from tests.kit.program import Recording, json_of
from tests.kit.web import WebServer

pytestmark = pytest.mark.e2e
PAGE = '[[values]]\nvalue = "no2"\nunit = "µg/m³"\n'
REGISTERS = "[[registers]]\nname = 'power'\naddress = 36\nscale = 0.1\nunit = 'kW'\n"
LINES = 'format = "csv"\n[[values]]\nvalue = "level"\nunit = "m"\n'
THING = {
    "name": "Weir", "@iot.id": 7,
    "Locations": [{"encodingType": "application/geo+json",
                   "location": {"type": "Point", "coordinates": [9.99, 53.55]}}],
}  # fmt: skip


WANTED = {
    "air/no2": (21.5, "µg/m³"),
    "plc/power": (12.3, "kW"),
    "scada/Plant/Pump1/Speed": (1450.0, "rpm"),
    "sta/Weir/level": (2.5, "m"),
    "logger/level": (1.5, "m"),
}


def _streams(project: Path) -> dict[str, Datastream]:
    with opened(project) as store:
        return {s.key: s for s in store.datastreams()}


def _home_of(project: Path, key: str) -> str:
    stream = _streams(project).get(key)
    return stream.asset if stream is not None else ""


def test_feeds_of_every_kind_are_recorded_by_one_recorder(tmp_path: Path) -> None:
    project, data = tmp_path / "p", tmp_path / "data"
    data.mkdir()
    (data / "log.csv").write_text("level\n1.5\n")
    for name, text in (("page", PAGE), ("registers", REGISTERS), ("lines", LINES)):
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "things.json").write_text(json.dumps({"value": [THING]}))
    create(project)
    json_of("import", project, tmp_path / "things.json")
    observed = {"phenomenonTime": "2026-11-22T10:00:00Z", "result": 2.5}
    stream = {"@iot.id": 1, "name": "level", "unitOfMeasurement": {"symbol": "m"},
              "Thing": {"@iot.id": 7, "name": "Weir"}, "Observations": [observed]}  # fmt: skip
    web, plc, opc = WebServer(), ModbusDevice(holding={36: [123]}), OpcUaServer()
    with web, plc, opc:
        opc.add("Speed", 1450.0, unit="rpm")
        web.put("/air", b'{"no2": 21.5}')
        web.put("/v1.1/Datastreams", json.dumps({"value": [stream]}).encode())
        for url, mapping in (
            (f"{web.url}/air#interval=0.5&source=air", "page"),
            (f"{plc.url}#interval=0.5&source=plc", "registers"),
            (f"{opc.url}#security=none&source=scada", ""),
            (f"sensorthings+{web.url}/v1.1#interval=0.5&source=sta", ""),
            (f"folder:{data}?pattern=*.csv&source=logger", "lines"),
        ):
            add_feed(project, url, tmp_path / f"{mapping}.toml" if mapping else None)
        with Recording(project) as recording:
            recording.ready()
            end = time.monotonic() + 90
            while not _home_of(project, "sta/Weir/level") and time.monotonic() < end:
                time.sleep(0.3)
            while not WANTED.keys() <= _streams(project).keys() and time.monotonic() < end:
                time.sleep(0.3)
            report = recording.end()
    assert report["received"] == report["stored"] + report["duplicate"] > 0
    assert report["waiting"] == 0 and report["gaps"] == 0
    with opened(project) as store:
        streams = {s.key: s for s in store.datastreams()}
        assert {k: streams[k].unit for k in WANTED} == {k: unit for k, (_, unit) in WANTED.items()}
        for key, (value, _) in WANTED.items():
            newest = float(store.newest().value[streams[key].id])
            assert newest == pytest.approx(value), key
        assert streams["sta/Weir/level"].asset == store.assets()[0].id


@pytest.mark.faults
def test_a_killed_recorder_takes_every_line_of_a_watched_file_once(tmp_path: Path) -> None:
    project, data = tmp_path / "p", tmp_path / "data"
    data.mkdir()
    (tmp_path / "m.toml").write_text('format = "csv"\n[[values]]\nvalue = "n"\n')
    create(project)
    url = f"folder:{data}?interval=0.05&source=log&pattern=*.csv"
    add_feed(project, url, tmp_path / "m.toml")
    with Writer(data / "a.csv", 200.0) as writer, Recording(project) as recording:
        recording.ready()
        time.sleep(1.0)
        recording.kill()
    with Recording(project) as recording:
        recording.ready()
        end = time.monotonic() + 60
        while len(values_of(project)) < writer.count and time.monotonic() < end:
            time.sleep(0.3)
        recording.end()
    assert sorted(values_of(project)) == list(range(writer.count))
