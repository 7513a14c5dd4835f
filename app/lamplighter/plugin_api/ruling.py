"""`rules.toml`: alarm rules with guidance for the operator, interlocks and checklists."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from lamplighter.domain.alarm import Condition
from lamplighter.plugin_api.catalogue import TypeName
from lamplighter.plugin_api.manifest import Contract, Identifier, Line, Slug

LIMITS: Final = ("low_low", "low", "high", "high_high")


class When(Contract):
    """A part of a combined condition: a datastream of this kind on the rule's own asset, or another
    rule of the plugin on the same asset. A rule with parts is not bound where its asset lacks one.
    """

    kind: Identifier | None = None
    condition: Condition = Condition.ABOVE
    threshold: float | str = 0.0
    deadband: Annotated[float, Field(ge=0)] = 0.0
    rule: Slug | None = None
    negate: bool = False
    """it holds while this does not"""

    @model_validator(mode="after")
    def _one_of_both(self) -> When:
        if (self.kind is None) == (self.rule is None):
            raise ValueError("a part names either a kind or a rule")
        if self.condition in {Condition.COMBINED, Condition.TOLD, Condition.RATE}:
            raise ValueError(f"a part cannot be '{self.condition}'")
        return self


class Rule(Contract):
    """An alarm rule for every datastream of a kind.

    `threshold` is a number in the kind's unit, the name of a limit of the datastream (or of its
    kind where the datastream has none), or, for `equals`, a state.
    """

    id: Slug
    kind: Identifier
    asset_types: tuple[TypeName, ...] = ()
    """only on these; empty for all"""
    only_with_limits: bool = False
    """only on datastreams that have limits of their own: those somebody watches"""
    condition: Condition
    threshold: float | str = 0.0
    priority: Annotated[int, Field(ge=1, le=4)]
    text: Line
    cause: Line
    consequence: Line
    guidance: Annotated[tuple[Line, ...], Field(min_length=1)]
    respond_within_s: Annotated[int, Field(gt=0)]
    deadband: Annotated[float, Field(ge=0)] = 0.0
    on_delay_s: Annotated[float, Field(ge=0)] = 0.0
    off_delay_s: Annotated[float, Field(ge=0)] = 0.0
    latching: bool = False
    is_cause: bool = False
    combine: Literal["all", "any"] = "all"
    when: tuple[When, ...] = ()
    """further parts of the condition"""
    count: Annotated[int, Field(ge=1, le=1000)] = 1
    count_window_s: Annotated[float, Field(ge=0)] = 0.0
    """it must begin `count` times within this time"""
    rate_window_s: Annotated[float, Field(ge=0)] = 0.0
    realarm_s: Annotated[float, Field(ge=0)] = 0.0
    """acknowledged and still there after this time: it rings again; 0 = never"""
    action: Line = ""
    """what the operator is to achieve"""
    justification: Line = ""
    """why it has this priority"""
    owner: Line = ""
    reviewed_on: Line = ""
    reviewed_by: Line = ""
    unless: Slug | None = None
    """a rule that says more about the same thing: while it holds, this one is quiet"""

    @model_validator(mode="after")
    def _fitting_threshold(self) -> Rule:
        word = isinstance(self.threshold, str)
        if self.condition is Condition.TOLD:
            raise ValueError(f"rule {self.id}: 'told' is for the program's own rules")
        if self.condition is Condition.COMBINED and not self.when:
            raise ValueError(f"rule {self.id}: 'combined' needs at least one part")
        if self.count > 1 and self.count_window_s <= 0:
            raise ValueError(f"rule {self.id}: count needs a window")
        if self.condition is Condition.EQUALS:
            return self
        if word and self.condition not in {Condition.ABOVE, Condition.BELOW}:
            raise ValueError(f"rule {self.id}: '{self.condition}' needs a number")
        if word and self.threshold not in LIMITS:
            raise ValueError(f"rule {self.id}: '{self.threshold}' is no limit")
        return self


class Interlock(Contract):
    """A reason for the core to refuse a command, as data."""

    id: Slug
    asset_type: TypeName
    action: Literal["open", "close", "start", "stop", "set"]
    kind: Identifier
    """refused while a datastream of this kind on the asset (or next to it) ..."""
    where: Literal["self", "upstream", "downstream"] = "self"
    condition: Literal["above", "below", "equals"]
    threshold: float | str
    text: Line
    """shown as the reason of the refusal"""

    @model_validator(mode="after")
    def _limit_exists(self) -> Interlock:
        word = isinstance(self.threshold, str)
        if word and self.condition != "equals" and self.threshold not in LIMITS:
            raise ValueError(f"interlock {self.id}: '{self.threshold}' is no limit")
        return self


class Checklist(Contract):
    """Steps beside an alarm, ticked off by the operator."""

    id: Slug
    title: Line
    rules: Annotated[tuple[Slug, ...], Field(min_length=1)]
    steps: Annotated[tuple[Line, ...], Field(min_length=1)]
    required: bool = False
    """the alarm cannot be closed before all steps are ticked"""


class Rules(Contract):
    """The content of `rules.toml`."""

    rule: tuple[Rule, ...] = ()
    interlock: tuple[Interlock, ...] = ()
    checklist: tuple[Checklist, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Rules:
        names = [r.id for r in self.rule]
        if len(set(names)) != len(names):
            raise ValueError("a rule is named twice")
        for rule in self.rule:
            if rule.unless is not None and (rule.unless not in names or rule.unless == rule.id):
                raise ValueError(f"rule {rule.id}: 'unless' names no other rule")
            if any(w.rule is not None and w.rule not in names for w in rule.when):
                raise ValueError(f"rule {rule.id}: a part names no rule")
        self._no_circle()
        for checklist in self.checklist:
            unknown = set(checklist.rules) - set(names)
            if unknown:
                raise ValueError(f"checklist {checklist.id} names unknown rules: {sorted(unknown)}")
        return self

    def _no_circle(self) -> None:
        """Raises ValueError when rules refer to each other in a circle."""
        below = {
            r.id: {*([r.unless] if r.unless else []), *(w.rule for w in r.when if w.rule)}
            for r in self.rule
        }
        while below:
            free = [name for name, others in below.items() if not others & below.keys()]
            if not free:
                raise ValueError(f"rules refer to each other in a circle: {sorted(below)}")
            for name in free:
                del below[name]
