"""`evaluate`: the console's own models judged on anyone's data in the public formats.

Every verb runs the very code that the console uses, in a limited worker, and prints the naive
rule beside the model's figures.
"""

from __future__ import annotations

import typer

from lamplighter.cli import evaluate_anomaly, evaluate_forecast, evaluate_leaks, evaluate_life


def register(app: typer.Typer) -> None:
    evaluate = typer.Typer(
        help="Judge the console's models on data in public formats.", no_args_is_help=True
    )
    rooms: tuple[object, ...] = (
        evaluate_anomaly,
        evaluate_forecast,
        evaluate_leaks,
        evaluate_life,
    )
    for room in rooms:
        room.register(evaluate)  # type: ignore[attr-defined]
    if rooms:
        app.add_typer(evaluate, name="evaluate")
