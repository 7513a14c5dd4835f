"""The Check page: nothing yet, running, found, narrowed, mended; a click flies and selects."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.findings import CheckResult, Finding
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.check_page import CheckPage
from lamplighter.ui.desk import Desk
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import another

OPEN = Finding(
    "302", "error", "P-01", "4 edges belong to one polygon only", "SHELL_NOT_CLOSED",
    place=(10.0, 20.0, 3.0), fixable=True, layer="town",
)  # fmt: skip
NOTE = Finding("no-semantics", "note", "P-02", "no words", layer="town")


class Asked(FakeSession):
    """Stands for the recorder: notes what is asked and starts task 7."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(directly, buildings=5)
        self.requests: list[wire.Request] = []

    def ask(self, request: wire.Request, done: Any) -> None:
        self.requests.append(request)
        done(wire.TaskStarted(7) if isinstance(request, wire.RunCheck) else wire.Ok())


def opened(desk: Desk, qtbot: Any) -> tuple[CheckPage, Asked]:
    session = Asked()
    desk.session = session
    page = CheckPage(desk)
    qtbot.addWidget(page)
    page.show()
    return page, session


def finish(desk: Desk, *findings: Finding, repairs: int = 0) -> None:
    result = CheckResult(list(findings), files=1, objects=40, repairs=repairs)
    desk.take_event(wire.CheckDone(result, 7))


def test_before_the_first_check_it_says_what_a_check_does(desk: Desk, qtbot: Any) -> None:
    page, _ = opened(desk, qtbot)
    assert "It changes nothing" in page.words.text()
    assert page.start.isEnabled() and not page.report.isEnabled()
    assert not page.view.isVisible()


def test_while_it_runs_it_shows_the_step_and_can_be_cancelled(desk: Desk, qtbot: Any) -> None:
    page, session = opened(desk, qtbot)
    page.start.click()
    desk.take_event(wire.TaskChanged(Task(7, "Check", TaskState.RUNNING, text="town: shells")))
    assert page.words.text() == "Checking: town: shells"
    assert page.stop.isVisible() and not page.start.isEnabled()
    page.stop.click()
    assert session.requests == [wire.RunCheck(), wire.CancelTask(7)]
    desk.take_event(wire.TaskChanged(Task(7, "Check", TaskState.CANCELLED)))
    assert page.start.isEnabled()


def test_a_check_that_went_with_its_recorder_is_not_waited_for(desk: Desk, qtbot: Any) -> None:
    page, session = opened(desk, qtbot)
    page.start.click()
    desk.take_event(wire.TaskChanged(Task(7, "Check", TaskState.RUNNING, text="town: shells")))
    desk.connect_session(session)  # the line alone was cut
    assert page.busy
    desk.connect_session(another(session))
    assert not page.busy and page.start.isEnabled() and "restarted" in page.words.text()
    finish(desk, OPEN)
    assert "restarted" not in page.words.text()


def test_a_click_on_a_finding_selects_its_object_and_flies_to_its_place(
    desk: Desk, qtbot: Any
) -> None:
    page, _ = opened(desk, qtbot)
    flown: list[tuple[float, float, float]] = []
    page.to_place.connect(lambda *spot: flown.append(spot))
    finish(desk, OPEN, NOTE)
    page.view.clicked.emit(page.findings.index(0, 0))
    assert flown == [(10.0, 20.0, 3.0)]
    assert desk.selection.current == "P-01"


def test_kinds_are_counted_the_worst_first_and_narrow_the_list(desk: Desk, qtbot: Any) -> None:
    page, _ = opened(desk, qtbot)
    finish(desk, OPEN, replace(OPEN, object="P-03"), NOTE)
    assert [(row[0], row[3]) for row in page.kinds.rows] == [("302", 2), ("no-semantics", 1)]
    page.kind_view.selectRow(1)
    assert [f.object for f in page.findings.rows] == ["P-02"]
    assert "2 errors" in page.words.text()


def test_fixing_asks_for_the_chosen_finding_or_its_kind_and_undo_for_the_newest(
    desk: Desk, qtbot: Any
) -> None:
    page, session = opened(desk, qtbot)
    finish(desk, OPEN, NOTE, repairs=1)
    page.view.selectRow(1)
    assert not page.fix_one.isEnabled()
    page.view.selectRow(0)
    page.fix_one.click()
    finish(desk, NOTE, replace(OPEN, fixed=True), repairs=2)
    assert "1 mended now" in page.words.text()
    page.undo.click()
    finish(desk, OPEN, NOTE)
    page.kind_view.selectRow(0)
    page.fix_kind.click()
    assert session.requests == [
        wire.RunCheck(fix=True, keys=(OPEN.key,)),
        wire.RunCheck(undo=True),
        wire.RunCheck(fix=True, codes=("302",)),
    ]


def test_a_flood_of_findings_stays_a_list_one_can_narrow(desk: Desk, qtbot: Any) -> None:
    page, _ = opened(desk, qtbot)
    finish(desk, *(replace(OPEN, object=f"B-{n}") for n in range(20_000)))
    assert page.findings.rowCount() == 20_000
    assert "choose a kind" in page.words.text()
