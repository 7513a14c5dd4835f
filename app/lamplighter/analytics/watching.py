"""Watches how measured values depart from expected ones, minute by minute, for all datastreams.

Runs in the core: a few array operations a second and a few more a minute. Only expected values that
rest on history (or on a plugin's model) are compared with; what was learned since the start follows
too fast to show a drift. Limits come from the hours that the trained model had not seen, never from
what is being judged.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.expected import Basis, ExpectedTable
from lamplighter.analytics.neighbours import NEIGHBOURS
from lamplighter.domain.ports import Newest
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
MINUTES: Final = 60
HOURS: Final = 72
POINT: Final = 6.0
"""spreads off, over a minute and the one before, from which a value is unusual at least"""
SHIFT: Final = 4.0
"""hourly spreads off over an hour"""
LONG: Final = 2.0
"""hourly spreads off over a day"""
MARGIN: Final = 1.4
"""limits lie this far beyond what the unseen hours of training ever showed"""
MOST_NEW: Final = 60
"""suspects found in one minute at most"""
MOST_SUSPECTS: Final = 300
"""suspects at a time; where a whole city departs at once, further ones wait for the first to end.
They are told apart by sums over all of them, on a beat that alarms wait for too
"""
KEPT: Final = 0.98
"""two that lean on each other wholly cannot be told apart; this keeps the sums solvable"""
LEAST_MINUTES: Final = 3
SPAN_MINUTES: Final = 30
LEAST_HOURS: Final = 18
SUDDEN: Final = 0.6
"""share of the departure that came within two hours: then it is a step, else a drift"""
ENDS: Final = 0.6
"""below this share of the limit a departure begins to be over"""
OVER_MIN: Final = 45
"""minutes that it must stay below"""
AHEAD_H: Final = 14 * 24
"""how far a drift is followed to its limit"""
UNUSUAL: Final = np.uint8(QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE)


class Departure(Struct, frozen=True):
    """One datastream that departs now."""

    datastream: int
    kind: str
    """point | drift | change"""
    score: float
    """1 is the limit"""
    gap: float
    """value minus expected: over a minute for `point`, else over an hour, in the value's unit"""
    since_ms: int
    slope: float
    """of a drift, per hour"""
    curve: tuple[float, ...]
    """the last day, one number an hour, in spreads"""


class Watch:
    """Rows are datastream ids; grows with them."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = np.zeros(0)
        self._count = np.zeros(0, np.int64)
        self._seen = np.zeros(0, np.int64)
        self._minutes = np.zeros((0, MINUTES))
        self._hours = np.zeros((0, HOURS))
        self._offset = np.zeros(0)
        self._settling = np.zeros(0, np.bool_)
        self._spread = np.zeros(0)
        self._hourly = np.zeros(0)
        self._tail = np.zeros(0)
        self._long_tail = np.zeros(0)
        self._calm = np.zeros(0, np.int64)
        self._since = np.zeros(0, np.int64)
        self._beside: Longs = np.full((0, NEIGHBOURS), -1, np.int64)
        self._weight = np.zeros((0, NEIGHBOURS))
        self._hour = -1
        self.suspects: list[int] = []
        """rows that depart by themselves, in the order they were found"""
        self.gap = np.zeros(0)
        """(rows,) value minus expected over the last minute; NaN where there is none"""

    # ------------------------------------------------------------------ what is known
    def use(self, table: ExpectedTable | None) -> None:
        """Take spreads and limits from a newly trained table. What settled before is in it now."""
        if table is None or not table.rows:
            return
        self._grow(int(table.datastream.max()) + 1)
        ids = table.datastream
        self._spread[ids] = table.spread
        hourly = table.spread if table.hourly is None else table.hourly
        self._hourly[ids] = np.maximum(hourly, 1e-12)
        self._tail[ids] = 0.0 if table.tail is None else np.nan_to_num(table.tail)
        self._long_tail[ids] = 0.0 if table.long_tail is None else np.nan_to_num(table.long_tail)
        self._offset[ids] = 0.0
        self._settling[ids] = False
        wide = min(table.neighbour.shape[1], NEIGHBOURS)
        leans = np.where(table.weight != 0.0, table.neighbour, -1)[:, :wide]
        self._beside[ids] = -1
        self._beside[ids, :wide] = np.where(leans < self._rows, leans, -1)
        self._weight[ids] = 0.0
        self._weight[ids, :wide] = table.weight[:, :wide]

    def anew(self, datastreams: Longs) -> None:
        """What was usual before holds no longer: the next hour teaches a new level."""
        rows = datastreams[datastreams < self._rows]
        self._settling[rows] = True
        self._offset[rows] = 0.0
        self._minutes[rows] = np.nan
        self._hours[rows] = np.nan
        self._since[rows] = 0

    # ------------------------------------------------------------------ each second
    def second(self, newest: Newest, basis: npt.NDArray[np.uint8], unfit: Bools) -> None:
        """Take in what is new. `unfit`: stale, in works, or otherwise not to be judged."""
        count = min(newest.value.shape[0], basis.shape[0], unfit.shape[0])
        self._grow(count)
        quality = newest.quality[:count]
        good = ((quality & CLASS_MASK) == int(Quality.GOOD)) & ((quality & UNUSUAL) == 0)
        good &= (basis[:count] >= Basis.HISTORY) & ~unfit[:count]
        good &= newest.time_ms[:count] > self._seen[:count]
        gap = newest.value[:count] - newest.expected[:count]
        rows = np.flatnonzero(good & np.isfinite(gap))
        self._seen[rows] = newest.time_ms[rows]
        self._sum[rows] += gap[rows]
        self._count[rows] += 1
        self._live_spread(rows, newest)

    def _live_spread(self, rows: npt.NDArray[np.intp], newest: Newest) -> None:
        """A plugin's table tells only the spread of single values."""
        bare = rows[self._hourly[rows] <= 0]
        if bare.size:
            self._spread[bare] = newest.spread[bare]
            self._hourly[bare] = np.maximum(newest.spread[bare], 1e-12)

    # ------------------------------------------------------------------ each minute
    def minute(self, now_ms: int, told: Collection[int] = ()) -> list[Departure]:
        """Close a minute; which datastreams depart now, and how. Those in `told` are left out."""
        with np.errstate(invalid="ignore", divide="ignore"):
            now = np.where(self._count > 0, self._sum / self._count, np.nan) - self._offset
        self._sum[:] = 0.0
        self._count[:] = 0
        before = self._last_known()
        self._minutes = np.concatenate([self._minutes[:, 1:], now[:, None]], axis=1)
        self.gap = now
        hour_mean = self._hour_mean()
        self._settle(hour_mean, now)
        hour = now_ms // HOUR_MS
        if hour != self._hour:
            if self._hour >= 0:
                self._hours = np.concatenate([self._hours[:, 1:], hour_mean[:, None]], axis=1)
            self._hour = hour
        gaps = self._gaps(now, before, hour_mean)
        scores = self._explained(gaps, now_ms)
        own = self._own(np.concatenate([self._hours, hour_mean[:, None], now[:, None]], axis=1))
        worst = scores.max(axis=0)
        return [
            self._departure(row, scores[:, row], now_ms, own[place])
            for place, row in enumerate(self.suspects)
            if worst[row] >= 1.0 and row not in told
        ]

    def _explained(self, gaps: Floats, now_ms: int) -> Floats:
        """(3, rows) scores after what suspects bring into others was taken out of those. The row
        that departs most becomes a suspect, until no other is beyond its limit.
        """
        self.suspects = [r for r in self.suspects if self._calm[r] < OVER_MIN]
        limits = self._limits()
        for _ in range(MOST_NEW):
            scores = np.nan_to_num(np.abs(self._cleared(gaps)) / limits, posinf=0.0)
            worst = scores.max(axis=0)
            worst[self.suspects] = 0.0
            full = len(self.suspects) >= MOST_SUSPECTS
            if full or not worst.size or worst.max() < 1.0:
                break
            self.suspects.append(int(worst.argmax()))
        worst = scores.max(axis=0)
        self._calm = np.where(worst < ENDS, self._calm + 1, 0)
        self._since = np.where((self._since == 0) & (worst >= ENDS), now_ms, self._since)
        self._since[self._calm >= OVER_MIN] = 0
        found: Floats = scores
        return found

    def _own(self, columns: Floats) -> Floats:
        """(suspects, k) what each suspect is off by itself: another one's share is taken out."""
        rows = np.array(self.suspects, np.int64)
        given = columns[rows]
        place = np.full(self._rows + 1, -1, np.int64)
        place[rows] = np.arange(rows.size)
        other = place[self._beside[rows]]  # -1, for no neighbour, is the last entry
        mixing = np.eye(rows.size)
        here, which = np.nonzero(other >= 0)
        mixing[here, other[here, which]] -= KEPT * self._weight[rows][here, which]
        solved = np.linalg.solve(mixing, np.nan_to_num(given))
        found: Floats = np.where(np.isfinite(given), solved, np.nan)
        return found

    def _cleared(self, gaps: Floats) -> Floats:
        """(3, rows) gaps without what the suspects brought into them."""
        if not self.suspects:
            return gaps
        off = np.zeros((3, self._rows + 1))
        off[:, self.suspects] = np.nan_to_num(self._own(gaps.T)).T
        brought = (self._weight * off[:, self._beside]).sum(axis=2)
        found: Floats = gaps + brought
        found[:, self.suspects] = np.where(
            np.isfinite(gaps[:, self.suspects]), off[:, self.suspects], np.nan
        )
        return found

    def _last_known(self) -> Floats:
        """(rows,) the newest minute before this one that had a value, within ten minutes."""
        recent = self._minutes[:, -10:]
        known = np.isfinite(recent)
        place = recent.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
        found: Floats = np.where(known.any(axis=1), recent[np.arange(self._rows), place], np.nan)
        return found

    def _hour_mean(self) -> Floats:
        known = np.isfinite(self._minutes)
        count = known.sum(axis=1)
        first = known.argmax(axis=1)
        last = MINUTES - 1 - known[:, ::-1].argmax(axis=1)
        enough = (count >= LEAST_MINUTES) & (last - first >= SPAN_MINUTES)
        total = np.where(known, self._minutes, 0.0).sum(axis=1)
        return np.where(enough, total / np.maximum(count, 1), np.nan)

    def _settle(self, hour_mean: Floats, now: Floats) -> None:
        """A new level is what the first hour after it showed."""
        ready = np.flatnonzero(self._settling & np.isfinite(hour_mean))
        self._offset[ready] += hour_mean[ready]
        self._settling[ready] = False
        self._minutes[ready] = np.nan
        hour_mean[self._settling] = np.nan
        hour_mean[ready] = np.nan
        now[ready] = np.nan

    def _gaps(self, now: Floats, before: Floats, hour: Floats) -> Floats:
        """(3, rows) value minus expected of two minutes that agree, an hour and a day."""
        with np.errstate(invalid="ignore"):
            agree = np.sign(now) == np.sign(before)
            two = np.where(np.abs(now) < np.abs(before), now, before)
        two = np.where(agree, two, np.where(np.isfinite(now * before), 0.0, np.nan))
        two[self._settling] = np.nan
        day = self._hours[:, -24:]
        known = np.isfinite(day).sum(axis=1)
        mean = np.where(np.isfinite(day), day, 0.0).sum(axis=1) / np.maximum(known, 1)
        return np.stack([two, hour, np.where(known >= LEAST_HOURS, mean, np.nan)])

    def _limits(self) -> Floats:
        """(3, rows) how far each may go; NaN where nothing was learned."""
        hourly = np.where(self._hourly > 0, self._hourly, np.nan)
        single = np.maximum(POINT * self._spread, MARGIN * self._tail * hourly)
        shift = hourly * np.maximum(SHIFT, MARGIN * self._tail)
        return np.stack([single, shift, hourly * np.maximum(LONG, MARGIN * self._long_tail)])

    def over(self, datastream: int) -> bool:
        """Whether it was near enough to the expected value for long enough."""
        return datastream >= self._rows or bool(self._calm[datastream] >= OVER_MIN)

    # ------------------------------------------------------------------ one departure
    def _departure(self, row: int, scores: Floats, now_ms: int, own: Floats) -> Departure:
        """`own`: its hours, the mean of the last one and of the last minute."""
        hours, hour, minute = own[:-2], own[-2], own[-1]
        sudden = scores[0] >= 1.0
        ring = np.append(hours, minute if sudden or not np.isfinite(hour) else hour)
        score = float(scores.max())
        curve = tuple(round(float(v), 2) for v in np.nan_to_num(ring[-24:] / self._hourly[row]))
        if sudden and scores[1] < 1.0 and scores[2] < 1.0:
            since = int(self._since[row]) or now_ms
            return Departure(row, "point", score, float(minute), since, 0.0, curve)
        kind, start, slope = shape_of(ring)
        gap = float(hour) if np.isfinite(hour) else float(minute)
        since = now_ms - (ring.size - 1 - start) * HOUR_MS
        return Departure(row, kind, score, gap, since, slope, curve)

    def _grow(self, count: int) -> None:
        more = count - self._rows
        if more <= 0:
            return
        self._rows = count
        for name in ("_sum", "_offset", "_spread", "_hourly", "_tail", "_long_tail", "gap"):
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more)]))
        for name in ("_count", "_seen", "_calm", "_since"):
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more, np.int64)]))
        self._settling = np.concatenate([self._settling, np.zeros(more, np.bool_)])
        none = np.full((more, NEIGHBOURS), -1, np.int64)
        self._beside = np.concatenate([self._beside, none])
        self._weight = np.concatenate([self._weight, np.zeros((more, NEIGHBOURS))])
        for name, wide in (("_minutes", MINUTES), ("_hours", HOURS)):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full((more, wide), np.nan)]))


def shape_of(ring: Floats) -> tuple[str, int, float]:
    """(drift or change, the place where it began, slope per hour) of hourly departures, the last
    one now. A step came within two hours, a drift took longer.
    """
    known = np.flatnonzero(np.isfinite(ring))
    if known.size < 4:
        return "change", ring.size - 1, 0.0
    end = float(np.median(ring[known[-3:]]))
    near = np.flatnonzero(ring[known] * np.sign(end) < 0.25 * abs(end))
    start = int(known[near[-1]]) if near.size else int(known[0])
    part = known[known >= start]
    jump = np.abs(ring[part][2:] - ring[part][:-2]).max(initial=0.0)
    if part.size < 5 or jump >= SUDDEN * abs(end):
        return "change", start, 0.0
    place, value = part.astype(np.float64), ring[part]
    left, right = np.triu_indices(part.size, 1)
    slope = float(np.median((value[right] - value[left]) / (place[right] - place[left])))
    if slope * end <= 0:
        return "drift", start, 0.0
    begun = round(float(known[-1]) - end / slope)  # where the line through it leaves zero
    return "drift", int(np.clip(begun, 0, start)), slope


def reaches(
    table: ExpectedTable, datastream: int, gap: float, slope: float, limit: float, now_ms: int
) -> int:
    """When season + gap + slope would pass `limit` (UTC ms); 0 when not within two weeks.

    The direction is that of the slope.
    """
    found = np.flatnonzero(table.datastream == datastream)
    if not found.size or not slope:
        return 0
    hours = np.arange(1, AHEAD_H + 1)
    times = now_ms + hours * HOUR_MS
    course = table.season_of(int(found[0]), times) + gap + slope * hours
    beyond = course >= limit if slope > 0 else course <= limit
    return int(times[beyond.argmax()]) if beyond.any() else 0
