"""The quarantine as people work on it: looked at, retried, exported, deleted, always counted."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.recorders import running

from lamplighter.domain import wire
from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.domain.observation import Account
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.quarantine import AsideRow, as_csv, as_json_lines
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.pipeline import aside
from lamplighter.runtime.project import audit_entries
from lamplighter.runtime.recorder import Recorder

PATIENCE_S = 30.0
MAPPING = """
name = "masts"
topic = "city/+/up"
[[values]]
datastream = "{id}/temp"
value = "%s"
"""


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with running(tmp_path / "town") as made:
        yield made


def ask(recorder: Recorder, request: wire.Request) -> Any:
    return recorder._handle(request)


def send(recorder: Recorder, topic: str, body: bytes, feed: str = "feed-1") -> None:
    clock = recorder.clock
    recorder.inlet.deliver(RawMessage(topic, body, clock.wall_ms(), -1, feed, clock.monotonic_ms()))


def rows_of(recorder: Recorder, count: int) -> list[wire.QuarantineRow]:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = list(ask(recorder, wire.GetQuarantine()).items)
        if len(found) == count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{len(found)} rows: {found}")


def total(recorder: Recorder) -> Account:
    whole = Account()
    for account in recorder.store.accounts().values():
        whole = whole.plus(account)
    return whole


def test_messages_a_mapping_did_not_read_are_stored_once_it_does(recorder: Recorder) -> None:
    ask(recorder, wire.AddFeed("mqtt://127.0.0.1:9", MAPPING % "wrong"))
    for number in range(3):
        send(recorder, "city/a/up", json.dumps({"id": f"m{number}", "temp": 20.5}).encode())
    found = rows_of(recorder, 3)
    assert {r.code for r in found} == {"D-114"}
    assert '"temp"' in found[0].body
    told = ask(recorder, wire.RetryQuarantined(tuple(r.number for r in found)))
    assert not told.done and len(told.still) == 3
    assert total(recorder) == Account(received=3, quarantined=3)
    ask(recorder, wire.ChangeFeed("feed-1", "edit", mapping=MAPPING % "temp"))
    told = ask(recorder, wire.RetryQuarantined(tuple(r.number for r in found), "mapping mended"))
    assert len(told.done) == 3 and not told.still
    assert rows_of(recorder, 0) == []
    assert total(recorder) == Account(received=3, stored=3)
    assert {s.key for s in recorder.store.datastreams()} == {
        f"masts/m{n}/temp" for n in range(3)
    }  # fmt: skip
    end = time.monotonic() + PATIENCE_S
    while recorder.meters.account.stored < 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert recorder.meters.account == Account(received=3, stored=3)
    again = ask(recorder, wire.RetryQuarantined((found[0].number,)))
    assert again.still == ((found[0].number, "there is no such row"),)


def test_what_is_still_wrong_stays_with_its_reason(recorder: Recorder) -> None:
    body = b'{"epoch": 1, "seq": 0, "points": [["P-1", 1795349281000, NaN], ["P-2", 1, 2.5]]}'
    send(recorder, OBSERVATIONS + "gw", body)
    row = rows_of(recorder, 1)[0]
    told = ask(recorder, wire.RetryQuarantined((row.number,)))
    assert told.still[0][0] == row.number and "no value" in told.still[0][1]
    assert total(recorder) == Account(received=2, stored=1, quarantined=1)


def test_a_value_under_a_taken_number_is_never_stored_by_a_retry(recorder: Recorder) -> None:
    for value in (1.0, 2.0):
        points = [["P-1", 1795349281000, value]]
        send(recorder, OBSERVATIONS + "gw",
             json.dumps({"epoch": 1, "seq": 0, "points": points}).encode())  # fmt: skip
        time.sleep(0.3)
    row = rows_of(recorder, 1)[0]
    assert row.code == "S-201"
    assert "taken" in ask(recorder, wire.RetryQuarantined((row.number,))).still[0][1]


def test_deleting_needs_a_reason_and_keeps_the_account(recorder: Recorder, tmp_path: Path) -> None:
    for number in range(4):
        send(recorder, "unknown/topic", b"x%d" % number)
    found = rows_of(recorder, 4)
    with pytest.raises(LamplighterError, match="needs a reason"):
        ask(recorder, wire.DeleteQuarantined((found[0].number,)))
    ask(recorder, wire.DeleteQuarantined((found[0].number,), reason="a test"))
    assert len(rows_of(recorder, 3)) == 3
    ask(recorder, wire.DeleteQuarantined(code=found[0].code, reason="the rest"))
    assert rows_of(recorder, 0) == []
    assert total(recorder) == Account(received=4, quarantined=4)
    sums = ask(recorder, wire.GetQuarantine())
    assert sums.totals == (("D-113", 4, 4, 0),) and sums.cap == 1_000
    entries = audit_entries(recorder.project, 10)
    assert [e["reason"] for e in entries if e["action"] == "delete quarantine"] == [
        "a test", "the rest",
    ] or [e["reason"] for e in entries if e["action"] == "delete quarantine"] == [
        "the rest", "a test",
    ]  # fmt: skip


def test_after_a_deletion_bodies_are_kept_again(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "BODIES_KEPT", 2)
    for number in range(3):
        send(recorder, "unknown/topic", b"x%d" % number)
    assert sorted(row.body for row in rows_of(recorder, 3)) == ["", "x0", "x1"]
    ask(recorder, wire.DeleteQuarantined(code="D-113", reason="a test"))
    send(recorder, "unknown/topic", b"later")
    assert [row.body for row in rows_of(recorder, 1)] == ["later"]


def test_exports_say_everything_and_run_nothing(recorder: Recorder, tmp_path: Path) -> None:
    send(recorder, "=cmd/x", b"=HYPERLINK(1)")
    rows_of(recorder, 1)
    ask(recorder, wire.ExportQuarantined(str(tmp_path / "q.csv")))
    ask(recorder, wire.ExportQuarantined(str(tmp_path / "q.jsonl")))
    table = list(csv.DictReader(io.StringIO((tmp_path / "q.csv").read_text())))
    assert (table[0]["topic"], table[0]["body"]) == ("'=cmd/x", "'=HYPERLINK(1)")
    line = json.loads((tmp_path / "q.jsonl").read_text())
    assert (line["topic"], line["body"], line["code"]) == ("=cmd/x", "=HYPERLINK(1)", "D-113")
    with pytest.raises(LamplighterError):
        ask(recorder, wire.ExportQuarantined(str(tmp_path / "none" / "q.csv")))


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_begins_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")
    assert safe_cell("plain") == "plain"


def test_bodies_that_are_no_text_stand_in_hex() -> None:
    row = AsideRow(1, -1, "t", 0, "D-104", "r", 1, b"\xff\x00")
    assert json.loads(as_json_lines([row], {}))["body_hex"] == "ff00"
    assert "ff00" in as_csv([row], {})


def test_the_project_is_whole_after_retries_and_deletions(recorder: Recorder) -> None:
    ask(recorder, wire.AddFeed("mqtt://127.0.0.1:9", MAPPING % "wrong"))
    for number in range(6):
        send(recorder, "city/a/up", json.dumps({"id": f"m{number}", "temp": 1.5}).encode())
    found = rows_of(recorder, 6)
    ask(recorder, wire.ChangeFeed("feed-1", "edit", mapping=MAPPING % "temp"))
    ask(recorder, wire.RetryQuarantined(tuple(r.number for r in found[:3])))
    ask(recorder, wire.DeleteQuarantined((found[4].number,), reason="a test"))
    report = recorder.store.verify()
    assert report.ok, report
