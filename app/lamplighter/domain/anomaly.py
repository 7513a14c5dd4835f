"""Anomalies as facts: what departs from the usual, why that is said, what a person made of it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lamplighter.domain.maintenance import SimilarCase

KINDS: Final = ("point", "drift", "change", "stuck", "noisy", "repeat", "together", "leak")
"""`leak`: a pressure fell and stayed low although neither flows nor other pressures explain it;
`together`: several signals of one asset, each usual by itself, do not fit each other"""
KIND_WORDS: Final = {
    "point": "unusual value",
    "drift": "slow drift",
    "change": "step change",
    "stuck": "stands still",
    "noisy": "unusually noisy",
    "repeat": "repeats exactly",
    "together": "signals do not fit together",
    "leak": "likely leak",
}
LEAK: Final = "leak"
REAL, FALSE = "real", "false"


def lasting(ms: float) -> str:
    """`40 minutes`, `19 hours`, `3 days`."""
    for size, least, word in (
        (86_400_000, 3, "day"),
        (3_600_000, 1, "hour"),
        (60_000, 1, "minute"),
    ):
        count = round(ms / size)
        if ms >= least * size:
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"


class KnownEvent(Struct, frozen=True):
    """Something people did or said that explains values of an asset in a time.

    `anew`: what was usual before says nothing about what is usual after it (a repair, a new
    set-point, a new sensor).
    """

    asset: str
    from_ms: int
    to_ms: int
    text: str
    """e.g. `planned works W-12: new cable`"""
    anew: bool = False
    datastream: int = -1
    """only this datastream; -1: all of the asset"""
    renewed: bool = False
    """the asset itself is another one after it: repaired, replaced or calibrated"""


class Anomaly(Struct, frozen=True, omit_defaults=True):
    """One departure of one datastream (or of one asset's signals together) from the usual."""

    id: str
    kind: str
    """one of `KINDS`"""
    asset: str
    datastream: int
    since_ms: int
    """when it began to depart"""
    found_ms: int
    """when that was seen"""
    reason: str
    """one sentence for people"""
    until_ms: int = 0
    """when it was over; 0 while it lasts"""
    value: float | None = None
    expected: float | None = None
    spread: float | None = None
    score: float = 0.0
    """1 is the limit from which it is said"""
    reaches_ms: int = 0
    """when it would pass its alarm limit if it went on like this; 0 = not within the foreseeable"""
    limit: float | None = None
    """that limit"""
    curve: tuple[float, ...] = ()
    """distance from the expected value in spreads, one an hour up to `found_ms`"""
    similar: tuple[SimilarCase, ...] = ()
    """at most three past cases that look like it, with what came of them"""
    verdict: str = ""
    """real | false; empty while nobody has said"""
    verdict_by: str = ""
    verdict_ms: int = 0
    note: str = ""
    order: str = ""
    """work order that was made from it"""
    signals: tuple[int, ...] = ()
    """of several signals together: the datastreams that are farthest off, the farthest first"""

    @property
    def shown(self) -> tuple[int, ...]:
        """The datastreams that it is about."""
        return (self.datastream,) if self.datastream >= 0 else self.signals

    @property
    def standing(self) -> bool:
        return not self.until_ms and not self.verdict
