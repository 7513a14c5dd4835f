"""`assets.toml`: the asset types, datastream kinds and edge kinds a plugin brings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from lamplighter.domain.city import Limits
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

    def scaled(self, factor: float) -> Limits:
        """As the city's `Limits`, in a unit of which one is `factor` of this kind's unit."""
        return Limits(
            *(
                None if v is None else v / factor
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

    def factor(self, unit: str) -> float | None:
        """How much of this kind's unit one `unit` is; None for a unit it does not know."""
        if unit in {"", self.unit}:
            return 1.0
        return self.units.get(unit)


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
