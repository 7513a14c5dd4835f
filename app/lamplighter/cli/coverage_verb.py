"""The verb `coverage`: which districts are measured, thinly measured or not measured."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lamplighter.cli.output import document, line, table

if TYPE_CHECKING:
    from lamplighter.domain import wire
    from lamplighter.domain.coverage import Rule

ORIGINS = {
    "outline": "districts as they were imported",
    "named": "districts as assets name them",
    "squares": "no districts are known: squares of {m:.0f} m",
}


def register(app: typer.Typer) -> None:
    app.command("coverage")(coverage)


def coverage(
    project: Path,
    of: str = typer.Option("", "--of", help="Only this kind or domain, e.g. no2 or water."),
    at: str = typer.Option("", "--at", help="A past moment, ISO 8601 or milliseconds."),
    known_now: bool = typer.Option(
        False, "--known-now", help="With --at: with what was recorded later."
    ),
    least: int = typer.Option(2, "--least", min=1, help="Live sensors; fewer is thin."),
    within: float = typer.Option(400.0, "--within", min=1.0, help="Metres to the next live one."),
    share: float = typer.Option(
        0.5, "--share", min=0.0, max=1.0, help="Of the people that must have one as near."
    ),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Which districts are measured, thinly measured or not measured, now or at a past moment."""
    from lamplighter.domain.coverage import Rule
    from lamplighter.domain.problems import fault
    from lamplighter.runtime.project import optional_time

    when = optional_time(at, "coverage")
    if not math.isfinite(within):
        raise fault("U-801", what="--within needs a finite number of metres", name="coverage")
    found, recorded = _found(project, when, not known_now, Rule(least, within, share))
    number = _subject(found, of)
    if json:
        document({**_document(found, of, number), "recorder": recorded})
        return
    _table(found, number, live_now=recorded or when is not None)


def _found(
    project: Path, at_ms: int | None, as_known: bool, rule: Rule
) -> tuple[wire.Coverage, bool]:
    """(the answer, whether a recorder told what is live now)."""
    from lamplighter.cli import beside
    from lamplighter.domain import wire
    from lamplighter.domain.clock import SystemClock
    from lamplighter.runtime.coverage import coverage_at
    from lamplighter.runtime.project import opened

    with beside.recorder(project) as session:
        if session is not None:
            return beside.ask(session, wire.GetCoverage(at_ms, as_known, rule)), True
    with opened(project) as store:
        now = SystemClock().wall_ms() if at_ms is None else at_ms
        return coverage_at(store, now, as_known, rule), False


def _subject(found: wire.Coverage, of: str) -> int:
    """Row of the subject; raises LamplighterError (U-801) for one that nothing measures."""
    from lamplighter.domain.problems import fault

    for number, subject in enumerate(found.subjects):
        if of in (subject.id, subject.domain):
            return number
    known = ", ".join(s.domain or s.kind for s in found.subjects[1:9]) or "none yet"
    what = f"--of {of}: no sensor measures that (there are: {known})"
    raise fault("U-801", what=what, name="coverage")


def _document(found: wire.Coverage, of: str, only: int) -> dict[str, Any]:
    wanted = [only] if of else range(len(found.subjects))
    return {
        "at_ms": found.at_ms,
        "origin": found.origin,
        "square_m": found.square_m or None,
        "counted": found.counted or None,
        "rule": {
            "least_live": found.rule.least_live,
            "within_m": found.rule.within_m,
            "share": found.rule.share,
        },
        "outside": found.outside,
        "placeless": found.placeless,
        "districts": [
            {
                "id": found.ids[row],
                "name": found.names[row],
                "area_km2": round(float(found.area_m2[row]) / 1e6, 6),
                "heads": float(found.heads[row]) if found.counted else None,
                "measured": [_cell(found, row, number) for number in wanted],
            }
            for row in range(len(found.ids))
        ],
    }


def _cell(found: wire.Coverage, row: int, number: int) -> dict[str, Any]:
    from lamplighter.domain.coverage import VERDICTS

    live, stale, suspect = (int(n) for n in found.counts[:, row, number])
    near = float(found.near[row, number])
    return {
        "of": found.subjects[number].id or "everything",
        "verdict": VERDICTS[int(found.verdict[row, number])],
        "live": live,
        "stale": stale,
        "suspect": suspect,
        "near": round(near, 4) if math.isfinite(near) else None,
    }


def _table(found: wire.Coverage, number: int, *, live_now: bool) -> None:
    from lamplighter.domain.clock import iso

    line(f"{iso(found.at_ms)}: {ORIGINS[found.origin].format(m=found.square_m)}")
    if not live_now:
        line("No recorder runs, so nothing is live now; --at asks about a past moment.")
    if not found.ids:
        line("Nothing with a place is in this project yet.")
        return
    rows = [(_cell(found, row, number), row) for row in range(len(found.ids))]
    order = {"not measured": 0, "thinly measured": 1, "measured": 2}
    rows.sort(key=lambda pair: (order[pair[0]["verdict"]], -float(found.heads[pair[1]])))
    who = found.counted or "people"
    table(
        ("district", "verdict", "live", "stale", "suspect", who, f"{who} near", "km2"),
        (
            (
                found.names[row], cell["verdict"], cell["live"], cell["stale"], cell["suspect"],
                f"{found.heads[row]:.0f}" if found.counted else None,
                None if cell["near"] is None else f"{100 * cell['near']:.0f} %",
                f"{found.area_m2[row] / 1e6:.2f}",
            )
            for cell, row in rows
        ),
    )  # fmt: skip
    rule = found.rule
    line(
        f"not measured: no sensor live; thinly measured: fewer than {rule.least_live} live, or "
        f"less than {100 * rule.share:.0f} % of the {who} within {rule.within_m:.0f} m of one"
    )
    if found.outside or found.placeless:
        line(f"{found.outside} sensors stand outside, without a place: {found.placeless}")
