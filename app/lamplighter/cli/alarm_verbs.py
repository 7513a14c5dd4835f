"""Verbs about what needs somebody: alarms, prognosis, scenario."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import document, line, say, table
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    app.command("alarms")(alarms)
    app.command("prognosis")(prognosis)
    app.command("scenario")(scenario)


def alarms(
    project: Path,
    at: str = typer.Option("", "--at", help="A past moment, ISO 8601 or milliseconds."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Alarms and incidents, now or at a past moment."""
    from lamplighter.runtime.project import list_alarms

    result = list_alarms(project, at)
    if json:
        document(result)
        return
    if not result["alarms"]:
        line("No alarm stands.")
        return
    table(
        ("priority", "state", "asset", "what happened", "people"),
        ((a["priority"], a["state"], a["asset"], a["text"], a["people"]) for a in result["alarms"]),
    )
    for incident in result["incidents"]:
        line(
            f"incident: {incident['cause']} - {len(incident['folded'])} alarms folded, "
            f"{incident['people_affected']} people"
        )


def prognosis(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Assets that are likely to fail, with interval and evidence."""
    from lamplighter.runtime.project import list_prognoses

    items = list_prognoses(project)
    if json:
        document({"prognosis": items})
        return
    if not items:
        line("No forecast yet: it needs maintained assets with a past of readings and failures.")
        return
    table(
        ("asset", "what", "30 days", "low", "high", "basis"),
        (
            (p["asset"], p["what"], p["probability_30d"], p["low"], p["high"], p["basis"])
            for p in items
        ),
    )


def scenario(
    project: Path,
    name: str,
    set_: list[str] = typer.Option([], "--set", help="K=V, may be given several times."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Run a what-if on the project's network and compare it with the baseline."""
    from lamplighter.runtime.whatif import run_scenario

    settings = dict(_setting(item) for item in set_)
    result = run_scenario(project, name, settings, say=say)
    if json:
        document(result)
        return
    line(result["summary"])
    table(
        ("asset", "quantity", "unit", "baseline", "outcome", "difference"),
        (
            (r["asset"], r["quantity"], r["unit"], r["baseline"], r["outcome"], r["difference"])
            for r in result["rows"][:40]
        ),
    )


def _setting(item: str) -> tuple[str, str]:
    key, sign, value = item.partition("=")
    if not sign or not key:
        raise fault("U-801", what=f"--set {item} is not K=V", name="scenario")
    return key, value
