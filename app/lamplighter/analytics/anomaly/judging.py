"""The public scoring rules of three anomaly benchmarks, each beside what a rule without any skill
would score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly.columns import Bools, Floats

PROFILES: Final = {"standard": (0.11, 1.0), "low_fp": (0.22, 1.0), "low_fn": (0.11, 2.0)}
"""cost of one false alarm and of one miss; a hit earns at most 1"""
PROBATION_SHARE: Final = 0.15
PROBATION_MOST: Final = 750
CHANGE_WINDOW_S: Final = 60.0


class Rates(Struct, frozen=True):
    """Rows pooled over files: `f1`, share of false alarms among calm rows, share missed."""

    f1: float
    far: float
    mar: float


def rates(true: Sequence[Bools], said: Sequence[Bools]) -> Rates:
    """Pooled over files; a share whose denominator is 0 is NaN."""
    y = np.concatenate([np.asarray(t, np.bool_) for t in true]) if true else np.zeros(0, np.bool_)
    p = np.concatenate([np.asarray(s, np.bool_) for s in said]) if said else np.zeros(0, np.bool_)
    hit, false = int((y & p).sum()), int((~y & p).sum())
    missed, calm = int((y & ~p).sum()), int((~y & ~p).sum())
    return Rates(
        _share(2 * hit, 2 * hit + false + missed),
        _share(false, false + calm),
        _share(missed, missed + hit),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def change_points(
    seconds: Sequence[Floats], true: Sequence[Bools], said: Sequence[Bools]
) -> dict[str, float]:
    """Score of predicted change points per profile: 0 = silent, 100 = perfect.

    A window of a minute opens to the right of each true one (an overlap is cut from the later
    window); the first prediction inside earns a value that falls like tanh, each one outside
    costs, each window without one costs. `seconds` rise within each file.
    """
    found = {}
    for name, (cost, miss) in PROFILES.items():
        score, windows = 0.0, 0
        for at, y, p in zip(seconds, true, said, strict=True):
            part, count = _change_points(at, y, at[np.asarray(p, np.bool_)], cost, miss)
            score, windows = score + part, windows + count
        worst = -miss * windows
        found[name] = 100.0 * (score - worst) / (windows - worst) if windows else float("nan")
    return found


def _change_points(
    at: Floats, true: Bools, said: Floats, cost: float, miss: float
) -> tuple[float, int]:
    score, free, end = 0.0, np.ones(said.size, np.bool_), -math.inf
    starts = at[np.asarray(true, np.bool_)]
    for start in starts:
        begin = max(float(start), end) if start <= end else float(start)
        end = float(start) + CHANGE_WINDOW_S
        inside = (said >= begin) & (said <= end)
        free &= ~inside
        if not inside.any():
            score -= miss
            continue
        place = (float(said[inside][0]) - begin) / max(end - begin, 1e-9)
        x = -math.pi / 2 + min(place, 1.0) * math.pi
        half = (1.0 + cost) / 2
        score += half * -math.tanh(x) / math.tanh(math.pi / 2) + half - cost
    return score - cost * float(free.sum()), int(starts.size)


def probation(rows: int) -> int:
    """Rows of a stream that are never judged."""
    return int(min(math.floor(PROBATION_SHARE * rows), PROBATION_MOST))


def stream_parts(
    rows: int, windows: Sequence[tuple[int, int]], alarms: np.ndarray, cost: float, miss: float
) -> tuple[float, int]:
    """(raw score, windows judged) of one stream.

    `windows` are (first, last) rows in order; `alarms` are rows. Inside a window the earliest
    alarm counts, from 1 at its begin to 0 at its end; each alarm outside costs by its distance
    after the last window.
    """
    begin = probation(rows)
    known = [(a, b) for a, b in windows if b >= begin]
    score, taken = 0.0, np.zeros(alarms.size, np.bool_)
    judged = alarms >= begin
    best = _sigmoid(-1.0)
    for first, last in known:
        inside = judged & (alarms >= first) & (alarms <= last)
        taken |= inside
        if not inside.any():
            score -= miss
            continue
        place = -(last - int(alarms[inside].min()) + 1) / (last - first + 1)
        score += _sigmoid(place) / best
    ends = np.array([b for _, b in windows], np.int64)
    widths = np.array([b - a + 1 for a, b in windows], np.int64)
    for row in alarms[judged & ~taken]:
        before = int(np.searchsorted(ends, row, side="left")) - 1
        past = 3.0 if before < 0 else (int(row) - ends[before]) / max(widths[before] - 1, 1)
        score += cost * (-1.0 if past >= 3.0 else _sigmoid(past))
    return score, len(known)


def _sigmoid(place: float) -> float:
    return 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def streams(parts: Sequence[tuple[int, Sequence[tuple[int, int]], np.ndarray]]) -> dict[str, float]:
    """Score per profile over all streams (rows, windows, alarm rows): 0 silent, 100 perfect."""
    found = {}
    for name, (cost, miss) in PROFILES.items():
        each = [stream_parts(rows, w, alarms, cost, miss) for rows, w, alarms in parts]
        score, windows = sum(e[0] for e in each), sum(e[1] for e in each)
        found[name] = (
            100.0 * (score + miss * windows) / ((1.0 + miss) * windows) if windows else float("nan")
        )
    return found


class AttackScore(Struct, frozen=True):
    """`s` is the mean of time to detection and of classification; always alarm scores 0.75."""

    s: float
    s_ttd: float
    s_clf: float
    tpr: float
    tnr: float
    f1: float
    attacks_found: int
    attacks: int


def attacks(true: Bools, said: Bools) -> AttackScore:
    """Hourly (or other even) rows; an attack is a stretch of true rows."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], true.astype(np.int8), [0]))))
    parts, found = [], 0
    for begin, end in edges.reshape(-1, 2):
        hit = np.flatnonzero(said[begin:end])
        found += bool(hit.size)
        parts.append(int(hit[0]) / (end - begin) if hit.size else 1.0)
    s_ttd = 1.0 - float(np.mean(parts)) if parts else float("nan")
    r = rates([true], [said])
    tpr, tnr = 1.0 - r.mar, 1.0 - r.far
    s_clf = (tpr + tnr) / 2
    return AttackScore((s_ttd + s_clf) / 2, s_ttd, s_clf, tpr, tnr, r.f1, found, len(parts))
