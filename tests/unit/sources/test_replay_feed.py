"""A recording played as a feed: every number of it, in order, as ordinary native messages."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.kit.testdata import prognostics_data

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.problems import LamplighterError
from lamplighter.sources import ReplayFeed
from lamplighter.sources.recording import Recording, time_of

SKAB = "datetime;Pressure;Label\n2020-03-09 10:14:33;0.5;a\n2020-03-09 10:14:34;;b\n"


def play(url: str) -> tuple[ReplayFeed, list[RawMessage]]:
    got: list[RawMessage] = []

    def deliver(message: RawMessage) -> bool:
        got.append(message)
        return True

    feed = ReplayFeed(url, feed_id="r", deliver=deliver, clock=SystemClock())
    feed.start()
    assert feed.finished.wait(20)
    assert feed.stop() and feed.state == "off" and feed.problem is None
    return feed, got


def observations(got: list[RawMessage]) -> list[dict[str, Any]]:
    return [json.loads(m.payload) for m in got if "/obs/" in str(m.topic)]


def test_each_row_is_one_message_and_the_source_says_how_many(tmp_path: Path) -> None:
    file = tmp_path / "pump.csv"
    file.write_text(SKAB)
    _, got = play(f"replay:{file}?speed=0&times=recorded")
    rows = observations(got)
    assert [r["seq"] for r in rows] == [0, 1]
    assert rows[0]["points"] == [["Pressure", 1_583_748_873_000, 0.5]]
    assert rows[1]["points"] == []
    says = [json.loads(m.payload) for m in got if "/src/" in str(m.topic)]
    assert says[0]["next_seq"] == 0 and says[-2]["next_seq"] == 2 and says[-1]["offline"]
    assert {m.topic for m in got} == {"lamplighter/1/obs/pump", "lamplighter/1/src/pump"}


def test_times_move_to_the_present_at_the_asked_speed(tmp_path: Path) -> None:
    file = tmp_path / "pump.csv"
    file.write_text("time,a\n" + "".join(f"{1_600_000_000 + 10 * n},{n}\n" for n in range(4)))
    begun = time.time() * 1000
    _, got = play(f"replay:{file}?speed=200&source=s1")
    times = [r["points"][0][1] for r in observations(got)]
    assert [int(str(t)) - int(str(times[0])) for t in times] == [0, 50, 100, 150]
    assert begun - 1 <= int(str(times[0])) <= begun + 2_000
    assert got[-2].received_ms - got[0].received_ms >= 140


def test_a_refusing_queue_delays_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "pump.csv"
    file.write_text("time,a\n" + "".join(f"{1_600_000_000 + n},{n}\n" for n in range(20)))
    got: list[RawMessage] = []
    refusals = iter(range(1_000))

    def deliver(message: RawMessage) -> bool:
        if next(refusals) % 3:
            return False
        got.append(message)
        return True

    feed = ReplayFeed(f"replay:{file}?speed=0", feed_id="r", deliver=deliver, clock=SystemClock())
    feed.start()
    assert feed.finished.wait(20) and feed.stop()
    assert [r["seq"] for r in observations(got)] == list(range(20))


def test_a_replay_ends_at_once_when_it_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "slow.csv"
    file.write_text("time,a\n1600000000,1\n1700000000,2\n")
    feed = ReplayFeed(f"replay:{file}", feed_id="r", deliver=lambda _: True, clock=SystemClock())
    feed.start()
    assert feed.state == "live"
    assert feed.stop(2.0) and feed.finished.is_set()


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("DATETIME, L_T1 ,F\n06/01/14 00,1.5,0\n06/01/14 01,1.6,1\n", ("L_T1", "F")),
        ("a;date;b\n1;22.11.2026 09:00;2\n", ("a", "b")),
        ("timestamp\tvalue\n1600000000000\t4\n", ("value",)),
    ],
)
def test_separator_time_column_and_numbers_are_found(
    tmp_path: Path, text: str, columns: tuple[str, ...]
) -> None:
    file = tmp_path / "r.csv"
    file.write_text(text)
    recording = Recording(file)
    assert recording.columns == columns and len(list(recording.rows())) == text.count("\n") - 1


def test_a_packed_recording_is_read(tmp_path: Path) -> None:
    file = tmp_path / "r.csv.gz"
    file.write_bytes(gzip.compress(SKAB.encode()))
    assert Recording(file).columns == ("Pressure",)


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\nx,y\n", "time,b\n2020-01-01,y\n"])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "r.csv"
    file.write_text(text)
    with pytest.raises(LamplighterError) as caught:
        Recording(file)
    assert caught.value.problem.code == "I-504"


@pytest.mark.parametrize("url", ["replay:/nowhere/x.csv", "replay:/x?speed=-1", "replay:"])
def test_a_replay_of_nothing_is_refused(url: str) -> None:
    with pytest.raises(LamplighterError):
        ReplayFeed(url, feed_id="r", deliver=lambda _: True, clock=SystemClock())


@pytest.mark.parametrize("text", ["", "soon", "12", "nan", "2020-13-01"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert time_of(text) is None


@pytest.mark.data
def test_real_recordings_play_whole() -> None:
    skab = prognostics_data("skab", "valve2", "0.csv.gz")
    _, got = play(f"replay:{skab}?speed=0")
    rows = observations(got)
    lines = gzip.decompress(skab.read_bytes()).strip().count(b"\n")
    assert len(rows) == lines and len(rows[0]["points"]) >= 8
    batadal = Recording(prognostics_data("batadal", "training1_dataset03.csv.gz"))
    times = [row.time_ms for row in batadal.rows()]
    assert len(times) > 8_000 and len(batadal.columns) >= 40
    assert all(b - a == 3_600_000 for a, b in itertools.pairwise(times))
