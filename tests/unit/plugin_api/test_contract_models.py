"""What the contract takes and what it refuses, and that a refusal says where."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from lamplighter.domain.city import Limits
from lamplighter.domain.problems import LamplighterError
from lamplighter.plugin_api import (
    CHECKLIST,
    Kind,
    Manifest,
    QualityList,
    in_range,
    load_folder,
    promise_faults,
)
from lamplighter.plugin_api.catalogue import LimitValues
from lamplighter.plugin_api.folder import DATA_FILES

WATER = Path(__file__).parents[3] / "plugins" / "water"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a real plugin to spoil."""
    target = tmp_path / "water"
    shutil.copytree(WATER, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def _replace(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def _refusal(folder: Path) -> str:
    with pytest.raises(LamplighterError) as caught:
        load_folder(folder)
    assert caught.value.problem.code == "P-605"
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("range_", "fits"),
    [(">=0.1,<0.2", True), ("==0.1", True), (">=0.2", False), ("<0.1", False), (">=0.1", True),
     (">0.1", False), ("<=0.1", True), (">=0.10", False)],
)  # fmt: skip
def test_the_contract_version_is_compared_by_numbers(range_: str, fits: bool) -> None:
    assert in_range("0.1", range_) is fits


@pytest.mark.parametrize("text", ["", "0.1", "~=0.1", ">=0.1;<0.2", ">=a.b"])
def test_an_unreadable_range_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate(
            {"id": "x1", "name": "X", "version": "0.1.0", "api": text, "description": "d",
             "owners": ["o"], "domain": "x1", "provides": ["assets"]}
        )  # fmt: skip


@pytest.mark.parametrize("missing", ["plugin.toml", *DATA_FILES])
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    assert f"{missing} is missing" in _refusal(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("plugin.toml", 'api = ">=0.1,<0.2"', 'api = ">=9.0"', "contract >=9.0"),
        ("plugin.toml", 'id = "water"', 'id = "../water"', "id:"),
        ("plugin.toml", 'name = ', 'colour = "red"\nname = ', "colour"),
        ("assets.toml", 'unit = "bar"', "unit = [", "assets.toml cannot be read"),
        ("assets.toml", 'id = "pressure"', 'id = "pres"', "unknown kind 'pressure'"),
        ("assets.toml", 'id = "Valve"', 'id = "Tap"', "unknown asset type 'Valve'"),
        ("rules.toml", "priority = 2", "priority = 7", "rule.0.priority"),
        ("rules.toml", 'threshold = "no supply"', 'threshold = "asleep"', "no state 'asleep'"),
        ("rules.toml", 'threshold = "low_low"', 'threshold = "lowest"', "no limit"),
        ("rules.toml", 'id = "pump-stopped"', 'id = "pump-supply-lost"', "named twice"),
        ("rules.toml", 'rules = ["pump-supply-lost"', 'rules = ["pump-gone"', "pump-gone"),
        ("rules.toml", 'unless = "pressure-very-low"', 'unless = "nothing"', "no other rule"),
        ("rules.toml", 'kind = "pressure"', 'count = 3\nkind = "pressure"', "count needs a window"),
        ("rules.toml", 'cause = "The feeder', 'causes = "The feeder', "rule.0"),
        ("decoders.toml", 'unit = "bar"', 'unit = "furlong"', "no unit 'furlong'"),
        ("decoders.toml", "source_level = 2", "source_level = 9", "no level 9"),
        ("decoders.toml", '"running"', '"dancing"', "no state 'dancing'"),
        ("decoders.toml", "scale = 0.1", "scale = 0.2", "valve_position: 131 % is not plausible"),
        ("decoders.toml", "valve_position = 65.5", "valve_position = 65.4", "becomes 65.5, not"),
        ("decoders.toml", 'path = "pressure"', 'path = "p"', "it gives no 'pressure'"),
        ("decoders.toml", "pressure = 4.21", "", "does not say what 'pressure' becomes"),
        ("decoders.toml", '"ts": 1767225600000, ', "", "it has no time at 'ts'"),
        ("decoders.toml", '"ts": 1767225600000', '"ts": "noon"', "'noon' is no time in 'ms'"),
        ("decoders.toml", '"state": 1', '"state": 9', "no word is given for '9'"),
        ("decoders.toml", '"pressure": 4.21', '"pressure": "high"', "'high' is no number"),
        ("decoders.toml", '"pressure": 4.21', '"pressure": NaN', "is no JSON (NaN"),
        ("decoders.toml", "water/ps-3/telemetry", "water/ps-3", "does not fit"),
        ("views.toml", 'widget = "trend"', 'widget = "javascript"', "widget"),
        ("quality.toml", 'tests = "done"', 'beauty = "done"', "beauty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    folder: Path, file: str, old: str, new: str, says: str
) -> None:
    _replace(folder, file, old, new)
    assert says in _refusal(folder)


def test_a_file_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "rules.toml").write_bytes(b"\xff\xfe\x00rules")
    assert "rules.toml cannot be read" in _refusal(folder)


def test_a_file_beyond_the_contract_is_refused(folder: Path) -> None:
    (folder / "helper.py").write_text("import math\n")
    assert "helper.py is no file of the contract" in _refusal(folder)


def test_promises_and_files_must_agree(folder: Path) -> None:
    (folder / "importer.py").unlink()
    manifest = folder / "plugin.toml"
    manifest.write_text(manifest.read_text().replace('"model", ', ""))
    assert promise_faults(load_folder(folder)) == [
        "model.py is there but not among 'provides'",
        "plugin.toml promises importer.py, which is missing",
    ]


def test_limits_are_given_in_another_unit_of_the_kind() -> None:
    kind = Kind(id="pressure", name="Pressure", unit="bar", units={"kPa": 0.01})
    assert kind.factor("kPa") == 0.01
    assert kind.factor("") == kind.factor("bar") == 1.0
    assert kind.factor("mmHg") is None
    assert LimitValues(low=2.0, high=6.0).scaled(0.01) == Limits(None, 200.0, 600.0, None)


def test_limits_must_ascend() -> None:
    with pytest.raises(ValidationError, match="descend"):
        LimitValues(low=3.0, high=2.0)


def test_a_kind_is_either_a_number_or_a_state() -> None:
    with pytest.raises(ValidationError, match="neither unit nor limits"):
        Kind(id="state", name="State", unit="bar", states=("on", "off"))


def test_the_tier_is_the_highest_whose_items_are_all_settled() -> None:
    basic = dict.fromkeys(CHECKLIST["Basic"], "done")
    operational = basic | {item: {"exempt": "none"} for item in CHECKLIST["Operational"]}
    trusted = {item: "done" for items in CHECKLIST.values() for item in items}
    tiers = [
        QualityList.model_validate({"items": i}).tier for i in ({}, basic, operational, trusted)
    ]
    assert tiers == ["none", "Basic", "Operational", "Trusted"]
    without = trusted | {"tests": "open"}
    assert QualityList.model_validate({"items": without}).tier == "none"


def test_an_exemption_needs_its_reason() -> None:
    with pytest.raises(ValidationError):
        QualityList.model_validate({"items": {"tests": {"exempt": ""}}})


def test_a_point_that_no_example_holds_is_said(folder: Path) -> None:
    _replace(folder, "decoders.toml", ', "vibration": 2.3', "")
    _replace(folder, "decoders.toml", "vibration_rms = 2.3", "")
    assert "no example holds 'pump.vibration'" in _refusal(folder)


def test_a_message_nested_without_end_is_no_json_and_ends_nothing(folder: Path) -> None:
    _replace(folder, "decoders.toml", '"pressure": 4.21', '"pressure": ' + "[" * 200_000)
    assert "is no JSON" in _refusal(folder)


def test_a_decoder_without_examples_is_good(folder: Path) -> None:
    file = folder / "decoders.toml"
    file.write_text(file.read_text().partition("[[decoder.example]]")[0])
    assert load_folder(folder).decoders.decoder[0].example == ()
