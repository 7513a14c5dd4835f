"""Asking which file, blocking nothing: the window goes on, and whoever asked hears the path."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

Chosen = Callable[[str], object]


def ask_open(parent: QWidget, title: str, chosen: Chosen, names: Sequence[str] = ()) -> None:
    """Ask for a file there is; `names` are filters such as `CSV (*.csv)`."""
    box = _box(parent, title, names)
    box.setFileMode(QFileDialog.FileMode.ExistingFile)
    box.fileSelected.connect(chosen)
    box.show()


def ask_save(
    parent: QWidget, title: str, chosen: Chosen, proposed: str = "", names: Sequence[str] = ()
) -> None:
    """Ask where to write; a name without an ending gets that of the chosen one of `names`."""
    box = _box(parent, title, names)
    box.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    if names:
        box.setDefaultSuffix(_ending(names[0]))
        box.filterSelected.connect(lambda name: box.setDefaultSuffix(_ending(name)))
    if proposed:
        box.selectFile(proposed)
    box.fileSelected.connect(chosen)
    box.show()


def _box(parent: QWidget, title: str, names: Sequence[str]) -> QFileDialog:
    box = QFileDialog(parent, title)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if names:
        box.setNameFilters(list(names))
    return box


def _ending(name: str) -> str:
    """`csv` of `CSV (*.csv)`."""
    return name.partition("*.")[2].rstrip(")").split(" ")[0]
