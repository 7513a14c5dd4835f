"""SenML packs: resolved as the standard says, in JSON and CBOR; what is not understood is told."""

from __future__ import annotations

import contextlib
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder
from tests.kit.testdata import city_data

from lamplighter.domain.problems import LamplighterError
from lamplighter.pipeline import Pipeline, read_mapping
from lamplighter.pipeline.careful import Fault
from lamplighter.pipeline.cbor import CborError, read_cbor
from lamplighter.pipeline.senml import Pack, read_senml

NOW = 1_795_305_600_000
MAPPING = 'name = "meters"\ntopic = "city/+/senml"\nformat = "senml"\nsource = "meter-{1}"\n'
Rows = list[tuple[str, float | str, int, str]]


def rows(pack: Any) -> Rows | Fault:
    found = read_senml(pack if isinstance(pack, bytes) else json.dumps(pack).encode(), NOW)
    if isinstance(found, Fault):
        return found
    saved = found.saved
    assert len(saved.names) == len(saved.times) == len(saved.values) == len(found.units)
    return list(zip(saved.names, saved.values, saved.times, found.units, strict=True))


def faults(pack: Any) -> list[str]:
    found = read_senml(json.dumps(pack).encode(), NOW)
    assert isinstance(found, Pack)
    return [f.what for f in found.saved.faults]


def cbor(value: Any) -> bytes:
    """A tiny writer of its own."""

    def head(kind: int, size: int) -> bytes:
        if size < 24:
            return bytes([kind << 5 | size])
        return bytes([kind << 5 | 26]) + struct.pack(">I", size)

    if isinstance(value, bool):
        return bytes([0xF5 if value else 0xF4])
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def test_base_fields_are_carried_on_until_they_change() -> None:
    pack = [
        {"bn": "dev:", "bt": 1.6e9, "bu": "A", "bv": 10, "n": "a", "v": 1},
        {"n": "b", "t": -5, "u": "Cel", "v": 2.5},
        {"bn": "other:", "bv": 0, "n": "c", "vs": "open"},
        {"n": "d", "vb": True},
    ]
    assert rows(pack) == [
        ("dev:a", 11.0, 1_600_000_000_000, "A"),
        ("dev:b", 12.5, 1_599_999_995_000, "°C"),
        ("other:c", "open", 1_600_000_000_000, ""),
        ("other:d", 1.0, 1_600_000_000_000, ""),
    ]


def test_small_times_are_relative_to_now() -> None:
    assert rows([{"n": "a", "v": 1}, {"n": "b", "t": -60, "v": 2}]) == [
        ("a", 1.0, NOW, ""),
        ("b", 2.0, NOW - 60_000, ""),
    ]
    found = read_senml(b'[{"n":"a","v":1}]', NOW)
    assert isinstance(found, Pack) and not found.own_time


def test_a_time_beyond_every_clock_is_marked_and_its_value_kept() -> None:
    found = read_senml(b'[{"n":"a","bt":1e300,"v":1}]', NOW)
    assert isinstance(found, Pack) and found.saved.clock_unreadable == [0]


def test_sums_and_records_without_a_value() -> None:
    assert rows([{"bn": "x", "bt": 1.6e9}, {"n": "a", "s": 5, "u": "W"}]) == [
        ("xa/sum", 5.0, 1_600_000_000_000, "W.s")
    ]
    assert rows([{"bn": "x", "bv": 3, "bt": 1.6e9}, {"n": "a"}]) == [
        ("xa", 3.0, 1_600_000_000_000, "")
    ]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"n": "a", "v": 1, "vs": "x"}, "more than one"),
        ({"n": "a", "vd": "aGk"}, "bytes"),
        ({"n": "a", "v": None}, "nothing"),
        ({"n": "a", "vb": 1}, "another kind"),
        ({"v": 1}, "name"),
        ({"n": "_a", "v": 1}, "name"),
        ({"n": "ä", "v": 1}, "name"),
    ],
)
def test_a_wrong_record_is_set_aside_alone(record: dict[str, Any], what: str) -> None:
    pack = [record, {"n": "good", "v": 1}]
    assert any(what in fault for fault in faults(pack))
    found = rows(pack)
    assert isinstance(found, list) and [name for name, *_ in found] == ["good"]


@pytest.mark.parametrize(
    "pack",
    [
        {"n": "a", "v": 1},
        [1],
        [{"n": "a", "v": 1, "must_": 1}],
        [{"bver": 11, "n": "a", "v": 1}],
        [{"bver": 5, "n": "a", "v": 1}, {"bver": 6, "n": "b", "v": 1}],
        [{"bn": 5, "v": 1}],
        [{"bt": "x", "n": "a", "v": 1}],
        b"",
        b"\x81",
        b"\x81\xa1\x00",
    ],
)
def test_what_must_be_understood_and_is_not_sets_the_message_aside(pack: Any) -> None:
    assert isinstance(rows(pack), Fault)


def test_cbor_says_the_same_as_json() -> None:
    plain = [{"bn": "dev:", "bt": 1.6e9, "bver": 5, "n": "a", "u": "V", "v": 120.1},
             {"n": "b", "t": -5, "v": 7}, {"n": "c", "vb": False}]  # fmt: skip
    labels = {"bn": -2, "bt": -3, "bver": -1, "n": 0, "u": 1, "v": 2, "t": 6, "vb": 4}
    packed = cbor([{labels[k]: v for k, v in record.items()} for record in plain])
    assert rows(packed) == rows(plain)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("00", 0), ("1903e8", 1000), ("3903e7", -1000), ("f93c00", 1.0), ("fa47c35000", 100000.0),
        ("8301820203820405", [1, [2, 3], [4, 5]]), ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("7f657374726561646d696e67ff", "streaming"),
        ("c11a514b67b0", 1363896240), ("f5", True), ("f6", None),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}), ("1b000000e8d4a51000", 10**12),
    ],
)  # fmt: skip
def test_the_examples_of_the_cbor_standard_are_read(data: str, value: Any) -> None:
    assert read_cbor(bytes.fromhex(data)) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for lead in (b"", b"\x9f", b"\x82"):
        with contextlib.suppress(CborError):
            read_cbor(lead + data)
        read_senml(lead + data, NOW)


def test_nesting_has_an_end() -> None:
    with pytest.raises(CborError):
        read_cbor(b"\x81" * 5_000 + b"\x00")
    with pytest.raises(CborError):
        read_cbor(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff")


def test_a_mapping_names_the_topic_and_the_source() -> None:
    clock = FakeClock()
    feed = FeedBuilder(clock)
    pipeline = Pipeline(clock=clock)
    pipeline.use_mapping("f1", read_mapping(MAPPING))
    body = json.dumps([{"n": "p", "u": "Cel", "t": clock.wall_ms() / 1000, "v": 21.5},
                       {"n": "bad", "vd": "aGk"}]).encode()  # fmt: skip
    batch = pipeline.take([feed.raw(body, "city/7/senml"), feed.raw(body, "city/7/senml")])
    assert [(d.name, d.unit) for d in batch.new_datastreams] == [("p", "°C")]
    assert dict(batch.new_sources)[0] == "meter-7"
    assert batch.points.value[0] == 21.5 and batch.points.time_ms[0] == clock.wall_ms()
    assert {(m.seq, m.points) for m in batch.messages} == {(0, 2), (1, 2)} or len(
        {m.seq for m in batch.messages}
    ) == 1


def test_senml_needs_no_values_in_its_mapping() -> None:
    with pytest.raises(LamplighterError, match="SenML"):
        read_mapping(MAPPING + '[[values]]\nvalue = "a"\n')


@pytest.mark.data
@pytest.mark.parametrize("example", ["ex2", "ex3", "ex4", "ex6", "ex9", "ex10"])
def test_the_examples_of_the_standard_are_resolved(example: str) -> None:
    folder = city_data("live_senml")
    resolved = json.loads((folder / f"{example}.gen.resolved.json").read_text())
    found = rows((folder / f"{example}.gen.json").read_bytes())
    assert isinstance(found, list)
    assert [(n, v) for n, v, _, _ in found] == [(r["n"], r["v"]) for r in resolved]
    if example not in ("ex2", "ex9"):  # these say no time: it is when they are read
        assert [t for _, _, t, _ in found] == [round(r["t"] * 1000) for r in resolved]
    binary = folder / f"{example}.gen.cbor"
    if binary.exists():
        packed = rows(binary.read_bytes())
        assert isinstance(packed, list) and len(packed) == len(found)
        for ours, theirs in zip(packed, found, strict=True):
            assert (
                ours[0] == theirs[0]
                and ours[1] == pytest.approx(theirs[1])
                and ours[2] == theirs[2]
            )
