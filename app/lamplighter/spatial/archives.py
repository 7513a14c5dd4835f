"""Opens zip and gzip files by what really comes out of them, not by what their headers say."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from lamplighter.spatial.model import Refused

MAX_MEMBERS: Final = 10_000
MAX_RATIO: Final = 100
MAX_BYTES: Final = 2_000_000_000
_SMALL: Final = 10_000_000
_CHUNK: Final = 1 << 20


def unpack_zip(path: Path, folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Write the members with one of `endings` into `folder` as plain files; others stay packed.

    Names in the archive are never used as paths: members come out as `0-name.ext`. Raises
    `Refused` (I-502) for too many members, too much content or a ratio above 100 to 1.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Refused("I-502", f"{len(members):,} files (limit {MAX_MEMBERS:,})")
            found: list[Path] = []
            total = 0
            for member in members:
                name = PurePosixPath(member.filename.replace("\\", "/")).name
                if member.is_dir() or not name.lower().endswith(endings):
                    continue
                if member.flag_bits & 1:
                    raise Refused("I-503", "its content is locked with a password")
                out = folder / f"{len(found)}-{_plain(name)}"
                with archive.open(member) as stream:
                    total += _copy(stream, out, member.compress_size, MAX_BYTES - total)
                found.append(out)
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise Refused("I-503", f"the archive is damaged: {error}") from error


def unpack_tree(path: Path, folder: Path) -> None:
    """Write all members into `folder` with their folders, where files belong together.

    Every part of a name is made plain and `..` never climbs. Limits as in `unpack_zip`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Refused("I-502", f"{len(members):,} files (limit {MAX_MEMBERS:,})")
            total = 0
            for member in members:
                names = PurePosixPath(member.filename.replace("\\", "/")).parts
                plain = [_plain(name) for name in names if name not in ("/", ".", "..")]
                if member.is_dir() or not plain or len(plain) > 20:
                    continue
                if member.flag_bits & 1:
                    raise Refused("I-503", "its content is locked with a password")
                out = folder.joinpath(*plain)
                out.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as stream:
                    total += _copy(stream, out, member.compress_size, MAX_BYTES - total)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise Refused("I-503", f"the archive is damaged: {error}") from error


def unpack_gzip(path: Path, folder: Path) -> Path:
    """The one file inside a .gz, with the same limits."""
    out = folder / _plain(path.stem)
    try:
        with gzip.open(path) as stream:
            _copy(cast(IO[bytes], stream), out, path.stat().st_size, MAX_BYTES)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Refused("I-503", f"the archive is damaged: {error}") from error
    except EOFError as error:
        raise Refused("I-505", "the archive is cut off") from error
    return out


def _plain(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    return kept[-80:] or "member"


def _copy(stream: IO[bytes], out: Path, packed: int, room: int) -> int:
    written = 0
    with out.open("wb") as file:
        for chunk in _chunks(stream):
            written += len(chunk)
            if written > room:
                raise Refused("I-502", f"more than {MAX_BYTES / 1e9:.0f} GB")
            if written > _SMALL and written > MAX_RATIO * max(packed, 1):
                raise Refused("I-502", f"more than {MAX_RATIO} times its size")
            file.write(chunk)
    return written


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk
