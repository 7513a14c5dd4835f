"""The verb `export`: the city or its history in open formats."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, line, say
from lamplighter.domain.problems import fault

FORMATS = ("cityjson", "geopackage", "gltf", "csv", "parquet")


def register(app: typer.Typer) -> None:
    app.command("export")(export)


def export(
    project: Path,
    format: str = typer.Option("", "--format", help="|".join(FORMATS)),
    out: Path | None = typer.Option(None, "--out", help="File to write."),
    history: bool = typer.Option(False, "--history", help="The observations as csv or parquet."),
    observations: Path | None = typer.Option(
        None, "--observations", help="CSV or Parquet file to write."
    ),
    from_: str = typer.Option("", "--from"),
    to: str = typer.Option("", "--to"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Write the city, or every stored observation, in an open format."""
    if history and out is not None and format == "csv":
        observations = out
    elif observations is not None and observations.suffix.lower() == ".parquet":
        history, format, out, observations = True, "parquet", observations, None
    if observations is not None:
        from lamplighter.runtime.project import export_observations

        result = export_observations(project, observations, from_=from_, to=to)
        words = "observations"
    elif format not in FORMATS or out is None:
        what = f"say --format {'|'.join(FORMATS)} and --out FILE, or --observations FILE"
        raise fault("U-801", what=what, name="export")
    elif history:
        from lamplighter.runtime.exporting import export_history

        if format != "parquet":
            what = "--history goes with --format csv or parquet"
            raise fault("U-801", what=what, name="export")
        result = export_history(project, out, from_=from_, to=to)
        words = "observations"
    else:
        from lamplighter.runtime.exporting import export_city

        result = export_city(project, format, out, say=say)
        words = "objects"
    if json:
        document(result)
    else:
        line(f"{result['out']}: {result['objects']} {words}")
    for warning in result.get("warnings", ()):
        say(warning)
    if result.get("warnings"):
        raise Leave(REFUSALS)
