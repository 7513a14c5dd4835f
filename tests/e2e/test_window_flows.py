"""The operator's flows in the real window, on the live demo, through the product's own actions.

One demo runs for all of them, because its events come in a known order: quiet, then a substation
trips, then everything else. The parts are steps of one story and are therefore one test.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.gl, pytest.mark.timeout(280)]
TRIPPED = "SS-04"
WEARING = "P-22"
VALVE = "V-31"
WATCHED = "P-31"
FOUR_STEPS = ("done", "done", "done", "done")


class Operator:
    """Hands and eyes: presses keys in the window and waits for what it shows."""

    def __init__(self, runner: Any, sitting: Any) -> None:
        from PySide6.QtTest import QTest

        self._qtest = QTest
        self.sitting = sitting
        self.window = runner.window
        self.desk = runner.desk
        self.furniture: Any = None
        self.began = 0.0

    def until(self, what: str, seen: Callable[[], object], patience_s: float = 60.0) -> float:
        """Seconds until `seen`; the event loop goes on meanwhile."""
        begun = time.monotonic()
        while not seen():
            waited = time.monotonic() - begun
            assert waited < patience_s, f"{what}: not seen within {patience_s:.0f} s"
            self._qtest.qWait(10)
        return time.monotonic() - begun

    def rest(self, seconds: float) -> None:
        self._qtest.qWait(round(seconds * 1000))

    def key(self, key: Any, keys: Any = None, on: Any = None) -> None:
        from PySide6.QtCore import Qt

        target = on or self.window.focusWidget() or self.window
        self._qtest.keyClick(target, key, keys or Qt.KeyboardModifier.NoModifier)
        self.rest(0.05)

    def write(self, field: Any, text: str) -> None:
        field.setFocus()
        self._qtest.keyClicks(field, text)

    def click(self, button: Any) -> None:
        from PySide6.QtCore import Qt

        assert button.isVisible()
        assert button.isEnabled()
        self._qtest.mouseClick(button, Qt.MouseButton.LeftButton)

    def ask(self, request: Any) -> Any:
        answers: list[Any] = []
        self.desk.session.ask(request, answers.append)
        self.until(type(request).__name__, lambda: answers)
        return answers[0]


def test_an_operators_day_in_the_real_window(tmp_path: Path) -> None:
    failed: list[BaseException] = []
    sitting = _play(lambda operator: _day(operator), failed, tmp_path)
    if failed:
        raise failed[0]
    assert sitting is not None


def _play(
    day: Callable[[Operator], None], failed: list[BaseException], folder: Path
) -> dict[str, Any]:
    """The sitting of `run --demo`, with a driver in the window's own event loop."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from lamplighter.cli.sitting import Sitting
    from lamplighter.cli.starters import Starters
    from lamplighter.ui.app import Runner
    from lamplighter.ui.report import ReportOptions
    from lamplighter.ui.theme import start

    def window(**options: Any) -> int:
        app = QApplication.instance() or QApplication(["lamplighter"])
        start("dark", 1.0)
        runner = Runner(
            options["session_factory"],
            ReportOptions(started=options["started"]),
            Path(tempfile.mkdtemp(dir=folder)),
            options["on_first_frame"],
            False,
        )
        operator = Operator(runner, sitting)

        def first() -> None:
            operator.began = time.monotonic()

        def play() -> None:
            try:
                day(operator)
            except BaseException as error:
                failed.append(error)
                _picture(operator, folder / "failed.png")
            runner.window.close()

        runner.window.beat.first_value.connect(first)
        QTimer.singleShot(0, play)
        runner.window.resize(1600, 1000)
        runner.window.show()
        code = app.exec()
        runner.close()
        return int(code)

    sitting = Sitting(
        Starters(field=lambda _: 2, window=window), None, True, 0.0, None, None, False, "dark"
    )
    return sitting.run()


def _picture(operator: Operator, file: Path) -> None:
    operator.window.grab().save(str(file))
    sys.stderr.write(f"picture of the failure: {file}\n")


def _day(op: Operator) -> None:
    op.until("values", lambda: op.began, 60.0)
    op.furniture = op.window.furnish()
    op.window.activateWindow()
    op.until("an active window", op.window.isActiveWindow)
    _palette(op)
    op.until("the incident", lambda: any(i.asset == TRIPPED for i in op.desk.incidents), 60.0)
    op.until("folded alarms", lambda: len(_incident(op).folded) >= 13)
    _replay(op)
    _alarms(op)
    _command(op)
    _scenario(op)
    _maintenance(op)
    _cable_out(op)


def _incident(op: Operator) -> Any:
    return next(i for i in op.desk.incidents if i.asset == TRIPPED)


# ------------------------------------------------------------------ find
def _palette(op: Operator) -> None:
    from PySide6.QtCore import Qt

    op.until("3D", lambda: op.furniture.twin.view is not None and op.furniture.twin.view.scene)
    view = op.furniture.twin.view
    before = view.scene.pose
    op.key(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier, op.window)
    palette = op.furniture.palette
    op.until("the palette", palette.isVisible)
    op.write(palette.field, WEARING)
    op.key(Qt.Key.Key_Return, on=palette.field)
    assert op.desk.selection.current == WEARING
    assert not palette.isVisible()
    op.until("a flight", lambda: view.scene.pose != before)


# ------------------------------------------------------------------ maintenance
def _maintenance(op: Operator) -> None:
    from PySide6.QtCore import Qt

    from lamplighter.domain import wire

    desk = op.desk
    op.key(Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier, op.window)
    op.until("a forecast of failure", lambda: _forecast(op), 60.0)
    first = _forecast(op)
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.high
    assert first.reasons
    assert first.similar
    assert "simulated history, 12 failures" in first.basis
    desk.selection.select(WEARING)
    op.key(Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier, op.window)
    form = op.furniture.order_windows.form
    op.until("the form", form.isVisible)
    op.key(Qt.Key.Key_Return, on=form._title)
    made = lambda: [o for o in desk.orders.values() if o.asset == WEARING and o.state == "open"]  # noqa: E731
    op.until("the order in the window", made)
    kept = {o.id: o for o in op.ask(wire.GetWorkOrders()).items}
    assert kept[made()[0].id].origin == "forecast"
    op.key(Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier, op.window)


def _forecast(op: Operator) -> Any:
    """The forecast that stands first; None before the wearing pump is ranked there."""
    ranked = op.desk.prognoses
    worn = ranked and ranked[0].asset == WEARING and (ranked[0].probability_30d or 0) > 0.3
    return ranked[0] if worn else None


# ------------------------------------------------------------------ replay
def _replay(op: Operator) -> None:
    from PySide6.QtCore import Qt

    from lamplighter.ui.time_model import Mode

    desk, window = op.desk, op.window
    trip_ms = _incident(op).since_ms
    desk.selection.select(WEARING)
    op.furniture.docks.show("alarms")
    seen: list[float] = []
    for at_ms in (trip_ms - 4_000, trip_ms - 6_000, trip_ms - 5_000):
        begun = time.perf_counter()
        desk.time.replay(at_ms)
        op.until("the moment", lambda at=at_ms: desk.moment and desk.moment.at_ms == at)  # type: ignore[misc]
        seen.append((time.perf_counter() - begun) * 1000)
    sys.stderr.write(f"seek to shown values, ms: {[round(s) for s in seen]}\n")
    assert desk.time.mode is Mode.REPLAY
    assert window.frame.isVisible()
    assert window.frame.words().startswith("REPLAY")
    assert not [i for i in desk.incidents if i.asset == TRIPPED]
    assert len(desk.values.time_ms) == len(desk.live_values.time_ms)
    assert int(desk.values.time_ms.max()) <= desk.time.now_ms
    op.until("the list of then", lambda: not _listed(op, TRIPPED))
    assert _listed_live(op, TRIPPED)
    assert window.top._wall.isVisible()
    assert window.top._clock.text() != window.top._wall.text()
    op.until("trends of then", lambda: _last_drawn(op) <= desk.time.now_ms)

    assert "As known then" in window.time_bar._known.text()
    op.key(Qt.Key.Key_T, on=window)
    assert desk.time.as_known is False
    assert "Truth now" in window.time_bar._known.text()
    op.key(Qt.Key.Key_T, on=window)

    standing = {a.key: a.state for a in desk.live_alarms.values()}
    op.key(Qt.Key.Key_F2, on=window)
    op.until("why F2 does nothing", lambda: any("U-808" in k for k in desk.problems))
    assert {k: a.state for k, a in desk.live_alarms.items() if k in standing} == standing
    _no_command(op, "replay")

    before = desk.time.now_ms
    op.key(Qt.Key.Key_Comma, on=window)
    assert desk.time.now_ms == before - 10_000
    op.key(Qt.Key.Key_Period, on=window)
    assert desk.time.now_ms == before
    op.key(Qt.Key.Key_L, on=window)
    assert desk.time.mode is Mode.LIVE
    assert not window.frame.isVisible()
    op.until("the list of now", lambda: _listed(op, TRIPPED))


def _listed(op: Operator, asset: str) -> bool:
    model = op.furniture.alarms.model
    rows = [model.node(model.index(n, 0)) for n in range(model.rowCount())]
    return any(r.record.asset == asset and r.incident is not None for r in rows)


def _listed_live(op: Operator, asset: str) -> bool:
    return any(a.asset == asset for a in op.desk.live_alarms.values())


def _last_drawn(op: Operator) -> int:
    traces = [op.furniture.trends.traces[i] for i in op.furniture.trends.shown_streams()]
    return max((int(t.time_ms[-1]) for t in traces if len(t.time_ms)), default=0)


def _no_command(op: Operator, mode: str) -> None:
    """No button to send with, a reason, and a refusal from the recorder whoever asks."""
    from lamplighter.domain import wire
    from lamplighter.domain.command import CommandRequest

    op.desk.selection.select(VALVE)
    op.furniture.docks.show("asset")
    panel = op.furniture.faceplate.commands
    op.until("the lock", lambda: panel.isVisible() and not panel._form.isVisible())
    assert mode in panel._lock.text()
    reply = op.ask(wire.SendCommand(CommandRequest(VALVE, "close", None, "test", ""), mode))
    assert isinstance(reply, wire.Refused)
    assert reply.problem.code == "C-701"


# ------------------------------------------------------------------ alarms
def _alarms(op: Operator) -> None:
    from PySide6.QtCore import Qt

    from lamplighter.domain import wire
    from lamplighter.domain.alarm import AlarmState

    desk, panel = op.desk, op.furniture.alarms
    op.furniture.docks.show("alarms")
    op.until("the incident's row", lambda: panel.model.rowCount() and _listed(op, TRIPPED))
    store = op.ask(wire.GetAlarms())
    told = next(i for i in store.incidents if i.asset == TRIPPED)
    tree = panel.tree
    tree.setFocus()
    row = next(
        n for n in range(panel.model.rowCount())
        if panel.model.node(panel.model.index(n, 0)).incident is not None
    )  # fmt: skip
    tree.collapseAll()
    tree.setCurrentIndex(panel.model.index(row, 0))
    op.key(Qt.Key.Key_Right, on=tree)
    assert tree.isExpanded(panel.model.index(row, 0))
    node = panel.model.node(panel.model.index(row, 0))
    assert set(node.keys) >= {told.cause, *told.folded} & set(desk.alarms)
    op.key(Qt.Key.Key_Asterisk, on=tree)
    assert desk.selection.current == TRIPPED
    op.furniture.docks.show("asset")
    op.until("guidance", lambda: op.furniture.faceplate._steps.text().startswith("1. "))

    tree.setFocus()
    keys = panel.selected_keys()
    assert told.cause in keys
    op.key(Qt.Key.Key_F2, on=tree)
    acked = lambda: desk.alarms[told.cause].state is AlarmState.ACKED  # noqa: E731
    op.until("acknowledged", acked)
    kept = {a.key: a for a in op.ask(wire.GetAlarms()).alarms}
    assert kept[told.cause].state is AlarmState.ACKED

    key = next(k for k in keys if k != told.cause)
    menu = panel.shelve_menu((key,))
    hour = menu.actions()[1].menu()
    begun = desk.clock.wall_ms()
    hour.actions()[0].trigger()
    menu.deleteLater()
    op.until("shelved", lambda: desk.alarms[key].state is AlarmState.SHELVED)
    assert 3_590_000 < desk.alarms[key].shelved_until_ms - begun < 3_620_000
    assert desk.alarms[key].reason
    desk.ask(wire.AlarmAction("unshelve", (key,)))


# ------------------------------------------------------------------ commands
def _command(op: Operator) -> None:
    from lamplighter.ui.command_panel import steps_done

    desk, panel = op.desk, op.furniture.faceplate.commands
    op.furniture.docks.show("asset")
    desk.selection.select(WATCHED)
    op.until("the reason of shadow", lambda: "Shadow" in panel._why.text())
    assert not panel._form.isVisible()
    assert panel._why.isVisible()
    desk.selection.select(VALVE)
    op.until("the command form", panel._form.isVisible)
    assert not panel._send.isEnabled()
    op.click(panel._arm)
    assert not panel._send.isEnabled()
    op.write(panel._reason, "flow test")
    op.click(panel._send)
    mine = lambda: [c for c in desk.commands.values() if c.command.target == VALVE]  # noqa: E731
    op.until("four steps", lambda: mine() and steps_done(mine()[-1]) == FOUR_STEPS)
    assert not panel.armed


# ------------------------------------------------------------------ what if
def _scenario(op: Operator) -> None:
    from PySide6.QtCore import Qt

    from lamplighter.domain.task import TaskState
    from lamplighter.scene.states import Mark
    from lamplighter.ui.time_model import Mode

    desk, panel = op.desk, op.furniture.scenario
    op.furniture.docks.show("tasks")
    op.furniture.docks.show("scenario")

    def runs() -> set[int]:
        """What-ifs alone: the demo brings in a past and learns meanwhile."""
        return {n for n, task in desk.tasks.items() if task.name.startswith("What-if")}

    def ask(kind: int, asset: str = "") -> int:
        known = runs()
        panel._kind.setCurrentIndex(kind)
        if asset:
            panel._target.setCurrentIndex(panel._target.findData(asset))
        op.click(panel._run)
        op.until("the task", lambda: runs() - known)
        return max(runs() - known)

    with _many_steps(op):  # more than any machine does before the click
        task = ask(1)
        op.until("progress", lambda: desk.tasks[task].done > 0)
        assert desk.tasks[task].state is TaskState.RUNNING
        op.click(op.furniture.tasks._rows[task]._cancel)
        op.until("cancelled", lambda: desk.tasks[task].state is TaskState.CANCELLED)
    assert desk.tasks[task].done < desk.tasks[task].total
    assert "close-pipe" in panel._say.text()

    task = ask(0, WEARING)
    assert desk.time.mode is Mode.SCENARIO
    op.until("a result", lambda: desk.scenario is not None, 40.0)
    assert desk.tasks[task].state is TaskState.DONE or desk.scenario.settings
    assert panel.table.rowCount() > 0
    assert "–" in panel.table.item(0, 2).text()
    assert "screening result, not a measurement" in panel._basis.text()
    view = op.furniture.twin.view
    op.until("the dashed frame in 3D", lambda: view.overlay.mode == "scenario")
    looks = lambda: [x for x in view._alarms.looks.values() if x.mark is Mark.SCENARIO]  # noqa: E731
    op.until("the tint in 3D", looks)
    _no_command(op, "scenario")
    assert not op.window.strip._ack.isVisible()
    op.key(Qt.Key.Key_L, on=op.window)
    assert desk.time.mode is Mode.LIVE
    op.until("3D as it is", lambda: view.overlay.mode == "live" and not looks())


@contextmanager
def _many_steps(op: Operator) -> Iterator[None]:
    """The demo's water network in steps of one second instead of a quarter of an hour."""
    from lamplighter.runtime.demo import demo_home
    from lamplighter.runtime.whatif import water_network

    file = water_network(demo_home() / "project", ())
    before = file.read_text(encoding="utf-8")
    assert before.count("Hydraulic Timestep\t0:15") == 1
    file.write_text(
        before.replace("Hydraulic Timestep\t0:15", "Hydraulic Timestep\t0:00:01"), "utf-8"
    )
    try:
        yield
    finally:
        file.write_text(before, "utf-8")


# ------------------------------------------------------------------ cable out
def _cable_out(op: Operator) -> None:
    desk, window = op.desk, op.window
    desk.selection.select(WEARING)
    op.furniture.docks.show("asset")
    op.sitting._field._process.kill()
    op.until("stale values", lambda: desk.stale_mask()[desk.city.bound].all(), 30.0)
    op.until("a lost feed", lambda: desk.status and not desk.live_feeds(), 30.0)
    op.until("the feed's line", lambda: ("Feeds", "0 of 1 live") in window.status._left)
    stream = next(s for s in desk.city.of_asset[WEARING] if not s.states)
    model = desk.value(stream)
    assert not model.live
    assert model.age_text
    view = op.furniture.twin.view
    op.until("3D marks it", lambda: (view._levels >= 3).all())
    op.until("and says so", lambda: "nothing is live" in view.overlay.note)

    recorder = op.sitting._recorder
    os.kill(recorder.pid, signal.SIGKILL)
    op.until("one line", lambda: any("U-807" in k for k in desk.problems))
    assert ("Recorder", "not answering") in window.status._left
    beats = window.beat.number
    op.rest(0.6)
    assert window.beat.number > beats  # it goes on
    op.until("the recorder again", lambda: not any("U-807" in k for k in desk.problems), 40.0)
    assert op.sitting._recorder.pid != recorder.pid
    op.until("figures again", lambda: desk.status is not None)
    op.until("the last state", lambda: desk.live_values is not None)
    again = desk.value(stream)
    assert again.text == model.text
    assert not again.live
