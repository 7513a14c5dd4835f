"""Forecasts and expected values in one call against one asset or one datastream at a time.

Both sides must give the same numbers, else the comparison would be worth nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable

import msgspec
import numpy as np
from tests.perf.row import Row, row

from lamplighter.analytics import Expectation, ExpectedTable, fleet
from lamplighter.analytics.expected import WEEK_MS, Basis
from lamplighter.analytics.expecting import HourlyHistory, learn
from lamplighter.analytics.fleet import FleetHistory
from lamplighter.analytics.maintenance import TrainRequest, train
from lamplighter.analytics.scoring import ScoreRequest, score
from lamplighter.analytics.watching import Watch
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.task import silent

ASSETS = 200
SIGNALS = ("vibration_rms", "bearing_temperature", "motor_current")
STREAMS = 5_000
NOW = 1_795_305_600_000


def past(assets: int, days: int = 60) -> FleetHistory:
    """Bearings whose vibration grows over a life of about 80 days; every second one failed."""
    random = np.random.default_rng(8)
    day = np.arange(0, days, 0.25)
    values, ends = [], random.uniform(10, days - 2, assets)
    for end in ends:
        age = np.where(day < end, 80 - (end - day), day - end)
        worn = np.clip(age / 80, 0, 1.1) ** 4
        values.append(
            np.column_stack(
                [
                    2.5 + 4 * worn + random.normal(0, 0.1, day.size),
                    50 + 8 * worn + random.normal(0, 1.0, day.size),
                    random.normal(20, 0.5, day.size),
                ]
            )
        )
    begin = NOW - days * fleet.DAY_MS
    failed = np.arange(assets) % 2 == 0
    return FleetHistory(
        tuple(f"P-{n:03}" for n in range(assets)),
        SIGNALS,
        np.repeat(np.arange(assets), day.size),
        np.tile(begin + (day * fleet.DAY_MS).astype(np.int64), assets),
        np.concatenate(values),
        np.arange(assets),
        begin + (ends * fleet.DAY_MS).astype(np.int64),
        failed,
        simulated=True,
    )


def one(history: FleetHistory, place: int) -> FleetHistory:
    """The history of a single asset."""
    mine, known = history.asset == place, history.renewal_asset == place
    return msgspec.structs.replace(
        history,
        assets=(history.assets[place],),
        asset=np.zeros(int(mine.sum()), np.int64),
        time_ms=history.time_ms[mine],
        values=history.values[mine],
        renewal_asset=np.zeros(int(known.sum()), np.int64),
        renewal_ms=history.renewal_ms[known],
        renewal_failed=history.renewal_failed[known],
    )


def fleet_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        history = past(24)
        began = time.perf_counter()
        report = train(TrainRequest(history, folder), silent)
        trained_s = time.perf_counter() - began
        large = past(ASSETS)
        request = ScoreRequest(folder, report.files, large, NOW, NOW)
        whole = score(request, silent)  # the first call also opens the model
        together = _seconds(lambda: score(request, silent), 3)
        singles = [msgspec.structs.replace(request, history=one(large, n)) for n in range(ASSETS)]
        began = time.perf_counter()
        alone = [score(r, silent)[0] for r in singles]
        apart = time.perf_counter() - began
    numbers = {p.asset: p.probability_30d for p in alone}
    assert all(numbers[p.asset] == p.probability_30d for p in whole)
    return [
        row(
            "maintenance model trained, 24 assets x 60 days",
            trained_s,
            "s",
            "the promised limit",
            20.0,
        ),
        row(
            f"{ASSETS} assets scored in one call",
            together * 1000,
            "ms",
            "one asset at a time",
            apart * 1000,
        ),
    ]


def table(streams: int) -> ExpectedTable:
    random = np.random.default_rng(1)
    return ExpectedTable(
        np.arange(streams),
        WEEK_MS,
        random.normal(20, 5, (streams, 168)),
        random.integers(0, streams, (streams, 3)),
        random.normal(0, 0.3, (streams, 3)),
        np.full(streams, 0.5),
        np.full(streams, 5_000),
        NOW - WEEK_MS,
        NOW + WEEK_MS,
    )


def stream_by_stream(table: ExpectedTable, newest: NewestValues, now_ms: int) -> list[float]:
    """The same model, one datastream after the other in plain Python."""
    season = [float(s) for s in table.seasonal(now_ms)]
    found = []
    for at in range(table.rows):
        expected = season[at]
        for other, weight in zip(table.neighbour[at], table.weight[at], strict=True):
            age_ms = now_ms - int(newest.time_ms[other])
            if newest.quality[other] & 3 > 1 or age_ms > int(table.stale_ms[other]):
                expected = float("nan")
                break
            expected += float(weight) * (float(newest.value[other]) - season[other])
        found.append(expected)
    return found


def expected_rows() -> list[Row]:
    random = np.random.default_rng(2)
    newest = blank(STREAMS)
    newest.time_ms[:] = NOW
    newest.value[:] = random.normal(20, 5, STREAMS)
    model = table(STREAMS)
    assert np.allclose(model.evaluate(newest, NOW)[0], stream_by_stream(model, newest, NOW))
    together = _seconds(lambda: model.evaluate(newest, NOW), 20)
    apart = _seconds(lambda: stream_by_stream(model, newest, NOW), 3)
    expectation = Expectation()
    expectation.use((model,))
    ticks = iter(range(10_000))

    def tick() -> None:
        now = NOW + 1000 * next(ticks)
        newest.time_ms[:] = now
        expectation.tick(newest, now)

    return [
        row(
            f"expected values of {STREAMS:,} datastreams",
            together * 1000,
            "ms",
            "one datastream at a time",
            apart * 1000,
        ),
        row(
            f"the same with learning, {STREAMS:,} a second",
            _seconds(tick, 20) * 1000,
            "ms",
            "the second it may take",
            1000.0,
        ),
    ]


def usual_history(streams: int, days: int) -> HourlyHistory:
    """Groups of fifty that share what happens, each with a season and noise of its own."""
    random = np.random.default_rng(4)
    hours = np.arange(24 * days)
    shared = random.normal(0, 1, (streams // 50 + 1, hours.size))[np.arange(streams) // 50]
    mean = 20 + 4 * np.sin(hours / 24 * 2 * np.pi) + shared * random.uniform(0, 2, (streams, 1))
    mean = mean + random.normal(0, 0.5, mean.shape)
    mean[random.random(mean.shape) < 0.02] = np.nan
    return HourlyHistory(
        np.arange(streams), NOW, mean, np.full(mean.shape, 0.2), np.full(streams, 0.01),
        np.full(streams, 5_000), np.zeros(streams, np.int64), np.zeros((0, 2), np.int64),
    )  # fmt: skip


def usual_rows() -> list[Row]:
    """Learning and watching thousands of datastreams, in processor time."""
    history = usual_history(STREAMS, 14)
    began = time.process_time()
    report = learn(history, silent)
    spent = time.process_time() - began
    part = usual_history(100, 14)
    began = time.process_time()
    for at in range(part.mean.shape[0]):
        cut = slice(at, at + 1)
        arrays = ("datastream", "mean", "within", "floor", "stale_ms", "group")
        one = {name: getattr(part, name)[cut] for name in arrays}
        learn(msgspec.structs.replace(part, **one), silent)
    alone = (time.process_time() - began) * STREAMS / 100
    watch, random = Watch(), np.random.default_rng(6)
    watch.use(report.table)
    basis, fit = np.full(STREAMS, Basis.HISTORY, np.uint8), np.zeros(STREAMS, np.bool_)
    took = 0.0
    for second in range(180):
        newest = blank(STREAMS)
        newest.time_ms[:] = NOW + 1000 * second
        newest.value[:] = random.normal(20, 0.1, STREAMS)
        newest.expected[:], newest.spread[:] = 20.0, 0.5
        began = time.process_time()
        watch.second(newest, basis, fit)
        if second % 60 == 59:
            watch.minute(NOW + 1000 * second)
        took += time.process_time() - began
    return [
        row(
            f"what is usual of {STREAMS:,} datastreams learned from 14 days, with neighbours",
            spent,
            "s CPU",
            "one datastream at a time, without neighbours",
            alone,
        ),
        row(
            f"{STREAMS:,} datastreams watched against it, a second",
            took / 180 * 1000,
            "ms CPU",
            "a hundredth of a core",
            10.0,
        ),
    ]


def rows() -> list[Row]:
    """Figure, what it is measured against in the same unit, and the ratio of both."""
    return fleet_rows() + expected_rows() + usual_rows()


def _seconds(step: Callable[[], object], times: int) -> float:
    """The fastest of a few runs."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        step()
        spent.append(time.perf_counter() - began)
    return min(spent)


if __name__ == "__main__":
    for line in rows():
        print(line)
