"""The crew plan: cards go where hands and keys put them; nothing is kept before taking."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt

from lamplighter.domain import wire
from lamplighter.domain.crew_plan import Crew, Job, as_plan, propose
from lamplighter.ui.crew_draft import LEFT
from lamplighter.ui.crew_page import CrewPage
from lamplighter.ui.desk import Desk
from tests.ui.fake_session import FakeSession
from tests.ui.pages import seated, shown

CREWS = (
    Crew("ash", "Ash", ("pumps",), lon=4.40, lat=51.90),
    Crew("birch", "Birch", ("electrical",), 8 * 60, 14 * 60, 4.45, 51.92),
)
JOBS = tuple(
    Job(f"WO-{n}", title, f"P-{n}", skill, 60, 4.4 + n / 100, 51.9, priority=priority, risk=risk)
    for n, (title, skill, priority, risk) in enumerate(
        [
            ("Inspect bearing", "pumps", 1, 540.0),
            ("Change valve seal", "pumps", 3, 20.0),
            ("Trip test", "electrical", 2, 90.0),
            ("Weld", "welding", 3, 0.0),
        ]
    )
)


class _Session(FakeSession):
    ways: dict[str, tuple[str, ...]] = {}  # noqa: RUF012
    crews = CREWS
    jobs = JOBS

    def _plan(self, day_ms: int, ways: dict[str, tuple[str, ...]]) -> wire.CrewPlan:
        known = {j.order: j for j in self.jobs}
        placed = {o for way in ways.values() for o in way}
        plan = as_plan(self.crews, {c: [known[o] for o in w] for c, w in ways.items()},
                       [j for j in self.jobs if j.order not in placed], day_ms)  # fmt: skip
        return wire.CrewPlan(self.crews, self.jobs, plan)

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetCrewPlan(day_ms):
                return self._plan(day_ms, self.ways)
            case wire.ProposeCrewPlan(day_ms, ways):
                plan = propose(self.crews, self.jobs, day_ms, ways)
                return wire.CrewPlan(self.crews, self.jobs, plan)
            case wire.TakeCrewPlan(day_ms, ways):
                self.ways = ways
                return self._plan(day_ms, ways)
            case wire.PutCrew(crew):
                return wire.Ok(crew.name)
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def page(qtbot: Any, desk: Desk, session: _Session) -> Iterator[CrewPage]:
    with shown(CrewPage(desk), 1000, 420) as made:
        yield made


def taken(session: _Session) -> list[wire.TakeCrewPlan]:
    return [r for r in session.asked if isinstance(r, wire.TakeCrewPlan)]


def test_a_proposal_is_a_draft_until_it_is_taken(page: CrewPage, session: _Session) -> None:
    assert page.draft.left() == ("WO-0", "WO-2", "WO-1", "WO-3")
    page.propose.click()
    assert page.draft.ways == {"ash": ("WO-0", "WO-1"), "birch": ("WO-2",)}
    assert not taken(session) and "not taken yet" in page.sum.text()
    page.take.click()
    assert taken(session)[0].ways == page.draft.ways
    assert not page.take.isEnabled() and not page.draft.changed


def test_a_card_is_moved_by_keys_alone(page: CrewPage, qtbot: Any) -> None:
    board = page.board
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(board, key)
    assert board.hanging == "WO-0" and board.target == ("ash", 0)
    assert "Ash, place 1" in page.detail.text()
    qtbot.keyClick(board, Qt.Key.Key_Return)
    assert page.draft.ways["ash"] == ("WO-0",)
    page.undo.click()
    assert page.draft.ways["ash"] == ()


def test_escape_puts_the_card_back_and_delete_takes_it_off(page: CrewPage, qtbot: Any) -> None:
    page.propose.click()
    before = page.draft.ways
    page.board.select("WO-0")
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Down, Qt.Key.Key_Escape):
        qtbot.keyClick(page.board, key)
    assert page.draft.ways == before
    qtbot.keyClick(page.board, Qt.Key.Key_Delete)
    assert page.draft.row_of("WO-0")[0] == LEFT


def test_a_card_is_dragged_to_another_crew_and_says_what_is_wrong(
    page: CrewPage, qtbot: Any
) -> None:
    page.propose.click()
    board = page.board
    start = board.card_rects()["WO-0"].center().toPoint()
    row = board.row_rect(1)
    end = QPoint(start.x() + 40, int(row.center().y()))
    qtbot.mousePress(board, Qt.MouseButton.LeftButton, pos=start)
    for step in (start + QPoint(4, 8), end):
        qtbot.mouseMove(board, step)
    assert "skill missing: pumps" in page.detail.text()
    qtbot.mouseRelease(board, Qt.MouseButton.LeftButton, pos=end)
    assert page.draft.row_of("WO-0")[0] == "birch"
    assert "1 with trouble" in page.sum.text()


def test_a_low_page_shows_every_crew_on_one_line(page: CrewPage, qtbot: Any) -> None:
    page.resize(900, 700)
    page._fit()
    assert not page.board.dense
    page.resize(900, 260)
    qtbot.waitUntil(lambda: page.board.dense)
    rows = [page.board.row_rect(n).height() for n in range(len(CREWS))]
    assert rows == [28, 28] and page.board.card_rects()
    page.resize(900, 700)
    qtbot.waitUntil(lambda: not page.board.dense)


def test_a_hanging_card_reckons_once_for_each_place(
    page: CrewPage, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, asked = page.board, []
    effect = page.draft.effect
    monkeypatch.setattr(page.draft, "effect", lambda *a: asked.append(a) or effect(*a))
    order = page.draft.left()[0]
    start = board.card_rects()[order].center().toPoint()
    qtbot.mousePress(board, Qt.MouseButton.LeftButton, pos=start)
    end = board.row_rect(0).center().toPoint()
    for step in (start + QPoint(12, 0), end, end + QPoint(1, 0), end + QPoint(2, 0)):
        qtbot.mouseMove(board, step)
    assert board.hanging == order and len(asked) == len(set(asked)) >= 1
    assert page.board.words() in page.detail.text()
    qtbot.mouseRelease(board, Qt.MouseButton.LeftButton, pos=end)


def test_cards_of_a_crew_never_lie_on_each_other(page: CrewPage) -> None:
    page.propose.click()
    rects = page.board.card_rects()
    assert set(rects) == {j.order for j in JOBS}
    for one, two in itertools.combinations(rects.values(), 2):
        assert not one.intersects(two)


def test_an_order_closed_elsewhere_leaves_the_draft(page: CrewPage, session: _Session) -> None:
    page.propose.click()
    session.jobs = JOBS[1:]
    page.look()
    assert "WO-0" not in page.draft.jobs
    assert page.draft.ways == {"ash": (), "birch": ()}
    assert "put away" in page.detail.text()


def test_an_empty_day_says_what_to_do(page: CrewPage, session: _Session) -> None:
    session.crews, session.ways = (), {}
    page.look()
    assert "No crews yet" in page.detail.text()
    assert not page.propose.isEnabled()


def test_the_form_keeps_a_crew(page: CrewPage, session: _Session) -> None:
    page.crews.click()
    page.form.keep.click()
    assert "name" in page.form.say.text()
    page.form.name.setText("Cedar")
    page.form.skills.setText("welding, pumps")
    page.form.base.setText("4.4, 51.9")
    page.form.keep.click()
    put = next(r for r in session.asked if isinstance(r, wire.PutCrew))
    assert put.crew == Crew("", "Cedar", ("welding", "pumps"), 420, 900, 4.4, 51.9, 2)


def test_news_of_orders_leave_the_selection_alone(
    page: CrewPage, desk: Desk, session: _Session
) -> None:
    first, other = list(desk.city.assets)[:2]
    session.jobs = (replace(JOBS[0], asset=first), *JOBS[1:])
    page.look()
    page.board.select("WO-0")
    assert desk.selection.current == first
    desk.selection.select(other)
    desk.orders_changed.emit()
    assert desk.selection.current == other


def test_low_down_the_jobs_nobody_has_and_their_heading_are_seen_without_scrolling(
    desk: Desk, qtbot: Any
) -> None:
    class _Three(_Session):
        crews = (*CREWS, replace(CREWS[0], id="elm", name="Elm"))

    seated(desk, _Three)
    with shown(CrewPage(desk), 1264, 220) as low:
        qtbot.waitUntil(lambda: len(low.draft.crews) == 3)
        qtbot.waitUntil(lambda: low.board.dense)
        assert low.board.minimumHeight() <= low._scroll.viewport().height()
        cards = [low.board.card_rects()[o] for o in low.draft.left()]
        assert cards and all(c.bottom() <= low._scroll.viewport().height() for c in cards)
