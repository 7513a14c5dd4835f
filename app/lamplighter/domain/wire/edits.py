"""Changing fields of records, their history, and the conflicts that wait for a decision."""

from __future__ import annotations

from msgspec import field

from lamplighter.domain.edits import Conflict, Edit, Value
from lamplighter.domain.wire.message import Message


class EditFields(Message, frozen=True):
    """Set fields of one object; answered with `Edited`.

    `seen`: per field the heads the author looked at, e.g. both sides of a conflict that is being
    settled; a field that is not named there was seen as it stands. `second`: who decides with the
    author; needed, with a reason, where a conflict about safety is settled.
    """

    object: str
    changes: dict[str, Value]
    reason: str = ""
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    second: str = ""


class Edited(Message, frozen=True):
    """How an object stands after edits. Also an event, whenever one changes, merges included."""

    object: str
    fields: dict[str, Value]
    conflicts: tuple[Conflict, ...] = ()


class GetRecords(Message, frozen=True):
    """All objects of a kind (`note`, `attachment`, `order`), or one object by its whole name."""

    kind: str


class Records(Message, frozen=True):
    """Fields by object."""

    items: dict[str, dict[str, Value]]


class GetEdits(Message, frozen=True):
    """Every edit of an object, oldest first: who set what, when, where and why."""

    object: str


class EditHistory(Message, frozen=True):
    object: str
    edits: tuple[Edit, ...]


class GetConflicts(Message, frozen=True):
    pass


class Conflicts(Message, frozen=True):
    """All that wait for a decision. Also an event, when the list changed."""

    items: tuple[Conflict, ...]


Request = EditFields | GetRecords | GetEdits | GetConflicts
Reply = Edited | Records | EditHistory | Conflicts
Event = Edited | Conflicts
