"""What lies in the paths somebody wants imported: files, what belongs to them, what is passed over.

Looked at in a worker, since telling what a file needs means reading a little of it. Nothing is
placed or triangulated here, so the answer comes at once and an import can show its length.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from lamplighter.spatial.formats import ENDINGS, brought_by_model, readers

MAX_FILES: Final = 100_000
_HEAD: Final = 200_000
_COMPANIONS: Final = frozenset(
    {".jpg", ".jpeg", ".png", ".txt", ".md", ".pdf", ".dbf", ".shx", ".prj", ".cpg", ".qix",
     ".sbn", ".sbx", ".xsd", ".wld", ".jgw", ".tfw", ".pgw", ".html", ".toml", ".rst", ""}
)  # fmt: skip
_OF_SAME_STEM: Final = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx"),
    ".tif": (".tfw", ".wld", ".prj"),
    ".tiff": (".tfw", ".wld", ".prj"),
    ".png": (".pgw", ".wld", ".prj"),
    ".jpg": (".jgw", ".wld", ".prj"),
    ".obj": (".mtl",),
    ".asc": (".prj",),
}
_ORDER: Final = {
    ".tif": 1, ".tiff": 1, ".asc": 1,
    ".obj": 2, ".ply": 2, ".glb": 2, ".gltf": 2, ".b3dm": 2, ".i3dm": 2, ".cmpt": 2, ".pnts": 2,
    ".las": 3, ".laz": 3,
    ".inp": 4, ".xodr": 4, ".m": 4, ".mat": 4,
    ".osm": 5, ".pbf": 5, ".geojson": 5, ".gpkg": 5, ".shp": 5, ".gdb": 5, ".sqlite": 5, ".kml": 5,
    ".gpx": 5, ".fgb": 5, ".parquet": 5,
    ".dxf": 6, ".ifc": 6,
    ".png": 7, ".jpg": 7, ".jpeg": 7,
    ".csv": 9,
}  # fmt: skip
"""city models first (0), since they found the frame and the ground, tables last"""


class FoundFile(Struct, frozen=True):
    """One file (or folder that is one data set) to be read."""

    path: str
    size: int
    digest: str
    """hash of its content and of all that belongs to it"""
    parts: tuple[str, ...] = ()
    """files it is read together with"""


class Scouted(Struct, frozen=True):
    """What was found, in the order in which it is read."""

    files: tuple[FoundFile, ...]
    passed: tuple[tuple[str, str], ...] = ()
    """(file, why) of what is no data: hidden files, licences, texts, pictures nobody names"""


def scout(
    paths: Sequence[Path],
    endings: Iterable[str] = (),
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> Scouted:
    """Look at files and folders. A named file is always taken, whatever its name.

    In folders, links are not followed; every file is either among the files, a part of one, or
    passed over with its reason.
    """
    known = frozenset(endings)
    wanted: list[Path] = []
    maybe: list[Path] = []
    passed: list[tuple[str, str]] = []
    for path in paths:
        if path.is_dir() and not _is_set(path):
            _walk(path, known, wanted, maybe, passed)
        else:
            wanted.append(path)
    found, parts = _grouped(wanted, maybe, passed, progress)
    files = []
    for number, path in enumerate(found):
        progress(number, len(found), path.name)
        files.append(_described(path, parts.get(path, ())))
    files.sort(key=lambda f: _rank(Path(f.path)))
    return Scouted(tuple(files), tuple(passed))


def expand(paths: Sequence[Path], endings: Iterable[str] = ()) -> list[Path]:
    """Files as given; folders become the files in them, recursively, in a stable order.

    Inside a folder hidden files and files that only accompany others (textures, licences,
    texts) are left out; every other file is returned, also of unknown format.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and not _is_set(path):
            _walk(path, frozenset(endings), found, [], [])
        else:
            found.append(path)
    return found


def _walk(
    root: Path,
    endings: frozenset[str],
    wanted: list[Path],
    maybe: list[Path],
    passed: list[tuple[str, str]],
) -> None:
    for folder, names, files in os.walk(root, followlinks=False):
        here = Path(folder)
        passed.extend((str(here / n), "hidden folder") for n in names if n.startswith("."))
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in [n for n in names if _is_set(here / n)]:
            wanted.append(here / name)
            names.remove(name)
        for name in sorted(files):
            path = here / name
            if path.is_symlink():
                passed.append((str(path), "a link"))
            elif name.startswith("."):
                passed.append((str(path), "hidden file"))
            elif path.suffix.lower() in endings or path.suffix.lower() in ENDINGS:
                wanted.append(path)
            elif path.suffix.lower() in _COMPANIONS:
                maybe.append(path)
            else:
                wanted.append(path)
            if len(wanted) >= MAX_FILES:
                return


def _is_set(folder: Path) -> bool:
    """Whether a reader takes the whole folder as one data set."""
    if not folder.is_dir():
        return False
    for reader in readers():
        claims = getattr(reader, "claims_folder", None)
        try:
            if claims is not None and claims(folder):
                return True
        except Exception:
            continue
    return False


def _grouped(
    wanted: list[Path],
    maybe: list[Path],
    passed: list[tuple[str, str]],
    progress: Callable[[int, int, str], None],
) -> tuple[list[Path], dict[Path, tuple[Path, ...]]]:
    """The files that stand for themselves, and what belongs to each."""
    candidates = dict.fromkeys(wanted) | {
        path: None for path in maybe if _claimed(path) is not None
    }
    brought: dict[Path, tuple[Path, ...]] = {}
    for number, path in enumerate(candidates):
        progress(number, len(candidates), path.name)
        brought[path] = _brings(path)
    inner = {part for path, parts in brought.items() for part in parts if part != path}
    mains = [path for path in candidates if path not in inner]
    taken = set(mains)
    for path in mains:
        taken |= _closure(path, brought)
    for path in candidates:  # files that only name each other in a circle
        if path not in taken:
            mains.append(path)
            taken |= {path} | _closure(path, brought)
    parts = {path: tuple(sorted(_closure(path, brought))) for path in mains}
    passed.extend((str(path), "a text or picture no file names") for path in maybe
                  if path not in taken)  # fmt: skip
    return mains, {path: found for path, found in parts.items() if found}


def _closure(path: Path, brought: dict[Path, tuple[Path, ...]]) -> set[Path]:
    """All files that belong to `path`, also through others."""
    seen: set[Path] = set()
    queue = list(brought.get(path, ()))
    while queue:
        part = queue.pop()
        if part not in seen and part != path:
            seen.add(part)
            queue.extend(brought.get(part, ()))
    return seen


def _claimed(path: Path) -> object | None:
    """The reader that takes the file by its content."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    for reader in readers():
        try:
            if reader.claims(path, head):
                return reader
        except Exception:
            continue
    return None


def _brings(path: Path) -> tuple[Path, ...]:
    """What a file is read together with, as far as it is there."""
    found: list[Path] = []
    if path.is_dir():
        return ()
    reader = _claimed(path) if path.suffix.lower() not in (".inp", ".csv") else None
    brings = getattr(reader, "brings", None) if reader is not None else brought_by_model
    if brings is not None:
        try:
            found.extend(brings(path))
        except Exception:  # a damaged file names nothing; its reader says what is wrong
            found.clear()
    for ending in _OF_SAME_STEM.get(path.suffix.lower(), ()):
        found += [path.with_suffix(ending), path.with_suffix(ending.upper())]
    real = {Path(os.path.normpath(one)): None for one in found}
    return tuple(one for one in real if one != path and one.is_file() and not one.is_symlink())


def _described(path: Path, parts: Sequence[Path]) -> FoundFile:
    size, digest = 0, ""
    try:
        members = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        digest = digest_of(members + list(parts), path)
        size = sum(p.stat().st_size for p in [*members, *parts])
    except OSError:
        pass  # reading it will say why
    return FoundFile(str(path), size, digest, tuple(str(p) for p in parts))


def digest_of(files: Sequence[Path], main: Path) -> str:
    """Hash of the content of `main`, and of all others with their names when there are any."""
    one = [_hash(path) for path in files]
    if len(files) == 1:
        return one[0]
    every = hashlib.blake2b(digest_size=16)
    base = main if main.is_dir() else main.parent
    for path, digest in zip(files, one, strict=True):
        every.update(f"{os.path.relpath(path, base)}\0{digest}\0".encode())
    return every.hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _rank(path: Path) -> tuple[int, str]:
    name = path.name.lower()
    if name.endswith((".net.xml", ".net.xml.gz")):
        return 4, ""
    if name == "tileset.json":
        return 2, ""
    if path.suffix.lower() == ".json" and _is_geojson(path):
        return _ORDER[".geojson"], ""
    if path.suffix.lower() in (".zip", "") and _claimed(path) is not None:
        return _ORDER[".geojson"], ""
    return _ORDER.get(path.suffix.lower(), 0), ""


def lies_on_ground(path: str) -> bool:
    """Whether the file may have to be laid on the ground that other files bring."""
    return _rank(Path(path))[0] >= _ORDER[".geojson"]


def _is_geojson(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b'"FeatureCollection"' in file.read(500)
    except OSError:
        return False
