"""OPC UA against a real server: security, subscriptions, status, history, reconnects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.broker import free_port
from tests.kit.opcua_server import URI, OpcUaServer
from tests.kit.own_feed import Opened
from tests.kit.testdata import city_data

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed
from lamplighter.sources import opcua_feed
from lamplighter.sources.opcua_values import micros_of, overflowed, points_of, quality_of

SPEED = "Plant/Pump1/Speed"
MAP = f"""
name = "plant"
security = "none"
publishing_s = 0.05
[[nodes]]
node = "nsu={URI};s=Speed"
datastream = "P-1/speed"
[[nodes]]
node = "nsu={URI};s=Gone"
datastream = "P-1/gone"
"""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpcUaServer]:
    folder = tmp_path_factory.mktemp("server")
    with OpcUaServer(folder=folder, users={"ann": "safe"}, history=True) as server:
        server.add("Speed", 1450.5, unit="rpm")
        server.add("Run", True)
        server.add("Name", "P-1")
        server.add("Phase", [1.0, 2.0])
        yield server


def _url(server: OpcUaServer, more: str = "", login: str = "ann:safe@") -> str:
    place = server.url.replace("opc.tcp://", f"opc.tcp://{login}")
    return f"{place}#security=encrypt{more}"


def test_everything_below_the_objects_is_found_with_its_unit_over_an_encrypted_link(
    secure: OpcUaServer, tmp_path: Path
) -> None:
    secure.set("Speed", 1450.5)
    with Opened(_url(secure), folder=tmp_path) as feed:
        feed.until(lambda f: "Plant/Pump1/Phase[1]" in f.newest and SPEED in f.newest)
        assert feed.newest["Plant/Pump1/Run"] == 1.0
        assert feed.newest["Plant/Pump1/Name"] == "P-1"
        assert feed.units == {SPEED: "rpm"}
        original = feed.feed.original("127.0.0.1", SPEED)  # type: ignore[attr-defined]
        assert b"s=Speed value=" in original.payload
        assert b" status=0x00000000 source=" in original.payload
        assert feed.feed.counters.protocol == "OPC UA, Basic256Sha256, encrypt"
        assert feed.feed.counters.certificate[1] == "server"
        key = tmp_path / "keys" / "opcua" / "console.key"
        assert key.stat().st_mode & 0o077 == 0
    assert feed.announcements[0]["on_change"]
    assert not any("Server" in name for name in feed.newest)


def test_status_codes_become_quality_and_a_value_that_went_bad_keeps_its_last_one(
    secure: OpcUaServer,
) -> None:
    secure.set("Speed", 10.0)
    with Opened(_url(secure)) as feed:
        feed.until(lambda f: SPEED in f.newest)
        before = len(feed.values(SPEED))
        secure.set("Speed", 11.0, status="UncertainLastUsableValue")
        feed.until(lambda f: f.newest[SPEED] == 11.0)
        secure.set("Speed", None, status="BadSensorFailure")
        feed.until(lambda f: len(f.values(SPEED)) >= before + 2)
        rows = [p for p in feed.points if p[0] == SPEED][before:]
        assert [row[2:] for row in rows] == [[11.0, "uncertain"], [11.0, "bad"]]


def test_the_source_time_is_the_time_of_the_value(secure: OpcUaServer) -> None:
    when = datetime.now(UTC) - timedelta(seconds=3)
    secure.set("Speed", 76.0)
    with Opened(_url(secure)) as feed:
        feed.until(lambda f: SPEED in f.newest)
        secure.set("Speed", 77.0, when=when)
        feed.until(lambda f: f.newest[SPEED] == 77.0)
    assert [p[1] for p in feed.points if p[2] == 77.0] == [int(when.timestamp() * 1000)]


@pytest.mark.parametrize(("at_once", "given"), [(50_000, 10_000), (2, 10_000), (50_000, 2)])
def test_what_changed_while_nobody_listened_is_read_from_the_servers_history_once(
    secure: OpcUaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, given: int
) -> None:
    monkeypatch.setattr(opcua_feed, "HISTORY_MOST", at_once)
    kept = secure._server.iserver.history_manager.storage
    monkeypatch.setattr(kept, "max_history_data_response_size", given)
    secure.set("Speed", 1999.0)
    with Opened(_url(secure), folder=tmp_path) as feed:
        feed.until(lambda f: f.newest.get(SPEED) == 1999.0)
    for value in range(5):
        secure.set("Speed", 2000.0 + value)
        time.sleep(0.005)
    with Opened(_url(secure), folder=tmp_path) as feed:
        feed.until(lambda f: f.newest.get(SPEED) == 2004.0)
        secure.set("Speed", 2005.0)
        feed.until(lambda f: f.newest[SPEED] == 2005.0)
    assert feed.values(SPEED) == [2000.0 + n for n in range(6)]


def test_a_wrong_login_is_told(secure: OpcUaServer) -> None:
    with Opened(_url(secure, login="ann:wrong@")) as feed:
        feed.until(lambda f: "refuses the login" in str(f.feed.problem))
        assert "wrong" not in str(feed.feed.problem) and feed.points == []


def test_security_is_never_assumed(secure: OpcUaServer) -> None:
    for url in (secure.url, secure.url + "#security=maybe"):
        with pytest.raises(LamplighterError, match="choose its security"):
            check_feed(FeedConfig("feed-1", url))
    with Opened(secure.url + "#security=none") as feed:
        feed.until(lambda f: "N-304" in str(f.feed.problem))
        assert feed.points == []


def test_a_server_without_the_wanted_security_is_refused(secure: OpcUaServer) -> None:
    with Opened(secure.url + "#security=sign", 'policy = "Aes256Sha256RsaPss"') as feed:
        feed.until(lambda f: "offers no sign with Aes256Sha256RsaPss" in str(f.feed.problem))
        assert feed.feed.state == "refused"
        assert "Basic256Sha256/SignAndEncrypt" in str(feed.feed.problem)


def test_another_server_in_its_place_is_refused(secure: OpcUaServer, tmp_path: Path) -> None:
    with Opened(_url(secure), folder=tmp_path) as feed:
        feed.until(lambda f: f.feed.state == "live")
    pinned = tmp_path / "keys" / "opcua" / f"127.0.0.1-{secure.port}.server.der"
    other = tmp_path / "other.der"
    other.write_bytes((tmp_path / "keys" / "opcua" / "console.der").read_bytes())
    with Opened(_url(secure, f"&server_cert={other}"), folder=tmp_path) as feed:
        feed.until(lambda f: "N-302" in str(f.feed.problem))
    pinned.write_bytes(other.read_bytes())
    with Opened(_url(secure), folder=tmp_path) as feed:
        feed.until(lambda f: "N-302" in str(f.feed.problem))
        assert feed.points == []


def test_nodes_of_a_map_a_missing_one_named_and_a_server_that_comes_and_goes() -> None:
    port = free_port()
    with Opened(f"opc.tcp://127.0.0.1:{port}/plant", MAP) as feed:
        feed.until(lambda f: "N-304" in str(f.feed.problem))
        with OpcUaServer(port=port) as server:
            server.add("Speed", 1.0)
            feed.until(lambda f: f.newest.get("P-1/speed") == 1.0)
            feed.until(lambda f: "P-1/gone" in str(f.feed.problem))
            assert feed.feed.state == "live"
            server.set("Speed", 1.5)
            feed.until(lambda f: f.newest.get("P-1/speed") == 1.5)
        feed.until(lambda f: f.feed.state != "live" and f.announcements[-1].get("offline"))
    assert feed.values("P-1/speed") == [1.0, 1.5]


@pytest.mark.data
def test_a_companion_model_is_browsed() -> None:
    files = [
        city_data("live_opcua", *parts)
        for parts in (
            ("DI", "Opc.Ua.Di.NodeSet2.xml"),
            ("Machinery", "Opc.Ua.Machinery.NodeSet2.xml"),
            ("Machinery", "Opc.Ua.Machinery.Examples.NodeSet2.xml"),
        )
    ]
    url = "#security=none&properties=1"
    with OpcUaServer(files=tuple(files)) as server, Opened(server.url + url) as feed:
        serial = "Machines/ExampleMachine01/Identification/SerialNumber"
        feed.until(lambda f: serial in f.newest)
        assert isinstance(feed.newest[serial], str) and len(feed.newest) > 10


@pytest.mark.parametrize(
    ("url", "mapping", "says"),
    [
        ("opc.tcp://#security=none", "", "no host"),
        ("opc.tcp://h#security=none&browse=Plant", "", "is no node"),
        ("opc.tcp://h", "security = 'none'\n[[nodes]]\nnode = 'speed'\n", "is no node"),
        ("opc.tcp://h", "security = 'none'\npolicy = 'Basic128Rsa15'\n", "not safe"),
        ("opc.tcp://h", "security = 'none'\nodd = 1\n", "'odd' is unknown"),
    ],
)
def test_what_can_be_no_server_is_refused_before_it_is_stored(
    url: str, mapping: str, says: str
) -> None:
    with pytest.raises(LamplighterError, match=says):
        check_feed(FeedConfig("feed-1", url, mapping))


ANY = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.datetimes()
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(ANY, st.integers(0, 2**32 - 1), st.one_of(st.none(), st.datetimes()))
def test_no_value_and_no_status_can_stop_the_reading(value: Any, status: int, when: Any) -> None:
    time = micros_of(when)
    assert time is None or time > 0
    quality = quality_of(status)
    assert quality in ("good", "uncertain", "bad")
    assert not overflowed(status & ~0x80)
    for point in points_of("n", value, 1, quality, None):
        assert isinstance(point.value, float | str)
