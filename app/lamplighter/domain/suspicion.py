"""Whether a sensor is genuine: what was found, and what a person withheld.

Two words that are easily mixed up: a *message* that cannot be stored goes to the quarantine; a
*datastream* that cannot be believed is *withheld*: its values are still stored, with a mark, and
nothing is decided by them.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

SUSPECT: Final = "suspect "
"""prefix of the settings that hold what was found"""
WITHHELD: Final = "withheld "
MODEL: Final = "suspicion.model"

LOOKS: Final = ("broken", "tampered", "process", "message")


class Suspect(Struct, frozen=True):
    """One suspicion, about a datastream, a sender or the process."""

    key: str
    """`source/name` of a datastream, the sender's name, or the key of the worst of several"""
    scope: str
    """datastream | source | process"""
    kind: str
    """what it looks like, e.g. stuck, replay, unit change, second publisher"""
    looks: str
    """broken | tampered | process | message"""
    reason: str
    """one sentence, with the neighbours it was compared with"""
    check: str
    """the check that decided"""
    score: float
    """how many times the highest of clean history, 1 for checks that count"""
    since_ms: int
    seen_ms: int
    """when it was found last"""
    neighbours: tuple[str, ...] = ()
    """keys of the datastreams it was compared with"""
    expected: float | None = None
    """what the neighbours say it should read"""
    evidence: tuple[str, ...] = ()
    standing: bool = True
    """False: it is not seen any more and waits for somebody to look at it"""

    @property
    def id(self) -> str:
        """One for each thing that is doubted; of a sender one for each kind of sign."""
        kind = f"\x1f{self.kind}" if self.scope == "source" else ""
        return f"{self.scope}\x1f{self.key}{kind}"


class Withheld(Struct, frozen=True):
    """A datastream that nothing may be decided by, until a person releases it."""

    key: str
    user: str
    reason: str
    since_ms: int


class Loss(Struct, frozen=True):
    """One thing that would lose its input."""

    what: str
    """command | interlock | rule | forecast | KPI | neighbour | comparison"""
    name: str
    asset: str
    words: str
    """what becomes of it"""
