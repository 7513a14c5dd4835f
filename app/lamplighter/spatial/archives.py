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
_DEPTH: Final = 8


def unpack_zip(
    path: Path, folder: Path, endings: tuple[str, ...], beside: tuple[str, ...] = ()
) -> list[Path]:
    """Write the members with one of `endings` into `folder` as plain files; others stay packed.

    Names in the archive are never used as paths: members come out as `0-name.ext`, in folders of
    plain names so that a model finds its pictures; these have the endings `beside` and are
    written but not returned. Raises `Refused` (I-502) for too many members, too much content or
    a ratio above 100 to 1.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Refused("I-502", f"{len(members):,} files (limit {MAX_MEMBERS:,})")
            found: list[Path] = []
            total = 0
            for member in members:
                inside = PurePosixPath(member.filename.replace("\\", "/"))
                name = inside.name
                wanted = name.lower().endswith(endings)
                if member.is_dir() or not (wanted or name.lower().endswith(beside)):
                    continue
                if member.flag_bits & 1:
                    raise Refused("I-503", "its content is locked with a password")
                place = _inner_folder(folder, inside)
                out = place / (f"{len(found)}-{plain_name(name)}" if wanted else plain_name(name))
                with archive.open(member) as stream:
                    total += _copy(stream, out, member.compress_size, MAX_BYTES - total)
                if wanted:
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
                plain = [plain_name(name) for name in names if name not in ("/", ".", "..")]
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
    out = folder / plain_name(path.stem)
    try:
        with gzip.open(path) as stream:
            _copy(cast(IO[bytes], stream), out, path.stat().st_size, MAX_BYTES)
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Refused("I-503", f"the archive is damaged: {error}") from error
    except EOFError as error:
        raise Refused("I-505", "the archive is cut off") from error
    return out


def _inner_folder(folder: Path, inside: PurePosixPath) -> Path:
    """A folder below `folder` for a member, from plain names only."""
    parts = [plain_name(p) for p in inside.parts[:-1] if p not in ("", ".", "..", "/")]
    place = folder.joinpath(*parts[:_DEPTH])
    place.mkdir(parents=True, exist_ok=True)
    return place


def plain_name(name: str) -> str:
    """A name that is safe as a file name whatever an archive calls its member."""
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
