"""`evaluate leaks`: when and near which sensor the console would have told of a leak."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.evaluate_anomaly import ask, existing
from lamplighter.cli.output import document, line, table
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    app.command("leaks")(leaks)


def leaks(
    calm: Path = typer.Option(..., "--train", help="Weeks without leaks (CSV)."),
    test: Path = typer.Option(..., "--test", help="Later weeks to judge, the same columns."),
    pressure: str = typer.Option("P_", "--pressure", help="How columns of pressures begin."),
    repairs: list[str] = typer.Option([], "--repair", help="When a leak was repaired (ISO 8601)."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Judge pressures day by day; all other columns explain them."""
    from lamplighter.analytics.anomaly.evaluate_leaks import LeaksReport, LeaksRequest

    files = (existing(calm, "--train"), existing(test, "--test"))
    first, second = (str(f.resolve()) for f in files)
    request = LeaksRequest(first, second, pressure, tuple(_moment(r) for r in repairs))
    report: LeaksReport = ask(
        "evaluate_leaks:judge_leaks", request, LeaksReport, "judge leaks", files
    )
    if json:
        document(_plain(report))
        return
    table(
        ("day", "sensor", "fall"),
        ((_day(a.day_ms), a.signal, f"{a.fall:.1f} spreads") for a in report.alarms),
    )
    line(
        f"{len(report.alarms)} alarms in {report.days} days of {report.sensors} pressures (never "
        f"alarm: 0); the limit {report.limit:.1f} comes from {report.calm_days} days without leaks"
    )


def _moment(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise fault("U-801", what=f"--repair {text} is no time", name="evaluate leaks") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def _plain(report: Any) -> dict[str, Any]:
    return {
        "alarms": [
            {"day": _day(a.day_ms), "signal": a.signal, "fall": a.fall, "reason": a.reason}
            for a in report.alarms
        ],
        "days": report.days,
        "limit": report.limit,
        "largest_calm": report.largest_calm,
        "calm_days": report.calm_days,
        "sensors": report.sensors,
        "fit_seconds": report.fit_seconds,
    }
