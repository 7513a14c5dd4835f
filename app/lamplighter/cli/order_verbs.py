"""The verbs `orders`: work orders listed, made, changed and closed without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lamplighter.cli.list_first import ListFirst
from lamplighter.cli.output import document, line, table

if TYPE_CHECKING:
    from lamplighter.domain import wire
    from lamplighter.domain.maintenance import WorkOrder


def register(app: typer.Typer) -> None:
    """Adds the group `orders`."""
    group = typer.Typer(
        cls=ListFirst, no_args_is_help=True, help="Work orders; 'orders PROJECT' lists them."
    )
    group.command("list")(list_)
    group.command("show")(show)
    group.command("new")(new)
    group.command("edit")(edit)
    group.command("close")(close)
    group.command("history")(history)
    group.command("checklists")(checklists)
    app.add_typer(group, name="orders")


def answered(project: Path, asked: wire.Request) -> Any:
    """By the project's recorder when one runs, else by this verb, which writes alone."""
    from lamplighter.cli import beside
    from lamplighter.runtime.records_alone import alone

    with beside.recorder(project) as session:
        if session is not None:
            return beside.ask(session, asked)
    with alone(project) as desks:
        return desks.answer(asked)


def time_of(text: str) -> int | None:
    """Milliseconds of a time that was given, None for none. Raises LamplighterError (U-801)."""
    from lamplighter.domain.clock import parse_time
    from lamplighter.domain.problems import fault

    if not text.strip():
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise fault("U-801", what=str(error), name="orders") from None


def list_(
    project: Path,
    state: str = typer.Option("", "--state", help="open, planned, done or cancelled"),
    asset: str = typer.Option("", "--asset"),
    crew: str = typer.Option("", "--crew"),
    overdue: bool = typer.Option(False, "--overdue", help="Only those that are late."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Work orders, the next due first."""
    from lamplighter.domain.clock import SystemClock, iso
    from lamplighter.domain.order_rules import STATES, is_overdue
    from lamplighter.domain.problems import fault
    from lamplighter.runtime.project import opened

    if state and state not in STATES:
        raise fault("U-801", what=f"--state {state}: give one of {', '.join(STATES)}",
                    name="orders list")  # fmt: skip
    now = SystemClock().wall_ms()
    with opened(project) as store:
        orders = store.work_orders()
    chosen = [
        o for o in orders
        if (not state or o.state == state) and (not asset or o.asset == asset)
        and (not crew or o.crew == crew) and (not overdue or is_overdue(o, now))
    ]  # fmt: skip
    chosen.sort(key=lambda o: (o.due_ms or 2**62, o.id))
    if json:
        document({"orders": [_row(o, now) for o in chosen], "total": len(chosen)})
        return
    rows = ((o.id, o.asset, o.title, o.state, o.priority, o.crew,
             iso(o.due_ms)[:10] if o.due_ms else "", "late" if is_overdue(o, now) else o.finding)
            for o in chosen)  # fmt: skip
    table(("order", "asset", "job", "state", "priority", "crew", "due", ""), rows)


def _row(order: WorkOrder, now_ms: int) -> dict[str, Any]:
    from msgspec import to_builtins

    from lamplighter.domain.order_rules import is_overdue, missing

    found: dict[str, Any] = to_builtins(order)
    standing = order.state in ("open", "planned")
    return found | {
        "overdue": is_overdue(order, now_ms),
        "missing": list(missing(order)) if standing else [],
    }


def show(project: Path, order: str, json: bool = typer.Option(False, "--json")) -> None:
    """One work order with its checklist, readings and parts."""
    from lamplighter.domain.clock import SystemClock, iso
    from lamplighter.domain.order_rules import missing, out_of_limits

    found = _one(project, order)
    if json:
        document(_row(found, SystemClock().wall_ms()))
        return
    line(f"{found.id}  {found.asset}  {found.title}  ({found.state}, priority {found.priority})")
    for word, text in (("note", found.note), ("isolation", found.isolation), ("crew", found.crew),
                       ("due", iso(found.due_ms) if found.due_ms else ""),
                       ("finding", found.finding), ("signature", found.signature)):  # fmt: skip
        if text:
            line(f"  {word}: {text}")
    for step in found.steps:
        if step.reads:
            value = "—" if step.reading is None else f"{step.reading:g} {step.unit}".strip()
            mark = "  outside its limits" if out_of_limits(step) else ""
            line(f"  {step.id}  {step.text}: {value}{mark} {step.note}".rstrip())
        else:
            line(f"  {step.id}  [{'x' if step.done else ' '}] {step.text}")
    for part in found.parts:
        number = f" {part.number}" if part.number and part.number not in part.name else ""
        line(f"  {part.id}  {part.quantity:g} x {part.name}{number}"
             f"{', used' if part.used else ''}")  # fmt: skip
    for words in missing(found) if found.state in ("open", "planned") else ():
        line(f"  before it can be closed: {words}")


def _one(project: Path, order_id: str) -> WorkOrder:
    from lamplighter.domain.problems import fault
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        found = next((o for o in store.work_orders() if o.id == order_id), None)
    if found is None:
        raise fault("U-809", what="work order", name=order_id, lists="orders list")
    return found


def _known_asset(project: Path, asset: str) -> None:
    """Raises LamplighterError (U-801) when the project holds no such asset."""
    from lamplighter.domain.problems import fault
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        if not any(a.id == asset for a in store.assets()):
            raise fault("U-801", what=f"there is no asset {asset}", name="orders new")


def new(
    project: Path,
    asset: str = typer.Option(..., "--asset"),
    title: str = typer.Option(..., "--title", help="What is to be done."),
    note: str = typer.Option("", "--note"),
    due: str = typer.Option("", "--due", help="A time, ISO 8601."),
    priority: int = typer.Option(3, "--priority", min=1, max=3, help="1 at once, 3 planned"),
    checklist: str = typer.Option("", "--checklist", help="Id of one; see 'orders checklists'."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """A new work order, with the checklist of its asset's type when one is named."""
    from lamplighter.domain import wire
    from lamplighter.domain.maintenance import WorkOrder
    from lamplighter.domain.order_rules import with_template
    from lamplighter.domain.problems import fault

    _known_asset(project, asset)
    order = WorkOrder("", asset, title, note=note, due_ms=time_of(due) or 0, priority=priority)
    if checklist:
        jobs = {j.id: j for j in answered(project, wire.GetJobs()).items}
        if checklist not in jobs:
            what = f"no checklist is called {checklist}"
            raise fault("U-801", what=what, name="orders checklists")
        order = with_template(order, jobs[checklist])
    ident = answered(project, wire.PutWorkOrder(order)).text
    document({"order": ident}) if json else line(f"made: {ident}")


def edit(
    project: Path,
    order: str,
    set_: list[str] = typer.Option(
        ..., "--set", help="FIELD=VALUE, e.g. crew='Crew 2', step.s1.done=true, step.s3.reading=4.1"
    ),
    reason: str = typer.Option("", "--reason"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Set fields of an order; each is kept with who, when and why."""
    from lamplighter.domain import wire
    from lamplighter.domain.order_fields import object_of
    from lamplighter.domain.order_rules import STANDING
    from lamplighter.domain.problems import fault

    found = _one(project, order)
    changes: dict[str, Any] = {}
    for pair in set_:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise fault("U-801", what=f"'{pair}' is not FIELD=VALUE", name="orders edit")
        changes |= _field(found, name.strip(), text.strip())
    if found.state == "done" and changes.get("state") in STANDING:
        if not reason.strip():
            what = f"{order} is signed: --reason says why it is opened again"
            raise fault("U-801", what=what, name="orders edit")
        changes |= {"finding": "", "signature": "", "closed_ms": 0, "closed_by": ""}
    reply = answered(project, wire.EditFields(object_of(order), changes, reason))
    if json:
        document({"order": order, "fields": reply.fields, "conflicts": len(reply.conflicts)})
    else:
        line(f"changed: {', '.join(changes)}")


def _field(order: WorkOrder, name: str, text: str) -> dict[str, Any]:
    """A field with its value in the field's own type. Raises LamplighterError (U-801)."""
    from lamplighter.domain.maintenance import Part, Step, WorkOrder
    from lamplighter.domain.problems import fault

    head, _, rest = name.partition(".")
    item, _, field = rest.rpartition(".")
    empty: Any = WorkOrder("", "", "")
    if head in ("step", "part"):
        items: Any = order.steps if head == "step" else order.parts
        if all(i.id != item for i in items):
            raise fault("U-801", what=f"{order.id} has no {head} {item}", name="orders show")
        empty = Step("", "") if head == "step" else Part("", "")
        if head == "step" and field in ("low", "high", "reading"):
            return {name: _number(name, text)}
    else:
        field = name
    if field not in empty.__struct_fields__ or field in ("id", "steps", "parts"):
        raise fault("U-801", what=f"a work order has no field {name}", name="orders edit")
    kind = type(getattr(empty, field))
    if kind is bool:
        if text.lower() not in ("true", "false", "yes", "no"):
            raise fault("U-801", what=f"{name} is true or false, not '{text}'", name="orders edit")
        return {name: text.lower() in ("true", "yes")}
    if field.endswith("_ms"):
        return {name: time_of(text) or 0}
    if kind in (int, float):
        return {name: kind(_number(name, text))}
    return {name: text}


def _number(name: str, text: str) -> float:
    import math

    from lamplighter.domain.problems import fault

    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise fault("U-801", what=f"{name} is a number, not '{text}'", name="orders edit")
    return value


def close(
    project: Path,
    order: str,
    finding: str = typer.Option(..., "--finding", help="found, 'not found' or failed"),
    cause: str = typer.Option("", "--cause", help="What was wrong."),
    signed: str = typer.Option(..., "--signed", help="Name of who answers for it."),
    reason: str = typer.Option(..., "--reason", help="What the signature says."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Sign an order as done; refused while something of its checklist is missing."""
    from lamplighter.domain import wire

    asked = wire.CloseOrder(order, finding, cause, signed, reason)
    reply = answered(project, asked)
    if json:
        document({"order": order, "fields": reply.fields})
    else:
        line(f"closed: {order}, {reply.fields.get('finding', '')}")


def history(project: Path, order: str, json: bool = typer.Option(False, "--json")) -> None:
    """Who changed what of an order, when, where and why; what two places say differently."""
    from msgspec import to_builtins

    from lamplighter.domain.clock import iso
    from lamplighter.domain.edits import Edits
    from lamplighter.domain.order_fields import object_of
    from lamplighter.runtime.project import opened

    _one(project, order)
    with opened(project) as store:
        edits = Edits(store.edits())
    object = object_of(order)
    found, conflicts = edits.history(object), edits.conflicts([object])
    if json:
        document({"edits": [to_builtins(e) for e in found],
                  "conflicts": [to_builtins(c) for c in conflicts]})  # fmt: skip
        return
    rows = ((iso(e.made_ms), e.author or "first state", e.field, e.value, e.reason) for e in found)
    table(("when", "who", "field", "value", "why"), rows)
    for conflict in conflicts:
        sides = " | ".join(f"{h.author}: {h.value}" for h in conflict.heads)
        line(f"to be decided: {conflict.field}: {sides}")


def checklists(
    project: Path,
    type_: str = typer.Option("", "--type", help="Those for one type of asset."),
    drop: str = typer.Option("", "--drop", help="Forget one of this project's own, by its id."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Checklists of the plugins and of this project."""
    from msgspec import to_builtins

    from lamplighter.domain import wire
    from lamplighter.runtime.orders import stored_jobs
    from lamplighter.runtime.plugins import load_plugins
    from lamplighter.runtime.project import opened

    if drop:
        answered(project, wire.DropJob(drop))
    with opened(project) as store:
        found = (*stored_jobs(store), *load_plugins().jobs())
    chosen = [j for j in found if not type_ or not j.asset_types or type_ in j.asset_types]
    if json:
        document({"checklists": [to_builtins(j) for j in chosen]})
        return
    rows = ((j.id, j.name, ", ".join(j.asset_types) or "any", len(j.steps)) for j in chosen)
    table(("checklist", "name", "for", "lines"), rows)
