"""Verbs about plugins: list, check, install, enable, disable."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, say, table


def register(app: typer.Typer) -> None:
    plugins = typer.Typer(no_args_is_help=True, help="Plugins, one per infrastructure domain.")
    plugins.command("list")(list_)
    plugins.command("check")(check)
    plugins.command("install")(install)
    plugins.command("enable")(enable)
    plugins.command("disable")(disable)
    app.add_typer(plugins, name="plugins")


def list_(json: bool = typer.Option(False, "--json")) -> None:
    """List plugins; runs none of their code."""
    from lamplighter.runtime.plugins import plugin_rows

    _show(plugin_rows(), json)


def check(
    folder: Path | None = typer.Argument(None),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Check plugins against the contract."""
    from lamplighter.runtime.plugins import check_plugins

    rows = check_plugins(folder)
    _show(rows, json)
    if any(r["state"] == "refused" for r in rows):
        raise Leave(REFUSALS)


def install(folder: Path, json: bool = typer.Option(False, "--json")) -> None:
    """Install a signed plugin folder for this user."""
    from lamplighter.runtime.plugins import install_plugin

    _show(install_plugin(folder), json)


def enable(plugin: str, json: bool = typer.Option(False, "--json")) -> None:
    """Switch a plugin on."""
    from lamplighter.runtime.plugins import switch_plugin

    _show(switch_plugin(plugin, True), json)


def disable(plugin: str, json: bool = typer.Option(False, "--json")) -> None:
    """Switch a plugin off; its edges close, nothing is deleted."""
    from lamplighter.runtime.plugins import switch_plugin

    _show(switch_plugin(plugin, False), json)


def _show(rows: list[dict[str, object]], json: bool) -> None:
    if json:
        document({"plugins": rows})
        return
    keys = ("id", "version", "state", "signed", "quality_tier")
    table(keys, ([r[k] for k in keys] for r in rows))
    for row in rows:
        if row.get("why"):
            say(str(row["why"]))
