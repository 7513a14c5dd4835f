"""Leaks in a water network are looked for by the recorder and told with a place, or why not."""

from __future__ import annotations

import queue
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from lamplighter.analytics.leak_watch import LeakReport, LeakWindow, judge_network
from lamplighter.domain.anomaly import LEAK, KnownEvent
from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.observation import Batch, Committed, MessageRecord, PointColumns
from lamplighter.domain.task import silent
from lamplighter.runtime.anomaly_list import anomalies_of
from lamplighter.runtime.leaks import mended_leaks, new_leaks
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
SENSORS = 6
BEGIN = 20_000 * DAY_MS
Floats = npt.NDArray[np.float64]


def hours(days: int, seed: int = 1, leak_days: int = 0) -> Floats:
    """(24 days, 6 pressures in m and a flow); with a leak near sensor 3 in the last `leak_days`."""
    rng = np.random.default_rng(seed)
    rows = 24 * days
    slow = np.repeat(rng.normal(0, 6, days), 24)
    flow = 100 + 30 * np.sin(2 * np.pi * np.arange(rows) / 24) + slow + rng.normal(0, 2, rows)
    loss = np.linspace(0.5, 2, SENSORS)[None] * (flow[:, None] / 100) ** 2
    head = np.linspace(60, 40, SENSORS)[None] - loss + rng.normal(0, 0.05, (rows, SENSORS))
    if leak_days:
        head[-24 * leak_days :, 3] -= 0.3
        head[-24 * leak_days :, 2] -= 0.2
    return np.column_stack([head, flow])


def window(values: Floats, pressures: int = SENSORS, **more: Any) -> LeakWindow:
    count = values.shape[1]
    names = tuple([f"N{k}" for k in range(pressures)] + ["Main"] * (count - pressures))
    times = BEGIN + HOUR_MS * np.arange(values.shape[0], dtype=np.int64)
    return LeakWindow("water", names, np.arange(count) + 10, times, values, pressures, **more)


def test_a_leak_of_the_newest_weeks_is_told_with_its_place() -> None:
    report = judge_network(window(hours(80, leak_days=9)), silent)

    assert [f.datastream for f in report.found] == [13]
    leak = report.found[0]
    assert BEGIN + 71 * DAY_MS <= leak.day_ms <= BEGIN + 73 * DAY_MS
    assert leak.score > 1
    assert leak.beside == (12,)
    assert "N3 has been lower" in leak.reason
    assert "next most fell N2" in leak.reason


def test_weeks_without_a_leak_say_nothing_and_what_comes_later_changes_no_day() -> None:
    calm = hours(80, seed=4)
    assert judge_network(window(calm), silent).found == ()
    leaking = hours(80, leak_days=12)
    cut = judge_network(window(leaking[: 24 * 76]), silent).found
    assert [(f.datastream, f.day_ms) for f in cut] == [
        (f.datastream, f.day_ms) for f in judge_network(window(leaking), silent).found
    ]


def test_too_few_days_sensors_or_hours_are_said_and_nothing_is_judged() -> None:
    short = judge_network(window(hours(40)), silent)
    assert short.why == "12 days are known before the newest 28; 28 are needed"
    two = judge_network(window(hours(80)[:, [0, 1, 6]], 2), silent)
    assert two.why.startswith("2 pressure sensors are known")
    holes = hours(80)
    holes[::2, :5] = np.nan
    assert judge_network(window(holes), silent).why.startswith("1 pressure sensors")
    assert judge_network(window(hours(0)), silent).why.startswith("0 days")


def test_a_base_that_is_new_every_other_day_is_said_and_ends_no_leak() -> None:
    values = hours(80, leak_days=9)
    often = tuple(BEGIN + d * DAY_MS for d in range(50, 80, 2))
    report = judge_network(window(values, repairs_ms=often), silent)
    assert report.why.startswith("something was repaired or set too often in the newest 28 days")
    assert (report.found, report.judged) == ((), ())
    seldom = tuple(BEGIN + d * DAY_MS for d in (55, 62))
    assert [f.datastream for f in judge_network(window(values, repairs_ms=seldom), silent).found]


def test_pressures_that_nothing_explains_are_not_judged() -> None:
    noise = np.random.default_rng(2).normal(40, 1, (24 * 80, 5))
    assert judge_network(window(noise, 4), silent).why.startswith("the other sensors say no more")


def test_a_leak_stands_until_it_is_repaired_and_is_told_once() -> None:
    stream = Datastream(0, "rtu", "p", "m", "pressure", "N3")
    streams = tuple(replace(stream, id=n) for n in range(20))
    report = judge_network(window(hours(80, leak_days=9)), silent)
    (made,) = new_leaks(report, (), streams, BEGIN)
    assert (made.kind, made.asset, made.datastream) == (LEAK, "N3", 13)
    assert new_leaks(report, (replace(made, verdict="false"),), streams, BEGIN) == []

    old = LeakReport("water", (), judged=(13,), from_ms=made.since_ms + DAY_MS)
    assert mended_leaks(old, [made], (), BEGIN) == []  # it only grew old
    gone = replace(old, from_ms=made.since_ms - 9 * DAY_MS)
    assert [a.until_ms for a in mended_leaks(gone, [made], (), BEGIN)] == [BEGIN]
    repair = KnownEvent("N3", made.since_ms, made.since_ms + DAY_MS, "order: repaired", anew=True)
    assert mended_leaks(report, [made], (repair,), BEGIN)
    assert not mended_leaks(report, [made], (replace(repair, asset="N1"),), BEGIN)


def test_a_recorder_looks_in_its_own_history_and_keeps_what_became_of_it(tmp_path: Path) -> None:
    clock = SystemClock()
    project = tmp_path / "town"
    _write(project, clock, hours(66, leak_days=9))
    recorder = Recorder(project, clock, plugin_code=False)
    recorder.start()
    try:
        recorder.anomalies.leaks.begin()
        end = time.monotonic() + 120
        while time.monotonic() < end and not anomalies_of(project)["leaks"]:
            time.sleep(0.1)
        while time.monotonic() < end and not anomalies_of(project)["anomalies"]:
            time.sleep(0.1)
    finally:
        recorder.stop()
    told = anomalies_of(project)
    assert [(a["kind"], a["asset"]) for a in told["anomalies"]] == [(LEAK, "N3")]
    assert told["anomalies"][0]["reason"].startswith("Node 3 has been lower for 2 days")
    (state,) = told["leaks"]
    assert (state["network"], state["why"], state["found"]) == ("water", "", 1)


def _write(project: Path, clock: SystemClock, values: Floats) -> None:
    Store.create(project, name="town", clock=clock)
    store = Store.open(project, write=True, clock=clock)
    count = values.shape[1]
    assets = [Asset(f"N{n}", "Node", f"Node {n}", "water") for n in range(count)]
    edges = [Edge(f"N{n}", "feeds", f"N{n + 1}", "project") for n in range(count - 1)]
    metas = [
        Datastream(
            0, "rtu", f"v{n}", "m", "pressure" if n < SENSORS else "flow", f"N{n}",
            period_ms=HOUR_MS, resolution=0.001,
        )
        for n in range(count)
    ]  # fmt: skip

    def keep(access: Any) -> None:
        access.put_assets(assets)
        access.put_edges(edges)
        access.put_datastream_meta(metas)

    store.writer.call(keep).result(60)
    source = {name: number for number, name in store.sources().items()}["rtu"]
    done: queue.SimpleQueue[Committed | BaseException] = queue.SimpleQueue()
    begin = clock.wall_ms() // DAY_MS * DAY_MS - values.shape[0] * HOUR_MS
    for number, first in enumerate(range(0, values.shape[0], 24 * 11)):
        part = values[first : first + 24 * 11]
        times = begin + (first + np.arange(part.shape[0], dtype=np.int64)) * HOUR_MS + 60_000
        size = part.size
        points = PointColumns(
            np.tile(np.arange(count, dtype=np.int32), part.shape[0]), np.repeat(times, count),
            part.ravel(), np.zeros(size, np.uint8), np.zeros(size, np.int32),
            np.arange(size, dtype=np.int32),
        )  # fmt: skip
        letter = MessageRecord(source, 1, number, number + 1, int(times[0]), size)
        store.writer.submit(Batch((letter,), points), done.put)
        outcome = done.get(timeout=60)
        assert not isinstance(outcome, BaseException), outcome
    store.close()
