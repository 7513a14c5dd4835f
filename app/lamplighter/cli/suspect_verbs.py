"""The verb `suspects`: sensors that cannot be believed, and withholding them with a preview."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.list_first import ListFirst
from lamplighter.cli.output import document, line, table


def register(app: typer.Typer) -> None:
    """Adds the group `suspects`; `suspects PROJECT` lists."""
    group = typer.Typer(
        no_args_is_help=True,
        cls=ListFirst,
        help="Suspect sensors: list them, withhold one (quarantine) or release it.",
    )
    group.command("list")(list_)
    group.command("preview")(preview)
    group.command("quarantine")(quarantine)
    group.command("release")(release)
    app.add_typer(group, name="suspects")


def list_(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """What is suspect, with its reason, and what is withheld."""
    from msgspec import to_builtins

    from lamplighter.cli import beside
    from lamplighter.domain import wire
    from lamplighter.domain.clock import iso
    from lamplighter.runtime.suspicion_alone import state_alone

    with beside.recorder(project) as session:
        if session is None:
            found = state_alone(project)
        else:
            found = beside.ask(session, wire.GetSuspects())
    if json:
        body: dict[str, Any] = dict(to_builtins(found))
        body.pop("type", None)
        document(body)
        return
    if not found.items and not found.withheld:
        line("No sensor is suspect, and none is withheld.")
    if found.items:
        table(
            ("what", "looks like", "since", "stands", "reason"),
            (
                (s.key, s.kind, iso(s.since_ms), "yes" if s.standing else "no", s.reason)
                for s in found.items
            ),
        )
    if found.withheld:
        line("withheld:")
        table(
            ("datastream", "by", "since", "reason"),
            ((w.key, w.user, iso(w.since_ms), w.reason) for w in found.withheld),
        )
    if found.learned:
        line(f"{found.watched} datastreams are compared with others; {found.learned}")


def preview(project: Path, datastream: str, json: bool = typer.Option(False, "--json")) -> None:
    """What would lose its input if DATASTREAM were withheld; needs a running recorder."""
    from lamplighter.domain import wire

    found = _asked(project, wire.PreviewWithhold(datastream))
    _losses(found, json)


def quarantine(
    project: Path,
    datastream: str,
    reason: str = typer.Option(..., "--reason", help="Why; it stands in the audit record."),
    preview: bool = typer.Option(False, "--preview", help="Only tell what would lose its input."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Withhold DATASTREAM: it is stored with a mark, and nothing is decided by it."""
    from lamplighter.domain import wire

    found = _asked(project, wire.PreviewWithhold(datastream))
    if preview:
        _losses(found, json)
        return
    _asked(project, wire.Withhold(datastream, reason))
    _losses(found, json)
    if not json:
        line(f"{datastream} is withheld; 'suspects release' takes that back")


def release(
    project: Path,
    datastream: str,
    reason: str = typer.Option(..., "--reason", help="Why; it stands in the audit record."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Believe DATASTREAM again."""
    from lamplighter.domain import wire

    _asked(project, wire.ReleaseWithheld(datastream, reason))
    if json:
        document({"released": datastream})
    else:
        line(f"{datastream} is believed again")


def _asked(project: Path, request: Any) -> Any:
    from lamplighter.cli import beside
    from lamplighter.cli.names_first import need_datastream
    from lamplighter.domain.problems import fault

    with beside.recorder(project) as session:
        if session is None:
            need_datastream(project, request.key)
            raise fault("U-805", what="this needs one, and none runs for this project")
        return beside.ask(session, request)


def _losses(found: Any, json: bool) -> None:
    if json:
        rows = [
            {"what": one.what, "name": one.name, "asset": one.asset, "words": one.words}
            for one in found.losses
        ]
        document({"datastream": found.key, "losses": rows})
        return
    if not found.losses:
        line("Nothing loses its input.")
        return
    table(
        ("what", "name", "asset", "what becomes of it"),
        ((one.what, one.name, one.asset, one.words) for one in found.losses),
    )
