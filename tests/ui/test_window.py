"""The whole window over a fake city: it opens, follows, locks, and reports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from lamplighter.domain import wire
from lamplighter.domain.command import Outcome
from lamplighter.ui.kpi_strip import KpiTile
from lamplighter.ui.report import Milestones, collect, write
from lamplighter.ui.time_model import Mode
from lamplighter.ui.value_widgets import ValueWidget
from lamplighter.ui.window import MainWindow
from tests.ui.conftest import Open

ROOT = Path(__file__).parents[2]


def test_the_first_paint_needs_nothing_heavy() -> None:
    code = (
        "import sys, json, lamplighter.ui.app; "
        "print(json.dumps([m for m in sys.modules if m.split('.')[0] in "
        "('pyqtgraph','vtkmodules','pyvista','pyvistaqt','PySide6QtAds','scipy','pandas')]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         cwd=ROOT / "app")  # fmt: skip
    assert json.loads(out.stdout) == []


def test_it_opens_with_everything_in_place(open_window: Open) -> None:
    window, _ = open_window(incident=True)
    furniture = window.furnish()
    assert "Harbour District" in window.windowTitle() and "DEMO" in window.windowTitle()
    assert {"assets", "city", "asset", "trends"} <= set(furniture.docks.visible())
    assert len(furniture.trends.charts) == 3
    assert window.strip.shown is not None and window.strip.shown.asset == "SS-04"
    tops = [window.top, window.strip, window.kpis, window.time_bar, window.status]
    assert [w.height() for w in tops] == [40, 40, 88, 64, 24]


def test_an_empty_project_says_what_to_do_next(open_window: Open) -> None:
    window, _ = open_window(empty=True)
    words = " ".join(label.text() for label in window.findChildren(QLabel) if label.isVisible())
    assert "No city yet" in words and "import" in words
    assert "not known" in window.kpis.tiles[1].value_model.text


def test_small_windows_fold_the_figures_and_move_the_right_dock(open_window: Open) -> None:
    window, _ = open_window((1280, 720))
    assert window.kpis.height() == 32
    furniture = window.furnish()
    left = furniture.docks.docks["assets"].dockAreaWidget()
    assert furniture.docks.docks["asset"].dockAreaWidget() is left
    assert len([t for t in window.kpis.tiles if t.isVisible()]) == 7


def test_every_workspace_shows_and_its_layout_comes_back(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    expected = {"Overview": "city", "Alarms": "alarms", "Trends": "trends", "Work": "maintenance",
                "Map": "city"}  # fmt: skip
    for name, dock in expected.items():
        furniture.workspace(name)
        qtbot.wait(20)
        assert dock in furniture.docks.visible(), name
    furniture.workspace("Overview")
    furniture.docks.show("alarms")
    furniture.workspace("Map")
    furniture.workspace("Overview")
    qtbot.wait(20)
    assert "alarms" in furniture.docks.visible()
    furniture.docks.reset()
    qtbot.wait(20)
    assert "trends" in furniture.docks.visible()


def test_all_views_agree_whoever_changes_selection_or_time(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window(incident=True)

    @settings(max_examples=25, deadline=None, database=None)
    @given(
        st.sampled_from(["P-14", "P-22", "SS-04", "J-118", "TS-18"]),
        st.sampled_from(["tree", "model", "alarms", "maintenance", "live", "replay", "step"]),
        st.integers(1000, 200_000),
    )
    def any_step(asset: str, who: str, ago_ms: int) -> None:
        change(window, asset, who, ago_ms)
        qtbot.wait(1)
        agree(window)

    any_step()


def change(window: MainWindow, asset: str, who: str, ago_ms: int) -> None:
    furniture, desk = window.furnish(), window.desk
    match who:
        case "tree":
            furniture.assets.tree.setCurrentIndex(furniture.assets.model.index_of(asset))
        case "model":
            desk.selection.select(asset)
        case "alarms":
            furniture.alarms.tree.setCurrentIndex(furniture.alarms.model.index(0, 0))
        case "maintenance":
            furniture.maintenance.table.selectRow(0)
        case "live":
            desk.time.live()
        case "replay":
            desk.time.replay(desk.time.wall_ms - ago_ms)
        case "step":
            desk.time.step(-1)


def agree(window: MainWindow) -> None:
    """Every view shows the one selection, the one time and the one mode."""
    furniture, desk = window.furnish(), window.desk
    chosen = desk.selection.current
    assert furniture.assets.selected_assets()[-1:] == ((chosen,) if chosen else ())
    assert not chosen or furniture.faceplate._name.full == desk.city.name(chosen)
    in_list = set(furniture.alarms.selected_assets())
    assert in_list <= {chosen}
    assert set(furniture.maintenance.selected_assets()) <= {chosen}
    mode = desk.time.mode
    assert window.frame.isVisible() == (mode is not Mode.LIVE)
    assert window.time_bar._modes[mode].isChecked()
    assert window.strip._ack.isVisible() <= (mode is not Mode.REPLAY)


def test_every_value_widget_tells_the_whole_value(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window(incident=True)
    window.desk.selection.select("P-14")
    qtbot.wait(400)
    found: list[Any] = [*window.findChildren(ValueWidget), *window.findChildren(KpiTile)]
    found += window.furnish().trends.charts
    shown = [w for w in found if w.isVisible()]
    assert len(shown) >= 11
    for widget in shown:
        text, model = widget.accessibleDescription(), widget.value_model
        for part in (model.text_with_unit, model.age_text, model.quality_text, model.trust_text):
            assert part in text, f"{type(widget).__name__}: {part} missing in {text}"


def test_stale_values_are_marked_everywhere(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window(stale_share=1.0)
    window.desk.selection.select("P-14")
    qtbot.wait(500)
    plate = window.furnish().faceplate
    assert not plate.value.value_model.live and "stale" in plate.value.accessibleDescription()
    assert "not live" in window.furnish().trends.charts[0].value.text()
    icon, words, _ = window.kpis.tiles[1].quality_mark()
    assert icon == "stale" and "?" in words


def test_a_command_goes_through_its_four_steps_and_only_from_live(
    open_window: Open, qtbot: Any
) -> None:
    window, session = open_window(incident=True)
    window.desk.selection.select("P-14")
    panel = window.furnish().faceplate.commands
    assert not panel._send.isEnabled()
    panel._toggle_arm()
    panel._reason.setText("supply lost")
    assert panel._send.isEnabled()
    panel._send.click()
    assert session.commands["c-1"].outcome is Outcome.EXECUTED
    assert "verified done" in panel.steps.accessibleName()
    window.desk.time.replay()
    assert not panel._form.isVisible() and "replay" in panel._lock.text()
    sent = [r for r in session.asked if isinstance(r, wire.SendCommand)]
    assert [r.mode for r in sent] == ["live"]


def test_a_shadow_asset_has_no_command_buttons_and_says_why(open_window: Open) -> None:
    window, _ = open_window()
    window.desk.selection.select("P-15")
    panel = window.furnish().faceplate.commands
    assert not panel._send.isVisible() and "not permitted" in panel._why.text()


def test_a_what_if_is_badged_and_shows_ranges(open_window: Open) -> None:
    window, session = open_window()
    panel = window.furnish().scenario
    panel.run()
    assert window.desk.time.mode is Mode.SCENARIO
    assert window.frame.words() == "SCENARIO"
    assert panel.table.rowCount() == 11
    item = panel.table.item(0, 2)
    assert item is not None and "–" in item.text()
    assert any(isinstance(r, wire.RunScenario) for r in session.asked)
    assert window.furnish().tasks._rows


def test_keys_do_what_the_sheet_says(open_window: Open, qtbot: Any) -> None:
    window, session = open_window(incident=True)
    furniture, desk = window.furnish(), window.desk
    table = {a.keys[0]: a for a in furniture.actions.table if a.keys}
    table[","].run()
    assert desk.time.mode is Mode.REPLAY
    table["L"].run()
    assert desk.time.mode is Mode.LIVE
    table["Ctrl+K"].run()
    assert furniture.palette.isVisible()
    furniture.palette.field.setText("P-14")
    qtbot.keyClick(furniture.palette.field, Qt.Key.Key_Return)
    assert desk.selection.current == "P-14" and not furniture.palette.isVisible()
    table["F2"].run()
    assert any(isinstance(r, wire.AlarmAction) and r.action == "ack" for r in session.asked)
    table["?"].run()
    assert furniture.sheet.isVisible()
    table["Esc"].run()
    assert not furniture.sheet.isVisible()
    table["Esc"].run()
    assert desk.selection.current == ""


def test_f6_reaches_every_visible_panel(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    reached = set()
    for _ in range(12):
        furniture.cycle(1)
        focus = window.focusWidget()
        reached |= {n for n, v in furniture.views.items()
                    if focus is not None and (v is focus or v.isAncestorOf(focus))}  # fmt: skip
    assert {"assets", "trends"} <= reached


def test_a_work_order_is_made_from_a_forecast(open_window: Open, qtbot: Any) -> None:
    window, session = open_window()
    window.desk.selection.select("P-22")
    furniture = window.furnish()
    furniture.new_order()
    form = furniture.order_windows.form
    assert form is not None and "bearing" in form._title.text()
    form.save()
    put = [r for r in session.asked if isinstance(r, wire.PutWorkOrder)]
    assert put[0].order.origin == "forecast" and put[0].order.asset == "P-22"
    assert window.desk.orders


def test_a_theme_switch_reaches_every_view_without_an_error(open_window: Open, qtbot: Any) -> None:
    from lamplighter.ui.theme import theme

    window, _ = open_window(incident=True)
    for name in ("light", "sunlight", "dark"):
        theme().set(name)
        qtbot.wait(30)
        assert not window.grab().isNull()
    theme().set(scale=2.0)
    qtbot.wait(30)
    assert not window.grab().isNull()


def test_controls_have_names(open_window: Open) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QTreeView

    window, _ = open_window()
    kinds = (QAbstractButton, QComboBox, QTreeView)
    nameless = [
        f"{type(w).__name__} in {type(w.parentWidget()).__name__}"
        for kind in kinds
        for w in window.findChildren(kind)
        if w.isVisible() and not (w.accessibleName() or w.toolTip() or getattr(w, "text", str)())
        and not w.objectName().startswith(("qt_", "tabsMenu", "detach", "dockArea"))
        and not isinstance(w.parentWidget(), QLineEdit)
    ]  # fmt: skip
    assert nameless == []


def test_the_report_has_every_key_scripts_read(
    open_window: Open, qtbot: Any, tmp_path: Path
) -> None:
    window, session = open_window(incident=True)
    window.meter.first_live_frame()
    qtbot.wait(300)
    session.tick()
    qtbot.waitUntil(lambda: window.beat.ages.quantile_s(0.95) is not None, timeout=20_000)
    values = collect(window.desk, window.meter, window.beat, Milestones(0.0, 0.2, 1.0))
    write(values, tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    keys = {
        "datastreams_live", "age_p95_s", "received", "stored", "duplicate", "quarantined",
        "refused", "waiting", "ui_gap_p999_ms", "ui_gap_max_ms", "ui_gap_over_100ms_share",
        "ui_gap_baseline_over_100ms_share", "first_window_s", "first_live_value_s", "incidents",
        "prognosis", "rss_mb",
    }  # fmt: skip
    assert keys <= set(read)
    assert read["datastreams_live"] == len(session.city.datastreams)
    assert read["incidents"][0]["people_affected"] == 3412
    assert len(read["incidents"][0]["folded"]) == 39
    assert read["prognosis"][0]["basis"] and read["rss_mb"] > 10
    assert read["received"] == read["stored"] > 0 and read["waiting"] == 0
    assert 0.2 < read["age_p95_s"] < 5


def test_a_lost_recorder_is_said_and_nothing_breaks(open_window: Open, qtbot: Any) -> None:
    window, session = open_window()
    session.refuse_all = True
    window.desk.lost.emit("the connection ended")
    window.desk.ask(wire.GetGaps(0, 1))
    qtbot.wait(30)
    assert "not answering" in window.status.accessibleName()
    assert window.problem.isVisible() and "U-805" in window.problem._code.text()


def test_a_key_that_finds_no_alarm_says_so_for_a_while(open_window: Open) -> None:
    window, _ = open_window()
    window.furnish()
    window.time_bar.track.to_mark(1)
    assert "no alarm after this moment" in window.status.accessibleName()
    assert window.desk.time.mode is Mode.LIVE
    window.status._said_ms -= 60_000
    window.status.refresh()
    assert "no alarm" not in window.status.accessibleName()


def test_nothing_moves_in_a_hidden_view(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    furniture.docks.show("alarms")
    qtbot.wait(50)
    before = furniture.trends._beats
    qtbot.wait(350)
    assert furniture.trends._beats == before
    assert isinstance(furniture.trends, QWidget)


@pytest.mark.parametrize("took", [10.0, 90.0])
def test_heavy_frames_slow_the_beat_down(
    open_window: Open, monkeypatch: pytest.MonkeyPatch, took: float
) -> None:
    window, _ = open_window()
    beat = window.beat
    beat.stop()
    beat._waiting = None  # both halves of the frame have been shown
    with monkeypatch.context() as known:  # how long it took does not hang on this machine
        known.setattr("lamplighter.ui.beat.time.perf_counter", lambda: beat._start + took / 1000)
        beat._idled()
    assert (beat._timer.interval() == 500) == (took > 40)
