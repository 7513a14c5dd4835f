"""The next hours beside now."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.forecast import Figure, Forecast
from lamplighter.domain.wire.message import Message


class PutFigures(Message, frozen=True):
    """The figures a window shows: the recorder forecasts them from now on, also without it."""

    figures: tuple[Figure, ...]


class GetForecasts(Message, frozen=True):
    """The newest forecasts. Datastreams that are named are forecast from now on; those that
    nobody asked about for a long time make room.
    """

    datastreams: tuple[int, ...] = ()


class Forecasts(Message, frozen=True):
    """Reply and event: forecasts as they stand."""

    items: tuple[Forecast, ...] = ()
    due_ms: int = 0
    """when they are made anew"""


class ForecastRecord(Struct, frozen=True):
    """What became of the forecasts of one datastream or figure."""

    id: str
    name: str
    judged: int
    """outcomes ever judged"""
    mae: float | None
    """newer outcomes count more"""
    naive_mae: float | None
    coverage: float | None
    """share of outcomes inside the 90 % band"""
    frozen: bool
    why: str = ""
    stated: float = 0.9
    """share that the band promises"""
    looked_back: int = 0
    """hours of its history that it was walked over before it was made"""
    back_mae: float | None = None
    back_naive_mae: float | None = None
    back_coverage: float | None = None
    """the same figures over those hours"""
    unit: str = ""


class GetForecastRecords(Message, frozen=True):
    """How forecasts did against what came, beside the naive rule."""


class ForecastRecords(Message, frozen=True):
    items: tuple[ForecastRecord, ...] = ()


Request = PutFigures | GetForecasts | GetForecastRecords
Reply = Forecasts | ForecastRecords
Event = Forecasts
