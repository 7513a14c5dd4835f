"""The past of maintained assets as columns, cut into lives, and causal features of every row.

A life runs from one renewal of an asset to the next; a failure ends one, a planned repair cuts
one off. A feature at a row uses rows of the same life up to it and nothing later, so a feature
computed live equals the one computed in training, bit for bit.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct, structs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_MS: Final = 86_400_000
SHORT_MS: Final = 2 * DAY_MS
LONG_MS: Final = 8 * DAY_MS
DUTY: Final = "service_hours"
"""signal that counts hours in service; where it is, wear runs by it and not by the clock"""
AGE_NAMES: Final = frozenset({"age_days", "age", "service_hours"})
"""signals that are the age itself: never a feature, so a card never leans on age alone"""
RISES: Final = ("vibration", "kurtosis", "temperature", "noise", "leak")
"""words in a signal's name for which more can only be worse"""
WINDOWS: Final = ("now", "trend")


class FleetHistory(Struct, frozen=True):
    """n rows of s signals of many assets, in any order, and what became of the assets.

    `asset` (n,) and `renewal_asset` (k,) index `assets`; `time_ms` (n,), `renewal_ms` (k,);
    `values` (n, s), NaN = not measured; `renewal_failed` (k,) bool: failed, else renewed in time.
    """

    assets: tuple[str, ...]
    signals: tuple[str, ...]
    asset: np.ndarray
    time_ms: np.ndarray
    values: np.ndarray
    renewal_asset: np.ndarray
    renewal_ms: np.ndarray
    renewal_failed: np.ndarray
    simulated: bool = False
    mode: str = ""
    """what fails, in a word, e.g. `bearing`"""


@dataclass(frozen=True, slots=True)
class Rows:
    """The history in order (asset, time), with the life each row belongs to.

    `days_left` (n,): days to the end of the life; `failed` (n,): whether that end is a failure
    (else the life was cut off then and may have gone on); `life` (n,) numbers lives.
    """

    history: FleetHistory
    asset: Ints
    time_ms: Ints
    values: Floats
    life: Ints
    days_left: Floats
    failed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.time_ms.shape[0])


def order(history: FleetHistory) -> Rows:
    """Sort the history and cut it into lives; an open one is cut off at its asset's newest row.

    Nobody saw it last any longer: a machine in service for a quarter of the time has by the end of
    the record served no more than that.
    """
    rank = np.lexsort((history.time_ms, history.asset))
    asset = history.asset[rank].astype(np.int64)
    time_ms = history.time_ms[rank].astype(np.int64)
    life = np.zeros(len(rank), np.int64)
    left = np.zeros(len(rank))
    failed = np.zeros(len(rank), np.bool_)
    number = 0
    for place in np.unique(asset):
        rows = np.flatnonzero(asset == place)
        mine = np.flatnonzero(history.renewal_asset == place)
        mine = mine[np.argsort(history.renewal_ms[mine], kind="stable")]
        ends = history.renewal_ms[mine].astype(np.int64)
        which = np.searchsorted(ends, time_ms[rows], side="right")
        life[rows] = number + which
        until = np.append(ends, time_ms[rows[-1]])[which]
        left[rows] = (until - time_ms[rows]) / DAY_MS
        failed[rows] = np.append(history.renewal_failed[mine], False)[which]
        number += len(ends) + 1
    return Rows(history, asset, time_ms, history.values[rank].astype(float), life, left, failed)


def witnessed(history: FleetHistory) -> FleetHistory:
    """A sorted history without the renewals that end a life of which nothing was measured.

    A register of failures may reach back years before the first value: those were not seen coming
    by anything, and are no failures per day of what was measured.
    """
    seen = np.zeros(len(history.renewal_ms), np.bool_)
    for start, stop in _runs(history.asset.astype(np.int64)):
        mine = np.flatnonzero(history.renewal_asset == history.asset[start])
        mine = mine[np.argsort(history.renewal_ms[mine], kind="stable")]
        before = np.searchsorted(history.time_ms[start:stop], history.renewal_ms[mine], "left")
        seen[mine] = np.diff(before, prepend=0) > 0
    return structs.replace(
        history,
        renewal_asset=history.renewal_asset[seen],
        renewal_ms=history.renewal_ms[seen],
        renewal_failed=history.renewal_failed[seen],
    )


def feature_signals(signals: tuple[str, ...]) -> tuple[str, ...]:
    """The signals a model may use: all but age."""
    return tuple(s for s in signals if s not in AGE_NAMES)


def rising(signals: tuple[str, ...]) -> list[int]:
    """Per feature 1 where more can only be worse, else 0."""
    return [
        int(any(word in s for word in RISES)) for s in feature_signals(signals) for _ in WINDOWS
    ]


def features(rows: Rows, relative: tuple[str, ...]) -> Floats:
    """(n, 2 x signals): mean of the last two days, and that minus the mean of the last eight.

    Signals in `relative` are divided by the asset's own mean so far, because their level says
    which asset it is and not how it is.
    """
    chosen = feature_signals(rows.history.signals)
    out = np.full((len(rows), len(WINDOWS) * len(chosen)), np.nan)
    begin_life = _begins(rows.life)
    begin_asset = _begins(rows.asset)
    short = np.maximum(_since(rows, SHORT_MS), begin_life)
    long = np.maximum(_since(rows, LONG_MS), begin_life)
    for place, signal in enumerate(chosen):
        column = rows.values[:, rows.history.signals.index(signal)]
        if signal in relative:
            own = _mean(column, begin_asset, rows.asset)
            with np.errstate(divide="ignore", invalid="ignore"):
                column = np.where(own != 0, column / own, np.nan)
        now = _mean(column, short, rows.asset)
        out[:, 2 * place] = now
        out[:, 2 * place + 1] = now - _mean(column, long, rows.asset)
    return out


def telling_identity(rows: Rows) -> tuple[str, ...]:
    """Signals whose level differs more between assets than it ever does within one."""
    found = []
    for signal in feature_signals(rows.history.signals):
        column = rows.values[:, rows.history.signals.index(signal)]
        parts = [column[rows.asset == a] for a in np.unique(rows.asset)]
        parts = [p[np.isfinite(p)] for p in parts]
        parts = [p for p in parts if p.size > 10]
        if len(parts) < 2:
            continue
        between = np.var([p.mean() for p in parts])
        within = np.mean([p.var() for p in parts])
        if between > 2.0 * within:
            found.append(signal)
    return tuple(found)


def _begins(groups: Ints) -> Ints:
    """(n,) index of the first row of the run each row stands in."""
    first = np.ones(len(groups), np.bool_)
    first[1:] = groups[1:] != groups[:-1]
    starts = np.flatnonzero(first)
    begins: Ints = starts[np.cumsum(first) - 1].astype(np.int64)
    return begins


def _since(rows: Rows, window_ms: int) -> Ints:
    """(n,) first row of the same asset inside the window that ends at each row."""
    out = np.zeros(len(rows), np.int64)
    for start, stop in _runs(rows.asset):
        time_ms = rows.time_ms[start:stop]
        out[start:stop] = start + np.searchsorted(time_ms, time_ms - window_ms, side="right")
    return out


def _runs(groups: Ints) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(groups)) + 1
    bounds = [0, *edges.tolist(), len(groups)]
    return [(a, b) for a, b in itertools.pairwise(bounds) if b > a]


def _mean(column: Floats, since: Ints, asset: Ints) -> Floats:
    """Mean of the known values from `since` up to each row, both included; NaN where none.

    Sums run within an asset from its first row, so later rows and other assets change nothing.
    """
    known = np.isfinite(column)
    out = np.full(len(column), np.nan)
    for start, stop in _runs(asset):
        filled = np.where(known[start:stop], column[start:stop], 0.0)
        total = np.concatenate([[0.0], np.cumsum(filled)])
        count = np.concatenate([[0], np.cumsum(known[start:stop])])
        first = since[start:stop] - start
        last = np.arange(1, stop - start + 1)
        number = count[last] - count[first]
        with np.errstate(divide="ignore", invalid="ignore"):
            out[start:stop] = np.where(number > 0, (total[last] - total[first]) / number, np.nan)
    return out


def first_per_step(history: FleetHistory, step_ms: int) -> npt.NDArray[np.intp]:
    """The first row of every asset and step, in order of asset and time."""
    cell = history.asset.astype(np.int64) * (2**40) + history.time_ms // step_ms
    return np.unique(cell, return_index=True)[1]


def sorted_rows(history: FleetHistory) -> FleetHistory:
    """The same history in order of asset and time."""
    return chosen(history, np.lexsort((history.time_ms, history.asset)))


def by_duty(history: FleetHistory) -> FleetHistory:
    """A sorted history with its times, renewals included, told by hours in service.

    An asset's first row keeps its time; from there time runs as its counter does, and by the
    clock where the counter fell (it was set back) or is missing. Times grow from row to row.
    """
    if DUTY not in history.signals:
        return history
    hours = history.values[:, history.signals.index(DUTY)]
    time_ms = history.time_ms.astype(np.int64).copy()
    renewal_ms = history.renewal_ms.astype(np.int64).copy()
    for start, stop in _runs(history.asset.astype(np.int64)):
        clock = history.time_ms[start:stop]
        step = np.diff(hours[start:stop])
        passed = np.where(step >= 0, step, np.diff(clock) / 3_600_000)
        minutes = np.concatenate([[0.0], np.cumsum(passed) * 60.0])
        duty = clock[0] + np.round(minutes).astype(np.int64) * 60_000
        place = np.arange(stop - start)
        duty = np.maximum.accumulate(duty - place) + place
        mine = np.flatnonzero(history.renewal_asset == history.asset[start])
        first = np.searchsorted(clock, history.renewal_ms[mine], side="left")
        later = duty[-1] + history.renewal_ms[mine] - clock[-1]
        renewal_ms[mine] = np.where(
            first < len(duty), duty[np.minimum(first, len(duty) - 1)], later
        )
        time_ms[start:stop] = duty
    return structs.replace(history, time_ms=time_ms, renewal_ms=renewal_ms)


def with_neighbours(history: FleetHistory, within_ms: int) -> FleetHistory:
    """A sorted history whose missing values are those of the asset's rows just before.

    Signals of one machine are stamped in different seconds: a row that holds some of them is no
    row in which the others are missing. Nothing older than `within_ms` is taken, nothing later.
    """
    rows = len(history.asset)
    if not rows:
        return history
    place = np.arange(rows)
    begin = _begins(history.asset.astype(np.int64))
    values = history.values.copy()
    for column in range(values.shape[1]):
        known = np.isfinite(values[:, column])
        last = np.maximum.accumulate(np.where(known, place, -1))
        near = (last >= begin) & (history.time_ms - history.time_ms[last] <= within_ms)
        values[:, column] = np.where(near, values[last, column], np.nan)
    return structs.replace(history, values=values)


def newest_per_step(history: FleetHistory, step_ms: int) -> npt.NDArray[np.intp]:
    """Of a sorted history the last row of every asset and step."""
    cell = history.asset.astype(np.int64) * (2**40) + history.time_ms // step_ms
    return (
        np.flatnonzero(np.append(np.diff(cell) != 0, True)) if len(cell) else np.zeros(0, np.intp)
    )


def chosen(history: FleetHistory, rows: npt.NDArray[np.intp]) -> FleetHistory:
    """The same assets and renewals with a choice of rows."""
    return structs.replace(
        history,
        asset=history.asset[rows],
        time_ms=history.time_ms[rows],
        values=history.values[rows],
    )


class Renewal(Struct, frozen=True):
    """A part of an asset was replaced: because it failed, or in time."""

    asset: str
    time_ms: int
    failed: bool


class Points(Struct, frozen=True):
    """n stored points of the datastreams in `meaning`; equally long columns."""

    datastream: np.ndarray
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    meaning: dict[int, tuple[str, str]]
    """datastream -> (asset, signal)"""


def from_points(
    points: Points,
    renewals: tuple[Renewal, ...],
    *,
    step_ms: int = 1_000,
    simulated: bool = False,
    mode: str = "",
) -> FleetHistory:
    """Points as rows: one per asset and step, the mean of what was good in it, NaN for nothing.

    A row carries the time of its newest point. Points of unknown datastreams are left out.
    """
    assets = tuple(sorted({a for a, _ in points.meaning.values()}))
    signals = tuple(sorted({s for _, s in points.meaning.values()}))
    place = {name: n for n, name in enumerate(assets)}
    column = {name: n for n, name in enumerate(signals)}
    ids = np.array(sorted(points.meaning), np.int64)
    row_of = np.array([place[points.meaning[int(i)][0]] for i in ids], np.int64)
    column_of = np.array([column[points.meaning[int(i)][1]] for i in ids], np.int64)
    good = np.isfinite(points.value) & ((points.quality & 0b11) <= 1)
    good &= np.isin(points.datastream, ids)
    which = np.searchsorted(ids, points.datastream[good])
    time_ms = points.time_ms[good].astype(np.int64)
    cell = row_of[which] * (2**40) + time_ms // step_ms
    cells, row = np.unique(cell, return_inverse=True)
    flat = row * len(signals) + column_of[which]
    size = cells.size * len(signals)
    count = np.bincount(flat, minlength=size)
    total = np.bincount(flat, points.value[good], size)
    with np.errstate(invalid="ignore"):
        values = np.where(count > 0, total / count, np.nan).reshape(cells.size, len(signals))
    newest = np.zeros(cells.size, np.int64)
    np.maximum.at(newest, row, time_ms)
    known = [r for r in renewals if r.asset in place]
    return FleetHistory(
        assets,
        signals,
        cells // (2**40),
        newest,
        values,
        np.array([place[r.asset] for r in known], np.int64),
        np.array([r.time_ms for r in known], np.int64),
        np.array([r.failed for r in known], np.bool_),
        simulated,
        mode,
    )
