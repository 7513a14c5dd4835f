"""Modbus against a real server: maps, SunSpec discovery, meter templates, refusals, reconnects."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.kit.broker import free_port
from tests.kit.modbus_device import ModbusDevice
from tests.kit.own_feed import Opened
from tests.kit.testdata import city_data

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed
from lamplighter.sources.meter_template import read_template
from lamplighter.sources.sunspec import Model, lay_out, read_models, values_of

MAP = """
name = "pump plc"
interval_s = 0.05
[[registers]]
datastream = "P-17/power"
address = 36
type = "int32"
scale = 0.1
unit = "kW"
[[registers]]
datastream = "P-17/flow"
address = 40
table = "input"
type = "float32"
words = "little"
unit = "m³/h"
[[registers]]
datastream = "P-17/run"
address = 3
table = "coil"
states = { 0 = "off", 1 = "on" }
"""


def _float_words(value: float) -> list[int]:
    raw = struct.pack(">f", value)
    return [raw[2] << 8 | raw[3], raw[0] << 8 | raw[1]]


def test_a_register_map_is_read_from_every_table() -> None:
    device = ModbusDevice(
        holding={36: [0xFFFF, 0xFFF0]}, input={40: _float_words(12.5)}, coils={0: [0, 0, 0, 1] * 2}
    )
    with device, Opened(device.url, MAP) as feed:
        feed.until(lambda f: len(f.points) >= 6)
        assert feed.newest == {"P-17/power": -1.6, "P-17/flow": 12.5, "P-17/run": "on"}
        assert feed.units == {"P-17/power": "kW", "P-17/flow": "m³/h"}
        assert str(feed.got[0].topic).endswith("/pump-plc")
        original = feed.feed.original("pump-plc", "P-17/flow")  # type: ignore[attr-defined]
        assert json.loads(original.payload)["holding from 36 of 1"] == [0xFFFF, 0xFFF0]
        device.values[37] = 0xFFFF
        feed.until(lambda f: f.newest["P-17/power"] == -0.1)
    assert {code for code, _, _ in device.asked} == {1, 3, 4}


def test_a_hole_the_device_refuses_is_read_around_and_a_missing_register_is_named() -> None:
    text = "interval_s = 0.05\n" + "".join(
        f"[[registers]]\nname = 'r{at}'\naddress = {at}\n" for at in (10, 14, 30)
    )
    with ModbusDevice(holding={10: [1], 14: [2]}) as device, Opened(device.url, text) as feed:
        feed.until(lambda f: len(f.points) >= 4)
        assert feed.newest == {"r10": 1.0, "r14": 2.0}
        feed.until(lambda f: "r30" in str(f.feed.problem))
        assert "no such address" in str(feed.feed.problem) and feed.feed.state == "live"


def test_a_device_that_goes_away_is_told_and_found_again() -> None:
    port = free_port()
    device = ModbusDevice(holding={36: [0, 7]}, input={40: [0, 0]}, port=port)
    with Opened(device.url, MAP) as feed:
        feed.until(lambda f: "N-304" in str(f.feed.problem))
        assert f"127.0.0.1:{port}" in str(feed.feed.problem) and feed.points == []
        with device:
            feed.until(lambda f: f.points and f.feed.state == "live")
        feed.until(lambda f: f.feed.state != "live")
        count = len(feed.points)
        with device:
            feed.until(lambda f: len(f.points) > count)
    assert feed.feed.counters.connects >= 2


# ------------------------------------------------------------------ SunSpec
def _point(name: str, kind: str, size: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "size": size, **more}


HEAD = [_point("ID", "uint16", static="S"), _point("L", "uint16", static="S")]
METER = {
    "id": 203,
    "group": {
        "name": "meter",
        "points": [
            *HEAD,
            _point("A", "int16", sf="A_SF", units="A"),
            _point("A_SF", "sunssf"),
            _point("W", "int16", sf="W_SF", units="W"),
            _point("W_SF", "sunssf"),
            _point("Wh", "acc32", 2, units="Wh"),
            _point("Evt", "enum16", symbols=[{"name": "OK", "value": 1}]),
            _point("Pad", "pad"),
        ],
    },
}
COMMON = {
    "id": 1,
    "group": {"name": "common", "points": [*HEAD, _point("Mn", "string", 4, static="S")]},
}
STRINGS = {
    "id": 803,
    "group": {
        "name": "rack",
        "points": [*HEAD, _point("NStr", "uint16"), _point("V_SF", "sunssf")],
        "groups": [
            {
                "name": "string",
                "count": "NStr",
                "points": [_point("V", "uint16", sf="V_SF", units="V"), _point("T", "int16")],
            }
        ],
    },
}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for model in (METER, COMMON, STRINGS):
        (tmp_path / f"model_{model['id']}.json").write_text(json.dumps(model))
    return tmp_path


def _device_words() -> list[int]:
    common = [1, 4, 0x4143, 0x4D45, 0, 0]
    meter = [203, 8, 105, 0xFFFF, 0x8000, 1, 0, 1234, 1, 0]
    unknown = [64_999, 2, 5, 5]
    rack = [803, 6, 2, 0xFFFE, 4810, 20, 4790, 0x8000]
    return [0x5375, 0x6E53, *common, *meter, *unknown, *rack, 0xFFFF, 0]


@pytest.mark.parametrize("base", [40_000, 50_000, 0])
def test_a_sunspec_device_is_read_by_what_it_says_it_has(models: Path, base: int) -> None:
    with ModbusDevice(holding={base: _device_words()}) as device:
        url = f"{device.url}#sunspec={models}&interval=0.05&source=meter"
        with Opened(url) as feed:
            feed.until(lambda f: len(f.points) > 6)
            assert feed.newest == {
                "common/Mn": "ACME",
                "meter/A": 10.5,
                "meter/Wh": 1234.0,
                "meter/Evt": "OK",
                "rack/string.1/V": 48.1,
                "rack/string.1/T": 20.0,
                "rack/string.2/V": 47.9,
                "rack/NStr": 2.0,
            }
            assert feed.units["rack/string.2/V"] == "V"
            assert feed.values("common/Mn") == ["ACME"]


def test_what_is_no_sunspec_device_is_told(models: Path) -> None:
    device = ModbusDevice(holding={0: [1, 2, 3]})
    with device, Opened(f"{device.url}#sunspec={models}") as feed:
        feed.until(lambda f: "no SunSpec device" in str(f.feed.problem))


def test_a_model_that_lies_about_its_length_stops_nothing() -> None:
    words = [803, 6, 65_535, 0xFFFE, 4810]
    for model in (METER, COMMON, STRINGS):
        group: Any = model["group"]
        for end in range(len(words)):
            laid = lay_out(Model(1, "m", group), words[:end], "m")
            values_of(laid.values, words[:end])


@pytest.mark.data
def test_every_model_of_the_alliance_is_laid_out_without_a_hole() -> None:
    models = read_models(city_data("live_modbus", "json"))
    assert len(models) >= 30
    for model in models.values():
        words = [model.id, 400, *([1] * 400)]
        laid = lay_out(model, words, model.name)
        if model.id not in (801,):
            assert laid.values or laid.fixed, model.id
        names = [r.name for r in laid.values]
        assert len(names) == len(set(names)), model.id
    inverter = lay_out(models[103], [103, 50, *([0] * 50)], "inv")
    by_name = {r.name: r for r in inverter.values}
    watts, factor = by_name["inv/W"], by_name["inv/W"].scale_from
    assert (watts.address, factor, watts.unit) == (14, 15, "W")


@pytest.mark.data
def test_meter_templates_are_register_maps() -> None:
    text = city_data("live_modbus", "evcc", "meter", "acrel-adw300.yaml").read_text()
    grid, pv = (read_template(text, {"usage": usage}) for usage in ("grid", "pv"))
    found = {r.name: (r.address, r.type, r.scale, r.unit) for r in grid.registers}
    assert found["power"] == (36, "int32", 1.0, "W")
    assert found["voltages/3"] == (22, "uint16", 0.1, "V")
    assert found["energy"][0] == 62
    assert {r.name: r.address for r in pv.registers}["energy"] == 64
    assert {r.name: r.scale for r in pv.registers}["power"] == -1.0


@pytest.mark.data
def test_a_meter_is_read_by_its_template() -> None:
    file = city_data("live_modbus", "evcc", "meter", "acrel-adw300.yaml")
    words = [2301, 2299, 2305, 0, 0, 0, 512, 0, 0, 0, 0, 100, 0, 200, 0, 300, 0xFFFF, 0xFF00]
    device = ModbusDevice(holding={20: words, 62: [0, 4711]})
    with device, Opened(device.url + "#interval=0.1", file.read_text()) as feed:
        feed.until(lambda f: len(f.newest) == 11)
        assert feed.newest["voltages/1"] == 230.1 and feed.newest["power"] == -256.0
        assert feed.newest["energy"] == 47.11 and feed.units["powers/2"] == "W"


@pytest.mark.parametrize(
    ("url", "mapping"),
    [
        ("modbus://127.0.0.1", ""),
        ("modbus:///1", MAP),
        ("modbus://h/abc", MAP),
        ("modbus://h/256", MAP),
        ("modbus://h:99999", MAP),
        ("modbus://h#sunspec=/nowhere", ""),
        ("modbus://h", "template: x\nrender: |\n  type: http\n"),
    ],
)
def test_what_can_be_no_device_is_refused_before_it_is_stored(url: str, mapping: str) -> None:
    with pytest.raises(LamplighterError):
        check_feed(FeedConfig("feed-1", url, mapping))
