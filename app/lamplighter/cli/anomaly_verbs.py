"""Verbs about what is usual and what is not: expected, anomalies."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import document, line, table
from lamplighter.domain.clock import iso


def register(app: typer.Typer) -> None:
    app.command("anomalies")(anomalies)
    app.command("expected")(expected)


def anomalies(
    project: Path,
    from_: str = typer.Option("", "--from", help="Begin of the period they were found in."),
    to: str = typer.Option("", "--to", help="End of that period."),
    asset: str = typer.Option("", "--asset", help="Only of this asset."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Departures from the usual, newest first, with reason, past cases and verdict."""
    from lamplighter.runtime.anomaly_list import anomalies_of

    found = anomalies_of(project, from_, to, asset)
    if json:
        document(found)
        return
    for one in found["leaks"]:
        told = f"not judged: {one['why']}" if one["why"] else f"{one['sensors']} pressures judged"
        line(f"Leaks in {one['network']}, {iso(one['at_ms'])}: {told}.")
    if not found["anomalies"]:
        line("No anomaly was found in this time.")
        return
    table(
        ("id", "found", "kind", "asset", "reason", "over", "verdict"),
        (
            (a["id"], a["found"], a["kind"], a["asset"], a["reason"], a["until"], a["verdict"])
            for a in found["anomalies"]
        ),
    )
    line(f"{found['real']} were called real and {found['false']} false by people so far.")


def expected(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """What was learned of each datastream the last time, beside the best naive rule."""
    from lamplighter.runtime.anomaly_list import expected_of

    found = expected_of(project)
    if json:
        document(found)
        return
    if not found["made"]:
        line("Nothing was learned yet: it needs two and a half days of history and a recorder.")
        return
    table(
        ("datastream", "model", "error", "best naive rule", "its error", "hours judged"),
        (
            (r["datastream"], r["why"], r["error"], r["rule"], r["naive"], r["judged"])
            for r in found["rows"]
        ),
    )
    line(
        f"Learned {found['made']} from {found['from']} to {found['to']}: "
        f"{found['used']} of {found['datastreams']} datastreams, {found['seconds']:g} s."
    )
