"""The verbs `backup` and `restore`: a whole project in one file, and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, line, say
from lamplighter.domain.problems import fault

VARIABLE: Final = "LAMPLIGHTER_PASSPHRASE"


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    project: Path,
    file: Path,
    encrypt: bool = typer.Option(False, "--encrypt", help="Ask for a passphrase."),
    passphrase_file: Path | None = typer.Option(
        None, "--passphrase-file", help=f"File with the passphrase; else {VARIABLE} is used."
    ),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Copy a whole project into one file, also while it is being recorded."""
    from lamplighter.cli import beside
    from lamplighter.runtime.backups import backup_alone

    words = passphrase(passphrase_file, encrypt, twice=True)
    spoken = Spoken()
    with beside.recorder(project) as session:
        if session is None:
            result = backup_alone(project, file, words, spoken)
        else:
            result = beside.backup(session, file, words, spoken)
    if json:
        document(result)
    else:
        line(f"{result['out']}: {result['bytes']:,} bytes in {result['seconds']:.1f} s, read back")
        for warning in result["warnings"]:
            say(warning)


def restore(
    file: Path,
    project: Path,
    passphrase_file: Path | None = typer.Option(
        None, "--passphrase-file", help=f"File with the passphrase; else {VARIABLE} is used."
    ),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Make a project from a backup and prove it whole."""
    from lamplighter.runtime.backups import restore as bring_back
    from lamplighter.store.archive import is_sealed

    words = passphrase(passphrase_file, is_sealed(file), twice=False)
    result: dict[str, Any] = bring_back(file, project, words, Spoken())
    if json:
        document(result)
    else:
        line(
            f"{result['project']}: {result['rows']:,} points, {result['audit_rows']} audit entries"
        )
        for warning in result["warnings"]:
            say(warning)
    if not result["ok"]:
        raise Leave(REFUSALS)


class Spoken:
    """Says what is being done, once per step."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, done: int, total: int, text: str) -> None:
        if text != self._last:
            self._last = text
            say(f"{text} ...")


def passphrase(file: Path | None, asked: bool, *, twice: bool, verb: str = "backup") -> str:
    """From a file, the environment or the keyboard; a command line can be seen by others."""
    if file is not None:
        try:
            found = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise fault("U-801", what=f"{file.name} cannot be read ({error})", name=verb) from None
        if not found:
            raise fault("U-801", what=f"{file.name} holds no passphrase", name=verb)
        return found
    if not asked:
        return os.environ.get(VARIABLE, "") if twice else ""
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if not os.isatty(0):
        what = f"nobody is here to type a passphrase: give --passphrase-file or {VARIABLE}"
        raise fault("U-801", what=what, name=verb)
    return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True))
