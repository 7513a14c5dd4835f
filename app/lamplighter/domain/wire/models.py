"""Trained models: their versions and cards, what a person decides on them, their record."""

from __future__ import annotations

from lamplighter.domain.models import ModelRecord
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


class ModelChanged(Message, frozen=True):
    """Event: a version came, was promoted, frozen, judged, or its inputs moved."""

    record: ModelRecord


Request = GetModels | PromoteModel
Reply = Models
Event = ModelChanged
