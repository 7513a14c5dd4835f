"""Rights on a broker: each login its own topics; what is generated is what a broker enforces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.faults import part_acl

from lamplighter.domain.field_message import matches
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.broker_rights import rights_of, write_rights
from lamplighter.runtime.feeds import add_feed
from lamplighter.runtime.project import create
from lamplighter.sources.broker_policy import console, device, edge_node


@pytest.mark.e2e
def test_a_real_broker_enforces_the_policy_for_every_pair(tmp_path: Path) -> None:
    found = part_acl.run(tmp_path, 2, 1)
    assert found["pairs"] > 200 and found["wrong"] == []


@pytest.mark.parametrize(
    ("filter_", "topic", "fits"),
    [
        ("a/+", "a/b", True), ("a/+", "a/b/c", False), ("a/+", "a", False), ("a/#", "a", True),
        ("a/#", "a/b/c", True), ("#", "$SYS/x", False), ("+/x", "$SYS/x", False), ("a", "a", True),
        ("$SYS/#", "$SYS/x", True), ("a/+/c", "a/b/c", True), ("a", "b", False),
    ],
)  # fmt: skip
def test_filters_fit_as_in_mqtt(filter_: str, topic: str, fits: bool) -> None:
    assert matches(filter_, topic) is fits


def test_the_policy_says_what_the_rights_mean() -> None:
    names = ["dev-1", "dev-2"]
    topics = part_acl.topics_of(names, ["plant:gw-1"])
    clients = {c.name: c for c in (*map(device, names), edge_node("plant:gw-1"))}
    clients[part_acl.CONSOLE] = console(
        part_acl.CONSOLE,
        topics=("city/weather/+",),
        groups=("plant",),
        state_topics=(f"spBv1.0/STATE/{part_acl.HOST}",),
    )
    for name, client in clients.items():
        for topic in topics:
            assert client.may("publish", topic) == part_acl.expected(name, "publish", topic), topic
            assert client.may("subscribe", topic) == part_acl.expected(name, "hear", topic), topic


@pytest.fixture
def project(tmp_path: Path) -> Path:
    create(tmp_path / "p")
    return tmp_path / "p"


def test_the_files_are_written_and_nobody_hears_everything(project: Path, tmp_path: Path) -> None:
    add_feed(project, "mqtt://reader@h:1")
    rights = rights_of(project, devices=["dev-1"])
    acl, conf, policy = (Path(f).read_text() for f in write_rights(rights, tmp_path / "out"))
    assert "user reader" in acl and "user dev-1" in acl
    assert not [line for line in acl.splitlines() if line.endswith(" #")]
    assert "require_certificate true" in conf and "allow_anonymous false" in conf
    assert [c["name"] for c in json.loads(policy)["clients"]] == ["reader", "dev-1"]


@pytest.mark.parametrize("name", ["", "a\ntopic write #", " a", "a/b", "a+", "#"])
def test_a_name_that_could_write_rights_of_its_own_is_refused(project: Path, name: str) -> None:
    add_feed(project, "mqtt://h:1")
    with pytest.raises(LamplighterError, match="no login"):
        rights_of(project, devices=[name])


def test_a_project_without_a_broker_needs_no_rights(project: Path) -> None:
    with pytest.raises(LamplighterError, match="no feed from a broker"):
        rights_of(project)
