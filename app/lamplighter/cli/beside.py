"""Writing verbs beside a running recorder: it is the only writer, so they ask it.

When none runs the verb takes the project's lock and writes by itself.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.client import Session, WireCarrier, find_endpoint
from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError, fault

QUIET_S: Final = 5.0


@contextmanager
def recorder(project: Path) -> Iterator[Session | None]:
    """A conversation with the recorder of this project, or None when none runs."""
    try:
        session = Session(WireCarrier(project)) if find_endpoint(project) else None
    except LamplighterError:
        session = None
    try:
        yield session
    finally:
        if session is not None:
            session.close()


def ask(session: Session, request: wire.Request) -> Any:
    """The recorder's answer. Raises LamplighterError with its reason when it refuses."""
    reply = session.ask_now(request)
    if isinstance(reply, wire.Refused):
        raise LamplighterError(reply.problem)
    return reply


def feeds(session: Session) -> list[dict[str, Any]]:
    """Rows of `feed list`, with the live state."""
    return [msgspec.to_builtins(f) for f in ask(session, wire.GetFeeds()).items]


def add_feed(
    session: Session, url: str, mapping: str, ca: str, cert: str, key: str
) -> list[dict[str, Any]]:
    """The recorder stores the feed and connects to it."""
    ask(session, wire.AddFeed(url, mapping, ca, cert, key))
    return feeds(session)


def import_files(
    session: Session,
    paths: Sequence[Path],
    *,
    crs: str,
    fit: bool,
    two_points: str = "",
    fixed_scale: bool = False,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The recorder imports; returns what `import --json` prints."""
    from lamplighter.runtime.importing import parse_epsg, parse_points, summary

    begun = time.monotonic()
    parse_epsg(crs)
    parse_points(two_points)
    events: queue.SimpleQueue[wire.Event] = queue.SimpleQueue()
    session.subscribe(events.put)
    names = tuple(str(p.resolve()) for p in paths)
    task = ask(session, wire.ImportFiles(names, crs, fit, two_points, fixed_scale)).task
    shown = ""
    while True:
        try:
            event = events.get(timeout=QUIET_S)
        except queue.Empty:
            ask(session, wire.GetTasks())  # raises when the recorder has gone
            continue
        if isinstance(event, wire.TaskChanged) and event.task.id == task:
            if event.task.text != shown:
                shown = event.task.text
                say(f"{event.task.done + 1} of {event.task.total}: {shown}")
        elif isinstance(event, wire.ImportDone) and event.task == task:
            if event.problem:
                raise fault("P-606", name="import", what=event.problem)
            return summary(event.files, time.monotonic() - begun)
