"""Where the city is measured and where it is not."""

from __future__ import annotations

import numpy as np

from lamplighter.domain.coverage import Rule, Subject
from lamplighter.domain.wire.message import Message


class GetCoverage(Message, frozen=True):
    """How each district is measured now, or was at a moment of the past."""

    at_ms: int | None = None
    as_known: bool = True
    """by what had been recorded then"""
    rule: Rule | None = None
    """another than the usual one"""
    seen: int = 0
    """`Coverage.version` that is known already: the same one is answered by Ok"""


class Coverage(Message, frozen=True):
    """Districts with their outlines, and what is measured in each. Matrices are (districts,
    subjects); `counts` are datastreams, `near` is the share of people with a
    live sensor near (NaN: nobody lives there), `verdict` is a row of `coverage.VERDICTS`.
    """

    version: int
    at_ms: int
    ids: tuple[str, ...]
    names: tuple[str, ...]
    origin: str
    """outline | named | squares"""
    square_m: float
    points: np.ndarray
    """(n, 2) corners of all outlines, local metres; see `districts.Districts`"""
    ring_start: np.ndarray
    ring_of: np.ndarray
    area_m2: np.ndarray
    heads: np.ndarray
    """(districts,) people, or buildings"""
    counted: str
    """people | buildings | empty where neither is known"""
    subjects: tuple[Subject, ...]
    counts: np.ndarray
    """(3, districts, subjects) live, stale and suspect"""
    near: np.ndarray
    verdict: np.ndarray
    district_of: np.ndarray
    """by datastream id, -1 outside of every district"""
    outside: int
    """datastreams with a place outside of every district"""
    placeless: int
    """datastreams without a place"""
    rule: Rule


Request = GetCoverage
Reply = Coverage
