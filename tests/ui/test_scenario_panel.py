"""The what-if panel says how a run ended, also when it came to nothing."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text
from lamplighter.ui.scenario_panel import ScenarioPanel
from tests.ui.fake_session import FakeSession
from tests.ui.pages import another


def test_a_what_if_that_fails_says_so_where_it_was_asked(desk: Desk) -> None:
    panel = ScenarioPanel(desk)
    desk.session.ask = lambda request, done: done(wire.TaskStarted(77))  # type: ignore[union-attr]
    panel.run()
    desk.take_event(
        wire.TaskChanged(Task(77, "Scenario", TaskState.FAILED, problem="No such pump. [U-801]"))
    )
    said = [t.text() for t in panel.findChildren(Text)]
    assert "No such pump. [U-801]" in said
    panel.deleteLater()


def test_a_what_if_that_went_with_its_recorder_is_not_waited_for(desk: Desk) -> None:
    panel, session = ScenarioPanel(desk), desk.session
    assert isinstance(session, FakeSession)
    panel._answered(wire.TaskStarted(77))
    desk.take_event(wire.TaskChanged(Task(77, "Scenario", TaskState.RUNNING)))
    desk.connect_session(session)  # the line alone was cut
    assert panel._task == 77
    desk.connect_session(another(session))
    assert "restarted" in panel._say.text()
    desk.take_event(wire.TaskChanged(Task(77, "Import", TaskState.CANCELLED)))  # another's
    assert "restarted" in panel._say.text()
    panel.deleteLater()
