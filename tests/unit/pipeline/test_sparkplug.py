"""Sparkplug B: births introduce, the sequence shows what is missing, deaths make values stale."""

from __future__ import annotations

import itertools
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder
from tests.kit.sparkplug import (
    BOOLEAN,
    DATA_SET,
    FLOAT,
    INT8,
    INT64,
    STRING,
    EdgeNode,
    metric,
    payload,
)
from tests.kit.testdata import city_data

from lamplighter.domain.field_message import LINK_BEGINS, LINK_LIVES
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.pipeline import Pipeline

Message = tuple[str, bytes]


class Bench:
    """One pipeline, one feed, one edge node."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.dev = FeedBuilder(self.clock)
        self.pipeline = Pipeline(clock=self.clock)
        self.node = EdgeNode(now=self.clock.wall_ms())
        self.names: dict[int, str] = {}
        self.aside: list[str] = []
        self.keys: list[tuple[int, int]] = []

    def take(self, *messages: Message) -> list[tuple[str, float, int]]:
        """(datastream, value, quality) of each point."""
        raws = [self.dev.raw(body, topic) for topic, body in messages]
        batch = self.batch = self.pipeline.take(raws)
        self.names.update({d.id: d.name for d in batch.new_datastreams})
        self.aside += [q.code for q in batch.quarantined]
        self.keys += [(m.epoch, m.seq) for m in batch.messages]
        points = batch.points
        rows = zip(
            points.datastream.tolist(), points.value.tolist(), points.quality.tolist(), strict=True
        )
        return [(self.names[i], round(v, 4), q) for i, v, q in rows]

    def born(self) -> None:
        self.take(
            self.node.birth(metric("Site/Power", 4.0, alias=1)),
            self.node.device_birth("pump", metric("Flow", 1.5, FLOAT, alias=7, unit="L/s")),
        )

    def gaps(self) -> list[tuple[int, int, str]]:
        """After the moment in which late messages may still come."""
        self.clock.advance(1_500)
        self.pipeline.due()
        return [(g.first, g.last, g.state) for g in self.pipeline.take().gaps]

    def asked(self) -> list[str]:
        return [r.source for r in self.pipeline.due()]

    @property
    def life(self) -> str:
        source = self.pipeline.registry.known_source("plant:gw")
        found = self.pipeline.life(source) if source is not None else None
        return "none" if found is None else "offline" if found.offline else "online"


def test_a_birth_introduces_and_data_comes_by_alias() -> None:
    bench = Bench()
    first = bench.take(
        bench.node.birth(metric("Site/Power", 4.0, alias=1)),
        bench.node.device_birth("pump", metric("Flow", 1.5, FLOAT, alias=7, unit="L/s")),
    )
    assert first == [("Site/Power", 4.0, 0), ("pump/Flow", 1.5, 0)]
    assert {d.name: d.unit for d in bench.batch.new_datastreams}["pump/Flow"] == "L/s"
    assert bench.life == "online"
    found = bench.take(
        bench.node.data("pump", metric(None, 2.5, FLOAT, alias=7)),
        bench.node.data("", metric(None, 5.0, alias=1)),
    )
    assert found == [("pump/Flow", 2.5, 0), ("Site/Power", 5.0, 0)]
    assert [seq for _, seq in bench.keys] == [0, 1, 2, 3]
    assert len({epoch for epoch, _ in bench.keys}) == 1
    assert not bench.aside and not bench.gaps() and not bench.asked()


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [(INT8, -7, -7.0), (INT64, -5_000_000_000, -5e9), (BOOLEAN, True, 1.0), (FLOAT, 12.5, 12.5)],
)
def test_types_are_read_with_their_sign_also_when_data_leaves_the_type_out(
    kind: int, sent: float, value: float
) -> None:
    bench = Bench()
    bench.take(bench.node.birth(metric("x", sent, kind, alias=1)))
    again = bench.take(bench.node.data("", metric(None, sent, kind, alias=1, typed=False)))
    assert again == [("x", value, 0)]


def test_texts_are_states_and_nothing_says_so() -> None:
    bench = Bench()
    bench.take(bench.node.birth(metric("state", "on", STRING, alias=1), metric("empty", None)))
    assert not bench.aside
    bad = bench.take(bench.node.data("", metric(None, None, STRING, alias=1)))
    assert [(name, quality & CLASS_MASK) for name, _, quality in bad] == [("state", Quality.BAD)]


def test_what_is_no_single_value_is_set_aside_alone() -> None:
    bench = Bench()
    bench.born()
    found = bench.take(
        bench.node.data(
            "pump", metric("Log", 0, DATA_SET), metric(None, 3.0, FLOAT, alias=7),
            metric(None, 1.0, alias=999),
        )
    )  # fmt: skip
    assert found == [("pump/Flow", 3.0, 0)]
    assert bench.aside == ["D-113", "D-113"]
    reasons = [q.reason for q in bench.batch.quarantined]
    assert "data set" in reasons[0] and "alias nobody introduced" in reasons[1]
    assert bench.asked() == ["plant:gw"], "who uses an unknown alias is asked for a birth"


def test_a_stranger_is_asked_to_introduce_himself_and_what_has_a_name_is_kept() -> None:
    bench = Bench()
    bench.node.seq = 17
    found = bench.take(
        bench.node.data("pump", metric("Flow", 1.0), metric(None, 2.0, alias=7)),
    )
    assert found == [("pump/Flow", 1.0, 0)]
    assert bench.aside == ["D-113"]
    assert "D-112" in [p.code for p, _ in bench.pipeline.notices()]
    assert bench.asked() == ["plant:gw"]
    assert bench.asked() == [], "it is not asked again at once"
    bench.clock.advance(5_000)
    assert bench.asked() == ["plant:gw"]
    bench.born()
    bench.clock.advance(60_000)
    assert bench.asked() == [] and not bench.gaps()


def test_a_missing_message_is_a_gap_and_a_reason_for_a_birth() -> None:
    bench = Bench()
    bench.born()
    bench.node.seq = 5
    bench.take(bench.node.data("pump", metric(None, 2.0, FLOAT, alias=7)))
    assert bench.asked() == [], "what was overtaken may still come"
    assert bench.gaps() == [(2, 4, "open"), (2, 4, "lost")]
    assert bench.asked() == ["plant:gw"] or bench.pipeline.due() == []


@pytest.mark.parametrize("lost", [1, 100, 127, 191])
def test_the_count_goes_on_beyond_255(lost: int) -> None:
    bench = Bench()
    bench.born()
    for _ in range(600):
        bench.take(bench.node.data("pump", metric(None, 1.0, FLOAT, alias=7)))
    assert bench.keys[-1][1] == 601 and not bench.gaps()
    bench.node.seq = (bench.node.seq + lost) % 256
    bench.take(bench.node.data("pump", metric(None, 2.0, FLOAT, alias=7)))
    assert bench.gaps()[0] == (602, 601 + lost, "open")


def test_a_node_that_repeats_itself_exactly_is_counted_on() -> None:
    """Without times every 256th message may be the same to the last bit."""
    bench = Bench()
    bench.born()
    same = [bench.node.data("pump", metric(None, 1.0, FLOAT, alias=7)) for _ in range(700)]
    for message in same:
        bench.take(message)
    assert [seq for _, seq in bench.keys] == list(range(702)) and not bench.gaps()
    bench.take(same[-90])
    assert bench.keys[-1][1] == 701 - 89, "one that comes again is known by its content"


def test_order_of_arrival_changes_nothing() -> None:
    """Within the moment after which a missing message counts as missing."""
    chance = random.Random(5)
    for _ in range(20):
        bench, other = Bench(), Bench()
        messages = [
            bench.node.data("pump", metric(None, float(n), FLOAT, alias=7, time=bench.node.now + n))
            for n in itertools.islice(itertools.count(), 40)
        ]
        bench.node.seq = 0
        start = [
            bench.node.birth(metric("a", 0.0)),
            bench.node.device_birth("pump", metric("Flow", 0.0, FLOAT, alias=7)),
        ]
        # the data was made with the numbers 0..39; a node sends them after its two births
        messages = [(t, b[:-1] + bytes([b[-1] + 2])) for t, b in messages]
        bench.take(*start)
        other.take(*start)
        straight = bench.take(*messages)
        shuffled = list(messages)
        chance.shuffle(shuffled)
        mixed = other.take(*shuffled, *chance.sample(shuffled, 5))
        assert sorted(bench.keys) == sorted(set(other.keys))
        assert set(straight) == set(mixed)
        assert not bench.gaps() and not other.gaps()


def test_data_overtaken_by_the_next_birth_belongs_to_the_old_session() -> None:
    bench = Bench()
    bench.born()
    for _ in range(200):
        bench.take(bench.node.data("pump", metric(None, 1.0, FLOAT, alias=7)))
    late = bench.node.data("pump", metric(None, 9.0, FLOAT, alias=7))
    bench.node.now += 1_000
    bench.take(bench.node.birth(metric("Site/Power", 4.0, alias=7)))
    assert bench.take(late) == [("pump/Flow", 9.0, 0)]
    assert bench.keys[-1][0] == bench.keys[0][0] and bench.keys[-1][1] == 202


def test_a_historical_value_is_marked() -> None:
    bench = Bench()
    bench.born()
    old = metric(None, 9.9, FLOAT, alias=7, time=bench.node.now - 3_600_000, historical=True)
    [(_, value, quality)] = bench.take(bench.node.data("pump", old))
    assert value == 9.9 and quality & QualityMark.HISTORICAL
    assert bench.batch.points.time_ms[0] == bench.node.now - 3_600_000


def test_the_death_of_a_device_makes_its_values_stale_and_no_others() -> None:
    bench = Bench()
    bench.born()
    found = bench.take(bench.node.device_death("pump"))
    assert [(n, v, q & CLASS_MASK) for n, v, q in found] == [("pump/Flow", 1.5, Quality.STALE)]
    assert bench.life == "online"
    bench.take(bench.node.data("pump", metric(None, 2.0, FLOAT, alias=7)))
    assert bench.asked() == ["plant:gw"], "a device that died must be born again"


def test_only_the_will_of_this_session_is_a_death() -> None:
    bench = Bench()
    bench.node.death = 4
    bench.born()
    bench.take(bench.node.will(3))
    assert bench.life == "online"
    bench.take(bench.node.will())
    assert bench.life == "offline"
    bench.node.death, bench.node.now = 5, bench.node.now + 1
    bench.born()
    assert bench.life == "online"


def test_a_new_link_knows_nobody_any_more() -> None:
    bench = Bench()
    bench.born()
    bench.take((LINK_LIVES, b""))
    assert [life.offline for life in bench.batch.lives] == [False]
    bench.take((LINK_BEGINS, b""))
    assert bench.asked() == ["plant:gw"]
    bench.take((LINK_LIVES, b""))
    assert not bench.batch.lives, "nobody vouches for a node that did not introduce itself again"


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("spBv1.0/g/NDATA/n", b""),
        ("spBv1.0/g/NDATA/n", b"not protobuf at all"),
        ("spBv1.0/g/NBIRTH/n", payload(None, [metric("a", 1.0)], time=5)),
        ("spBv1.0/g/NDATA/n", payload(None, [metric("a", 1.0)], time=5)),
        ("spBv1.0/g/NCMD/n", payload(0, [metric("a", 1.0)], time=5)),
        ("spBv1.0/g/DDATA/n", payload(0, [metric("a", 1.0)], time=5)),
        ("spBv1.0/g/NDATA/n/d", payload(0, [metric("a", 1.0)], time=5)),
        ("spBv1.0/g", b"x"),
        ("spBv1.0/g/NDATA/n", payload(300, [metric("a", 1.0)], time=5)),
    ],
)
def test_what_cannot_be_read_is_set_aside_and_changes_nothing(topic: str, body: bytes) -> None:
    bench = Bench()
    bench.born()
    assert bench.take((topic, body)) == []
    assert len(bench.aside) == 1 and bench.life == "online"
    assert bench.take(bench.node.data("pump", metric(None, 2.0, FLOAT, alias=7)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_payload_stops_the_others(data: st.DataObject) -> None:
    bench = Bench()
    bench.born()
    kind = data.draw(st.sampled_from(["NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"]))
    good = bench.node.data("pump", metric(None, 2.0, FLOAT, alias=7))[1]
    cut = data.draw(st.integers(0, len(good)))
    body = data.draw(st.one_of(st.binary(max_size=80), st.just(good[:cut]), st.just(good * 3)))
    device = "/d" if kind.startswith("D") else ""
    bench.take((f"spBv1.0/other/{kind}/n{device}", body))
    bench.node.seq = 2
    assert bench.take(bench.node.data("pump", metric(None, 4.0, FLOAT, alias=7)))


@pytest.mark.data
def test_the_payloads_of_the_test_data_do_what_is_expected_of_them() -> None:
    folder = city_data("live_sparkplug", "payloads_generated")
    topics = {e["file"]: e["topic"] for e in json.loads((folder / "INDEX.json").read_text())}
    bench = Bench()

    def give(start: str) -> list[tuple[str, float, int]]:
        [file] = folder.glob(f"{start}_*.bin")
        return bench.take((topics[file.name], file.read_bytes()))

    assert [name for name, _, _ in give("01")] == ["Site/Latitude", "Site/Longitude"]
    born = {name: value for name, value, _ in give("02")}
    assert born["pump-07/Pump/TempC_Int8"] == -7 and born["pump-07/Pump/TempC_Int16"] == -300
    assert born["pump-07/Pump/Delta_Int64"] == -5_000_000_000
    assert give("03") == [("pump-07/Pump/FlowRate", 13.75, 0), ("pump-07/Pump/Pressure", 4.02, 0)]
    give("04")
    assert bench.gaps()[0] == (3, 4, "open")
    [(_, _, quality)] = give("05")
    assert quality & QualityMark.HISTORICAL
    assert give("07") == [] and bench.aside == ["D-113"]
    assert all(q & CLASS_MASK == Quality.STALE for _, _, q in give("08"))
    give("09")
    source = bench.pipeline.registry.known_source("Kalasatama:gw-01")
    life = bench.pipeline.life(source or 0)
    assert life is not None and life.offline
    give("11")
    give("13")
    assert bench.aside == ["D-113", "D-113", "D-109"]


def test_the_death_of_a_node_makes_all_its_values_stale() -> None:
    from lamplighter.domain.observation import Committed
    from lamplighter.twin import empty, stale, step

    bench = Bench()
    bench.born()
    batch, now = bench.batch, bench.clock.wall_ms()
    state = step(empty(2, 1), Committed(1, now, batch.points, batch.messages, (), ()))
    source = np.zeros(2, np.int32)
    lives = {life.source: life for life in batch.lives}
    assert not stale(state, now + 1_000, lives, source).any()
    bench.take(bench.node.will())
    lives = {life.source: life for life in bench.batch.lives}
    assert stale(state, now + 2_000, lives, source).all()
    bench.take(bench.node.data("pump", metric("Flow", 2.0)))
    assert bench.asked() == ["plant:gw"], "its devices died with it and must be born again"
