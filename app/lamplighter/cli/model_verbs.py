"""Verbs about trained models: versions, cards, what a person decides, how forecasts fared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.output import document, line, table
from lamplighter.domain.problems import fault

models = typer.Typer(no_args_is_help=True, help="Trained models: list, card, train, promote, move.")
WAIT_S = 180.0


def register(app: typer.Typer) -> None:
    app.add_typer(models, name="models")
    app.command("scoreboard")(scoreboard)
    app.command("metrics")(metrics)


@models.command("list")
def list_models(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """All versions of all models, which is in use, and what they are worth."""
    from lamplighter.runtime.forecast_list import records_of
    from lamplighter.runtime.model_registry import plain
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        records = sorted(store.models(), key=lambda r: (r.card.kind, -r.card.version))
        forecasts = records_of(store.forecasts())
    if json:
        document({"models": [plain(r) for r in records], "forecasts": forecasts})
        return
    if not records:
        line("No model was trained yet.")
        return
    rows = [
        (r.key, "frozen" if r.frozen else r.state.value, r.card.basis, *_first(r.card),
         r.card.owner)
        for r in records
    ]  # fmt: skip
    table(("model", "state", "learned from", "figure", "ours", "naive", "owner"), rows)


def _first(card: Any) -> tuple[object, object, object]:
    if not card.figures:
        return ("—", None, None)
    one = card.figures[0]
    return (one.name, one.ours, one.naive)


@models.command("card")
def card(
    project: Path,
    kind: str,
    version: int = typer.Option(0, "--version", help="0 = the one in use."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """The card of one version: where it was learned, how it was judged, how it fares."""
    from lamplighter.domain.models import ModelState, card_lines
    from lamplighter.runtime.model_registry import plain
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        mine = {r.card.version: r for r in store.models() if r.card.kind == kind}
    used = next((v for v, r in mine.items() if r.state is ModelState.IN_USE), 0)
    found = mine.get(version or used)
    if found is None and mine and not version:
        raise fault("P-609", name=kind, what="no version of it is in use")
    if found is None:
        name = f"{kind} {version}" if version else kind
        raise fault("U-809", what="model", name=name, lists="models list")
    if json:
        document(plain(found))
        return
    for name, text in card_lines(found):
        line(f"{name + ':':<22} {text}")


@models.command("promote")
def promote(
    project: Path,
    kind: str,
    version: int = typer.Argument(..., min=1),
    reason: str = typer.Option(..., "--reason", help="Why, for the audit record."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Use this version from now on; the one before stays and can come back."""
    from lamplighter.domain import wire

    _said(_change(project, wire.PromoteModel(kind, version, reason)), "is in use", json)


@models.command("rollback")
def rollback(
    project: Path,
    kind: str,
    reason: str = typer.Option(..., "--reason", help="Why, for the audit record."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Use the version again that was in use before the present one."""
    from lamplighter.domain import wire

    _said(_change(project, wire.PromoteModel(kind, 0, reason)), "is in use again", json)


@models.command("import")
def import_(project: Path, file: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Take a signed model package in; it waits until somebody promotes it."""
    from lamplighter.domain import wire

    _said(_change(project, wire.ImportModel(str(file.absolute()))), "waits as a candidate", json)


@models.command("export")
def export(
    project: Path,
    kind: str,
    out: Path,
    version: int = typer.Option(0, "--version", help="0 = the one in use."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Write a version as one signed file that another console may take in."""
    from lamplighter.runtime.model_shelf import package

    found = package(project, kind, version, out)
    if json:
        document(found)
    else:
        line(f"{found['model']} was written to {out}.")


@models.command("train")
def train(
    project: Path,
    kind: str = typer.Argument("maintenance"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Have the running recorder train a new version on the project's past."""
    from lamplighter.cli import beside
    from lamplighter.cli.names_first import need_model
    from lamplighter.domain import wire

    with beside.recorder(project) as session:
        if session is None:
            need_model(project, kind)
            raise fault("U-805", what="training needs one, and none runs for this project")
        task = beside.ask(session, wire.TrainModel(kind)).task
    if json:
        document({"task": task})
    else:
        line(f"Task {task} trains it.")


def _change(project: Path, ask: Any) -> str:
    from lamplighter.cli import beside
    from lamplighter.domain import wire
    from lamplighter.domain.problems import LamplighterError

    with beside.recorder(project) as session:
        if session is not None:
            reply = session.ask_now(ask, WAIT_S)
            if isinstance(reply, wire.Refused):
                raise LamplighterError(reply.problem)
            return str(reply.text)  # type: ignore[union-attr]
    from lamplighter.runtime.model_shelf import changed_alone

    return changed_alone(project, ask)


def _said(model: str, what: str, json: bool) -> None:
    if json:
        document({"ok": True, "model": model})
    else:
        line(f"{model} {what}.")


def scoreboard(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """How forecasts, anomalies and suspicions fared: hits, misses, false alarms, lead, coverage."""
    from lamplighter.domain.clock import SystemClock
    from lamplighter.runtime.forecast_list import records_of
    from lamplighter.runtime.product_metrics import track_record
    from lamplighter.runtime.project import opened
    from lamplighter.runtime.verdicts import verdict_board

    now = SystemClock().wall_ms()
    with opened(project) as store:
        rows, verdicts = track_record(store, now), verdict_board(store, now)
        hours = records_of(store.forecasts())
    if json:
        document({"scoreboard": rows, "verdicts": verdicts, "forecasts": hours})
        return
    if not rows and not verdicts and not hours:
        line("Nothing was forecast yet, and nothing unusual was told.")
        return
    if rows:
        table(
            ("class", "cases", "hits", "missed", "false", "hit rate", "false a month",
             "lead, days", "covered", "stated", "n"),
            [
                (r.asset_class, r.cases, r.hits, r.missed, r.false_alarms,
                 r.hit_rate if r.has_record else "no record yet", r.false_per_month, r.lead_days,
                 r.covered, r.stated, r.covered_n)
                for r in rows
            ],
        )  # fmt: skip
    if verdicts:
        table(
            ("unusual", "of", "told", "real", "false", "missed", "hit rate", "right when told",
             "false a month", "lead, days", "n"),
            [
                (r.name, r.group, r.told, r.real, r.false, r.missed,
                 r.hit_rate if r.has_record else "no record yet", r.right_when_told,
                 r.false_per_month, r.lead_days, r.lead_n)
                for r in verdicts
            ],
        )  # fmt: skip
    if hours:
        table(
            ("the next hours of", "came due", "error", "naive error", "covered", "stated", "state",
             "why"),
            [
                (r.name, r.judged, r.mae, r.naive_mae, r.coverage, r.stated,
                 "FROZEN" if r.frozen else "", r.why)
                for r in hours
            ],
        )  # fmt: skip


def metrics(
    project: Path,
    out: Path | None = typer.Option(None, "--out", help="A .csv or .json file."),
    from_: str = typer.Option("", "--from", help="Begin; thirty days before the end."),
    to: str = typer.Option("", "--to", help="End; now."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """The console's own figures: alarms, answers of people, forecast hits, availability."""
    from lamplighter.domain.clock import SystemClock
    from lamplighter.runtime import product_metrics
    from lamplighter.runtime.project import opened, optional_time

    begin, end = optional_time(from_, "metrics") or 0, optional_time(to, "metrics") or 0
    with opened(project) as store:
        found = product_metrics.metrics(store, begin, end, SystemClock().wall_ms())
    if out is not None:
        product_metrics.write(found, out)
    if json:
        document(found | ({"out": str(out)} if out else {}))
        return
    if out is not None:
        line(f"{len(found['metrics'])} figures were written to {out}.")
        return
    line(f"{found['from']} to {found['to']}")
    table(
        ("figure", "value", "unit", "n", "of"),
        ((m["name"], m["value"], m["unit"], m["n"], m["of"]) for m in found["metrics"]),
    )
