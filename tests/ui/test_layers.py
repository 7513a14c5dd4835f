"""The Layers panel says which plugin's layer stands still and why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QCheckBox

from lamplighter.domain import wire
from lamplighter.domain.problems import problem
from lamplighter.ui.desk import Desk
from lamplighter.ui.side_panels import Layers
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession

FAULT = problem("P-601", name="water", what="1 of 3: no answer within 5 s")
WHY = str(FAULT)


class _Grey(FakeSession):
    """A recorder in which water's code failed before this window came."""

    def _reply(self, request: wire.Request) -> wire.Reply:
        if isinstance(request, wire.GetLayers):
            grey = wire.LayerState("water", "greyed", WHY, FAULT)
            return wire.Layers((wire.LayerState("power", "running"), grey))
        return super()._reply(request)


@pytest.fixture
def panel(desk: Desk) -> Iterator[Layers]:
    made = Layers(desk)
    yield made
    made.deleteLater()


def _labels(panel: Layers) -> set[str]:
    return {box.text() for box in panel.findChildren(QCheckBox)}


def test_a_new_window_shows_what_was_greyed_before_it_came(desk: Desk, panel: Layers) -> None:
    desk.connect_session(_Grey(directly, buildings=5))

    assert {"Water (greyed)", "Power"} <= _labels(panel)
    assert WHY in panel._why.text()
    assert [p.problem for p in desk.problems.values()] == [FAULT]
    desk.take_event(wire.ProblemRaised(FAULT, over=True))
    assert not desk.problems


def test_a_layer_turns_grey_and_comes_back(desk: Desk, panel: Layers) -> None:
    desk.take_event(wire.LayerState("water", "greyed", WHY))
    assert {"Water (greyed)", "Power"} <= _labels(panel)

    desk.take_event(wire.LayerState("water", "running"))
    assert {"Water", "Power"} <= _labels(panel)
    assert panel._why.text() == ""
