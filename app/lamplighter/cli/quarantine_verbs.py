"""The verb `quarantine`: what was set aside, and what may become of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, line, table


def register(app: typer.Typer) -> None:
    """Adds the group `quarantine`."""
    group = typer.Typer(
        no_args_is_help=True, help="What was set aside: list, retry, export, delete."
    )
    group.command("list")(list_)
    group.command("retry")(retry)
    group.command("export")(export)
    group.command("delete")(delete)
    app.add_typer(group, name="quarantine")


def list_(
    project: Path,
    code: str = typer.Option("", "--code", help="Only this reason, e.g. D-101."),
    limit: int = typer.Option(100, "--limit"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """List the newest rows with reason, sender and time."""
    from msgspec import to_builtins

    from lamplighter.domain import wire
    from lamplighter.domain.clock import iso
    from lamplighter.runtime.feeds import opened
    from lamplighter.runtime.quarantine_answers import listed

    with opened(project) as store:
        found = listed(store, wire.GetQuarantine(limit, 0, code))
    if json:
        document(to_builtins(found))
        return
    rows = ((r.number, iso(r.received_ms), r.code, r.source or r.topic, r.points, r.reason)
            for r in found.items)  # fmt: skip
    table(("n", "received", "code", "sender", "points", "reason"), rows)
    for name, entries, points, kept in found.totals:
        line(f"{name}: {entries} set aside ({points} points), {kept} kept of at most {found.cap}")


def retry(
    project: Path,
    numbers: list[int] = typer.Argument(None, help="Rows by number; none: all that are kept."),
    reason: str = typer.Option("", "--reason", help="For the audit record."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Read rows again with the mappings of now; needs a running recorder."""
    from lamplighter.cli import beside
    from lamplighter.cli.names_first import need_aside
    from lamplighter.domain import wire
    from lamplighter.domain.problems import fault

    wanted = tuple(numbers or ())
    with beside.recorder(project) as session:
        if session is None:
            need_aside(project, wanted)
            raise fault("U-805", what="a retry needs one, and none runs for this project")
        if not wanted:
            every = beside.ask(session, wire.GetQuarantine(1_000))
            wanted = tuple(row.number for row in every.items)
        found = beside.ask(session, wire.RetryQuarantined(wanted, reason))
    if json:
        document({"done": found.done, "still": [{"n": n, "why": why} for n, why in found.still]})
    else:
        line(f"{len(found.done)} stored, {len(found.still)} stay set aside")
        table(("n", "why"), found.still[:40])
    if found.still:
        raise Leave(REFUSALS)


def export(
    project: Path,
    file: Path,
    code: str = typer.Option("", "--code", help="Only this reason."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Write rows into FILE: CSV by its ending, else JSON lines."""
    from lamplighter.domain import wire
    from lamplighter.runtime.feeds import opened
    from lamplighter.runtime.quarantine_answers import export as write

    with opened(project) as store:
        count = write(store, wire.ExportQuarantined(str(file), (), code))
    _told({"out": str(file), "rows": count}, f"{count} rows written to {file.name}", json)


def delete(
    project: Path,
    numbers: list[int] = typer.Argument(None, help="Rows by number."),
    code: str = typer.Option("", "--code", help="All rows of this reason."),
    reason: str = typer.Option(..., "--reason", help="Why; it stands in the audit record."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Delete rows. They stay counted in the account of what was received."""
    from lamplighter.cli import beside
    from lamplighter.domain import wire
    from lamplighter.runtime.quarantine_alone import delete_alone

    asked = wire.DeleteQuarantined(tuple(numbers or ()), code, reason)
    with beside.recorder(project) as session:
        if session is None:
            count = delete_alone(project, asked)
        else:
            count = int(beside.ask(session, asked).text)
    _told({"deleted": count}, f"{count} rows deleted", json)


def _told(result: dict[str, Any], words: str, json: bool) -> None:
    if json:
        document(result)
    else:
        line(words)
