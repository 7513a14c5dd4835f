"""Questions about the past."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from lamplighter.domain.alarm import AlarmRecord, Incident
from lamplighter.domain.forecast import Forecast
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.wire.message import Message


class GetHistory(Message, frozen=True):
    """Points of datastreams in [from_ms, to_ms), at most about `points` cells each."""

    datastreams: tuple[int, ...]
    from_ms: int
    to_ms: int
    points: int = 1000
    as_known_at_ms: int | None = None


class Series(Struct, frozen=True):
    """One datastream's answer. Reduced: `low`/`high` hold each cell's minimum and maximum."""

    datastream: int
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reduced: bool
    gaps: tuple[tuple[int, int], ...]
    told_by: str = ""
    """the historian that told the oldest part, or why it could not; empty: all is the project's"""
    told_until_ms: int = 0
    """the last point that it told; 0 when it told none"""


class History(Message, frozen=True):
    series: tuple[Series, ...]


class GetMoment(Message, frozen=True):
    """The whole city at one moment of the past."""

    at_ms: int
    as_known: bool = True


class Moment(Message, frozen=True):
    """Newest values at that moment, indexed by datastream id; NaN/0 where nothing was known."""

    at_ms: int
    batch: int
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    alarms: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]
    as_known: bool = True
    orders: tuple[WorkOrder, ...] = ()
    """with their notes; as they stood then, or as they stand"""
    prognoses: tuple[Prognosis, ...] = ()
    """as they had been issued by then, or the newest ones"""
    forecasts: tuple[Forecast, ...] = ()
    """of the next hours, as they had been made by then"""


class GetSigns(Message, frozen=True):
    """Alarms and notes of [from_ms, to_ms), thinned to one of each per cell."""

    from_ms: int
    to_ms: int
    cells: int = 300
    datastreams: tuple[int, ...] = ()
    """only alarms of these; empty for all"""
    as_known_at_ms: int | None = None


class Sign(Struct, frozen=True):
    """A mark on a time axis: the most important alarm of its cell, or a note."""

    time_ms: int
    priority: int
    count: int
    asset: str
    datastream: int
    text: str
    note: bool = False


class Signs(Message, frozen=True):
    from_ms: int
    to_ms: int
    items: tuple[Sign, ...]
    recorded: tuple[tuple[int, int], ...] = ()
    """stretches in which something was recorded, one cell fine"""
    gaps: tuple[tuple[int, int], ...] = ()
    """stretches in which some source is known to have lost points"""


class GetDifference(Message, frozen=True):
    """What is known now about a moment and was not known then."""

    at_ms: int
    most: int = 200
    """changed values named at most"""


class ValueChange(Struct, frozen=True):
    """One datastream whose value at the moment reads differently now. NaN: nothing known."""

    datastream: int
    then: float
    then_ms: int
    now: float
    now_ms: int
    quality: int
    """of the value as it reads now"""
    corrected: bool
    """the same point was sent again with another value; else it came late"""


class LateData(Struct, frozen=True):
    """Points of one source about a time before the moment that were recorded after it."""

    source: str
    points: int
    first_ms: int
    last_ms: int
    arrived_ms: int


class Difference(Message, frozen=True):
    at_ms: int
    live_then: int
    """datastreams with a value that was live, by what was known then"""
    live_now: int
    datastreams: int
    changed: tuple[ValueChange, ...]
    late_values: int
    corrected_values: int
    late: tuple[LateData, ...]
    late_complete: bool
    """false where only the first of the late data were counted"""
    alarms_then: int
    alarms_now: int
    alarms_later: tuple[AlarmRecord, ...]
    """stood at the moment by what is known now, and nobody knew"""
    causes_then: tuple[Incident, ...]
    causes_now: tuple[Incident, ...]
    prognoses_then: tuple[Prognosis, ...]
    """of those assets whose forecast has changed since"""
    prognoses_now: tuple[Prognosis, ...]
    orders_later: tuple[WorkOrder, ...]
    """created or written on since the moment, as they stand"""


class GetThresholds(Message, frozen=True):
    """At which values the alarm rules of these datastreams fire."""

    datastreams: tuple[int, ...]


class Threshold(Struct, frozen=True):
    datastream: int
    value: float
    above: bool
    """fires above the value, else below it"""
    priority: int
    rule: str


class Thresholds(Message, frozen=True):
    items: tuple[Threshold, ...]


Request = GetHistory | GetMoment | GetSigns | GetDifference | GetThresholds
Reply = History | Moment | Signs | Difference | Thresholds
