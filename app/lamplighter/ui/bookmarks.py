"""The Views panel: bookmarks of the project, tours made of them, and views as files."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.views import ENDING, SavedView, Tour
from lamplighter.ui import numbers, view_files
from lamplighter.ui.file_box import ask_open, ask_save
from lamplighter.ui.parts import Panel, Text, button, row, rule
from lamplighter.ui.theme import theme
from lamplighter.ui.tours import TourPlayer
from lamplighter.ui.view_state import capture, show
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_view import TwinView

_ID: Final = Qt.ItemDataRole.UserRole


class Views(Panel):
    """Everything here works on the 3D view that `attach` was given."""

    shown = Signal()
    """a view was put on the screen"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._view: TwinView | None = None
        self._filling = False
        self.player = TourPlayer(self._show, self._flying, self)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Bookmarks"))
        self.list.itemActivated.connect(lambda item: self.go(str(item.data(_ID))))
        self.list.itemChanged.connect(self._renamed)
        self.list.currentItemChanged.connect(lambda *_: self._chosen())
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._menu)
        self._empty = Text(
            tr("No view kept yet. Shift B keeps the present one."), "body", "secondary", wrap=True
        )
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName(tr("Notes of the bookmark"))
        self.notes.setPlaceholderText(tr("Notes"))
        self.notes.setFixedHeight(theme().px(56))
        self._keep_notes = button(tr("Keep notes"), self._note)
        self._build()
        desk.shelf_changed.connect(self.refresh)
        self.player.changed.connect(self._tour_changed)
        self.refresh()

    def _build(self) -> None:
        inner = Panel()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.list.setMinimumHeight(4 * theme().row)
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        keep = button(tr("Keep this view"), self.keep, tip=tr("Shift B"))
        layout.addLayout(row(keep, None))
        layout.addWidget(self._empty)
        layout.addWidget(self.list, 1)
        self._go = button(tr("Go"), lambda: self.go(self.current()))
        self._set = button(tr("Set anew"), self._update, tip=tr("Keep the present view under it"))
        self._drop = button(tr("Delete"), self._delete)
        layout.addLayout(row(self._go, self._set, self._drop, None, spacing=4))
        layout.addWidget(self.notes)
        layout.addLayout(row(self._keep_notes, None))
        layout.addWidget(rule())
        self.tours = QComboBox()
        shrinking = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.tours.setSizeAdjustPolicy(shrinking)
        self.tours.setMinimumContentsLength(4)
        self.tours.setAccessibleName(tr("Tours"))
        self.tours.setPlaceholderText(tr("All bookmarks"))
        self._play = button(tr("Play tour"), self.play, tip=tr("Shift T"))
        self._new_tour = button(tr("New from all"), self._make_tour)
        self._drop_tour = button(tr("Delete tour"), self._delete_tour)
        self.dwell = QSpinBox()
        self.dwell.setRange(1, 600)
        self.dwell.setValue(6)
        self.dwell.setSuffix(tr(" s each"))
        self.dwell.setAccessibleName(tr("Seconds at each stop"))
        self.again = QCheckBox(tr("Over again"))
        self._where = Text("", "caption", "secondary", wrap=True)
        layout.addLayout(row(Text(tr("Tour"), "caption", "secondary"), self.tours, spacing=8))
        layout.addLayout(row(self._play, self.dwell, None, spacing=4))
        layout.addLayout(row(self._new_tour, self._drop_tour, None, spacing=4))
        layout.addWidget(self.again)
        layout.addWidget(self._where)
        layout.addWidget(rule())
        layout.addLayout(
            row(
                button(tr("Share…"), self.share, tip=tr("This view as a file (Ctrl Shift S)")),
                button(tr("Open…"), self.ask_open, tip=tr("A view from a file")),
                None,
                spacing=4,
            )
        )

    def attach(self, view: TwinView) -> None:
        """The 3D view is there."""
        self._view = view
        view.moved.connect(self.player.moved)

    # ---------------------------------------------------------------- the list
    def bookmarks(self) -> dict[str, SavedView]:
        return {v.id: v for v in self._desk.shelf.bookmarks}

    def current(self) -> str:
        """Id of the chosen bookmark; empty for none."""
        item = self.list.currentItem()
        return str(item.data(_ID)) if item is not None else ""

    def refresh(self) -> None:
        chosen = self.current()
        self._filling = True
        self.list.clear()
        for number, view in enumerate(self._desk.shelf.bookmarks, 1):
            item = QListWidgetItem(view.name)
            item.setData(_ID, view.id)
            item.setSizeHint(QSize(0, theme().row))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            keys = tr("Alt {n}", n=number) if number <= 9 else ""
            item.setToolTip(" · ".join(w for w in (facts(view), view.notes, keys) if w))
            self.list.addItem(item)
            if view.id == chosen:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None and self.list.count():
            self.list.setCurrentRow(self.list.count() - 1)
        self._filling = False
        empty = not self.list.count()
        self._empty.setVisible(empty)
        self.list.setVisible(not empty)
        self._fill_tours()
        self._chosen()

    def _fill_tours(self) -> None:
        chosen = self.tours.currentData()
        self.tours.clear()
        for tour in self._desk.shelf.tours:
            self.tours.addItem(tr("{name}, {n} stops", name=tour.name, n=len(tour.stops)), tour.id)
        at = self.tours.findData(chosen)
        self.tours.setCurrentIndex(max(at, 0) if self.tours.count() else -1)
        self._tour_changed()

    def _chosen(self) -> None:
        view = self.bookmarks().get(self.current())
        for part in (self._go, self._set, self._drop, self.notes, self._keep_notes):
            part.setEnabled(view is not None)
        self.notes.setPlainText(view.notes if view is not None else "")

    def _renamed(self, item: QListWidgetItem) -> None:
        view = self.bookmarks().get(str(item.data(_ID)))
        name = item.text().strip()
        if self._filling or view is None or not name or name == view.name:
            return
        self._put(msgspec.structs.replace(view, name=name))

    def _note(self) -> None:
        view = self.bookmarks().get(self.current())
        if view is not None:
            self._put(msgspec.structs.replace(view, notes=self.notes.toPlainText().strip()))

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for words, run in (
            (tr("Go"), lambda: self.go(self.current())),
            (tr("Rename"), lambda: self.list.editItem(self.list.currentItem())),
            (tr("Set anew"), self._update),
            (tr("Share…"), lambda: self.share(self.current())),
            (tr("Delete"), self._delete),
        ):
            menu.addAction(words).triggered.connect(lambda *_, r=run: r())
        menu.popup(self.list.mapToGlobal(at))

    # ---------------------------------------------------------------- keeping and showing
    def _capture(self) -> SavedView | None:
        found = capture(self._view, self._desk) if self._view is not None else None
        if found is None:
            from lamplighter.domain.problems import problem

            self._desk.raise_problem(
                problem("U-804", name=tr("The view"), what=tr("there is no 3D picture to keep"))
            )
        return found

    def keep(self) -> str:
        """Keep the present view under a name of its own; returns its id, empty without 3D."""
        found = self._capture()
        if found is None:
            return ""
        place = self._desk.city.name(found.selection[-1]) if found.selection else ""
        taken = {v.name for v in self._desk.shelf.bookmarks}
        base = place or tr("View")
        name, number = base if place else f"{base} 1", 1
        while name in taken:
            number += 1
            name = f"{base} {number}"
        made = msgspec.structs.replace(found, id=uuid.uuid4().hex[:12], name=name)
        self._put(made)
        for line in range(self.list.count()):
            if self.list.item(line).data(_ID) == made.id:
                self.list.setCurrentRow(line)
        return made.id

    def _put(self, view: SavedView) -> None:
        self._desk.ask(wire.PutBookmark(view))

    def _update(self) -> None:
        known, found = self.bookmarks().get(self.current()), self._capture()
        if known is not None and found is not None:
            self._put(
                msgspec.structs.replace(
                    found, id=known.id, name=known.name, notes=known.notes, made_ms=known.made_ms
                )
            )

    def _delete(self) -> None:
        if self.current():
            self._desk.ask(wire.DropFromShelf(bookmark=self.current()))

    def go(self, bookmark: str) -> None:
        """Show a bookmark."""
        view = self.bookmarks().get(bookmark)
        if view is not None:
            self.player.stop()
            self._show(view, 600)

    def go_number(self, number: int) -> None:
        """Show the nth bookmark, counted from 1."""
        kept = self._desk.shelf.bookmarks
        if number <= len(kept):
            self.go(kept[number - 1].id)

    def _show(self, view: SavedView, flight_ms: int) -> None:
        if self._view is not None:
            show(self._view, self._desk, view, flight_ms)
            self.shown.emit()

    def _flying(self) -> bool:
        return self._view is not None and self._view.flying

    # ---------------------------------------------------------------- tours
    def play(self) -> None:
        """Play, pause or go on with the chosen tour."""
        player = self.player
        if player.playing:
            player.pause()
        elif player.tour is not None:
            player.resume()
        else:
            tours = {t.id: t for t in self._desk.shelf.tours}
            tour = tours.get(self.tours.currentData() or "")
            kept = self.bookmarks()
            if tour is None and kept:
                tour = Tour("", tr("All bookmarks"), tuple(kept), float(self.dwell.value()))
            if tour is None or not player.play(
                msgspec.structs.replace(
                    tour, dwell_s=float(self.dwell.value()), again=self.again.isChecked()
                ),
                kept,
            ):
                self._where.setText(tr("Keep at least one view first; a tour flies from one to "
                                       "the next."))  # fmt: skip

    def _make_tour(self) -> None:
        stops = tuple(self.bookmarks())
        if not stops:
            self._where.setText(tr("Keep the views of the tour first."))
            return
        number = len(self._desk.shelf.tours) + 1
        tour = Tour(uuid.uuid4().hex[:12], tr("Tour {n}", n=number), stops,
                    float(self.dwell.value()), self.again.isChecked())  # fmt: skip
        self._desk.ask(wire.PutTour(tour))
        self.tours.setCurrentIndex(self.tours.findData(tour.id))

    def _delete_tour(self) -> None:
        chosen = self.tours.currentData()
        if chosen:
            self._desk.ask(wire.DropFromShelf(tour=str(chosen)))

    def _tour_changed(self) -> None:
        player = self.player
        playing, tour = player.playing, player.tour
        self._play.setText(
            tr("Pause") if playing else tr("Go on") if tour is not None else tr("Play tour")
        )
        self._drop_tour.setEnabled(self.tours.count() > 0)
        words = ""
        if tour is not None:
            words = tr(
                "{name}: stop {n} of {all}, {stop}",
                name=tour.name, n=player.at + 1, all=len(player.stops),
                stop=player.stops[player.at].name,
            )  # fmt: skip
            if not playing:
                words += tr(" · paused")
        self._where.setText(words)

    # ---------------------------------------------------------------- files
    def share(self, bookmark: str = "") -> None:
        """Ask for a place and write the present view, or a bookmark, as a file."""
        view = self.bookmarks().get(bookmark) or self._capture()
        if view is None:
            return
        name = (view.name or tr("view")).replace("/", "-") + ENDING
        title, kinds = tr("Share this view"), (tr("Views of Lamplighter") + f" (*{ENDING})",)
        ask_save(self, title, lambda path: self.save_to(Path(path), view), name, kinds)

    def save_to(self, path: Path, view: SavedView | None = None) -> bool:
        """Write a view, the present one without `view`; False when it says why it could not."""
        chosen = view or self._capture()
        if chosen is None:
            return False
        try:
            view_files.save(chosen, path, self._desk)
        except LamplighterError as error:
            self._desk.raise_problem(error.problem)
            return False
        return True

    def ask_open(self) -> None:
        """Ask for a file and show the view in it."""
        kinds = (tr("Views of Lamplighter") + f" (*{ENDING})",)
        ask_open(self, tr("Open a view"), lambda path: self.open_file(Path(path)), kinds)

    def open_file(self, path: Path) -> bool:
        """Show the view of a file; False when it says why it cannot."""
        try:
            view, missing = view_files.load(path, self._desk)
        except LamplighterError as error:
            self._desk.raise_problem(error.problem)
            return False
        if missing is not None:
            self._desk.raise_problem(missing)
        self.player.stop()
        self._show(view, 600)
        return True


def facts(view: SavedView) -> str:
    """What a bookmark shows beside the city: time, cut, shadows."""
    words = [tr("map") if view.eye.plan else ""]
    if view.mode == "replay":
        words.append(f"{numbers.day(view.at_ms)} {numbers.clock(view.at_ms)}")
    elif view.mode != "live":
        words.append(tr(view.mode))
    words.append(tr("section") if view.section else "")
    words.append(tr("shadows") if view.sun_ms is not None else "")
    return " · ".join(w for w in words if w)
