"""Scores the whole fleet in one call and words what comes out; runs in a worker.

An asset without a basis gets no number: a signal the forecast needs is missing or old, the
asset is unlike anything the model has seen, or the model itself is frozen.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import calibration, evidence, fleet, hazard, model_files
from lamplighter.analytics.evidence import CaseBook
from lamplighter.analytics.fleet import FleetHistory, Rows
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]

SHOWN_FROM: Final = 0.2
MARGIN: Final = 0.5
"""share of a feature's range it may lie outside what was seen in training"""
HOUR_MS: Final = 3_600_000
NEAR_MS: Final = 10_000
"""signals of one machine that come within this time stand in one row"""
DETAILS_FROM: Final = 0.02
"""reasons and cases are worked out from this probability on"""
NO_SKILL: Final = "no better than rules without signals on assets it had not seen"
"""why a model that gained nothing in its training is frozen"""


class ScoreRequest(Struct, frozen=True):
    """`files` is the checked manifest's list; `history` holds the newest rows of every asset by
    the clock (at least the last eight days in service), with the renewals known so far."""

    folder: str
    files: dict[str, str]
    history: FleetHistory
    now_ms: int
    """what the age of a signal is measured by"""
    made_ms: int
    """the time to print"""
    stale_ms: int = 2 * fleet.DAY_MS
    what: dict[str, str] = {}
    people: dict[str, int] = {}
    trust: dict[str, float] = {}
    model: str = "bearing hazard 1"
    """what the forecasts say they were made by"""
    frozen: str = ""
    """why the model gives no numbers at present"""


def score(payload: ScoreRequest, progress: Progress) -> tuple[Prognosis, ...]:
    """One prognosis per asset, most likely first, assets without a basis last.

    Raises LamplighterError when the model files are not what the manifest says.
    """
    with hazard.one_thread():
        return _score(payload, progress)


def _score(payload: ScoreRequest, progress: Progress) -> tuple[Prognosis, ...]:
    model, tables = loaded(payload.folder, tuple(sorted(payload.files.items())))
    history, kept = _hourly(payload.history)
    rows = fleet.order(fleet.chosen(fleet.by_duty(history), kept))
    clock = history.time_ms[kept]
    last = (
        np.flatnonzero(np.append(np.diff(rows.asset) != 0, True))
        if len(rows)
        else np.zeros(0, np.intp)
    )
    relative = tuple(str(s) for s in tables["relative"])
    inputs = fleet.features(rows, relative)[last]
    progress(1, 3, f"{last.size} assets")
    chance, curve = _chances(model, inputs)
    scored = _Scored(payload, model, tables, rows, clock, last, inputs, chance, curve)
    progress(2, 3, "evidence")
    items = [scored.prognosis(place) for place in range(last.size)]
    heard = {payload.history.assets[int(a)] for a in rows.asset[last]}
    silent = [name for name in payload.history.assets if name not in heard]
    items += [scored.abstain(name, "nothing was heard of it") for name in silent]
    progress(3, 3, "done")
    ranked = sorted(items, key=lambda p: (p.probability_30d is None, -(p.probability_30d or 0.0)))
    return tuple(ranked)


def _hourly(history: FleetHistory) -> tuple[FleetHistory, npt.NDArray[np.intp]]:
    """(rows in order, the newest of every hour in service)."""
    ordered = fleet.with_neighbours(fleet.sorted_rows(history), NEAR_MS)
    return ordered, fleet.newest_per_step(fleet.by_duty(ordered), HOUR_MS)


def fleet_inputs(history: FleetHistory, tables: dict[str, np.ndarray]) -> tuple[Rows, Floats]:
    """(rows by the hour in service, (n, features) as the model with these tables sees them)."""
    ordered, kept = _hourly(history)
    rows = fleet.order(fleet.chosen(fleet.by_duty(ordered), kept))
    return rows, fleet.features(rows, tuple(str(s) for s in tables["relative"]))


@functools.lru_cache(maxsize=2)
def loaded(folder: str, files: tuple[tuple[str, str], ...]) -> tuple[Any, dict[str, np.ndarray]]:
    """(model, tables) of checked files, kept for the next call of the same worker."""
    return model_files.load(Path(folder), dict(files))


def _chances(model: Any, inputs: Floats) -> tuple[Floats, Floats]:
    """(probability within the horizon, survival curve) of all rows in one call."""
    curve = hazard.survival(model, inputs)
    return 1.0 - curve[:, -1], curve


class _Scored:
    """The fleet's numbers and how to word one asset's."""

    def __init__(
        self,
        request: ScoreRequest,
        model: Any,
        tables: dict[str, np.ndarray],
        rows: Rows,
        clock: npt.NDArray[np.int64],
        last: npt.NDArray[np.intp],
        inputs: Floats,
        chance: Floats,
        curve: Floats,
    ) -> None:
        self.request, self.tables, self.rows, self.last = request, tables, rows, last
        self.clock = clock
        self.inputs, self.chance = inputs, chance
        self.book = unpack_book(tables)
        self.signals = fleet.feature_signals(tuple(str(s) for s in tables["signals"]))
        self.low, self.high = calibration.probability_band(
            chance, tables["band_low"], tables["band_high"]
        )
        median = hazard.median_days(curve)
        self.median = median
        offset = float(tables["days_offset"]) if "days_offset" in tables else 1.0
        self.days = calibration.days_band(median, float(tables["quantile"]), offset)
        self.frozen = request.frozen
        if bool(tables["frozen"]) and not self.frozen:
            self.frozen = NO_SKILL
        self.share = np.zeros((len(inputs), len(self.signals)))
        self.as_usual = np.tile(chance[:, None], (1, len(self.signals)))
        told = np.flatnonzero(chance >= DETAILS_FROM)
        if told.size:
            self.as_usual[told] = evidence.as_usual(
                inputs[told], self.book.center, lambda x: _chances(model, x)[0]
            )
            self.share[told] = evidence.shares(_logit(chance[told]), _logit(self.as_usual[told]))

    def prognosis(self, place: int) -> Prognosis:
        name = self.request.history.assets[int(self.rows.asset[self.last[place]])]
        why = self._no_basis(place)
        if why:
            return self.abstain(name, why)
        naive = float(self.tables["naive"])
        if self.frozen:
            return self.abstain(name, f"frozen: {self.frozen}")
        chance = float(self.chance[place])
        if not np.isfinite([chance, self.low[place], self.high[place]]).all():
            return self.abstain(name, "its model gave no number")
        shown = chance >= SHOWN_FROM and np.isfinite(self.days[1][place])
        share = self.share[place]
        row = self.inputs[place]
        weight = np.repeat(share, len(fleet.WINDOWS)) + 0.02
        told = chance >= DETAILS_FROM
        return Prognosis(
            name,
            self.request.made_ms,
            hazard.HORIZON,
            round(chance, 4),
            round(float(self.low[place]), 4),
            round(float(self.high[place]), 4),
            round(float(self.days[0][place]), 1) if shown else None,
            round(float(self.days[1][place]), 1) if shown else None,
            str(self.tables["basis"]),
            evidence.reasons(row, share, self.signals, self.book) if told else (),
            evidence.similar(row, weight, self.book, str(self.tables["mode"])) if told else (),
            self.request.trust.get(name, 1.0),
            round(naive, 4),
            self.request.model,
            self.request.what.get(name, ""),
            self.request.people.get(name, 0),
            round(float(self.median[place]), 1) if shown else None,
            0.0,
            evidence.would_change(chance, self.as_usual[place], row, self.signals, self.book)
            if told
            else "",
        )

    def abstain(self, name: str, why: str) -> Prognosis:
        return Prognosis(
            name,
            self.request.made_ms,
            hazard.HORIZON,
            None,
            None,
            None,
            basis=f"no basis: {why}",
            trust=self.request.trust.get(name, 1.0),
            naive_probability=round(float(self.tables["naive"]), 4),
            model=self.request.model,
            what=self.request.what.get(name, ""),
            people=self.request.people.get(name, 0),
        )

    def _no_basis(self, place: int) -> str:
        """Why there is nothing to say about an asset; empty when there is something."""
        row = int(self.last[place])
        mine = np.flatnonzero(self.rows.asset == self.rows.asset[row])
        history = self.request.history
        for signal in (str(s) for s in self.tables["useful"]):
            words = signal.replace("_", " ")
            if signal not in history.signals:
                return f"{words} is not measured"
            column = self.rows.values[mine, history.signals.index(signal)]
            known = np.flatnonzero(np.isfinite(column))
            if not known.size:
                return f"{words} is missing"
            age_ms = self.request.now_ms - int(self.clock[mine[known[-1]]])
            if age_ms > self.request.stale_ms:
                return f"{words} is {age_ms / fleet.DAY_MS:.0f} days old"
            own = slice(2 * self.signals.index(signal), 2 * self.signals.index(signal) + 2)
            if np.isnan(self.inputs[place, own]).any():
                return f"{words} is missing"
        return self._strange(place)

    def _strange(self, place: int) -> str:
        """Whether a signal the forecast leans on lies outside what training has seen."""
        low, high = self.tables["lowest"], self.tables["highest"]
        room = MARGIN * (high - low)
        outside = (self.inputs[place] < low - room) | (self.inputs[place] > high + room)
        for signal in (str(s) for s in self.tables["useful"]):
            first = len(fleet.WINDOWS) * self.signals.index(signal)
            if outside[first : first + len(fleet.WINDOWS)].any():
                return f"{signal.replace('_', ' ')} is unlike anything seen in training"
        return ""


def _logit(chance: Floats) -> Floats:
    bounded = np.clip(chance, 1e-6, 1 - 1e-6)
    result: Floats = np.log(bounded / (1 - bounded))
    return result


def pack_tables(
    book: CaseBook, quantile: float, low: Floats, high: Floats, lowest: Floats, highest: Floats
) -> dict[str, np.ndarray]:
    """Everything but the trees, as plain arrays."""
    return {
        "case_assets": np.array(book.assets),
        "case_features": book.features,
        "case_life": book.life,
        "case_asset": book.asset,
        "case_time_ms": book.time_ms,
        "case_days_left": book.days_left,
        "case_failed": book.failed,
        "center": book.center,
        "scale": book.scale,
        "quantile": np.array(quantile),
        "band_low": low,
        "band_high": high,
        "lowest": lowest,
        "highest": highest,
    }


def unpack_book(tables: dict[str, np.ndarray]) -> CaseBook:
    return CaseBook(
        tuple(str(a) for a in tables["case_assets"]),
        tables["case_features"],
        tables["case_life"],
        tables["case_asset"],
        tables["case_time_ms"],
        tables["case_days_left"],
        tables["case_failed"],
        tables["center"],
        tables["scale"],
    )
