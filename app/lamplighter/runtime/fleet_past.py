"""A project's recorded past of its maintained assets, as the maintenance model wants it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
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
BUDGET: Final = 1_000_000
"""points of a whole fleet's real past; the more datastreams, the coarser"""
FEWEST_BROKEN: Final = 5
MOST_SIGNALS: Final = 8
MOST_ASSETS: Final = 200
LONGEST: Final = 26
"""letters of a class in the name of its models"""
Meaning = dict[int, tuple[str, str]]
"""datastream -> (asset, signal)"""
HOUR_MS: Final = 3_600_000
NOT_MEASURED: Final = int(QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE | QualityMark.WITHHELD)
REPAIR_MS: Final = 7 * 86_400_000


def feature_streams(streams: Sequence[Datastream]) -> dict[int, tuple[str, str]]:
    """Datastream -> (asset, signal) of every asset that has the anchor signal."""
    maintained = {d.asset for d in streams if d.kind == ANCHOR and d.asset}
    return {d.id: (d.asset, d.kind) for d in streams if d.asset in maintained and d.kind in SIGNALS}


def class_streams(
    streams: Sequence[Datastream], type_of: Callable[[str], str], orders: Iterable[WorkOrder]
) -> dict[str, Meaning]:
    """Asset class -> its values, of every class with enough failures and values of its own.

    A value counts when at least half of the class's measured assets have exactly one of its kind;
    at most `MOST_SIGNALS` kinds, those that most assets have. Machines with a vibration are not
    here: they have the model of bearings. Of large classes `MOST_ASSETS` are followed, those that
    failed first.
    """
    broke = {r.asset for r in renewals(orders) if r.failed}
    bearings = {d.asset for d in streams if d.kind == ANCHOR and d.asset}
    of_type: dict[str, dict[str, dict[str, list[int]]]] = {}
    for d in streams:
        if d.asset and d.kind and not d.states and d.asset not in bearings:
            of_asset = of_type.setdefault(type_of(d.asset), {}).setdefault(d.asset, {})
            of_asset.setdefault(d.kind, []).append(d.id)
    found = {}
    for of, assets in sorted(of_type.items()):
        if not of or len(broke & assets.keys()) < FEWEST_BROKEN:
            continue
        followed = sorted(assets, key=lambda a: (a not in broke, a))[:MOST_ASSETS]
        count: dict[str, int] = {}
        for asset in followed:
            for kind, ids in assets[asset].items():
                count[kind] = count.get(kind, 0) + (len(ids) == 1)
        common = sorted((k for k, n in count.items() if 2 * n >= len(followed)),
                        key=lambda k: (-count[k], k))[:MOST_SIGNALS]  # fmt: skip
        meaning = {assets[a][k][0]: (a, k) for a in followed for k in common
                   if len(assets[a].get(k, ())) == 1}  # fmt: skip
        if meaning:
            found[of] = meaning
    return found


def kind_of(of: str) -> str:
    """What the models of an asset class are called: no two classes share them."""
    plain = re.sub(r"[^a-z0-9_]+", "-", of.lower()).strip("-")
    if not plain or len(plain) > LONGEST or not of.isascii():
        mark = hashlib.blake2b(of.encode(), digest_size=3).hexdigest()
        plain = f"{plain[: LONGEST - 7]}-{mark}".strip("-")
    return f"maintenance-{plain}"


def past_points(store: Store, meaning: Meaning) -> fleet.Points:
    """What these datastreams have as a past: what was imported, and what was recorded live since.

    Of what was recorded the last good value of each whole hour is taken, at the hour's end. Where
    the past is simulated only that counts: a demo's live feed may wear a day per second.
    """
    simulated = store.setting(SIMULATED) == "yes"
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    most = POINTS if simulated else max(500, min(LIVE_POINTS, BUDGET // max(1, len(meaning))))
    for stream in meaning:
        found = store.series(stream, -(2**62), 2**62, most)
        time_ms, value, quality = found.time_ms, found.value, found.quality
        old = (quality & int(QualityMark.HISTORICAL)) > 0
        if found.reduced and not simulated:  # cells of several datastreams stand at other times
            time_ms = _over(time_ms, most)
            value, quality = value[: time_ms.size], quality[: time_ms.size]
            old = np.zeros(time_ms.size, np.bool_)
        parts = [(time_ms[old], value[old], quality[old])]
        if not simulated:
            parts.append(_hourly(time_ms[~old], value[~old], quality[~old]))
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


def _over(time_ms: np.ndarray, most: int) -> np.ndarray:
    """When cells that begin at these times are over, of those that are: a mean is known no sooner.

    One stands for its share of the whole span; what it was made of may reach twice as far again.
    """
    if time_ms.size < 2:
        return time_ms[:0]
    late = 3 * (int(time_ms[-1] - time_ms[0]) // (most - 1) + 1)
    known: np.ndarray = time_ms[time_ms + late <= time_ms[-1]] + late
    return known


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
    """Failures on record of the assets these points are of, since each was first measured."""
    streams, row = np.unique(points.datastream, return_inverse=True)
    begun = np.full(streams.size, np.iinfo(np.int64).max)
    np.minimum.at(begun, row, points.time_ms)
    since: dict[str, int] = {}
    for stream, begin in zip(streams.tolist(), begun.tolist(), strict=True):
        asset = points.meaning[stream][0]
        since[asset] = min(begin, since.get(asset, begin))
    return sum(r.failed and r.time_ms >= since.get(r.asset, 2**62) for r in renewals(orders))


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
