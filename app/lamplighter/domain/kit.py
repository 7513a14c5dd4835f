"""What a field kit is asked to hold, and what came of making or merging one."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.edits import Conflict, Value

DAYS: float = 90.0
VALID_DAYS: float = 30.0


class KitWanted(Struct, frozen=True, kw_only=True):
    """What to take: exactly one of area, assets, district, everything, changes."""

    area: tuple[float, float, float, float] | None = None
    """west, south, east, north in degrees"""
    assets: tuple[str, ...] = ()
    """these, and what is a part of them"""
    district: str = ""
    """id or name of an asset that others are parts of, or what they name as their district"""
    everything: bool = False
    changes: bool = False
    """only what was done on this console: the way back"""
    days: float = DAYS
    """of history"""
    valid_days: float = VALID_DAYS
    """how long a project may be begun from it; 0 for ever"""
    purpose: str = ""
    """for whom and for what, shown to who opens it"""


class KitConflict(Struct, frozen=True):
    """A field that two consoles changed without knowing of each other."""

    object: str
    field: str
    mine: Value
    theirs: Value
    safety: bool = False
    mine_by: str = ""
    theirs_by: str = ""


class KitChange(Struct, frozen=True):
    """A change that was made elsewhere and taken without a question."""

    object: str
    field: str
    value: Value
    by: str
    at_ms: int
    origin: str


class KitReport(Struct, frozen=True, kw_only=True):
    """How taking, showing or merging a kit went."""

    action: str
    """take | show | merge"""
    file: str
    kit: str
    name: str = ""
    """the console it is from"""
    key: str = ""
    """who signed it, 64 hexadecimal characters"""
    scope: str = ""
    purpose: str = ""
    made_ms: int = 0
    expires_ms: int = 0
    sealed: bool = False
    bytes: int = 0
    seconds: float = 0.0
    records: int = 0
    """taken: what it holds; merged: what was new here"""
    counts: dict[str, int] = {}
    bytes_by_kind: dict[str, int] = {}
    conflicts: tuple[KitConflict, ...] = ()
    safety: tuple[KitChange, ...] = ()
    """changes about safety that are no conflict: for a person to look at"""
    changes: tuple[KitChange, ...] = ()
    """the newest of the others"""
    warnings: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    """records that edits of the kit changed"""


class KitOrigin(Struct, frozen=True, kw_only=True):
    """Where a project that was begun from a kit comes from."""

    kit: str
    store: str
    name: str
    key: str
    scope: str
    made_ms: int
    expires_ms: int
    begun_ms: int
    token: str = ""
    returned_ms: int = 0
    """when a bundle for the way back was last made"""


class KitState(Struct, frozen=True, kw_only=True):
    """What the window of a kit says of itself."""

    origin: KitOrigin | None = None
    waiting: int = 0
    """edits of this console that were not in the last bundle"""
    store: str = ""
    """id of this console's store"""
    places: dict[str, str] = {}
    """store id -> what that console calls itself"""


def listed(conflicts: tuple[Conflict, ...], store: str) -> tuple[KitConflict, ...]:
    """Conflicts as two sides, seen from a console: its own newest edit is `mine`.

    With several others there is one row for each of them.
    """
    rows: list[KitConflict] = []
    for one in conflicts:
        own = [h for h in one.heads if h.origin == store]
        mine = own[0] if own else one.heads[-1]
        seen = {repr(mine.value)}
        for other in one.heads:
            if repr(other.value) in seen:
                continue
            seen.add(repr(other.value))
            rows.append(
                KitConflict(
                    one.object, one.field, mine.value, other.value, one.safety, mine.author,
                    other.author,
                )
            )  # fmt: skip
    return tuple(rows)
