"""`evaluate rul` and `evaluate failure`: remaining life and failure risk on anyone's data."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lamplighter.cli.output import document, line, say, table
from lamplighter.domain.problems import fault

if TYPE_CHECKING:
    from lamplighter.analytics.life.rul import RulReport


def register(app: typer.Typer) -> None:
    app.command("rul")(rul)


def rul(
    train: Path = typer.Option(
        ..., "--train", help="Whole lives: unit, cycle, 3 settings, sensors."
    ),
    test: Path = typer.Option(..., "--test", help="Lives cut before their end, same columns."),
    truth: Path | None = typer.Option(None, "--truth", help="What was left, one line a unit."),
    cap: float = typer.Option(125.0, "--cap", help="Lives longer than this count as this long."),
    predictions: Path | None = typer.Option(None, "--predictions", help="Write a CSV."),
    seed: int = typer.Option(0, "--seed"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Judge remaining life on run-to-failure files; zipped or not."""
    from lamplighter.analytics.life.rul import RulReport, RulRequest
    from lamplighter.runtime.one_task import in_worker

    if not 1.0 <= cap <= 1e6:
        raise fault(
            "U-801", what=f"--cap {cap:g} is not between 1 and 1000000", name="evaluate rul"
        )
    if predictions is not None and not predictions.resolve().parent.is_dir():
        what = f"--predictions {predictions}: its folder is missing"
        raise fault("U-801", what=what, name="evaluate rul")
    files = [existing(p) for p in (train, test, truth) if p is not None]
    request = RulRequest(
        str(files[0]), str(files[1]), str(files[2]) if truth else "", float(cap), seed
    )
    report = in_worker(
        "lamplighter.analytics.life.rul:evaluate",
        request,
        RulReport,
        name="Judge remaining life",
        reads=files,
        progress=lambda done, total, text: say(f"{done}/{total} {text}"),
    )
    if predictions is not None:
        _write(report, predictions)
    if json:
        document(report)
    else:
        _print(report)


def existing(path: Path) -> Path:
    """The file's full path. Raises LamplighterError (U-831) when there is none."""
    if not path.is_file():
        raise fault("U-831", name=str(path), what="there is no such file")
    return path.resolve()


def _write(report: RulReport, path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("unit", "cycle", "remaining", "low", "high", "basis"))
            for p in report.predictions:
                row = (p.unit, p.cycle, p.remaining, p.low, p.high)
                writer.writerow([("" if v is None else f"{v:.10g}") for v in row] + [p.basis])
    except OSError as cause:
        raise fault(
            "U-831", name=str(path), what=f"it cannot be written ({cause.strerror})"
        ) from None


def _print(report: RulReport) -> None:
    table(
        ("", "model", "no age", "no age, no early life", "always the mean"),
        (
            (
                "RMSE, cycles",
                report.rmse,
                report.rmse_no_age,
                report.rmse_no_age_no_early_life,
                report.naive_rmse,
            ),
            ("PHM08 score", report.phm08, None, None, report.naive_phm08),
            ("RMSE, truth not capped", report.rmse_uncapped_truth, None, None, None),
            ("90 % band covers", report.coverage_90, None, None, None),
            ("90 % band, cycles wide", report.width_90, None, None, None),
        ),
    )
    line(
        f"{report.units} units, {report.abstained} without a basis; learned from "
        f"{report.training_units} units in {report.regimes} regimes, "
        f"{report.sensors_used} sensors; "
        f"{report.fit_seconds:.1f} s to learn"
    )
    if report.worse_than_naive:
        line("FROZEN: no better than always the mean")
    for name, source in report.sources.items():
        line(f"{name.replace('_', ' ')}: {source}")
