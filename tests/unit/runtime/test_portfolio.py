"""The list of projects, and what is read of each without opening it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lamplighter.domain.city import Asset
from lamplighter.runtime.portfolio import LocalPortfolio, ProjectList, remember
from lamplighter.runtime.project import create, opened


@pytest.fixture
def portfolio(tmp_path: Path) -> LocalPortfolio:
    return LocalPortfolio(ProjectList(tmp_path / "list" / "projects.json"), tmp_path / "cache")


def project(tmp_path: Path, name: str = "town") -> Path:
    create(tmp_path / name)
    return tmp_path / name


def test_a_folder_of_projects_is_taken_in_and_one_is_forgotten(
    portfolio: LocalPortfolio, tmp_path: Path
) -> None:
    here = project(tmp_path)
    project(tmp_path, "village")
    assert portfolio.add(str(tmp_path)) == ""
    assert len(portfolio.paths()) == 2
    portfolio.forget(str(here))
    assert [Path(p).name for p in portfolio.paths()] == ["village"]
    assert (here / "history.db").is_file(), "nothing of the project is touched"


def test_a_folder_without_projects_is_refused_with_a_line(
    portfolio: LocalPortfolio, tmp_path: Path
) -> None:
    assert "A-404" in portfolio.add(str(tmp_path))
    assert portfolio.paths() == []


def test_the_last_opened_stands_first(portfolio: LocalPortfolio, tmp_path: Path) -> None:
    listed = ProjectList(tmp_path / "list" / "projects.json")
    listed.put("/a", 1)
    listed.put("/b", 3)
    listed.put("/a")
    assert portfolio.paths() == ["/b", "/a"], "adding again keeps when it was opened"
    remember(tmp_path, listed)
    assert portfolio.paths()[0] == str(tmp_path)


def test_a_damaged_list_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "projects.json"
    file.write_text("{")
    listed = ProjectList(file)
    assert listed.entries() == []
    listed.put("/a")
    assert [k.path for k in listed.entries()] == ["/a"]


def test_a_card_counts_what_stands_in_the_project(
    portfolio: LocalPortfolio, tmp_path: Path
) -> None:
    here = project(tmp_path)
    with opened(here, write=True) as store:
        store.writer.call(
            lambda access: access.put_assets([Asset("a", "Pump", "A", "water")])
        ).result()
    card = portfolio.card(str(here))
    assert (card.state, card.name, card.assets, card.alarms) == ("closed", "town", 1, (0, 0, 0, 0))
    assert card.bytes > 0 and card.problem == ""


def test_a_project_is_read_while_another_program_records_it(
    portfolio: LocalPortfolio, tmp_path: Path
) -> None:
    here = project(tmp_path)
    with opened(here, write=True):
        assert portfolio.card(str(here)).problem == ""


def test_what_is_gone_or_damaged_says_so(portfolio: LocalPortfolio, tmp_path: Path) -> None:
    here = project(tmp_path)
    with (here / "history.db").open("r+b") as file:
        file.write(b"no database at all")
    broken = portfolio.card(str(here))
    assert broken.state == "faulty" and "A-402" in broken.problem
    shutil.rmtree(here)
    gone = portfolio.card(str(here))
    assert gone.state == "moved" and "A-404" in gone.problem
    assert "A-404" in portfolio.open(str(here))
