"""Foreign JSON through a mapping file: found, named, timed, counted; or told as not understood."""

from __future__ import annotations

import json

import pytest
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.clock import parse_time
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.pipeline import Pipeline, mapped, read_mapping

MASTS = """
name = "Weather masts"
topic = "city/weather/+/state"
source = "mast-{1}"
records = "data.items[]"
time = "ts"
time_format = "s"
quality = "status"
quality_words = { ok = "good", fault = "bad" }

[[values]]
datastream = "{id}/temperature"
value = "temp"
unit = "°C"
offset = -273.15

[[values]]
datastream = "{id}/humidity"
value = "rh"
text_numbers = true
"""


class Bench:
    def __init__(self, mapping: str) -> None:
        self.clock = FakeClock()
        self.dev = FeedBuilder(self.clock)
        self.pipeline = Pipeline(clock=self.clock)
        self.mapping = read_mapping(mapping)
        self.pipeline.use_mapping("f1", self.mapping)
        self.names: dict[int, str] = {}

    def take(self, topic: str, *bodies: object, again: bool = False) -> list[tuple[str, float]]:
        from msgspec.structs import replace

        raws = [self.dev.raw(json.dumps(b).encode(), topic) for b in bodies]
        self.batch = self.pipeline.take([replace(r, again=again) for r in raws])
        self.names.update({d.id: d.name for d in self.batch.new_datastreams})
        ids, values = self.batch.points.datastream.tolist(), self.batch.points.value.tolist()
        return [(self.names[i], round(v, 6)) for i, v in zip(ids, values, strict=True)]


def masts(bench: Bench, **more: object) -> dict[str, object]:
    item = {"id": "a", "temp": 300.15, "ts": bench.clock.wall_ms() // 1000, "status": "ok"}
    return {"data": {"items": [{**item, **more}]}}


def test_records_names_units_times_and_quality_are_found() -> None:
    bench = Bench(MASTS)
    when = bench.clock.wall_ms() // 1000 - 60
    got = bench.take("city/weather/7/state", masts(bench, rh="41.5", ts=when, status="fault"))
    assert got == [("a/temperature", 27.0), ("a/humidity", 41.5)]
    assert bench.batch.points.time_ms.tolist() == [when * 1000] * 2
    assert bench.batch.points.quality.tolist() == [Quality.BAD] * 2
    assert [d.unit for d in bench.batch.new_datastreams] == ["°C", ""]
    assert bench.batch.new_sources[0][1] == "mast-7"
    assert bench.mapping.topics == ("city/weather/+/state",)


def test_a_value_that_is_missing_in_one_record_costs_nothing() -> None:
    bench = Bench(MASTS)
    body = {"data": {"items": [{"id": "a", "rh": "1"}, {"temp": 1}, {"id": "b", "temp": 274.15}]}}
    got = bench.take("city/weather/7/state", body)
    assert got == [("a/humidity", 1.0), ("b/temperature", 1.0)]


def test_without_a_time_path_our_time_is_taken_and_trusted() -> None:
    bench = Bench('topic = "t/#"\n[[values]]\nvalue = "*"\ndatastream = "{1}/{field}"')
    got = bench.take("t/x/y", {"a": 1, "b": True, "c": {"no": 1}})
    assert got == [("x/y/a", 1.0), ("x/y/b", 1.0)]
    assert bench.batch.points.time_ms.tolist() == [bench.clock.wall_ms()] * 2
    assert bench.batch.points.quality.tolist() == [0, 0]


def test_a_time_that_cannot_be_read_is_ours_and_marked() -> None:
    bench = Bench(MASTS)
    bench.take("city/weather/7/state", masts(bench, ts="soon"))
    assert bench.batch.points.time_ms.tolist() == [bench.clock.wall_ms()]
    assert bench.batch.points.quality[0] & QualityMark.TIME_UNCERTAIN


@pytest.mark.parametrize(
    ("form", "text", "ms"),
    [
        ("iso", "2026-11-22T10:00:00+01:00", 1_795_338_000_000),
        ("iso", "2026-11-22T09:00:00", 1_795_338_000_000),
        ("%d.%m.%Y %H:%M", "22.11.2026 09:00", 1_795_338_000_000),
        ("us", 1_795_338_000_000_000, 1_795_338_000_000),
        ("s", "1795338000.5", 1_795_338_000_500),
    ],
)
def test_times_in_their_usual_spellings(form: str, text: object, ms: int) -> None:
    bench = Bench(f'topic = "t"\ntime = "t"\ntime_format = "{form}"\n[[values]]\nvalue = "v"')
    bench.clock.advance(ms - bench.clock.wall_ms())
    bench.take("t", {"v": 1, "t": text})
    assert bench.batch.points.time_ms.tolist() == [ms]


@pytest.mark.parametrize(
    ("received", "meant"),
    [
        ("2026-10-25T00:30:05Z", "2026-10-25T00:30:00Z"),
        ("2026-10-25T01:30:05Z", "2026-10-25T01:30:00Z"),
        ("2026-10-25T01:15:00Z", "2026-10-25T00:30:00Z"),
        ("2026-10-26T12:00:00Z", "2026-10-25T00:30:00Z"),
    ],
)
def test_the_hour_that_happens_twice_is_told_by_when_it_came(received: str, meant: str) -> None:
    text = """
topic = "t"
time = "at"
time_format = "iso"
zone = "Europe/Berlin"
[[values]]
value = "v"
"""
    body = b'{"at": "2026-10-25T02:30:00", "v": 1}'
    found = mapped.read(read_mapping(text), (), body, parse_time(received))
    assert isinstance(found, mapped.Reading)
    assert found.saved.times == [parse_time(meant)]


def test_a_bare_number_is_a_message_too() -> None:
    bench = Bench('name = "plain"\ntopic = "t/+"\n[[values]]\nvalue = ""\ndatastream = "{1}"')
    assert bench.take("t/level", 3.5) == [("level", 3.5)]


def test_an_object_walked_by_its_keys() -> None:
    bench = Bench('topic = "t"\nrecords = "rooms.*"\n[[values]]\nvalue = "v"\ndatastream = "{key}"')
    assert bench.take("t", {"rooms": {"r1": {"v": 1}, "r2": {"v": 2}}}) == [("r1", 1), ("r2", 2)]


def test_the_same_reading_twice_has_the_same_key() -> None:
    bench = Bench(MASTS)
    body = masts(bench)
    bench.take("city/weather/7/state", body, body, masts(bench, temp=1))
    seqs = [m.seq for m in bench.batch.messages]
    assert seqs == [0, 0, 1]
    assert len({m.hash64 for m in bench.batch.messages[:2]}) == 1
    bench.take("city/weather/8/state", body)
    assert [m.seq for m in bench.batch.messages] == [0], "another source counts for itself"


def test_without_own_times_only_what_the_broker_sends_again_is_the_same() -> None:
    bench = Bench('topic = "t"\n[[values]]\nvalue = "v"')
    bench.take("t", {"v": 1}, {"v": 1})
    assert [m.seq for m in bench.batch.messages] == [0, 1]
    bench.take("t", {"v": 1}, again=True)
    assert [m.seq for m in bench.batch.messages] == [1]


def test_records_beyond_the_most_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "_MOST_RECORDS", 3)
    bench = Bench(MASTS)
    item = {"id": "a", "temp": 1.0, "ts": bench.clock.wall_ms() // 1000, "status": "ok"}
    bench.take("city/weather/7/state", {"data": {"items": [item] * 3}})
    assert not bench.batch.quarantined
    got = bench.take("city/weather/7/state", {"data": {"items": [item] * 5}})
    assert len(got) == 3
    assert [q.code for q in bench.batch.quarantined] == ["D-113"]
    assert "more than 3 records" in bench.batch.quarantined[0].reason


def test_thousands_of_sources_share_one_memory_of_what_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mapped, "REMEMBERED_IN_ALL", 200)
    bench = Bench(MASTS)
    begun = bench.clock.wall_ms() // 1000 - 3_600
    for at in range(50):
        for mast in range(20):
            bench.take(f"city/weather/{mast}/state", masts(bench, ts=begun + at))
    keys = bench.pipeline._mapped._keys.values()
    assert len(keys) == 20
    assert sum(len(k.recent) for k in keys) <= 200
    bench.take("city/weather/7/state", masts(bench, ts=begun + 49))
    assert bench.batch.messages[0].seq == 49  # it is still known to have come before


def test_a_mapping_that_matches_nothing_says_so_and_keeps_everything() -> None:
    bench = Bench(MASTS)
    for n in range(3):
        assert bench.take("city/weather/7/state", {"other": n}) == []
        assert [q.code for q in bench.batch.quarantined] == ["D-114"]
    ((problem, count),) = bench.pipeline.notices()
    assert (problem.code, count) == ("D-114", 3) and "Weather masts" in problem.text
    bench.take("city/weather/7/state", masts(bench))
    bench.take("city/weather/7/state", {"other": 1})
    assert [q.code for q in bench.batch.quarantined] == ["D-113"], "it does match others"


def test_bad_foreign_values_are_set_aside_one_by_one() -> None:
    bench = Bench('topic = "t"\n[[values]]\nvalue = "*"')
    raw = bench.dev.raw(b'{"a": 1, "b": NaN, "c": 1e400, "d": 9223372036854775808, "e": null}', "t")
    batch = bench.pipeline.take([raw])
    assert len(batch.points) == 1 and batch.messages[0].points == 5
    assert sorted(q.code for q in batch.quarantined) == ["D-101", "D-101", "D-102", "D-106"]
    bad = bench.pipeline.take(
        [bench.dev.raw(b'{"a": 1, "a": 2}', "t"), bench.dev.raw(b"\xff", "t")]
    )
    assert [q.code for q in bad.quarantined] == ["D-108", "D-104"]


def test_an_unknown_quality_word_is_uncertain() -> None:
    bench = Bench(MASTS)
    bench.take("city/weather/7/state", masts(bench, status="hm"))
    assert (bench.batch.points.quality & CLASS_MASK).tolist() == [Quality.UNCERTAIN]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "Invalid"),
        ('name = "x"\n[[values]]\nvalue = "v"', "'topic' is missing"),
        ('topic = "t"', "no [[values]]"),
        ('topic = "a/#/b"\n[[values]]\nvalue = "v"', "no topic filter"),
        ('topic = "t"\ntopik = 1\n[[values]]\nvalue = "v"', "'topik' is unknown"),
        ('topic = "t"\nsource = "{id}"\n[[values]]\nvalue = "v"', "captures"),
        ('topic = "t"\ntime_format = "soon"\n[[values]]\nvalue = "v"', "'soon' is not known"),
        ('topic = "t"\n[[values]]\nscale = "2"\nvalue = "v"', "'scale' must be a number"),
        (
            'topic = "t"\nquality_words = { ok = "fine" }\n[[values]]\nvalue = "v"',
            "good, uncertain",
        ),
    ],
)
def test_a_mapping_with_a_mistake_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(LamplighterError) as caught:
        read_mapping(text, "m.toml")
    assert caught.value.problem.code == "U-801"
    assert "m.toml" in str(caught.value) or "x" in str(caught.value)
    assert says in str(caught.value)
