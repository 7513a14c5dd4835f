"""The verb retention: how long history is kept and what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from lamplighter.cli.output import document, line


def register(app: typer.Typer) -> None:
    app.command("retention")(retention)


def retention(
    project: Path,
    raw_days: int | None = typer.Option(None, "--raw-days", help="Keep single points; 0 = ever."),
    rollup_days: int | None = typer.Option(
        None, "--rollup-days", help="Keep minimum, mean and maximum of steps of time; 0 = ever."
    ),
    alarm_minutes: int | None = typer.Option(
        None, "--alarm-minutes", help="Points so near to an alarm outlive --raw-days."
    ),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """How long history is kept, what it takes, how long the disk lasts; options change it."""
    from lamplighter.cli import beside
    from lamplighter.domain import wire
    from lamplighter.domain.retention import Retention
    from lamplighter.runtime import storage

    given = {"raw_days": raw_days, "rollup_days": rollup_days, "alarm_minutes": alarm_minutes}
    wanted = {key: value for key, value in given.items() if value is not None}
    with beside.recorder(project) as session:
        if session is None:
            found = storage.show(project)
        else:
            found = storage.as_row(beside.ask(session, wire.GetStorage()))
        if wanted:
            known = {key: found[key] for key in given}
            rule = msgspec.convert(known | wanted, Retention).checked()
            if session is None:
                found = storage.change(project, rule)
            else:
                found = storage.as_row(beside.ask(session, wire.SetRetention(rule)))
    if json:
        document(found)
    else:
        _say(found, msgspec.convert({key: found[key] for key in given}, Retention).words)


def _say(found: dict[str, Any], words: str) -> None:
    line(f"kept: {words}")
    line(
        f"{found['points']:,} points, of those {found['sealed_points']:,} sealed in"
        f" {found['segments']} segments ({found['sealed_bytes'] / 1e6:,.1f} MB);"
        f" {found['expired_points']:,} have expired"
    )
    left = found["days_left"]
    lasts = "more than ten years" if left is None else f"{left:,.1f} days"
    basis = "measured" if found["measured"] else "estimated, nothing is sealed yet"
    line(
        f"{found['points_per_day']:,.0f} points a day at {found['bytes_per_point']:.2f} bytes"
        f" ({basis}): the disk lasts {lasts}"
    )
