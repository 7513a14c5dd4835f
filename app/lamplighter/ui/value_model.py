"""A number never stands bare: value, unit, age, quality, trust, limits and expectation together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from lamplighter.domain.city import Datastream, Limits
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark, stale_after_ms
from lamplighter.ui import numbers
from lamplighter.ui.units import display
from lamplighter.ui.words import tr

TRUST_FLOOR: Final = 0.5
NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class ValueModel:
    """One value as every widget shows it. `value` None = nothing was ever received."""

    name: str
    value: float | None
    unit: str
    age_s: float | None
    quality: Quality
    trust: float
    limits: Limits = NO_LIMITS
    expected: float | None = None
    spread: float | None = None
    resolution: float = 0.01
    states: tuple[str, ...] = ()
    path: str = ""
    kind: str = "measured"
    marks: int = 0

    @property
    def known(self) -> bool:
        return self.value is not None and math.isfinite(self.value)

    @property
    def live(self) -> bool:
        """Recent and usable; everything else must look different."""
        return self.known and self.quality in (Quality.GOOD, Quality.UNCERTAIN)

    @property
    def stale(self) -> bool:
        return self.quality == Quality.STALE

    @property
    def by_hand(self) -> bool:
        """Set by a person: no sensor said this."""
        return bool(self.marks & QualityMark.HAND_SET)

    @property
    def text(self) -> str:
        """The number alone, with an M when it was set by hand."""
        return f"{self._bare}{numbers.THIN}M" if self.by_hand and self.known else self._bare

    @property
    def _bare(self) -> str:
        if self.value is None:
            return tr("not known")
        if self.states:
            index = int(self.value) if math.isfinite(self.value) else -1
            return self.states[index] if 0 <= index < len(self.states) else tr("not known")
        return numbers.number(self.value, self.resolution)

    @property
    def text_with_unit(self) -> str:
        if not self.unit or not self.known:
            return self.text
        mark = f"{numbers.THIN}M" if self.by_hand else ""
        return f"{self._bare}{numbers.THIN}{self.unit}{mark}"

    @property
    def age_text(self) -> str:
        if self.age_s is None:
            return tr("never received")
        return tr("{age} old", age=numbers.age(self.age_s))

    @property
    def quality_text(self) -> str:
        words = [self.quality.word]
        if self.marks & QualityMark.TIME_UNCERTAIN:
            words.append(tr("time uncertain"))
        if self.marks & QualityMark.HAND_SET:
            words.append(tr("set by hand"))
        if self.marks & QualityMark.IN_MAINTENANCE:
            words.append(tr("in maintenance"))
        if self.marks & QualityMark.WITHHELD:
            words.append(tr("withheld"))
        elif self.marks & QualityMark.SUSPECT:
            words.append(tr("suspect"))
        return ", ".join(words)

    @property
    def trust_text(self) -> str:
        return tr("trust {trust}", trust=f"{self.trust:.2f}")

    @property
    def expected_text(self) -> str:
        if self.expected is None or not math.isfinite(self.expected):
            return tr("no expected value")
        width = self.spread if self.spread is not None and math.isfinite(self.spread) else 0.0
        return tr("expected {v}", v=numbers.spread(self.expected, width, self.resolution))

    @property
    def gap(self) -> float | None:
        """Value minus expectation, None when either is missing."""
        if not self.known or self.expected is None or not math.isfinite(self.expected):
            return None
        return float(self.value or 0.0) - self.expected

    @property
    def gap_text(self) -> str:
        gap = self.gap
        if gap is None:
            return ""
        return tr("gap {v}", v=numbers.with_unit(gap, self.unit, self.resolution))

    @property
    def provenance(self) -> tuple[str, ...]:
        """Age, kind, quality, trust, path: the same order everywhere."""
        return (self.age_text, self.kind, self.quality_text, self.trust_text, self.path)

    @property
    def breach(self) -> int:
        """Priority the limits alone suggest: 1 beyond the outer, 3 beyond the inner, else 0."""
        if not self.known or self.states:
            return 0
        value, limits = float(self.value or 0.0), self.limits
        if _beyond(value, limits.low_low, limits.high_high):
            return 1
        return 3 if _beyond(value, limits.low, limits.high) else 0

    def describe(self) -> str:
        """The whole value in one sentence, for tooltips and assistive technology."""
        parts = [
            f"{self.name}: {self.text_with_unit}",
            *(p for p in self.provenance if p),
            self.expected_text,
        ]
        return ", ".join(parts)


def _beyond(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def blank(name: str, unit: str = "") -> ValueModel:
    """A value of which nothing is known."""
    return ValueModel(name, None, unit, None, Quality.BAD, 0.0)


def of_datastream(
    stream: Datastream, values: NewestValues | None, now_ms: int, *, judged: bool = False
) -> ValueModel:
    """The value of a datastream at `now_ms`, with the one stale rule applied, in the unit that
    this person wants to see. `judged`: the recorder has applied the rule just now.
    """
    found = _stored(stream, values, now_ms, judged)
    return _shown_in(found, None if stream.states else stream.unit)


def _shown_in(model: ValueModel, unit: str | None) -> ValueModel:
    found = display.of(unit) if unit else None
    if found is None:
        return model
    return replace(
        model,
        value=None if model.value is None else found.value(model.value),
        unit=found.unit,
        limits=found.limits(model.limits),
        expected=None if model.expected is None else found.value(model.expected),
        spread=None if model.spread is None else found.span(model.spread),
        resolution=found.span(model.resolution),
    )


def _stored(
    stream: Datastream, values: NewestValues | None, now_ms: int, judged: bool
) -> ValueModel:
    name = stream.label or stream.name
    if values is None or stream.id >= len(values) or not values.time_ms[stream.id]:
        return ValueModel(
            name,
            None,
            stream.unit,
            None,
            Quality.STALE,
            0.0,
            stream.limits,
            resolution=stream.resolution,
            states=stream.states,
            path=stream.source,
        )
    row = stream.id
    age_ms = now_ms - int(values.time_ms[row])
    raw = int(values.quality[row])
    quality = Quality(raw & CLASS_MASK)
    by_hand = bool(raw & QualityMark.HAND_SET)
    old = not judged and age_ms > stale_after_ms(stream.period_ms)
    if not by_hand and old and quality is not Quality.BAD:
        quality = Quality.STALE
    return ValueModel(
        name,
        float(values.value[row]),
        stream.unit,
        age_ms / 1000,
        quality,
        float(values.trust[row]),
        stream.limits,
        _finite(values.expected[row]),
        _finite(values.spread[row]),
        stream.resolution,
        stream.states,
        stream.source,
        tr("set by hand") if by_hand else tr("measured"),
        raw & ~CLASS_MASK,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
