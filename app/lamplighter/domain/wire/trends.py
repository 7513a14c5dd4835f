"""Kept sets of charts, and curves written into a file."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.wire.message import Message


class TrendPreset(Struct, frozen=True):
    """Charts under a name. Datastreams are named `source/name`, so that they outlast their ids."""

    name: str
    charts: tuple[tuple[str, ...], ...]
    span_s: int = 1800
    normalised: bool = False
    ghost_ms: int = 0


class GetTrendPresets(Message, frozen=True):
    pass


class TrendPresets(Message, frozen=True):
    """Reply and event: all of them, by name."""

    items: tuple[TrendPreset, ...] = ()


class PutTrendPreset(Message, frozen=True):
    """Keep a preset; one of the same name is replaced."""

    preset: TrendPreset


class DropTrendPreset(Message, frozen=True):
    name: str


class WriteTrend(Message, frozen=True):
    """Write what charts show into a file: `csv` or `parquet`, by its ending."""

    path: str
    datastreams: tuple[int, ...]
    from_ms: int
    to_ms: int
    points: int = 2_000
    as_known_at_ms: int | None = None


class TrendWritten(Message, frozen=True):
    path: str
    rows: int
    reduced: bool
    """true where cells of minimum, mean and maximum stand for the points"""


Request = GetTrendPresets | PutTrendPreset | DropTrendPreset | WriteTrend
Reply = TrendPresets | TrendWritten
Event = TrendPresets
