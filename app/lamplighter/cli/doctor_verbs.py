"""Verbs about this machine and installation: doctor, config explain, bench."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import FAILED, REFUSALS, Leave, document, line, table


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.command("bench")(bench)
    config = typer.Typer(no_args_is_help=True, help="Settings and where they come from.")
    config.command("explain")(explain)
    app.add_typer(config, name="config")


def doctor(
    project: Path | None = typer.Argument(None),
    bundle: Path | None = typer.Option(None, "--bundle", help="Write a diagnostics archive."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Check this machine and this installation."""
    from lamplighter.cli.drawing_check import drawing
    from lamplighter.runtime.doctor import examine, write_bundle

    checks = [*examine(project), drawing()]
    if bundle is not None:
        write_bundle(bundle, checks)
    if json:
        document({"checks": checks})
    else:
        rows = (("ok" if c["ok"] else "NOT OK", c["name"], c["message"]) for c in checks)
        table(("", "check", "finding"), rows)
    if not all(c["ok"] for c in checks):
        raise Leave(REFUSALS)


def explain(key: str, json: bool = typer.Option(False, "--json")) -> None:
    """Where the value of a setting comes from."""
    from lamplighter.runtime.settings import explain as explain_setting

    answer = explain_setting(key)
    if json:
        document(answer)
    else:
        line(f"{key} = {answer['value']} ({answer['source']})")


def bench(
    name: str = typer.Argument(""),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Measure this machine with the product's own parts."""
    from lamplighter.cli.bench import measure

    results = measure(name)
    if json:
        document({"results": results})
    else:
        keys = ("name", "figure", "unit", "against", "ratio")
        table(keys, ([r[k] for k in keys] for r in results))
    if not results:
        raise Leave(FAILED)
