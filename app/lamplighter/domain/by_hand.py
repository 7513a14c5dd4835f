"""A value set by hand, and a point in maintenance: marked everywhere, never taken for measured.

Both end by themselves. Neither is an observation of the datastream: what the sensor sends is stored
as it comes.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

VALUE, MAINTENANCE = "value", "maintenance"
SOURCE: Final = "hand-"
"""a source of this beginning holds values that people set; it is never missed"""
SHORTEST_MS: Final = 60_000
LONGEST_MS: Final = 30 * 86_400_000


class HandMark(Struct, frozen=True):
    """One datastream whose shown value is not simply what its sensor says."""

    key: str
    """source/name of the datastream"""
    kind: str
    """value | maintenance"""
    user: str
    reason: str
    since_ms: int
    until_ms: int
    """it ends by itself at this wall time"""
    value: float | None = None
    """for `value`: in the unit of the datastream; of a datastream with words the index"""
    text: str = ""
    """the value in words, with its unit"""
