"""Proposed mappings: what the proposal reads is what was sent, on shapes as devices send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.testdata import city_data

from lamplighter.domain.mapping_draft import (
    IGNORED,
    MappingDraft,
    to_toml,
    with_field,
)
from lamplighter.pipeline.mapped import Reading, read
from lamplighter.pipeline.mapping import read_mapping
from lamplighter.pipeline.propose import propose, sampled

T = 1_795_349_281


def first(samples: list[tuple[str, bytes]]) -> MappingDraft:
    draft = propose(samples, "town")[0].draft
    assert draft is not None
    return draft


def values(draft: MappingDraft, topic: str, payload: bytes) -> dict[str, Any]:
    mapping = read_mapping(to_toml(draft))
    captures = mapping.captures(topic)
    assert captures is not None
    reading = read(mapping, captures, payload)
    assert isinstance(reading, Reading)
    return dict(zip(reading.saved.names, reading.saved.values, strict=True))


def as_json(topic: str, tree: Any) -> tuple[str, bytes]:
    return topic, json.dumps(tree).encode()


def test_flat_messages_of_several_devices() -> None:
    samples = [
        as_json(f"harbour/noise/dock-{n}/up",
                {"dev": f"dock-noise-{n}", "t": T + n, "rssi": -71, "LAeq_1m": 58.4, "bat": 3.61,
                 "fw": "2.4.1"})
        for n in range(4)
    ]  # fmt: skip
    draft = first(samples)
    assert draft.topics == ("harbour/noise/+/up",)
    assert draft.time_format == "s"
    assert {f.name: (f.role, f.unit) for f in draft.fields} == {
        "dev": ("name", ""), "t": ("time", ""), "rssi": ("ignored", ""),
        "LAeq_1m": ("value", "dB(A)"), "bat": ("value", "V"), "fw": ("ignored", ""),
    }  # fmt: skip
    assert values(draft, *samples[2]) == {"dock-noise-2/LAeq_1m": 58.4, "dock-noise-2/bat": 3.61}


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"data": {"items": [{"id": "a", "temp_c": 1.5}, {"id": "b", "temp_c": 2.5}]}},
         {"a/temp_c": 1.5, "b/temp_c": 2.5}),
        ({"m1": {"v": 1.5, "time": T}, "m2": {"v": 2.5, "time": T}}, {"m1/v": 1.5, "m2/v": 2.5}),
        ([{"sensor": "S1", "parameter": "no2", "value": 21.2},
          {"sensor": "S1", "parameter": "o3", "value": 40.2}], {"S1/no2": 21.2, "S1/o3": 40.2}),
        ({"id": "a.b", "state": {"reported": {"level": 4}}}, {"a.b/state.reported.level": 4.0}),
        ({"sensor": "x", "value": "21.5"}, {"x/value": 21.5}),
        ({"a.b": 3.5}, {"a.b": 3.5}),
    ],
)  # fmt: skip
def test_shapes_of_records(tree: Any, names: dict[str, float]) -> None:
    one = as_json("city/x", tree)
    assert values(first([one]), *one) == names


def test_topics_alone_can_say_what_a_bare_number_is() -> None:
    samples = [("a/b/temp", b"21.5"), ("a/c/temp", b"20.5"), ("a/c/hum", b"44")]
    draft = first(samples)
    assert (draft.topics, draft.source) == (("a/+/temp",), "a-temp-{1}")
    assert values(draft, *samples[0]) == {"temp": 21.5}
    assert [g.topic for g in propose(samples)] == ["a/+/temp", "a/c/hum"]


@pytest.mark.parametrize(
    ("moment", "form"),
    [(T, "s"), (T * 1000, "ms"), (T * 1_000_000, "us"), ("2026-11-28T09:00:00Z", "iso"),
     ("28.11.2026 09:00:10", "%d.%m.%Y %H:%M:%S")],
)  # fmt: skip
def test_the_form_of_times_is_read_from_them(moment: Any, form: str) -> None:
    draft = first([as_json("x/y", {"time": moment, "v": 1})])
    assert draft.time_format == form
    assert [f.name for f in draft.of_role("time")] == ["time"]


def test_words_of_quality_are_translated() -> None:
    samples = [as_json("x/y", {"id": "a", "v": 1, "quality": q}) for q in ("ok", "fault")]
    draft = first(samples)
    assert draft.quality_words == {"ok": "good", "fault": "bad"}


def test_a_table_is_read_by_its_columns() -> None:
    text = b"time;station;pressure_bar\n2026-11-28 10:00;A;3.1\n2026-11-28 10:01;B;3.2\n"
    draft = first(sampled(text))
    assert draft.format == "csv"
    assert {f.name: f.role for f in draft.fields} == {
        "time": "time", "station": "name", "pressure_bar": "value",
    }  # fmt: skip
    assert draft.fields[2].unit == "bar"


def test_numbers_with_a_comma_are_told_to_the_mapping() -> None:
    text = b"zeit;pegel_cm\n28.11.2026 10:00;103,5\n28.11.2026 10:15;104,0\n"
    draft = first(sampled(text))
    assert to_toml(draft).count('decimal = ","') == 1
    assert (draft.fields[1].low, draft.fields[1].unit) == (103.5, "cm")


def test_a_field_can_be_taken_out_or_be_made_the_name() -> None:
    one = as_json("x/y", {"id": "a", "plate": "K-1", "v": 1})
    draft = with_field(first([one]), ("plate",), role="name")
    assert [f.name for f in draft.of_role("name")] == ["plate"]
    assert values(draft, *one) == {"K-1/v": 1.0}
    assert not with_field(draft, ("v",), role=IGNORED).of_role("value")
    assert values(with_field(draft, ("plate",), role=IGNORED), *one) == {"v": 1.0}


def test_nothing_usable_says_why() -> None:
    groups = propose([("a", b"\xff\xfe\x00"), ("b", b'{"note": "hello"}')])
    assert all(g.draft is None and g.why_not for g in groups)


@pytest.mark.data
def test_real_messages_get_a_mapping_that_reads_them() -> None:
    files = [
        f
        for kind in ("live_ngsi_ld", "live_sensorthings", "live_senml", "live_open311")
        for f in sorted(city_data(kind).rglob("*.json*"))
        if f.stat().st_size < 500_000 and "schema" not in str(f) and "model" not in str(f)
    ]
    proposed = 0
    for file in files:
        body = file.read_bytes()
        samples = sampled(body)
        draft = next((g.draft for g in propose(samples) if g.draft is not None), None)
        if draft is None:
            continue
        proposed += 1
        mapping = read_mapping(to_toml(draft), topics=False)
        readings = [read(mapping, (), payload) for _, payload in samples]
        assert any(isinstance(r, Reading) and r.saved.names for r in readings), file.name
    assert proposed >= 0.8 * len(files) > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner,
                                                                max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(trees=st.lists(JSON, max_size=4), topic=st.text(max_size=12))
def test_no_message_can_break_the_proposal(trees: list[Any], topic: str) -> None:
    for group in propose([(topic, json.dumps(tree).encode()) for tree in trees]):
        if group.draft is not None:
            text = to_toml(group.draft)
            try:
                read_mapping(text)
            except Exception as error:
                assert "topic" in str(error), text
