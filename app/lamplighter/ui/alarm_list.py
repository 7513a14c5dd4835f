"""The alarm list: one row per incident, everything else one key away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import (
    QItemSelectionModel,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QMenu,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.ui import numbers
from lamplighter.ui.alarm_aside import REASONS, SHELVE_FOR, AsideForm
from lamplighter.ui.alarm_detail import AlarmDetail
from lamplighter.ui.alarm_export import write_alarms
from lamplighter.ui.alarm_filter import QUIET, FilterBar
from lamplighter.ui.alarm_model import ASSET, GLYPH, OWNER, PEOPLE, AlarmModel
from lamplighter.ui.alarm_paint import StateDelegate
from lamplighter.ui.alarm_strip import asks, flood_words
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.parts import Elided, Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.tree import Tree
from lamplighter.ui.words import tr

WIDE: Final = 820
"""from this width on there is room for what to do beside the list"""
PAGES: Final = (("Alarm rules…", "Ctrl+Shift+R"), ("Planned works…", "Ctrl+Shift+W"),
                ("Who is called…", ""), ("Alarm figures…", "Ctrl+Shift+G"),
                ("Suppression by design…", "Ctrl+Shift+X"))  # fmt: skip


class AlarmList(Panel):
    """Acknowledge with F2 or Space, shelve with S, arrows fold and unfold."""

    to_trend = Signal(str)
    to_page = Signal(int)
    """one of `PAGES`"""

    def __init__(self, desk: Desk, blink: Blink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._blink = desk, blink
        self.model = AlarmModel(desk)
        self.tree = Tree()
        self.tree.setModel(self.model)
        self.tree.setItemDelegate(StateDelegate(self.model, blink, self.tree))
        self.tree.setTreePosition(ASSET)
        self.tree.raised = lambda index: self.model.node(index).incident is not None
        self.tree.setIndentation(16)
        self.tree.setRootIsDecorated(True)
        self.tree.setSelectionMode(Tree.SelectionMode.ExtendedSelection)
        self.tree.setDragEnabled(True)
        self.tree.setAccessibleName(tr("Alarms"))
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setMouseTracking(True)
        self.filter = FilterBar()
        self.detail = AlarmDetail(desk)
        self.detail.shelve.connect(lambda keys: self.shelve_menu(keys, self._menu_place()))
        self.detail.aside.connect(lambda keys: self.ask_aside("disable", keys))
        self.form: AsideForm | None = None
        self._flood = Text("", "bodyStrong", wrap=True)
        self._flood.setProperty("role", "flood")
        self._flood.hide()
        self._unfold = button(tr("Unfold all"), self._unfold_all)
        tip = tr("Cause, steps and checklist beside the list (W)")
        self._guide = button(tr("What to do"), self._show_guide, tip=tip, kind="segment")
        self._guide.setCheckable(True)
        self._guide.setChecked(True)
        self._more = button(tr("More"))
        self._more.setMenu(self._more_menu())
        self._footer = Elided("", "caption", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        head = row(self.filter, None, self._unfold, self._guide, self._more)
        head.setContentsMargins(12, 0, 12, 2)
        layout.addLayout(head)
        layout.addWidget(self._flood)
        left = QWidget()
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(2)
        inner.addWidget(self.tree, 1)
        foot = row(16)
        foot.addWidget(self._footer, 1)
        inner.addLayout(foot)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(left)
        self._split.addWidget(self.detail)
        self._split.setStretchFactor(0, 1)
        self._split.setStretchFactor(1, 0)
        layout.addWidget(self._split, 1)
        self._dirty = QTimer(self)
        self._dirty.setSingleShot(True)
        self._dirty.setInterval(120)
        self._dirty.timeout.connect(self.rebuild)
        self._fit = QTimer(self)  # after the layout has settled
        self._fit.setSingleShot(True)
        self._fit.setInterval(0)
        self._fit.timeout.connect(self._show_guide)
        self._syncing = False
        self._widths()
        desk.alarms_changed.connect(self._later)
        desk.city_changed.connect(self._later)
        desk.room.horn_changed.connect(self._tell_flood)
        desk.room.design_changed.connect(self._later)
        self.filter.changed.connect(self._later)
        desk.selection.changed.connect(self._follow)
        self.tree.selectionModel().selectionChanged.connect(self._selected)
        blink.phase.connect(self._blinked)
        theme().changed.connect(self._widths)
        self.rebuild()

    def _widths(self) -> None:
        header, look = self.tree.header(), theme()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setMinimumSectionSize(24)
        header.setFont(look.font("caption"))
        for column, width in enumerate((40, 128, 72, 208, 0, 88, 96)):
            if width:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
                wider = 1.25 if look.density == "touch" else 1.0
                header.resizeSection(column, look.px(width * wider))
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def _later(self) -> None:
        if not self._dirty.isActive():
            self._dirty.start()

    def rebuild(self) -> None:
        """Rows anew; what was unfolded, selected and under the pointer stays in place."""
        open_ids = self._open_ids()
        chosen = {self.model.node(i).id for i in self.tree.selectionModel().selectedRows()}
        first = self.tree.indexAt(QPoint(4, 4))
        top_id = self.model.node(first).id if first.isValid() and first.row() > 0 else ""
        before = self.model.rowCount()
        self._syncing = True
        self.model.filter = self.filter.chosen
        self.model.rebuild()
        self._restore(open_ids, chosen, top_id, fresh=before == 0)
        self._syncing = False
        self.filter.tell(self._desk.standing(), self._desk.city.domains)
        self._footer.set_full(self._foot_words())
        self._tell_flood()

    def _foot_words(self) -> str:
        folded = self.model.total - self.model.rowCount()
        incidents = self._desk.incidents
        if self.model.left_out:
            words = tr("{n} shown, {m} left out by the filter (Esc in its field shows all).",
                       n=f"{self.model.total:,}", m=f"{self.model.left_out:,}")  # fmt: skip
        elif not self.model.total:
            words = tr("No active alarms. New ones appear here; nothing is hidden.")
        elif incidents:
            why = incidents[0].reason.rstrip(".") or tr("the dependency graph")
            words = tr(
                "Cause named by {why}. Nothing is hidden: {n} folded alarms are one key away (→).",
                why=why,
                n=folded,
            )
        elif folded:
            words = tr("{n} alarms in {r} rows; → unfolds one.", n=f"{self.model.total:,}",
                       r=self.model.rowCount())  # fmt: skip
        else:
            words = tr("{n} alarms, none folded.", n=numbers.number(self.model.total, 1))
        now = self._desk.clock.wall_ms()
        works = [w for w in self._desk.room.works(now) if w.from_ms <= now]
        if works:
            ends = numbers.clock_short(works[0].to_ms)
            words += " " + tr("Planned works until {t}: {what}.", t=ends, what=works[0].text)
        return words

    def _tell_flood(self) -> None:
        live = self._desk.time.mode is not Mode.REPLAY
        words = flood_words(self._desk) if live else ""
        self._flood.setText(words)
        self._flood.setVisible(bool(words))

    def _open_ids(self) -> set[str]:
        found = set()
        for row_number in range(self.model.rowCount()):
            top = self.model.index(row_number, 0)
            if self.tree.isExpanded(top):
                found.add(self.model.node(top).id)
                for child in range(self.model.rowCount(top)):
                    index = self.model.index(child, 0, top)
                    if self.tree.isExpanded(index):
                        found.add(self.model.node(index).id)
        return found

    def _restore(self, open_ids: set[str], chosen: set[str], top_id: str, *, fresh: bool) -> None:
        pick = self.tree.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        anchor = None
        for row_number in range(self.model.rowCount()):
            top = self.model.index(row_number, 0)
            node = self.model.node(top)
            if node.children and (node.id in open_ids or (fresh and node.incident is not None)):
                self.tree.setExpanded(top, True)
            if node.id in chosen:
                pick.select(top, flags)
            if node.id == top_id:
                anchor = top
            for child in range(len(node.children)):
                index = self.model.index(child, 0, top)
                inner = node.children[child]
                if inner.id in open_ids:
                    self.tree.setExpanded(index, True)
                if inner.id in chosen:
                    pick.select(index, flags)
                if inner.id == top_id:
                    anchor = index
        if anchor is not None:
            self.tree.scrollTo(anchor, Tree.ScrollHint.PositionAtTop)

    def _unfold_all(self) -> None:
        if self._unfold.text() == tr("Unfold all"):
            self.tree.expandAll()
            self._unfold.setText(tr("Fold all"))
        else:
            self.tree.collapseAll()
            self._unfold.setText(tr("Unfold all"))

    def _blinked(self) -> None:
        """Repaints the glyph column of the visible rows and nothing else."""
        if self.isVisible():
            width = self.tree.header().sectionSize(GLYPH)
            self.tree.viewport().update(0, 0, width, self.tree.viewport().height())

    # ---------------------------------------------------------------- selection
    def _selected(self) -> None:
        if self._syncing:
            return
        self._tell_detail()
        assets = [
            self.model.node(i).record.asset for i in self.tree.selectionModel().selectedRows()
        ]
        if assets:
            self._syncing = True
            self._desk.selection.select(dict.fromkeys(assets))
            self._syncing = False

    def _follow(self) -> None:
        if self._syncing:
            return
        self._syncing = True
        wanted = set(self._desk.selection.assets)
        pick = self.tree.selectionModel()
        pick.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row_number in range(self.model.rowCount()):
            top = self.model.index(row_number, 0)
            node = self.model.node(top)
            if node.record.asset in wanted:
                pick.select(top, flags)
            for child, inner in enumerate(node.children):
                if len(inner.members) == 1 and inner.record.asset in wanted:
                    pick.select(self.model.index(child, 0, top), flags)
        self._syncing = False
        self._tell_detail()

    def show_alarm(self, key: str) -> None:
        """Select the row of this alarm, unfolding what it is folded in."""
        self.filter.clear()
        self.rebuild()
        index = self.model.find(key)
        if index is None:
            return
        above = index.parent()
        while above.isValid():
            self.tree.setExpanded(above, True)
            above = above.parent()
        self.tree.setCurrentIndex(index)
        self.tree.scrollTo(index)

    def _tell_detail(self) -> None:
        rows = self.tree.selectionModel().selectedRows()
        self.detail.show_key(self.model.node(rows[0]).record.key if len(rows) == 1 else "")

    def _show_guide(self) -> None:
        self.detail.setVisible(self._guide.isChecked() and self.width() >= WIDE)
        self._narrow_columns()

    def toggle_guide(self) -> None:
        """What to do beside the list, or the list alone."""
        self._guide.setChecked(not self._guide.isChecked())
        self._show_guide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit.start()

    def _narrow_columns(self) -> None:
        """The words of what happened keep their room; owner and people give it."""
        least = theme().px(300)
        if self.detail.isVisibleTo(self):
            self.detail.setMinimumWidth(least)
            self.detail.setMaximumWidth(theme().px(460))
            self._split.setSizes([self.width() - least, least])
        room = self.width() - (least if self.detail.isVisibleTo(self) else 0)
        self.tree.setColumnHidden(OWNER, room < theme().px(860))
        self.tree.setColumnHidden(PEOPLE, room < theme().px(680))

    def selected_assets(self) -> tuple[str, ...]:
        rows = self.tree.selectionModel().selectedRows()
        return tuple(dict.fromkeys(self.model.node(i).record.asset for i in rows))

    def selected_keys(self) -> tuple[str, ...]:
        rows = self.tree.selectionModel().selectedRows()
        return tuple(dict.fromkeys(k for i in rows for k in self.model.node(i).keys))

    # ---------------------------------------------------------------- actions
    def acknowledge(self) -> bool:
        """Acknowledges the selected rows; False when there is nothing to do."""
        alarms = self._desk.alarms
        keys = tuple(k for k in self.selected_keys() if k in alarms and asks(alarms[k]))
        if not keys or self._desk.time.commands_locked:
            return False
        self._desk.ask(wire.AlarmAction("ack", keys))
        return True

    def shelve(self, keys: tuple[str, ...], minutes: int, reason: str) -> None:
        until = self._desk.clock.wall_ms() + minutes * 60_000
        self._desk.ask(wire.AlarmAction("shelve", keys, until, reason))

    def shelve_menu(self, keys: tuple[str, ...] | None = None, at: QPoint | None = None) -> QMenu:
        """How long and why: a reason is always part of it."""
        chosen = keys or self.selected_keys()
        menu = QMenu(tr("Shelve"), self)
        for minutes, word in SHELVE_FOR:
            inner = QMenu(tr(word), menu)
            menu.addMenu(inner)
            for reason in REASONS:
                inner.addAction(tr(reason), self._shelver(chosen, minutes, reason))
        menu.addAction(tr("Other time or reason…"), lambda: self.ask_aside("shelve", chosen))
        menu.setEnabled(bool(chosen) and not self._desk.time.commands_locked)
        if at is not None and menu.isEnabled():
            menu.popup(at)
        return menu

    def ask_aside(self, action: str, keys: tuple[str, ...] | None = None) -> None:
        """The form for time and reason; `action`: shelve or disable."""
        chosen = keys or self.selected_keys()
        if not chosen or self._desk.time.commands_locked:
            return
        if self.form is not None:
            self.form.close()
        self.form = AsideForm(self._desk, chosen, action, self.window())
        self.form.destroyed.connect(self._form_gone)
        self.form.show()

    def _form_gone(self) -> None:
        self.form = None

    def reset_chosen(self) -> bool:
        """Closes the chosen latched alarms that were acknowledged and whose checklist is done;
        False when there is none.
        """
        alarms = self._desk.alarms
        chosen = [alarms[k] for k in self.selected_keys() if k in alarms]
        latched = [r for r in chosen if r.state is AlarmState.LATCHED]
        keys = tuple(r.key for r in latched if r.acked_ms and not r.open_steps)
        if not keys or self._desk.time.commands_locked:
            return False
        self._desk.ask(wire.AlarmAction("reset", keys))
        return True

    def _menu_place(self) -> QPoint:
        return self.detail.mapToGlobal(QPoint(20, 60))

    def _more_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(tr("Export this list…"), self.ask_file)
        menu.addSeparator()
        for number, (words, keys) in enumerate(PAGES):
            text = f"{tr(words)}\t{keys}" if keys else tr(words)
            menu.addAction(text, lambda n=number: self.to_page.emit(n))
        return menu

    def ask_file(self) -> None:
        """Where to write the shown alarms."""
        ask_save(self, tr("Export this list"), self.write, "alarms.csv", ("CSV (*.csv)",))

    def write(self, name: str) -> None:
        """Write the shown alarms, every one of them, into a CSV file."""
        shown = [a for a in self._desk.standing() if self.model.filter.takes(a, self._desk.city)]
        self._footer.set_full(write_alarms(Path(name), shown, self._desk.city))

    def _shelver(self, keys: tuple[str, ...], minutes: int, reason: str) -> Callable[[], None]:
        return lambda: self.shelve(keys, minutes, reason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.acknowledge():
            return
        if event.key() == Qt.Key.Key_S and not event.modifiers():
            self.shelve_menu(at=self.mapToGlobal(QPoint(60, 40)))
            return
        if event.key() == Qt.Key.Key_W and not event.modifiers():
            self.toggle_guide()
            return
        if event.key() == Qt.Key.Key_Delete and self.reset_chosen():
            return
        if event.key() == Qt.Key.Key_Escape and self.model.filter:
            self.filter.clear()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        ack = menu.addAction(tr("Acknowledge\tF2"), self.acknowledge)
        ack.setEnabled(not self._desk.time.commands_locked)
        menu.addMenu(self.shelve_menu())
        keys = tuple(k for k in self.selected_keys() if k in self._desk.alarms)
        locked = self._desk.time.commands_locked
        for words, action, state in (
            (tr("Unshelve"), "unshelve", AlarmState.SHELVED),
            (tr("Put back into service"), "enable", AlarmState.OUT_OF_SERVICE),
        ):
            found = tuple(k for k in keys if self._desk.alarms[k].state is state)
            if found:
                asked = wire.AlarmAction(action, found)
                menu.addAction(words, lambda a=asked: self._desk.ask(a)).setEnabled(not locked)
        states = {self._desk.alarms[k].state for k in keys}
        if AlarmState.LATCHED in states:
            menu.addAction(tr("Reset\tDel"), self.reset_chosen).setEnabled(not locked)
        if states - QUIET:
            menu.addAction(tr("Take out of service…"), lambda: self.ask_aside("disable"))
        chosen = self.selected_assets()
        if chosen:
            menu.addAction(tr("Show in trends"), lambda: self.to_trend.emit(chosen[0]))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())
