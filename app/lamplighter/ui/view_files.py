"""Views as files: written for somebody else, opened from a dialog, a drop or the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lamplighter import __version__
from lamplighter.domain.problems import Problem, fault, problem
from lamplighter.domain.views import (
    ENDING,
    MOST_BYTES,
    Opened,
    SavedView,
    fitted,
    read_view,
    write_view,
)
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk


def is_view(path: str | Path) -> bool:
    """Whether a file's name says that it is a view."""
    return Path(path).name.lower().endswith(ENDING)


def save(view: SavedView, path: Path, desk: Desk) -> Path:
    """Write one view. Raises LamplighterError (U-821) when the place cannot be written."""
    target = path if is_view(path) else path.with_name(path.name + ENDING)
    session = desk.session
    data = write_view(
        view,
        project=session.welcome.project if session is not None else "",
        program=__version__,
        frame=desk.city.frame,
        layers=tuple(desk.city.imported.values()),
    )
    part = target.with_name(target.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        why = error.strerror or str(error)
        raise fault("U-821", name=target.name, what=f"it could not be written: {why}") from None
    return target


def load(path: Path, desk: Desk) -> tuple[SavedView, Problem | None]:
    """The view of a file for this project, and a line about what of it is missing here.

    Raises LamplighterError (U-821) when it cannot be read or is about another city.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise fault("U-821", name=path.name, what=f"it could not be read: {why}") from None
    found: Opened = fitted(
        read_view(data, path.name),
        path.name,
        frame=desk.city.frame,
        layers=desk.city.imported,
        assets=desk.city.assets,
        first_ms=desk.time.first_ms,
    )
    if not found.missing:
        return found.view, None
    names = ", ".join(found.missing[:3])
    more = len(found.missing) - 3
    words = names + (tr(" and {n} more", n=more) if more > 0 else "")
    return found.view, problem("U-822", name=path.name, what=words)
