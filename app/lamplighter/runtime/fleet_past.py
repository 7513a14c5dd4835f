"""A project's recorded past of its maintained assets, as the maintenance model wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from lamplighter.analytics import fleet
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.quality import QualityMark
from lamplighter.store import Store

SIGNALS: Final = (
    "vibration_rms",
    "vibration_kurtosis",
    "bearing_temperature",
    "motor_current",
    "service_hours",
)
ANCHOR: Final = "vibration_rms"
SIMULATED: Final = "past.simulated"
"""setting: the project's past was simulated, and every forecast learned from it says so"""
POINTS: Final = 1_000_000


def feature_streams(streams: Sequence[Datastream]) -> dict[int, tuple[str, str]]:
    """Datastream -> (asset, signal) of every asset that has the anchor signal."""
    maintained = {d.asset for d in streams if d.kind == ANCHOR and d.asset}
    return {d.id: (d.asset, d.kind) for d in streams if d.asset in maintained and d.kind in SIGNALS}


def past_points(store: Store, meaning: dict[int, tuple[str, str]]) -> fleet.Points:
    """Everything imported as history for these datastreams; live points are left out."""
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for stream in meaning:
        found = store.series(stream, -(2**62), 2**62, POINTS)
        old = (found.quality & int(QualityMark.HISTORICAL)) > 0
        if old.any():
            ids = np.full(int(old.sum()), stream, np.int32)
            columns.append((ids, found.time_ms[old], found.value[old], found.quality[old]))
    if not columns:
        empty = np.empty(0)
        return fleet.Points(
            empty.astype(np.int32), empty.astype(np.int64), empty, empty.astype(np.uint8), meaning
        )
    ids, times, values, quality = (np.concatenate(c) for c in zip(*columns, strict=True))
    return fleet.Points(ids, times, values, quality, meaning)


def renewals(orders: Iterable[WorkOrder]) -> tuple[fleet.Renewal, ...]:
    """Failures and renewals in time, from closed orders."""
    found = []
    for order in orders:
        if order.finding.startswith("failed"):
            found.append(fleet.Renewal(order.asset, order.closed_ms, True))
        elif order.state == "done" and order.closed_ms and "renew" in order.title.lower():
            found.append(
                fleet.Renewal(order.asset, order.closed_ms, order.finding.startswith("found"))
            )
    return tuple(found)
