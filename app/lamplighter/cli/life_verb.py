"""The verb `life`: what happened to an asset since it was built, and what is planned."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import document, table


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("life")(life)


def life(project: Path, asset: str, json: bool = typer.Option(False, "--json")) -> None:
    """Built, inspected, failed, repaired, replaced, alarms of note, forecasts, planned work."""
    from msgspec import to_builtins

    from lamplighter.domain.clock import iso
    from lamplighter.domain.edits import Edits
    from lamplighter.domain.problems import fault
    from lamplighter.runtime.attachments import stored
    from lamplighter.runtime.life_line import life_of
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        found = next((a for a in store.assets() if a.id == asset), None)
        if found is None:
            raise fault("U-809", what="asset", name=asset, lists="assets")
        events = life_of(store, found, stored(Edits(store.edits())))
    if json:
        document({"asset": asset, "name": found.name, "events": [to_builtins(e) for e in events]})
        return
    cut = {"year": 4, "day": 10, "ms": 19}
    rows = ((iso(e.at_ms)[: cut[e.precision]], e.kind, e.text, e.ref) for e in events)
    table(("when", "what", "", "from"), rows)
