"""The verb that takes in an asset register with a preview."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.output import REFUSALS, Leave, counted, document, line, say, table
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    app.command("register")(register_)


def register_(
    project: Path,
    file: Path,
    map: Path | None = typer.Option(None, "--map", help="TOML: columns, pattern, position."),
    crs: str = typer.Option("", "--crs", help="System of the columns x and y, EPSG:n."),
    preview: bool = typer.Option(False, "--preview", help="Only tell what would be bound."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Take in assets, connections and the binding of datastreams from CSV or GeoPackage."""
    from lamplighter.cli import beside
    from lamplighter.runtime.register import register_into

    text = _text(map)
    with beside.recorder(project) as session:
        if session is None:
            report = register_into(project, file, mapping=text, crs=crs, preview=preview)
        else:
            report = beside.register(session, file, text, crs, preview=preview)
    if json:
        document(report)
    else:
        _print(report)
    if report["refused"] or report["unbound"] or report["unplaced"]:
        raise Leave(REFUSALS)


def _text(map: Path | None) -> str:
    try:
        return map.read_text(encoding="utf-8") if map is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise fault("I-507", name=str(map), what=str(error)) from None


def _print(report: dict[str, Any]) -> None:
    table(
        ("datastream", "asset", "kind", "bound by"),
        ([b["datastream"], b["asset"], b["kind"], b["how"]] for b in report["bindings"]),
    )
    for one in report["unbound"]:
        say(f"unbound: {one['datastream']}: {one['reason']}")
    for one in (*report["refused"], *report["unplaced"]):
        say(f"{one['id']}: {one['reason']}")
    begin = "Taken in" if report["applied"] else "Would come in"
    line(
        f"{begin} as layer {report['layer']}: {counted(report['new'], 'new asset')}, "
        f"{report['known']} completed, {counted(report['connections'], 'connection')}, "
        f"{counted(len(report['bindings']), 'datastream')} bound, {len(report['unbound'])} unbound."
    )
