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
    from lamplighter.analytics.life.tabular import FailureReport


def register(app: typer.Typer) -> None:
    app.command("rul")(rul)
    app.command("failure")(failure)


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


def failure(
    train: Path = typer.Option(
        ..., "--train", help="CSV with a header, one machine or row a line."
    ),
    test: Path = typer.Option(..., "--test", help="The same columns."),
    target: str = typer.Option(..., "--target", help="The column that says failed: 1/0 or yes/no."),
    ignore: list[str] = typer.Option([], "--ignore", help="A column not to look at; may repeat."),
    unit: str = typer.Option("", "--unit", help="The column that names the machine of a row."),
    seed: int = typer.Option(0, "--seed"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Judge failure risk on a table; columns that give the answer away are left out by name."""
    from lamplighter.analytics.life.tabular import FailureReport, FailureRequest
    from lamplighter.runtime.one_task import in_worker

    files = [existing(p) for p in (train, test)]
    request = FailureRequest(str(files[0]), str(files[1]), target, tuple(ignore), unit, seed)
    report = in_worker(
        "lamplighter.analytics.life.tabular:evaluate",
        request,
        FailureReport,
        name="Judge failure risk",
        reads=files,
        progress=lambda done, total, text: say(f"{done}/{total} {text}"),
    )
    for warning in report.warnings:
        say(warning)
    if json:
        document(report)
    else:
        _print_failure(report)


def _print_failure(report: FailureReport) -> None:
    table(
        ("", "model", "no skill", "held-out training rows"),
        (
            (
                "average precision",
                report.average_precision,
                report.naive_average_precision,
                report.held_out["average_precision"],
            ),
            ("Brier score", report.brier, report.naive_brier, report.held_out["brier"]),
            ("F1", report.f1, report.always_alarm_f1, None),
            ("MCC", report.mcc, 0.0, None),
        ),
    )
    line(
        f"{report.rows} rows, {report.failures} failures; learned from {report.training_rows} rows "
        f"with {report.training_failures} failures in {report.seconds:.1f} s; "
        f"threshold {report.threshold:.3g}"
    )
    if report.pairs:
        line(f"pairs looked at: {'; '.join(report.pairs)}")
    if report.worse_than_naive:
        line("FROZEN: no better than the training share of failures")
    for name, source in report.sources.items():
        line(f"{name.replace('_', ' ')}: {source}")
