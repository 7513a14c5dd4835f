"""Expected values with their reasons, and anomalies."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.wire.message import Message


class ExpectedRow(Struct, frozen=True, omit_defaults=True):
    """What came of one datastream the last time the usual was learned."""

    datastream: int
    why: str
    """`used`, or why its model is not"""
    season: str = ""
    error: float | None = None
    """mean absolute error over the judged hours, in the datastream's unit"""
    naive: float | None = None
    """the same of the best naive rule"""
    rule: str = ""
    """that rule"""
    judged: int = 0
    """hours judged"""


class ExpectedCard(Struct, frozen=True, omit_defaults=True):
    """The last time of learning as a whole."""

    made_ms: int = 0
    """0 = never"""
    first_ms: int = 0
    last_ms: int = 0
    """the stretch of history it was learned from"""
    seconds: float = 0.0
    """processor time is about this; wall time of the worker"""
    used: int = 0
    datastreams: int = 0
    counts: dict[str, int] = {}
    """why -> how many datastreams"""
    rows: tuple[ExpectedRow, ...] = ()


class GetExpectedState(Message, frozen=True):
    """When the usual was learned, from what, and what came of it."""


class ExpectedState(Message, frozen=True):
    card: ExpectedCard = ExpectedCard()
    """without its rows"""
    due_ms: int = 0
    """when it is learned next"""


class TrainExpected(Message, frozen=True):
    """Learn now. Answered by TaskStarted or Refused."""


class GetExpected(Message, frozen=True):
    """What one datastream should read now, and why. Answered by Expected."""

    datastream: int


class Expected(Message, frozen=True):
    """`text` is one sentence; `why_not` says why there is no value from history."""

    datastream: int
    basis: str
    """none | since the start | history | plugin"""
    text: str
    why_not: str = ""
    neighbours: tuple[int, ...] = ()
    row: ExpectedRow | None = None


class GetExpectedCurve(Message, frozen=True):
    """What datastreams should have read in [from_ms, to_ms), by the table that is in use now."""

    datastreams: tuple[int, ...]
    from_ms: int
    to_ms: int
    points: int = 300


class ExpectedCurve(Struct, frozen=True):
    """`expected` and `spread` are NaN where the model abstains."""

    datastream: int
    time_ms: np.ndarray
    expected: np.ndarray
    spread: np.ndarray


class ExpectedCurves(Message, frozen=True):
    items: tuple[ExpectedCurve, ...]


class GetCompleteness(Message, frozen=True):
    """How completely the twin knows an asset."""

    asset: str


class Completeness(Message, frozen=True):
    """`score` 0..1 of `expected` things; `missing` in words, sensors first."""

    asset: str
    score: float
    expected: int
    missing: tuple[str, ...] = ()


class GetRelation(Message, frozen=True):
    """How an asset's signals go together now. Answered by Relation."""

    asset: str


class Relation(Message, frozen=True):
    """`score` 1 is the limit, None while it is not judged; then `why` says why, in a few words.
    Both are empty for an asset with fewer than three signals.
    """

    asset: str
    score: float | None = None
    at_ms: int = 0
    why: str = ""
    judged: tuple[int, ...] = ()
    """datastreams that the others tell well enough"""


class GetAnomalies(Message, frozen=True):
    """Anomalies found in [from_ms, to_ms), newest first; 0 = open."""

    from_ms: int = 0
    to_ms: int = 0
    limit: int = 500
    asset: str = ""


class Anomalies(Message, frozen=True):
    items: tuple[Anomaly, ...]
    real: int = 0
    """how many a person called real, of all on record"""
    false: int = 0


class AnomaliesChanged(Message, frozen=True):
    """New ones, and those that changed."""

    items: tuple[Anomaly, ...]


class JudgeAnomaly(Message, frozen=True):
    """A person says what it was: `real`, `false`, or empty to take that back."""

    id: str
    verdict: str
    note: str = ""
    order: str = ""
    """a work order made from it"""


Request = (
    GetExpectedState
    | TrainExpected
    | GetExpected
    | GetExpectedCurve
    | GetCompleteness
    | GetRelation
    | GetAnomalies
    | JudgeAnomaly
)
Reply = ExpectedState | Expected | ExpectedCurves | Completeness | Relation | Anomalies
Event = ExpectedState | AnomaliesChanged
