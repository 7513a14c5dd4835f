"""The verb `hand`: values set by hand, and points in maintenance."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lamplighter.cli.output import document, line, table

if TYPE_CHECKING:
    from lamplighter.domain import wire

_SPAN = re.compile(r"(\d+)\s*(min|h|d)")
_MS = {"min": 60_000, "h": 3_600_000, "d": 86_400_000}


def register(app: typer.Typer) -> None:
    """Adds the group `hand`."""
    group = typer.Typer(no_args_is_help=True, help="Values set by hand, points in maintenance.")
    group.command("list")(list_)
    group.command("set")(set_)
    group.command("maintenance")(maintenance)
    group.command("end")(end)
    app.add_typer(group, name="hand")


def list_(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """What stands now, with who, why and until when."""
    from msgspec import to_builtins

    from lamplighter.domain.clock import iso
    from lamplighter.runtime.by_hand import stored_marks
    from lamplighter.runtime.feeds import opened

    with opened(project) as store:
        marks = stored_marks(store)
    if json:
        document({"by_hand": [to_builtins(m) for m in marks]})
        return
    rows = ((m.key, m.kind, m.text, m.user, iso(m.until_ms), m.reason) for m in marks)
    table(("datastream", "kind", "value", "by", "until", "reason"), rows)


def set_(
    project: Path,
    datastream: str = typer.Argument(..., help="source/name"),
    value: str = typer.Argument(..., help="A number, or a word of the datastream."),
    span: str = typer.Option(..., "--for", help="How long: 30min, 8h, 2d; at most 30d."),
    reason: str = typer.Option(..., "--reason", help="Why, for everybody who sees the value."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Show VALUE for a datastream instead of what its sensor says; marked M everywhere."""
    from lamplighter.domain import wire

    _do(project, wire.SetByHand(datastream, "value", _until(span), reason, value), json)


def maintenance(
    project: Path,
    datastream: str = typer.Argument(..., help="source/name"),
    span: str = typer.Option(..., "--for", help="How long: 30min, 8h, 2d; at most 30d."),
    reason: str = typer.Option(..., "--reason"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Take a point into maintenance: stored and marked, counted in no figure or forecast."""
    from lamplighter.domain import wire

    _do(project, wire.SetByHand(datastream, "maintenance", _until(span), reason), json)


def end(
    project: Path,
    datastream: str = typer.Argument(..., help="source/name"),
    kind: str = typer.Option("value", "--kind", help="value or maintenance"),
    reason: str = typer.Option("", "--reason"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """What the sensor says counts again."""
    from lamplighter.domain import wire

    _do(project, wire.EndByHand(datastream, kind, reason), json)


def _until(span: str) -> int:
    from lamplighter.domain.clock import SystemClock
    from lamplighter.domain.problems import fault

    found = _SPAN.fullmatch(span.strip())
    if found is None:
        raise fault("U-801", what=f"'{span}' is no span like 30min, 8h or 2d", name="hand")
    return SystemClock().wall_ms() + int(found[1]) * _MS[found[2]]


def _do(project: Path, asked: wire.SetByHand | wire.EndByHand, json: bool) -> None:
    from lamplighter.cli import beside
    from lamplighter.cli.names_first import need_datastream
    from lamplighter.domain.problems import fault

    with beside.recorder(project) as session:
        if session is None:
            need_datastream(project, asked.key)
            raise fault("U-805", what="setting by hand needs one, and none runs for this project")
        reply: Any = beside.ask(session, asked)
    if json:
        document({"ok": True, "text": reply.text})
    else:
        line(f"done: {reply.text}" if reply.text else "done")
