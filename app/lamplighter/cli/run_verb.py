"""The verb that opens the window, with its recorder and, for the demo, the field simulator."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import document, line
from lamplighter.cli.starters import Starters


def register(app: typer.Typer, starters: Starters) -> None:
    def field(context: typer.Context) -> None:
        """Play a city's devices over MQTT: DEFINITION [--seconds N] [--broker URL] ..."""
        from lamplighter.cli.output import Leave

        raise Leave(starters.field(list(context.args)))

    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("field", context_settings=settings)(field)

    def run(
        project: Path | None = typer.Argument(None),
        demo: bool = typer.Option(False, "--demo", help="Open the live demo city."),
        seconds: float = typer.Option(0.0, "--seconds", help="End by itself."),
        shot: Path | None = typer.Option(None, "--shot", help="Save a picture of the window."),
        report: Path | None = typer.Option(None, "--report", help="Save the report as JSON."),
        safe: bool = typer.Option(False, "--safe", help="Without plugins and 3D."),
        theme: str = typer.Option("", "--theme"),
        view: Path | None = typer.Option(None, "--view", help="Show a shared view."),
        json: bool = typer.Option(False, "--json"),
    ) -> None:
        """Open the window; without a project the page of all projects."""
        from lamplighter.cli.screen import need_screen
        from lamplighter.cli.sitting import Sitting

        need_screen()
        sitting = Sitting(starters, project, demo, seconds, shot, report, safe, theme, view)
        result = sitting.run()
        if json:
            document(result)
        elif sitting.seconds:
            for text in sitting.summary(result):
                line(text)

    app.command("run")(run)
