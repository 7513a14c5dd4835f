"""The lane of suspect sensors, and withholding a datastream with a preview of what it would cost.

A withheld datastream is not the quarantine of messages: its values are stored, with a mark.
"""

from __future__ import annotations

from lamplighter.domain.suspicion import Loss, Suspect, Withheld
from lamplighter.domain.wire.message import Message


class GetSuspects(Message, frozen=True):
    """What is suspect and what is withheld."""


class Suspects(Message, frozen=True):
    """The lane. Also an event, whenever it changes."""

    items: tuple[Suspect, ...]
    withheld: tuple[Withheld, ...]
    watched: int = 0
    """datastreams that are compared with others"""
    abstained: int = 0
    """datastreams of which there is too little history, or no neighbour that explains them"""
    learned: str = ""
    """what the comparison stands on, in words"""
    trained_ms: int = 0


class PreviewWithhold(Message, frozen=True):
    """What would lose its input if this datastream were withheld."""

    key: str


class WithholdPreview(Message, frozen=True):
    key: str
    losses: tuple[Loss, ...]


class Withhold(Message, frozen=True):
    """Nothing is decided by this datastream any more; its values are stored with a mark."""

    key: str
    reason: str


class ReleaseWithheld(Message, frozen=True):
    key: str
    reason: str


class DismissSuspect(Message, frozen=True):
    """A person looked at it: it leaves the lane, and the model learns that this is usual."""

    key: str
    scope: str
    reason: str


class GetEvidence(Message, frozen=True):
    """The last minutes of a suspect datastream with its neighbours."""

    key: str


class EvidenceCurve(Message, frozen=True):
    key: str
    name: str
    unit: str
    values: tuple[float | None, ...]


class Evidence(Message, frozen=True):
    """Curves on one grid of time; the first is the suspect itself."""

    time_ms: tuple[int, ...]
    curves: tuple[EvidenceCurve, ...]
    expected: tuple[float | None, ...] = ()
    """what the neighbours say of the first; empty when they say nothing"""


Request = GetSuspects | PreviewWithhold | Withhold | ReleaseWithheld | DismissSuspect | GetEvidence
Reply = Suspects | WithholdPreview | Evidence
Event = Suspects
