"""`evaluate forecast`: the console's forecast judged on anyone's recording, walking forward."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from lamplighter.cli.output import document, line, plain, table

if TYPE_CHECKING:
    from lamplighter.analytics.forecasting.judge import Judged

_UNITS: Final = {"ms": 1, "s": 1_000, "min": 60_000, "m": 60_000, "h": 3_600_000,
                 "d": 86_400_000, "w": 604_800_000}  # fmt: skip

COLUMNS: Final = ("time_ms", "outcome", "forecast", "low", "high", "naive")


def register(evaluate: typer.Typer) -> None:
    evaluate.command("forecast")(forecast)


def forecast(
    csv: Path = typer.Option(..., "--csv", help="A table with a line of names; may be .gz."),
    time: str = typer.Option(..., "--time", help="Column of times; several are joined by +."),
    target: str = typer.Option(..., "--target", help="Column that is forecast."),
    horizon: str = typer.Option("24h", "--horizon", help="How far ahead, e.g. 30min, 24h, 7d."),
    test_from: str | None = typer.Option(
        None, "--test-from", help="Judge from this wall-clock time on; without it the last fifth."
    ),
    predictions: Path | None = typer.Option(
        None, "--predictions", help="Write every judged forecast into this CSV."
    ),
    seed: int = typer.Option(0, "--seed"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Forecast a column from what was known one horizon before, beside both naive rules."""
    from lamplighter.analytics.forecasting.judge import Judged, JudgeRequest
    from lamplighter.domain.problems import fault
    from lamplighter.runtime.one_task import in_worker

    ahead = _duration(horizon)
    begin = None if test_from is None else _moment(test_from)
    if not csv.is_file():
        raise fault("P-604", name=csv.name, what="there is no such file")
    request = JudgeRequest(
        str(csv.resolve()), time, target, ahead, begin, seed, rows=predictions is not None
    )
    found = in_worker(
        "lamplighter.analytics.forecasting.judge:judge_file",
        request,
        Judged,
        name=f"judge the forecast of {target}",
        reads=[csv],
    )
    if predictions is not None:
        _write(predictions, found)
    if json:
        document(_flat(found))
    else:
        _show(found, target)


def _duration(text: str) -> int:
    from lamplighter.domain.problems import fault

    known = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", text.lower())
    ms = round(float(known[1]) * _UNITS.get(known[2], 0)) if known else 0
    if ms <= 0:
        what = f"{text!r} is no horizon such as 30min, 24h or 7d"
        raise fault("U-801", what=what, name="evaluate forecast")
    return ms


def _moment(text: str) -> int:
    from lamplighter.domain.problems import fault

    if re.fullmatch(r"\d{11,}", text):
        return int(text)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time such as 2018-01-31T00:00"
        raise fault("U-801", what=what, name="evaluate forecast") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return round(moment.timestamp() * 1000)


def _flat(found: Judged) -> dict[str, Any]:
    names = [name for name in found.__struct_fields__ if name not in COLUMNS]
    flat: dict[str, Any] = {name: plain(getattr(found, name)) for name in names}
    flat["hours_judged"] = round(found.judged * found.step_s / 3600.0, 3)
    flat["hours_missing"] = round(found.missing * found.step_s / 3600.0, 3)
    return flat


def _write(file: Path, found: Judged) -> None:
    from lamplighter.domain.problems import fault

    columns = [getattr(found, name).tolist() for name in COLUMNS]
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            out.write(",".join(COLUMNS) + "\n")
            for row in zip(*columns, strict=True):
                out.write(",".join(f"{v:.10g}" if isinstance(v, float) else str(v) for v in row))
                out.write("\n")
    except OSError as error:
        raise fault("U-813", name=str(file), what=error.strerror or str(error)) from None


def _show(found: Judged, target: str) -> None:
    rows: list[tuple[str, object]] = [
        (
            "forecast of",
            f"{target}, {_span(found.horizon_s)} ahead, steps of {_span(found.step_s)}",
        ),
        ("judged", f"{found.judged:,} steps (mean {found.mean:.6g})"),
        ("mean absolute error", found.mae),
        ("same time yesterday", found.naive_day_mae),
        ("same time last week", found.naive_week_mae),
        ("against the better of both", f"{found.against_naive:+.1%}"),
        ("90 % band", f"holds {found.coverage_90:.1%}, {found.width_90:.6g} wide"),
        ("before its correction", f"{found.raw_coverage_90:.1%}, {found.raw_width_90:.6g} wide"),
        ("chosen in training", found.chosen),
        ("frozen", f"{'yes' if found.frozen else 'no'}; {found.frozen_share:.1%} of the steps"),
        ("not measured", f"{found.missing:,} of {found.steps:,} steps"),
        ("times", f"{found.time_layout} in {' + '.join(found.time_columns)}"),
        ("where limits come from", found.thresholds_from),
        ("took", f"{found.fit_seconds} s, {found.fits} fits"),
    ]
    if found.missing_mark is not None:
        rows.append(("stands for not measured", found.missing_mark))
    if found.bad_times or found.bad_values:
        rows.append(
            ("left out", f"{found.bad_times} rows without a time, {found.bad_values} odd values")
        )
    table(("", ""), rows)
    if found.frozen:
        line("FROZEN: the naive rule was better lately and is shown instead.")


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
