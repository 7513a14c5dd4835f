"""Pictures of the crews' day and of what waiting costs, in the live demo with some orders."""

from __future__ import annotations

import random
from typing import Any, Final

from lamplighter.domain import wire
from lamplighter.domain.maintenance import WorkOrder

JOBS: Final = (
    ("Inspect bearing", "pumps", "Pump"), ("Look for a leak", "pipes", "Pipe"),
    ("Test the trip", "electrical", "Substation"), ("Calibrate", "instruments", "Traffic signal"),
    ("Inspect joints", "structures", "Road"),
)  # fmt: skip
COUNT: Final = 14
WEARING: Final = "P-22"


class CrewShots:
    """Steps of the director, after the maintenance list."""

    def __init__(self, director: Any) -> None:
        self._director = director
        self._window, self._desk = director._window, director._desk
        self._asked = False

    def steps(self, step: Any) -> list[Any]:
        """A board with a proposal, then the bands of the pump that wears."""
        at_once = lambda: True  # noqa: E731
        return [
            step("orders", at_once, self._orders, 2.0),
            step("crew plan", self._jobs_there, self._propose, 2.0, "crew-plan", self._planned),
            step("waiting", at_once, self._wait, 2.0, "waiting", self._weighed,
                 lambda: self._window.furnish().waiting),
        ]  # fmt: skip

    def _orders(self) -> None:
        chance = random.Random(6)
        assets = [a for a in self._desk.city.assets.values() if a.lon is not None]
        for number in range(COUNT):
            title, skill, kind = JOBS[number % len(JOBS)]
            of_kind = [a for a in assets if a.type == kind] or assets
            asset = of_kind[chance.randrange(len(of_kind))]
            order = WorkOrder("", asset.id, title, skill=skill, minutes=chance.choice([45, 60, 90]),
                              priority=chance.choice([1, 2, 3, 3]))  # fmt: skip
            self._desk.ask(wire.PutWorkOrder(order))
        self._director._go("Work", "crew")

    def _jobs_there(self) -> bool:
        board = self._window.furnish().crew
        return len(board.draft.jobs) >= COUNT and bool(board.draft.crews)

    def _propose(self) -> None:
        self._window.furnish().crew.propose.click()

    def _planned(self) -> bool:
        board = self._window.furnish().crew
        visits = board.draft.plan.visits
        if visits and not board.board.current:
            board.board.select(visits[0].order)
        return bool(visits)

    def _wait(self) -> None:
        self._director._go("Work", "waiting")
        self._desk.selection.select(WEARING)

    def _weighed(self) -> bool:
        card = self._window.furnish().waiting
        card.look()
        return card.found is not None and bool(card.found.choices)
