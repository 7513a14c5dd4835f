"""A moment of the past comes to the screen as one picture, and never later than promised."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from lamplighter.ui.beat import Beat
from lamplighter.ui.paint_gate import PaintGate
from lamplighter.ui.time_model import TimeModel
from lamplighter.ui.whole_picture import WholePicture
from tests.kit.clocks import FakeClock
from tests.ui.conftest import Open


class Sheet(QWidget):
    """Counts how often it is painted."""

    painted = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        self.painted += 1


class Room(QObject):
    """Desk, beat, feed and 3D in one: what the whole picture looks at."""

    moment_changed = Signal()
    done = Signal(float)
    arrived = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.time = TimeModel(FakeClock())
        self.moment: Any = None
        self.number = self.shown = self.answers = self.told = 0
        self.busy = False
        self.feed = self

    def show_states_now(self) -> None:
        self.told += 1

    def ask(self, back_ms: int) -> None:
        self.busy = True
        self.time.replay(self.time.wall_ms - back_ms)

    def values(self) -> None:
        self.moment = object()
        self.moment_changed.emit()

    def frame(self) -> None:
        self.number = self.shown = self.number + 1
        self.done.emit(1.0)

    def curves(self) -> None:
        self.busy = False
        self.answers += 1
        self.arrived.emit()


@pytest.fixture
def sheet(qtbot: Any) -> Sheet:
    sheet = Sheet()
    qtbot.addWidget(sheet)
    sheet.show()
    qtbot.waitUntil(lambda: sheet.painted > 0)
    return sheet


def test_a_closed_gate_holds_repaints_until_it_is_opened(qtbot: Any, sheet: Sheet) -> None:
    gate = PaintGate(sheet)
    gate.close(60_000)
    before = sheet.painted
    sheet.update()
    gate.let_next()
    qtbot.wait(150)
    assert sheet.painted == before and gate.held
    gate.open()
    qtbot.waitUntil(lambda: sheet.painted > before)


def test_a_closed_gate_opens_by_itself(qtbot: Any, sheet: Sheet) -> None:
    gate = PaintGate(sheet)
    before = sheet.painted
    gate.close(30)
    sheet.update()
    qtbot.waitUntil(lambda: sheet.painted > before)


@pytest.mark.parametrize("curves_first", [False, True])
def test_values_3d_and_curves_of_a_moment_are_painted_together(
    qapp: Any, monkeypatch: pytest.MonkeyPatch, curves_first: bool
) -> None:
    room, told = Room(), list[str]()
    gate = PaintGate(QWidget())
    monkeypatch.setattr(gate, "close", lambda most_ms: told.append("closed"))
    monkeypatch.setattr(gate, "open", lambda: told.append("open"))
    whole = WholePicture(room, room, gate, room, room)  # type: ignore[arg-type]
    room.ask(60_000)
    assert told == ["closed"]
    room.ask(90_000)
    assert told == ["closed"], "a hand that drags does not hold the gate for longer"
    room.frame()  # of the values before
    steps = [room.curves, room.values] if curves_first else [room.values, room.curves]
    for step in steps:
        step()
        assert told == ["closed"]
    room.frame()
    assert told == ["closed", "open"] and room.told == 1
    room.frame()
    assert told == ["closed", "open"]
    room.ask(120_000)
    room.time.live()
    assert told == ["closed", "open", "closed", "open"], "live, nothing is held"
    assert whole.parent() is gate


def test_a_moment_without_curves_waits_for_its_values_alone(
    qapp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, told = Room(), list[str]()
    gate = PaintGate(QWidget())
    monkeypatch.setattr(gate, "open", lambda: told.append("open"))
    WholePicture(room, room, gate, room, room)  # type: ignore[arg-type]
    room.time.replay(room.time.wall_ms - 60_000)
    room.values()
    assert not told
    room.frame()
    assert told == ["open"]


def test_values_that_come_within_a_frame_are_shown_right_after_it(open_window: Open) -> None:
    window, _ = open_window()
    beat: Beat = window.beat
    beat.stop()
    beat._frame()
    beat.soon()
    beat._waiting = None
    beat._idled()
    assert beat._timer.interval() == 0
    beat.stop()
