"""The verb that tries a rule on the past, and arms it when that is wanted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.output import document, line, plain, table
from lamplighter.domain.alarm_trial import Trial


def register(rules: typer.Typer) -> None:
    rules.command("backtest")(backtest)


def backtest(
    project: Path,
    rule: str = typer.Argument(..., help="Its id, or id@asset for one asset."),
    days: int = typer.Option(90, "--days", help="How far back, from the newest value."),
    horizon_h: float = typer.Option(
        72.0, "--horizon-h", help="A failure is caught when the rule fired so long before it."
    ),
    threshold: float | None = typer.Option(None, "--threshold", help="Instead of its own."),
    arm: bool = typer.Option(False, "--arm", help="Let the rule raise alarms from now on."),
    steps: bool = typer.Option(False, "--steps", hidden=True),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """What a rule would have done in the past: how often, for which failures, how early."""
    from lamplighter.runtime.backtest import STEP, try_rule

    def tell(done: int, total: int, text: str) -> None:
        if steps:
            print(f"{STEP}{done} {total} {text}", file=sys.stderr, flush=True)

    found = try_rule(
        project, rule, days=days, horizon_h=horizon_h, threshold=threshold, progress=tell
    )
    if arm:
        from lamplighter.cli.rule_verbs import change
        from lamplighter.domain import wire

        change(project, wire.ArmRule(found.rule.removeprefix("project."), trial=in_words(found)))
    if json:
        flat: dict[str, Any] = plain(found)
        document({**flat, **flat["outcome"]})
        return
    _show(found)
    if arm:
        line(f"{found.rule} may raise alarms now.")


def in_words(found: Trial) -> str:
    """One line for the record of why the rule was armed."""
    out = found.outcome
    return (
        f"tried on {found.days} days of {found.assets} assets: raised {out.fired} times, caught "
        f"{out.caught} of {out.repairs} failures, {out.chattering} alarms chattering"
    )


def _show(found: Trial) -> None:
    out = found.outcome
    lead = out.lead_time_median_min
    rows = [
        ("rule", f"{found.rule}: {found.text}"),
        ("tried on", f"{found.days} days, {found.assets} assets, {found.points:,} values"),
        ("raised", f"{out.fired} times, {out.worst_day} on its worst day"),
        ("failures", f"caught {out.caught} of {out.repairs}"),
        ("warned before", "-" if lead is None else f"{lead:,.0f} min (median)"),
        ("chattering", f"{out.chattering} alarms"),
        ("stood", f"{out.standing_h:,.1f} h"),
        ("took", f"{found.seconds} s, {found.points_read:,} values looked at"),
        ("not known", found.note),
    ]
    table(("", ""), [row for row in rows if row[1]])
    if found.sweep:
        unit = found.unit
        table(
            (f"threshold {unit}".strip(), "raised", "caught", "chattering", "worst day"),
            [
                (step.threshold, o.fired, f"{o.caught} of {o.repairs}", o.chattering, o.worst_day)
                if (o := step.outcome)
                else (step.threshold, "too much to read", "", "", "")
                for step in found.sweep
            ],
        )
