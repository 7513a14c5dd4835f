"""Keeps everything that happened in SQLite, append-only in meaning, with two clocks."""

from lamplighter.store.access import WriteAccess
from lamplighter.store.export import ObservationRow
from lamplighter.store.growth import DiskUse
from lamplighter.store.outgoing import OutgoingStore
from lamplighter.store.rebuild import rebuild
from lamplighter.store.replay import RecordedBatch
from lamplighter.store.retention import SETTING as RETENTION
from lamplighter.store.retention import expire
from lamplighter.store.sealer import Sealer, SealReport
from lamplighter.store.store import Store
from lamplighter.store.verify import VerifyReport
from lamplighter.store.writer import Writer

__all__ = [
    "RETENTION",
    "DiskUse",
    "ObservationRow",
    "OutgoingStore",
    "RecordedBatch",
    "SealReport",
    "Sealer",
    "Store",
    "VerifyReport",
    "WriteAccess",
    "Writer",
    "expire",
    "rebuild",
]
