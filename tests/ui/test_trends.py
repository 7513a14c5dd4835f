"""Trends: what is shown, how to look closer and come back, what stands between two cursors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream, Limits
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.ui.asset_tree import ASSET_MIME
from lamplighter.ui.series import Trace
from lamplighter.ui.time_model import DAY_MS, GHOSTS
from lamplighter.ui.trend_gaps import hole_of
from lamplighter.ui.trend_plot import TrendPlot
from lamplighter.ui.trend_readout import Readout, between, value_at
from lamplighter.ui.trend_view import TrendView
from tests.ui.conftest import Open

NOW = 1_795_305_600_000


def trace(times: list[int], values: list[float], quality: list[int] | None = None) -> Trace:
    value = np.array(values)
    grade = np.array(quality or [0] * len(times), np.uint8)
    made = Trace()
    made.take_history(
        wire.Series(0, np.array(times, np.int64), value, grade, value, value, False, ())
    )
    return made


# ------------------------------------------------------------------ the shown stretch
@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(3, 900)), max_size=8))
def test_every_stretch_that_was_looked_at_can_be_had_back(looks: list[tuple[int, int]]) -> None:
    view = TrendView(1800)
    seen = [view.window(NOW)]
    for start, wide in looks:
        view.look(NOW + start * 1000, NOW + (start + wide) * 1000)
        if view.window(NOW) != seen[-1]:
            seen.append(view.window(NOW))
    for expected in reversed(seen[:-1]):
        assert view.back()
        assert view.window(NOW) == expected
    assert not view.back() and view.following
    for expected in seen[1:]:
        assert view.ahead()
        assert view.window(NOW) == expected
    assert not view.ahead()


def test_a_zoom_keeps_the_time_under_the_pointer_and_is_one_step_back() -> None:
    view = TrendView(1000)
    about = NOW - 250_000
    view.zoom(0.5, about, NOW)
    first, last = view.window(NOW)
    assert last - first == 500_000 and (about - first) / (last - first) == pytest.approx(0.75)
    view.zoom(0.5, about, NOW)
    view.pan(10_000, NOW)
    assert view.back() and view.following


def test_holding_stops_the_clock_and_following_starts_it_again() -> None:
    view = TrendView(60)
    view.hold(NOW)
    assert view.window(NOW + 99_000) == (NOW - 60_000, NOW)
    view.follow()
    assert view.window(NOW + 99_000) == (NOW + 39_000, NOW + 99_000)


# ------------------------------------------------------------------ between the cursors
def test_mean_and_integral_are_those_of_the_lines_between_the_points() -> None:
    found = between(trace([0, 10_000, 20_000], [0.0, 10.0, 10.0]), 5_000, 20_000, 60_000)
    assert (found.at_a, found.at_b) == (0.0, 10.0)
    assert found.integral == pytest.approx((7.5 * 5 + 10 * 10) / 3600)
    assert found.mean == pytest.approx(137.5 / 15)
    assert (found.low, found.high, found.covered) == (10.0, 10.0, 1.0)


def test_a_hole_is_not_counted_as_if_something_had_been_measured() -> None:
    curve = trace([0, 1_000, 60_000, 61_000], [4.0, 4.0, 8.0, 8.0])
    found = between(curve, 0, 61_000, 2_500)
    assert found.integral == pytest.approx(12 / 3600)
    assert found.mean == pytest.approx(6.0)
    assert found.covered == pytest.approx(2 / 61)
    assert between(curve, 30_000, 40_000, 2_500).at_a is None
    assert between(curve, 30_000, 40_000, 2_500).mean is None


def test_cursors_in_either_order_tell_the_same_stretch() -> None:
    curve = trace([0, 10_000, 20_000], [1.0, 2.0, 5.0])
    there, back = between(curve, 0, 20_000, 60_000), between(curve, 20_000, 0, 60_000)
    assert there.mean == back.mean and there.difference == 4.0 and back.difference == -4.0


# ------------------------------------------------------------------ the drawing
def _plot(qtbot: Any, streams: list[Datastream], traces: dict[int, Trace]) -> Any:
    from lamplighter.ui.trend_plot import TrendPlot

    plot = TrendPlot()
    qtbot.addWidget(plot)
    plot.resize(640, 240)
    plot.show()
    plot.set_streams(streams, traces)
    plot.redraw(0, 60_000)
    return plot


def _stream(ident: int, unit: str, limits: Limits = Limits()) -> Datastream:
    return Datastream(ident, "s", f"d{ident}", unit, label=f"d{ident}", limits=limits)


def _curve(low: float, high: float) -> Trace:
    times = list(range(0, 60_000, 1000))
    return trace(times, np.linspace(low, high, len(times)).tolist())


def test_each_unit_has_an_axis_and_too_many_share_one_of_percent(themed: None, qtbot: Any) -> None:
    streams = [_stream(n, u) for n, u in enumerate(("bar", "MW", "bar", "m³/h"))]
    traces = {n: _curve(10.0**n, 2 * 10.0**n) for n in range(6)}
    plot = _plot(qtbot, streams, traces)
    assert [a.isVisible() for a in plot._axes] == [True, True, True, False]
    assert plot.scales[0] == plot.scales[2] != plot.scales[1]
    assert plot.scales[1].low < 10 and plot.scales[1].high > 20
    many = [_stream(n, f"u{n}") for n in range(5)]
    plot.set_streams(many, traces)
    plot.redraw(0, 60_000)
    assert [a.isVisible() for a in plot._axes] == [True, False, False, False]
    assert len({plot.scales[n] for n in range(5)}) == 5


def test_doubtful_points_are_dashed_and_hand_set_ones_marked(themed: None, qtbot: Any) -> None:
    times = list(range(0, 60_000, 1000))
    quality = [0] * 60
    quality[20:30] = [int(Quality.UNCERTAIN)] * 10
    quality[40] = int(QualityMark.HAND_SET)
    quality[50] = int(Quality.BAD)
    curve = trace(times, [5.0] * 60, quality)
    plot = _plot(qtbot, [_stream(0, "bar")], {0: curve})
    drawn = plot._curves[0]
    solid, dashed = drawn.solid.getData()[1], drawn.dashed.getData()[1]
    assert np.isnan(solid[20:30]).all() and np.isfinite(dashed[20:30]).all()
    assert np.isnan(dashed[5:15]).all() and np.isfinite(solid[5:15]).all()
    assert np.isnan(solid[50]) and np.isnan(dashed[50])
    assert len(drawn.hand.data) == 1


def test_a_silence_inside_the_picture_is_hatched(themed: None, qtbot: Any) -> None:
    times = [*range(0, 20_000, 1000), *range(40_000, 60_000, 1000)]
    plot = _plot(qtbot, [_stream(0, "bar")], {0: trace(times, [5.0] * len(times))})
    assert (19_000, 40_000, "no data") in plot.holes()


def test_a_far_limit_does_not_press_the_curve_flat(themed: None, qtbot: Any) -> None:
    near = _plot(qtbot, [_stream(0, "bar", Limits(high=12.0))], {0: _curve(9.0, 11.0)})
    assert near.scales[0].high > 12.0
    far = _plot(qtbot, [_stream(0, "bar", Limits(high=80.0))], {0: _curve(9.0, 11.0)})
    assert far.scales[0].high < 20.0


def test_states_are_named_and_hold_until_the_next(themed: None, qtbot: Any) -> None:
    breaker = Datastream(0, "s", "d", "", label="Breaker", period_ms=20_000,
                         states=("open", "closed", "tripped"))  # fmt: skip
    plot = _plot(qtbot, [breaker], {0: trace([0, 20_000, 40_000], [1.0, 0.0, 2.0])})
    axis = plot.getAxis("left")
    words = axis.tickStrings(axis.tickValues(0, 1, 200)[0][1], 1.0, 1.0)
    assert [w for w in words if w] == ["open", "closed", "tripped"]
    x, y = plot._curves[0].solid.getData()
    before = y[np.searchsorted(x, 19.999, side="right") - 1 :][0]
    assert before == pytest.approx(plot.scales[0].at(1.0))


def test_another_theme_keeps_the_curves(themed: None, qtbot: Any) -> None:
    from lamplighter.ui.theme import theme

    plot = _plot(qtbot, [_stream(0, "bar")], {0: _curve(9.0, 11.0)})
    theme().set("light")
    assert len(plot._curves[0].solid.getData()[0]) > 10


# ------------------------------------------------------------------ the panel
def test_keys_do_what_hands_do(open_window: Open, qtbot: Any) -> None:
    window, session = open_window()
    trends = window.furnish().trends
    window.furnish().docks.show("trends")
    stage, keys = trends.stage, Qt.Key
    before = trends.window_ms()
    qtbot.keyClick(stage, keys.Key_Plus)
    first, last = trends.window_ms()
    assert last - first == (before[1] - before[0]) // 2
    asked = [r for r in session.asked if isinstance(r, wire.GetHistory)][-1]
    assert (asked.from_ms, asked.to_ms) == (first, last + 1)
    qtbot.keyClick(stage, keys.Key_PageUp)
    assert trends.window_ms()[0] < first
    assert trends._hold.text() == "Follow"
    qtbot.keyClick(stage, keys.Key_Backspace)
    assert trends.view.following
    qtbot.keyClick(stage, keys.Key_Backspace, Qt.KeyboardModifier.ShiftModifier)
    assert not trends.view.following
    qtbot.keyClick(stage, keys.Key_Space)
    assert trends.view.following
    assert not trends.readout.isVisible()
    qtbot.keyClick(stage, keys.Key_Left)
    qtbot.keyClick(stage, keys.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert trends.readout.isVisible() and trends.readout.rowCount() == len(trends.shown_streams())
    qtbot.keyClick(stage, keys.Key_Delete)
    assert not trends.readout.isVisible()


def test_a_drop_makes_a_chart_and_onto_a_kept_one_joins_it(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    trends = window.furnish().trends
    window.furnish().docks.show("trends")

    def drop(asset: str, at: QPointF) -> None:
        mime = QMimeData()
        mime.setData(ASSET_MIME, asset.encode())
        trends.dropEvent(
            QDropEvent(at, Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                       Qt.KeyboardModifier.NoModifier)
        )  # fmt: skip

    drop("P-14", QPointF(1, 1))
    assert [[s.asset for s in c.streams] for c in trends.charts] == [["P-14"]]
    qtbot.wait(30)
    middle = trends.charts[0].mapTo(trends, trends.charts[0].rect().center())
    drop("SS-04", QPointF(middle))
    assert [[s.asset for s in c.streams] for c in trends.charts] == [["P-14", "SS-04"]]
    assert trends.charts[0].legend is not None


def test_rows_of_the_alarm_list_can_be_dragged_and_a_key_does_the_same(open_window: Open) -> None:
    window, _ = open_window(incident=True)
    furniture = window.furnish()
    furniture.alarms.rebuild()
    model = furniture.alarms.model
    index = model.index(0, 0)
    assert model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    carried = bytes(model.mimeData([index]).data(ASSET_MIME).data()).decode()
    assert carried == model.node(index).record.asset
    window.desk.selection.select("P-14")
    action = next(a for a in furniture.actions.table if a.keys == ("E",))
    action.run()
    assert [s.asset for c in furniture.trends.charts for s in c.streams] == ["P-14"]


def test_where_alarm_rules_fire_stands_beside_the_limits(open_window: Open) -> None:
    window, _ = open_window()
    trends = window.furnish().trends
    trends.pin_asset("P-14")
    trends._redraw()
    words = [w for w, _, _ in trends.charts[0].plot.limits()]
    assert "P2 > 5.5" in words and any(w.startswith("HH") for w in words)


def test_a_kept_set_of_charts_comes_back_as_it_was(open_window: Open) -> None:
    window, session = open_window()
    trends = window.furnish().trends
    trends.pin_asset("P-14")
    trends.pin_asset("SS-04")
    trends.show_span(14_400)
    trends.normalised = True
    trends.menu().keep("Night shift")
    assert [p.name for p in trends.presets] == ["Night shift"]
    kept = trends.kept
    trends.unpin_all()
    trends.normalised = False
    trends.show_span(600)
    trends.menu().show(session.presets[0])
    assert trends.kept == kept and trends.normalised and trends.view.span_s == 14_400
    gone = wire.TrendPreset("Old", (("nowhere/x",), ()))
    trends.menu().show(gone)
    assert any("not in this project" in p.problem.text for p in window.desk.problems.values())


def test_last_week_lies_under_the_curve_with_the_difference(open_window: Open) -> None:
    window, session = open_window()
    trends = window.furnish().trends
    trends.pin_asset("P-14")
    assert "(" not in trends.charts[0].value.text()
    window.desk.time.set_ghost(GHOSTS[2])
    asked = [r for r in session.asked if isinstance(r, wire.GetHistory)]
    assert asked[-2].from_ms - asked[-1].from_ms == 7 * DAY_MS
    plot = trends.charts[0].plot
    x = plot._curves[plot.streams[0].id].ghost.getData()[0]
    first, last = plot.span
    assert len(x) and x[0] * 1000 >= first - 60_000 and x[-1] * 1000 <= last + 60_000
    window.desk.time.next_ghost()
    assert window.desk.time.ghost_ms == 0 and not trends.feed.ghosts


def test_what_is_seen_can_be_exported(open_window: Open, tmp_path: Any) -> None:
    window, session = open_window()
    trends = window.furnish().trends
    window.furnish().docks.show("trends")
    picture = tmp_path / "trend.png"
    trends.menu().write(str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "DEMO" in trends.menu().caption()
    trends.menu().write(str(tmp_path / "trend.csv"))
    asked = [r for r in session.asked if isinstance(r, wire.WriteTrend)]
    assert asked[0].datastreams == tuple(trends.shown_streams())


def test_in_a_replay_the_curves_are_asked_as_known_then(open_window: Open) -> None:
    window, session = open_window()
    desk = window.desk
    at = desk.time.wall_ms - 3_600_000
    desk.time.replay(at)
    asked = [r for r in session.asked if isinstance(r, wire.GetHistory) and len(r.datastreams) > 1]
    assert asked[-1].as_known_at_ms == at and asked[-1].to_ms == at + 1
    desk.time.swap_known()
    asked = [r for r in session.asked if isinstance(r, wire.GetHistory) and len(r.datastreams) > 1]
    assert asked[-1].as_known_at_ms is None


def test_what_came_while_the_charts_were_hidden_is_asked_for_when_they_come_up(
    open_window: Open, qtbot: Any
) -> None:
    window, session = open_window()
    furniture = window.furnish()
    furniture.docks.show("trends")
    furniture.trends.pin_asset("P-17")
    furniture.docks.show("alarms")
    session.asked.clear()
    furniture.docks.show("trends")
    wanted = furniture.trends.shown_streams()
    asked = [r for r in session.asked if isinstance(r, wire.GetHistory)]
    assert any(set(wanted) <= set(r.datastreams) for r in asked)


@pytest.mark.parametrize("step", [10_000, 60_000, 3_600_000])
def test_what_comes_seldom_is_whole_and_its_missing_values_are_not(
    themed: None, qtbot: Any, step: int
) -> None:
    """Nobody declared how often it comes: the points themselves tell."""
    times = [step * n for n in (*range(20), *range(26, 40))]
    stream, curve = _stream(0, "bar"), trace(times, [5.0] * len(times))
    plot = TrendPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 200)
    plot.set_streams([stream], {0: curve})
    plot.redraw(0, 40 * step)
    assert plot.holes() == [(19 * step, 26 * step, "no data")]
    hole = hole_of(stream, curve)
    assert value_at(curve, 5 * step + step // 2, hole) == 5.0
    assert between(curve, 0, 19 * step, hole).covered == pytest.approx(1.0)


def test_a_state_between_cursors_is_told_in_its_word(themed: None, qtbot: Any) -> None:
    stream = structs.replace(_stream(0, ""), states=("stopped", "running"))
    found = between(trace([0, 1000, 2000], [0.0, 1.0, 1.0]), 0, 2000, 5000)
    table = Readout()
    qtbot.addWidget(table)
    table.show_rows([(stream, found, False)], 0, 2000)
    words = [table.item(0, column).text() for column in range(1, 8)]
    assert words == ["stopped", "running", "", "", "", "", ""]
