"""The verbs `crew` and `waiting`: who does what when, and what each day of waiting costs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.order_verbs import answered
from lamplighter.cli.output import document, line, table
from lamplighter.domain import crew_plan, wire
from lamplighter.domain.crew_plan import Crew
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    """Adds the group `crew` and the verb `waiting`."""
    group = typer.Typer(no_args_is_help=True, help="Crews and their day's plan.")
    group.command("add")(add)
    group.command("list")(list_)
    group.command("drop")(drop)
    group.command("plan")(plan)
    app.add_typer(group, name="crew")
    app.command("waiting")(waiting)


def add(
    project: Path,
    name: str,
    skills: str = typer.Option("", "--skills", help="Separated by commas."),
    shift: str = typer.Option("07:00-15:00", "--shift"),
    base: str = typer.Option("", "--base", help="LON,LAT where the day begins."),
    people: int = typer.Option(2, "--people", min=1),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Add a crew."""
    begin, end = _shift(shift)
    lon, lat = _place(base)
    crew = Crew("", name, tuple(s.strip() for s in skills.split(",") if s.strip()), begin, end,
                lon, lat, people)  # fmt: skip
    done = answered(project, wire.PutCrew(crew))
    if json:
        document({"crew": done.text})
    else:
        line(f"crew {done.text}: {name}")


def _shift(text: str) -> tuple[int, int]:
    try:
        begin, end = (datetime.strptime(t.strip(), "%H:%M") for t in text.split("-"))
    except ValueError:
        raise fault("U-801", what=f"--shift {text}: give it as 07:00-15:00", name="crew") from None
    return begin.hour * 60 + begin.minute, end.hour * 60 + end.minute


def _place(text: str) -> tuple[float | None, float | None]:
    if not text:
        return None, None
    try:
        lon, lat = (float(t) for t in text.split(","))
    except ValueError:
        raise fault("U-801", what=f"--base {text}: give it as LON,LAT", name="crew") from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise fault("U-801", what=f"--base {text}: no such place", name="crew")
    return lon, lat


def list_(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """The crews, by name."""
    rows = [_plain(c) for c in _read(project, "")[0]]
    if json:
        document({"crews": rows})
        return
    table(("crew", "name", "skills", "shift", "people"),
          ((r["id"], r["name"], ", ".join(r["skills"]), f"{_clock(r['begin'])}-{_clock(r['end'])}",
            r["people"]) for r in rows))  # fmt: skip


def drop(project: Path, crew: str) -> None:
    """Forget a crew, by its id or name; its orders stay."""
    answered(project, wire.DropCrew(crew))
    line(f"forgotten: {crew}")


def plan(
    project: Path,
    day: str = typer.Option("", "--day", help="YYYY-MM-DD in local time; today without."),
    take: bool = typer.Option(False, "--take", help="Give the orders their crews and times."),
    anew: bool = typer.Option(False, "--anew", help="Keep nothing of the plan there is."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Propose the day's plan; with --take it is kept."""
    crews, jobs, now, desk_plan = _read(project, day, propose=True, anew=anew)
    if take:
        ways = {c.id: tuple(v.order for v in desk_plan.of(c.id)) for c in crews}
        desk_plan = answered(project, wire.TakeCrewPlan(now, ways, "planned by command")).plan
    by_order, by_crew = {j.order: j for j in jobs}, {c.id: c for c in crews}
    visits = [
        {
            **_plain(v),
            "crew_name": by_crew[v.crew].name,
            "title": by_order[v.order].title,
            "why": crew_plan.reason(by_order[v.order], v, by_crew[v.crew], now),
        }
        for v in desk_plan.visits
    ]
    if json:
        document({
            "day_ms": now, "visits": visits, "unplanned": [_plain(u) for u in desk_plan.unplanned],
            "travel_m": desk_plan.travel_m, "taken": take,
        })  # fmt: skip
        return
    table(("crew", "begins", "order", "job", "why"),
          ((v["crew_name"], _time(v["begin_ms"]), v["order"], v["title"],
            "; ".join([*v["troubles"], v["why"]])) for v in visits))  # fmt: skip
    for item in desk_plan.unplanned:
        line(f"not planned: {item.order}: {item.why}")


def _read(
    project: Path, day: str, *, propose: bool = False, anew: bool = False
) -> tuple[tuple[Crew, ...], tuple[crew_plan.Job, ...], int, crew_plan.Plan]:
    """Crews, jobs, the day's midnight, and its plan as it stands or as it is proposed."""
    from lamplighter.domain.clock import SystemClock
    from lamplighter.runtime.crews import CrewDesk
    from lamplighter.runtime.edits import EditDesk
    from lamplighter.runtime.project import opened

    midnight = _midnight(day)
    with opened(project) as store:
        desk = CrewDesk(store, EditDesk(store, author="", now_ms=SystemClock().wall_ms))
        found = desk.day(midnight)
        if propose:
            ways = {c.id: [v.order for v in found.plan.of(c.id)] for c in found.crews}
            found = desk.propose(midnight, {} if anew else ways)
    return found.crews, found.jobs, midnight, found.plan


def _midnight(day: str) -> int:
    try:
        chosen = datetime.strptime(day, "%Y-%m-%d") if day else datetime.now()
    except ValueError:
        raise fault("U-801", what=f"--day {day}: give it as YYYY-MM-DD", name="crew plan") from None
    begin = chosen.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(begin.astimezone().timestamp() * 1000)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).strftime("%H:%M")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _plain(value: Any) -> dict[str, Any]:
    from msgspec import to_builtins

    found: dict[str, Any] = to_builtins(value)
    return found


def waiting(
    project: Path,
    asset: str,
    planned: float | None = typer.Option(None, "--planned", help="Cost of a planned repair."),
    failure: float | None = typer.Option(None, "--failure", help="Cost after a failure."),
    hours: float | None = typer.Option(None, "--hours", help="Without service after a failure."),
    person_hour: float | None = typer.Option(None, "--person-hour"),
    currency: str = typer.Option("", "--currency"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Repair now, in two weeks, or never: cost and risk as bands. Amounts given are kept."""
    from msgspec.structs import replace

    from lamplighter.domain.clock import SystemClock
    from lamplighter.runtime.crews import CrewDesk
    from lamplighter.runtime.edits import EditDesk
    from lamplighter.runtime.project import opened

    def read() -> Any:
        with opened(project) as store:
            desk = CrewDesk(store, EditDesk(store, author="", now_ms=SystemClock().wall_ms))
            return desk.waiting(asset)

    found = read()
    given = {"planned": planned, "failure": failure, "hours_out": hours,
             "person_hour": person_hour, "currency": currency or None}  # fmt: skip
    changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    if changes:
        costs = replace(found.costs, **changes)
        answered(project, wire.SetWaitingCosts(found.asset_class, costs))
        found = read()
    if json:
        document(_plain(found))
        return
    if not found.choices:
        line(found.basis)
        return
    unit = found.costs.currency
    table(("choice", "fails within 90 days", "person-hours", f"cost in {unit}"),
          ((c.name, f"{c.fails_low:.0%} to {c.fails_high:.0%}",
            f"{c.hours_low:,.0f} to {c.hours_high:,.0f}",
            f"{c.cost_low:,.0f} to {c.cost_high:,.0f}") for c in found.choices))  # fmt: skip
    line(found.advice)
    line(found.turning)
    if not found.costs.own:
        line("The amounts are examples: give your own with --planned, --failure, --hours.")
