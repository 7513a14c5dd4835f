"""What trying a rule on the past found."""

from __future__ import annotations

from msgspec import Struct


class Outcome(Struct, frozen=True):
    """A rule against the past of its assets."""

    fired: int
    """how often the alarm would have been raised"""
    caught: int
    """failures before which it was raised within the horizon"""
    repairs: int
    """failures and repairs on record in the span"""
    lead_time_median_min: float | None
    """from the first raising within the horizon to the failure; None when none was caught"""
    chattering: int
    """alarms (rule on an asset) that were raised three times within a minute"""
    worst_day: int = 0
    """most raisings within 24 hours of the clock's days (UTC)"""
    standing_h: float = 0.0
    """hours the alarm would have stood, over all assets"""


class Step(Struct, frozen=True):
    """One threshold that was tried; `outcome` is None where too much would have to be read."""

    threshold: float
    outcome: Outcome | None


class Firing(Struct, frozen=True):
    """One raising; `cleared_ms` is 0 while it stands at the end."""

    asset: str
    raised_ms: int
    cleared_ms: int


class Trial(Struct, frozen=True):
    """A rule against the past."""

    rule: str
    text: str
    days: int
    from_ms: int
    to_ms: int
    assets: int
    threshold: float
    unit: str
    plain: bool
    """its threshold can be moved"""
    outcome: Outcome
    firings: tuple[Firing, ...]
    sweep: tuple[Step, ...]
    points: int
    """points in the span"""
    points_read: int
    """of these, how many had to be looked at"""
    seconds: float
    note: str = ""
    """what this trial cannot know"""
