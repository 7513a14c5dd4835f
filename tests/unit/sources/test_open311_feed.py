"""Requests of citizens, counted by service over all pages."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.own_feed import Opened
from tests.kit.testdata import city_data
from tests.kit.web import WebServer

from lamplighter.sources.open311_feed import open_requests


def test_open_requests_are_counted_by_service_and_none_is_counted_as_none() -> None:
    rows = [{"service_request_id": n, "status": "open", "service_name": "Pothole" if n % 2 else
             "Lamp"} for n in range(5)]  # fmt: skip
    with WebServer() as web:

        def page() -> bytes:
            at = int(parse_qs(urlsplit(web.asked[-1].path).query)["page"][0]) - 1
            return json.dumps(rows[2 * at : 2 * at + 2]).encode()

        web.put("/v2/requests.json", page)
        with Opened(f"open311+{web.url}/v2#interval=0.05&jurisdiction=town") as feed:
            feed.until(lambda f: f.points)
            assert feed.newest == {"Pothole/open": 2.0, "Lamp/open": 3.0, "open": 5.0}
            assert "jurisdiction_id=town" in web.asked[0].path
            rows[:] = [rows[1]]
            feed.until(lambda f: f.newest == {"Pothole/open": 1.0, "Lamp/open": 0.0, "open": 1.0})
            web.put("/v2/requests.json", b'{"error": "no"}')
            feed.until(lambda f: "no requests" in str(f.feed.problem))


@pytest.mark.data
def test_a_real_answer_is_counted() -> None:
    file = city_data("live_open311", "open311status", "spec", "fixtures", "service_requests.json")
    found = open_requests(json.loads(file.read_bytes()))
    assert found is not None


@settings(deadline=None)
@given(st.recursive(st.one_of(st.none(), st.text(max_size=5), st.integers()),
                    lambda i: st.one_of(st.lists(i, max_size=3), st.dictionaries(
                        st.sampled_from(["requests", "status", "service_name"]), i, max_size=3)),
                    max_leaves=8))  # fmt: skip
def test_no_answer_can_stop_the_counting(tree: Any) -> None:
    found = open_requests(tree)
    assert found is None or all(isinstance(s, str) for _, s in found)
