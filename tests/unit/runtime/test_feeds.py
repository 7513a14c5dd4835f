"""Feeds as they are stored: checked first, once each, found again from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.retention import Retention
from lamplighter.runtime.feeds import (
    FeedConfig,
    add_feed,
    change_feed,
    check_feed,
    full_url,
    list_feeds,
)
from lamplighter.runtime.project import audit_entries, create, verify_audit
from lamplighter.runtime.storage import change as change_retention


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create(tmp_path / "p")
    return tmp_path / "p"


def test_a_feed_is_stored_once_and_numbered(project: Path) -> None:
    add_feed(project, "mqtt://127.0.0.1:1")
    add_feed(project, "mqtt://127.0.0.1:2")
    add_feed(project, "mqtt://127.0.0.1:1")
    assert [(f["id"], f["url"]) for f in list_feeds(project)] == [
        ("feed-1", "mqtt://127.0.0.1:1"), ("feed-2", "mqtt://127.0.0.1:2"),
    ]  # fmt: skip


def test_a_change_by_a_verb_alone_is_in_the_audit_record(project: Path) -> None:
    add_feed(project, "mqtt://me:secret@127.0.0.1:1")
    change_feed(project, wire.ChangeFeed("feed-1", "remove", reason="not ours"))
    change_retention(project, Retention(raw_days=90))
    kept = [(e["action"], e["reason"]) for e in audit_entries(project, 9)]
    assert kept == [
        ("change retention", "everything is kept -> " + Retention(raw_days=90).words),
        ("remove feed", "not ours"),
        ("add feed", ""),
    ]
    assert "secret" not in str(audit_entries(project, 9))
    assert verify_audit(project)["ok"]


@pytest.mark.parametrize(
    "url", ["ftp://x", "", "mqtt://", "mqtt://h:notaport", "replay:/nowhere.csv", "127.0.0.1"]
)
def test_what_can_be_no_feed_is_not_stored(project: Path, url: str) -> None:
    with pytest.raises(LamplighterError):
        add_feed(project, url)
    assert list_feeds(project) == []


def test_a_broken_mapping_is_refused_before_it_is_stored(project: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    for text in ("topic = ", 'topic = "a"\n', 'topic = "a"\nodd = 1\n[[values]]\nvalue = "v"\n'):
        mapping.write_text(text)
        with pytest.raises(LamplighterError):
            add_feed(project, "mqtt://127.0.0.1:1", mapping)
    assert list_feeds(project) == []


def test_a_recordings_path_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("time,v\n2026-01-01,1\n2026-01-02,2\n")
    monkeypatch.chdir(tmp_path)
    url = full_url("replay:a.csv?speed=0")
    assert url == f"replay:{tmp_path / 'a.csv'}?speed=0"
    assert full_url(url) == url
    assert full_url("mqtt://h:1") == "mqtt://h:1"
    check_feed(FeedConfig("feed-1", url))
