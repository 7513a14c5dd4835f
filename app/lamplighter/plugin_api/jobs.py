"""`[[job]]` in `assets.toml`: what work on a type of asset usually takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lamplighter.domain.maintenance import JobTemplate, Part, Step
from lamplighter.plugin_api.manifest import Contract, Line, Slug


class JobStep(Contract):
    """One line: something to do, or with `reads` a reading in `unit` with its limits."""

    text: Line
    required: bool = True
    reads: bool = False
    unit: str = ""
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _limits(self) -> JobStep:
        if not self.reads and (self.unit or self.low is not None or self.high is not None):
            raise ValueError(f"'{self.text}' has a unit or limits and is no reading")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"the limits of '{self.text}' do not ascend")
        return self


class JobPart(Contract):
    """A part the job usually needs."""

    name: Line
    number: str = ""
    quantity: Annotated[float, Field(gt=0)] = 1.0


class Job(Contract):
    """A checklist for a type of asset."""

    id: Slug
    name: Line
    asset_types: tuple[str, ...] = ()
    skill: str = ""
    minutes: Annotated[int, Field(gt=0, le=100_000)] = 60
    isolation: str = ""
    step: Annotated[tuple[JobStep, ...], Field(min_length=1, max_length=100)]
    part: tuple[JobPart, ...] = ()

    def template(self, owner: str) -> JobTemplate:
        """As the console uses it; `owner` is the plugin."""
        steps = tuple(
            Step(f"s{n}", s.text, s.required, unit=s.unit, reads=s.reads, low=s.low, high=s.high)
            for n, s in enumerate(self.step, 1)
        )
        parts = tuple(
            Part(f"p{n}", p.name, p.number, p.quantity) for n, p in enumerate(self.part, 1)
        )
        return JobTemplate(
            f"{owner}.{self.id}", self.name, self.asset_types, self.skill, self.minutes,
            self.isolation, steps, parts,
        )  # fmt: skip
