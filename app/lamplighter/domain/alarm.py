"""Alarm words: rules as data, the ISA-18.2 states, and what an alarm's life leaves behind."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class AlarmState(StrEnum):
    """ISA-18.2 states of one alarm."""

    NORM = "NORM"
    UNACK = "UNACK"
    ACKED = "ACKED"
    RTN_UNACK = "RTN_UNACK"
    LATCHED = "LATCHED"
    SHELVED = "SHELVED"
    SUPPRESSED = "SUPPRESSED"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


class Condition(StrEnum):
    """What a rule looks at."""

    ABOVE = "above"
    BELOW = "below"
    EQUALS = "equals"
    STALE = "stale"
    RESIDUAL = "residual"
    """|value - expected| above threshold spreads"""
    RATE = "rate"
    """|change per second| above the threshold"""
    COMBINED = "combined"
    """nothing of its own: all or any of the rule's terms"""
    TOLD = "told"
    """the program itself says whether it holds (a lost feed, a sleep)"""


class Arming(StrEnum):
    """Whether a rule may raise alarms."""

    DRAFT = "draft"
    """judged by nobody: it was neither tried on the past nor waived"""
    ARMED = "armed"
    """tried on the past, or shipped and reviewed by its plugin's publisher"""
    WAIVED = "waived"
    """raises alarms without a trial; a person signed for that"""


class Term(Struct, frozen=True):
    """One part of a combined condition.

    Either a comparison on a datastream (`datastream` >= 0), or another rule (`rule`): that holds
    while the other rule's alarm condition holds after its delays, on `asset` or, where that is
    empty, on the same asset.
    """

    datastream: int = -1
    condition: Condition = Condition.ABOVE
    threshold: float = 0.0
    deadband: float = 0.0
    rule: str = ""
    asset: str = ""
    negate: bool = False
    """true: the term holds while this does not"""


class Step(Struct, frozen=True):
    """One line of an alarm's checklist."""

    text: str
    required: bool = True
    """the alarm cannot be closed before it is ticked"""
    done_by: str = ""
    """who ticked it; empty while it is open"""
    done_ms: int = 0


class AlarmRule(Struct, frozen=True):
    """A rule, bound to one datastream. Rules are data; they come from a plugin or an engineer."""

    id: str
    datastream: int
    asset: str
    condition: Condition
    threshold: float
    priority: int
    """1 critical .. 4 low"""
    text: str
    """what happened, e.g. `Pump stopped: supply lost`"""
    deadband: float = 0.0
    on_delay_ms: int = 0
    off_delay_ms: int = 0
    latching: bool = False
    cause: str = ""
    consequence: str = ""
    guidance: tuple[str, ...] = ()
    respond_within_s: int = 600
    owner: str = "project"
    is_cause: bool = False
    """true where this alarm can explain alarms downstream of its asset"""
    unless: str = ""
    """id of a rule on the same asset that says more: while it holds and its alarm stands, this one
    is quiet
    """
    combine: str = "all"
    """all | any: how its own condition (unless COMBINED) and the terms are put together"""
    terms: tuple[Term, ...] = ()
    count: int = 1
    """the condition must begin this often within `count_window_ms`"""
    count_window_ms: int = 0
    rate_window_ms: int = 0
    """RATE: mean over at least this time; 0 = between two values"""
    realarm_ms: int = 0
    """an acknowledged alarm that still holds rings again after this time; 0 = never"""
    checklist: tuple[Step, ...] = ()
    """with a required step the alarm latches, and closes only when all of those are ticked"""
    action: str = ""
    """what the operator is expected to achieve"""
    justification: str = ""
    """why it has this priority"""
    reviewed_on: str = ""
    """date of the last rationalisation, ISO 8601; empty = never"""
    reviewed_by: str = ""
    arming: Arming = Arming.ARMED

    @property
    def latches(self) -> bool:
        """Latching by itself, or because a required step gates its closing."""
        return self.latching or any(step.required for step in self.checklist)


class AlarmRecord(Struct, frozen=True):
    """One alarm as it stands; keyed by (rule, asset)."""

    rule: str
    asset: str
    datastream: int
    state: AlarmState
    priority: int
    text: str
    active: bool
    since_ms: int
    """phenomenon time at which the condition became true"""
    changed_ms: int
    value: float | None = None
    people: int = 0
    incident: str = ""
    """id of the incident it is folded under; empty for none"""
    acked_by: str = ""
    note: str = ""
    shelved_until_ms: int = 0
    reason: str = ""
    """why shelved, suppressed or out of service"""
    guidance: tuple[str, ...] = ()
    cause: str = ""
    consequence: str = ""
    respond_within_s: int = 600
    is_cause: bool = False
    """true where this alarm can explain alarms downstream of its asset"""
    latching: bool = False
    steps: tuple[Step, ...] = ()
    """the checklist of this occurrence"""
    aside_by: str = ""
    """what suppresses it by design: `works:<id>`, `design:<id>`; empty when a person did"""
    acked_ms: int = 0
    """when it was last acknowledged; 0 while nobody has"""
    unacked_ms: int = 0
    """since when it asks for an acknowledgement; 0 when it does not"""
    action: str = ""
    owner: str = ""

    @property
    def key(self) -> str:
        return f"{self.rule}@{self.asset}"

    @property
    def open_steps(self) -> tuple[str, ...]:
        """Required steps nobody has ticked."""
        return tuple(s.text for s in self.steps if s.required and not s.done_by)


class AlarmEvent(Struct, frozen=True):
    """One transition, as it is stored: a fact with the batch it derives from."""

    rule: str
    asset: str
    batch: int
    time_ms: int
    event: str
    """raised | cleared | acked | shelved | unshelved | suppressed | unsuppressed | disabled |
    enabled | reset | realarmed | changed | ticked | unticked | folded | unfolded"""
    before: AlarmState
    after: AlarmState
    record: AlarmRecord
    actor: str = "system"
    note: str = ""


class Incident(Struct, frozen=True):
    """Several alarms under one probable cause. Nothing is hidden: `folded` lists every key."""

    id: str
    cause: str
    """key of the alarm that explains the others"""
    asset: str
    text: str
    priority: int
    since_ms: int
    folded: tuple[str, ...]
    people_affected: int
    active: bool = True
    reason: str = ""


def bare_id(rule: str) -> str:
    """A rule's id without the datastream's name that tells several of one asset apart."""
    return rule.partition("#")[0]
