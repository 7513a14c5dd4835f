"""Trained models: their versions and cards, what a person decides on them, their record."""

from __future__ import annotations

from lamplighter.domain.models import ModelRecord, ScoreRow, VerdictRow
from lamplighter.domain.wire.forecasts import ForecastRecord
from lamplighter.domain.wire.message import Message


class GetModels(Message, frozen=True):
    """Every version of every trained model."""


class Models(Message, frozen=True):
    items: tuple[ModelRecord, ...]


class PromoteModel(Message, frozen=True):
    """Use this version from now on; 0 = the one used last before the present one."""

    kind: str
    version: int
    reason: str


class ImportModel(Message, frozen=True):
    """Take a signed model package in as a candidate; the answer comes when it was tried."""

    path: str


class TrainModel(Message, frozen=True):
    """Train a new version on the project's past; it waits as a candidate where one is in use."""

    kind: str


class GetScoreboard(Message, frozen=True):
    """How forecasts, anomalies and suspicions fared."""


class Scoreboard(Message, frozen=True):
    rows: tuple[ScoreRow, ...]
    verdicts: tuple[VerdictRow, ...] = ()
    """what people made of anomalies and suspicions, by class of asset and by detector"""
    forecasts: tuple[ForecastRecord, ...] = ()
    """what became of the forecasts of the next hours"""


class ModelChanged(Message, frozen=True):
    """Event: a version came, was promoted, frozen, judged, or its inputs moved."""

    record: ModelRecord


Request = GetModels | PromoteModel | ImportModel | TrainModel | GetScoreboard
Reply = Models | Scoreboard
Event = ModelChanged
