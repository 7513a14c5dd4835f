"""Looking at what was set aside, and retrying, exporting or deleting it."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.wire.message import Message


class GetQuarantine(Message, frozen=True):
    """The newest rows first; `before` continues a list."""

    limit: int = 300
    before: int = 0
    code: str = ""
    """only this reason"""


class QuarantineRow(Struct, frozen=True):
    """One kept row; the body is plain text, cut where it is long."""

    number: int
    source: str
    topic: str
    received_ms: int
    code: str
    reason: str
    points: int
    body: str
    size: int
    kept: bool
    """False: so many of its kind had come that its body was not kept"""


class Quarantine(Message, frozen=True):
    items: tuple[QuarantineRow, ...]
    totals: tuple[tuple[str, int, int, int], ...]
    """(code, ever set aside, points of these, rows kept now)"""
    cap: int
    """rows kept at most, for each reason"""
    oldest_ms: int
    """0 when nothing is kept"""


class RetryQuarantined(Message, frozen=True):
    """Read rows again with the mappings and rules of now."""

    numbers: tuple[int, ...]
    reason: str = ""


class QuarantineRetried(Message, frozen=True):
    done: tuple[int, ...]
    still: tuple[tuple[int, str], ...]
    """(row, why it stays)"""


class DeleteQuarantined(Message, frozen=True):
    """Delete rows, or with `code` all of one reason. They stay counted."""

    numbers: tuple[int, ...] = ()
    code: str = ""
    reason: str = ""


class ExportQuarantined(Message, frozen=True):
    """Write rows into a file: `.csv`, else JSON lines. No numbers: all of them."""

    path: str
    numbers: tuple[int, ...] = ()
    code: str = ""


Request = GetQuarantine | RetryQuarantined | DeleteQuarantined | ExportQuarantined
Reply = Quarantine | QuarantineRetried
