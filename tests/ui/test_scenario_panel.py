"""The what-if panel says how a run ended, also when it came to nothing."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text
from lamplighter.ui.scenario_panel import ScenarioPanel


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
