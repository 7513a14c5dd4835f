"""The projects of this user: a small list in the user's own folder, and a look into each.

Looking never writes into a project and takes no lock, so a project that is recorded elsewhere
shows its figures too.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

import msgspec
import psutil
from msgspec import Struct
from msgspec.structs import replace
from platformdirs import user_cache_path, user_data_path

from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.endpoint import DESCRIPTION, Endpoint
from lamplighter.domain.maintenance import one_each
from lamplighter.domain.portfolio import ProjectCard
from lamplighter.domain.problems import LEFT_DAMAGED, LamplighterError, problem
from lamplighter.runtime.resources import own_command
from lamplighter.store import Store

MOST: Final = 200
LIKELY: Final = 0.5
PICTURE: Final = "640x360"
PICTURE_S: Final = 120.0
FAILS_WITHIN_S: Final = 1.0
_HIDDEN: Final = (AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)


class Known(Struct):
    """One entry of the list."""

    path: str
    opened_ms: int = 0


class ProjectList:
    """The list file; a damaged one is taken as empty and replaced by the next entry."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or user_data_path("lamplighter") / "projects.json"

    def entries(self) -> list[Known]:
        """The last opened first."""
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=list[Known])
        except (OSError, msgspec.MsgspecError):
            return []
        return sorted(found, key=lambda k: -k.opened_ms)

    def put(self, path: str, opened_ms: int | None = None) -> None:
        """Add a project, or note when it was opened."""
        known = {k.path: k for k in self.entries()}
        before = known.get(path, Known(path))
        known[path] = Known(path, before.opened_ms if opened_ms is None else opened_ms)
        self._write(sorted(known.values(), key=lambda k: -k.opened_ms)[:MOST])

    def forget(self, path: str) -> None:
        self._write([k for k in self.entries() if k.path != path])

    def _write(self, entries: list[Known]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(msgspec.json.format(msgspec.json.encode(entries)))
        part.replace(self._file)


def remember(project: Path, listed: ProjectList | None = None) -> None:
    """Note that a project was opened now; a list that cannot be written is no fault."""
    try:
        (listed or ProjectList()).put(str(project.resolve()), SystemClock().wall_ms())
    except OSError:
        return


class LocalPortfolio:
    """The portfolio of this machine's user; see `domain.portfolio.Portfolio`."""

    def __init__(self, listed: ProjectList | None = None, cache: Path | None = None) -> None:
        self._listed = listed or ProjectList()
        self._cache = cache or user_cache_path("lamplighter") / "thumbnails"

    def paths(self) -> list[str]:
        return [k.path for k in self._listed.entries()]

    def card(self, path: str) -> ProjectCard:
        opened = {k.path: k.opened_ms for k in self._listed.entries()}.get(path, 0)
        folder = Path(path)
        card = ProjectCard(path, folder.name, opened_ms=opened)
        if not folder.is_dir():
            line = str(problem("A-404", name=folder.name, what="the folder is not there"))
            return replace(card, state="moved", problem=line)
        try:
            store = Store.open(folder, write=False, clock=SystemClock())
        except LamplighterError as error:
            return replace(card, state="faulty", problem=str(error))
        except OSError as error:
            line = str(problem("A-404", name=folder.name, what=error.strerror or str(error)))
            return replace(card, state="faulty", problem=line)
        try:
            return self._read(store, card)
        except Exception as error:  # a damaged store may fail anywhere; the page goes on
            line = str(
                problem("A-402", what=f"{type(error).__name__}: {error}", still=LEFT_DAMAGED)
            )
            return replace(card, state="faulty", problem=line)
        finally:
            store.close()

    def _read(self, store: Store, card: ProjectCard) -> ProjectCard:
        standing = [a for a in store.alarms() if a.active and a.state not in _HIDDEN]
        counts = [sum(a.priority == p for a in standing) for p in (1, 2, 3, 4)]
        picture, mark = self._picture_files(store.folder)
        assets = store.assets()
        return replace(
            card,
            name=store.name,
            demo=store.demo,
            state="open" if _recorded(store.folder) else "closed",
            alarms=(counts[0], counts[1], counts[2], counts[3]),
            people=sum(i.people_affected for i in store.incidents()),
            assets=len(assets),
            datastreams=len(store.datastreams()),
            forecasts=sum(
                (p.probability_30d or 0.0) >= LIKELY for p in one_each(store.prognoses())
            ),
            orders=sum(o.state in ("open", "planned") for o in store.work_orders()),
            last_ms=store.last_wall_ms(),
            bytes=_size(store.folder),
            thumbnail=str(picture) if picture.is_file() else "",
            thumbnail_old=_text(mark) != _city_mark(store),
        )

    def picture(self, card: ProjectCard) -> ProjectCard:
        folder = Path(card.path)
        picture, mark = self._picture_files(folder)
        picture.parent.mkdir(parents=True, exist_ok=True)
        part = picture.with_name(f"{picture.stem}.part.png")
        command = [*own_command(), "shot", card.path, "--out", str(part), "--size", PICTURE]
        try:
            with _Reading(folder) as store:
                now = _city_mark(store)
            done = subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=PICTURE_S,
                check=False,
            )  # fmt: skip
            if done.returncode or not part.is_file():
                return card
            part.replace(picture)
            mark.write_text(now, encoding="utf-8")
        except (OSError, LamplighterError, subprocess.TimeoutExpired):
            return card
        return replace(card, thumbnail=str(picture), thumbnail_old=False)

    def _picture_files(self, folder: Path) -> tuple[Path, Path]:
        key = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=8).hexdigest()
        return self._cache / f"{key}.png", self._cache / f"{key}.mark"

    def open(self, path: str) -> str:
        if not Path(path).is_dir():
            return str(problem("A-404", name=Path(path).name, what="the folder is not there"))
        return start_window([path])

    def add(self, path: str) -> str:
        folder = Path(path).expanduser().resolve()
        found = [p for p in (folder, *_children(folder)) if (p / "history.db").is_file()]
        if not found:
            return str(problem("A-404", name=folder.name, what="no project is in it"))
        for one in found:
            self._listed.put(str(one))
        return ""

    def forget(self, path: str) -> None:
        self._listed.forget(path)


def start_window(arguments: list[str]) -> str:
    """Start `lamplighter run` beside this program; its last words when it ends at once."""
    command = [*own_command(), "run", *arguments]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=os.name == "posix",
        )  # fmt: skip
    except OSError as error:
        return str(problem("U-804", name="The window", what=error.strerror or str(error)))
    end = time.monotonic() + FAILS_WITHIN_S
    while time.monotonic() < end:
        if process.poll() is not None:
            said = process.stderr.read().decode("utf-8", "replace") if process.stderr else ""
            return said.strip().splitlines()[-1] if said.strip() else ""
        time.sleep(0.05)
    threading.Thread(target=_drain, args=(process,), name="window", daemon=True).start()
    return ""


def _drain(process: subprocess.Popen[bytes]) -> None:
    """Read what the window says, so that its pipe never fills."""
    if process.stderr is not None:
        while process.stderr.read(65_536):
            pass
    process.wait()


class _Reading:
    """A store opened for reading, as a context."""

    def __init__(self, folder: Path) -> None:
        self._store = Store.open(folder, write=False, clock=SystemClock())

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir())[:1000]
    except OSError:
        return []


def _recorded(folder: Path) -> bool:
    """Whether the recorder that the folder names still lives."""
    try:
        found = msgspec.json.decode((folder / DESCRIPTION).read_bytes(), type=Endpoint)
    except (OSError, msgspec.MsgspecError):
        return False
    return psutil.pid_exists(found.pid)


def _city_mark(store: Store) -> str:
    """Changes whenever what is drawn does."""
    digest = hashlib.blake2b(digest_size=8)
    for tile in store.tiles():
        digest.update(tile.encode())
    return digest.hexdigest()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _size(folder: Path) -> int:
    total = 0
    for here, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(here) / name).stat().st_size
            except OSError:
                continue
    return total
