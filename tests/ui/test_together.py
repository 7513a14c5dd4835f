"""The page of two kinds: neighbourhoods by mouse and keys, honest words, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from lamplighter.domain import wire
from lamplighter.ui.desk import Desk
from lamplighter.ui.together_page import DRAWN, NEAR, TogetherPage


def answer(r: float = 0.6, low: float = 0.4, high: float = 0.75, at: int = 3) -> wire.Together:
    rng = np.random.default_rng(0)
    lag = np.arange(-1, 4)
    first = rng.normal(size=300)
    second = first + rng.normal(size=300)
    full = np.full(5, 0.1)
    return wire.Together(
        lag, np.where(lag == lag[at], r, full), np.where(lag == lag[at], low, -full),
        np.where(lag == lag[at], high, 3 * full), np.full(5, 300), np.full(5, 80.0), at,
        3_600_000 * np.arange(300, dtype=np.int64), first, second, first, second, 3, 2,
    )  # fmt: skip


@pytest.fixture
def page(desk: Desk) -> TogetherPage:
    made = TogetherPage(desk)
    kinds = [made.first.itemData(k) for k in range(made.first.count())]
    made.first.setCurrentIndex(kinds.index("pressure"))
    made.second.setCurrentIndex(next(k for k, w in enumerate(kinds) if w != "pressure"))
    made._choose()
    made.resize(1000, 320)
    return made


def test_it_asks_for_what_measures_in_the_neighbourhood_and_says_how_sure_it_is(
    desk: Desk, page: TogetherPage, tmp_path: Path
) -> None:
    page.ask()
    asked = [r for r in desk.session.asked if isinstance(r, wire.GetTogether)][-1]  # type: ignore[union-attr]
    assert (asked.first, asked.second) == page.streams()
    assert len(asked.first) > 3

    page._got(page._asked, answer())
    told = page.words.text()
    for word in ("2 h after", "+0.60", "+0.40 to +0.75", "more than chance", "80 independent"):
        assert word in told
    assert "not causing" in page.care.text()
    page._got(page._asked, answer(0.2, -0.1, 0.5))
    assert "may be chance" in page.words.text()
    assert not page.grab().isNull()

    assert page.write(tmp_path / "a.csv") and page.write(tmp_path / "a.png")
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert len(rows) == 301 and rows[1].startswith("1970-01-01T00:00:00")
    assert not page.write(tmp_path / "none" / "a.csv")
    assert desk.problems
    page._choose()  # while the file was asked for
    assert not page.write(tmp_path / "b.csv") and "changed meanwhile" in page.words.text()


def test_a_late_answer_to_another_question_is_not_shown(page: TogetherPage) -> None:
    page.ask()
    old = page._asked
    page._choose()
    page._got(old, answer())
    assert page.found is None


def test_without_a_basis_it_says_why(page: TogetherPage) -> None:
    why = "hours with values of both: 3; 72 are needed"
    page._got(page._asked, replace(answer(), at=-1, why=why))
    assert "both: 3; 72" in page.words.text()
    assert not page.out.isEnabled()


def test_a_neighbourhood_is_drawn_by_keys_and_by_mouse(page: TogetherPage) -> None:
    page.map.resize(300, 200)
    every = len(page.map.chosen)
    for moves, key in (
        ("", Qt.Key.Key_Return), ("R" * 8, Qt.Key.Key_Return), ("D" * 10, Qt.Key.Key_Return),
        ("L" * 8, Qt.Key.Key_Return), ("", Qt.Key.Key_Space),
    ):  # fmt: skip
        arrows = {"R": Qt.Key.Key_Right, "D": Qt.Key.Key_Down, "L": Qt.Key.Key_Left}
        for move in moves:
            QTest.keyClick(page.map, arrows[move])
        QTest.keyClick(page.map, key)
    assert page.map.closed and len(page.map.line) == 4
    assert page.area.currentData() == DRAWN
    assert len(page.map.chosen) < every
    QTest.keyClick(page.map, Qt.Key.Key_Escape)
    assert not page.map.line and not page.map.chosen

    box = page.map._frame()[0]
    for at in (box.topLeft(), box.topRight(), box.bottomRight(), box.bottomLeft()):
        page.map.add(page.map._from(QPointF(at)))
    page.map.close_line()
    assert len(page.map.chosen) == len(page.map.all)


def test_around_the_selection_follows_the_selection(desk: Desk, page: TogetherPage) -> None:
    page.area.setCurrentIndex(page.area.findData(NEAR))
    desk.selection.clear()
    page._choose()
    assert "Select an asset" in page.words.text()
    page.metres.setValue(50_000)
    desk.selection.select([next(iter(page.map.all))])
    assert page.map.chosen >= set(page.map.all)
