"""The verb `feed acl`: the rights a project needs on its broker, as files for the broker."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, line, say


def acl(
    project: Path,
    out: Path | None = typer.Option(None, "--out", help="Folder for the broker's files."),
    console: list[str] = typer.Option(
        [], "--console", help="Login of a recorder; repeatable. Default: those of the feeds."
    ),
    device: list[str] = typer.Option(
        [], "--device", help="A source that has not been heard yet; repeatable."
    ),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Write the rights on the broker: each console and device its own topics, nothing else."""
    from lamplighter.runtime.broker_rights import as_table, rights_of, write_rights
    from lamplighter.sources.broker_policy import mosquitto_acl

    rights = rights_of(project, consoles=console, devices=device)
    files = write_rights(rights, out) if out is not None else []
    if json:
        document({**as_table(rights), "files": files})
    elif files:
        for file in files:
            line(file)
    else:
        line(mosquitto_acl(rights.clients).rstrip("\n"))
    for left in rights.left_out:
        say(f"left out: {left}")
    if rights.left_out:
        raise Leave(REFUSALS)
