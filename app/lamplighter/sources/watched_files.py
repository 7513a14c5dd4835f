"""Files that grow, rotate and appear: what of them is new, in whole lines and never twice.

A file is known by its number on the disk, not by its name: one that was renamed by a rotation is
read to its end, and the new one under the old name from its beginning. A line counts when its
line end is there, or when the file has stood still for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

CHUNK: Final = 200_000
"""bytes read at a time"""
LONGEST_LINE: Final = 900_000
MOST_FILES: Final = 10_000
HEAD: Final = 128
STILL_MS: Final = 5_000
"""a file that stood still this long has its last line complete"""


@dataclass(slots=True)
class Known:
    """How far a file was read."""

    name: str
    """relative to the watched folder"""
    number: int
    """of the file on the disk"""
    at: int = 0
    """everything before this byte was taken"""
    header: str = ""
    """its first line, where that names the columns"""
    version: str = ""
    """for files that are read whole: which state of it was taken"""
    head: bytes = b""
    """its first bytes: numbers of deleted files are used again"""
    mtime: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file: whole lines, or all of it."""

    name: str
    number: int
    start: int
    end: int
    header: str
    body: bytes
    version: str = ""
    too_long: bool = False


class WatchedFiles:
    """The files of a folder (or one file) that match a pattern."""

    def __init__(self, root: Path, pattern: str, *, whole: bool, headed: bool) -> None:
        """`whole`: files are read as one; `headed`: the first line names the columns."""
        self._root = root
        self._pattern = pattern
        self._whole = whole
        self._headed = headed
        self.known: dict[int, Known] = {}
        self._changed: dict[int, tuple[int, int]] = {}
        """size and when it was first seen so, monotonic ms"""
        self.trouble = ""
        """what of the last look could not be read, in words"""

    # ---------------------------------------------------------------- what is there
    def files(self) -> list[tuple[str, Path, int, int, int]]:
        """(name, path, number, size, mtime in ns), the oldest first. Raises OSError."""
        if self._root.is_file():
            paths: Iterator[Path] = iter([self._root])
        else:
            if not self._root.is_dir():
                raise FileNotFoundError(2, "there is no such folder", str(self._root))
            paths = self._root.glob(self._pattern)
        found = []
        for path in paths:
            try:
                if not path.is_file() or not self._inside(path):
                    continue
                status = path.stat()
            except OSError:
                continue  # gone while we looked
            row = (self._name(path), path, status.st_ino, status.st_size, status.st_mtime_ns)
            found.append(row)
            if len(found) >= MOST_FILES:
                self.trouble = f"more than {MOST_FILES:,} files; the others are not read"
                break
        return sorted(found, key=lambda row: (row[4], row[0]))

    def _inside(self, path: Path) -> bool:
        """A link that leads out of the folder is not followed."""
        base = self._root if self._root.is_dir() else self._root.parent
        return not path.is_symlink() or path.resolve().is_relative_to(base.resolve())

    def _name(self, path: Path) -> str:
        base = self._root if self._root.is_dir() else self._root.parent
        return path.relative_to(base).as_posix()

    # ---------------------------------------------------------------- what is new
    def skip_existing(self) -> None:
        """What is in the files now is not wanted."""
        for name, path, number, size, mtime in self.files():
            known = Known(name, number, size, version=f"{mtime}:{size}", mtime=mtime)
            with path.open("rb") as file:
                known.head = file.read(HEAD)
            if self._headed:
                known.header = _first_line(path)
            self.known[number] = known

    def chunks(self, now_ms: int, most: int = 50) -> list[Chunk]:
        """New pieces, in the order of the files; `took` says they were taken."""
        found: list[Chunk] = []
        self.trouble = ""
        rows = self.files()
        present = {number for _, _, number, _, _ in rows}
        found += self._renamed(present)
        for name, path, number, size, mtime in rows:
            if len(found) >= most:
                break
            known = self.known.setdefault(number, Known(name, number))
            known.name = name
            if self._whole:
                found += self._all_of(known, path, size, mtime, now_ms)
                continue
            if mtime == known.mtime and size == known.at:
                continue
            if size < known.at or not _begins_with(path, known.head):
                self.known[number] = known = Known(name, number)  # emptied, or another file
            known.mtime = mtime
            found += self._lines(known, path, size, now_ms)
        for number in set(self.known) - present:
            self._changed.pop(number, None)
        return found

    def took(self, chunk: Chunk) -> None:
        """This piece was taken: the next one begins behind it."""
        known = self.known.setdefault(chunk.number, Known(chunk.name, chunk.number))
        known.at = chunk.end
        known.header = chunk.header or known.header
        known.version = chunk.version or known.version

    def mark(self, number: int) -> Known | None:
        """How far a file was read, to go `back` to."""
        known = self.known.get(number)
        return None if known is None else replace(known)

    def back(self, number: int, known: Known | None) -> None:
        """What was taken since `mark` was not taken after all."""
        if known is None:
            self.known.pop(number, None)
        else:
            self.known[number] = known

    def forget_gone(self) -> None:
        """Files that are not there any more; their numbers may be used anew."""
        present = {number for _, _, number, _, _ in self.files()}
        for number in set(self.known) - present:
            del self.known[number]

    def again(self, name: str, number: int, start: int, end: int) -> bytes | None:
        """The same bytes once more; None when they are not there any more."""
        for path in self._candidates(name):
            try:
                if path.stat().st_ino != number:
                    continue
                with path.open("rb") as file:
                    file.seek(start)
                    body = file.read(end - start)
                return body if len(body) == end - start else None
            except OSError:
                continue
        return None

    def _candidates(self, name: str) -> list[Path]:
        base = self._root if self._root.is_dir() else self._root.parent
        first = base / name
        try:
            return [first, *first.parent.iterdir()]
        except OSError:
            return [first]

    def _renamed(self, present: set[int]) -> list[Chunk]:
        """The rest of files that a rotation gave names outside the pattern."""
        found: list[Chunk] = []
        if self._whole:
            return found
        for number, known in list(self.known.items()):
            if number in present:
                continue
            for path in self._candidates(known.name):
                try:
                    status = path.stat()
                except OSError:
                    continue
                if status.st_ino == number and path.is_file() and status.st_size > known.at:
                    found += self._piece(known, path, status.st_size, complete=True)
                    break
        return found

    def _lines(self, known: Known, path: Path, size: int, now_ms: int) -> list[Chunk]:
        if size <= known.at:
            return []
        before = self._changed.get(known.number)
        if before is None or before[0] != size:
            self._changed[known.number] = before = (size, now_ms)
        return self._piece(known, path, size, complete=now_ms - before[1] >= STILL_MS)

    def _piece(self, known: Known, path: Path, size: int, *, complete: bool) -> list[Chunk]:
        """The next whole lines from where we are. `complete`: the last line is whole as well."""
        try:
            with path.open("rb") as file:
                file.seek(known.at)
                body = file.read(CHUNK)
                if b"\n" not in body and len(body) == CHUNK:
                    body += file.read(LONGEST_LINE - CHUNK)
        except OSError as error:
            return self._unread(known.name, error)
        whole = body[: body.rfind(b"\n") + 1]
        too_long = False
        if not whole:
            too_long = len(body) >= LONGEST_LINE
            if not too_long and not (complete and known.at + len(body) >= size):
                return []
            whole = body
        header, start = known.header, known.at
        if start == 0:
            known.head = whole[:HEAD]
        if self._headed and start == 0 and not too_long:
            first, _, _ = whole.partition(b"\n")
            header = first.decode("utf-8-sig", "replace").rstrip("\r")
            start = len(first) + 1
            if start >= len(whole):
                self.took(Chunk(known.name, known.number, 0, len(whole), header, b""))
                return []
        end = known.at + len(whole)
        body = whole[start - known.at :]
        return [Chunk(known.name, known.number, start, end, header, body, too_long=too_long)]

    def _all_of(self, known: Known, path: Path, size: int, mtime: int, now_ms: int) -> list[Chunk]:
        version = f"{mtime}:{size}"
        if version == known.version or size == 0:
            return []
        before = self._changed.get(known.number)
        if before is None or before[0] != hash(version):
            self._changed[known.number] = (hash(version), now_ms)
            return []  # perhaps it is still being written: it must stand for one look
        try:
            body = path.read_bytes()[:LONGEST_LINE]
        except OSError as error:
            return self._unread(known.name, error)
        too_long = size > LONGEST_LINE
        return [Chunk(known.name, known.number, 0, len(body), "", body, version, too_long)]

    def _unread(self, name: str, error: OSError) -> list[Chunk]:
        if not isinstance(error, FileNotFoundError):  # gone while we looked
            self.trouble = f"{name}: {error.strerror or error}"
        return []

    # ---------------------------------------------------------------- remembered
    def state(self) -> list[dict[str, Any]]:
        """How far each file was read, for the next start."""
        return [
            {
                "name": k.name,
                "number": k.number,
                "at": k.at,
                "header": k.header,
                "version": k.version,
                "head": k.head.hex(),
            }
            for k in list(self.known.values())
        ]

    def restore(self, rows: Any) -> None:
        """What `state` gave; rows that are none are passed over."""
        for row in rows if isinstance(rows, list) else ():
            try:
                known = Known(
                    str(row["name"]),
                    int(row["number"]),
                    int(row["at"]),
                    str(row["header"]),
                    str(row["version"]),
                    bytes.fromhex(str(row["head"])),
                )
            except (TypeError, KeyError, ValueError):
                continue
            self.known[known.number] = known


def _begins_with(path: Path, head: bytes) -> bool:
    if not head:
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(head)) == head
    except OSError:
        return True


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.readline(LONGEST_LINE).decode("utf-8-sig", "replace").rstrip("\r\n")
    except OSError:
        return ""
