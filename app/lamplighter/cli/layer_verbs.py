"""Verbs about imported layers: list them, take one back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import typer

from lamplighter.cli.output import document, line, table
from lamplighter.domain import wire
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    app.command("layers")(layers_)


def layers_(
    words: list[str] = typer.Argument(
        ..., metavar="PROJECT | list PROJECT | remove PROJECT LAYER", help="What to do."
    ),
    preview: bool = typer.Option(False, "--preview", help="Only count what would go."),
    yes: bool = typer.Option(False, "--yes", help="Remove without asking."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """List imported layers, or take one back: layers PROJECT, layers remove PROJECT LAYER."""
    if len(words) == 3 and words[0] == "remove":
        _remove(Path(words[1]), words[2], preview=preview, yes=yes, json=json)
    elif len(words) == 1 or (len(words) == 2 and words[0] == "list"):
        _list(Path(words[-1]), json=json)
    else:
        raise fault("U-801", what="say PROJECT, or remove PROJECT LAYER", name="layers")


def _list(project: Path, *, json: bool) -> None:
    from lamplighter.runtime.layers import list_layers

    found = list_layers(project)
    if json:
        document({"layers": found})
        return
    keys = ("id", "kind", "format", "objects", "crs", "licence", "date", "source_file")
    table(keys, ([one[k] for k in keys] for one in found))


def _remove(project: Path, layer: str, *, preview: bool, yes: bool, json: bool) -> None:
    counted = _take_back(project, layer, preview=True)
    if not preview and not yes:
        line(_words(counted))
        if not sys.stdin.isatty() or not typer.confirm("Remove it?"):
            raise fault("U-801", what="nothing was removed: give --yes to remove", name="layers")
    done = counted if preview else _take_back(project, layer, preview=False)
    if json:
        document(done)
    else:
        line(_words(done))


def _take_back(project: Path, layer: str, *, preview: bool) -> dict[str, Any]:
    from lamplighter.cli import beside
    from lamplighter.runtime.layers import remove_layer

    with beside.recorder(project) as session:
        if session is None:
            return remove_layer(project, layer, preview=preview)
        reply = beside.ask(session, wire.RemoveLayer(layer, preview))
        return dict(msgspec.to_builtins(reply.removal))


def _words(removal: dict[str, Any]) -> str:
    begin = "Removed" if removal["done"] else "Would go"
    return (
        f"{begin}: layer {removal['layer']} with {removal['assets']} assets, "
        f"{removal['edges']} connections, {removal['tiles']} tiles, "
        f"{removal['bindings']} datastream bindings; {removal['kept_assets']} assets stay as "
        "another file describes them."
    )
