"""A project copied while somebody records into it, and brought back from the copy.

All databases are held at one moment before any is copied: first the books of the exchange, then
the city, then the history both derive from, then the audit record. Whatever the city speaks of and
the books call sent or taken in is therefore in the history, and whatever was done is in the audit
record, as after any ending of the recorder. The copies are made page by page from that moment; the
recorder goes on writing beside them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import msgspec

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.store import archive
from lamplighter.store.archive import ArchiveWriter, Entry, Manifest, safe_name
from lamplighter.store.connections import is_full, open_reading
from lamplighter.store.folder import AUDIT, CITY, HISTORY, LOCK, is_empty, refuse_remote

FORMAT: Final = 1
HELD: Final = (CITY, HISTORY, AUDIT)
"""in the order in which they are held"""
ALSO_HELD: Final = ("exchange.db",)
"""further databases, where there are any: their newest entries may stand in their logs alone"""
KEYS: Final = "keys/"
PAGES: Final = 4_096
_LEFT_OUT: Final = frozenset(
    {
        LOCK,
        "recorder.json",
        "recorder.key",
        "recorder.sock",
        "history.head",
        "city.head",
        "audit.reserve",
    }
)
_CACHE: Final = "cache"
Steps = Callable[[int, int, str], None]
"""done, total (in bytes), what is being done; may raise to end the work"""


@dataclass(slots=True)
class Taken:
    """A finished backup."""

    bytes: int
    manifest: Manifest
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """Bytes to do and done, told in whole percents."""

    steps: Steps
    total: int = 1
    done: int = 0
    text: str = ""
    _told: int = -1

    def add(self, count: int) -> None:
        self.done = min(self.done + count, self.total)
        share = self.done * 100 // max(self.total, 1)
        if share != self._told:
            self._told = share
            self.steps(self.done, self.total, self.text)

    def say(self, text: str) -> None:
        self.text = text
        self.steps(self.done, self.total, text)


def take_backup(folder: Path, file: Path, *, passphrase: str, clock: Clock, steps: Steps) -> Taken:
    """Copy the project in `folder` into one `file` and read the file back.

    With a passphrase the file is encrypted and holds the console's private key; without one the
    key stays at home. Raises LamplighterError (A-408); nothing is left of a backup that failed.
    """
    file = file.absolute()
    _refuse_target(folder, file)
    part = file.with_name(f".{file.name}.part")
    copies = file.with_name(f".{file.name}.copies")
    made = False
    try:
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir(parents=True)
        taken = _take(folder, part, copies, passphrase, clock, steps)
        part.replace(file)
        made = True
        _sync_folder(file.parent)
        return taken
    except (OSError, sqlite3.Error) as error:
        raise _failed(file, error) from error
    finally:
        shutil.rmtree(copies, ignore_errors=True)
        if not made:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _refuse_target(folder: Path, file: Path) -> None:
    if file.is_dir() or not file.parent.is_dir():
        raise fault("A-408", name=file.name, what="that is no file in an existing folder")
    if folder.resolve() in file.resolve().parents:
        raise fault(
            "A-408", name=file.name, what="a backup inside its own project protects nothing"
        )


def _failed(file: Path, error: Exception) -> LamplighterError:
    full = isinstance(error, sqlite3.Error) and is_full(error)
    what = "there is not enough room for it" if full else None
    if isinstance(error, OSError):
        what = error.strerror
    return fault("A-408", name=file.name, what=what or str(error))


def _take(
    folder: Path, part: Path, copies: Path, passphrase: str, clock: Clock, steps: Steps
) -> Taken:
    work = _Work(steps)
    warnings: list[str] = []
    names: list[str] = []
    with contextlib.ExitStack() as stack:
        held: list[sqlite3.Connection] = []
        for name in ALSO_HELD:  # before the others: what older books do not know is done again
            if (folder / name).is_file():
                try:
                    held.append(stack.enter_context(_held(folder / name)))
                    names.append(name)
                except sqlite3.Error as error:  # what it holds can be found again
                    warnings.append(f"{name} was left out: {error}")
        for name in HELD:
            held.append(stack.enter_context(_held(folder / name)))
            names.append(name)
        members = _members(folder, bool(passphrase), stack, warnings)
        size = sum(_bytes(sql) for sql in held)
        room = shutil.disk_usage(part.parent).free
        if room < size:
            words = f"it needs {size / 1e9:.1f} GB of room beside it, {room / 1e9:.1f} GB are free"
            raise fault("A-408", name=part.name.removeprefix(".").removesuffix(".part"), what=words)
        work.total = 3 * size + 2 * sum(m.size for m in members)
        work.say("copying the databases")
        for name, sql in zip(names, held, strict=True):
            _copy(sql, copies / name, work)
            sql.execute("COMMIT")  # from here on the recorder may fold its log back
        work.say("packing")
        manifest = _pack(part, copies, names, members, passphrase, clock, work)
    work.say("reading it back")
    _read_back(part, passphrase, manifest, work)
    return Taken(part.stat().st_size, manifest, warnings)


@contextlib.contextmanager
def _held(file: Path) -> Iterator[sqlite3.Connection]:
    """A database as it is now, until the transaction ends."""
    sql = open_reading(file)
    try:
        sql.execute("BEGIN")
        sql.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield sql
    finally:
        sql.close()


def _bytes(sql: sqlite3.Connection) -> int:
    return int(sql.execute("PRAGMA page_count").fetchone()[0]) * int(
        sql.execute("PRAGMA page_size").fetchone()[0]
    )


def _copy(sql: sqlite3.Connection, to: Path, work: _Work) -> None:
    page = int(sql.execute("PRAGMA page_size").fetchone()[0])
    before = int(sql.execute("PRAGMA page_count").fetchone()[0])
    left = before

    def tell(status: int, remaining: int, total: int) -> None:
        nonlocal left
        work.add((left - remaining) * page)
        left = remaining

    out = sqlite3.connect(to, isolation_level=None)
    try:
        out.execute("PRAGMA synchronous=OFF")  # a copy that is packed and then read back
        if before:
            sql.backup(out, pages=PAGES, progress=tell, sleep=0)
        out.execute("PRAGMA journal_mode=DELETE")
    finally:
        out.close()


@dataclass(slots=True)
class _Member:
    name: str
    handle: IO[bytes]
    size: int
    mode: int


def _members(
    folder: Path, sealed: bool, stack: contextlib.ExitStack, warnings: list[str]
) -> list[_Member]:
    """Everything but the databases, opened now: what expires meanwhile stays readable."""
    found: list[_Member] = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if here == folder and _CACHE in folders:
            folders.remove(_CACHE)
        folders.sort()
        for name in sorted(names):
            path = here / name
            inside = path.relative_to(folder).as_posix()
            if _stays(inside, sealed):
                continue
            if path.is_symlink() or not path.is_file():
                warnings.append(f"{inside} is no plain file and was left out")
                continue
            try:
                handle = stack.enter_context(path.open("rb"))
            except OSError as error:
                warnings.append(f"{inside} was left out: {error.strerror}")
                continue
            about = os.fstat(handle.fileno())
            found.append(_Member(inside, handle, about.st_size, about.st_mode & 0o777))
    return found


def _stays(name: str, sealed: bool) -> bool:
    """Whether the file has no place in a backup."""
    if name in (*HELD, *ALSO_HELD) or name in _LEFT_OUT or name.startswith(f"{_CACHE}/"):
        return True
    if name.endswith(("-wal", "-shm", "-journal", ".part")) and "/" not in name:
        return not any(word in name for word in (".damaged-",))
    return name.startswith(KEYS) and not name.endswith(".pub") and not sealed


def _pack(
    part: Path,
    copies: Path,
    names: list[str],
    members: list[_Member],
    passphrase: str,
    clock: Clock,
    work: _Work,
) -> Manifest:
    out = ArchiveWriter(part, passphrase)
    try:
        for name in names:
            path = copies / name
            with path.open("rb") as handle:
                out.add(name, handle, path.stat().st_size, 0o600, work.add)
        for one in members:
            out.add(one.name, one.handle, one.size, one.mode, work.add)
        project, store_id, last = _about(copies / HISTORY)
        manifest = Manifest(
            FORMAT, project, store_id, clock.wall_ms(), last, bool(passphrase), tuple(out.entries)
        )
        out.finish(manifest)
    except BaseException:
        out.abandon()
        raise
    return manifest


def _about(history: Path) -> tuple[str, str, int]:
    sql = sqlite3.connect(f"{history.as_uri()}?mode=ro", uri=True)
    try:
        about = dict(sql.execute("SELECT key, value FROM about").fetchall())
        last = sql.execute("SELECT coalesce(max(number),0) FROM batch").fetchone()[0]
        return about.get("name", ""), about.get("store_id", ""), int(last)
    finally:
        sql.close()


def _read_back(file: Path, passphrase: str, manifest: Manifest, work: _Work) -> None:
    archive.check_whole(file, lambda _: None)
    found: list[Entry] = []
    with archive.reading(file, passphrase) as members:
        for member in members:
            while data := member.read():
                work.add(len(data))
            if member.name != archive.MANIFEST:
                found.append(Entry(member.name, member.size, member.digest.hexdigest()))
    if tuple(found) != manifest.files:
        raise fault("A-408", name=file.name, what="it does not read back as it was written")


# ---------------------------------------------------------------------- bringing it back
def unpack_backup(file: Path, folder: Path, *, passphrase: str, steps: Steps) -> Manifest:
    """Unpack a backup into the new or empty `folder`, every byte compared with its list.

    Raises LamplighterError: A-407 (not empty), A-406 (remote disk), A-409 (cut, changed, wrong
    passphrase, no backup). Whatever is refused leaves nothing behind.
    """
    if not is_empty(folder):
        raise fault("A-407", name=folder.name)
    refuse_remote(folder)
    size = file.stat().st_size if file.is_file() else 0
    work = _Work(steps, total=max(size, 1))
    work.say("checking the file")
    archive.check_whole(file, work.add)
    empty_before = folder.exists()
    done = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work.say("unpacking")
        manifest = _unpack(file, folder, passphrase)
        done = True
        return manifest
    except (OSError, tarfile.TarError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise fault("A-409", name=file.name, what=words) from error
    finally:
        if not done:
            discard(folder, keep=empty_before)


def discard(folder: Path, *, keep: bool) -> None:
    """Remove what was unpacked; `keep` leaves the empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    if keep:
        folder.mkdir(exist_ok=True)


def _unpack(file: Path, folder: Path, passphrase: str) -> Manifest:
    found: list[Entry] = []
    manifest: Manifest | None = None
    with archive.reading(file, passphrase) as members:
        for member in members:
            if member.name == archive.MANIFEST:
                manifest = _manifest(file, b"".join(iter(member.read, b"")))
                continue
            target = folder / safe_name(member.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode)
            with os.fdopen(handle, "wb") as out:
                while data := member.read():
                    out.write(data)
                out.flush()
                os.fsync(out.fileno())
            found.append(Entry(member.name, member.size, member.digest.hexdigest()))
    if manifest is None:
        raise fault("A-409", name=file.name, what="its list is missing")
    if tuple(found) != manifest.files:
        raise fault("A-409", name=file.name, what="it does not hold what its list says")
    for name in (_CACHE, "segments", "media"):
        (folder / name).mkdir(exist_ok=True)
    _sync_folder(folder)
    return manifest


def _manifest(file: Path, body: bytes) -> Manifest:
    try:
        found = msgspec.json.decode(body, type=Manifest)
    except msgspec.MsgspecError as error:
        raise fault("A-409", name=file.name, what=f"its list is damaged: {error}") from None
    if found.format > FORMAT:
        raise fault("A-409", name=file.name, what="it was made by a newer version")
    return found


def _sync_folder(folder: Path) -> None:
    """The name itself on disk, where folders can be forced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
