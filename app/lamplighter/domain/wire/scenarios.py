"""What-ifs: a simulation with other settings, run beside the live city."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.wire.message import Message


class RunScenario(Message, frozen=True):
    """Start a what-if; its result comes as a `ScenarioDone` event."""

    name: str
    settings: dict[str, str]


class ScenarioRow(Struct, frozen=True):
    asset: str
    quantity: str
    unit: str
    baseline: float
    outcome: float
    low: float
    high: float


class ScenarioDone(Message, frozen=True):
    name: str
    settings: dict[str, str]
    rows: tuple[ScenarioRow, ...]
    summary: str
    basis: str


Request = RunScenario
Event = ScenarioDone
