"""A recorder forecasts the next hours from its own history, keeps them and judges them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from tests.kit.patience import until
from tests.kit.recorders import running
from tests.kit.usual_past import UsualPast

from lamplighter.analytics.forecasting.live import JUDGED_LEAD, LEADS, LiveRequest, Past, next_hours
from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.forecast import Figure, Forecast, Track
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.newest_block import blank
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.domain.task import silent
from lamplighter.runtime import forecasts
from lamplighter.runtime.forecast_list import forecasts_of
from lamplighter.runtime.forecast_past import figure_hours
from lamplighter.runtime.forecasts import MOST_MEMBERS, _bounded, _Pending, _Said, doubt_of
from lamplighter.runtime.recorder import Recorder

HOUR_MS = 3_600_000


@pytest.fixture
def past(tmp_path: Path) -> UsualPast:
    made = UsualPast(tmp_path / "town", SystemClock(), streams=3, days=5)
    made.write(every_min=60)  # at any minute of the hour its newest value is not stale
    return made


@pytest.fixture
def recorder(past: UsualPast) -> Iterator[Recorder]:
    with running(past.folder) as made:
        yield made


def test_what_is_asked_for_is_forecast_kept_and_shown_as_it_was_known(
    past: UsualPast, recorder: Recorder
) -> None:
    keys = tuple(s.key for s in recorder.core.city.streams)
    figure = Figure("level", "Level", "m", "mean", keys, (1.0,) * len(keys))
    before = recorder.clock.wall_ms()
    session = Session(WireCarrier(past.folder))
    session.ask_now(wire.PutFigures((figure,)))
    first = session.ask_now(wire.GetForecasts((0,)))
    assert isinstance(first, wire.Forecasts)
    until(lambda: {"figure/level", f"stream/{keys[0]}"} <= recorder.forecasts.items.keys())
    told = session.ask_now(wire.GetForecasts())
    assert isinstance(told, wire.Forecasts)
    until(lambda: len(recorder.store.forecasts()) == 2)
    then = session.ask_now(wire.GetMoment(recorder.clock.wall_ms()))
    earlier = session.ask_now(wire.GetMoment(before - 1))
    session.close()

    one = next(f for f in told.items if f.id == f"stream/{keys[0]}")
    assert not one.value or len(one.value) == len(one.naive) == len(one.time_ms) == LEADS
    assert one.value, one.why
    assert one.mae is not None and one.naive_mae is not None
    listed = forecasts_of(past.folder)["forecasts"]
    assert [r["id"] for r in listed] == ["figure/level", one.id]
    assert [h["value"] for h in listed[1]["ahead"]] == list(one.value)
    assert listed[1]["low"] <= listed[1]["value"] <= listed[1]["high"]
    assert listed[1]["naive_mae"] == one.naive_mae
    at = one.at(recorder.clock.wall_ms() + 6 * 3_600_000)
    assert at is not None
    value, low, high, _ = at
    assert low <= value <= high
    came = past.value(0, np.array([one.time_ms[-1]]))[0]
    assert abs(value - came) < 1.0
    assert isinstance(then, wire.Moment) and isinstance(earlier, wire.Moment)
    assert {f.id for f in then.forecasts} == {"figure/level", one.id}
    assert earlier.forecasts == ()


def test_a_past_that_is_brought_in_is_forecast_from_at_once_and_no_window_builds_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasts, "SOON_MS", 50)
    young = UsualPast(tmp_path / "town", SystemClock(), streams=2, days=1)
    young.write(every_min=60)
    times = young.end_ms - HOUR_MS // 2 - np.arange(24, 10 * 24)[::-1] * HOUR_MS
    levels = 3.0 + 0.6 * np.sin(2 * np.pi * (times % (24 * HOUR_MS)) / (24 * HOUR_MS))
    file = tmp_path / "past.csv"
    rows = [f"{t},{v:.3f},{v + 0.1:.3f}" for t, v in zip(times, levels, strict=True)]
    file.write_text("\n".join(["time,level-0,level-1", *rows]) + "\n")
    mapping = 'source = "dev"\n[time]\ncolumn = "time"\nformat = "ms"\n'
    with running(young.folder) as recorder:
        keys = tuple(s.key for s in recorder.core.city.streams)
        events: list[wire.Event] = []
        session = Session(WireCarrier(young.folder))
        session.ask_now(wire.PutFigures((Figure("level", "Level", "m", "mean", keys, (1.0, 1.0)),)))
        until(lambda: "figure/level" in recorder.forecasts.items)
        assert "too little history" in recorder.forecasts.items["figure/level"].why
        until(lambda: not recorder.forecasts._busy)
        emit = recorder.server.emit
        monkeypatch.setattr(recorder.server, "emit", lambda e: (events.append(e), emit(e)))
        session.ask_now(wire.ImportPast((str(file),), mapping, "past.toml"))
        until(lambda: bool(recorder.forecasts.items["figure/level"].value))
        session.close()
    assert any(isinstance(e, wire.ImportDone) for e in events)
    assert not any(isinstance(e, wire.CityChanged) for e in events)


def test_forecasts_are_judged_by_what_came_and_the_record_outlives_the_recorder(
    recorder: Recorder,
) -> None:
    desk = recorder.forecasts
    hours = np.array([10.0, 11.0, 12.0, 13.0])
    desk._pending["stream/x"] = _Pending(
        {
            101: _Said(11.5, 14.0, 10.0, 12.0),
            103: _Said(9.0, 12.0, 8.0, 10.0),
            200: _Said(0.0, 0.0, 0.0, 0.0),
        }
    )
    desk.items["stream/x"] = Forecast("stream/x", 1)
    track = desk._judged("stream/x", hours, 104)
    assert track.total == 2
    assert track.mae == pytest.approx((0.5 + 4.0) / 2, rel=0.01)
    assert track.naive_mae == pytest.approx((3.0 + 1.0) / 2, rel=0.01)
    assert track.coverage == pytest.approx(0.5, abs=0.01)
    assert set(desk._pending["stream/x"].hours) == {200}
    # where the worker failed it is read once more in the next hour
    assert desk._judged("stream/x", hours, 104) == track


def test_the_first_word_about_an_hour_is_the_one_that_is_judged(recorder: Recorder) -> None:
    times = tuple(h * 3_600_000 + 1_800_000 for h in range(50, 57))
    same = tuple(float(n) for n in range(7))
    item = Forecast("stream/x", 1, time_ms=times, value=same, low=same, high=same, naive=same,
                    model=same)  # fmt: skip
    desk = recorder.forecasts
    desk._remember(item)
    desk._remember(replace(item, model=tuple(v + 5 for v in same)))
    assert desk._pending["stream/x"].hours == {55: _Said(5.0, 5.0, 5.0, 5.0)}
    assert JUDGED_LEAD == 6


def test_a_sum_of_very_many_is_told_by_some_of_them_and_is_no_smaller() -> None:
    count = MOST_MEMBERS * 5 // 2
    keys = tuple(f"dev/{k}" for k in range(count))
    rows = {key: np.full(3, float(k)) for k, key in enumerate(keys)}
    for fold, whole in (("sum", 0.5 * np.arange(count).sum()), ("mean", 0.5 * (count - 1) / 2)):
        some = _bounded(Figure("f", "F", "MW", fold, keys, (0.5,) * count))
        assert len(some.keys) == len(some.factors) == MOST_MEMBERS
        assert figure_hours(some, rows) == pytest.approx(whole, rel=0.01)
    few = Figure("f", "F", "MW", "sum", keys[:3], (0.5,) * 3)
    assert _bounded(few) is few


def test_newer_outcomes_count_more() -> None:
    track = Track()
    for miss in (4.0, 4.0, 1.0):
        track = track.with_outcome(miss, 2.0, True, keep=0.5)
    assert track.mae == pytest.approx((4 * 0.25 + 4 * 0.5 + 1.0) / 1.75)
    assert (track.total, track.coverage) == (3, 1.0)


def test_a_suspect_sensor_is_not_forecast_from_and_half_a_figure_of_them_neither() -> None:
    streams = [Datastream(n, "dev", f"s-{n}", "m", "level", "T") for n in range(4)]
    newest = blank(4)
    assert doubt_of(newest, streams[:1]) == ""  # nothing was heard yet: the history decides
    newest.time_ms[:] = 1_000
    newest.trust[:] = 1.0
    newest.quality[:] = 0
    assert {doubt_of(newest, [s]) for s in streams} == {""}
    newest.quality[0] = int(QualityMark.SUSPECT)
    newest.trust[1] = 0.2
    newest.quality[2] = int(Quality.STALE)
    told = [doubt_of(newest, [s]) for s in streams]
    assert ["suspicion" in t for t in told] == [True, True, False, False]
    assert "stale" in told[2]
    assert "suspicion" in doubt_of(newest, streams[:3])
    assert doubt_of(newest, streams) == ""
    newest.quality[3] = int(Quality.BAD)
    newest.quality[:2], newest.trust[:] = 0, 1.0
    newest.quality[1] = int(Quality.STALE)
    assert "less than half" in doubt_of(newest, streams)


def test_a_repair_gives_the_forecast_a_new_start(past: UsualPast, recorder: Recorder) -> None:
    stream = recorder.core.city.streams[0]
    other = recorder.core.city.streams[1]
    desk, hour = recorder.forecasts, past.end_ms // 3_600_000
    id, beside = f"stream/{stream.key}", f"stream/{other.key}"
    worse = Track(judged=60.0, miss=90.0, naive_miss=30.0, inside=40.0, total=60)
    for name in (id, beside):
        desk.items[name] = Forecast(name, past.end_ms, frozen=True, why="frozen", track=worse)
        desk._pending[name] = _Pending({hour - 10: _Said(9.0, 3.0, 8.0, 10.0)})
    desk._streams = [stream.key, other.key]

    def closed(hours_ago: int) -> list[Past]:
        at = past.end_ms - hours_ago * 3_600_000
        order = WorkOrder("WO-7", stream.asset, "Replace the bearing", "done",
                          created_ms=at - 3_600_000, closed_ms=at)  # fmt: skip
        recorder.store.writer.call(lambda access: access.put_work_order(order)).result(30)
        return desk._pasts(hour, boosted=False)

    mine, theirs = closed(80)
    assert mine.track == Track() and mine.value.size == 80
    assert theirs.track.total == 61 and theirs.value.size == 120
    made, kept = next_hours(LiveRequest(past.end_ms, (mine, theirs)), silent)
    assert made.value and not made.frozen and made.anew_ms == past.end_ms - 80 * 3_600_000
    assert kept.frozen and kept.anew_ms == 0

    desk.items[id] = replace(made, track=worse)
    assert desk._pasts(hour, boosted=False)[0].track == worse  # what came since the repair counts
    again, _ = closed(5)
    assert again.track == Track()
    early, _ = next_hours(LiveRequest(past.end_ms, (again, theirs)), silent)
    assert not early.value and not early.frozen
    assert "begins anew after work order WO-7" in early.why and "5 measured hours" in early.why
