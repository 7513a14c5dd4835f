"""A day's plan while a person works on it: moves, undo, and what each move would cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lamplighter.domain import wire
from lamplighter.domain.crew_plan import Crew, Job, Plan, Visit, as_plan, reason, worth

LEFT: Final = ""
"""the row of what no crew has"""
Ways = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What putting a job somewhere would do."""

    extra_m: float
    troubles: tuple[str, ...]


class CrewDraft:
    """The plan as it is kept, and the ways as they stand in the hands of a person."""

    def __init__(self) -> None:
        self.day_ms = 0
        self.crews: tuple[Crew, ...] = ()
        self.jobs: dict[str, Job] = {}
        self.kept: Ways = {}
        self.ways: Ways = {}
        self._past: list[Ways] = []
        self.plan = Plan(0, (), ())

    def load(self, found: wire.CrewPlan) -> bool:
        """Take the recorder's answer; says whether a changed draft was thrown away for it.

        A draft stays when the day is the same and its jobs and crews are still there.
        """
        kept = {c.id: tuple(v.order for v in found.plan.of(c.id)) for c in found.crews}
        names = {j.order for j in found.jobs}
        mine = {o for way in self.ways.values() for o in way}
        same = self.day_ms == found.plan.day_ms and set(self.ways) == set(kept) and mine <= names
        stays = self.changed and same
        lost = self.changed and not same
        self.day_ms, self.crews, self.kept = found.plan.day_ms, found.crews, kept
        self.jobs = {j.order: j for j in found.jobs}
        if not stays:
            self.ways, self._past = dict(kept), []
        self._settle()
        return lost

    @property
    def changed(self) -> bool:
        """Whether the ways differ from what is kept."""
        return self.ways != self.kept

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    def left(self) -> tuple[str, ...]:
        """Orders no crew has, the weightiest first."""
        return tuple(u.order for u in self.plan.unplanned)

    def row_of(self, order: str) -> tuple[str, int]:
        """(crew, place) of an order; the crew is `LEFT` where nobody has it."""
        for crew, way in self.ways.items():
            if order in way:
                return crew, way.index(order)
        left = self.left()
        return LEFT, left.index(order) if order in left else 0

    def visit(self, order: str) -> Visit | None:
        return next((v for v in self.plan.visits if v.order == order), None)

    def why(self, order: str) -> str:
        """Why an order stands where it stands, or why nobody has it."""
        visit = self.visit(order)
        if visit is None:
            return next((u.why for u in self.plan.unplanned if u.order == order), "")
        crew = next(c for c in self.crews if c.id == visit.crew)
        words = reason(self.jobs[order], visit, crew, self.day_ms)
        return "; ".join([*visit.troubles, words])

    # ------------------------------------------------------------------ changing
    def moved(self, order: str, crew: str, place: int) -> Ways:
        """The ways with an order put at a place of a crew, or taken from all (`LEFT`)."""
        ways = {c: tuple(o for o in way if o != order) for c, way in self.ways.items()}
        if crew != LEFT:
            way = ways[crew]
            ways[crew] = (*way[:place], order, *way[place:])
        return ways

    def effect(self, order: str, crew: str, place: int) -> Effect:
        """What a move would do to the day's way, and what would be wrong with it."""
        ways = self.moved(order, crew, place)
        after = self._planned(ways)
        visit = next((v for v in after.visits if v.order == order), None)
        troubles = visit.troubles if visit is not None else ()
        old = {v.order for v in self.plan.visits if v.troubles}
        pushed = [v for v in after.visits if v.troubles and v.order not in old | {order}]
        if pushed:
            names = ", ".join(self.jobs[v.order].title for v in pushed[:2])
            troubles = (*troubles, f"{names}: {pushed[0].troubles[0]}")
        return Effect(after.travel_m - self.plan.travel_m, troubles)

    def put(self, ways: Ways) -> bool:
        """Make these the ways; False when nothing changes."""
        if ways == self.ways:
            return False
        self._past.append(self.ways)
        self.ways = {c.id: tuple(ways.get(c.id, ())) for c in self.crews}
        self._settle()
        return True

    def undo(self) -> None:
        if self._past:
            self.ways = self._past.pop()
            self._settle()

    def _settle(self) -> None:
        self.plan = self._planned(self.ways)

    def _planned(self, ways: Ways) -> Plan:
        chosen = {c: [self.jobs[o] for o in way if o in self.jobs] for c, way in ways.items()}
        placed = {j.order for way in chosen.values() for j in way}
        rest = [j for o, j in self.jobs.items() if o not in placed]
        rest.sort(key=lambda j: (-worth(j, self.day_ms), j.order))
        return as_plan(self.crews, chosen, rest, self.day_ms)
