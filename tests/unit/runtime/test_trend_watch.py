"""Which datastreams are looked at for a drift, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from lamplighter.analytics.life import degradation
from lamplighter.analytics.life.degradation import DAY_MS, TrendRequest
from lamplighter.domain.city import Datastream, Limits
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.quality import QualityMark
from lamplighter.domain.task import silent
from lamplighter.domain.wire import Series
from lamplighter.runtime import trend_watch
from lamplighter.runtime.trend_watch import TrendWatch

NOW = 20_600 * DAY_MS
HIGH = Limits(high=20.0)


class Town:
    """A recorder's parts that the watch asks: streams, their past, a clock and a pool."""

    def __init__(self, streams: list[Datastream]) -> None:
        self.core = SimpleNamespace(city=SimpleNamespace(streams=streams))
        self.clock = SimpleNamespace(wall_ms=lambda: NOW)
        self.orders: list[WorkOrder] = []
        self.store = SimpleNamespace(
            series=self.series, setting=lambda name: "", work_orders=lambda: self.orders
        )
        self.jobs = SimpleNamespace(pool=SimpleNamespace(submit=self.submit))
        self.quality = 0
        self.asked: list[TrendRequest] = []

    def series(self, stream: int, begin: int, end: int, points: int) -> Series:
        time_ms = NOW - np.arange(40)[::-1] * DAY_MS
        noise = np.random.default_rng(stream).normal(0, 0.1, 40)
        value = 10.0 + 0.4 * (time_ms - NOW) / DAY_MS + noise
        quality = np.full(40, self.quality, np.uint8)
        some = (time_ms >= begin) & (time_ms < end)
        time_ms, value, quality = time_ms[some], value[some], quality[some]
        return Series(stream, time_ms, value, quality, value, value, False, ())

    def submit(
        self, task: str, request: TrendRequest, *, on_end: Callable[[Any], None], **_given: Any
    ) -> int:
        assert task == "lamplighter.analytics.life.degradation:trends"
        self.asked.append(request)
        on_end(degradation.trends(request, silent))
        return 1


def streams() -> list[Datastream]:
    return [
        Datastream(1, "s", "a", "mm", "strain", "B-1", limits=HIGH),
        Datastream(2, "s", "b", "mm", "strain", "B-2"),
        Datastream(3, "s", "c", "mm", "strain", "", limits=HIGH),
        Datastream(4, "s", "d", "mm", "strain", "P-1", limits=HIGH),
    ]


def test_streams_with_a_limit_and_an_asset_that_no_model_follows_are_asked_of() -> None:
    watch = TrendWatch(Town(streams()))  # type: ignore[arg-type]
    request = watch.request(frozenset({"P-1"}))
    assert [one.asset for one in request.series] == ["B-1"]


def test_what_was_measured_before_a_repair_is_no_part_of_the_trend() -> None:
    town = Town(streams())
    closed = NOW - 20 * DAY_MS - 1
    town.orders = [
        WorkOrder("WO-1", "B-1", "Replace the bearing", "done", closed_ms=closed - 9 * DAY_MS),
        WorkOrder("WO-2", "B-1", "Replace the bearing", "done", closed_ms=closed),
        WorkOrder("WO-3", "B-1", "Look at it", "done", closed_ms=NOW),
    ]

    request = TrendWatch(town).request(frozenset())  # type: ignore[arg-type]

    begins = {one.asset: int(one.time_ms.min()) for one in request.series}
    assert begins == {"B-1": NOW - 20 * DAY_MS, "P-1": NOW - 39 * DAY_MS}


def test_what_a_person_set_or_withheld_is_not_measured() -> None:
    town = Town(streams())
    for mark in (QualityMark.HAND_SET, QualityMark.IN_MAINTENANCE, QualityMark.WITHHELD):
        town.quality = int(mark)
        assert TrendWatch(town).request(frozenset()).series == ()  # type: ignore[arg-type]


def test_a_drift_is_found_on_the_beat_and_goes_when_the_drift_does(
    monkeypatch: Any,
) -> None:
    town = Town(streams())
    watch = TrendWatch(town)  # type: ignore[arg-type]
    monkeypatch.setattr(trend_watch.threading, "Thread", AtOnce)
    for _ in range(trend_watch.FIRST_S):
        watch.every_second(frozenset({"P-1"}))
    assert set(watch.found) == {"B-1"}
    said = watch.found["B-1"]
    assert said.basis.startswith("trend to its limit")
    assert said.days_low is not None and said.days_high is not None
    assert said.days_low <= 25.0 <= said.days_high

    flat = Town(streams())
    flat.series = lambda *given: Series(  # type: ignore[method-assign]
        1, NOW - np.arange(40)[::-1] * DAY_MS, np.random.default_rng(0).normal(10, 1, 40),
        np.zeros(40, np.uint8), np.zeros(0), np.zeros(0), False, (),
    )  # fmt: skip
    town.store.series = flat.series
    for _ in range(trend_watch.EVERY_S):
        watch.every_second(frozenset({"P-1"}))
    assert len(town.asked) == 2
    assert watch.found == {}


def test_what_a_model_follows_by_now_has_no_trend_any_more() -> None:
    watch = TrendWatch(Town(streams()))  # type: ignore[arg-type]
    watch._ask(frozenset())
    assert set(watch.found) == {"B-1", "P-1"}
    watch._ask(frozenset({"P-1"}))
    assert set(watch.found) == {"B-1"}
    watch._ask(frozenset({"P-1", "B-1"}))
    assert watch.found == {}


def test_an_asset_is_looked_at_as_a_whole_in_one_round(monkeypatch: Any) -> None:
    monkeypatch.setattr(trend_watch, "MOST", 2)
    many = [Datastream(n, "s", str(n), "mm", "strain", f"B-{n % 2}", limits=HIGH) for n in range(6)]
    watch = TrendWatch(Town(many))  # type: ignore[arg-type]
    rounds = [[one.asset for one in watch.request(frozenset()).series] for _ in range(3)]
    assert rounds == [["B-0"] * 3, ["B-1"] * 3, ["B-0"] * 3]


class AtOnce:
    """A thread that has done its work when it was started."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], **_given: Any) -> None:
        self._run = lambda: target(*args)

    def start(self) -> None:
        self._run()
