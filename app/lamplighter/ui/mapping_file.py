"""A mapping as a file that others can use: which one, what is in it, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QWidget

from lamplighter.ui.file_box import ask_open, ask_save
from lamplighter.ui.words import tr


def ask_which(parent: QWidget, chosen: Callable[[str], object]) -> None:
    """Ask for a mapping to use; `chosen` gets its path."""
    ask_open(parent, tr("Load a mapping"), chosen, ("TOML (*.toml)", "* (*)"))


def ask_where(parent: QWidget, stem: str, chosen: Callable[[str], object]) -> None:
    """Ask for the file to write; `chosen` gets its path."""
    ask_save(parent, tr("Save the mapping"), chosen, f"{stem}.toml")


def read(name: str, say: Callable[[str], object]) -> str | None:
    """Its text; None, and why is said, when it cannot be read."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        say(cannot_read(error))
        return None


def cannot_read(error: Exception) -> str:
    """What to say of a mapping file that cannot be read."""
    return tr("The mapping file cannot be read: {why}", why=str(error))


def write(name: str, text: str) -> str:
    """Write it; what to say of it."""
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        return tr("Not saved: {why}", why=str(error))
    return tr("Saved as {name}", name=Path(name).name)
