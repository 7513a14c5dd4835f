"""The portfolio page: cards appear one by one, keys reach everything, faults stay in their card."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from lamplighter.domain.portfolio import ProjectCard
from lamplighter.ui.app import Post
from lamplighter.ui.portfolio import PortfolioWindow


class Fake:
    """A portfolio in memory that notes what is asked of it."""

    def __init__(self, *cards: ProjectCard) -> None:
        self.cards = {c.path: c for c in cards}
        self.said: list[str] = []

    def paths(self) -> list[str]:
        return list(self.cards)

    def card(self, path: str) -> ProjectCard:
        return self.cards[path]

    def picture(self, card: ProjectCard) -> ProjectCard:
        self.said.append(f"picture {card.path}")
        self.cards[card.path] = replace(card, thumbnail="/made.png", thumbnail_old=False)
        return self.cards[card.path]

    def open(self, path: str) -> str:
        self.said.append(f"open {path}")
        return ""

    def add(self, path: str) -> str:
        self.said.append(f"add {path}")
        self.cards[path] = ProjectCard(path, path)
        return ""

    def forget(self, path: str) -> None:
        self.cards.pop(path)


CARDS = (
    ProjectCard("/a", "Harbour", alarms=(1, 0, 2, 0), people=3412, assets=10, thumbnail_old=True),
    ProjectCard("/b", "Broken", state="faulty", problem="The file is damaged. [A-402]"),
    ProjectCard("/c", "Village", assets=0),
)
Page = Callable[[Fake], PortfolioWindow]


@pytest.fixture
def page(qtbot: QtBot) -> Page:
    def make(source: Fake) -> PortfolioWindow:
        window = PortfolioWindow(source, Post())
        qtbot.addWidget(window)
        window.show()
        wanted = len(source.cards)
        qtbot.waitUntil(
            lambda: (
                len(window.cards) == wanted and not any(v.loading for v in window.cards.values())
            )
        )
        return window

    return make


def test_each_project_says_its_alarms_and_figures(page: Page) -> None:
    window = page(Fake(*CARDS))
    words = window.cards["/a"].accessibleName()
    assert "Harbour" in words and "1 of priority 1" in words and "3,412 without service" in words


def test_a_fault_stays_in_its_card_and_claims_no_figures(page: Page) -> None:
    window = page(Fake(*CARDS))
    words = window.cards["/b"].accessibleName()
    assert "A-402" in words and "no alarms" not in words
    assert not window.cards["/c"].card.problem


def test_missing_pictures_are_made_beside_the_window(page: Page, qtbot: QtBot) -> None:
    source = Fake(*CARDS)
    window = page(source)
    qtbot.waitUntil(lambda: window.cards["/a"].card.thumbnail == "/made.png", timeout=20_000)
    assert source.said == ["picture /a"], "an empty project needs no picture"


def test_keys_walk_and_open(page: Page, qtbot: QtBot) -> None:
    source = Fake(*CARDS)
    window = page(source)
    window.cards["/a"].setFocus()
    QTest.keyClick(window.cards["/a"], Qt.Key.Key_Right)
    QTest.keyClick(window.cards["/b"], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "open /b" in source.said, timeout=20_000)


def test_delete_takes_a_project_off_the_list(page: Page, qtbot: QtBot) -> None:
    window = page(Fake(*CARDS))
    QTest.keyClick(window.cards["/c"], Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: list(window.cards) == ["/a", "/b"], timeout=20_000)
    assert "off the list" in window.line.text()


def test_an_empty_page_says_what_to_do(page: Page, qtbot: QtBot) -> None:
    window = page(Fake())
    assert window.empty.isVisible()
    window.add("/new")
    qtbot.waitUntil(lambda: "/new" in window.cards, timeout=20_000)
    assert not window.empty.isVisible()
