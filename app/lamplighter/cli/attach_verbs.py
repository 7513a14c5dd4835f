"""The verbs `attach` and `attachments`: files on assets, orders and places, found again offline."""

from __future__ import annotations

from pathlib import Path

import typer

from lamplighter.cli.order_verbs import answered, time_of
from lamplighter.cli.output import document, line, table


def register(app: typer.Typer) -> None:
    """Adds both verbs."""
    app.command("attach")(attach)
    app.command("attachments")(attachments)


def attach(
    project: Path,
    file: Path,
    asset: str = typer.Option("", "--asset"),
    order: str = typer.Option("", "--order"),
    at: str = typer.Option("", "--at", help="LON,LAT in degrees"),
    caption: str = typer.Option("", "--caption"),
    note: str = typer.Option("", "--note"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Hang a photo, PDF or drawing on an asset, a work order or a place of the map."""
    from msgspec import to_builtins

    from lamplighter.domain import wire

    lon, lat = _place(at)
    asked = wire.AttachFile(str(file.absolute()), asset, order, lon, lat, caption, note)
    item = answered(project, asked).items[0]
    if json:
        document({"attachment": to_builtins(item)})
    else:
        line(f"attached: {item.id}  {item.kind}, {item.size:,} bytes  {'/'.join(_file(item.file))}")


def _file(file: str) -> tuple[str, str, str]:
    from lamplighter.domain.attachments import media_place

    return media_place(file)


def _place(text: str) -> tuple[float | None, float | None]:
    from lamplighter.domain.problems import fault

    if not text:
        return None, None
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise fault("U-801", what=f"'{text}' is not LON,LAT in degrees", name="attach") from None
    return lon, lat


def attachments(
    project: Path,
    text: str = typer.Option("", "--text", help="Words of name, caption, note or asset."),
    asset: str = typer.Option("", "--asset"),
    order: str = typer.Option("", "--order"),
    from_: str = typer.Option("", "--from", help="A time, ISO 8601."),
    to: str = typer.Option("", "--to"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """What hangs on assets, orders and places, the newest first."""
    from msgspec import to_builtins

    from lamplighter.domain.attachments import matching, media_place
    from lamplighter.domain.clock import iso
    from lamplighter.domain.edits import Edits
    from lamplighter.runtime.attachments import stored
    from lamplighter.runtime.project import opened

    first, last = time_of(from_), time_of(to)
    with opened(project) as store:
        items = stored(Edits(store.edits()))
        names = {a.id: a.name for a in store.assets()} if text else {}
        folder = store.folder
    found = matching(items, text=text, asset=asset, order=order, from_ms=first, to_ms=last,
                     names=names)  # fmt: skip
    if json:
        rows = [
            to_builtins(a) | {"path": str(folder.joinpath(*media_place(a.file)))} for a in found
        ]
        document({"attachments": rows, "total": len(rows)})
        return
    table(
        ("when", "name", "kind", "asset", "order", "caption"),
        ((iso(a.at_ms), a.name, a.kind, a.asset, a.order, a.caption) for a in found),
    )
