"""Verbs about the project and its city: new, import, assets, shot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from lamplighter.cli.output import (
    DONE,
    FAILED,
    REFUSALS,
    USAGE,
    Leave,
    counted,
    document,
    line,
    say,
    table,
)
from lamplighter.domain import wire
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    app.command("new")(new)
    app.command("import")(import_)
    app.command("assets")(assets)
    app.command("shot")(shot)


def new(
    project: Path,
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Make an empty project folder."""
    from lamplighter.runtime.project import create

    made = create(project)
    if json:
        document(made)
    else:
        line(f"Project {made['project']} was made.")


def import_(
    project: Path,
    paths: list[Path],
    crs: str = typer.Option("", "--crs", help="Coordinate system of the files, EPSG:n."),
    map: Path | None = typer.Option(
        None,
        "--map",
        help="Mapping for past observations, failures or work orders; "
        "`lamplighter` for our own export.",
    ),
    fit: bool = typer.Option(
        False, "--fit", help="Scale a network without a coordinate system into the city."
    ),
    two_points: str = typer.Option(
        "",
        "--two-points",
        help="Place files without a coordinate system: x1,y1=LON1,LAT1;x2,y2=LON2,LAT2.",
    ),
    scale: str = typer.Option(
        "free", "--scale", help="With --two-points: free, or unit to keep the file's own."
    ),
    replace: str = typer.Option("", "--replace", help="Layer the file is a newer version of."),
    again: bool = typer.Option(False, "--again", help="Read also what is in and unchanged."),
    preview: bool = typer.Option(False, "--preview", help="Only tell what would come in."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Import files or whole folders into a project."""
    from lamplighter.cli import beside
    from lamplighter.runtime.import_alone import import_into

    if scale not in ("free", "unit"):
        raise fault("U-801", what=f"--scale {scale} is neither free nor unit", name="import")
    ask = wire.ImportFiles(
        (),
        crs=crs,
        fit=fit,
        two_points=two_points,
        fixed_scale=scale == "unit",
        replace=replace,
        again=again,
        preview=preview,
    )
    with beside.recorder(project) as session:
        if session is not None and map is not None:
            result = beside.import_past(session, paths, map, again=again, say=say)
        elif session is None:
            result = import_into(project, paths, ask=ask, mapping=map, say=say)
        else:
            result = beside.import_files(session, paths, ask, say=say)
    if json:
        document(result)
    else:
        table(
            ("file", "format", "crs", "objects", "placed", "unplaced"),
            (
                (
                    Path(f["file"]).name,
                    f"{f['format']} {f['version']}".strip(),
                    f["crs"],
                    sum(f["objects"].values()),
                    f["placed"],
                    len(f["unplaced"]),
                )
                for f in result["files"]
                if not f["part_of"]
            ),
        )
        say(_sums(result))
        if not result["files"]:
            say(f"There is no file to import in {', '.join(str(p) for p in paths)}.")
        for report in result["files"]:
            for warning in report["warnings"][:5]:
                say(f"{Path(report['file']).name}: {warning}")
            if report["error"]:
                say(report["error"])
    code = _exit_code(result)
    if code != DONE:
        raise Leave(code)


def _exit_code(result: dict[str, Any]) -> int:
    """What the import came to; a mapping that is wrong or files that are not there took nothing."""
    errors = [f["error"] or "" for f in result["files"]]
    if errors and all(e.endswith("[U-801]") for e in errors):
        return USAGE
    if errors and all(e.endswith("[I-507]") for e in errors):
        return FAILED
    refused = any(f["error"] or f["unplaced"] or f["set_aside"] for f in result["files"])
    return REFUSALS if refused or result["cancelled"] else DONE


def _sums(result: dict[str, Any]) -> str:
    """One line under the table."""
    files = [f for f in result["files"] if not f["part_of"]]
    parts = len(result["files"]) - len(files)
    text = (
        f"{counted(len(files), 'file')}, {counted(parts, 'part')} of others, "
        f"{result['already']} already in, "
        f"{len(result['passed_over'])} passed over, {result['seconds']:.1f} s"
    )
    if result["cancelled"]:
        unread = f", {counted(result['unread'], 'file')} not read" if result["unread"] else ""
        text += f"; cancelled: what was taken stays{unread}; the same command goes on from here"
    return text


def assets(
    project: Path,
    type: str = typer.Option("", "--type", help="Only this asset type."),
    near: str = typer.Option("", "--near", help="LON,LAT,METRES"),
    contradictions: bool = typer.Option(
        False,
        "--contradictions",
        help="Where sources contradict each other.",
    ),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """List assets."""
    from lamplighter.runtime.project import list_assets

    found = list_assets(project, type=type, near=_near(near) if near else None)
    if contradictions:
        found = [a for a in found if a["contradictions"]]
    if json:
        document({"assets": found})
        return
    if contradictions:
        rows = [(a["id"], told) for a in found for told in a["contradictions"]]
        if not rows:
            line("No two sources contradict each other.")
            return
        table(
            ("asset", "what", "said"),
            ((i, t["what"], "; ".join(f"{who}: {v}" for who, v in t["said"])) for i, t in rows),
        )
        return
    if not found:
        line("No asset is there." if near else "There is no asset in this project yet.")
        return
    table(
        ("id", "type", "name", "domain", "lon", "lat", "height_m"),
        ([a[k] for k in ("id", "type", "name", "domain", "lon", "lat", "height_m")] for a in found),
    )


def _near(text: str) -> tuple[float, float, float]:
    try:
        lon, lat, metres = (float(part) for part in text.split(","))
    except ValueError:
        raise fault("U-801", what=f"--near {text} is not LON,LAT,METRES", name="assets") from None
    return lon, lat, metres


def shot(
    project: Path,
    out: Path = typer.Option(..., "--out"),
    size: str = typer.Option("1600x1000", "--size", help="WIDTHxHEIGHT"),
    at: str = typer.Option("", "--at", help="A past moment, ISO 8601 or milliseconds."),
    target: str = typer.Option("", "--target", help="Asset to look at."),
    theme: str = typer.Option("dark", "--theme"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Draw the twin into a PNG file, without a window or display."""
    from lamplighter.cli.shot import draw

    result = draw(project, out, size=_size(size), at=at, target=target, theme=theme)
    if json:
        document(result)
    else:
        line(f"{result['out']}: {result['triangles']} triangles, {result['seconds']:.1f} s")


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise fault("U-801", what=f"--size {text} is not WIDTHxHEIGHT", name="shot") from None
    if not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise fault("U-801", what=f"--size {text} is outside 16 to 8192", name="shot")
    return width, height
