"""Crews and their days, kept as edits of orders: a plan made in the field merges like any edit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from lamplighter.domain import crew_plan, order_fields, wire
from lamplighter.domain.city import Asset
from lamplighter.domain.crew_plan import DAY_MS, Crew, Job, Plan
from lamplighter.domain.edits import Value
from lamplighter.domain.maintenance import Prognosis, WorkOrder, one_each
from lamplighter.domain.problems import fault
from lamplighter.domain.waiting import Waiting, WaitingCosts, weigh
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.edits import EditDesk

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder
    from lamplighter.store import Store, WriteAccess

PREFIX: Final = "plan/crew-"
COSTS: Final = "waiting costs "
MOST_CREWS: Final = 100


class CrewDesk:
    """One project's crews. Methods may be called from any thread."""

    def __init__(
        self,
        store: Store,
        edits: EditDesk,
        assets: Callable[[], Mapping[str, Asset]] | None = None,
    ) -> None:
        """`assets`: those of a running recorder, which has them at hand; else the store's."""
        self._store, self._edits = store, edits
        self._assets = assets or (lambda: {a.id: a for a in store.assets()})

    # ------------------------------------------------------------------ crews
    def crews(self) -> tuple[Crew, ...]:
        """By name."""
        edits = self._edits.edits
        found = [
            _crew(o.removeprefix(PREFIX), edits.record(o))
            for o in edits.objects("plan")
            if o.startswith(PREFIX)
        ]
        return tuple(sorted((c for c in found if c is not None), key=lambda c: (c.name, c.id)))

    def put(self, crew: Crew) -> Crew:
        """Keep a crew. Raises LamplighterError (U-801)."""
        if not crew.name.strip():
            raise fault("U-801", what="a crew needs a name", name="crew")
        if not 0 <= crew.begin < crew.end <= 24 * 60:
            raise fault("U-801", what="a shift begins before it ends, within a day", name="crew")
        name, had = crew.name.strip(), {c.id: c.name for c in self.crews()}
        if any(n.casefold() == name.casefold() and c != crew.id for c, n in had.items()):
            what = f"there is a crew {name} already; drop it first"
            raise fault("U-801", what=what, name="crew")
        if not crew.id:
            if len(self.crews()) >= MOST_CREWS:
                raise fault("U-801", what=f"there are {MOST_CREWS} crews already", name="crew")
            crew = replace(crew, id=self._free_id(crew.name))
        fields: dict[str, Value] = {
            "name": name,
            "skills": ", ".join(s.strip() for s in crew.skills if s.strip()),
            "begin": crew.begin,
            "end": crew.end,
            "lon": crew.lon,
            "lat": crew.lat,
            "people": crew.people,
        }
        self._edits.change(PREFIX + crew.id, fields)
        if (old := had.get(crew.id, name)) != name:
            self._rename(old, name)
        return crew

    def _rename(self, old: str, name: str) -> None:
        """Orders that are still to be done follow their crew to its new name."""
        self._edits.change_many(
            {
                order_fields.object_of(order.id): {"crew": name}
                for order in self._store.work_orders()
                if order.state in ("open", "planned") and order.crew == old
            }
        )

    def _free_id(self, name: str) -> str:
        """A readable id that no crew has or had; orders show it."""
        word = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:24] or "crew"
        had = {o.removeprefix(PREFIX) for o in self._edits.edits.objects("plan")}
        return word if word not in had else f"{word}-{secrets.token_hex(2)}"

    def drop(self, crew_id: str) -> None:
        """Forget a crew, by id or name; orders keep its name. Raises LamplighterError (U-801)."""
        crews = self.crews()
        found = next((c for c in crews if c.id == crew_id), None) or next(
            (c for c in crews if c.name.casefold() == crew_id.casefold()), None
        )
        if found is None:
            raise fault("U-801", what=f"there is no crew {crew_id}", name="crew")
        self._edits.change(PREFIX + found.id, {"name": None})

    # ------------------------------------------------------------------ days
    def day(self, day_ms: int) -> wire.CrewPlan:
        """How a day is planned now."""
        crews, jobs, ways = self._crews_jobs_ways(day_ms)
        return wire.CrewPlan(crews, jobs, _plan(crews, jobs, ways, day_ms))

    def propose(self, day_ms: int, ways: Mapping[str, Sequence[str]]) -> wire.CrewPlan:
        """A plan for the day that keeps `ways`; nothing is changed."""
        crews, jobs, _ = self._crews_jobs_ways(day_ms)
        return wire.CrewPlan(crews, jobs, crew_plan.propose(crews, jobs, day_ms, ways))

    def take(
        self, day_ms: int, ways: Mapping[str, Sequence[str]], reason: str = ""
    ) -> wire.CrewPlan:
        """Give orders their crews and times. Raises LamplighterError (U-801)."""
        crews, jobs, before = self._crews_jobs_ways(day_ms)
        known, names = {j.order for j in jobs}, {c.id: c.name for c in crews}
        wanted = [o for orders in ways.values() for o in orders]
        if strange := sorted((set(wanted) - known) | (set(ways) - set(names))):
            what = f"not of this day or not there: {', '.join(strange[:5])}"
            raise fault("U-801", what=what, name="crew plan")
        if len(set(wanted)) != len(wanted):
            raise fault("U-801", what="an order stands in it twice", name="crew plan")
        plan = _plan(crews, jobs, ways, day_ms)
        changes: dict[str, dict[str, Value]] = {}
        for visit in plan.visits:
            changes[order_fields.object_of(visit.order)] = {
                "crew": names[visit.crew], "planned_ms": visit.begin_ms, "state": "planned",
            }  # fmt: skip
        for order in sorted({o for orders in before.values() for o in orders} - set(wanted)):
            changes[order_fields.object_of(order)] = {"crew": "", "planned_ms": 0, "state": "open"}
        self._edits.change_many(changes, reason=reason)
        return self.day(day_ms)

    def _crews_jobs_ways(
        self, day_ms: int
    ) -> tuple[tuple[Crew, ...], tuple[Job, ...], dict[str, list[str]]]:
        crews = self.crews()
        # an order says its crew as people do; an id stands in older ones
        ids = {word.casefold(): c.id for c in crews for word in (c.id, c.name)}
        mine: list[WorkOrder] = []
        jobs = []
        assets = self._assets()
        risks = _risks(one_each(self._store.prognoses()))
        for order in self._store.work_orders():
            if order.state not in ("open", "planned") or order.planned_ms >= day_ms + DAY_MS:
                continue
            at = assets.get(order.asset)
            place = (at.lon, at.lat) if at is not None else (None, None)
            jobs.append(_job(order, *place, risks.get(order.asset, 0.0)))
            if order.planned_ms >= day_ms and order.crew.casefold() in ids:
                mine.append(order)
        ways: dict[str, list[str]] = {c.id: [] for c in crews}
        for order in sorted(mine, key=lambda o: (o.planned_ms, o.id)):
            ways[ids[order.crew.casefold()]].append(order.id)
        return crews, tuple(sorted(jobs, key=lambda j: j.order)), ways

    # ------------------------------------------------------------------ waiting
    def waiting(self, asset_id: str) -> Waiting:
        """Repair now, in two weeks or never. Raises LamplighterError (U-801)."""
        asset = self._assets().get(asset_id)
        if asset is None:
            raise fault("U-801", what=f"there is no asset {asset_id}", name="waiting")
        known = one_each(p for p in self._store.prognoses() if p.asset == asset_id)
        item = known[0] if known else None
        return weigh(item, asset_id, asset.type, self.costs(asset.type))

    def costs(self, asset_class: str) -> WaitingCosts:
        """What was set for a class, else the examples."""
        text = self._store.setting(COSTS + asset_class)
        try:
            return msgspec.json.decode(text or b"{}", type=WaitingCosts)
        except msgspec.MsgspecError:
            return WaitingCosts()

    def set_costs(self, asset_class: str, costs: WaitingCosts) -> None:
        """Keep what a class costs. Raises LamplighterError (U-801)."""
        amounts = (costs.planned, costs.failure, costs.hours_out, costs.person_hour)
        if not asset_class or not all(0 <= a < 1e12 for a in amounts):
            raise fault("U-801", what="amounts are numbers from 0", name="waiting")
        text = msgspec.json.encode(replace(costs, own=True)).decode()

        def keep(access: WriteAccess) -> None:
            access.put_setting(COSTS + asset_class, text)

        self._store.writer.call(keep).result(10)


def _crew(crew_id: str, fields: Mapping[str, Value]) -> Crew | None:
    if not fields.get("name"):
        return None
    skills = tuple(s.strip() for s in str(fields.get("skills") or "").split(",") if s.strip())
    plain = {k: v for k, v in fields.items() if k in Crew.__struct_fields__}
    try:
        return msgspec.convert({**plain, "id": crew_id, "skills": skills}, Crew, strict=False)
    except msgspec.MsgspecError:
        return None


def _risks(items: Sequence[Prognosis]) -> dict[str, float]:
    return {i.asset: (i.probability_30d or 0.0) * i.people for i in items}


def _job(order: WorkOrder, lon: float | None, lat: float | None, risk: float) -> Job:
    return Job(
        order.id, order.title, order.asset, order.skill, max(order.minutes, 1), lon, lat,
        order.due_ms, order.priority, risk,
    )  # fmt: skip


def _plan(
    crews: Sequence[Crew], jobs: Sequence[Job], ways: Mapping[str, Sequence[str]], day_ms: int
) -> Plan:
    known = {j.order: j for j in jobs}
    found = {c: [known[o] for o in orders if o in known] for c, orders in ways.items()}
    placed = {j.order for way in found.values() for j in way}
    left = [j for j in jobs if j.order not in placed]
    left.sort(key=lambda j: (-crew_plan.worth(j, day_ms), j.order))
    return crew_plan.as_plan(crews, found, left, day_ms)


class CrewAnswers(Answering):
    """The wire's end of it."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._desk = CrewDesk(recorder.store, recorder.edits, lambda: recorder.core.city.assets)

    def table(self) -> Table:
        desk = self._desk
        return {
            wire.GetCrewPlan: lambda ask: desk.day(ask.day_ms),
            wire.ProposeCrewPlan: lambda ask: desk.propose(ask.day_ms, ask.ways),
            wire.TakeCrewPlan: self._take,
            wire.PutCrew: self._put,
            wire.DropCrew: self._drop,
            wire.GetWaiting: lambda ask: wire.WaitingFor(desk.waiting(ask.asset)),
            wire.SetWaitingCosts: self._costs,
        }

    def _take(self, ask: wire.TakeCrewPlan) -> wire.Reply:
        self._need(Permission.WORK, "the crew plan")
        plan = self._desk.take(ask.day_ms, ask.ways, ask.reason)
        self._audit("crew plan", str(ask.day_ms), ask.reason, f"{len(plan.plan.visits)} visits")
        return plan

    def _put(self, ask: wire.PutCrew) -> wire.Reply:
        self._need(Permission.WORK, ask.crew.name)
        crew = self._desk.put(ask.crew)
        self._audit("crew", crew.name)
        return wire.Ok(crew.id)

    def _drop(self, ask: wire.DropCrew) -> wire.Reply:
        self._need(Permission.WORK, ask.id)
        self._desk.drop(ask.id)
        self._audit("drop crew", ask.id)
        return wire.Ok(ask.id)

    def _costs(self, ask: wire.SetWaitingCosts) -> wire.Reply:
        self._need(Permission.WORK, ask.asset_class)
        self._desk.set_costs(ask.asset_class, ask.costs)
        self._audit("costs of waiting", ask.asset_class)
        return wire.Ok(ask.asset_class)
