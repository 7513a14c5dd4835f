"""Failure risk of assets of which only ages and failures are known, by the survival of their class.

Every asset lives from its making or its last renewal to the next one; what still stands is cut off
now, and what was made before the records begin counts only from then on. The chance of the next
month is what happened to the class around the same age. It must beat the class's plain rate on
assets it had not seen, else there is no number.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import calibration
from lamplighter.domain.maintenance import AGE_MODEL, Prognosis, Reason, SimilarCase
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

DAY_MS: Final = 86_400_000
YEAR: Final = 365.25
HORIZON: Final = 30.0
AHEAD: Final = HORIZON / 2.0
"""the next days are told by the rate in their middle: what wears fails sooner at their end"""
MODEL: Final = AGE_MODEL
FEWEST: Final = 5
"""failures of a class below which there is no curve"""
NEAR: Final = 5
"""failures around an age that its rate is made from"""
OTHERS: Final = 3
"""assets of the class that must have been in service at that age"""
GRID: Final = 400
WIDTHS: Final = (0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2)
"""of the greatest age: how far around an age one looks, until `NEAR` failures are there"""
EVERY: Final = 30.0
"""days between the moments a class is judged at"""
MOST_MOMENTS: Final = 60
FOLDS: Final = 5
MOST: Final = 200
"""assets of a class that are told of, the likeliest first"""
MOST_AT_ALL: Final = 800


class Lives(Struct, frozen=True):
    """All lives of one class: `entry` and `end` (n,) ages in days between which each was watched,
    `failed` (n,) whether that end was a failure, `asset` (n,) its place in `names` (assets,) in
    UTF-8, `end_ms` (n,). The life that still runs has `running`."""

    kind: str
    names: np.ndarray
    entry: np.ndarray
    end: np.ndarray
    failed: np.ndarray
    asset: np.ndarray
    end_ms: np.ndarray
    running: np.ndarray

    def name(self, row: int) -> str:
        """Whose life it is."""
        text: str = bytes(self.names[int(self.asset[row])]).decode()
        return text


class AgesRequest(Struct, frozen=True):
    classes: tuple[Lives, ...]
    now_ms: int
    simulated: bool = False
    spoken_of: tuple[str, ...] = ()
    """assets of which a model speaks: their lives count, nothing is told of them"""


class Lasting:
    """How a class lasts: failures and days in service around every age."""

    def __init__(self, entry: Floats, end: Floats, failed: Bools) -> None:
        self.oldest = float(end.max())
        self.age = np.linspace(0.0, self.oldest, GRID)
        whole = end - entry
        served = np.array([np.clip(a - entry, 0.0, whole).sum() for a in self.age])
        fell = np.searchsorted(np.sort(end[failed]), self.age, side="right").astype(float)
        begun = np.searchsorted(np.sort(entry), self.age, side="right")
        self.here = begun - np.searchsorted(np.sort(end), self.age, side="left")
        self.failures, self.days, self.least = self._around(served, fell)
        self.total, self.served = int(failed.sum()), float((end - entry).sum())

    def _around(self, served: Floats, fell: Floats) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
        """(failures, asset days) around each age, as near as `NEAR` failures are; and the same of
        those up to twice the age alone: the young are told by the failures of much older ones."""
        failures, days = np.zeros(GRID), np.zeros(GRID)
        reach = np.zeros(GRID)
        open_ = np.ones(GRID, bool)
        for width in WIDTHS:
            low, high = self.age - width * self.oldest, self.age + width * self.oldest
            events = np.interp(high, self.age, fell) - np.interp(low, self.age, fell)
            watched = np.interp(high, self.age, served) - np.interp(low, self.age, served)
            failures[open_], days[open_] = events[open_], watched[open_]
            reach[open_] = width * self.oldest
            open_ &= events < NEAR
            if not open_.any():
                break
        low, high = self.age - reach, np.minimum(self.age + reach, 2.0 * self.age)
        young = np.interp(high, self.age, fell) - np.interp(low, self.age, fell)
        lived = np.interp(high, self.age, served) - np.interp(low, self.age, served)
        return failures, days, (young, lived)

    def chance(self, age: Floats) -> Floats:
        """(n,) chance of failing within the horizon at these ages in days."""
        rate = self.failures / np.maximum(self.days, 1.0)
        result: Floats = -np.expm1(-np.interp(age + AHEAD, self.age, rate) * HORIZON)
        return result

    def band(self, age: float) -> tuple[float, float]:
        """Nine times out of ten the class's chance at this age lies between."""
        from scipy.stats import gamma

        age += AHEAD
        failures = float(np.interp(age, self.age, self.failures))
        days = max(1.0, float(np.interp(age, self.age, self.days)))
        edge = (1.0 - calibration.RATE) / 2.0
        high = float(gamma.ppf(1.0 - edge, failures + 1.0))
        fell, lived = (float(np.interp(age, self.age, column)) for column in self.least)
        low = float(gamma.ppf(edge, fell)) if fell > 0 else 0.0
        return _within(low / max(1.0, lived)), _within(high / days)

    def naive(self) -> float:
        """The rule of the mean interval: the class's rate whatever the age."""
        return _within(self.total / max(self.served, 1.0))

    def left(self, age: float) -> tuple[float, float, float] | None:
        """Days by which 5, 50 and 95 % of those of this age will have failed; None where the curve
        ends before."""
        rate = self.failures / np.maximum(self.days, 1.0)
        step = self.age[1] - self.age[0]
        past = self.age >= age
        hazard = np.cumsum(rate[past]) * step
        edge = (1.0 - calibration.RATE) / 2.0
        found = []
        for share in (edge, 0.5, 1.0 - edge):
            place = int(np.searchsorted(hazard, -np.log1p(-share)))
            if place >= hazard.size:
                return None
            found.append(float(self.age[past][place] - age))
        return found[0], found[1], found[2]


def _within(rate: float) -> float:
    """Chance of failing within the horizon at so many failures a day."""
    return float(-np.expm1(-rate * HORIZON))


def risks(payload: AgesRequest, progress: Progress) -> tuple[Prognosis, ...]:
    """The likeliest assets of each class that has enough failures, the likeliest first."""
    found: list[Prognosis] = []
    spoken_of = np.array([name.encode() for name in payload.spoken_of], "S")
    for place, lives in enumerate(payload.classes):
        progress(place, len(payload.classes), lives.kind)
        found += _of_class(lives, payload, spoken_of)
    return tuple(sorted(found, key=lambda p: -(p.probability_30d or 0.0)))[:MOST_AT_ALL]


def _of_class(
    lives: Lives, payload: AgesRequest, spoken_of: npt.NDArray[np.bytes_]
) -> list[Prognosis]:
    running = np.flatnonzero(lives.running)
    if spoken_of.size:
        running = running[~np.isin(lives.names[lives.asset[running]], spoken_of)]
    if int(lives.failed.sum()) < FEWEST or not running.size:
        return []
    lasting = Lasting(lives.entry, lives.end, lives.failed)
    ours, theirs = judged(lives)
    chance = lasting.chance(lives.end[running])
    likeliest = running[np.argsort(-chance, kind="stable")[:MOST]].tolist()
    return [_told(lives, row, lasting, (ours, theirs), payload) for row in likeliest]


def judged(lives: Lives) -> tuple[float, float]:
    """(our Brier score, the plain rate's) on moments of assets left out of the curve in turn."""
    ours, theirs, truth, asset = [], [], [], []
    fold = np.random.default_rng(0).permutation(len(lives.names))[lives.asset] % FOLDS
    for one in range(FOLDS):
        out = fold == one
        if not out.any() or int(lives.failed[~out].sum()) < NEAR:
            continue
        curve = Lasting(lives.entry[~out], lives.end[~out], lives.failed[~out])
        age, failed, whose = _moments(lives, np.flatnonzero(out))
        ours.append(curve.chance(np.minimum(age, curve.oldest)))
        theirs.append(np.full(len(age), curve.naive()))
        truth.append(failed)
        asset.append(whose)
    if not ours:
        return float("nan"), float("nan")
    said, plain, came, whose = (np.concatenate(c) for c in (ours, theirs, truth, asset))
    if not len(said):
        return float("nan"), float("nan")
    return calibration.brier(said, came, whose), calibration.brier(plain, came, whose)


def _moments(lives: Lives, rows: npt.NDArray[np.intp]) -> tuple[Floats, Floats, Ints]:
    """(age, 1.0 where it failed within the horizon, asset) at regular moments of these lives."""
    ages, failed, asset = [], [], []
    for row in rows.tolist():
        entry, end = float(lives.entry[row]), float(lives.end[row])
        last = end if lives.failed[row] else end - HORIZON  # later the outcome is not known
        count = int((last - entry) // EVERY) + 1 if last > entry else 0
        at = entry + EVERY * np.arange(count)
        at = at[at < last][-MOST_MOMENTS:]
        ages.append(at)
        failed.append((bool(lives.failed[row]) & (end - at <= HORIZON)).astype(float))
        asset.append(np.full(len(at), int(lives.asset[row])))
    if not ages:
        return np.empty(0), np.empty(0), np.empty(0, np.int64)
    return np.concatenate(ages), np.concatenate(failed), np.concatenate(asset)


def _told(
    lives: Lives, row: int, lasting: Lasting, scores: tuple[float, float], payload: AgesRequest
) -> Prognosis:
    name, age = lives.name(row), float(lives.end[row])
    source = "simulated ages" if payload.simulated else "ages"
    basis = f"{source}, {lasting.total} failures among {len(lives.names)} assets of its class"
    ours, theirs = scores
    others = int(np.interp(age, lasting.age, lasting.here)) - 1
    why = ""
    if not ours < theirs:
        why = f"frozen: age tells no more than the class's plain rate of {lasting.naive():.1%}"
    elif others < OTHERS:
        why = f"no basis: {max(0, others)} others of its class were ever seen at this age"
    what = f"{lives.kind}, by age"
    naive = round(lasting.naive(), 4)
    if why:
        return Prognosis(
            name, payload.now_ms, HORIZON, None, None, None, basis=why, naive_probability=naive,
            model=MODEL, what=what,
        )  # fmt: skip
    chance = float(lasting.chance(np.array([age]))[0])
    low, high = lasting.band(age)
    left = lasting.left(age)
    new = float(lasting.chance(np.array([0.0]))[0])
    return Prognosis(
        name,
        payload.now_ms,
        HORIZON,
        round(chance, 4),
        round(min(low, chance), 4),
        round(max(high, chance), 4),
        round(left[0], 1) if left else None,
        round(left[2], 1) if left else None,
        basis,
        (Reason("age", 1.0, f"{spoken(age)} in service; {_lasted(lives, age)}"),),
        _cases(lives, row, age),
        1.0,
        naive,
        MODEL,
        what,
        0,
        round(left[1], 1) if left else None,
        1.0,
        f"renewed now: {new:.1%} instead of {chance:.1%}",
    )


def _lasted(lives: Lives, age: float) -> str:
    """What became of those that were seen at this age."""
    seen = (lives.entry <= age) & (lives.end >= age) & ~lives.running
    over = lives.running & (lives.entry <= age) & (lives.end > age)
    reached = int(seen.sum() + over.sum())
    failed = int((lives.failed & seen).sum())
    return f"of {reached} lives seen beyond that age {failed} ended by failing"


def _cases(lives: Lives, row: int, age: float) -> tuple[SimilarCase, ...]:
    """The three past lives that had reached this age and ended next."""
    other = (lives.asset != lives.asset[row]) & ~lives.running & (lives.end >= age)
    rows = np.flatnonzero(other)
    rows = rows[np.argsort(lives.end[rows], kind="stable")][:3]
    return tuple(
        SimilarCase(
            lives.name(r),
            int(lives.end_ms[r]),
            ("failed" if lives.failed[r] else "renewed in time")
            + f" at {spoken(float(lives.end[r]))}",
            round((float(lives.end[r]) - age) / max(age, 1.0), 3),
        )
        for r in rows.tolist()
    )


def spoken(days: float) -> str:
    """An age in words: days up to two months, then months, then years."""
    if days < 60:
        return f"{days:.0f} days"
    return f"{days / 30.44:.0f} months" if days < 2 * YEAR else f"{days / YEAR:.1f} years"
