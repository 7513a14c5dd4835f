"""Watched files: whole lines, once each, over rotations, half lines, restarts and crashes."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.kit.clocks import FakeClock
from tests.kit.own_feed import Opened

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed, full_url
from lamplighter.sources import watched_files
from lamplighter.sources.folder_feed import FolderFeed
from lamplighter.sources.place import Place
from lamplighter.sources.watched_files import WatchedFiles

CSV = """
format = "csv"
time = "t"
time_format = "s"
[[values]]
datastream = "{file}/level"
value = "level"
unit = "m"
"""
JSON = """
[[values]]
datastream = "{file}/level"
value = "level"
"""
JSONL = 'format = "jsonl"\n' + JSON
T = 1_795_341_600


def _url(folder: Path, more: str = "") -> str:
    return f"folder:{folder}?interval=0.05&pattern=*.csv{more}"


def _append(file: Path, *rows: tuple[int, float], end: str = "\n") -> None:
    text = "" if file.exists() else "t,level\n"
    text += "\n".join(f"{T + t},{v}" for t, v in rows) + end
    with file.open("a") as out:
        out.write(text)


def test_appended_lines_and_new_files_are_taken_as_they_come(tmp_path: Path) -> None:
    _append(tmp_path / "a.csv", (0, 1.0), (1, 2.0))
    (tmp_path / "other.txt").write_text("t,level\n1,1\n")
    with Opened(_url(tmp_path), CSV) as feed:
        feed.until(lambda f: f.values("a/level") == [1.0, 2.0])
        _append(tmp_path / "a.csv", (2, 3.0))
        _append(tmp_path / "b.csv", (2, 9.0))
        feed.until(lambda f: len(f.points) == 4)
        assert feed.values("a/level") == [1.0, 2.0, 3.0] and feed.values("b/level") == [9.0]
        assert feed.points[0][1] == 1000 * T and feed.units["b/level"] == "m"


def test_a_half_written_line_waits_for_its_other_half(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    _append(file, (0, 1.0))
    with Opened(_url(tmp_path), CSV) as feed:
        feed.until(lambda f: f.points)
        with file.open("a") as out:
            out.write(f"{T + 1},2")
        asked = feed.feed.polls  # type: ignore[attr-defined]
        feed.until(lambda f: f.feed.polls > asked + 3)
        assert feed.values("a/level") == [1.0]
        with file.open("a") as out:
            out.write("5.5\n")
        feed.until(lambda f: f.values("a/level") == [1.0, 25.5])


def test_a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_beginning(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.csv"
    _append(file, (0, 1.0))
    with Opened(_url(tmp_path), CSV) as feed:
        feed.until(lambda f: f.points)
        _append(file, (1, 2.0))
        file.rename(tmp_path / "a.csv.1")
        _append(file, (2, 3.0))
        feed.until(lambda f: len(f.points) >= 3)
        file.unlink()
        _append(file, (3, 4.0), (4, 5.0), (5, 6.0))
        feed.until(lambda f: len(f.points) >= 6)
        file.write_text(f"t,level\n{T + 6},7\n")
        feed.until(lambda f: len(f.points) >= 7)
    assert sorted(p[2] for p in feed.points) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def test_the_next_start_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    data, project = tmp_path / "data", tmp_path / "project"
    data.mkdir()
    project.mkdir()
    _append(data / "a.csv", (0, 1.0))
    with Opened(_url(data), CSV, folder=project) as feed:
        feed.until(lambda f: f.points)
        epoch = json.loads(feed.got[-1].payload)["epoch"]
    _append(data / "a.csv", (1, 2.0))
    with Opened(_url(data), CSV, folder=project) as feed:
        feed.until(lambda f: f.points)
        body = next(json.loads(m.payload) for m in feed.got if "/obs/" in str(m.topic))
        assert (body["epoch"], body["seq"]) == (epoch, 1) and feed.values("a/level") == [2.0]


def test_after_a_crash_the_same_messages_come_again_under_the_same_numbers(
    tmp_path: Path,
) -> None:
    data, project = tmp_path / "data", tmp_path / "project"
    data.mkdir()
    project.mkdir()
    file = data / "a.csv"
    _append(file, *[(n, float(n)) for n in range(40)])
    with Opened(_url(data), CSV, folder=project, ack=False) as feed:
        feed.until(lambda f: len(f.points) == 40)
        _append(file, (40, 40.0))
        feed.until(lambda f: len(f.points) == 41)
    before = [m.payload for m in feed.got if "/obs/" in str(m.topic)]
    _append(file, (41, 41.0))
    with Opened(_url(data), CSV, folder=project) as feed:
        feed.until(lambda f: len(f.points) == 42)
        after = [m.payload for m in feed.got if "/obs/" in str(m.topic)]
    assert after[:2] == before and len(after) == 3
    assert [json.loads(b)["seq"] for b in after] == [0, 1, 2]


def test_lines_that_a_full_disk_kept_from_being_noted_are_taken_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, project = tmp_path / "data", tmp_path / "project"
    data.mkdir()
    project.mkdir()
    write, full = Place.write, [0]

    def wanting(self: Place, what: Any, *, sure: bool = False) -> None:
        if sure and full[0]:
            full[0] -= 1
            raise OSError(28, "No space left on device")
        write(self, what, sure=sure)

    monkeypatch.setattr(Place, "write", wanting)
    _append(data / "a.csv", (0, 1.0))
    with Opened(_url(data), CSV, folder=project) as feed:
        feed.until(lambda f: f.points)
        full[0] = 2
        _append(data / "a.csv", (1, 2.0), (2, 3.0))
        feed.until(lambda f: "No space" in str(f.feed.problem))
        feed.until(lambda f: f.values("a/level") == [1.0, 2.0, 3.0])
    with Opened(_url(data), CSV, folder=project) as feed:
        feed.until(lambda f: f.feed.polls > 2)
        assert feed.points == []


def test_without_its_notebook_the_same_lines_would_come_under_other_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug put in on purpose: the test above must be able to fail."""
    monkeypatch.setattr(FolderFeed, "_remember", lambda *_, **__: None)
    data = tmp_path / "data"
    data.mkdir()
    _append(data / "a.csv", (0, 1.0))
    bodies = []
    for _ in range(2):
        with Opened(_url(data), CSV, folder=tmp_path, ack=False) as feed:
            feed.until(lambda f: f.points)
        bodies.append([m.payload for m in feed.got if "/obs/" in str(m.topic)])
    assert bodies[0] != bodies[1]


def test_another_address_under_the_same_id_begins_anew(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        _append(tmp_path / name / "a.csv", (0, 1.0))
        with Opened(_url(tmp_path / name), CSV, folder=tmp_path) as feed:
            feed.until(lambda f: f.values("a/level") == [1.0])


def test_what_was_sent_and_is_gone_leaves_a_gap_and_no_false_number(tmp_path: Path) -> None:
    data, project = tmp_path / "data", tmp_path / "project"
    data.mkdir()
    project.mkdir()
    _append(data / "a.csv", (0, 1.0))
    with Opened(_url(data), CSV, folder=project, ack=False) as feed:
        feed.until(lambda f: f.points)
    (data / "a.csv").unlink()
    _append(data / "b.csv", (1, 2.0))
    with Opened(_url(data), CSV, folder=project) as feed:
        feed.until(lambda f: f.points)
        body = next(json.loads(m.payload) for m in feed.got if "/obs/" in str(m.topic))
    assert body["seq"] == 1 and feed.values("b/level") == [2.0]


def test_whole_documents_are_read_when_they_stand_still(tmp_path: Path) -> None:
    url = f"folder:{tmp_path}?interval=0.05&pattern=*.json"
    (tmp_path / "w.json").write_text('{"level": 1.5}')
    with Opened(url, JSON) as feed:
        feed.until(lambda f: f.values("w/level") == [1.5])
        (tmp_path / "w.json").write_text('{"level": 2.5}')
        feed.until(lambda f: f.values("w/level") == [1.5, 2.5])
        (tmp_path / "w.json").write_text('{"level":')
        feed.until(lambda f: f.aside and "D-113" in str(f.feed.problem))


def test_json_lines_and_what_is_none_of_them(tmp_path: Path) -> None:
    url = f"folder:{tmp_path}/log.jsonl?interval=0.05"
    (tmp_path / "log.jsonl").write_text('{"level": 1}\n{"level": 2}\n')
    with Opened(url, JSONL) as feed:
        feed.until(lambda f: f.values("log/level") == [1, 2])
        with (tmp_path / "log.jsonl").open("a") as out:
            out.write('oops\n{"level": 3}\n')
        feed.until(lambda f: f.values("log/level") == [1, 2, 3])
        assert [(body, fault[0]) for body, fault in feed.aside] == [(b"oops", "D-113")]


def test_only_what_comes_later_is_taken_when_that_is_wished(tmp_path: Path) -> None:
    _append(tmp_path / "a.csv", (0, 1.0))
    with Opened(_url(tmp_path, "&from=end"), CSV) as feed:
        feed.until(lambda f: f.feed.polls > 2)
        _append(tmp_path / "a.csv", (1, 2.0))
        feed.until(lambda f: f.values("a/level") == [2.0])


def test_a_folder_that_is_not_there_is_told_and_found_later(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with Opened(_url(folder), CSV) as feed:
        feed.until(lambda f: "No such file" in str(f.feed.problem) and f.feed.state != "live")
        folder.mkdir()
        _append(folder / "a.csv", (0, 1.0))
        feed.until(lambda f: f.points and f.feed.problem is None)


def test_a_file_that_may_not_be_read_is_told_and_read_once_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, opened = [False], Path.open

    def guarded(self: Path, *a: Any, **k: Any) -> Any:
        if locked[0] and self.name == "b.csv":
            raise PermissionError(13, "Permission denied")
        return opened(self, *a, **k)

    monkeypatch.setattr(Path, "open", guarded)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"t,level\n{T},1\n")
    locked[0] = True
    with Opened(_url(tmp_path), CSV) as feed:
        feed.until(lambda f: f.points and "b.csv: Permission denied" in str(f.feed.problem))
        locked[0] = False
        feed.until(lambda f: f.values("b/level") == [1.0] and f.feed.problem is None)


def test_more_files_than_are_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_files, "MOST_FILES", 1)
    for name in ("a.csv", "b.csv"):
        _append(tmp_path / name, (0, 1.0))
    with Opened(_url(tmp_path), CSV) as feed:
        feed.until(lambda f: f.points and "more than 1 files" in str(f.feed.problem))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    inside, secret = tmp_path / "in", tmp_path / "secret.csv"
    inside.mkdir()
    _append(secret, (0, 1.0))
    (inside / "link.csv").symlink_to(secret)
    assert WatchedFiles(inside, "*.csv", whole=False, headed=True).files() == []


@pytest.mark.parametrize("seed", range(4))
def test_every_line_comes_once_however_it_is_written(tmp_path: Path, seed: int) -> None:
    """Random writes, rotations and looks, with the state handed to a fresh watcher now and then."""
    choose, clock = random.Random(seed), FakeClock()
    file, written, taken = tmp_path / "l.csv", 0, list[int]()

    def fresh() -> WatchedFiles:
        return WatchedFiles(tmp_path, "l.csv*", whole=False, headed=False)

    files = fresh()
    left = b""
    for step in range(150):
        action = choose.random()
        if action < 0.5:
            left += b"".join(b"%d\n" % n for n in range(written, written + choose.randrange(1, 9)))
            written = int(left.rsplit(b"\n", 2)[-2]) + 1
            cut = choose.randrange(len(left) + 1)
            with file.open("ab") as out:
                out.write(left[:cut])
            left = left[cut:]
        elif action < 0.6 and not left and file.exists() and file.read_bytes().endswith(b"\n"):
            file.rename(tmp_path / f"l.csv.{step}")
        elif action < 0.7:
            state: Any = json.loads(json.dumps(files.state()))
            files = fresh()
            files.restore(state)
        else:
            clock.advance(100)
            for chunk in files.chunks(clock.monotonic_ms()):
                taken += [int(line) for line in chunk.body.split()]
                files.took(chunk)
    with file.open("ab") as out:
        out.write(left)
    for _ in range(3):
        for chunk in files.chunks(clock.monotonic_ms()):
            taken += [int(line) for line in chunk.body.split()]
            files.took(chunk)
    assert sorted(taken) == list(range(written))
    shutil.rmtree(tmp_path)


def test_a_line_without_an_end_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_files, "CHUNK", 64)
    monkeypatch.setattr(watched_files, "LONGEST_LINE", 256)
    (tmp_path / "a.csv").write_bytes(b"t,level\n" + b"x" * 600 + b"\n1,2\n")
    with Opened(_url(tmp_path), CSV) as feed:
        feed.until(lambda f: f.aside and f.points)


@pytest.mark.parametrize(
    ("url", "mapping"),
    [
        ("folder:/data", ""),
        ("folder:data", CSV),
        ("folder:/data?pattern=../*.csv", CSV),
        ("folder:/data?interval=0", CSV),
    ],
)
def test_what_can_be_no_folder_is_refused(url: str, mapping: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        check_feed(FeedConfig("feed-1", url, mapping))
    assert full_url("folder:x?pattern=*.csv").startswith("folder:/")
