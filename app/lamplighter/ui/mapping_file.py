"""A mapping as a file that others can use: where it goes, and what is said when it went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from lamplighter.ui.words import tr


def ask_where(parent: QWidget, stem: str, chosen: Callable[[str], object]) -> None:
    """Ask for the file, blocking nothing; `chosen` gets its path."""
    name = f"{stem}.toml"
    box = QFileDialog(parent, tr("Save the mapping"), name)
    box.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    box.selectFile(name)
    box.fileSelected.connect(chosen)
    box.show()


def write(name: str, text: str) -> str:
    """Write it; what to say of it."""
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        return tr("Not saved: {why}", why=str(error))
    return tr("Saved as {name}", name=Path(name).name)
