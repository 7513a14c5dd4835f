"""Pages that are asked again and again: read by a mapping, asked politely, told when they fail."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from tests.kit.certificates import Authority
from tests.kit.own_feed import Opened
from tests.kit.web import Page, WebServer

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed
from lamplighter.sources.feed_set import state_of

STATIONS = """
name = "air"
interval_s = 0.05
records = "stations[]"
time = "at"
time_format = "iso"
[[values]]
datastream = "{id}/no2"
value = "no2"
unit = "µg/m³"
"""
LEVELS = """
interval_s = 0.05
format = "csv"
time = "Zeit"
time_format = "%d.%m.%Y %H:%M"
decimal = ","
zone = "Europe/Berlin"
[[values]]
datastream = "{Ort}/level"
value = "Pegel"
unit = "m"
"""
BARE = """
interval_s = 0.05
[[values]]
value = "level"
"""


def _stations(*rows: tuple[str, str, object]) -> bytes:
    return json.dumps({"stations": [{"id": i, "at": t, "no2": v} for i, t, v in rows]}).encode()


def test_a_page_is_read_by_its_mapping_and_rows_are_taken_once() -> None:
    with WebServer() as web:
        web.put("/now", _stations(("A", "2026-11-22T10:00:00Z", 31.5), ("B", "x", 12)))
        with Opened(web.url + "/now", STATIONS) as feed:
            feed.until(lambda f: len(web.asked) > 3)
            assert sorted(feed.values("A/no2")) == [31.5]
            assert feed.units == {"A/no2": "µg/m³", "B/no2": "µg/m³"}
            web.put("/now", _stations(("A", "2026-11-22T10:05:00Z", 33.0)))
            feed.until(lambda f: f.values("A/no2") == [31.5, 33.0])
            assert feed.points[0][1] == 1_795_341_600_000
            assert feed.feed.state == "live" and feed.feed.problem is None
            original = feed.feed.original("air", "A/no2")  # type: ignore[attr-defined]
            assert original.payload == _stations(("A", "2026-11-22T10:05:00Z", 33.0))
    assert feed.announcements[0]["retains"] and feed.announcements[-1]["offline"]


def test_a_csv_with_commas_and_local_times_is_read() -> None:
    page = "Ort;Zeit;Pegel\r\nKanal;22.11.2026 10:00;1.234,50\r\nHafen;22.11.2026 10:00;\r\n"
    with WebServer() as web:
        web.put("/pegel.csv", page.encode("cp1252"))
        with Opened(web.url + "/pegel.csv", LEVELS) as feed:
            feed.until(lambda f: f.points)
    assert feed.points == [["Kanal/level", 1_795_338_000_000, 1234.5]]


def test_values_without_a_time_are_a_reading_each_time_even_when_the_page_is_unchanged() -> None:
    with WebServer() as web:
        web.put("/v", b'{"level": 4.5}', ETag='"a"')
        with Opened(web.url + "/v", BARE) as feed:
            feed.until(lambda f: len(f.values("level")) >= 4)
    assert set(feed.values("level")) == {4.5}
    times = [p[1] for p in feed.points]
    assert times == sorted(times) and len(set(times)) > 1
    assert any(a.headers.get("if-none-match") == '"a"' for a in web.asked)


def test_a_value_with_a_time_is_taken_once_beside_one_that_has_none() -> None:
    timed = 'time = "at"\ntime_format = "iso"\n'
    bare = '[[values]]\ndatastream = "raw"\nvalue = "no2"\n'
    mapping = STATIONS.replace(timed, "") + timed + bare
    with WebServer() as web:
        web.put("/now", _stations(("A", "2026-11-22T10:00:00Z", 31.5)), ETag='"a"')
        with Opened(web.url + "/now", mapping) as feed:
            feed.until(lambda f: len(f.values("raw")) > 3)
            assert feed.values("A/no2") == [31.5]


def test_the_next_start_takes_nothing_twice(tmp_path: Path) -> None:
    with WebServer() as web:
        web.put("/now", _stations(("A", "2026-11-22T10:00:00Z", 1)))
        for value in (1, 2):
            with Opened(web.url + "/now", STATIONS, folder=tmp_path) as feed:
                feed.until(lambda f, v=value: f.values("A/no2") == [v])
            web.put(
                "/now",
                _stations(("A", "2026-11-22T10:00:00Z", 1), ("A", "2026-11-22T10:01:00Z", 2)),
            )


def test_what_is_no_page_of_the_mapping_goes_to_quarantine_once_and_is_told() -> None:
    with WebServer() as web:
        web.put("/now", b"<html>maintenance</html>")
        with Opened(web.url + "/now", STATIONS) as feed:
            feed.until(lambda f: len(web.asked) > 4)
            assert [payload for payload, _ in feed.aside] == [b"<html>maintenance</html>"]
            assert "D-113" in str(feed.feed.problem) and feed.feed.state == "live"
            web.put("/now", _stations(("A", "2026-11-22T10:00:00Z", 7), ("B", "", None)))
            feed.until(lambda f: f.values("A/no2") == [7])
            assert feed.feed.problem is None
            assert [fault for _, fault in feed.aside][1:] == [("D-101", "B/no2: nothing")]


def test_a_server_that_goes_away_and_comes_back_is_found_again() -> None:
    web = WebServer()
    with web:
        web.put("/v", b'{"level": 1}')
        feed = Opened(web.url + "/v", BARE)
        feed.feed.start()
        feed.until(lambda f: f.points)
    feed.until(lambda f: f.feed.state != "live" and "N-304" in str(f.feed.problem))
    assert f"127.0.0.1:{web.port}" in str(feed.feed.problem)
    assert feed.announcements[-1]["offline"]
    count = len(feed.points)
    with web:
        feed.until(lambda f: len(f.points) > count and f.feed.state == "live")
        feed.stop()


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (Page(b"", 404), "it answers 404"),
        (Page(b"", 401), "check the login"),
        (Page(b"", 302, {"Location": "http://example.org/x"}), "leads to http://example.org"),
        (Page(b"", 302, {"Location": "/v"}), "redirects without end"),
        (Page(b"", 500), "it answers 500"),
        (Page(b"x" * 17_000_000), "larger than 16 MB"),
        (Page(b"", 503, {"Retry-After": "1"}), "asks for patience"),
    ],
)
def test_each_refusal_is_one_line_with_its_cause(page: Page, says: str) -> None:
    with WebServer({"/v": page}) as web, Opened(web.url + "/v", BARE) as feed:
        feed.until(lambda f: says in str(f.feed.problem))
        assert "\n" not in str(feed.feed.problem) and feed.points == []


def test_a_server_is_believed_only_with_a_certificate_that_proves_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name, wish, says in (
        ("good", {}, ""),
        ("elsewhere", {"host": "192.0.2.1"}, "N-302"),
        ("ended", {"start": -9, "end": -2}, "N-301"),
    ):
        files = authority.issue(name, **wish)  # type: ignore[arg-type]
        assert files.cert is not None and files.key is not None
        with WebServer(certificate=(files.cert, files.key)) as web:
            web.put("/v", b'{"level": 1}')
            with Opened(web.url + "/v", BARE, ca=str(authority.file)) as feed:
                if not says:
                    feed.until(lambda f: f.points)
                    state = state_of(feed.feed, SystemClock().wall_ms())
                    assert state.protocol.startswith("HTTP/1.1, TLSv1")
                    assert state.certificate_of == "server"
                    assert 28 < (state.certificate_days or 0) < 31
                    continue
                feed.until(lambda f, s=says: s in str(f.feed.problem))
                assert feed.points == [] and web.asked == []


def test_the_login_of_the_address_is_sent_and_not_asked_for_in_the_path() -> None:
    with WebServer() as web:
        web.put("/v", b'{"level": 1}')
        with Opened(f"http://ann:s%40fe@127.0.0.1:{web.port}/v?key=1#source=tank", BARE) as feed:
            feed.until(lambda f: f.points)
            assert str(feed.got[0].topic).endswith("/tank")
    asked = web.asked[0]
    assert asked.path == "/v?key=1"
    assert base64.b64decode(asked.headers["authorization"].split()[1]) == b"ann:s@fe"


@pytest.mark.parametrize(
    ("url", "mapping"),
    [
        ("http://127.0.0.1/v", ""),
        ("http:///v", BARE),
        ("http://127.0.0.1/v#interval=0", BARE),
        ("http://127.0.0.1/v#interval=often", BARE),
        ("http://127.0.0.1/v", 'format = "xml"\n[[values]]\nvalue = "a"\n'),
        ("http://127.0.0.1/v", "[[values]]\n"),
    ],
)
def test_what_can_be_no_page_is_refused_before_it_is_stored(url: str, mapping: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        check_feed(FeedConfig("feed-1", url, mapping))
