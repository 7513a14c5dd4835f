"""A project's recorded past of its maintained assets, as the maintenance model wants it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from lamplighter.analytics import fleet
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.order_rules import FAILED, FOUND, finding_of
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
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
LIVE_POINTS: Final = 50_000
"""a datastream of a real past; more are cells of means"""
HOUR_MS: Final = 3_600_000
NOT_MEASURED: Final = int(QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE | QualityMark.WITHHELD)
REPAIR_MS: Final = 7 * 86_400_000


def feature_streams(streams: Sequence[Datastream]) -> dict[int, tuple[str, str]]:
    """Datastream -> (asset, signal) of every asset that has the anchor signal."""
    maintained = {d.asset for d in streams if d.kind == ANCHOR and d.asset}
    return {d.id: (d.asset, d.kind) for d in streams if d.asset in maintained and d.kind in SIGNALS}


def past_points(store: Store, meaning: dict[int, tuple[str, str]]) -> fleet.Points:
    """What these datastreams have as a past: what was imported, and what was recorded live since.

    Of what was recorded the last good value of each whole hour is taken, at the hour's end. Where
    the past is simulated only that counts: a demo's live feed may wear a day per second.
    """
    simulated = store.setting(SIMULATED) == "yes"
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for stream in meaning:
        found = store.series(stream, -(2**62), 2**62, POINTS if simulated else LIVE_POINTS)
        old = (found.quality & int(QualityMark.HISTORICAL)) > 0
        parts = [(found.time_ms[old], found.value[old], found.quality[old])]
        if not simulated:
            parts.append(_hourly(found.time_ms[~old], found.value[~old], found.quality[~old]))
        for times, values, quality in parts:
            if times.size:
                ids = np.full(times.size, stream, np.int32)
                columns.append((ids, times, values, quality))
    if not columns:
        empty = np.empty(0)
        return fleet.Points(
            empty.astype(np.int32), empty.astype(np.int64), empty, empty.astype(np.uint8), meaning
        )
    ids, times, values, quality = (np.concatenate(c) for c in zip(*columns, strict=True))
    return fleet.Points(ids, times, values, quality, meaning)


def _hourly(
    time_ms: np.ndarray, value: np.ndarray, quality: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The last good value of every whole hour, told at its end; the hour that still runs is not."""
    good = np.isfinite(value) & ((quality & CLASS_MASK) <= int(Quality.UNCERTAIN))
    good &= (quality & NOT_MEASURED) == 0
    if not good.any():
        return time_ms[:0], value[:0], quality[:0]
    time_ms, value, quality = time_ms[good], value[good], quality[good]
    hour = time_ms // HOUR_MS
    last = np.flatnonzero(np.diff(hour) != 0)
    return (hour[last] + 1) * HOUR_MS - 1, value[last], quality[last]


def failures_of(points: fleet.Points, orders: Iterable[WorkOrder]) -> int:
    """Failures on record of the assets these points are of."""
    assets = {asset for asset, _ in points.meaning.values()}
    return sum(r.failed and r.asset in assets for r in renewals(orders))


def renewals(orders: Iterable[WorkOrder]) -> tuple[fleet.Renewal, ...]:
    """Failures and renewals in time, from closed orders; a new life of the asset begins there.

    A failure on record always counts. An order that was done counts when something was renewed:
    its title says so, a part was used, or what a forecast spoke of was found and mended. An order
    that found nothing and used no part leaves the life as it was. The repair of a failure is part
    of it: an order done within a week of one begins no further life.
    """
    orders = tuple(orders)
    failed: dict[str, list[int]] = {}
    for order in orders:
        if finding_of(order)[0] == FAILED:
            failed.setdefault(order.asset, []).append(order.closed_ms)
    found = []
    for order in orders:
        kind, _ = finding_of(order)
        if kind == FAILED:
            found.append(fleet.Renewal(order.asset, order.closed_ms, True))
        elif any(0 <= order.closed_ms - t <= REPAIR_MS for t in failed.get(order.asset, ())):
            continue
        elif order.state == "done" and order.closed_ms and _renewed(order, kind):
            found.append(fleet.Renewal(order.asset, order.closed_ms, kind == FOUND))
    return tuple(found)


def _renewed(order: WorkOrder, kind: str) -> bool:
    title = order.title.lower()
    if any(word in title for word in ("renew", "replace")) or any(p.used for p in order.parts):
        return True
    return kind == FOUND and bool(order.forecast)
