"""Photos, documents and drawings as a list: attach, look, describe, take away."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QIcon,
    QKeyEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.attachments import PHOTOS, Attachment, media_place, object_of
from lamplighter.domain.edits import Value
from lamplighter.ui import numbers
from lamplighter.ui.bound_fields import Bound
from lamplighter.ui.desk import Desk
from lamplighter.ui.order_words import when
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.thumbnails import Thumbnails
from lamplighter.ui.words import tr

FILES: Final = "Photos, PDF, drawings (*.jpg *.jpeg *.png *.webp *.pdf *.svg *.dxf);;All files (*)"
PREVIEW: Final = 320


class FileList(QListWidget):
    """Enter opens, files may be dropped."""

    opened = Signal()
    dropped = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.opened.emit()
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragEnterEvent) -> None:  # type: ignore[override]
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [u.toLocalFile() for u in event.mimeData().urls() if u.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)


class AttachmentList(QWidget):
    """Those of an order or an asset, or with `show_found` whatever was found."""

    changed = Signal()

    def __init__(
        self, desk: Desk, *, order: str = "", asset: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._order, self._asset = desk, order, asset
        self.items: tuple[Attachment, ...] = ()
        self._place: tuple[float, float] | None = None
        self._locked = self._shut = False
        self._watched = ""
        self.small, self.large = Thumbnails(self), Thumbnails(self, PREVIEW)
        self.list = FileList()
        self.list.setIconSize(QSize(theme().px(64), theme().px(48)))
        self.list.setAccessibleName(tr("Files"))
        self.list.currentRowChanged.connect(lambda _: self._picked())
        self.list.opened.connect(self.open_chosen)
        self.list.itemDoubleClicked.connect(lambda _: self.open_chosen())
        self.list.dropped.connect(self.attach)
        self.add = button(tr("Attach file…"), self._ask_file, kind="primary")
        self.open = button(tr("Open  Enter"), self.open_chosen)
        self.take = button(tr("Take away"), self.take_away)
        self.say = Text("", "body", "secondary", wrap=True)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setMinimumHeight(theme().px(20))
        self.picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.about = Text("", "caption", "secondary", wrap=True)
        self.caption, self.note = QLineEdit(), QLineEdit()
        self.bound = [Bound("caption", self.caption, self._send),
                      Bound("note", self.note, self._send)]  # fmt: skip
        self._build()
        self.small.made.connect(self._small_made)
        self.large.made.connect(lambda _: self._picture())
        desk.records.attached.connect(self._news)
        self._picked()

    def _build(self) -> None:
        left = QWidget()
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(row(self.add, self.open, self.take, None))
        inner.addWidget(self.say)
        inner.addWidget(self.list, 1)
        right = QWidget()
        right.setFixedWidth(theme().px(360))
        side = QVBoxLayout(right)
        side.setContentsMargins(8, 0, 0, 0)
        side.addWidget(self.picture, 1)
        side.addWidget(self.about)
        form = QFormLayout()
        for words, field in ((tr("Caption"), self.caption), (tr("Note"), self.note)):
            field.setAccessibleName(words)
            form.addRow(words, field)
        side.addLayout(form)
        box = row(spacing=8)
        box.addWidget(left, 1)
        box.addWidget(right)
        self.setLayout(box)

    def _tell(self, words: str) -> None:
        self.say.setText(words)
        self.say.setVisible(bool(words))

    # ---------------------------------------------------------------- what there is
    def look(self) -> None:
        """Ask for the files of the order or asset."""
        if self._order or self._asset:
            asked = wire.FindAttachments(order=self._order, asset=self._asset)
            self._desk.ask(asked, self._got)

    def take_asset(self, asset: str, place: tuple[float, float] | None = None) -> None:
        """What is attached from now on hangs on this asset, or on a place (lon, lat)."""
        self._asset, self._place = asset, place
        self._picked()

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Attachments):
            self.show_found(reply.items, reply.total)

    def show_found(self, items: tuple[Attachment, ...], total: int) -> None:
        """These, the newest first; the chosen one stays chosen."""
        chosen = self.chosen
        self.items = items
        self.list.blockSignals(True)
        self.list.clear()
        for item in items:
            self.list.addItem(self._row(item))
        self.list.blockSignals(False)
        at = next((n for n, i in enumerate(items) if chosen and i.id == chosen.id), 0)
        self.list.setCurrentRow(at if items else -1)
        more = tr("The newest {n} of {t}.", n=len(items), t=f"{total:,}")
        nothing = tr("No files here. Attach a photo, a PDF or a drawing, or drop it here.")
        self._tell("" if items and total <= len(items) else more if items else nothing)
        self._picked()
        self.changed.emit()

    def _row(self, item: Attachment) -> QListWidgetItem:
        hangs = item.order or self._desk.city.name(item.asset) or item.asset
        first = item.caption or item.name
        parts = (item.kind.upper(), hangs, when(item.at_ms))
        made = QListWidgetItem(f"{first}\n{' · '.join(p for p in parts if p)}")
        made.setToolTip(item.name)
        made.setData(Qt.ItemDataRole.AccessibleTextRole, f"{first}, {item.name}, {hangs}")
        picture = self.small.get(self.path(item)) if item.kind in PHOTOS else None
        if picture is not None and not picture.isNull():
            made.setIcon(QIcon(picture))
        return made

    def _small_made(self, path: str) -> None:
        for number, item in enumerate(self.items):
            if str(self.path(item)) == path:
                picture = self.small.get(self.path(item))
                entry = self.list.item(number)
                if picture is not None and not picture.isNull() and entry is not None:
                    entry.setIcon(QIcon(picture))

    def path(self, item: Attachment) -> Path:
        """Where its file lies."""
        folder = self._desk.session.welcome.path if self._desk.session else ""
        return Path(folder).joinpath(*media_place(item.file))

    def _news(self, item: Attachment) -> None:
        mine = (self._order and item.order == self._order) or (
            self._asset and item.asset == self._asset
        )
        if self.isVisible() and (mine or any(i.id == item.id for i in self.items)):
            self.look()

    # ---------------------------------------------------------------- the chosen one
    @property
    def chosen(self) -> Attachment | None:
        """The selected file."""
        at = self.list.currentRow()
        return self.items[at] if 0 <= at < len(self.items) else None

    def _picked(self) -> None:
        item = self.chosen
        object = object_of(item.id) if item is not None else ""
        if object != self._watched:
            if self._watched:
                self._desk.records.leave(self._watched)
            self._watched = object
            if object:
                self._desk.records.open(object)
        for bound in self.bound:
            value: Value = getattr(item, bound.name) if item is not None else ""
            bound.show(value, None, force=object != self._watched)
            bound.widget.setEnabled(item is not None and not self._locked)
        for made in (self.open, self.take):
            made.setEnabled(item is not None)
        self.take.setEnabled(item is not None and not self._locked)
        self.add.setEnabled(not self._locked and bool(self._order or self._asset or self._place))
        self.about.setText(self._about(item) if item is not None else "")
        self._picture()

    @staticmethod
    def _about(item: Attachment) -> str:
        size = f"{item.size / 1e6:.1f} MB" if item.size > 1e5 else f"{item.size / 1e3:.0f} kB"
        pixels = f", {item.width:,} × {item.height:,}" if item.width else ""
        words = [f"{item.name}, {size}{pixels}"]
        if item.taken_ms:
            words.append(tr("taken {t}", t=when(item.taken_ms)))
        words.append(tr("added {t} by {who}", t=when(item.added_ms), who=item.added_by or "—"))
        if item.lon is not None and item.lat is not None:
            words.append(f"{numbers.number(item.lat, 1e-4)}, {numbers.number(item.lon, 1e-4)}")
        return "\n".join(words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._picture()

    def _picture(self) -> None:
        item = self.chosen
        found = self.large.get(self.path(item)) if item and item.kind in PHOTOS else None
        if found is not None and not found.isNull():
            room = self.picture.contentsRect().size()
            if found.width() > room.width() or found.height() > room.height():
                found = found.scaled(
                    room, Qt.AspectRatioMode.KeepAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )  # fmt: skip
            self.picture.setPixmap(found)
            return
        self.picture.setPixmap(QPixmap())
        waiting = item is not None and item.kind in PHOTOS and found is None
        words = "…" if waiting else item.kind.upper() if item is not None else ""
        self.picture.setText(words)

    # ---------------------------------------------------------------- doing
    def lock(self, locked: bool) -> None:
        """Outside of live nothing is added or changed."""
        if locked != self._locked:
            self._locked = locked
            self._picked()

    def _ask_file(self) -> None:
        box = QFileDialog(self, tr("Attach files"))
        box.setFileMode(QFileDialog.FileMode.ExistingFiles)
        box.setNameFilters(FILES.split(";;"))
        box.filesSelected.connect(self.attach)
        box.show()

    def attach(self, paths: list[str]) -> None:
        """Each file on its own; one that is refused does not keep the others."""
        if self._locked:
            return
        for path in paths:
            lon, lat = self._place if self._place and not self._asset else (None, None)
            name = str(Path(path).absolute())
            asked = wire.AttachFile(name, self._asset, self._order, lon, lat)
            if self._order and not self._asset:
                order = self._desk.orders.get(self._order)
                asset = order.asset if order is not None else ""
                if asset in self._desk.city.assets:
                    asked = wire.AttachFile(name, asset, self._order)
            self._desk.ask(asked, self._attached)

    def _attached(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._tell(str(reply.problem))
        else:
            self.look()

    def _send(self, name: str, value: Value, seen: tuple[str, ...] | None) -> None:
        item = self.chosen
        if item is not None:
            object = object_of(item.id)
            heads = self._desk.records.heads(object, (name,))
            self._desk.records.change(object, {name: value}, seen=heads,
                                      done=lambda _: self.look())  # fmt: skip

    def take_away(self) -> None:
        """The record stays in the history; the list shows it no more."""
        item = self.chosen
        if item is not None and not self._locked:
            self._desk.records.change(object_of(item.id), {"removed": True},
                                      done=lambda _: self.look())  # fmt: skip

    def open_chosen(self) -> None:
        """With the program of this machine that shows such files."""
        item = self.chosen
        if item is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.path(item))))

    def shut(self) -> None:
        """Its window goes."""
        if self._watched:
            self._desk.records.leave(self._watched)
            self._watched = ""
        if not self._shut:
            self._shut = True
            self._desk.records.attached.disconnect(self._news)
        self.small.shut()
        self.large.shut()
