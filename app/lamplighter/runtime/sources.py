"""Copies of the imported files inside the project: the drawing cache can be made anew from them.

A copy lies in `media/sources/<hash>/` under its own name together with the files it is read
with, in their places relative to it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SOURCES: Final = ("media", "sources")
MARK: Final = ".complete"


def source_folder(project: Path, content_hash: str, *, remove: bool = False) -> Path:
    """Where the copy of that content lies; `remove` deletes it."""
    folder = project.joinpath(*SOURCES) / content_hash
    if remove and content_hash:
        shutil.rmtree(folder, ignore_errors=True)
        for old in project.joinpath(*SOURCES).glob(f"{content_hash}.*"):
            old.unlink(missing_ok=True)
    return folder


def keep_sources(project: Path, file: Path, parts: Sequence[Path], content_hash: str) -> str:
    """Copy a file and its parts; returns the file's path inside the folder of its hash."""
    everything = [file, *parts]
    base = Path(os.path.commonpath([str(one.parent) for one in everything]))
    folder = source_folder(project, content_hash)
    main = os.path.relpath(file, base)
    if (folder / MARK).exists() and (folder / main).exists():
        return main
    folder.mkdir(parents=True, exist_ok=True)
    for one in everything:
        target = folder / os.path.relpath(one, base)
        target.parent.mkdir(parents=True, exist_ok=True)
        if one.is_dir():
            shutil.copytree(one, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(one, target)
    (folder / MARK).touch()
    return main


def kept_source(project: Path, content_hash: str, main: str) -> Path | None:
    """The copy of an imported file, or None when it is not there."""
    path = source_folder(project, content_hash) / main
    if main and path.exists():
        return path
    older = sorted(project.joinpath(*SOURCES).glob(f"{content_hash}.*"))
    return older[0] if older else None


def kept_files(project: Path, ending: str) -> list[Path]:
    """Copies whose names end so, the newest last."""
    folder = project.joinpath(*SOURCES)
    found = [*folder.glob(f"*{ending}"), *folder.glob(f"*/**/*{ending}")]
    return sorted((f for f in found if f.is_file()), key=lambda f: f.stat().st_mtime)
