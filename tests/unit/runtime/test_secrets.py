"""Passwords of feeds lie in the keyring or in a file of their owner, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.faults import part_secrets

from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import feeds
from lamplighter.runtime.project import create
from lamplighter.runtime.secret_store import Secrets
from lamplighter.sources import masked, unmasked

SECRET = part_secrets.canary(7)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMPLIGHTER_SECRETS", "file")
    create(tmp_path / "p")
    return tmp_path / "p"


def whole(project: Path) -> list[str]:
    with feeds.opened(project) as store:
        return [feeds.whole_address(project, c) for c in feeds.stored_feeds(store)]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mqtt://u:p@h:1883", "mqtt://u:***@h:1883"),
        ("mqtt://u:p%40x@h/a?b=c", "mqtt://u:***@h/a?b=c"),
        ("mqtt://u@h", "mqtt://u@h"),
        ("http://h/x?a=1&token=s3&b=2", "http://h/x?a=1&token=***&b=2"),
        ("http://h/x?API_KEY=s3#sig=q", "http://h/x?API_KEY=***#sig=***"),
        ("http://h/x?monkey=1", "http://h/x?monkey=1"),
        ("replay:/a/b.csv?speed=2", "replay:/a/b.csv?speed=2"),
        ("mqtt://[bad", "***"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert masked(url) == shown
    if shown != "***":
        assert unmasked(shown, url) == url


def test_a_changed_address_keeps_the_secrets_it_does_not_name() -> None:
    old = "mqtt://u:p@h:1/x?token=t&b=1"
    assert (
        unmasked("mqtt://u:***@other:2/x?token=***&b=2", old) == "mqtt://u:p@other:2/x?token=t&b=2"
    )
    assert unmasked("mqtt://u:new@h?token=new", old) == "mqtt://u:new@h?token=new"


def test_a_password_is_kept_for_its_owner_alone_and_given_to_the_feed(project: Path) -> None:
    url = feeds.with_password("mqtt://u@h:1883", SECRET)
    [row] = feeds.add_feed(project, url)
    assert row["url"] == "mqtt://u:***@h:1883"
    assert part_secrets.hits([project], [SECRET]) == []
    file = project / part_secrets.KEPT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert whole(project) == [url]
    feeds.change_feed(project, wire.ChangeFeed("feed-1", "edit", url="mqtt://u:***@h2:1884"))
    assert whole(project) == [url.replace("h:1883", "h2:1884")]
    feeds.change_feed(project, wire.ChangeFeed("feed-1", "remove"))
    assert "feed-1" not in file.read_text()


def test_an_address_stored_with_its_secret_loses_it(project: Path) -> None:
    with feeds.opened(project, write=True) as store:
        text = '{"id":"feed-1","url":"mqtt://u:old-secret@h"}'
        store.writer.call(lambda access: access.put_setting("feed.feed-1", text)).result()
        feeds.move_secrets(store)
        assert [c.url for c in feeds.stored_feeds(store)] == ["mqtt://u:***@h"]
    assert whole(project) == ["mqtt://u:old-secret@h"]


def test_a_missing_secret_is_told_and_not_guessed(project: Path) -> None:
    feeds.add_feed(project, "mqtt://u:p@h")
    (project / part_secrets.KEPT).unlink()
    with pytest.raises(LamplighterError, match="feed edit"):
        whole(project)


def test_a_password_needs_a_user() -> None:
    with pytest.raises(LamplighterError, match="needs a user"):
        feeds.with_password("mqtt://h", "p")


def test_a_keyring_is_used_where_there_is_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring

    class Ring:
        priority = 5
        held: dict[tuple[str, str], str]

        def __init__(self) -> None:
            self.held = {}

    ring = Ring()
    monkeypatch.delenv("LAMPLIGHTER_SECRETS")
    monkeypatch.setattr(keyring, "get_keyring", lambda: ring)
    monkeypatch.setattr(keyring, "get_password", lambda *key: ring.held.get(key))

    def put(service: str, entry: str, text: str) -> None:
        ring.held[(service, entry)] = text

    monkeypatch.setattr(keyring, "set_password", put)
    monkeypatch.setattr(keyring, "delete_password", lambda *key: ring.held.pop(key))
    held = Secrets(project)
    assert held.put("feed.f", "s") == "keyring" and held.get("feed.f") == "s"
    assert not (project / part_secrets.KEPT).exists()
    held.drop("feed.f")
    assert held.get("feed.f") == "" and not ring.held
    held.put("feed.f", "s")
    (project / "keys").mkdir(exist_ok=True)
    (project / "keys" / "console.pub").write_text("ab" * 32)
    assert held.get("feed.f") == "s", "kept before the project had its key"
    held.put("feed.f", "t")
    moved = project.rename(project.with_name("elsewhere"))
    assert Secrets(moved).get("feed.f") == "t", "a project that moved takes its secrets along"
    held = Secrets(moved)
    held.drop("feed.f")
    project = moved

    def locked(*_: Any) -> None:
        raise RuntimeError("locked")

    monkeypatch.setattr(keyring, "set_password", locked)
    assert held.put("feed.f", "s") == "file" and held.get("feed.f") == "s"


def test_no_refusal_repeats_a_secret() -> None:
    said = part_secrets.words_of_refusals(SECRET)
    assert len(said) >= 6
    assert not [s for s in said for form in part_secrets.forms(SECRET) if form in s.encode()]
