"""The verb that lists the next hours of a project beside the naive rule and its record."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import document, line, table


def register(app: typer.Typer) -> None:
    app.command("forecasts")(forecasts)


def forecasts(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """The next hours of figures and datastreams, the naive rule beside, and what came of others."""
    from lamplighter.runtime.forecast_list import forecasts_of

    found = forecasts_of(project)
    if json:
        document(found)
        return
    if not found["forecasts"]:
        line("Nothing is forecast yet: a recorder does it for what a window shows.")
        return
    table(
        ("forecast", "made", "in 6 h", "from", "to", "naive rule", "error", "naive error",
         "came due", "frozen", "why"),
        (
            (r["name"], r["made"], r["value"], r["low"], r["high"], r["naive"], r["mae"],
             r["naive_mae"], r["came_due"], "FROZEN" if r["frozen"] else "", r["why"])
            for r in found["forecasts"]
        ),
    )  # fmt: skip
