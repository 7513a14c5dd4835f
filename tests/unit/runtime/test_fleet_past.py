"""What the maintenance model learns from: failures told once, and all the past there is."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.runtime import fleet_past
from lamplighter.runtime.fleet_past import (
    class_streams,
    failures_of,
    kind_of,
    past_points,
    renewals,
)

DAY = 86_400_000


def closed(name: str, day: float, title: str, finding: str, asset: str = "P") -> WorkOrder:
    return WorkOrder(name, asset, title, "done", finding=finding, closed_ms=int(day * DAY))


def test_the_repair_of_a_failure_is_no_second_failure() -> None:
    orders = [
        closed("W", 10.2, "Replace the bearing", "found: worn"),
        closed("F", 10.0, "Bearing seized", "failed: bearing"),
        closed("R", 40.0, "Renew the bearing", "found: worn"),
        closed("O", 10.5, "Replace the bearing", "found: worn", asset="Q"),
    ]

    told = sorted((r.asset, r.time_ms / DAY, r.failed) for r in renewals(orders))

    assert told == [("P", 10.0, True), ("P", 40.0, True), ("Q", 10.5, True)]


HOUR = 3_600_000
MEANING = {7: ("P", "vibration_rms")}
OLD = int(QualityMark.HISTORICAL)


def recorded(times: list[int], quality: list[int], *, simulated: str = "") -> Any:
    """A store with one datastream whose values are its times in hours."""
    time_ms = np.array(times, np.int64)
    found = SimpleNamespace(
        time_ms=time_ms, value=time_ms / HOUR, quality=np.array(quality, np.uint8), reduced=False
    )
    return SimpleNamespace(series=lambda *given: found, setting=lambda name: simulated)


def test_what_was_recorded_live_is_learned_from_by_the_whole_hour() -> None:
    minutes = [k * 600_000 for k in range(1, 15)]
    points = past_points(recorded(minutes, [0] * 14), MEANING)

    assert points.time_ms.tolist() == [HOUR - 1, 2 * HOUR - 1]
    assert points.value.tolist() == [50 / 60, 110 / 60]


def test_the_mean_of_a_long_cell_is_learned_from_when_the_cell_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet_past, "LIVE_POINTS", 500)
    store = recorded([k * 28 * HOUR for k in range(500)], [OLD] * 500)
    store.series().reduced = True
    points = past_points(store, MEANING)

    assert len(points.time_ms) > 400
    assert (points.time_ms >= (points.value + 28) * HOUR).all()
    assert points.time_ms.max() <= 499 * 28 * HOUR + HOUR


def test_what_was_brought_in_is_kept_as_it_is_beside_what_was_recorded() -> None:
    points = past_points(recorded([1, 2, 3 * HOUR, 4 * HOUR], [OLD, OLD, 0, 0]), MEANING)

    assert points.time_ms.tolist() == [1, 2, 4 * HOUR - 1]


def test_values_nobody_measured_are_not_learned_from() -> None:
    marks = [int(QualityMark.HAND_SET), int(QualityMark.WITHHELD), int(Quality.BAD), 0, 0]
    points = past_points(recorded([k * HOUR for k in range(1, 6)], marks), MEANING)

    assert points.value.tolist() == [4.0]


def test_beside_a_simulated_past_the_live_feed_of_a_demo_is_left_out() -> None:
    points = past_points(recorded([1, 3 * HOUR, 4 * HOUR], [OLD, 0, 0], simulated="yes"), MEANING)

    assert points.time_ms.tolist() == [1]


def test_only_failures_of_the_measured_assets_count() -> None:
    points = past_points(recorded([1], [OLD]), MEANING)
    orders = [closed("A", 1, "Seized", "failed: x"), closed("B", 9, "Seized", "failed: x", "Q")]

    assert failures_of(points, orders) == 1


def test_failures_before_the_first_value_are_nothing_to_learn_from() -> None:
    points = past_points(recorded([5 * DAY], [OLD]), MEANING)
    orders = [closed(f"F{k}", k, "Seized", "failed: x") for k in (1, 3, 9)]

    assert failures_of(points, orders) == 1


def test_a_class_with_five_failed_assets_is_followed_by_the_values_most_of_it_has() -> None:
    streams = [
        Datastream(10 * k + n, "s", f"{k}.{kind}", "", kind, f"T-{k}")
        for k in range(1, 9)
        for n, kind in enumerate(("oil_temperature", "load", "strain", "strain"))
    ]
    streams.append(Datastream(99, "s", "odd", "", "hydrogen", "T-1"))
    streams.append(Datastream(100, "s", "v", "", "vibration_rms", "P"))
    types = {f"T-{k}": "Transformer" for k in range(1, 9)} | {"P": "Pump"}
    orders = [closed(f"F{k}", k, "Failed", "failed: winding", f"T-{k}") for k in range(1, 6)]

    found = class_streams(streams, lambda a: types.get(a, ""), orders)

    assert set(found) == {"Transformer"}
    assert set(found["Transformer"].values()) == {
        (f"T-{k}", kind) for k in range(1, 9) for kind in ("oil_temperature", "load")
    }
    assert class_streams(streams, lambda a: types.get(a, ""), orders[:4]) == {}


def test_a_class_names_its_models_plainly() -> None:
    assert kind_of("Traffic Signal (LED)") == "maintenance-traffic-signal-led"
    alike = ("水泵", "阀门", "Low voltage distribution cabinet", "Low voltage distribution box A")
    found = {kind_of(of) for of in alike}
    assert len(found) == 4 and all(re.fullmatch(r"[a-z0-9_-]{13,38}", kind) for kind in found)
