"""Verbs about what needs somebody: alarms, prognosis, scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.output import counted, document, line, say, table
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    app.command("alarms")(alarms)
    app.command("prognosis")(prognosis)
    app.command("scenario")(scenario)


def alarms(
    project: Path,
    at: str = typer.Option("", "--at", help="A past moment, ISO 8601 or milliseconds."),
    kpi: bool = typer.Option(False, "--kpi", help="Figures of a period (EEMUA 191, ISA-18.2)."),
    journal: bool = typer.Option(False, "--journal", help="What happened to alarms."),
    export: Path | None = typer.Option(None, "--export", help="Journal to a .csv or .json file."),
    from_: str = typer.Option("", "--from", help="Begin of the period; a day ago for --kpi."),
    to: str = typer.Option("", "--to", help="End of the period; now for --kpi."),
    asset: list[str] = typer.Option([], "--asset"),
    rule: list[str] = typer.Option([], "--rule", help="Begin of a rule's id."),
    priority: list[int] = typer.Option([], "--priority"),
    event: list[str] = typer.Option([], "--event", help="raised, cleared, acked, shelved ..."),
    actor: str = typer.Option("", "--actor", help="Who did it."),
    text: str = typer.Option("", "--text", help="Anywhere in text, note, asset or rule."),
    limit: int = typer.Option(1000, "--limit", min=1),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Alarms and incidents, now or at a past moment; their journal and their figures."""
    from lamplighter.runtime.project import list_alarms, opened, optional_time

    if kpi or journal or export is not None:
        from lamplighter.runtime.alarm_journal import filter_of

        begin, end = optional_time(from_, "alarms"), optional_time(to, "alarms")
        wanted = filter_of(
            begin, end, assets=asset, rules=rule, priorities=priority, events=event,
            actor=actor, text=text,
        )  # fmt: skip
        with opened(project) as store:
            if kpi:
                _kpi(store, begin or 0, end or 0, json)
            elif export is not None:
                _export(store, export, wanted, json)
            else:
                _journal(store, wanted, limit, json)
        return
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
            f"incident: {incident['cause']} - {counted(len(incident['folded']), 'alarm')} folded, "
            f"{incident['people_affected']} people"
        )


def _kpi(store: Any, begin: int, end: int, json: bool) -> None:
    from lamplighter.domain.clock import SystemClock, iso
    from lamplighter.runtime.alarm_journal import figures, kpi_rows

    found = figures(store, begin, end, SystemClock().wall_ms())
    if json:
        document({"kpi": found})
        return
    line(f"{iso(found.from_ms)} to {iso(found.to_ms)}")
    table(("figure", "value", "recommended"), kpi_rows(found))
    for key, count in found.top_10:
        line(f"  {count} x {key}")


def _export(store: Any, path: Path, wanted: Any, json: bool) -> None:
    from lamplighter.runtime.alarm_journal import write

    count = write(store, path, wanted)
    if json:
        document({"out": str(path), "entries": count})
    else:
        line(f"{count} entries were written to {path}.")


def _journal(store: Any, wanted: Any, limit: int, json: bool) -> None:
    from lamplighter.runtime.alarm_journal import newest, row

    events, left = newest(store, wanted, limit)
    rows = [row(e) for e in events]
    if json:
        document({"journal": rows, "left_out": left})
        return
    keys = ("time", "event", "priority", "asset", "text", "after", "actor", "note")
    table(keys, ([r[k] for k in keys] for r in rows))
    if left:
        say(f"{left} older entries fit as well; --limit shows more.")


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
        ("asset", "what", "30 days", "low", "high", "basis", "besides"),
        (
            (p["asset"], p["what"], p["probability_30d"], p["low"], p["high"], p["basis"],
             "; ".join(p["others"]))
            for p in items
        ),
    )  # fmt: skip


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
