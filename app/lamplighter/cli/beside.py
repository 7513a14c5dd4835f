"""Writing verbs beside a running recorder: it is the only writer, so they ask it.

When none runs the verb takes the project's lock and writes by itself.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from lamplighter.client import Session, WireCarrier, find_endpoint
from lamplighter.domain import wire
from lamplighter.domain.kit import KitReport
from lamplighter.domain.problems import LamplighterError, fault, problem

Ended = TypeVar("Ended", wire.ImportDone, wire.BackupDone, wire.KitDone)
QUIET_S: Final = 5.0
SYNC_S: Final = 86_400.0
"""a backlog of years may take its time; a recorder that ends is noticed at once"""


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
    session: Session, paths: Sequence[Path], wanted: wire.ImportFiles, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """The recorder imports; returns what `import --json` prints. Ctrl+C cancels the import."""
    from lamplighter.runtime.importing import parse_epsg, parse_points

    parse_epsg(wanted.crs)
    parse_points(wanted.two_points)
    names = tuple(str(p.resolve()) for p in paths)
    return _awaited(session, msgspec.structs.replace(wanted, paths=names), say)


def _awaited(
    session: Session, wanted: wire.ImportFiles | wire.ImportPast, say: Callable[[str], None]
) -> dict[str, Any]:
    """Ask for an import, show its progress, and wait for its end."""
    from lamplighter.runtime.import_alone import Spoken

    begun = time.monotonic()
    event = _until(session, wanted, wire.ImportDone, Spoken(say))
    return _imported(event, time.monotonic() - begun)


def _until(
    session: Session, wanted: wire.Request, ending: type[Ended], steps: Callable[..., object]
) -> Ended:
    """Ask for a long task and tell its steps until the event that ends it; Ctrl+C cancels it."""
    events: queue.SimpleQueue[wire.Event] = queue.SimpleQueue()
    session.subscribe(events.put)
    task = ask(session, wanted).task
    while True:
        try:
            event = events.get(timeout=QUIET_S)
        except queue.Empty:
            ask(session, wire.GetTasks())  # raises when the recorder has gone
            continue
        except KeyboardInterrupt:
            ask(session, wire.CancelTask(task))
            continue
        if isinstance(event, wire.TaskChanged) and event.task.id == task:
            steps(event.task.done, event.task.total, event.task.text)
        elif isinstance(event, ending) and event.task == task:
            return event


def backup(
    session: Session, file: Path, passphrase: str, steps: Callable[[int, int, str], None]
) -> dict[str, Any]:
    """The recorder takes the backup; returns what `backup --json` prints. Ctrl+C cancels it."""
    ask_for = wire.TakeBackup(str(file.absolute()), passphrase)
    event = _until(session, ask_for, wire.BackupDone, steps)
    if event.problem:
        raise LamplighterError(event.problem)
    found = msgspec.to_builtins(event)
    return {k: v for k, v in found.items() if k not in ("type", "task", "problem")} | {"ok": True}


def kit(
    session: Session,
    wanted: wire.TakeKit | wire.MergeKit,
    steps: Callable[[int, int, str], None],
) -> KitReport:
    """The recorder takes or merges a field kit. Ctrl+C cancels it."""
    event = _until(session, wanted, wire.KitDone, steps)
    if event.report is None:
        raise LamplighterError(event.problem or problem("U-805", what="a field kit"))
    return event.report


def import_past(
    session: Session,
    paths: Sequence[Path],
    mapping: Path,
    *,
    again: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The recorder brings the past in; returns what `import --json` prints."""
    from lamplighter.runtime.import_alone import mapping_text

    names = tuple(str(p.resolve()) for p in paths)
    wanted = wire.ImportPast(names, mapping_text(mapping), mapping.name, again)
    return _awaited(session, wanted, say)


def _imported(event: wire.ImportDone, seconds: float) -> dict[str, Any]:
    from lamplighter.runtime.import_alone import summary
    from lamplighter.runtime.importing import ImportResult

    if event.problem:
        raise fault("P-606", name="import", what=event.problem)
    result = ImportResult(
        list(event.files),
        list(event.passed_over),
        event.cancelled,
        event.unread,
        event.peak_rss_mb,
    )
    return summary(result, seconds)


def register(
    session: Session, file: Path, mapping: str, crs: str, *, preview: bool
) -> dict[str, Any]:
    """The recorder plans or applies a register; returns what `register --json` prints."""
    events: queue.SimpleQueue[wire.Event] = queue.SimpleQueue()
    session.subscribe(events.put)
    wanted = wire.RegisterAssets(str(file.resolve()), mapping, crs, preview)
    task = ask(session, wanted).task
    while True:
        try:
            event = events.get(timeout=QUIET_S)
        except queue.Empty:
            ask(session, wire.GetTasks())
            continue
        if isinstance(event, wire.RegisterDone) and event.task == task:
            if event.report is None:
                raise fault("P-606", name="register", what=event.problem)
            return dict(msgspec.to_builtins(event.report))


def sync(session: Session, wanted: wire.SyncHistorian) -> dict[str, Any]:
    """The recorder exchanges; returns what `sync --json` prints."""
    reply = session.ask_now(wanted, SYNC_S)
    if isinstance(reply, wire.Refused):
        raise LamplighterError(reply.problem)
    found = dict(msgspec.to_builtins(reply))
    found.pop("type", None)
    return found
