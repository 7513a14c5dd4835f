"""The city's seven figures, computed from the newest values by the kind of datastream."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lamplighter.domain.city import Limits
from lamplighter.domain.quality import Quality
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.value_model import ValueModel
from lamplighter.ui.words import tr

HISTORY_S: Final = 1800
SAMPLE_S: Final = 2


@dataclass(frozen=True, slots=True)
class KpiDefinition:
    """How one figure comes about. `fold`: mean, median, sum, people or live."""

    id: str
    name: str
    kinds: tuple[str, ...]
    fold: str
    unit: str
    resolution: float
    normal: tuple[float, float]
    span: tuple[float, float]
    scale: float = 1.0
    bad_low: float | None = None
    bad_high: float | None = None
    priority: int = 3


DEFINITIONS: Final = (
    KpiDefinition(
        "people", "People without service", (), "people", "people", 1, (0, 0), (0, 5000),
        bad_high=0, priority=1,
    ),
    KpiDefinition(
        "pressure", "Water pressure", ("pressure",), "median", "bar", 0.01, (3.2, 5.2), (0, 8),
        bad_low=2.8, bad_high=6.5,
    ),
    KpiDefinition(
        "power", "Power load", ("load", "active_power", "power"), "sum", "MW", 0.1, (20, 50),
        (0, 64), bad_high=60,
    ),
    KpiDefinition(
        "traffic", "Traffic flow", ("free_flow", "flow_ratio", "speed_ratio", "speed"), "mean",
        "% of free flow", 1, (70, 100), (0, 100), bad_low=50,
    ),
    KpiDefinition(
        "no2", "NO₂, street median", ("no2", "NO2", "nitrogen_dioxide"), "median", "µg/m³", 1,
        (0, 40), (0, 120), bad_high=80,
    ),
    KpiDefinition(
        "unaccounted", "Unaccounted water",
        ("unaccounted", "unaccounted_water", "leakage", "balance"), "sum", "m³/h", 1, (0, 8),
        (0, 40), bad_high=12, priority=2,
    ),
    KpiDefinition(
        "live", "Inputs live", (), "live", "%", 0.1, (98, 100), (80, 100), bad_low=97,
    ),
)  # fmt: skip


@dataclass(slots=True)
class KpiState:
    """One figure now, with its last half hour."""

    definition: KpiDefinition
    value: ValueModel
    live_share: float = 0.0
    count: int = 0
    priority: int = 0
    unit: str = ""
    forecast: str = ""
    span: tuple[float, float] = (0.0, 1.0)
    normal: tuple[float, float] = (0.0, 1.0)
    history: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY_S // SAMPLE_S))
    streams: tuple[int, ...] = ()


class KpiBoard:
    """Keeps all figures; `update` is one numpy pass per figure."""

    def __init__(self) -> None:
        self.states = [KpiState(d, _model(d, None, 0.0)) for d in DEFINITIONS]
        self._sampled_ms = 0

    def update(self, desk: Desk) -> None:
        gone = desk.stale_mask()
        now = desk.time.now_ms
        sample = abs(now - self._sampled_ms) >= SAMPLE_S * 1000
        for state in self.states:
            self._one(state, desk, gone)
            if sample and state.value.known and state.value.value is not None:
                state.history.append(state.value.value)
        if sample:
            self._sampled_ms = now

    def _one(self, state: KpiState, desk: Desk, gone: np.ndarray) -> None:
        define = state.definition
        state.unit = define.unit
        state.span, state.normal = define.span, define.normal
        if define.fold == "people":
            self._people(state, desk, gone)
        elif define.fold == "live":
            self._live(state, desk, gone)
        else:
            self._fold(state, desk, gone)
        value = state.value.value
        bad = (
            value is not None
            and state.value.known
            and (
                (define.bad_low is not None and value < define.bad_low)
                or (define.bad_high is not None and value > define.bad_high)
            )
        )
        state.priority = define.priority if bad and state.live_share >= 0.5 else 0

    def _people(self, state: KpiState, desk: Desk, gone: np.ndarray) -> None:
        lost = sum(i.people_affected for i in desk.incidents if i.active)
        total = desk.city.people()
        share = self._share(desk, gone)
        known = float(lost) if desk.city.assets else None
        state.value = _model(state.definition, known, share)
        state.live_share = share
        if total and not lost:
            state.unit = tr("of {n}", n=numbers.number(total, 1))
        state.span = (0.0, float(max(total, lost, 1)))
        state.forecast = ""

    def _live(self, state: KpiState, desk: Desk, gone: np.ndarray) -> None:
        count = int(desk.city.bound.sum())
        share = self._share(desk, gone)
        state.count, state.live_share = count, 1.0
        state.value = _model(state.definition, share * 100 if count else None, 1.0)
        state.unit = tr("% of {n}", n=numbers.number(count, 1))
        state.forecast = ""

    def _fold(self, state: KpiState, desk: Desk, gone: np.ndarray) -> None:
        define, values = state.definition, desk.values
        found = [desk.city.by_kind[k] for k in define.kinds if k in desk.city.by_kind]
        ids = found[0] if found else np.zeros(0, np.int64)  # kinds may count the same twice
        if values is not None:
            ids = ids[ids < len(values)]
        state.count = len(ids)
        state.streams = tuple(int(i) for i in ids[:3])
        live = ids[~gone[ids]] if len(ids) else ids
        state.live_share = len(live) / len(ids) if len(ids) else 0.0
        if values is None or not len(live):
            state.value = _model(define, None, state.live_share)
            state.forecast = tr("no forecast")
            return
        each = np.array([_factor(desk, int(i), define) for i in live])
        data = values.value[live] * each
        data = data[np.isfinite(data)]
        if not len(data):
            state.value = _model(define, None, state.live_share)
            return
        number = _folded(define.fold, data)
        expected, spread = values.expected[live] * each, values.spread[live] * each
        have = np.isfinite(expected) & np.isfinite(spread)
        state.forecast = tr("no forecast")
        if have.sum() >= max(1, len(live) // 2):
            centre = _folded(define.fold, expected[have])
            wide = (
                float(np.sqrt(np.sum(spread[have] ** 2)))
                if define.fold == "sum"
                else float(np.mean(spread[have]))
            )
            text = numbers.spread(float(centre), wide, define.resolution)
            state.forecast = tr("expected {v}", v=text)
        state.value = _model(define, float(number), state.live_share)

    @staticmethod
    def _share(desk: Desk, gone: np.ndarray) -> float:
        bound = desk.city.bound
        count = int(bound.sum())
        return float((~gone & bound).sum()) / count if count else 0.0


def _folded(fold: str, data: np.ndarray) -> float:
    if fold == "sum":
        return float(np.sum(data))
    return float(np.median(data) if fold == "median" else np.mean(data))


_FACTORS: Final = {
    ("power", "kW"): 0.001,
    ("power", "W"): 1e-6,
    ("pressure", "kPa"): 0.01,
    ("pressure", "m"): 0.0981,
    ("pressure", "psi"): 0.0689476,
    ("traffic", "1"): 100.0,
    ("traffic", "km/h"): 2.0,
    ("unaccounted", "l/s"): 3.6,
    ("unaccounted", "L/s"): 3.6,
}


def _factor(desk: Desk, stream: int, define: KpiDefinition) -> float:
    """Brings a datastream's own unit to the figure's."""
    found = desk.city.streams.get(stream)
    return _FACTORS.get((define.id, found.unit if found else ""), define.scale)


def _model(define: KpiDefinition, value: float | None, share: float) -> ValueModel:
    quality = Quality.GOOD if share >= 0.9 else Quality.UNCERTAIN
    if share < 0.5:
        quality = Quality.STALE
    return ValueModel(
        tr(define.name), value, define.unit, 0.0 if value is not None else None, quality, share,
        Limits(low=define.bad_low, high=define.bad_high), resolution=define.resolution,
        path=tr("computed here"), kind="computed",
    )  # fmt: skip
