"""Licence and attribution of a data file from the texts that lie beside it.

Open data seldom carries its licence inside; a LICENSE, SOURCE or README next to it does. What is
found is always given together with the file it was found in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

MAX_BYTES: Final = 200_000
MAX_LEVELS: Final = 4
_NAMES: Final = re.compile(
    r"^(licen[sc]e|copying|source|sources|attribution|notice|copyright|readme)", re.IGNORECASE
)
_STATED: Final = re.compile(r"^[\s*>-]*licen[sc]e\s*[:=]\s*(.+)$", re.IGNORECASE)
_CREDIT: Final = re.compile(
    r"^[\s*>-]*(?:attribution|credit|copyright|source)\s*[:=]\s*(.+)$"
    r"|^\s*((?:©|\(c\)|copyright ).+)$",
    re.IGNORECASE,
)
_BLOCK: Final = re.compile(r"^[-*]\s+(\S+)")
_KNOWN: Final = (
    ("apache license", "Apache-2.0"),
    ("mit license", "MIT"),
    ("open database license", "ODbL-1.0"),
    ("open data commons attribution", "ODC-By-1.0"),
    ("cc0", "CC0-1.0"),
    ("creative commons attribution-sharealike 4.0", "CC-BY-SA-4.0"),
    ("creative commons attribution 4.0", "CC-BY-4.0"),
    ("attribution 4.0 international", "CC-BY-4.0"),
    ("open government licence", "OGL"),
    ("datenlizenz deutschland", "dl-de/by-2-0"),
    ("gnu lesser general public license", "LGPL"),
    ("gnu general public license", "GPL"),
    ("mozilla public license", "MPL-2.0"),
    ("eclipse public license", "EPL"),
)


class Terms(NamedTuple):
    """What was found; `origin` is the name of the text it stands in, empty when nothing was."""

    licence: str = ""
    attribution: str = ""
    origin: str = ""


def terms_beside(path: Path, roots: Sequence[Path] = ()) -> Terms:
    """Licence and attribution stated beside `path` or in a folder above it.

    Looks no further up than the nearest of `roots` (the folders that were imported) and at most
    four levels.
    """
    folder = path.parent
    tops = {root.resolve() for root in roots}
    for _ in range(MAX_LEVELS):
        for text in _texts(folder):
            found = _terms(text, path.name)
            if found.licence:
                return found
        if folder.resolve() in tops or not tops or folder.parent == folder:
            break
        folder = folder.parent
    return Terms()


@lru_cache(maxsize=256)
def _texts(folder: Path) -> tuple[Path, ...]:
    """Texts of a folder that may state terms, those named after a licence first."""
    try:
        names = [p for p in folder.iterdir() if _NAMES.match(p.name) and p.is_file()]
    except OSError:
        return ()
    plain = [p for p in names if p.suffix.lower() in ("", ".txt", ".md", ".rst", ".license")]
    return tuple(sorted(plain, key=lambda p: (not p.name.lower().startswith("licen"), p.name)))


@lru_cache(maxsize=256)
def _lines(text: Path) -> tuple[str, ...]:
    try:
        with text.open("rb") as file:
            return tuple(file.read(MAX_BYTES).decode("utf-8", "replace").splitlines())
    except OSError:
        return ()


def _terms(text: Path, name: str) -> Terms:
    lines = _lines(text)
    stated = _stated(lines, name)
    if not stated and text.name.lower().startswith(("licen", "copying")):
        stated = _recognised(lines)
    credit = ""
    for line in lines:
        match = _CREDIT.match(line)
        if match is not None:
            credit = (match[1] or match[2]).strip()[:200]
            break
    return Terms(stated[:300], credit, text.name) if stated else Terms()


def _stated(lines: Sequence[str], name: str) -> str:
    """The licence of the block that a line about `name` refers to, else all that are stated."""
    blocks: list[tuple[str, str]] = []
    current = ""
    for line in lines:
        head = _BLOCK.match(line)
        if head is not None:
            current = head[1]
        match = _STATED.match(line)
        if match is not None:
            blocks.append((current, match[1].strip()))
    if len({licence for _, licence in blocks}) > 1:
        mine = [line for line in lines if name in line]
        for source, licence in blocks:
            if source and any(source in line for line in mine):
                return licence
    return "; ".join(dict.fromkeys(licence for _, licence in blocks))


def _recognised(lines: Sequence[str]) -> str:
    head = " ".join(" ".join(lines[:40]).lower().split())
    for words, licence in _KNOWN:
        if words in head:
            return licence
    first = next((line.strip() for line in lines if line.strip()), "")
    return first[:80]
