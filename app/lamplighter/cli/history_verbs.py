"""Verbs about what was recorded: query, then, verify, audit verify."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import FAILED, Leave, document, line, say, table


def register(app: typer.Typer) -> None:
    app.command("query")(query)
    app.command("then")(then)
    app.command("verify")(verify)
    app.command("prove")(prove)
    audit = typer.Typer(no_args_is_help=True, help="The audit record.")
    audit.command("verify")(audit_verify)
    audit.command("show")(audit_show)
    app.add_typer(audit, name="audit")


def query(
    project: Path,
    datastream: str = typer.Argument("", help="Name, or source/name."),
    from_: str = typer.Option("", "--from"),
    to: str = typer.Option("", "--to"),
    as_known_at: str = typer.Option("", "--as-known-at"),
    points: int = typer.Option(1000, "--points", min=1),
    list_: bool = typer.Option(False, "--list", help="List the datastreams instead."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """History of one datastream."""
    from lamplighter.runtime.project import list_datastreams, query_datastream

    if list_ or not datastream:
        rows = list_datastreams(project)
        if json:
            document({"datastreams": rows})
        else:
            table(("source", "name", "asset", "kind", "unit"), rows_of(rows))
        return
    answer = query_datastream(
        project, datastream, from_=from_, to=to, as_known_at=as_known_at, points=points
    )
    if json:
        document(answer)
        return
    line(f"{answer['datastream']} [{answer['unit'] or 'no unit'}]")
    table(("time_ms", "value", "quality"), answer["rows"])
    if answer["told_until_ms"]:
        say(f"until {answer['told_until_ms']} from the historian {answer['told_by']}")
    elif answer["told_by"]:
        say(answer["told_by"])
    for gap in answer["gaps"]:
        say(f"gap: {gap[0]} to {gap[1]}")


def then(
    project: Path,
    at: str = typer.Option(..., "--at", help="A moment, e.g. 2026-11-22T03:42:00Z."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """What is known now about a moment and was not known then."""
    from lamplighter.domain.clock import iso
    from lamplighter.runtime.project import then_and_now

    found = then_and_now(project, at)
    if json:
        document(found)
        return
    rows = [
        ("live datastreams", found["live_then"], found["live_now"]),
        ("late values", 0, found["late_values"]),
        ("corrected values", 0, found["corrected_values"]),
        ("alarms standing", found["alarms_then"], found["alarms_now"]),
        ("causes", *(", ".join(i["text"] for i in found[k]) or "none named"
                     for k in ("causes_then", "causes_now"))),
    ]  # fmt: skip
    table(("", "known then", "known now"), rows)
    for alarm in found["alarms_later"]:
        say(f"not known then: {alarm['text']} on {alarm['asset']} since {iso(alarm['since_ms'])}")
    for late in found["late"]:
        span = f"{iso(late['first_ms'])} to {iso(late['last_ms'])}"
        arrived = iso(late["arrived_ms"])
        say(f"{late['source']}: {late['points']} points about {span} arrived until {arrived}")


def rows_of(rows: list[dict[str, object]]) -> list[list[object]]:
    return [[r[k] for k in ("source", "name", "asset", "kind", "unit")] for r in rows]


def verify(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Check the integrity of the recorded history."""
    from lamplighter.runtime.project import verify_history

    _verdict(verify_history(project), json)


def prove(
    project: Path,
    batch: int,
    out: Path = typer.Option(..., "--out", help="The proof, as JSON."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Write a proof that a sealed batch is what was recorded; others check it offline."""
    from lamplighter.runtime.project import prove_batch

    found = prove_batch(project, batch, out)
    if json:
        document(found)
    else:
        line(f"{found['out']}: batch {batch} of segment {found['segment']}, root {found['root']}")


def audit_verify(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Check that the audit record was not altered."""
    from lamplighter.runtime.project import verify_audit

    _verdict(verify_audit(project), json)


def _verdict(verdict: dict[str, object], json: bool) -> None:
    if json:
        document(verdict)
    elif verdict["ok"]:
        line(f"ok: {verdict['rows']} rows")
    else:
        line(f"NOT ok: first bad: {verdict['first_bad']} ({verdict.get('why', '')})")
    if not verdict["ok"]:
        raise Leave(FAILED)


def audit_show(
    project: Path,
    limit: int = typer.Option(50, "--limit", min=1),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """The newest entries of the audit record."""
    from lamplighter.runtime.project import audit_entries

    entries = audit_entries(project, limit)
    if json:
        document({"entries": entries})
        return
    keys = ("seq", "actor", "role", "action", "object", "reason", "result")
    table(keys, ([e[k] for k in keys] for e in entries))
