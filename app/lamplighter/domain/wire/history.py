"""Questions about the past."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from lamplighter.domain.alarm import AlarmRecord, Incident
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


Request = GetHistory | GetMoment
Reply = History | Moment
