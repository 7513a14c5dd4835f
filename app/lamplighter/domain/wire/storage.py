"""How much a project's history takes, how long it is kept, and how long the disk lasts."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.retention import Retention
from lamplighter.domain.wire.message import Message


class GetStorage(Message, frozen=True):
    """Answered by Storage."""


class SetRetention(Message, frozen=True):
    """Change how long history is kept; carried out within a minute. Answered by Storage."""

    retention: Retention


class PreviewRetention(Message, frozen=True):
    """What a rule would take away at once; changes nothing. Answered by RetentionPreview."""

    retention: Retention


class RetentionPreview(Message, frozen=True):
    """Counted by whole segments, so a little of what is nearly old enough may stay."""

    points: int
    """single points that would go, those around alarms among them"""
    segments: int
    bytes: int
    until_ms: int
    """recorded time of the newest point that would go, 0 when none would"""
    rollup_points: int
    """points of which not even minimum, mean and maximum would stay"""
    days_left: float | None
    """what the disk would last; None: it does not fill within ten years"""


class StoragePart(Struct, frozen=True):
    """One kind of data in the project's folder."""

    kind: str
    """hot, sealed, rollups, spare, city, media, cache, aside"""
    bytes: int
    files: int = 0
    """of folders, how many files; 0 for parts of a database"""
    whole: bool = True
    """false: there are more files than were counted"""


class LastBackup(Struct, frozen=True):
    """The newest backup that was made and read back here."""

    wall_ms: int
    file: str
    bytes: int
    encrypted: bool


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
    parts: tuple[StoragePart, ...] = ()
    bytes_per_day: float = 0.0
    """what a day adds for good"""
    backup: LastBackup | None = None


Request = GetStorage | SetRetention | PreviewRetention
Reply = Storage | RetentionPreview
