"""How much a project's history takes, how long it is kept, and how long the disk lasts."""

from __future__ import annotations

from lamplighter.domain.retention import Retention
from lamplighter.domain.wire.message import Message


class GetStorage(Message, frozen=True):
    """Answered by Storage."""


class SetRetention(Message, frozen=True):
    """Change how long history is kept; carried out within a minute. Answered by Storage."""

    retention: Retention


class Storage(Message, frozen=True):
    """Figures of this moment."""

    retention: Retention
    points: int
    """points that are there, sealed or hot"""
    expired_points: int
    segments: int
    sealed_points: int
    sealed_bytes: int
    history_bytes: int
    """history.db with its hot points and rollups"""
    oldest_ms: int
    """recorded time of the oldest point that is there, 0 when there is none"""
    points_per_day: float
    bytes_per_point: float
    """what a point costs for good, rollups included"""
    disk_free_bytes: int
    days_left: float | None
    """None: the disk does not fill within ten years"""
    measured: bool
    """false while the figures are estimates, because nothing was sealed yet"""


Request = GetStorage | SetRetention
Reply = Storage
