"""NGSI-LD against a small broker: entities polled, notifications received only when asked for."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.broker import free_port
from tests.kit.own_feed import Opened
from tests.kit.testdata import city_data
from tests.kit.web import Page, WebServer

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed
from lamplighter.sources import ngsi_feed
from lamplighter.sources.ngsi_ld import entities_of, read_entities
from lamplighter.sources.notices import Receiver

AT = "2026-11-22T10:00:00Z"
AT_MS = 1_795_341_600_000


def _entity(value: float, at: str = AT) -> dict[str, Any]:
    return {
        "id": "urn:ngsi-ld:AirQualityObserved:S1",
        "type": "AirQualityObserved",
        "name": {"type": "Property", "value": "Station 1"},
        "NO2": {"type": "Property", "value": value, "unitCode": "GQ", "observedAt": at},
        "state": {"type": "Property", "value": "ok", "observedAt": at},
        "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Device:1"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
    }


def _url(web: WebServer, more: str = "") -> str:
    return f"ngsi-ld+{web.url}/ngsi-ld/v1#type=AirQualityObserved&interval=0.05{more}"


def test_values_are_read_with_their_time_unit_and_entity_and_told_once() -> None:
    with WebServer() as web:
        web.put("/ngsi-ld/v1/entities", json.dumps([_entity(21.5)]).encode())
        with Opened(_url(web)) as feed:
            feed.until(lambda f: len(web.asked) > 3)
            assert feed.points == [
                ["AirQualityObserved:S1/NO2", AT_MS, 21.5],
                ["AirQualityObserved:S1/state", AT_MS, "ok"],
            ]
            assert feed.units == {"AirQualityObserved:S1/NO2": "µg/m³"}
            homes = feed.feed.homes  # type: ignore[attr-defined]
            assert homes["AirQualityObserved:S1/NO2"] == "urn:ngsi-ld:AirQualityObserved:S1"
            later = json.dumps([_entity(22.0, "2026-11-22T10:05:00Z")]).encode()
            web.put("/ngsi-ld/v1/entities", later)
            feed.until(lambda f: f.values("AirQualityObserved:S1/NO2") == [21.5, 22.0])


def test_a_change_behind_a_page_that_is_as_it_was_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngsi_feed, "PAGE", 1)
    first, second = _entity(21.5), {**_entity(30.0), "id": "urn:ngsi-ld:AirQualityObserved:S2"}
    pages = "/ngsi-ld/v1/entities?type=AirQualityObserved&limit=1"
    with WebServer() as web:
        web.put(pages, json.dumps([first]).encode(), ETag="never changes")
        web.put(f"{pages}&offset=1", json.dumps([second]).encode())
        web.put(f"{pages}&offset=2", b"[]")
        with Opened(_url(web)) as feed:
            feed.until(lambda f: f.values("AirQualityObserved:S2/NO2") == [30.0])
            second["NO2"] = {**second["NO2"], "value": 31.0, "observedAt": "2026-11-22T10:05:00Z"}
            web.put(f"{pages}&offset=1", json.dumps([second]).encode())
            feed.until(lambda f: f.values("AirQualityObserved:S2/NO2") == [30.0, 31.0])
            assert feed.values("AirQualityObserved:S1/NO2") == [21.5]


def test_a_value_with_a_time_is_told_once_beside_one_that_has_none() -> None:
    rows = [_entity(21.5), {"id": "urn:ngsi-ld:Sign:1", "type": "Sign", "capacity": 100}]
    with WebServer() as web:
        web.put("/ngsi-ld/v1/entities", json.dumps(rows).encode())
        with Opened(_url(web)) as feed:
            feed.until(lambda f: len(f.values("Sign:1/capacity")) > 3)
            assert feed.values("AirQualityObserved:S1/NO2") == [21.5]


def test_the_next_start_takes_nothing_twice(tmp_path: Path) -> None:
    with WebServer() as web:
        web.put("/ngsi-ld/v1/entities", json.dumps([_entity(21.5)]).encode())
        with Opened(_url(web), folder=tmp_path) as feed:
            feed.until(lambda f: f.points)
        asked = len(web.asked)
        with Opened(_url(web), folder=tmp_path) as feed:
            feed.until(lambda f: len(web.asked) > asked + 2)
            assert feed.points == []


def test_notifications_come_at_once_and_the_subscription_is_taken_back() -> None:
    port = free_port()
    with WebServer() as web:
        web.put("/ngsi-ld/v1/entities", b"[]")
        web.pages["/ngsi-ld/v1/subscriptions"] = Page(b"", 201)
        with Opened(_url(web, f"&listen=127.0.0.1:{port}")) as feed:
            feed.until(lambda f: any(a.method == "POST" for a in web.asked) and len(web.asked) > 3)
            asked = next(a for a in web.asked if a.method == "POST")
            subscription = json.loads(asked.body)
            assert subscription["entities"] == [{"type": "AirQualityObserved"}]
            place = urlsplit(subscription["notification"]["endpoint"]["uri"])
            assert place.port == port
            body = json.dumps({"type": "Notification", "data": [_entity(33.0)]})
            assert _post(port, place.path, body) == 204
            feed.until(lambda f: f.values("AirQualityObserved:S1/NO2") == [33.0])
            assert _post(port, "/notify/guess", body) == 404
            assert _post(port, place.path, "no json") == 204
            feed.until(lambda f: f.aside)
            assert _post(port, place.path, "") == 413
    assert web.asked[-1].method == "DELETE"
    with pytest.raises(OSError):
        _post(port, place.path, body)


def _post(port: int, path: str, body: str) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("POST", path, body.encode())
        return link.getresponse().status
    finally:
        link.close()


def test_a_receiver_outlives_whatever_is_sent_to_it() -> None:
    heard: list[bytes] = []

    async def talk() -> None:
        receiver = Receiver("127.0.0.1", 0, heard.append)
        await receiver.start()
        port = int(receiver.base.rpartition(":")[2])
        path = receiver.path.encode()
        for raw in (
            b"", b"\r\n\r\n", b"\x00\xff" * 400 + b"\r\n\r\n",
            b"GET " + path + b" HTTP/1.1\r\n\r\n",
            b"POST " + path + b" HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            b"POST " + path + b" HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"POST " + path + b" HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"POST " + path + b" HTTP/1.1\r\nContent-Length: 50\r\n\r\nshort", b"A" * 100_000,
            b"POST /x HTTP/1.1\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        ):  # fmt: skip
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(raw)
            writer.write_eof()
            with contextlib.suppress(OSError):
                await asyncio.wait_for(reader.read(), 20)
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST " + path + b" HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert b" 204 " in await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await receiver.stop()

    asyncio.run(talk())
    assert heard == [b"{}"]


def test_nothing_listens_unless_it_is_asked_for() -> None:
    with WebServer() as web:
        web.put("/ngsi-ld/v1/entities", b"[]")
        with Opened(_url(web)) as feed:
            feed.until(lambda f: len(web.asked) > 2)
            assert all(a.method == "GET" for a in web.asked)


def test_simplified_entities_take_the_time_of_the_entity() -> None:
    row = {"id": "urn:ngsi-ld:W:1", "type": "W", "pH": 7.4, "dateObserved": AT, "note": "x"}
    found, _ = read_entities([row], 5)
    assert [(p.name, p.time_ms, p.value) for p in found.points] == [("W:1/pH", AT_MS, 7.4)]
    found, _ = read_entities([{"id": "a", "type": "W", "pH": 7.4}], 5)
    assert found.points[0].time_ms == 5 and not found.own_time


@pytest.mark.data
def test_every_example_of_the_data_models_is_read() -> None:
    files = sorted(city_data("live_ngsi_ld").rglob("example*.json*"))
    values = 0
    for file in files:
        tree = json.loads(file.read_bytes())
        found, homes = read_entities(entities_of(tree), 5)
        values += len(found.points)
        assert all(isinstance(p.value, float | str) and p.name in homes for p in found.points)
    assert len(files) > 60 and values > 150
    water = city_data("live_ngsi_ld", "WaterQuality", "WaterQualityObserved", "examples")
    for name in ("example.jsonld", "example-normalized.jsonld"):
        found, _ = read_entities(entities_of(json.loads((water / name).read_bytes())), 5)
        by_name = {p.name.rpartition("/")[2]: p for p in found.points}
        assert by_name["pH"].value == 7.4 and by_name["pH"].time_ms == 1_485_845_100_000


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["id", "type", "value", "observedAt", "unitCode", "datasetId", "data", "NO2",
                 "dateObserved"]
            ),
            inner, max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None)
@given(JSON)
def test_no_entity_can_stop_the_reading(tree: Any) -> None:
    read_entities(entities_of(tree), 5)


@pytest.mark.parametrize(
    "url",
    [
        "ngsi-ld+http://h/ngsi-ld/v1",
        "ngsi-ld+http:///v1#type=A",
        "ngsi-ld+http://h/v1#type=A&listen=8085",
        "ngsi-ld+http://h/v1#type=A&listen=h:x",
    ],
)
def test_what_can_be_no_broker_is_refused(url: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        check_feed(FeedConfig("feed-1", url))
