"""Finding files again: by words, asset and date, without a network."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.ui.attachment_list import AttachmentList
from lamplighter.ui.bound_fields import NONE_MS, date_field
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Text, row
from lamplighter.ui.words import tr

PAUSE_MS = 150


class FilesPage(Panel):
    """Search fields over a list; files are attached to the selected asset."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._total = 0
        self.text = QLineEdit()
        self.text.setPlaceholderText(tr("words of name, caption, note or asset"))
        self.text.setAccessibleName(tr("Find files"))
        self.text.setClearButtonEnabled(True)
        self.own = QCheckBox(tr("Only of the selected asset"))
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.look)
        self.first, self.last = date_field(tr("From")), date_field(tr("To"))
        for field in (self.first, self.last):
            field.setDisplayFormat("yyyy-MM-dd")
            field.dateTimeChanged.connect(lambda _: self._pause.start())
        self.list = AttachmentList(desk)
        self.target = Text("", "caption", "secondary")
        self.place: Callable[[], tuple[float, float, str] | None] = lambda: None
        """the place that is looked around, when no asset is selected"""
        self.count = Text("", "caption", "secondary")
        self.text.textChanged.connect(lambda _: self._pause.start())
        self.own.toggled.connect(lambda _: self.look())
        since, until = (Text(w, "caption", "secondary") for w in (tr("from"), tr("to")))
        head = row(self.text, since, self.first, until, self.last)
        head.setStretch(0, 1)
        about = row(self.target, None, self.own, self.count)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 6, 12, 8)
        box.addLayout(head)
        box.addLayout(about)
        box.addWidget(self.list, 1)
        self.list.changed.connect(self._counted)
        desk.selection.changed.connect(self._follow)
        desk.records.attached.connect(lambda _: self._pause.start())
        desk.time.changed.connect(lambda: self.list.lock(desk.time.commands_locked))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()
        self.look()

    def _follow(self) -> None:
        if not self.isVisible():
            return
        asset = self._desk.selection.current
        place = self.place() if not asset else None
        self.list.take_asset(asset, place[:2] if place is not None else None)
        name = self._desk.city.name(asset) if asset else place[2] if place is not None else ""
        self.target.setText(
            tr("New files hang on {n}", n=name) if name
            else tr("Select an asset, or look near a place, to attach files to it")
        )  # fmt: skip
        if self.own.isChecked():
            self._pause.start()

    def _question(self) -> wire.FindAttachments:
        first = self.first.dateTime().toMSecsSinceEpoch()
        last = self.last.dateTime()
        until = last.addDays(1).toMSecsSinceEpoch()
        return wire.FindAttachments(
            self.text.text().strip(),
            self._desk.selection.current if self.own.isChecked() else "",
            from_ms=first if first > NONE_MS else None,
            to_ms=until if last.toMSecsSinceEpoch() > NONE_MS else None,
        )

    def look(self) -> None:
        """Ask with what the fields say."""
        if self.isVisible():
            self._desk.ask(self._question(), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Attachments):
            self._total = reply.total
            self.list.show_found(reply.items, reply.total)

    def _counted(self) -> None:
        self.count.setText(tr("Found: {n}", n=f"{self._total:,}"))

    def show_asset(self, asset: str) -> None:
        """The files of one asset."""
        self._desk.selection.select(asset)
        self.own.setChecked(True)
        self.look()
