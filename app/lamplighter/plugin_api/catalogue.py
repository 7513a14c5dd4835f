"""`assets.toml`: the asset types, datastream kinds and edge kinds a plugin brings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from lamplighter.domain.city import Limits
from lamplighter.domain.units import conversion
from lamplighter.plugin_api.jobs import Job
from lamplighter.plugin_api.manifest import Contract, Identifier, Line

TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{1,39}$")]
EdgeKind = Literal["feeds", "controls", "serves", "contains", "measured-by"]


class AssetType(Contract):
    """A kind of thing the city owns."""

    id: TypeName
    name: Line
    line: bool = False
    """true for things with a course: pipes, cables, streets"""
    maintained: bool = False
    """true where a forecast of failure makes sense"""


class LimitValues(Contract):
    """Default alarm limits in the kind's unit."""

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None

    @model_validator(mode="after")
    def _ascending(self) -> LimitValues:
        values = [v for v in (self.low_low, self.low, self.high, self.high_high) if v is not None]
        if values != sorted(values):
            raise ValueError("limits must not descend from low_low to high_high")
        return self

    def scaled(self, scale: float, offset: float = 0.0) -> Limits:
        """As the city's `Limits`, in a unit that becomes this kind's by `scale` and `offset`."""
        return Limits(
            *(
                None if v is None else (v - offset) / scale
                for v in (self.low_low, self.low, self.high, self.high_high)
            )
        )


class Kind(Contract):
    """A phenomenon that datastreams observe."""

    id: Identifier
    name: Line
    unit: str = ""
    units: dict[str, float] = Field(default_factory=dict)
    """other units it may come in, and how much of `unit` one of them is"""
    asset_types: tuple[TypeName, ...] = ()
    """where it is usually measured; empty for anywhere"""
    plausible_low: float | None = None
    plausible_high: float | None = None
    resolution: Annotated[float, Field(gt=0)] = 0.01
    period_ms: Annotated[int, Field(gt=0)] = 1000
    limits: LimitValues = LimitValues()
    states: tuple[Line, ...] = ()
    """words of a kind whose values are text; the stored value is the index"""

    @model_validator(mode="after")
    def _one_nature(self) -> Kind:
        if self.states and (self.unit or self.limits != LimitValues()):
            raise ValueError(f"kind {self.id} has states, so it has neither unit nor limits")
        if len(set(self.states)) != len(self.states):
            raise ValueError(f"kind {self.id} names a state twice")
        return self

    def conversion(self, unit: str) -> tuple[float, float] | None:
        """(scale, offset): value in this kind's unit = value in `unit` * scale + offset.

        None for a unit neither the kind nor the program knows.
        """
        if unit in {"", self.unit}:
            return 1.0, 0.0
        if unit in self.units:
            return self.units[unit], 0.0
        return conversion(unit, self.unit)

    def factor(self, unit: str) -> float | None:
        """How much of this kind's unit one `unit` is; None for one that is not a mere multiple."""
        found = self.conversion(unit)
        return None if found is None or found[1] else found[0]

    def between(self, unit: str, to: str) -> tuple[float, float] | None:
        """(scale, offset) from one unit of this kind to another; None when one is not known."""
        one, other = self.conversion(unit), self.conversion(to)
        if one is None or other is None:
            return None
        return one[0] / other[0], (one[1] - other[1]) / other[0]


class EdgeRule(Contract):
    """A kind of dependency that the plugin's networks bring."""

    kind: EdgeKind
    source: TypeName
    target: TypeName


class Catalogue(Contract):
    """The content of `assets.toml`."""

    asset_type: Annotated[tuple[AssetType, ...], Field(min_length=1)]
    kind: Annotated[tuple[Kind, ...], Field(min_length=1)]
    edge: tuple[EdgeRule, ...] = ()
    job: tuple[Job, ...] = ()

    @model_validator(mode="after")
    def _no_name_twice(self) -> Catalogue:
        for names in (
            [t.id for t in self.asset_type],
            [k.id for k in self.kind],
            [j.id for j in self.job],
        ):
            if len(set(names)) != len(names):
                raise ValueError("an asset type, kind or job is named twice")
        return self

    def kinds(self) -> dict[str, Kind]:
        return {k.id: k for k in self.kind}
