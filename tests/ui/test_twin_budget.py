"""What a frame may take: detail falls when frames are slow, moving frames learn their size."""

from __future__ import annotations

import pytest

from lamplighter.scene.machine import Machine
from lamplighter.ui.twin_budget import SETTING, FrameBudget


def test_slow_frames_at_rest_lose_edges_then_pixels_and_stop_there(qtbot) -> None:
    budget = FrameBudget()
    assert (budget.detail, budget.edges, budget.share) == (4, 1.0, 1.0)
    changes = [budget.rested(50.0) for _ in range(12)]
    assert changes.count(True) == 3 and budget.detail == 1 and budget.share < 1.0
    assert budget.slow and budget.words().startswith("3D 50 ms of 40, detail 1 of 4")


def test_a_machine_that_keeps_up_keeps_everything(qtbot) -> None:
    budget = FrameBudget()
    assert not any(budget.rested(12.0) for _ in range(20))
    assert budget.detail == 4 and not budget.slow


def test_the_users_choice_stays(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "2")
    budget = FrameBudget()
    assert budget.detail == 2 and not any(budget.rested(500.0) for _ in range(6))
    assert "You chose" in budget.explained()


def test_the_machine_gives_the_first_budget_and_frames_correct_it(qtbot) -> None:
    fast = FrameBudget(Machine("a", 2.0, 0.01, 10.0))
    slow = FrameBudget(Machine("b", 20.0, 0.2, 40.0))
    assert fast.moving_triangles > 20 * slow.moving_triangles >= 20 * 10_000
    before = slow.moving_triangles
    slow.moved(20.0)
    assert slow.moving_triangles > before
    for _ in range(40):
        fast.moved(400.0)
    assert fast.moving_triangles == 15_000
