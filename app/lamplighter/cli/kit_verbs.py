"""The verbs of `kit`: a part of the city in one file, and what was done with it merged back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from lamplighter.cli.backup_verbs import VARIABLE, Spoken, passphrase
from lamplighter.cli.output import counted, document, line, say, table
from lamplighter.domain import wire
from lamplighter.domain.clock import iso
from lamplighter.domain.kit import DAYS, VALID_DAYS, KitReport, KitWanted
from lamplighter.domain.problems import fault

PASSPHRASE: Final = typer.Option(
    None, "--passphrase-file", help=f"File with the passphrase; else {VARIABLE} is used."
)
JSON: Final = typer.Option(False, "--json")


class _Spoken(Spoken):
    """Says each kind of step once, whatever it counts."""

    def __call__(self, done: int, total: int, text: str) -> None:
        super().__call__(done, total, "".join(c for c in text if c not in "0123456789,").strip())


def register(app: typer.Typer) -> None:
    room = typer.Typer(
        help="Take a part of the city along in one file, and bring back what was done.",
        no_args_is_help=True,
    )
    room.command("take")(take)
    room.command("show")(show)
    room.command("merge")(merge)
    room.command("list")(given)
    room.command("conflicts")(conflicts)
    room.command("settle")(settle)
    room.command("serve")(serve)
    room.command("send")(send)
    room.command("fetch")(fetch)
    app.add_typer(room, name="kit")


def take(
    project: Path,
    file: Path,
    area: str = typer.Option("", help="WEST,SOUTH,EAST,NORTH in degrees."),
    asset: list[str] = typer.Option([], help="An asset with its parts; may be repeated."),
    district: str = typer.Option("", help="Everything in a district."),
    everything: bool = typer.Option(False, "--all", help="The whole project."),
    changes: bool = typer.Option(False, "--changes", help="What was done here: the way back."),
    days: float = typer.Option(DAYS, min=0, help="Days of history; 0 for all of it."),
    valid_days: float = typer.Option(VALID_DAYS, min=0, help="How long it may be begun from."),
    purpose: str = typer.Option("", "--for", help="For whom and for what."),
    passphrase_file: Path | None = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Take assets, history, documents, orders and models along in one signed file."""
    wanted = KitWanted(
        area=_area(area), assets=tuple(asset), district=district, everything=everything,
        changes=changes, days=days, valid_days=valid_days, purpose=purpose,
    )  # fmt: skip
    words = passphrase(passphrase_file, False, twice=True, verb="kit take")
    _tell(_take(project, file, wanted, words), json)


def show(file: Path, passphrase_file: Path | None = PASSPHRASE, json: bool = JSON) -> None:
    """Say what a kit holds and who signed it, before it is sent or merged."""
    from lamplighter.runtime.kit import show as look

    _tell(look(file, _words(file, passphrase_file)), json)


def merge(
    project: Path,
    file: Path,
    trust: str = typer.Option("", help="The signer's key, as you compared it with its owner."),
    passphrase_file: Path | None = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Merge a kit; a missing or empty PROJECT becomes a new one that works by itself."""
    _tell(_merge(project, file, _words(file, passphrase_file), trust), json)


def given(project: Path, json: bool = JSON) -> None:
    """List the kits that were taken from a project, and the consoles it believes."""
    from lamplighter.runtime.kit import given as known

    found = known(project)
    if json:
        document(found)
        return
    table(
        ("taken", "scope", "for", "may be begun until", "file"),
        [
            (iso(r["made_ms"]), r["scope"], r["purpose"],
             iso(r["expires_ms"]) if r["expires_ms"] else "", r["file"])
            for r in found["kits"]
        ],
    )  # fmt: skip
    for one in found["consoles"]:
        line(f"{one['name']} is known by {one['key'][:16]}")


def conflicts(project: Path, json: bool = JSON) -> None:
    """List fields that two consoles changed without knowing of each other."""
    from lamplighter.runtime.kit import conflicts as waiting

    rows = waiting(project)
    if json:
        document({"conflicts": rows})
    else:
        _conflicts(rows)


def settle(
    project: Path,
    object: str,
    field: str,
    take: str = typer.Option("", "--take", help="mine or theirs."),
    value: str | None = typer.Option(None, "--value", help="Another value."),
    reason: str = typer.Option("", help="Why; needed for safety fields."),
    second: str = typer.Option(
        "", "--with", help="The second person who decides with you; needed for safety fields."
    ),
    json: bool = JSON,
) -> None:
    """Decide a conflict; both sides stay in the history."""
    from lamplighter.cli import beside
    from lamplighter.runtime.kit import conflicts as waiting
    from lamplighter.runtime.kit import decision, settle_alone
    from lamplighter.runtime.project import opened

    if (take in ("mine", "theirs")) == (value is not None):
        raise fault("U-801", what="give --take mine, --take theirs or --value", name="kit settle")
    with beside.recorder(project) as session:
        if session is None:
            settle_alone(
                project, object, field, take=take, value=value, reason=reason, second=second
            )
        else:
            with opened(project) as store:
                chosen, heads = decision(store, object, field, take, value)
            seen = {field: heads}
            beside.ask(session, wire.EditFields(object, {field: chosen}, reason, seen, second))
    rows = waiting(project)
    if json:
        document({"conflicts": rows})
    else:
        _conflicts(rows)


def serve(
    project: Path,
    give: Path | None = typer.Option(None, "--give", help="The kit that may be fetched here."),
    host: str = typer.Option("0.0.0.0", help="The address to listen on."),
    port: int = typer.Option(7461, min=0, max=65535, help="0 for any free one."),
    mqtt: str = typer.Option("", "--mqtt", help="Meet over this broker instead."),
    tls_ca: str = typer.Option("", "--tls-ca"),
    seconds: float = typer.Option(900, min=1, help="How long to wait."),
    json: bool = JSON,
) -> None:
    """Wait with a one-time code until a laptop has brought its work or fetched its kit."""
    from lamplighter.runtime.kit_ways import INBOX, Waiting

    if give is not None and not give.is_file():
        raise fault("U-801", what=f"there is no file {give}", name="kit serve")
    waiting = Waiting(project / INBOX, lambda file: _merge(project, file, "", ""), give)
    say(f"code {waiting.code}")
    if mqtt:
        report = waiting.over_broker(mqtt, seconds, say, ca=tls_ca)
    else:
        report = waiting.over_lan(
            host, port, seconds, lambda bound: say(f"listening on {host}:{bound}"), say
        )
    if report is not None:
        _tell(report, json)
    elif json:
        document({"action": "give", "file": str(give)})
    else:
        line(f"{give} was fetched")


def send(
    project: Path,
    where: str,
    code: str = typer.Option(..., help="As it is shown where the work goes."),
    tls_ca: str = typer.Option("", "--tls-ca"),
    json: bool = JSON,
) -> None:
    """Bring what was done here to HOST:PORT or over mqtt://BROKER; a cut transfer goes on."""
    from lamplighter.runtime.kit_ways import send_back

    report = send_back(
        project, lambda file: _take(project, file, KitWanted(changes=True), ""), where, code, say,
        ca=tls_ca,
    )  # fmt: skip
    _tell(report, json)


def fetch(
    project: Path,
    where: str,
    code: str = typer.Option(..., help="As it is shown where the kit is given away."),
    passphrase_file: Path | None = PASSPHRASE,
    tls_ca: str = typer.Option("", "--tls-ca"),
    json: bool = JSON,
) -> None:
    """Fetch the kit that is given away at HOST:PORT or over mqtt://BROKER, and merge it."""
    from lamplighter.runtime.kit_ways import carrier_to
    from lamplighter.runtime.kit_ways import fetch as get

    inbox = project.absolute().with_name(f".{project.absolute().name}.fetched")
    with carrier_to(where, code, ca=tls_ca) as carrier:
        file = get(carrier, code, inbox, say)
    report = _merge(project, file, _words(file, passphrase_file), "")
    file.unlink(missing_ok=True)
    inbox.rmdir()
    _tell(report, json)


def _take(project: Path, file: Path, wanted: KitWanted, words: str) -> KitReport:
    from lamplighter.cli import beside
    from lamplighter.runtime.kit import take_alone

    with beside.recorder(project) as session:
        if session is None:
            return take_alone(project, file, wanted, words, _Spoken())
        return beside.kit(session, wire.TakeKit(str(file.absolute()), wanted, words), _Spoken())


def _merge(project: Path, file: Path, words: str, trust: str) -> KitReport:
    from lamplighter.cli import beside
    from lamplighter.runtime.kit import merge_alone

    with beside.recorder(project) as session:
        if session is None:
            return merge_alone(project, file, words, trust=trust, steps=_Spoken())
        ask = wire.MergeKit(str(file.absolute()), words, trust)
        return beside.kit(session, ask, _Spoken())


def _words(file: Path, given: Path | None) -> str:
    from lamplighter.exchange.kit_file import is_sealed

    return passphrase(given, is_sealed(file), twice=False, verb="kit")


def _area(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        what = f"'{text}' is no WEST,SOUTH,EAST,NORTH"
        raise fault("U-801", what=what, name="kit take") from None
    return west, south, east, north


def _tell(report: KitReport, as_json: bool) -> None:
    row: dict[str, Any] = msgspec.to_builtins(report)
    if as_json:
        document(row)
    else:
        line(_head(report))
        for name, count in sorted(report.counts.items()):
            line(f"  {name}: {count:,}")
        if report.conflicts:
            _conflicts(row["conflicts"])
        for one in report.safety:
            line(f"about safety, changed elsewhere: {one.object} {one.field} = {one.value}, "
                 f"{one.by}, {iso(one.at_ms)}")  # fmt: skip
        for warning in report.warnings:
            say(warning)


def _head(report: KitReport) -> str:
    if report.action == "merge":
        return (
            f"{report.file}: new records from {report.name}: {report.records:,}, "
            f"{counted(len(report.conflicts), 'conflict')}, {report.seconds:.1f} s"
        )
    until = f", to be begun until {iso(report.expires_ms)}" if report.expires_ms else ""
    purpose = f", for {report.purpose}" if report.purpose else ""
    return (
        f"{report.file}: {report.scope}, from {report.name}{purpose}, taken "
        f"{iso(report.made_ms)}{until}, {report.bytes:,} bytes"
        f"{', sealed' if report.sealed else ''}, signed by {report.key[:16]}"
    )


def _conflicts(rows: list[dict[str, Any]]) -> None:
    if not rows:
        line("no conflicts")
        return
    table(
        ("object", "field", "mine", "theirs", "safety"),
        [
            (r["object"], r["field"], r["mine"], r["theirs"], "yes" if r["safety"] else "")
            for r in rows
        ],
    )
