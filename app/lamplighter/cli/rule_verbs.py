"""Verbs about what an engineer decides on alarms: rules, works, calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lamplighter.cli import backtest_verb
from lamplighter.cli.output import FAILED, REFUSALS, Leave, document, line, say, table
from lamplighter.domain.alarm import Condition
from lamplighter.domain.problems import LamplighterError, fault

if TYPE_CHECKING:
    from lamplighter.domain.alarm_design import RuleView

rules = typer.Typer(no_args_is_help=True, help="Alarm rules: list, show, add, arm, switch, drop.")
works = typer.Typer(no_args_is_help=True, help="Planned works: list, plan, end.")
calls = typer.Typer(no_args_is_help=True, help="Whom to call: list, add, test, drop.")


def register(app: typer.Typer) -> None:
    backtest_verb.register(rules)
    app.add_typer(rules, name="rules")
    app.add_typer(works, name="works")
    app.add_typer(calls, name="calls")


def change(project: Path, ask: Any) -> str:
    """Ask the recorder, or do it here where none runs; the name it was done to."""
    from lamplighter.cli import beside

    with beside.recorder(project) as session:
        if session is not None:
            return str(beside.ask(session, ask).text)
    from lamplighter.runtime.rule_book import changed_alone

    return changed_alone(project, ask)


@rules.command("list")
def list_rules(
    project: Path,
    like: str = typer.Option("", "--like", help="Only ids that contain this."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """All alarm rules that are bound in this project, and its own."""
    from lamplighter.runtime.rule_book import read_alone

    views = [v for v in read_alone(project)[0] if like in v.id]
    if json:
        document({"rules": views})
        return
    table(
        ("rule", "priority", "state", "bound", "what it says"),
        ((v.id, v.priority, _state(v), v.bound, v.text) for v in views),
    )
    for view in views:
        if view.problem:
            say(f"{view.id} is not judged: {view.problem}")


def _state(view: Any) -> str:
    return str(view.arming.value) if view.enabled else "off"


@rules.command("show")
def show_rule(project: Path, rule: str, json: bool = typer.Option(False, "--json")) -> None:
    """One rule with its rationalisation record."""
    from lamplighter.runtime.rule_book import read_alone

    views = read_alone(project)[0]
    found = [v for v in views if v.id in (rule, f"project.{rule}")]
    if not found:
        raise fault("U-809", what="rule", name=rule, lists="rules list")
    view = found[0]
    if json:
        document({"rule": view})
        return
    rows = [
        ("rule", f"{view.id} ({view.origin}), {_state(view)}, priority {view.priority}"),
        ("says", view.text),
        ("condition", _condition(view)),
        ("cause", view.cause),
        ("consequence", view.consequence),
        ("action", view.action),
        ("guidance", " / ".join(view.guidance)),
        ("respond within", f"{view.respond_within_s} s"),
        ("priority because", view.justification),
        ("owner", view.owner),
        ("reviewed", " ".join((view.reviewed_on, view.reviewed_by)).strip()),
        ("bound to", f"{view.bound} datastreams: {', '.join(view.assets[:10])}"),
        ("not judged", view.problem),
    ]
    if view.grounds is not None:
        rows.append(("grounds", f"{view.grounds.kind.value} by {view.grounds.by}: "
                                f"{view.grounds.reason}"))  # fmt: skip
    table(("", ""), [r for r in rows if r[1]])


def _condition(view: RuleView) -> str:
    """What is judged, with its unit and its further parts where the rule is the project's own."""
    one = view.definition
    if one is None:
        return view.condition.value
    own = "" if one.condition is Condition.COMBINED else _part(
        one.kind or one.datastream, one.condition, one.threshold, one.unit
    )  # fmt: skip
    parts = [own] if own else []
    for when in one.when:
        no = "not " if when.negate else ""
        what = when.rule + (f"@{when.asset}" if when.asset else "")
        parts.append(no + (what or _part(when.datastream or when.kind, when.condition,
                                         when.threshold, when.unit)))  # fmt: skip
    return (" or " if one.combine == "any" else " and ").join(parts)


def _part(what: str, condition: Condition, threshold: float | str, unit: str) -> str:
    if condition is Condition.STALE:
        return f"{what} {condition.value}"
    value = threshold if isinstance(threshold, str) else f"{threshold:g} {unit}".strip()
    return f"{what} {condition.value} {value}"


@rules.command("add")
def add_rules(project: Path, file: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Take rules and suppressions from a TOML file; each is a draft until it is armed."""
    _take_file(project, file, {"rule", "suppression"}, json)


@rules.command("arm")
def arm_rule(
    project: Path,
    rule: str,
    waive: str = typer.Option(..., "--waive", help="Why it may raise alarms without a trial."),
) -> None:
    """Let a draft raise alarms without a trial on the past: signed and audited."""
    from lamplighter.domain import wire

    line(f"{change(project, wire.ArmRule(rule, waiver=waive))} may raise alarms now.")


@rules.command("switch")
def switch_rule(
    project: Path,
    rule: str,
    state: str = typer.Argument(..., help="on or off"),
    reason: str = typer.Option("", "--reason"),
) -> None:
    """Switch a rule off or on, also one of a plugin."""
    from lamplighter.domain import wire

    if state not in {"on", "off"}:
        raise fault("U-801", what=f"'{state}' is neither on nor off", name="rules")
    name = change(project, wire.SwitchRule(rule, state == "on", reason))
    line(f"{name} is {state}.")


@rules.command("drop")
def drop_rule(project: Path, name: str) -> None:
    """Forget a rule of the project, or a suppression."""
    from lamplighter.domain import wire
    from lamplighter.runtime.rule_book import read_alone

    suppressions = {s.id for s in read_alone(project)[1].suppressions}
    ask = wire.DropSuppression(name) if name in suppressions else wire.DropRule(name)
    line(f"{change(project, ask)} was dropped.")


def _take_file(project: Path, file: Path, tables: set[str], json: bool) -> None:
    """Each table of its own: one that is refused stops no other."""
    from lamplighter.domain import wire
    from lamplighter.runtime.rule_files import changes_of_file

    wanted = {
        "rule": wire.PutRule, "suppression": wire.PutSuppression, "works": wire.PutWork,
        "way": wire.PutWay, "escalation": wire.PutEscalations,
    }  # fmt: skip
    asks = changes_of_file(file)
    wrong = [a for a in asks if not isinstance(a, tuple(wanted[t] for t in tables))]
    if wrong or not asks:
        what = f"it has tables other than {', '.join(sorted(tables))}" if wrong else "it is empty"
        raise fault("U-811", name=f"file {file.name}", what=what)
    taken: list[str] = []
    refused: list[str] = []
    for ask in asks:
        try:
            taken.append(change(project, ask))
        except LamplighterError as error:
            refused.append(str(error))
            say(str(error))
    if json:
        document({"taken": taken, "refused": refused})
    else:
        line(f"{len(taken)} taken: {', '.join(taken)}" if taken else "Nothing was taken.")
    if refused:
        raise Leave(REFUSALS if taken else FAILED)


# ---------------------------------------------------------------------- planned works
@works.command("list")
def list_works(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Planned works, past ones included."""
    from lamplighter.domain.clock import iso
    from lamplighter.runtime.rule_book import read_alone

    found = read_alone(project)[1].works
    if json:
        document({"works": found})
        return
    table(
        ("works", "from", "to", "assets", "what"),
        ((w.id, iso(w.from_ms), iso(w.to_ms), len(w.assets), w.text) for w in found),
    )


@works.command("plan")
def plan_works(
    project: Path,
    text: str,
    from_: str = typer.Option(..., "--from", help="ISO 8601 or milliseconds."),
    to: str = typer.Option(..., "--to"),
    asset: list[str] = typer.Option([], "--asset", help="May be given several times."),
    near: str = typer.Option("", "--near", help="LON,LAT,METRES: everything in the circle."),
    downstream: bool = typer.Option(False, "--downstream", help="Also what depends on them."),
    reason: str = typer.Option("", "--reason"),
    id: str = typer.Option("", "--id"),
) -> None:
    """Plan works: alarms of their assets are suppressed for their time, and say so."""
    from lamplighter.domain import wire
    from lamplighter.domain.alarm_design import PlannedWork
    from lamplighter.domain.clock import parse_time

    try:
        numbers = [float(n) for n in near.split(",")] if near else []
        begin, end = parse_time(from_), parse_time(to)
        if near and len(numbers) != 3:
            raise ValueError(f"--near {near} is not LON,LAT,METRES")
    except ValueError as error:
        raise fault("U-801", what=str(error), name="works") from None
    area = (numbers[0], numbers[1], numbers[2]) if numbers else None
    work = PlannedWork(id, text, begin, end, tuple(asset), area, downstream, reason)
    line(f"{change(project, wire.PutWork(work))} is planned.")


@works.command("end")
def end_works(project: Path, name: str) -> None:
    """Take planned works back, or end them early: their alarms come back at once."""
    from lamplighter.domain import wire

    line(f"{change(project, wire.DropWork(name))} has ended.")


# ---------------------------------------------------------------------- calling somebody
@calls.command("list")
def list_calls(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Ways to call somebody, and which alarms call."""
    from lamplighter.runtime.rule_book import read_alone

    design = read_alone(project)[1]
    if json:
        document({"ways": design.ways, "escalations": design.escalations})
        return
    table(("way", "kind", "to"), ((w.id, w.kind, _target(w)) for w in design.ways))
    for one in design.escalations:
        who = ", ".join(one.ways)
        when = "/".join(str(p) for p in one.priorities)
        line(f"priority {when}, unacknowledged for {one.after_s:.0f} s: {who}")


def _target(way: Any) -> str:
    return str({"email": ", ".join(way.to), "mqtt": way.topic}.get(way.kind, " ".join(way.program)))


@calls.command("add")
def add_calls(project: Path, file: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Take ways and escalations from a TOML file."""
    _take_file(project, file, {"way", "escalation"}, json)


@calls.command("test")
def test_way(project: Path, way: str) -> None:
    """Call by this way now; the recorder of the project must run."""
    from lamplighter.cli import beside
    from lamplighter.cli.names_first import need_way
    from lamplighter.domain import wire

    with beside.recorder(project) as session:
        if session is None:
            need_way(project, way)
            what = "it is the recorder who calls, and none runs"
            raise fault("U-805", what=what)
        line(str(beside.ask(session, wire.TryWay(way)).text))


@calls.command("drop")
def drop_way(project: Path, way: str) -> None:
    """Forget a way to call somebody."""
    from lamplighter.domain import wire

    line(f"{change(project, wire.DropWay(way))} was dropped.")
