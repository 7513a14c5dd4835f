"""The top bar: product, project, workspaces, search, the city's clock and who is logged on."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.parts import Fitted, Text, button, key_hint, row, rule, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

WORKSPACES: Final = ("Overview", "Alarms", "Trends", "Work", "Map")


NEEDED, LEAST = 1200, 1000
"""widths at 100 % that everything, and the parts that must stay, need"""


class TopBar(QFrame):
    """40 px. `workspace` carries a workspace's name, `search` asks for the palette."""

    workspace = Signal(str)
    search = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topBar")
        self._desk = desk
        self.setFixedHeight(theme().px(40))
        self._mark = QLabel(self)
        self._product = Text(tr("Lamplighter"), "title")
        self._project = Fitted("body", "secondary", 220)
        self._narrow = False
        self._demo = tag("DEMO")
        self._demo.hide()
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(8)
        for widget in (self._mark, self._product):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addWidget(self._project)
        layout.addWidget(self._demo)
        layout.addSpacing(8)
        names = row(spacing=0)
        for number, name in enumerate(WORKSPACES, 1):
            names.addWidget(self._workspace_button(number, name))
        layout.addLayout(names)
        layout.addStretch(2)
        self._search = self._search_field()
        layout.addWidget(self._search)
        layout.addSpacing(8)
        layout.addLayout(self._clocks())
        layout.addSpacing(8)
        self._user_mark = QLabel(self)
        self._user = Text("", "body", "secondary")
        layout.addWidget(self._user_mark)
        layout.addWidget(self._user)
        desk.welcomed.connect(self._welcome)
        desk.time.changed.connect(self.tick)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.tick()

    def _workspace_button(self, number: int, name: str) -> QPushButton:
        made = button(tr(name), lambda: self.workspace.emit(name), kind="workspace")
        made.setCheckable(True)
        made.setToolTip(tr("{name} (Ctrl+{n})", name=tr(name), n=number))
        self._group.addButton(made)
        self._buttons[name] = made
        return made

    def _search_field(self) -> QPushButton:
        made = button("", self.search.emit, kind="search", tip=tr("Find an asset, view or action"))
        made.setFixedWidth(theme().px(264))
        inner = QHBoxLayout(made)
        inner.setContentsMargins(8, 0, 12, 0)
        self._lens = QLabel()
        inner.addWidget(self._lens)
        inner.addWidget(Text(tr("Asset, view or action"), "body", "secondary"))
        inner.addStretch(1)
        inner.addWidget(key_hint("Ctrl K"))
        for child in made.findChildren(QLabel):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        return made

    def _clocks(self) -> QHBoxLayout:
        self._city_word = Text(tr("City time"), "tick", "muted")
        self._clock = Text("", "title", "primary")
        self._wall_word = Text(tr("Wall clock, live"), "tick", "muted")
        self._wall = Text("", "body", "secondary")
        self._date = Text("", "caption", "secondary")
        self._divider = rule(vertical=True)
        first, second = QVBoxLayout(), QVBoxLayout()
        for box, widgets in (
            (first, (self._city_word, self._clock)),
            (second, (self._wall_word, self._wall)),
        ):
            box.setContentsMargins(0, 2, 0, 2)
            box.setSpacing(0)
            for widget in widgets:
                box.addWidget(widget, 0, Qt.AlignmentFlag.AlignRight)
        clocks = QHBoxLayout()
        clocks.setSpacing(8)
        clocks.addLayout(first)
        clocks.addWidget(self._divider)
        clocks.addLayout(second)
        clocks.addWidget(self._date)
        return clocks

    def show_workspace(self, name: str) -> None:
        """Marks a workspace as the current one."""
        if name in self._buttons:
            self._buttons[name].setChecked(True)

    def narrow(self, is_narrow: bool) -> None:
        """Below 1440 px: a smaller search field; at large font scales what is not needed goes."""
        crowded = (is_narrow and theme().scale <= 1.25) or self.width() < theme().px(NEEDED)
        self._search.setFixedWidth(theme().px(216 if crowded else 264))
        self._search.setVisible(self.width() >= theme().px(LEAST))  # Ctrl K works without it
        for widget in (self._user_mark, self._user):
            widget.setVisible(self.width() >= theme().px(LEAST + 80))
        self._date.setVisible(self.width() >= theme().px(LEAST + 80))
        is_narrow = self._narrow = is_narrow or crowded
        self._project.set_room(theme().px(110 if is_narrow else 220))
        self._show_user()

    def tick(self) -> None:
        """Once a second: the clocks."""
        time = self._desk.time
        replay = time.mode is Mode.REPLAY
        for widget in (self._city_word, self._wall_word, self._wall, self._divider):
            widget.setVisible(replay)
        self._clock.setText(numbers.clock(time.now_ms))
        self._wall.setText(numbers.clock(time.wall_ms))
        words = [] if replay else [numbers.day(time.now_ms)]
        self._date.setText(" · ".join([*words, numbers.offset(time.now_ms)]))

    def _welcome(self) -> None:
        session = self._desk.session
        if session is None:
            return
        welcome = session.welcome
        self._project.set_full(welcome.project)
        self._demo.setVisible(welcome.demo)
        self._show_user()

    def _show_user(self) -> None:
        session = self._desk.session
        if session is None:
            return
        both = f"{session.welcome.user} · {session.welcome.role}"
        self._user.setText(session.welcome.user if self._narrow else both)
        self._user.setToolTip(both)

    def _restyle(self) -> None:
        look = theme()
        self.setFixedHeight(look.px(40))
        self._mark.setPixmap(icon_pixmap("mark", 20, look.colour("text.primary"), 2.0))
        self._user_mark.setPixmap(icon_pixmap("user", 16, look.colour("text.secondary"), 2.0))
        self._lens.setPixmap(icon_pixmap("search", 14, look.colour("text.secondary"), 2.0))

    def sizeHint(self) -> QSize:
        return QSize(1280, theme().px(40))
