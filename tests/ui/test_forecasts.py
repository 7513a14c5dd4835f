"""The next hours beside now: figures, charts and their words; nothing without a basis."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtGui import QFont, QFontMetrics

from lamplighter.domain import wire
from lamplighter.domain.forecast import Forecast, Track
from lamplighter.ui.desk import Desk
from lamplighter.ui.forecast_room import AHEAD_MS, brief, whole
from lamplighter.ui.kpi import KpiBoard, figures_of
from lamplighter.ui.kpi_strip import KpiTile, fitting
from lamplighter.ui.trend_plot import TrendPlot

HOUR_MS = 3_600_000


def forecast(id: str, now: int) -> Forecast:
    times = tuple(now + k * HOUR_MS for k in range(8))
    value = tuple(60.0 + k for k in range(8))
    return Forecast(
        id, now, "Load", "MW", now, time_ms=times, value=value,
        low=tuple(v - 5 for v in value), high=tuple(v + 5 for v in value),
        naive=tuple(v - 9 for v in value), model=value, naive_name="same time yesterday",
        mae=2.0, naive_mae=4.0, judged=600, track=Track(40.0, 80.0, 160.0, 36.0, 40),
    )  # fmt: skip


def test_a_figure_says_what_it_will_be_in_six_hours_and_everything_in_its_tip(desk: Desk) -> None:
    figures = figures_of(desk.city)
    assert {"pressure", "power"} <= {f.id for f in figures}
    assert all(len(f.keys) == len(f.factors) for f in figures)
    assert any(isinstance(r, wire.PutFigures) for r in desk.session.asked)  # type: ignore[union-attr]

    item = forecast("figure/pressure", desk.time.now_ms)
    item = replace(item, low=tuple(0.0 for _ in item.low))  # what is measured is not far from it
    desk.take_event(wire.Forecasts((item,)))
    board = KpiBoard()
    board.update(desk)
    state = next(s for s in board.states if s.definition.id == "pressure")
    assert state.forecast.startswith("in 6 h 66")
    told = whole(item, desk.time.now_ms, 0.1)
    for word in ("same time yesterday", "600 hours", "40 that came due", "90"):
        assert word in told


def test_a_figure_far_from_its_forecast_tells_no_number_and_says_so_in_its_tip(desk: Desk) -> None:
    board = KpiBoard()
    board.update(desk)
    state = next(s for s in board.states if s.definition.id == "pressure")
    measured = state.value.value
    assert measured is not None and state.measured is not None
    item = forecast("figure/pressure", desk.time.now_ms)  # of some sixty; a few are measured
    desk.take_event(wire.Forecasts((item,)))
    board.update(desk)
    assert state.forecast == "in 6 h: no basis now"
    tile = KpiTile(state)
    tile.now_ms = desk.time.now_ms
    tile.show_state()
    assert "Do not go by this forecast" in tile.toolTip()
    tile.deleteLater()

    near = tuple(measured for _ in item.value)
    low, high = tuple(v - 1 for v in near), tuple(v + 1 for v in near)
    desk.take_event(wire.Forecasts((replace(item, value=near, low=low, high=high),)))
    board.update(desk)
    assert "no basis" not in state.forecast and state.forecast.startswith("in 6 h")


def test_words_that_do_not_fit_a_tile_lose_their_band_before_they_are_cut(desk: Desk) -> None:
    metrics = QFontMetrics(QFont())
    text, short = "in 6 h 20 (11–25) FROZEN", "in 6 h 20 FROZEN"
    assert fitting(metrics, text, metrics.horizontalAdvance(text)) == text
    assert fitting(metrics, text, metrics.horizontalAdvance(text) - 1) == short
    assert fitting(metrics, text, metrics.horizontalAdvance(short) - 1) != short


def test_a_sum_is_held_against_its_forecast_as_if_its_silent_inputs_were_like_the_others(
    desk: Desk,
) -> None:
    board = KpiBoard()
    board.update(desk)
    state = next(s for s in board.states if s.definition.id == "power")
    assert state.measured is not None and state.value.value is not None
    silent = state.live_share < 1.0
    assert state.measured[0] == pytest.approx(state.value.value / state.live_share)
    assert silent or state.measured[0] == pytest.approx(state.value.value)


def test_without_a_basis_the_reason_is_told_and_no_number_shown(desk: Desk) -> None:
    item = Forecast("figure/power", 1, why="too little history: 3 measured hours, 72 are needed")
    desk.take_event(wire.Forecasts((item,)))
    assert brief(item, desk.time.now_ms, 1.0) == ""
    assert "too little history" in whole(item, desk.time.now_ms, 1.0)
    board = KpiBoard()
    board.update(desk)
    assert "in 6 h" not in next(s for s in board.states if s.definition.id == "power").forecast


def test_an_old_forecast_is_no_number_any_more(desk: Desk) -> None:
    item = forecast("figure/power", desk.time.now_ms)
    assert brief(item, desk.time.now_ms + AHEAD_MS, 1.0) == ""
    assert "too long ago" in whole(item, desk.time.now_ms + AHEAD_MS, 1.0)


def test_a_forecast_that_the_present_contradicts_tells_no_number(desk: Desk) -> None:
    now = desk.time.now_ms
    item = forecast("x", now)
    at = item.at(now)
    assert at is not None
    value, low, high, _ = at
    wide = high - low
    assert brief(item, now, 1.0, now=(value, None)).startswith("in 6 h 66")
    assert brief(item, now, 1.0, now=(high + 4 * wide, wide)).startswith("in 6 h 66"), "noise"
    for far in ((high + 4 * wide, wide / 10), (low - 11 * wide, None)):
        assert "no basis" in brief(item, now, 1.0, now=far)
        assert "Do not go by this forecast" in whole(item, now, 0.1, far)


def test_frozen_stands_in_words_beside_the_naive_rule(desk: Desk) -> None:
    item = replace(forecast("x", desk.time.now_ms), frozen=True, why="it was worse")
    assert brief(item, desk.time.now_ms, 1.0).endswith("FROZEN")
    assert "FROZEN: it was worse" in whole(item, desk.time.now_ms, 1.0)


def test_a_chart_draws_band_median_and_naive_rule_after_now_alone(desk: Desk) -> None:
    stream = next(s for s in desk.city.streams.values() if not s.states)
    plot = TrendPlot()
    from lamplighter.ui.series import Trace

    now = desk.time.now_ms
    trace = Trace()
    for k in range(60):
        trace.add(now - (60 - k) * HOUR_MS // 4, 55.0 + k % 3, 0)
    plot.set_streams([stream], {stream.id: trace})
    plot.aheads = {stream.id: forecast(f"stream/{stream.key}", now)}
    plot.redraw(now - 15 * HOUR_MS, now + 5 * HOUR_MS, now)
    edge_a, edge_b, _, middle, naive = plot._next
    assert float(middle.xData[0]) >= now / 1000
    assert float(middle.xData[-1]) == (now + 5 * HOUR_MS) / 1000
    assert np.all(edge_a.yData < middle.yData) and np.all(middle.yData < edge_b.yData)
    assert np.all(naive.yData < middle.yData)
    assert plot.scales[stream.id].place(np.array([70.0]))[0] < 1.0

    plot.aheads = {}
    plot.redraw(now - 15 * HOUR_MS, now, now)
    assert not len(middle.xData)
    plot.close()


def test_in_replay_the_forecasts_of_the_moment_are_shown(desk: Desk) -> None:
    desk.take_event(wire.Forecasts((forecast("figure/power", desk.time.now_ms),)))
    assert desk.ahead.of_figure("power") is not None
    desk.time.replay(desk.time.now_ms - HOUR_MS)
    assert desk.ahead.of_figure("power") is None or desk.moment is not None
    assert all(f.id != "figure/power" for f in desk.ahead.items.values())


def test_the_faceplate_says_what_its_value_will_be_and_is_silent_without_a_basis(
    desk: Desk,
) -> None:
    from lamplighter.ui.faceplate import Faceplate

    plate = Faceplate(desk)
    asset = next(a for a, s in desk.city.of_asset.items() if not s[0].states)
    desk.selection.select([asset])
    plate.refresh()
    plate._show_values()
    stream = plate._stream
    assert stream is not None and plate.ahead.isHidden()
    desk.take_event(wire.Forecasts((forecast(f"stream/{stream.key}", desk.time.now_ms),)))
    plate._show_values()
    assert not plate.ahead.isHidden()
    assert "no basis" in plate.ahead.full, "it measures something else altogether"
    assert desk.values is not None
    desk.values.value[stream.id] = 62.0
    plate._show_values()
    assert plate.ahead.full.startswith("In 6 h 66")
    assert "same time yesterday" in plate.ahead.toolTip()
    plate.deleteLater()
