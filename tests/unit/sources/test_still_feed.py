"""Pictures of a camera: the newest are kept, a frozen one grows old, what is no picture is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.own_feed import Opened
from tests.kit.web import WebServer

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.feeds import FeedConfig, check_feed
from lamplighter.sources.still_feed import pictures, pictures_of_source

JPEG = b"\xff\xd8\xff\xe0 picture "


def test_the_newest_pictures_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    with WebServer() as web:
        count = iter(range(10_000))
        web.put("/cam.jpg", lambda: JPEG + str(next(count)).encode())
        url = f"still+{web.url}/cam.jpg#interval=0.05&keep=3&source=gate"
        with Opened(url, folder=tmp_path) as feed:
            feed.until(lambda f: len(f.values("picture/age")) > 6)
        kept = pictures(tmp_path / "media" / "stills" / "gate")
        assert len(kept) == 3 and kept[-1].read_bytes().startswith(JPEG)
        assert feed.units["picture/age"] == "s" and feed.newest["picture/age"] < 30


def test_a_camera_that_shows_the_same_picture_grows_old(tmp_path: Path) -> None:
    with WebServer() as web:
        web.put("/cam.jpg", JPEG)
        url = f"still+{web.url}/cam.jpg#interval=0.05"
        with Opened(url, folder=tmp_path) as feed:
            feed.until(lambda f: f.newest.get("picture/age", 0) >= 0.3)
            ages = feed.values("picture/age")
            assert ages == sorted(ages)
            web.put("/cam.jpg", b"<html>login</html>")
            feed.until(lambda f: "it is no picture" in str(f.feed.problem))
        assert len(list((tmp_path / "media" / "stills").rglob("*.jpg"))) == 1


@pytest.mark.parametrize("more", ["#keep=0", "#keep=many", "#interval=x"])
def test_what_can_be_no_camera_is_refused(more: str) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        check_feed(FeedConfig("feed-1", f"still+http://cam/a.jpg{more}"))


def test_kept_pictures_are_found_with_their_times(tmp_path: Path) -> None:
    folder = tmp_path / "media" / "stills" / "gate"
    folder.mkdir(parents=True)
    for name in ("2026-11-28T190814-601Z.jpg", "2026-11-28T190819-473Z.jpg", "notes.jpg"):
        (folder / name).write_bytes(JPEG)
    found = pictures_of_source(tmp_path, "gate")
    assert [time for _, time in found] == [1_795_892_894_601, 1_795_892_899_473]
    assert pictures_of_source(tmp_path, "other") == []
