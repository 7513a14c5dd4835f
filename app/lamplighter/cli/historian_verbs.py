"""Verbs about the historian: sync, and its tables, status and set-aside records."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeVar

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, line, say, table
from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.domain.spreadsheet import safe_cell

KEYS = ("n", "kind", "batch", "source", "epoch", "seq", "place", "text", "reason", "since_ms")


def register(app: typer.Typer) -> None:
    app.command("sync")(sync)
    room = typer.Typer(no_args_is_help=True, help="The historian of several consoles.")
    room.command("prepare")(prepare)
    room.command("script")(script)
    room.command("set")(set_)
    room.command("status")(status)
    room.command("poison")(poison)
    app.add_typer(room, name="historian")


def sync(
    project: Path,
    historian: str = typer.Option("", "--historian", help="postgresql://USER@HOST/DATABASE"),
    tls_ca: str = typer.Option("", "--tls-ca", help="CA file; the server must prove its name."),
    tls_cert: str = typer.Option("", "--tls-cert"),
    tls_key: str = typer.Option("", "--tls-key"),
    password_file: str = typer.Option("", "--password-file"),
    send_only: bool = typer.Option(False, "--send-only", help="Take nothing in."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Exchange once with the historian: send what it has no receipt for, take in what others
    recorded.
    """
    from lamplighter.cli import beside
    from lamplighter.runtime.historian import sync as exchange

    with beside.recorder(project) as session:
        if session is None:
            result = exchange(
                project, historian, ca=tls_ca, cert=tls_cert, key=tls_key,
                password_file=password_file, send_only=send_only, say=say,
            )  # fmt: skip
        else:
            ask = _asked(
                wire.SyncHistorian, historian, tls_ca, tls_cert, tls_key, password_file, send_only
            )
            result = beside.sync(session, ask)
    if json:
        document(result)
    else:
        line(
            f"{result['historian']}: {result['sent']} points sent, {result['received']} taken in, "
            f"{result['receipts']} receipts, {result['waiting']} batches wait, "
            f"{result['poison']} records set aside"
        )
        for one in result["poison_shown"][:5]:
            say(f"set aside: {one['text']}: {one['reason']}")
    if result["poison"] or result["waiting"]:
        raise Leave(REFUSALS)


Asked = TypeVar("Asked", wire.SyncHistorian, wire.SetHistorian)


def _asked(
    kind: type[Asked], url: str, ca: str, cert: str, key: str, password_file: str, send_only: bool
) -> Asked:
    """The request with full paths: the recorder may run in another folder."""
    return kind(
        url,
        ca=_full(ca),
        cert=_full(cert),
        key=_full(key),
        password_file=_full(password_file),
        send_only=send_only,
    )


def _full(file: str) -> str:
    return str(Path(file).resolve()) if file else ""


def prepare(
    historian: str = typer.Argument(..., help="postgresql://ADMINISTRATOR@HOST/DATABASE"),
    console: str = typer.Option("", "--console", help="Database user the consoles sign in as."),
    tls_ca: str = typer.Option("", "--tls-ca"),
    password_file: str = typer.Option("", "--password-file"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Make or extend the historian's tables, as the database's administrator."""
    from lamplighter.runtime.historian import prepare as make

    made = make(historian, ca=tls_ca, password_file=password_file, console=console)
    if json:
        document(made)
    else:
        line(f"{made['historian']} is ready ({made['partitions']} partitions).")


def script(
    timescale: bool = typer.Option(False, "--timescale", help="For TimescaleDB."),
) -> None:
    """Print the SQL that `prepare` runs."""
    from lamplighter.exchange.schema import script as text

    line(text(timescale).rstrip())


def set_(
    project: Path,
    historian: str = typer.Argument(..., help="postgresql://USER@HOST/DATABASE, or off"),
    tls_ca: str = typer.Option("", "--tls-ca"),
    tls_cert: str = typer.Option("", "--tls-cert"),
    tls_key: str = typer.Option("", "--tls-key"),
    password_file: str = typer.Option("", "--password-file"),
    send_only: bool = typer.Option(False, "--send-only", help="Take nothing in."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """The historian a recorder exchanges with all the time. The password is kept apart."""
    from lamplighter.cli import beside
    from lamplighter.runtime.historian import configure

    ask = _asked(wire.SetHistorian, historian, tls_ca, tls_cert, tls_key, password_file, send_only)
    with beside.recorder(project) as session:
        name = configure(project, ask) if session is None else beside.ask(session, ask).text
    if json:
        document({"historian": name})
    else:
        line(f"The historian is {name}." if name else "No historian is used.")


def status(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """How the exchange stands."""
    from lamplighter.runtime.historian import status as stands

    found = stands(project)
    if json:
        document(found)
    else:
        table(("historian", "waiting_batches", "poison"),
              [[found[k] for k in ("historian", "waiting_batches", "poison")]])  # fmt: skip


def poison(
    project: Path,
    action: str = typer.Argument("list", help="list, retry, export or delete"),
    numbers: list[int] = typer.Option([], "--n", help="Only these; else all."),
    out: Path | None = typer.Option(None, "--out", help="CSV file of `export`."),
    historian: str = typer.Option("", "--historian", help="Of `retry`, else the project's own."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Records the historian refused: list, send again, write to a file, or forget them."""
    from lamplighter.runtime import historian as desk

    if action == "list":
        rows = desk.poison_list(project)
        if json:
            document({"poison": rows})
        else:
            table(KEYS, ([r[k] for k in KEYS] for r in rows))
    elif action == "retry":
        _say(_retry(project, numbers, historian), json)
    elif action == "export":
        if out is None:
            raise fault("U-801", what="export needs --out FILE", name="historian poison")
        rows = [r for r in desk.poison_list(project) if not numbers or r["n"] in numbers]
        try:
            with out.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(KEYS)
                writer.writerows([safe_cell(r[k]) for k in KEYS] for r in rows)
        except OSError as error:
            raise fault("I-507", name=str(out), what=str(error)) from None
        _say({"out": str(out), "objects": len(rows)}, json)
    elif action == "delete":
        _say({"deleted": _delete(project, numbers)}, json)
    else:
        what = f"{action} is none of list, retry, export, delete"
        raise fault("U-801", what=what, name="historian poison")


def _delete(project: Path, numbers: list[int]) -> int:
    from lamplighter.cli import beside
    from lamplighter.runtime.historian import poison_delete

    with beside.recorder(project) as session:
        if session is None:
            return poison_delete(project, numbers)
        return int(beside.ask(session, wire.DropPoison(tuple(numbers))).text)


def _retry(project: Path, numbers: list[int], historian: str) -> dict[str, object]:
    from lamplighter.cli import beside
    from lamplighter.runtime.historian import poison_retry

    with beside.recorder(project) as session:
        if session is None:
            return dict(poison_retry(project, numbers, historian))
        reply = beside.ask(session, wire.RetryPoison(tuple(numbers)))
        return {"sent": reply.sent, "refused": reply.poison}


def _say(result: dict[str, object], json: bool) -> None:
    if json:
        document(result)
    else:
        line(", ".join(f"{k}: {v}" for k, v in result.items()))
