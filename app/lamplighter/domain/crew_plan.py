"""Who does which job when: a day's plan for crews that respects skills, shifts, distance and risk.

A crew's day is a sequence of jobs, each begun as soon as the one before it is done and the way is
driven, so visits never overlap. The plan serves the weightiest jobs first and puts each where it
costs the least extra way; a second pass moves and swaps jobs while the way gets shorter. It is
deterministic: the same jobs and crews give the same plan everywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
DETOUR: Final = 1.4
"""way driven over straight line, usual in towns"""
KMH: Final = 25.0
PASSES: Final = 60
"""improvements tried at most"""
_EARTH_M: Final = 6_371_000.0


class Crew(Struct, frozen=True):
    """People who go out together."""

    id: str
    name: str
    skills: tuple[str, ...] = ()
    begin: int = 7 * 60
    """of the shift, minutes after midnight of the plan's day"""
    end: int = 15 * 60
    lon: float | None = None
    lat: float | None = None
    """where the day begins; `None`: at the first job"""
    people: int = 2


class Job(Struct, frozen=True):
    """What a plan needs to know of a work order. Without a place (`None`) no way is counted."""

    order: str
    title: str
    asset: str = ""
    skill: str = ""
    minutes: int = 60
    lon: float | None = None
    lat: float | None = None
    due_ms: int = 0
    priority: int = 3
    risk: float = 0.0
    """people who would lose service, times the chance that they do within 30 days"""


class Visit(Struct, frozen=True):
    """One job in a crew's day; times in ms UTC."""

    order: str
    crew: str
    begin_ms: int
    end_ms: int
    travel_min: float
    """way to it from the place before"""
    travel_m: float
    troubles: tuple[str, ...] = ()
    """why it should not be there: `skill missing: electrical`, `ends after the shift`, ..."""


class Unplanned(Struct, frozen=True):
    order: str
    why: str


class Plan(Struct, frozen=True):
    """A day. `visits` by crew and time."""

    day_ms: int
    visits: tuple[Visit, ...]
    unplanned: tuple[Unplanned, ...]

    @property
    def travel_m(self) -> float:
        return sum(v.travel_m for v in self.visits)

    def of(self, crew: str) -> tuple[Visit, ...]:
        """A crew's visits in order."""
        return tuple(v for v in self.visits if v.crew == crew)


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Driven way between two places (lon, lat) in metres: the straight line times `DETOUR`."""
    (lon1, lat1), (lon2, lat2) = a, b
    x = math.radians(lon2 - lon1) * math.cos(math.radians((lat1 + lat2) / 2))
    y = math.radians(lat2 - lat1)
    return DETOUR * _EARTH_M * math.hypot(x, y)


def worth(job: Job, day_ms: int) -> float:
    """What serving a job today is worth: priority first, then what is due, then people at risk."""
    value = {1: 10_000.0, 2: 1_000.0}.get(job.priority, 100.0)
    if job.due_ms and job.due_ms < day_ms + DAY_MS:
        value += 2_000.0
    return value + min(max(job.risk, 0.0), 900.0)


def schedule(crew: Crew, jobs: Sequence[Job], day_ms: int) -> tuple[Visit, ...]:
    """The crew's day when it does `jobs` in this order, with what is wrong about each."""
    at = None if crew.lon is None or crew.lat is None else (crew.lon, crew.lat)
    now = day_ms + crew.begin * MINUTE_MS
    shift_end = day_ms + crew.end * MINUTE_MS
    found = []
    for job in jobs:
        place = at if job.lon is None or job.lat is None else (job.lon, job.lat)
        way = 0.0 if at is None or place is None else distance_m(at, place)
        travel = way / (KMH * 1000 / 60)
        begin = now + math.ceil(travel) * MINUTE_MS
        end = begin + max(job.minutes, 1) * MINUTE_MS
        troubles = []
        if job.skill and job.skill not in crew.skills:
            troubles.append(f"skill missing: {job.skill}")
        if end > shift_end:
            troubles.append("ends after the shift")
        if job.due_ms and end > job.due_ms >= day_ms:
            troubles.append("later than it is due")
        found.append(Visit(job.order, crew.id, begin, end, travel, way, tuple(troubles)))
        at, now = place, end
    return tuple(found)


def propose(
    crews: Sequence[Crew],
    jobs: Sequence[Job],
    day_ms: int,
    keep: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """A plan of the day. `keep`: orders by crew that stay with it, in that order, whatever it
    costs. `day_ms`: local midnight in UTC ms."""
    known = {job.order: job for job in jobs}
    ways = {c.id: [known[o] for o in (keep or {}).get(c.id, ()) if o in known] for c in crews}
    held = {job.order for way in ways.values() for job in way}
    free = sorted(
        (j for j in jobs if j.order not in held), key=lambda j: (-worth(j, day_ms), j.order)
    )
    left = [job for job in free if not _insert(crews, ways, job, day_ms)]
    _improve(crews, ways, held, day_ms)
    left = [job for job in left if not _insert(crews, ways, job, day_ms)]
    return as_plan(crews, ways, left, day_ms)


def as_plan(
    crews: Sequence[Crew], ways: Mapping[str, Sequence[Job]], left: Iterable[Job], day_ms: int
) -> Plan:
    """The plan that given ways make, and why the rest has no place in it."""
    visits = [v for c in crews for v in schedule(c, ways.get(c.id, ()), day_ms)]
    return Plan(
        day_ms,
        tuple(visits),
        tuple(Unplanned(j.order, _why_not(crews, ways, j, day_ms)) for j in left),
    )


def sound(visits: Iterable[Visit]) -> bool:
    """Whether nothing is wrong but, at most, that a job is late."""
    return all(t == "later than it is due" for v in visits for t in v.troubles)


def _insert(
    crews: Sequence[Crew], ways: dict[str, list[Job]], job: Job, day_ms: int, but: str = ""
) -> bool:
    """Put a job where it costs the least extra minutes; False when it fits nowhere."""
    best: tuple[float, int, int] | None = None
    for number, crew in enumerate(crews):
        if crew.id == but or (job.skill and job.skill not in crew.skills):
            continue
        way = ways[crew.id]
        visits = schedule(crew, way, day_ms)
        before, wrong = _cost(visits), _wrong(visits)
        for place in range(len(way) + 1):
            visits = schedule(crew, [*way[:place], job, *way[place:]], day_ms)
            if _wrong(visits) > wrong:
                continue
            extra = _cost(visits) - before
            if best is None or extra < best[0] - 1e-9:
                best = (extra, number, place)
    if best is None:
        return False
    ways[crews[best[1]].id].insert(best[2], job)
    return True


def _wrong(visits: Sequence[Visit]) -> int:
    """Visits that should not be there; a person may have put them there all the same."""
    return sum(not sound([v]) for v in visits)


def _cost(visits: Sequence[Visit]) -> float:
    """Minutes on the way, and an hour for each job that is later than it is due."""
    late = sum(any(t.startswith("later") for t in v.troubles) for v in visits)
    return sum(v.travel_min for v in visits) + 60.0 * late


def _improve(
    crews: Sequence[Crew], ways: dict[str, list[Job]], held: set[str], day_ms: int
) -> None:
    """Move single jobs and swap pairs while that saves way; nothing held is touched."""
    by_id = {c.id: c for c in crews}
    for _ in range(PASSES):
        if not _move_one(by_id, ways, held, day_ms) and not _swap_two(by_id, ways, held, day_ms):
            return


def _total(by_id: Mapping[str, Crew], ways: Mapping[str, Sequence[Job]], day_ms: int,
           *chosen: str) -> float | None:  # fmt: skip
    """Cost of the named crews' ways, or None when one of them is not sound."""
    cost = 0.0
    for crew in set(chosen):
        visits = schedule(by_id[crew], ways[crew], day_ms)
        if not sound(visits):
            return None
        cost += _cost(visits)
    return cost


def _move_one(
    by_id: Mapping[str, Crew], ways: dict[str, list[Job]], held: set[str], day_ms: int
) -> bool:
    for source, target in itertools.product(by_id, by_id):
        for at, job in enumerate(ways[source]):
            if job.order in held:
                continue
            before = _total(by_id, ways, day_ms, source, target)
            for place in range(len(ways[target]) + (source != target)):
                tried = {source: list(ways[source]), target: list(ways[target])}
                tried[source].pop(at)
                if source == target:
                    tried[target] = tried[source]
                tried[target].insert(place, job)
                after = _total(by_id, {**ways, **tried}, day_ms, source, target)
                if after is not None and before is not None and after < before - 1e-6:
                    ways.update(tried)
                    return True
    return False


def _swap_two(
    by_id: Mapping[str, Crew], ways: dict[str, list[Job]], held: set[str], day_ms: int
) -> bool:
    places = [(c, n) for c in by_id for n in range(len(ways[c])) if ways[c][n].order not in held]
    for (one, i), (two, j) in itertools.combinations(places, 2):
        before = _total(by_id, ways, day_ms, one, two)
        tried = {one: list(ways[one]), two: list(ways[two])}
        if one == two:
            tried[two] = tried[one]
        tried[one][i], tried[two][j] = ways[two][j], ways[one][i]
        after = _total(by_id, {**ways, **tried}, day_ms, one, two)
        if after is not None and before is not None and after < before - 1e-6:
            ways.update(tried)
            return True
    return False


def _why_not(
    crews: Sequence[Crew], ways: Mapping[str, Sequence[Job]], job: Job, day_ms: int
) -> str:
    if not crews:
        return "there is no crew"
    able = [c for c in crews if not job.skill or job.skill in c.skills]
    if not able:
        return f"no crew with the skill {job.skill}"
    alone = [c for c in able if sound(schedule(c, [job], day_ms))]
    if not alone:
        return "it takes longer than a shift"
    names = ", ".join(c.name for c in able[:3])
    return f"no room left in the shift of {names}"


def reason(job: Job, visit: Visit, crew: Crew, day_ms: int) -> str:
    """Why a job stands where it stands, in a sentence."""
    words = [f"priority {job.priority}"]
    if job.due_ms and job.due_ms < day_ms + DAY_MS:
        words.append("due today" if job.due_ms >= day_ms else "overdue")
    if job.risk >= 1:
        words.append(f"about {job.risk:,.0f} people at risk")
    skill = f"can do {job.skill}" if job.skill else "any crew can do it"
    way = f"{visit.travel_m / 1000:.1f} km from the place before"
    return f"{', '.join(words)}; {crew.name} {skill}; {way}"
