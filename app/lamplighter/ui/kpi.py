"""The city's seven figures, computed from the newest values by the kind of datastream.

Bars are drawn against what the project itself knows: limits of the datastreams, rated power of the
assets, expected values. What does not change with the values is worked out once per city.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Datastream, Limits
from lamplighter.domain.forecast import Figure, Forecast
from lamplighter.domain.quality import Quality
from lamplighter.domain.units import conversion
from lamplighter.ui import numbers
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.desk import Desk
from lamplighter.ui.forecast_room import Measured, brief, left
from lamplighter.ui.time_model import Mode
from lamplighter.ui.value_model import NO_LIMITS, ValueModel
from lamplighter.ui.words import tr

HISTORY_S: Final = 1800
SAMPLE_S: Final = 2
LIVE: Final = 0.5
"""share of live inputs below which a figure says nothing against its forecast"""


@dataclass(frozen=True, slots=True)
class KpiDefinition:
    """How one figure comes about. `fold`: mean, median, sum, people or live.

    `types`: where assets of these types measure the kind, only they count, so that what flows
    through a substation is not counted again at its feeders and transformers.
    """

    id: str
    name: str
    kinds: tuple[str, ...]
    fold: str
    unit: str
    resolution: float
    normal: tuple[float, float]
    span: tuple[float, float]
    types: tuple[str, ...] = ()
    rated: str = ""
    """attribute of the assets that sums up to the most there can be, in thousands of `unit`"""
    bad_low: float | None = None
    bad_high: float | None = None
    priority: int = 3


DEFINITIONS: Final = (
    KpiDefinition(
        "people", "People without service", (), "people", "people", 1, (0, 0), (0, 5000),
        bad_high=0, priority=1,
    ),
    KpiDefinition(
        "pressure", "Water pressure", ("pressure",), "median", "bar", 0.01, (0, 0), (0, 8),
    ),
    KpiDefinition(
        "power", "Power load", ("load", "active_power", "power"), "sum", "MW", 0.1, (0, 0), (0, 64),
        types=("Substation",), rated="rated_kva",
    ),
    KpiDefinition(
        "traffic", "Traffic flow", ("free_flow", "flow_ratio", "speed_ratio"), "mean",
        "% of free flow", 1, (70, 100), (0, 100), bad_low=50,
    ),
    KpiDefinition(
        "no2", "NO₂, median", ("no2", "NO2", "nitrogen_dioxide"), "median", "µg/m³", 1,
        (0, 0), (0, 120),
    ),
    KpiDefinition(
        "unaccounted", "Unaccounted water",
        ("unaccounted", "unaccounted_water", "leakage", "balance"), "sum", "m³/h", 1, (0, 0),
        (0, 40), priority=2,
    ),
    KpiDefinition(
        "live", "Inputs live", (), "live", "%", 0.1, (98, 100), (80, 100), bad_low=97,
    ),
)  # fmt: skip
OTHERWISE: Final = {
    "traffic": KpiDefinition(
        "speed", "Traffic speed", ("speed",), "mean", "km/h", 0.1, (0, 0), (0, 80)
    ),
    "unaccounted": KpiDefinition(
        "pumped", "Water pumped", ("flow",), "sum", "m³/h", 1, (0, 0), (0, 0), types=("Pump",)
    ),
}
"""what is shown instead in a city that does not measure a figure's kinds"""


@dataclass(slots=True)
class Ground:
    """What stays the same for one figure while the city does: inputs, factors, limits."""

    definition: KpiDefinition
    ids: npt.NDArray[np.int64]
    factor: npt.NDArray[np.float64]
    limits: Limits = NO_LIMITS
    rated: float = 0.0


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
    """what is expected now, or what is forecast"""
    ahead: Forecast | None = None
    """of the next hours; with its reason where there is none"""
    measured: Measured | None = None
    """the figure of now as its forecast counts it; None while too little of it is live"""
    limits: Limits = NO_LIMITS
    span: tuple[float, float] = (0.0, 1.0)
    normal: tuple[float, float] = (0.0, 1.0)
    samples: deque[tuple[int, float]] = field(
        default_factory=lambda: deque(maxlen=HISTORY_S // SAMPLE_S)
    )
    """(time in ms, value) as the live city had them"""
    history: list[float] = field(default_factory=list)
    """the samples up to the shown moment; in a replay its own value ends them"""
    streams: tuple[int, ...] = ()


class KpiBoard:
    """Keeps all figures; `update` is one numpy pass per figure."""

    def __init__(self) -> None:
        self.states = [KpiState(d, _model(d, None, 0.0)) for d in DEFINITIONS]
        self._sampled_ms = 0
        self._city: CityIndex | None = None
        self._grounds: dict[str, Ground] = {}

    def update(self, desk: Desk) -> None:
        gone = desk.stale_mask()
        now = desk.time.now_ms
        if desk.city is not self._city:
            self._city = desk.city
            self._grounds = {d.id: ground(desk.city, d) for d in DEFINITIONS if d.kinds}
            for state, first in zip(self.states, DEFINITIONS, strict=True):
                known = self._grounds.get(first.id)
                state.definition = known.definition if known else first
                state.samples.clear()
                state.history = []
        sample = abs(now - self._sampled_ms) >= SAMPLE_S * 1000
        for state, first in zip(self.states, DEFINITIONS, strict=True):
            self._one(state, desk, gone, self._grounds.get(first.id))
            self._remember(state, now, sample, desk.time.mode is Mode.LIVE)
        if sample:
            self._sampled_ms = now

    @staticmethod
    def _remember(state: KpiState, now: int, sample: bool, live: bool) -> None:
        """Only the live city makes samples; a moment of the past shows those from before it."""
        value = state.value.value if state.value.known else None
        if live:
            if sample and value is not None:
                state.samples.append((now, value))
            state.history = [v for _, v in state.samples]
        else:
            before = [v for t, v in state.samples if t < now]
            state.history = [*before, value] if value is not None else before

    def _one(self, state: KpiState, desk: Desk, gone: np.ndarray, base: Ground | None) -> None:
        define = state.definition
        state.unit = define.unit
        state.span, state.normal = define.span, define.normal
        state.limits = Limits(low=define.bad_low, high=define.bad_high)
        if define.fold == "people":
            self._people(state, desk, gone)
        elif define.fold == "live":
            self._live(state, desk, gone)
        elif base is not None:
            self._fold(state, desk, gone, base)
            state.ahead = desk.ahead.of_figure(define.id)
            now = desk.time.now_ms
            ahead = brief(state.ahead, now, define.resolution)
            if ahead and state.ahead is not None and left(state.ahead, now, state.measured):
                ahead = tr("in 6 h: no basis now")  # why stands in the tip
            state.forecast = ahead or state.forecast
            if not state.forecast and state.ahead is not None and state.value.known:
                state.forecast = tr("in 6 h: no basis yet")
        value = state.value.value
        low, high = state.limits.low, state.limits.high
        bad = (
            value is not None
            and state.value.known
            and ((low is not None and value < low) or (high is not None and value > high))
        )
        state.priority = define.priority if bad and state.live_share >= 0.5 else 0

    def _people(self, state: KpiState, desk: Desk, gone: np.ndarray) -> None:
        lost = sum(i.people_affected for i in desk.incidents if i.active)
        total = desk.city.people()
        share = self._share(desk, gone)
        known = float(lost) if desk.city.assets else None
        state.value = _model(state.definition, known, share, state.limits)
        state.live_share = share
        if total and not lost:
            state.unit = tr("of {n}", n=numbers.number(total, 1))
        state.span = (0.0, float(max(total, lost, 1)))
        state.forecast = ""

    def _live(self, state: KpiState, desk: Desk, gone: np.ndarray) -> None:
        count = int(desk.city.bound.sum())
        share = self._share(desk, gone)
        state.count, state.live_share = count, 1.0
        state.value = _model(state.definition, share * 100 if count else None, 1.0, state.limits)
        state.unit = tr("% of {n}", n=numbers.number(count, 1))
        state.forecast = ""

    def _fold(self, state: KpiState, desk: Desk, gone: np.ndarray, base: Ground) -> None:
        define, values = state.definition, desk.values
        state.limits = base.limits
        self._scale(state, base, 0.0, None)
        ids, factor = base.ids, base.factor
        if values is not None:
            inside = ids < len(values)
            ids, factor = ids[inside], factor[inside]
        state.count = len(ids)
        state.streams = tuple(int(i) for i in ids[:3])
        here = ~gone[ids]
        live, each = ids[here], factor[here]
        state.live_share = len(live) / len(ids) if len(ids) else 0.0
        state.forecast, state.measured = "", None
        data = values.value[live] * each if values is not None else np.zeros(0)
        data = data[np.isfinite(data)]
        if values is None or not len(data):
            state.value = _model(define, None, state.live_share, state.limits)
            return
        number = _folded(define.fold, data)
        expected, spread = values.expected[live] * each, values.spread[live] * each
        have = np.isfinite(expected) & np.isfinite(spread)
        near: tuple[float, float] | None = None
        if have.sum() >= max(1, 0.9 * len(live) if define.fold == "sum" else len(live) // 2):
            centre = _folded(define.fold, expected[have])
            wide = (
                float(np.sqrt(np.sum(spread[have] ** 2)))
                if define.fold == "sum"
                else float(np.mean(spread[have]))
            )
            wide = max(wide, define.resolution)
            text = numbers.spread(float(centre), wide, define.resolution)
            state.forecast = tr("expected {v}", v=text)
            near = (centre - 3 * wide, centre + 3 * wide)
        if state.live_share >= LIVE:
            whole = number * len(ids) / len(data) if define.fold == "sum" else number
            state.measured = (whole, (near[1] - near[0]) / 6 if near is not None else None)
        if base.rated:
            state.unit = tr("{unit} of {n}", unit=define.unit, n=numbers.number(base.rated, 1))
        self._scale(state, base, number, near)
        state.value = _model(define, float(number), state.live_share, state.limits)

    @staticmethod
    def _scale(
        state: KpiState, base: Ground, number: float, near: tuple[float, float] | None
    ) -> None:
        """Range and normal band of the bar: limits first, then what is expected."""
        low, high = base.limits.low, base.limits.high
        if base.rated:
            state.span = (0.0, base.rated)
        elif high is not None:
            state.span = (0.0, max(1.25 * high, base.limits.high_high or 0.0))
        elif near is not None:
            state.span = (0.0, max(round_up(2.0 * near[1]), state.span[1]))
        elif state.span[1] <= 0.0:
            state.span = (0.0, round_up(2.0 * max(number, 1.0)))
        if high is not None and not base.rated:
            state.normal = (low if low is not None else 0.0, high)
        elif near is not None and state.normal[1] <= state.normal[0]:
            state.normal = near

    @staticmethod
    def _share(desk: Desk, gone: np.ndarray) -> float:
        bound = desk.city.bound
        count = int(bound.sum())
        return float((~gone & bound).sum()) / count if count else 0.0


def ground(city: CityIndex, define: KpiDefinition) -> Ground:
    """Inputs, factors and limits of a figure; its stand-in where the city measures none."""
    found = [city.by_kind[k] for k in define.kinds if k in city.by_kind]
    instead = OTHERWISE.get(define.id)
    if not found and instead is not None and any(k in city.by_kind for k in instead.kinds):
        return ground(city, instead)
    ids = found[0] if found else np.zeros(0, np.int64)  # kinds may count the same twice
    streams = [city.streams[int(i)] for i in ids]
    assets = [city.assets.get(s.asset) for s in streams]
    chosen = [a is not None and a.type in define.types for a in assets]
    if define.types and (any(chosen) or define.id == "pumped"):
        streams = [s for s, here in zip(streams, chosen, strict=True) if here]
        assets = [a for a, here in zip(assets, chosen, strict=True) if here]
    known = [_factor(s.unit, define.unit) for s in streams]
    streams = [s for s, f in zip(streams, known, strict=True) if f is not None]
    assets = [a for a, f in zip(assets, known, strict=True) if f is not None]
    factor = np.array([f for f in known if f is not None])
    limits = Limits(low=define.bad_low, high=define.bad_high)
    rated = 0.0
    if define.rated:
        each = [a.attributes.get(define.rated) for a in assets if a is not None]
        rated = sum(float(v) for v in each if isinstance(v, int | float)) / 1000.0
        limits = Limits(high=rated or None)
    elif define.fold in ("median", "mean") and define.bad_low is None:
        limits = _middle_limits(streams, factor)
    return Ground(define, np.array([s.id for s in streams], np.int64), factor, limits, rated)


def figures_of(city: CityIndex) -> tuple[Figure, ...]:
    """The figures that can be forecast, as the recorder wants them."""
    found = []
    for define in DEFINITIONS:
        base = ground(city, define) if define.kinds else None
        if base is None or not len(base.ids):
            continue
        keys = tuple(city.streams[int(i)].key for i in base.ids)
        mine = base.definition
        found.append(
            Figure(mine.id, tr(mine.name), mine.unit, mine.fold, keys, tuple(base.factor.tolist()))
        )
    return tuple(found)


def _middle_limits(streams: list[Datastream], factor: npt.NDArray[np.float64]) -> Limits:
    """The median limit of those datastreams that have one."""

    def middle(name: str) -> float | None:
        pairs = zip((getattr(s.limits, name) for s in streams), factor, strict=True)
        known = [v * f for v, f in pairs if v is not None]
        return float(np.median(known)) if known else None

    return Limits(middle("low_low"), middle("low"), middle("high"), middle("high_high"))


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= value * 0.999))


def _folded(fold: str, data: np.ndarray) -> float:
    if fold == "sum":
        return float(np.sum(data))
    return float(np.median(data) if fold == "median" else np.mean(data))


_FACTORS: Final = {
    ("bar", "m"): 0.0980665,
    ("% of free flow", "1"): 100.0,
    ("% of free flow", "%"): 1.0,
    ("µg/m³", "ppb"): 1.88,
}
"""from a datastream's own unit to the figure's, where the kind says what is meant"""


def _factor(unit: str, to: str) -> float | None:
    """How much of the figure's unit one `unit` is; None when nobody knows: then it is left out."""
    known = 1.0 if not unit else _FACTORS.get((to, unit))
    if known is not None:
        return known
    found = conversion(unit, to)
    return None if found is None or found[1] else found[0]


def _model(
    define: KpiDefinition, value: float | None, share: float, limits: Limits = NO_LIMITS
) -> ValueModel:
    quality = Quality.GOOD if share >= 0.9 else Quality.UNCERTAIN
    if share < 0.5:
        quality = Quality.STALE
    return ValueModel(
        tr(define.name), value, define.unit, 0.0 if value is not None else None, quality, share,
        limits, resolution=define.resolution,
        path=tr("computed here"), kind="computed",
    )  # fmt: skip
