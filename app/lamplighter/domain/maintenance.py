"""Forecasts with their evidence, and work orders."""

from __future__ import annotations

from msgspec import Struct


class Reason(Struct, frozen=True):
    """One signal's share in a forecast, largest first."""

    signal: str
    share: float
    text: str


class SimilarCase(Struct, frozen=True):
    """A past case like this one and what came of it."""

    asset: str
    when_ms: int
    outcome: str
    distance: float


class Prognosis(Struct, frozen=True):
    """How likely an asset fails within a horizon. Without a basis there is no number."""

    asset: str
    made_ms: int
    horizon_days: float
    probability_30d: float | None
    low: float | None
    high: float | None
    days_low: float | None = None
    days_high: float | None = None
    basis: str = ""
    """what the model learned from, e.g. `simulated history, 12 failures`; or why there is none"""
    reasons: tuple[Reason, ...] = ()
    similar: tuple[SimilarCase, ...] = ()
    trust: float = 1.0
    naive_probability: float | None = None
    model: str = ""
    what: str = ""
    """e.g. `Booster pump, bearing`"""
    people: int = 0


class WorkOrder(Struct, frozen=True):
    """A job on an asset."""

    id: str
    asset: str
    title: str
    state: str = "open"
    """open | planned | done | cancelled"""
    created_ms: int = 0
    due_ms: int = 0
    origin: str = "hand"
    """forecast | alarm | hand"""
    created_by: str = ""
    note: str = ""
    finding: str = ""
    """after closing: `found: ...`, `not found: ...`, or `failed: ...` for a failure on record"""
    closed_ms: int = 0
