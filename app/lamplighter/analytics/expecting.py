"""Learns what every datastream should read, from the hours a project has stored; runs in a worker.

Hours fall into three parts in order of time: seasons and neighbours are fitted on the first,
chosen on the second, and judged on the third beside naive rules that could have stood for the same
day. A datastream whose model is worse than the best of those on the judged hours keeps its row,
because others may lean on it, and has no expected value of its own. What is used in the end is
fitted anew on all hours; its spread is that of the hours it had not seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import neighbours
from lamplighter.analytics.expected import DAY_MS, WEEK_MS, ExpectedTable
from lamplighter.analytics.expected_after import Later, judged_after
from lamplighter.analytics.model_files import Kept
from lamplighter.analytics.season import (
    DAY_H,
    HOUR_MS,
    KINDS,
    hours_of_week,
    mean_error,
    median_of,
    naive_rules,
    seasons,
)
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST_HOURS: Final = 60
"""hours with values below which nothing is claimed"""
WEEKLY_HOURS: Final = 14 * DAY_H
JUDGED: Final = 0.2
"""share of the hours that is judged, and as much before it on which is chosen; a day at least"""
RECENT_H: Final = 3 * DAY_H
BETTER: Final = 0.97
"""a richer season is taken where it brings the error below this share of a plainer one's"""
COVER: Final = 0.95
TABLE: Final = "expected.npz"
WHY: Final = (
    "used",
    "worse than a naive rule",
    "too few hours with good values",
    "no value in some hours of the season",
    "nothing to judge it on: no good values in the newest days",
)
USED, WORSE, SHORT, HOLES, UNJUDGED = range(5)
_RANGE_OF: Final = np.array([
    [1, 2, 3, 5, 10, 25, 50, 100, 300, 1000, 10_000],
    [9, 1.13, 1.69, 2.33, 3.08, 3.93, 4.5, 5.02, 5.76, 6.48, 7.7],
])  # fmt: skip
"""values of a stretch -> how many standard deviations lie between its least and greatest"""


class HourlyHistory(Struct, frozen=True):
    """m datastreams over h whole hours, the last of them complete."""

    datastream: np.ndarray
    first_ms: int
    mean: np.ndarray
    """(m, h); NaN where there was no good value, or it must teach nothing"""
    within: np.ndarray
    """(m, h) standard deviation inside the hour; NaN where it is not known"""
    floor: np.ndarray
    """(m,) the smallest step of the values: no spread is finer"""
    stale_ms: np.ndarray
    """(m,) age from which a value counts for nothing"""
    group: np.ndarray
    """(m,) only members of one group may be neighbours"""
    near: np.ndarray
    """(p, 2) rows that are near each other in the city's graph"""
    valid_days: float = 3.0
    folder: str = ""
    """where the table is kept; empty: nowhere"""
    before: ExpectedTable | None = None
    """the one in use so far, to be judged by the hours since it was learned"""


class ExpectedReport(Struct, frozen=True):
    """What came of it, per datastream; errors are mean absolute ones over the judged hours."""

    table: ExpectedTable
    datastream: np.ndarray
    why: np.ndarray
    """(m,) place in `WHY`"""
    season: np.ndarray
    """(m,) place in `KINDS`"""
    error: np.ndarray
    naive: np.ndarray
    """the best of the naive rules"""
    naive_rule: np.ndarray
    """(m,) place in `rules`, -1 for none"""
    judged: np.ndarray
    """(m,) hours judged"""
    rules: tuple[str, ...]
    first_ms: int
    last_ms: int
    seconds: float
    files: dict[str, str] = {}
    """name -> sha256 of what was kept"""
    later: Later | None = None
    """how the table before fared since it was learned"""


def spread_within(low: Floats, high: Floats, count: Longs) -> Floats:
    """The standard deviation inside stretches of which only least, greatest and count are known."""
    known, wide = _RANGE_OF
    spans: Floats = np.interp(np.log(np.maximum(count, 1)), np.log(known), wide)
    return np.where(count > 1, (high - low) / spans, np.nan)


def learn(payload: HourlyHistory, progress: Progress) -> ExpectedReport:
    """Train, judge, keep. For workers."""
    import time

    begun = time.perf_counter()
    report = _learned(payload, progress)
    files: dict[str, str] = {}
    if payload.folder:
        files = _keep(Path(payload.folder), report.table)
    later = None
    if payload.before is not None:
        ids, mean = np.asarray(payload.datastream), np.asarray(payload.mean, np.float64)
        later = judged_after(payload.before, ids, payload.first_ms, mean)
    progress(5, 5, f"{int((report.why == USED).sum())} of {report.why.size} datastreams")
    return _with(report, files=files, later=later, seconds=time.perf_counter() - begun)


def reload(payload: Kept, progress: Progress) -> ExpectedTable:
    """A kept table, when its file is the one that was signed. For workers."""
    from lamplighter.analytics.model_files import verify_files

    folder = Path(payload.folder)
    verify_files(folder, payload.files)
    with np.load(folder / TABLE, allow_pickle=False) as opened:
        columns: dict[str, Any] = {name: opened[name] for name in opened.files}
    numbers: dict[str, Any] = {
        n: int(columns.pop(n)) for n in ("period_ms", "valid_from_ms", "valid_to_ms")
    }
    return ExpectedTable(**columns, **numbers)


def _keep(folder: Path, table: ExpectedTable) -> dict[str, str]:
    from lamplighter.analytics.model_files import sha256

    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {n: np.asarray(getattr(table, n)) for n in table.__struct_fields__}
    np.savez_compressed(folder / TABLE, **columns)
    return {TABLE: sha256(folder / TABLE)}


def _with(report: ExpectedReport, **changes: Any) -> ExpectedReport:
    from msgspec.structs import replace

    return replace(report, **changes)


# ---------------------------------------------------------------------------------------- training
class _Parts(Struct, frozen=True):
    """The hours in three parts: [0, choose) fits, [choose, judge) chooses, [judge, h) judges."""

    choose: int
    judge: int
    hours: int


def _parts(hours: int) -> _Parts:
    tail = max(DAY_H, round(JUDGED * hours))
    return _Parts(max(hours - 2 * tail, 0), max(hours - tail, 0), hours)


def _learned(payload: HourlyHistory, progress: Progress) -> ExpectedReport:
    values = np.asarray(payload.mean, np.float64)
    rows, hours = values.shape
    parts, weekly = _parts(hours), hours >= WEEKLY_HOURS
    place = hours_of_week(payload.first_ms, hours)
    slot = place if weekly else place % DAY_H
    enough = np.isfinite(values).sum(axis=1) >= LEAST_HOURS
    if not rows or not enough.any() or parts.choose < DAY_H // 2:
        return _nothing(payload)
    progress(1, 5, "season")
    kind, recent = _chosen(values, place, slot, parts, weekly)

    def season(until: int) -> Floats:
        return _of_kind(values[:, :until], place[:until], slot[:until], weekly, kind, recent)

    early = values - season(parts.choose)[:, slot]
    progress(2, 5, "neighbours")
    fit = early[:, : parts.choose]
    beside = neighbours.candidates(fit, np.asarray(payload.group), np.asarray(payload.near))
    weight = neighbours.fitted(fit, beside)
    said = neighbours.explained(early[:, parts.choose : parts.judge], beside, weight)
    chosen_rest = early[:, parts.choose : parts.judge]
    kept = neighbours.worth_keeping(chosen_rest, said) & (weight != 0).any(axis=1)
    beside = np.where(kept[:, None], beside, -1)
    chosen_rest = np.where(kept[:, None], chosen_rest - said, chosen_rest)
    progress(3, 5, "judging")
    later = values - season(parts.judge)[:, slot]
    weight = neighbours.fitted(later[:, : parts.judge], beside)
    rest = later[:, parts.judge :]
    rest = rest - neighbours.explained(rest, beside, weight)
    error, naive, rule, judged, rules = _judge(values, rest, parts.judge)
    progress(4, 5, "spread")
    final = season(hours)
    beside, weight = _refit(values - final[:, slot], beside)
    spreads = _spreads(np.concatenate([chosen_rest, rest], axis=1), payload)
    hourly = spreads[1]
    whole = enough & np.isfinite(final).all(axis=1) & np.isfinite(hourly)
    why = np.select(
        [
            ~enough,
            ~np.isfinite(final).all(axis=1),
            ~whole | (judged < neighbours.FEWEST),
            error > naive + 0.1 * np.asarray(payload.floor),
        ],
        [SHORT, HOLES, UNJUDGED, WORSE],
        USED,
    )
    table = _table(payload, final, beside, weight, spreads, whole, why, weekly)
    return ExpectedReport(
        table, np.asarray(payload.datastream, np.int64), why.astype(np.int64), kind, error, naive,
        rule, judged, rules, payload.first_ms, _end_ms(payload), 0.0,
    )  # fmt: skip


def _end_ms(payload: HourlyHistory) -> int:
    return payload.first_ms + int(payload.mean.shape[1]) * HOUR_MS


def _chosen(
    values: Floats, place: Longs, slot: Longs, parts: _Parts, weekly: bool
) -> tuple[Longs, Bools]:
    """(kind of season, whether its level is that of the newest days) per row, by the hours after
    those it was fitted on. A plainer one stays unless a richer one is clearly better.
    """
    fit, later = slice(0, parts.choose), slice(parts.choose, parts.judge)
    found = seasons(values[:, fit], place[fit], weekly)
    kind = np.zeros(values.shape[0], np.int64)
    recent = np.zeros(values.shape[0], np.bool_)
    best = np.full(values.shape[0], np.inf)
    for number, each in enumerate(found):
        moved = _shift(values[:, fit], each[:, slot[fit]])
        for new, shift in ((False, 0.0 * moved), (True, moved)):
            rest = values[:, later] - each[:, slot[later]] - shift[:, None]
            error, count = mean_error(rest)
            better = (count >= neighbours.FEWEST // 2) & (error < BETTER * best)
            kind[better], recent[better], best[better] = number, new, error[better]
    return kind, recent


def _shift(values: Floats, season: Floats) -> Floats:
    """(m,) how far the newest days lie beside the season as a whole; 0 where that is not known."""
    return np.nan_to_num(median_of((values - season)[:, -RECENT_H:]))


def _of_kind(
    values: Floats, place: Longs, slot: Longs, weekly: bool, kind: Longs, recent: Bools
) -> Floats:
    """(m, s) the chosen season of each row, fitted on these hours."""
    found = np.stack(seasons(values, place, weekly))
    season: Floats = found[np.minimum(kind, len(found) - 1), np.arange(values.shape[0])]
    moved = _shift(values, season[:, slot])
    season = season + np.where(recent, moved, 0.0)[:, None]
    return season


def _refit(departure: Floats, beside: Longs) -> tuple[Longs, Floats]:
    weight = neighbours.fitted(departure, beside)
    return np.where(weight != 0.0, beside, -1), weight


def _judge(
    values: Floats, rest: Floats, begin: int
) -> tuple[Floats, Floats, Longs, Longs, tuple[str, ...]]:
    """(error, the best naive error, which rule that is, hours judged, the rules). Model and rule
    are compared over the hours that both can say something of.
    """
    error, judged = mean_error(rest)
    naive = np.full(values.shape[0], np.inf)
    rule = np.full(values.shape[0], -1, np.int64)
    said = naive_rules(values, begin)
    for number, answer in enumerate(said.values()):
        theirs, count = mean_error(values[:, begin:] - answer, np.isfinite(rest))
        ours, _ = mean_error(rest, np.isfinite(answer))
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.where(ours > 0, theirs * error / ours, theirs)
        better = (count >= neighbours.FEWEST) & (scaled < naive)
        naive[better], rule[better] = scaled[better], number
    return error, np.where(rule >= 0, naive, np.nan), rule, judged, tuple(said)


def _spreads(rest: Floats, payload: HourlyHistory) -> tuple[Floats, ...]:
    """(spread of single values, of hourly means, and in the latter the farthest that any unseen
    hour lay off, and any mean over 24 such hours)

    Robust, and never narrower than what holds 95 of 100 hours that the model had not seen.
    """
    away = np.abs(rest)
    known = np.isfinite(away).sum(axis=1)
    middle = 1.4826 * median_of(away)
    ranked = np.sort(away, axis=1)  # NaN last
    at = np.clip(np.ceil(COVER * known).astype(np.int64) - 1, 0, ranked.shape[1] - 1)
    wide = np.take_along_axis(ranked, at[:, None], axis=1)[:, 0] / 1.96
    floor = np.maximum(np.asarray(payload.floor, np.float64), 1e-9)
    hourly = np.maximum(np.fmax(middle, wide), 0.5 * floor)
    hourly[known < neighbours.FEWEST] = np.nan
    inside = np.nan_to_num(median_of(np.asarray(payload.within, np.float64)))
    spread = np.maximum(np.hypot(hourly, inside), floor)
    farthest = np.max(np.nan_to_num(away), axis=1, initial=0.0)
    longest = np.max(np.abs(_day_means(rest)), axis=1, initial=0.0)
    with np.errstate(invalid="ignore"):
        return spread, hourly, farthest / hourly, longest / hourly


def _day_means(rest: Floats) -> Floats:
    """(m, h - 23) means over each 24 hours; 0 where less than half of them are known."""
    known = np.isfinite(rest)
    edge = np.zeros((rest.shape[0], 1))
    total = np.concatenate([edge, np.cumsum(np.where(known, rest, 0.0), axis=1)], axis=1)
    count = np.concatenate([edge, np.cumsum(known, axis=1)], axis=1)
    many = count[:, DAY_H:] - count[:, :-DAY_H]
    mean: Floats = (total[:, DAY_H:] - total[:, :-DAY_H]) / np.maximum(many, 1)
    return np.where(many >= DAY_H // 2, mean, 0.0)


def _table(
    payload: HourlyHistory,
    season: Floats,
    beside: Longs,
    weight: Floats,
    spreads: tuple[Floats, ...],
    whole: Bools,
    why: Longs,
    weekly: bool,
) -> ExpectedTable:
    ids = np.asarray(payload.datastream, np.int64)
    rows = np.flatnonzero(whole)
    gone = (beside >= 0) & ~whole[np.maximum(beside, 0)]  # who leans on nothing known is not used
    used = (why[rows] == USED) & ~gone[rows].any(axis=1)
    named = np.where((beside[rows] >= 0) & ~gone[rows], ids[np.maximum(beside[rows], 0)], -1)
    end = _end_ms(payload)
    spread, hourly, tail, longest = (column[rows] for column in spreads)
    return ExpectedTable(
        ids[rows], WEEK_MS if weekly else DAY_MS, season[rows], named,
        np.where(named >= 0, weight[rows], 0.0), spread,
        np.asarray(payload.stale_ms, np.int64)[rows], end,
        end + round(payload.valid_days * DAY_MS), used, hourly, tail, longest,
    )  # fmt: skip


def _nothing(payload: HourlyHistory) -> ExpectedReport:
    rows = int(np.asarray(payload.datastream).size)
    none, few = np.zeros((0, DAY_H)), np.zeros((0, neighbours.NEIGHBOURS))
    ids, end = np.zeros(0, np.int64), _end_ms(payload)
    table = ExpectedTable(
        ids, DAY_MS, none, few.astype(np.int64), few, np.zeros(0), ids, end, end,
        np.zeros(0, np.bool_), np.zeros(0), np.zeros(0), np.zeros(0),
    )  # fmt: skip
    nan, zero = np.full(rows, np.nan), np.zeros(rows, np.int64)
    return ExpectedReport(
        table, np.asarray(payload.datastream, np.int64), np.full(rows, SHORT), zero, nan, nan,
        zero - 1, zero, (), payload.first_ms, end, 0.0,
    )  # fmt: skip


__all__ = ["KINDS", "WHY", "ExpectedReport", "HourlyHistory", "learn", "reload"]
