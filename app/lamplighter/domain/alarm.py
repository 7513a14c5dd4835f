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
    """id of a rule on the same asset that says more: while it holds, this one is quiet"""


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

    @property
    def key(self) -> str:
        return f"{self.rule}@{self.asset}"


class AlarmEvent(Struct, frozen=True):
    """One transition, as it is stored: a fact with the batch it derives from."""

    rule: str
    asset: str
    batch: int
    time_ms: int
    event: str
    """raised | cleared | acked | shelved | unshelved | suppressed | unsuppressed | disabled |
    enabled | reset | folded | unfolded"""
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
