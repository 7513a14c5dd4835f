"""The crews' day, and what waiting costs."""

from __future__ import annotations

from lamplighter.domain.crew_plan import Crew, Job, Plan
from lamplighter.domain.waiting import Waiting, WaitingCosts
from lamplighter.domain.wire.message import Message


class GetCrewPlan(Message, frozen=True):
    """How a day is planned. `day_ms`: its local midnight in UTC ms."""

    day_ms: int


class ProposeCrewPlan(Message, frozen=True):
    """A plan for the day that changes nothing yet; `ways` (crew -> orders) stay as they are."""

    day_ms: int
    ways: dict[str, tuple[str, ...]]


class TakeCrewPlan(Message, frozen=True):
    """Give the day's orders their crews and times; orders of that day that no crew has any more
    are open again."""

    day_ms: int
    ways: dict[str, tuple[str, ...]]
    reason: str = ""


class CrewPlan(Message, frozen=True):
    """A day: crews, all jobs that could be done in it, and who does which when."""

    crews: tuple[Crew, ...]
    jobs: tuple[Job, ...]
    plan: Plan


class PutCrew(Message, frozen=True):
    """Keep a crew; an empty id makes a new one."""

    crew: Crew


class DropCrew(Message, frozen=True):
    id: str


class GetWaiting(Message, frozen=True):
    """Repair now, in two weeks or never, for one asset."""

    asset: str


class WaitingFor(Message, frozen=True):
    waiting: Waiting


class SetWaitingCosts(Message, frozen=True):
    """What assets of a class cost."""

    asset_class: str
    costs: WaitingCosts


Request = (
    GetCrewPlan | ProposeCrewPlan | TakeCrewPlan | PutCrew | DropCrew | GetWaiting | SetWaitingCosts
)
Reply = CrewPlan | WaitingFor
