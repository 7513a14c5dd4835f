"""Failure risk where only replacements, failures, errors and ages are known.

Two answers: a survival curve of a component's lives (what share lasts to each age, lives that were
cut off counted for as long as they lasted), and the console's own hazard of the next days that
also looks at recent errors and at the machine. Both stand beside the rule of the mean interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import hazard

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_MS: Final = 86_400_000
STEP_DAYS: Final = 7.0
RECENT_DAYS: Final = (7.0, 30.0)
FEWEST: Final = 5
"""failures of a kind below which there is no curve"""


@dataclass(frozen=True, slots=True)
class Curve:
    """`days` (k,) rising, `lasting` (k,): share of lives that last past each of these ages."""

    days: Floats
    lasting: Floats
    lives: int
    failures: int

    def at(self, age: Floats) -> Floats:
        place = np.searchsorted(self.days, age, side="right")
        return np.concatenate([[1.0], self.lasting])[place]

    def risk(self, age: Floats, horizon: float) -> Floats:
        """Chance that a component of this age (days) fails within the horizon (days)."""
        now = np.maximum(self.at(age), 1e-9)
        result: Floats = 1.0 - self.at(age + horizon) / now
        return np.clip(result, 0.0, 1.0)

    def median(self) -> float | None:
        """Age by which half have failed; None when half never did."""
        gone = np.flatnonzero(self.lasting <= 0.5)
        return float(self.days[gone[0]]) if gone.size else None


def curve(days: Floats, failed: Bools) -> Curve | None:
    """The survival curve of lives of `days`, of which some `failed` and the rest were cut off.

    None with fewer than `FEWEST` failures: no basis.
    """
    if int(failed.sum()) < FEWEST:
        return None
    ends = np.unique(days[failed])
    at_risk = np.array([(days >= end).sum() for end in ends], float)
    fell = np.array([((days == end) & failed).sum() for end in ends], float)
    return Curve(ends, np.cumprod(1.0 - fell / at_risk), len(days), int(failed.sum()))


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to many machines: times in days; `kind` places a component or an error."""

    machine: Ints
    day: Floats
    kind: Ints


@dataclass(frozen=True, slots=True)
class Workshop:
    """`renewals` (replacements and failures alike), `failures`, `errors`; `about` (machines, a)
    facts of each machine; events of machine m carry m as its place."""

    renewals: Events
    failures: Events
    errors: Events
    about: Floats
    kinds: int
    error_kinds: int
    end_day: float


class Sample(Struct, frozen=True):
    """One row per machine, component and week: `inputs` (n, f), `age` (n,) days since renewal,
    `left` (n,) days to its end, `failed` (n,) whether that end is a failure."""

    inputs: np.ndarray
    age: np.ndarray
    left: np.ndarray
    failed: np.ndarray
    machine: np.ndarray
    kind: np.ndarray


def sample(shop: Workshop) -> Sample:
    """Weekly rows from each component's first renewal on; a row looks at its past alone."""
    rows: list[Floats] = []
    for machine in range(len(shop.about)):
        mine = shop.renewals.machine == machine
        errors = shop.errors.machine == machine
        days, kinds = shop.renewals.day[mine], shop.renewals.kind[mine]
        broke = shop.failures.machine == machine
        lasts = [np.unique(days[kinds == kind]) for kind in range(shop.kinds)]
        fails = [np.unique(shop.failures.day[broke & (shop.failures.kind == k)])
                 for k in range(shop.kinds)]  # fmt: skip
        error_days = [
            np.sort(shop.errors.day[errors & (shop.errors.kind == k)])
            for k in range(shop.error_kinds)
        ]
        for kind in range(shop.kinds):
            rows.extend(_weeks(shop, machine, kind, lasts, fails[kind], error_days))
    table = np.array(rows)
    return Sample(
        table[:, 5:],
        table[:, 0],
        table[:, 1],
        table[:, 2] > 0,
        table[:, 3].astype(np.int64),
        table[:, 4].astype(np.int64),
    )


def _weeks(
    shop: Workshop,
    machine: int,
    kind: int,
    lasts: list[Floats],
    fails: Floats,
    errors: list[Floats],
) -> list[Floats]:
    own = lasts[kind]
    if not own.size:
        return []
    made = []
    for now in np.arange(own[0] + 1.0, shop.end_day, STEP_DAYS):
        place = int(np.searchsorted(own, now, side="right"))
        later = fails[fails > now]
        renewed = own[place] if place < len(own) else np.inf
        end = min(renewed, float(later[0]) if later.size else np.inf, shop.end_day)
        broke = bool(later.size) and end == float(later[0])
        age = now - own[place - 1]
        ages = [
            now - last[np.searchsorted(last, now, side="right") - 1]
            if last.size and last[0] <= now else np.nan
            for last in lasts
        ]  # fmt: skip
        counts = [
            np.searchsorted(e, now, side="right") - np.searchsorted(e, now - width, side="right")
            for e in errors
            for width in RECENT_DAYS
        ]
        head = [age, end - now, float(broke), machine, kind]
        looked = [age, kind, np.nanmin(ages), *counts, *shop.about[machine]]
        made.append(np.array([*head, *looked], float))
    return made


class IntervalReport(Struct, frozen=True):
    """Average precision of "fails within the horizon" on machines that were not learned from."""

    rows: int
    machines: int
    failures: int
    share: float
    """of judged rows that failed within the horizon: what no skill scores"""
    average_precision: float
    survival_average_precision: float
    naive_average_precision: float
    """age over the component's mean interval between failures"""
    brier: float
    naive_brier: float


def judge(shop: Workshop, folds: int = 5, horizon: float = 30.0, seed: int = 0) -> IntervalReport:
    """Folds by machine. Raises ValueError when there is nothing to learn from."""
    from sklearn.metrics import average_precision_score

    made = sample(shop)
    order = np.random.default_rng(seed).permutation(len(shop.about))
    fold = np.empty(len(shop.about), np.int64)
    fold[order] = np.arange(len(order)) % folds
    ours, curves, naive = (np.zeros(len(made.age)) for _ in range(3))
    usual = np.zeros(len(made.age))
    for one in range(folds):
        out = fold[made.machine] == one
        with hazard.one_thread():
            model = hazard.fit(made.inputs[~out], made.left[~out], made.failed[~out],
                               [0] * made.inputs.shape[1], seed)  # fmt: skip
            ours[out] = 1.0 - hazard.survival(model, made.inputs[out])[:, -1]
        for kind in range(shop.kinds):
            mine = out & (made.kind == kind)
            days, failed = _lives(shop, fold != one, kind)
            found = curve(days, failed)
            curves[mine] = found.risk(made.age[mine], horizon) if found else 0.0
            naive[mine] = made.age[mine] * failed.sum() / max(days.sum(), 1.0)
            usual[mine] = -np.expm1(-horizon * failed.sum() / max(days.sum(), 1.0))
    known = made.failed & (made.left < horizon) | (made.left >= horizon)
    truth = (made.failed & (made.left < horizon))[known]
    return IntervalReport(
        int(known.sum()),
        len(shop.about),
        len(shop.failures.day),
        float(truth.mean()),
        float(average_precision_score(truth, ours[known])),
        float(average_precision_score(truth, curves[known])),
        float(average_precision_score(truth, naive[known])),
        float(((ours[known] - truth) ** 2).mean()),
        float(((usual[known] - truth) ** 2).mean()),
    )


def _lives(shop: Workshop, chosen: Bools, kind: int) -> tuple[Floats, Bools]:
    """(days, failed) of a component's lives on the chosen machines."""
    days: list[float] = []
    failed: list[bool] = []
    for machine in np.flatnonzero(chosen):
        mine = (shop.renewals.machine == machine) & (shop.renewals.kind == kind)
        broke = (shop.failures.machine == machine) & (shop.failures.kind == kind)
        ends = np.unique(shop.renewals.day[mine])
        falls = shop.failures.day[broke]
        for begin, end in zip(ends, np.append(ends[1:], shop.end_day), strict=True):
            fell = falls[(falls > begin) & (falls <= end)]
            days.append(float((fell.min() if fell.size else end) - begin))
            failed.append(bool(fell.size))
    return np.array(days), np.array(failed, bool)


def workshop(
    machines: dict[str, tuple[str, ...]],
    errors: dict[str, tuple[str, ...]],
    maint: dict[str, tuple[str, ...]],
    failures: dict[str, tuple[str, ...]],
) -> Workshop:
    """From four tables: machineID, model, age; datetime, machineID and errorID, comp or failure.

    Raises KeyError for a column that is not there, ValueError for a date that is none.
    """
    names = {m: p for p, m in enumerate(machines["machineID"])}
    models = sorted(set(machines["model"]))
    about = np.array(
        [[models.index(m), float(a)]
         for m, a in zip(machines["model"], machines["age"], strict=True)]
    )  # fmt: skip
    parts = sorted(set(maint["comp"]) | set(failures["failure"]))
    kinds = sorted(set(errors["errorID"]))
    renewed = {
        "datetime": maint["datetime"] + failures["datetime"],
        "machineID": maint["machineID"] + failures["machineID"],
        "comp": maint["comp"] + failures["failure"],
    }
    found = [
        _events(renewed, "comp", names, parts),
        _events(failures, "failure", names, parts),
        _events(errors, "errorID", names, kinds),
    ]
    end = max(float(e.day.max(initial=0.0)) for e in found)
    return Workshop(found[0], found[1], found[2], about, len(parts), len(kinds), end)


def _events(
    table: dict[str, tuple[str, ...]], column: str, names: dict[str, int], kinds: list[str]
) -> Events:
    when = np.array([np.datetime64(t.replace(" ", "T")) for t in table["datetime"]])
    day = when.astype("datetime64[ms]").astype(np.int64) / DAY_MS
    machine = np.array([names[m] for m in table["machineID"]], np.int64)
    return Events(machine, day, np.array([kinds.index(k) for k in table[column]], np.int64))
