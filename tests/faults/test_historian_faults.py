"""The short form of the historian's fault run, and that its planted bugs turn it red."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults import part_historian
from tests.kit.postgres import Postgres, needs_postgres

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    needs_postgres()
    with Postgres() as found:
        yield found


@pytest.fixture
def bare(server: Postgres) -> Postgres:
    server.sql("DROP SCHEMA IF EXISTS lamplighter CASCADE")
    server.sql("DROP TABLE IF EXISTS cache")
    return server


def test_a_crash_and_cut_links_leave_all_sets_equal(tmp_path: Path, bare: Postgres) -> None:
    found = part_historian.run(6_000, 1, 3, tmp_path, bare)
    assert found.ok, found
    assert (found.stops, found.cuts) == (1, 3)


@pytest.mark.parametrize("planted", part_historian.PLANTED)
def test_planted_bugs_are_seen(planted: str, tmp_path: Path, bare: Postgres) -> None:
    found = part_historian.run(4_000, 0, 0, tmp_path, bare, planted=planted)
    assert not found.ok, planted
