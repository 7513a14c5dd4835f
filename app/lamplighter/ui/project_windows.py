"""Windows about the project as a whole, such as import, the past, register, backup. Each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from lamplighter.ui.backup_dialog import BackupDialog
from lamplighter.ui.desk import Desk
from lamplighter.ui.docks import Docks
from lamplighter.ui.export_dialog import ExportQuestion
from lamplighter.ui.import_dialog import ImportDialog
from lamplighter.ui.parts import centre_over
from lamplighter.ui.past_dialog import PastDialog
from lamplighter.ui.register_dialog import RegisterDialog
from lamplighter.ui.storage_dialog import StorageDialog


class ProjectWindows(QObject):
    """Opens them beside the city, or brings the one that is open to the front."""

    show_layer = Signal(str)
    """an imported layer is wanted in the picture"""
    to_quarantine = Signal()
    to_trend = Signal(object, object, object)
    """ids of datastreams that the past was brought in for, first and last moment in ms"""

    def __init__(self, desk: Desk, window: QWidget, docks: Docks) -> None:
        super().__init__(window)
        self._desk, self._window, self._docks = desk, window, docks
        self.opened: dict[str, QWidget] = {}
        """by name: import | past | register | backup | storage"""

    def import_files(self, paths: Sequence[str] = ()) -> None:
        """The import dialog, with these files when some were dropped."""
        dialog = self._in_front("import", self._import)
        if paths:
            dialog.add(paths)

    def bring_past(self, path: str = "") -> None:
        """The dialog for years of history, failures and work orders."""
        dialog = self._in_front("past", self._past)
        if path:
            dialog.open(path)

    def register(self) -> None:
        """The dialog of the asset register."""
        self._in_front("register", lambda: RegisterDialog(self._desk, self._window))

    def export_city(self) -> None:
        """Write the city into an open format; asks where."""
        self._docks.show("tasks")
        ExportQuestion(self._desk, self._window).show()

    def take_backup(self) -> None:
        """The whole project into one file; asks where."""
        self._in_front("backup", lambda: BackupDialog(self._desk, self._window))

    def storage(self) -> None:
        """What the project takes, how long it is kept, the last backup."""
        self._in_front("storage", self._storage)

    def _import(self) -> ImportDialog:
        made = ImportDialog(self._desk, self._window)
        made.show_layer.connect(self.show_layer)
        made.to_past.connect(self.bring_past)
        return made

    def _past(self) -> PastDialog:
        made = PastDialog(self._desk, self._window)
        made.to_quarantine.connect(self.to_quarantine)
        made.to_trend.connect(self.to_trend)
        return made

    def _storage(self) -> StorageDialog:
        made = StorageDialog(self._desk, self._window)
        made.to_backup.connect(self.take_backup)
        return made

    def _in_front(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.opened:
            made = self.opened[name] = make()
            made.gone.connect(lambda: self.opened.pop(name, None))
            centre_over(self._window, made)
        dialog = self.opened[name]
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog
