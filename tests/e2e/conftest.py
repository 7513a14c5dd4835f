"""Projects the end-to-end tests share: made once by the real program, never changed by a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.feeding import Played, played
from tests.fixtures import cities
from tests.kit.program import json_of

USER_FOLDERS = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@pytest.fixture(scope="session", autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The program under test finds a user without any settings, and changes nobody's."""
    home = tmp_path_factory.mktemp("home")
    before = {name: os.environ.get(name) for name in USER_FOLDERS}
    for name in USER_FOLDERS:
        os.environ[name] = str(home / name.lower())
    yield home
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one building and a tiny water network."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "house.city.json").write_text(cities.cityjson_text())
    (folder / "tiny.inp").write_text(cities.INP)
    project = folder / "project"
    assert json_of("new", project)["store_version"] >= 1
    done = json_of(
        "import", project, folder / "house.city.json", folder / "tiny.inp", "--fit", codes=(0, 1)
    )
    assert [f["error"] for f in done["files"]] == [None, None]
    return project


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A project with what a device of the kit sent, and the device's ledger."""
    return played(tmp_path_factory.mktemp("recorded"))
