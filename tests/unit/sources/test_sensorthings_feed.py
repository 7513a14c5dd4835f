"""SensorThings against a small server: found by itself, polled without a hole, heard by MQTT."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from tests.kit.broker import Broker
from tests.kit.own_feed import Opened
from tests.kit.testdata import city_data
from tests.kit.web import WebServer

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed
from lamplighter.sources import sensorthings_feed
from lamplighter.sources.json_page import tree_of
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Found, News
from lamplighter.sources.sensorthings_feed import read_observations, stream_of

START = 1_795_341_600


def _iso(second: int) -> str:
    return datetime.fromtimestamp(START + second, UTC).isoformat().replace("+00:00", "Z")


class Server(WebServer):
    """Datastreams with observations, in pages of two; enough of the protocol to be polled."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, list[tuple[int, Any]]] = {1: [], 2: [], 3: []}
        self.most = 20
        """observations of a datastream that the list shows, whatever is asked for"""

    def __enter__(self) -> Server:
        super().__enter__()
        self.put("/v1.1/Datastreams", lambda: self._streams())
        for number in self.rows:
            path = f"/v1.1/Datastreams({number})/Observations"
            self.put(path, lambda n=number: self._since(n))  # type: ignore[misc]
        return self

    def _observations(self, number: int) -> list[dict[str, Any]]:
        return [
            {"@iot.id": at, "phenomenonTime": _iso(second), "result": value}
            for at, (second, value) in enumerate(self.rows[number])
        ]

    def _streams(self) -> bytes:
        skip = int(parse_qs(urlsplit(self.asked[-1].path).query).get("$skip", ["0"])[0])
        page = [
            {
                "@iot.id": number,
                "name": f"level {number}",
                "unitOfMeasurement": {"symbol": "m"},
                "Thing": {"@iot.id": 10 + number, "name": "Weir"},
                "Observations": self._observations(number)[::-1][: self.most],
            }
            for number in sorted(self.rows)[skip : skip + 2]
        ]
        found: dict[str, Any] = {"value": page}
        if skip + 2 < len(self.rows):
            found["@iot.nextLink"] = f"{self.url}/v1.1/Datastreams?$skip={skip + 2}"
        return json.dumps(found).encode()

    def _since(self, number: int) -> bytes:
        wish = unquote(parse_qs(urlsplit(self.asked[-1].path).query)["$filter"][0])
        since = datetime.fromisoformat(wish.removeprefix("phenomenonTime gt ")).timestamp() - START
        rows = [o for o, (s, _) in zip(self._observations(number), self.rows[number], strict=True)
                if s > since]  # fmt: skip
        return json.dumps({"value": rows}).encode()

    @property
    def feed_url(self) -> str:
        return f"sensorthings+{self.url}/v1.1#interval=0.05&source=weirs"


def test_datastreams_are_found_over_all_pages_with_unit_and_thing() -> None:
    with Server() as server:
        server.rows = {n: [(n, float(n))] for n in (1, 2, 3)}
        with Opened(server.feed_url) as feed:
            feed.until(lambda f: len(f.newest) == 3)
            assert feed.newest == {f"Weir/level {n}": float(n) for n in (1, 2, 3)}
            assert set(feed.units.values()) == {"m"}
            assert feed.feed.homes["Weir/level 3"] == "13"  # type: ignore[attr-defined]
            assert feed.points[0][1] == 1000 * (START + 1)


def test_more_than_one_list_shows_is_fetched_and_nothing_comes_twice(tmp_path: Path) -> None:
    with Server() as server:
        server.rows[1] = [(0, 0.0)]
        with Opened(server.feed_url, folder=tmp_path) as feed:
            feed.until(lambda f: f.values("Weir/level 1") == [0.0])
            server.rows[1] = [(n, float(n)) for n in range(75)]
            feed.until(lambda f: len(f.values("Weir/level 1")) >= 75)
            asked = len(server.asked)
            feed.until(lambda f: len(server.asked) > asked + 4)
            assert sorted(feed.values("Weir/level 1")) == [float(n) for n in range(75)]
        server.rows[1].append((75, 75.0))
        with Opened(server.feed_url, folder=tmp_path) as feed:
            feed.until(lambda f: f.values("Weir/level 1"))
            assert feed.values("Weir/level 1") == [75.0]


def test_a_server_that_shows_fewer_than_asked_for_hides_nothing() -> None:
    with Server() as server:
        server.most = 3
        server.rows[1] = [(0, 0.0)]
        with Opened(server.feed_url) as feed:
            feed.until(lambda f: f.values("Weir/level 1") == [0.0])
            server.rows[1] = [(n, float(n)) for n in range(12)]
            feed.until(lambda f: len(f.values("Weir/level 1")) >= 12)
            asked = len(server.asked)
            feed.until(lambda f: len(server.asked) > asked + 4)
            assert sorted(feed.values("Weir/level 1")) == [float(n) for n in range(12)]


def test_what_came_beside_a_page_made_before_it_is_not_taken_again_with_the_next() -> None:
    news, first, second = News(), Point("level", 1, 1.0), Point("level", 2, 2.0)
    assert news.of(Found([first])) == [first]
    assert news.one_by_one([second]) == [second]
    assert news.of(Found([first])) == []
    assert news.of(Found([first, second])) == []
    assert news.one_by_one([second]) == []


def test_what_is_no_number_or_text_is_set_aside_and_the_rest_is_taken() -> None:
    with Server() as server:
        server.rows[1] = [(0, {"a": 1}), (1, 2.0), (2, None), (3, "open"), (4, True)]
        with Opened(server.feed_url) as feed:
            feed.until(lambda f: f.points)
            assert sorted(map(str, feed.values("Weir/level 1"))) == ["1.0", "2.0", "open"]
            assert sorted(fault[0] for _, fault in feed.aside) == ["D-101", "D-107"]


def test_observations_are_heard_at_once_by_mqtt_and_once(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker, Server() as server:
        server.rows[1] = [(0, 1.0)]
        url = server.feed_url.replace("interval=0.05", "interval=0.4") + f"&mqtt={broker.url}"
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="server")
        sender.connect("127.0.0.1", broker.port)
        sender.loop_start()
        with Opened(url) as feed:
            feed.until(lambda f: f.points)
            end = time.monotonic() + 30
            second = 1
            while 2.0 not in feed.values("Weir/level 1") and time.monotonic() < end:
                body = {"phenomenonTime": _iso(second), "result": 2.0}
                sender.publish("v1.1/Datastreams(1)/Observations", json.dumps(body), qos=1)
                time.sleep(0.1)
            server.rows[1].append((second, 2.0))
            asked = len(server.asked)
            feed.until(lambda f: len(server.asked) > asked + 4)
            assert feed.values("Weir/level 1") == [1.0, 2.0]
        sender.disconnect()
        sender.loop_stop()


def test_more_datastreams_than_are_read_are_told_and_hide_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensorthings_feed, "MOST_STREAMS", 1)
    with Server() as server:
        server.rows = {1: [(0, 1.5)], 2: [(0, 2.5)], 3: [(0, 3.5)]}
        with Opened(f"sensorthings+{server.url}/v1.1#interval=0.05") as feed:
            feed.until(lambda f: f.points and "more than 1 datastreams" in str(f.feed.problem))
            server.rows[1].append((1, 1.75))
            feed.until(lambda f: f.values("Weir/level 1") == [1.5, 1.75])
            assert {p[0] for p in feed.points} == {"Weir/level 1"}


def test_a_server_that_leads_elsewhere_is_not_followed() -> None:
    with Server() as server:
        body = {"value": [], "@iot.nextLink": "http://example.org/v1.1/Datastreams"}
        server.put("/v1.1/Datastreams", json.dumps(body).encode())
        with Opened(server.feed_url) as feed:
            feed.until(lambda f: "leads to example.org" in str(f.feed.problem))


@pytest.mark.data
def test_the_entities_of_a_real_server_are_read() -> None:
    thing = json.loads(city_data("live_sensorthings", "entitiesDefault.json").read_bytes())
    found, names = Found(), []
    for at, row in enumerate(thing["Datastreams"]):
        stream = stream_of({**row, "@iot.id": at, "Thing": {"name": thing["name"]}})
        assert stream is not None
        names.append((stream.name, stream.unit))
        read_observations(stream.name, row["Observations"], found)
    assert names[0] == ("thing name 1/datastream name 1", "lm")
    assert [p.value for p in found.points] == [3.0, 4.0, 5.0, 6.0]
    assert found.points[0].time_ms == 1_425_340_800_000


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["@iot.id", "id", "name", "Thing", "unitOfMeasurement", "symbol", "result",
                 "phenomenonTime", "Observations", "value"]
            ),
            inner, max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None)
@given(JSON)
def test_no_page_can_stop_the_reading(tree: Any) -> None:
    if isinstance(tree, dict):
        stream = stream_of(tree)
        assert stream is None or stream.id
    read_observations("n", tree if isinstance(tree, list) else [tree], Found())


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_can_stop_the_parsing(body: bytes) -> None:
    tree_of(body)
    tree_of(b"[" * 500 + body)


@pytest.mark.parametrize("url", ["sensorthings+http:///v1.1", "sensorthings+http://h#mqtt=x"])
def test_what_can_be_no_server_is_refused(url: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        check_feed(FeedConfig("feed-1", url))
