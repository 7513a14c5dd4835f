"""A feed on trial: real messages, a mapping proposed from them, and nothing of it stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.kit.broker import Broker
from tests.kit.recorders import running
from tests.kit.sparkplug import FLOAT, EdgeNode, metric
from tests.kit.web import WebServer

from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.asset_names import AssetNames, plain
from lamplighter.runtime.feed_trial import FeedTrial, Known, look_once
from lamplighter.runtime.project import create
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store

PATIENCE_S = 30.0


def told(tree: object) -> bytes:
    return json.dumps(tree).encode()


class Devices:
    """Two masts that repeat what they measure."""

    def __init__(self, port: int) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def speak(self) -> None:
        now = time.time_ns() // 1_000_000
        for mast in ("07", "08"):
            body = {"dev": f"mast-{mast}", "ts": now, "temp": 21.5, "rssi": -70}
            self.client.publish(f"city/air/{mast}/up", told(body), qos=1)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    create(tmp_path / "town")
    with_assets(tmp_path / "town", Asset("MAST-7", "AirMonitor", "Mast 7", "environment"))
    with running(tmp_path / "town") as made:
        yield made


def with_assets(project: Path, *assets: Asset) -> None:
    store = Store.open(project, write=True, clock=SystemClock())
    store.writer.call(lambda access: access.put_assets(assets)).result()
    store.close()


def ask(recorder: Recorder, request: wire.Request) -> Any:
    return recorder._handle(request)


def until(look: Any, good: Any, speak: Any = None) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if speak is not None:
            speak()
        found = look()
        if good(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"not in time: {found}")


def test_from_an_address_to_values_on_assets(broker: Broker, recorder: Recorder) -> None:
    devices = Devices(broker.port)
    trial = ask(recorder, wire.TryFeed(broker.url)).id
    seen = until(lambda: ask(recorder, wire.LookAtTrial(trial)), lambda t: len(t.rows) == 2,
                 devices.speak)  # fmt: skip
    assert seen.groups[0].topic == "city/air/+/up"
    assert seen.samples and '"dev"' in seen.samples[0].body
    rows = {row.key: row for row in seen.rows}
    row = rows["air-up/mast-07/temp"]
    assert (row.unit, row.value, row.asset) == ("°C", "21.5", "MAST-7")
    assert rows["air-up/mast-08/temp"].asset == ""
    assert not recorder.store.accounts(), "a trial stores nothing"
    ask(recorder, wire.EndTrial(trial))
    bindings = tuple((r.key, r.asset, r.unit) for r in seen.rows if r.asset)
    begun = time.monotonic()
    added = wire.AddFeed(broker.url, seen.mapping, name="Air", owner="Parks", bindings=bindings)
    assert ask(recorder, added).text == "feed-1"
    streams = until(
        lambda: {s.key: s for s in recorder.core.city.streams if s.asset},
        lambda found: found and recorder.core.newest.time_ms[next(iter(found.values())).id] > 0,
        devices.speak,
    )
    print(f"first value {time.monotonic() - begun:.2f} s after adding")
    bound = streams["air-up/mast-07/temp"]
    assert (bound.asset, bound.unit) == ("MAST-7", "°C")
    state = until(lambda: recorder.feed_states()[0], lambda s: s.messages_per_s > 0, devices.speak)
    assert (state.name, state.owner, state.state, state.sources) == ("Air", "Parks", "live", 1)
    devices.stop()


def test_native_messages_beside_others_are_a_choice_of_their_own(
    broker: Broker, recorder: Recorder
) -> None:
    devices = Devices(broker.port)
    body = told({"epoch": 5, "seq": 0, "points": [["P-1", 1_795_349_281_000, 2.5]]})
    devices.client.publish("lamplighter/1/obs/gw-1", body, qos=1, retain=True)
    trial = ask(recorder, wire.TryFeed(broker.url)).id
    both = {"lamplighter/1/#", "city/air/+/up"}
    seen = until(
        lambda: ask(recorder, wire.LookAtTrial(trial)),
        lambda t: {g.topic for g in t.groups} == both,
        devices.speak,
    )
    assert seen.native
    native = ask(recorder, wire.LookAtTrial(trial, "lamplighter/1/#"))
    assert [(r.key, r.value) for r in native.rows] == [("gw-1/P-1", "2.5")]
    assert native.mapping == ""
    other = ask(recorder, wire.LookAtTrial(trial, "city/air/+/up"))
    assert {r.key for r in other.rows} == {"air-up/mast-07/temp", "air-up/mast-08/temp"}
    devices.stop()


def test_a_mapping_that_cannot_be_used_is_told_in_the_preview(
    broker: Broker, recorder: Recorder
) -> None:
    devices = Devices(broker.port)
    trial = ask(recorder, wire.TryFeed(broker.url)).id
    seen = until(lambda: ask(recorder, wire.LookAtTrial(trial, "", "topic = ")),
                 lambda t: t.messages > 0, devices.speak)  # fmt: skip
    assert "cannot be used" in seen.problem
    assert not seen.rows
    devices.stop()


def test_a_feed_is_paused_resumed_edited_and_removed(broker: Broker, recorder: Recorder) -> None:
    ask(recorder, wire.AddFeed(broker.url))
    until(lambda: recorder.feed_states()[0].state, lambda s: s == "live")
    ask(recorder, wire.ChangeFeed("feed-1", "pause", "works"))
    assert [s.state for s in recorder.feed_states()] == ["paused"]
    ask(recorder, wire.ChangeFeed("feed-1", "resume"))
    until(lambda: recorder.feed_states()[0].state, lambda s: s == "live")
    ask(recorder, wire.ChangeFeed("feed-1", "edit", name="Main", owner="Water"))
    assert recorder.feed_states()[0].owner == "Water"
    with pytest.raises(LamplighterError, match="no feed address"):
        ask(recorder, wire.ChangeFeed("Main", "edit", url="ftp://x"))
    ask(recorder, wire.ChangeFeed("Main", "remove", "old"))
    assert recorder.feed_states() == ()
    with pytest.raises(LamplighterError, match="no feed"):
        ask(recorder, wire.ChangeFeed("Main", "remove"))


def test_the_broken_layer_is_named(broker: Broker, recorder: Recorder) -> None:
    ask(recorder, wire.AddFeed(broker.url))
    until(lambda: recorder.feed_states()[0].state, lambda s: s == "live")
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    says = {"epoch": 5, "first_seq": 0, "next_seq": 0, "heartbeat_s": 600, "retains": False}
    client.publish("lamplighter/1/src/gw-1", told(says), qos=1, retain=True)
    point = ["P-1", time.time_ns() // 1_000_000, 1.0]
    body = told({"epoch": 5, "seq": 0, "points": [point]})
    client.publish("lamplighter/1/obs/gw-1", body, qos=1)
    until(lambda: recorder.feed_states()[0].sources, lambda n: n == 1)
    goodbye = told({"epoch": 5, "offline": True})
    client.publish("lamplighter/1/src/gw-1", goodbye, qos=1, retain=True)
    state = until(lambda: recorder.feed_states()[0], lambda s: s.layer == "gateway")
    assert "gw-1" in state.layer_words and "off" in state.layer_words
    detail = ask(recorder, wire.GetFeed("feed-1"))
    assert detail.sources[0].said_off
    broker.stop()
    state = until(lambda: recorder.feed_states()[0], lambda s: s.layer == "broker")
    assert state.layer_words
    layers = {name: word for name, word, _ in ask(recorder, wire.GetFeed("feed-1")).layers}
    assert layers == {
        "console": "ok", "broker": "broken", "gateway": "unknown", "device": "unknown",
    }  # fmt: skip
    client.loop_stop()


@pytest.mark.parametrize(
    ("key", "asset"),
    [("gw-1/P-17/pressure", "P-17"), ("gw/p_017_pressure", "P-17"), ("P 17/flow", "P-17"),
     ("gw/P-18/pressure", ""), ("gw/level", ""), ("gw/Nordbrucke 2/strain", "B2")],
)  # fmt: skip
def test_assets_by_nearness_of_names(key: str, asset: str) -> None:
    names = AssetNames(
        [Asset("P-17", "Pump", "Pump seventeen", "water"),
         Asset("B2", "Bridge", "Nordbruecke 2", "structures")]
    )  # fmt: skip
    assert names.nearest(key)[0] == asset


def test_names_are_compared_without_their_looks() -> None:
    assert plain("P-017") == plain("p_17") == plain("P 17")
    assert plain("P-17") != plain("P-170")


@pytest.mark.e2e
def test_a_sparkplug_feed_on_trial_asks_for_births_and_shows_their_values(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        node = EdgeNode(now=SystemClock().wall_ms())

        def born(*_: object) -> None:
            client.publish(*node.birth())
            flow = metric("Flow", 2.0, FLOAT, alias=7, unit="L/s")
            client.publish(*node.device_birth("pump", flow))

        client.on_message = born
        client.connect("127.0.0.1", broker.port)
        client.subscribe("spBv1.0/plant/NCMD/gw")
        client.loop_start()
        address = wire.TryFeed(url=f"sparkplug://127.0.0.1:{broker.port}/plant")
        trial = FeedTrial(1, address, SystemClock())
        try:
            end = time.monotonic() + 30
            rows: list[str] = []
            while "plant:gw/pump/Flow" not in rows and time.monotonic() < end:
                node.now = SystemClock().wall_ms()
                client.publish(*node.data("pump", metric(None, 3.0, FLOAT, alias=7)))
                time.sleep(0.2)
                seen = trial.look(0, "", Known({}, ()))
                rows = [row.key for row in seen.rows]
            assert "plant:gw/pump/Flow" in rows and seen.native
        finally:
            trial.feed.stop()
            client.disconnect()
            client.loop_stop()


def test_a_page_is_tried_and_its_values_are_shown() -> None:
    page = b"time;station;no2\n2026-11-22T10:00:00Z;S1;40,5\n2026-11-22T10:00:00Z;S2;41,5\n"
    with WebServer() as web:
        web.put("/air.csv", page)
        seen = look_once(f"{web.url}/air.csv", SystemClock(), seconds=PATIENCE_S)
        often = look_once(f"{web.url}/air.csv#interval=4", SystemClock(), seconds=PATIENCE_S)
    assert (seen.points_per_s, often.points_per_s) == (2 / 60, 2 / 4), "as it will be asked for"
    assert "no2" in seen.mapping
    assert {row.key: row.value for row in seen.rows} == {
        "air/S1/no2": "40.5", "air/S2/no2": "41.5",
    }  # fmt: skip
