"""The replay: its speed, its marks, and the list of what changed between then and now."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.ui.desk import Desk
from lamplighter.ui.kpi import KpiBoard
from lamplighter.ui.player import Player
from lamplighter.ui.then_panel import ThenAndNow
from lamplighter.ui.time_model import DAY_MS, Mode, TimeModel
from lamplighter.ui.time_question import GoToTime
from lamplighter.ui.time_track import HOUR, Track
from tests.kit.clocks import FakeClock
from tests.ui.conftest import Open
from tests.ui.fake_session import FakeSession


@pytest.mark.parametrize("speed", [1, 10, 60, 600])
def test_a_replay_keeps_its_speed_when_pictures_come_late(qapp: Any, speed: int) -> None:
    clock = FakeClock()
    time = TimeModel(clock)
    begin = clock.wall_ms() - 24 * HOUR
    waits: list[bool] = []
    player = Player(time, lambda: waits.pop(0) if waits else False, time)
    time.replay(begin)
    time.set_speed(speed)
    time.run(True)
    waits += [False, False, True, True, True, False]
    moved: list[tuple[int, int]] = []
    for number in range(1, 31):
        clock.advance(100)
        player.tick()
        if not moved or moved[-1][1] != time.now_ms:
            moved.append((100 * number, time.now_ms))
    assert all(at == begin + elapsed * speed for elapsed, at in moved)
    assert 20 < len(moved) < 28, "late pictures are left out, and no more than they"
    time.run(False)
    clock.advance(1000)
    player.tick()
    assert time.now_ms == moved[-1][1]


def test_a_replay_that_caught_up_is_live_again(qapp: Any) -> None:
    clock = FakeClock()
    time = TimeModel(clock)
    player = Player(time, lambda: False, time)
    time.replay(clock.wall_ms() - 30_000)
    time.set_speed(600)
    time.run(True)
    clock.advance(100)
    player.tick()
    assert time.mode is Mode.LIVE and not time.running


def test_a_jump_during_a_replay_goes_on_from_there(qapp: Any) -> None:
    clock = FakeClock()
    time = TimeModel(clock)
    player = Player(time, lambda: False, time)
    time.replay(clock.wall_ms() - 10 * HOUR)
    time.run(True)
    there = clock.wall_ms() - 5 * HOUR
    time.replay(there)
    clock.advance(50)
    player.tick()
    clock.advance(400)
    player.tick()
    assert time.now_ms == there + 400


def test_the_track_follows_the_moment_and_comes_back_with_live(desk: Desk, qtbot: Any) -> None:
    track = Track(desk)
    qtbot.addWidget(track)
    track.resize(800, 62)
    track.show()
    desk.time.first_ms = 1
    far = desk.time.wall_ms - 6 * DAY_MS
    desk.time.replay(far)
    first, last = track.window()
    assert first < far < last
    assert 8 < track.x_of(far) < 792
    track.zoom(1 / 24)
    first, last = track.window()
    assert first < far < last and last - first == HOUR
    desk.time.live()
    first, last = track.window()
    assert first < desk.time.wall_ms <= last


def test_keys_on_the_track_move_the_moment(desk: Desk, qtbot: Any) -> None:
    track = Track(desk)
    qtbot.addWidget(track)
    track.resize(800, 62)
    track.show()
    desk.time.replay(desk.time.wall_ms - 3 * HOUR)
    before = desk.time.now_ms
    qtbot.keyClick(track, Qt.Key.Key_Left)
    assert before - desk.time.now_ms == track.span_ms // 200
    qtbot.waitUntil(lambda: bool(track.signs.items))
    marks = track.marks()
    assert marks and all(a.time_ms <= b.time_ms for a, b in pairwise(marks))
    qtbot.keyClick(track, Qt.Key.Key_Up)
    assert desk.time.now_ms == marks[0].time_ms or desk.time.now_ms > before - HOUR
    qtbot.keyClick(track, Qt.Key.Key_End)
    assert desk.time.mode is Mode.LIVE


def test_marks_in_a_replay_are_asked_as_known_then(desk: Desk, qtbot: Any) -> None:
    track = Track(desk)
    qtbot.addWidget(track)
    track.show()
    moment = desk.time.wall_ms - 2 * HOUR
    desk.time.replay(moment)
    asked = desk.session.asked  # type: ignore[union-attr]

    def last() -> wire.GetSigns | None:
        return next((r for r in reversed(asked) if isinstance(r, wire.GetSigns)), None)

    qtbot.waitUntil(lambda: (r := last()) is not None and r.as_known_at_ms == moment)
    desk.time.swap_known()
    qtbot.waitUntil(lambda: (r := last()) is not None and r.as_known_at_ms is None)


def test_then_and_now_lists_what_was_not_known(desk: Desk, qtbot: Any) -> None:
    dock = QWidget()
    panel = ThenAndNow(desk, dock)
    qtbot.addWidget(dock)
    dock.show()
    desk.time.replay(desk.time.wall_ms - 2 * HOUR)
    qtbot.waitUntil(lambda: panel.found is not None)
    top = [panel.table.topLevelItem(n) for n in range(panel.table.topLevelItemCount())]
    words = {i.text(0): (i.text(1), i.text(2)) for i in top if i is not None}
    assert words["Late values"][0] == "0"
    assert int(words["Alarms"][1]) == int(words["Alarms"][0]) + 3
    assert any("fails" in name for name in words)
    assert "hidden in this mode" in panel._late.text()
    panel.resize(600, 700)
    assert panel._lock.isVisible() and panel._late.isVisible()
    panel.resize(600, 220)
    assert not panel._lock.isVisible() and not panel._late.isVisible()
    assert panel._late_row is not None and not panel._late_row.isHidden()
    desk.time.swap_known()
    assert panel._now.isChecked()
    assert "hidden in this mode" not in panel._late.text()
    desk.time.live()
    assert panel.found is None and not panel.table.isVisible()
    panel.resize(600, 700)
    desk.time.replay(desk.time.wall_ms - 3 * HOUR)
    assert not panel._late.isVisible() and not panel.table.topLevelItemCount()


def test_then_and_now_comes_to_the_front_and_leaves_with_the_replay(
    open_window: Open, qtbot: Any
) -> None:
    window, _ = open_window()
    docks = window.furnish().docks
    before = docks.beside("asset")
    assert before == "asset"
    window.desk.time.replay(window.desk.clock.wall_ms() - HOUR)
    qtbot.waitUntil(lambda: docks.beside("then") == "then")
    assert window.frame.back.isVisible()
    window.frame.back.click()
    assert window.desk.time.mode is Mode.LIVE
    assert docks.beside("asset") == before


def test_a_recorder_that_began_anew_is_asked_for_the_shown_moment(
    open_window: Open, qtbot: Any
) -> None:
    window, session = open_window()
    desk, trends = window.desk, window.furnish().trends
    qtbot.waitUntil(lambda: bool(trends.shown_streams()))
    at = desk.time.wall_ms - HOUR
    desk.time.replay(at)
    desk.moments.lost()
    again = FakeSession(session.deliver, buildings=5)
    desk.connect_session(again)
    assert [r.at_ms for r in again.asked if isinstance(r, wire.GetMoment)] == [at]
    wanted = set(trends.shown_streams())
    curves = [r for r in again.asked if isinstance(r, wire.GetHistory)]
    assert any(wanted <= set(r.datastreams) for r in curves)


def test_the_line_of_a_figure_ends_at_the_shown_moment(desk: Desk) -> None:
    board = KpiBoard()
    board.update(desk)
    state = board.states[0]
    now = desk.time.now_ms
    state.samples.clear()
    state.samples.extend((now - back * 10_000, float(back)) for back in (30, 20, 10))
    desk.time.replay(now - 150_000)
    board.update(desk)
    assert state.history == [30.0, 20.0, state.value.value]
    assert len(state.samples) == 3
    desk.time.live()
    board.update(desk)
    assert state.history[:3] == [30.0, 20.0, 10.0]


def test_a_typed_moment_is_shown_as_understood_and_gone_to(desk: Desk, qtbot: Any) -> None:
    box = GoToTime(desk, None)  # type: ignore[arg-type]
    qtbot.addWidget(box)
    box.field.setText("half past")
    assert "Not understood" in box.said.text()
    qtbot.keyClick(box.field, Qt.Key.Key_Return)
    assert desk.time.mode is Mode.LIVE
    box.field.setText("-2 h")
    assert "Not understood" not in box.said.text()
    wanted = desk.time.now_ms - 2 * HOUR
    qtbot.keyClick(box.field, Qt.Key.Key_Return)
    assert desk.time.mode is Mode.REPLAY
    assert abs(desk.time.now_ms - wanted) < 5_000


def test_forecasts_and_orders_of_then_take_the_place_of_the_newest(desk: Desk) -> None:
    newest = desk.prognoses
    told: list[int] = []
    desk.prognosis_changed.connect(lambda: told.append(1))
    at = desk.time.wall_ms - HOUR
    desk.time.replay(at)
    assert desk.prognoses and all(p.made_ms == at for p in desk.prognoses)
    assert len(told) == 1
    desk.take_event(wire.PrognosisChanged(newest))
    assert len(told) == 1 and desk.prognoses[0].made_ms == at
    desk.time.live()
    assert desk.prognoses == newest and len(told) == 2
