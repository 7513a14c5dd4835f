"""How good the alarm system is: its figures against what is recommended, and the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmEvent
from lamplighter.domain.alarm_report import AlarmKpis
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.kpi_alarm_figures import Figure, figures, name_of
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

DAY_MS: Final = 86_400_000
PERIODS: Final = ((1, "Last day"), (7, "Last 7 days"), (30, "Last 30 days"), (365, "Last year"))
EVENTS: Final = (
    "raised", "cleared", "acked", "shelved", "unshelved", "suppressed", "unsuppressed", "disabled",
    "enabled", "reset", "realarmed", "changed", "ticked", "unticked",
)  # fmt: skip
SHOWN: Final = 500


class FigurePage(QWidget):
    """Figures and the most frequent above, the journal of the same period below."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.kpis: AlarmKpis | None = None
        self.rows: tuple[Figure, ...] = ()
        self.events: tuple[AlarmEvent, ...] = ()
        self.period = QComboBox()
        self.period.setAccessibleName(tr("Period"))
        for days, words in PERIODS:
            self.period.addItem(tr(words), days)
        self.period.activated.connect(lambda _: self.look())
        titles = (tr("Figure"), tr("Value"), tr("Recommended"), "")
        self.table = plain_table(tr("Alarm figures"), titles, 0)
        self.top = plain_table(tr("Most frequent"), (tr("Most frequent"), tr("Alarms")), 0)
        self.top.itemActivated.connect(lambda _: self._show_top())
        self.top.itemClicked.connect(lambda _: self._show_top())
        self.say = Text("", "caption", "secondary", wrap=True)
        self.words = QLineEdit()
        self.words.setPlaceholderText(tr("Search the journal"))
        self.words.setAccessibleName(tr("Search the journal"))
        self.words.setClearButtonEnabled(True)
        self.words.returnPressed.connect(self.read)
        self.step, self.level = QComboBox(), QComboBox()
        self.step.setAccessibleName(tr("What happened"))
        self.step.addItem(tr("Every step"), "")
        for word in EVENTS:
            self.step.addItem(tr(word), word)
        self.level.setAccessibleName(tr("Priority"))
        self.level.addItem(tr("All priorities"), 0)
        for priority in (1, 2, 3, 4):
            self.level.addItem(tr("Priority {p}", p=priority), priority)
        for box in (self.step, self.level):
            box.activated.connect(lambda _: self.read())
        self.export = button(tr("Export the journal…"), self.ask_file)
        heads = (tr("When"), tr("Step"), tr("P"), tr("Asset"), tr("Alarm"), tr("By"), tr("Note"))
        self.journal = plain_table(tr("Journal"), heads, 4)
        self._asset = ""
        self._rule = ""
        self._texts: dict[str, str] = {}
        self._build()

    def _build(self) -> None:
        for table in (self.table, self.top):
            table.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        upper = QSplitter(Qt.Orientation.Horizontal)
        upper.addWidget(self.table)
        upper.addWidget(self.top)
        upper.setChildrenCollapsible(False)
        upper.setSizes([640, 460])
        lower = QWidget()
        inner = QVBoxLayout(lower)
        inner.setContentsMargins(0, 4, 0, 0)
        inner.setSpacing(4)
        self.words.setMaximumWidth(theme().px(260))
        inner.addLayout(
            row(Text(tr("Journal"), "bodyStrong"), self.words, self.step, self.level, None,
                self.export)
        )  # fmt: skip
        inner.addWidget(self.journal, 1)
        header = self.journal.horizontalHeader()
        header.setSectionResizeMode(6, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(6, theme().px(150))
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setSizes([360, 240])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        head = row(self.period, 8)
        head.addWidget(self.say, 1)
        box.addLayout(head)
        box.addWidget(split, 1)

    # ---------------------------------------------------------------- looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    @property
    def span(self) -> tuple[int, int]:
        """The period in ms."""
        now = self._desk.time.now_ms
        return now - int(self.period.currentData()) * DAY_MS, now

    def look(self) -> None:
        """Figures and journal of the period, until the shown time."""
        first, last = self.span
        self._asset = self._rule = ""
        self._desk.ask(wire.GetRules(), self._got_rules)
        self._desk.ask(wire.GetAlarmKpis(first, last), self._got)
        self.read()

    def _got_rules(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Rules):
            self._texts = {view.id: view.text for view in reply.items}
            self._show_most()

    def _show_most(self) -> None:
        if self.kpis is not None:
            city, texts = self._desk.city, self._texts
            fill(self.top, [(name_of(key, city, texts), f"{n:,}") for key, n in self.kpis.top_10])

    def _got(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.AlarmKpiReport):
            return
        self.kpis = reply.kpis
        self.rows = figures(reply.kpis)
        fill(self.table, [(f.name, f.value, f.good, f.mark) for f in self.rows])
        _stress(self.table, [f.over for f in self.rows])
        self._show_most()
        over = sum(f.over for f in self.rows)
        first = f"{numbers.day(reply.kpis.from_ms)} {numbers.clock_short(reply.kpis.from_ms)}"
        last = f"{numbers.day(reply.kpis.to_ms)} {numbers.clock_short(reply.kpis.to_ms)}"
        words = tr("{a} to {b}: {n} alarms.", a=first, b=last, n=f"{reply.kpis.alarms:,}")
        words += " " + (tr("{n} figures are beyond what is recommended.", n=over) if over
                        else tr("All figures are as recommended."))  # fmt: skip
        self.say.setText(words)

    def read(self) -> None:
        """The journal by its filter."""
        self._desk.ask(wire.GetAlarmJournal(self.filter, SHOWN), self._read)

    @property
    def filter(self) -> wire.JournalFilter:
        """What the fields say."""
        first, last = self.span
        level, event = int(self.level.currentData()), str(self.step.currentData())
        return wire.JournalFilter(
            first, last, (self._asset,) if self._asset else (), (self._rule,) if self._rule else (),
            (level,) if level else (), (event,) if event else (), "", self.words.text().strip(),
        )  # fmt: skip

    def _read(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.AlarmJournal):
            return
        self.events = tuple(reversed(reply.events))
        name = self._desk.city.name
        fill(
            self.journal,
            [
                (f"{numbers.day(e.time_ms)} {numbers.clock(e.time_ms)}", tr(e.event),
                 str(e.record.priority), name(e.asset), e.record.text, e.actor, e.note)
                for e in self.events
            ],
        )  # fmt: skip
        tip = tr("The newest {n}; {m} older ones fit as well.", n=len(self.events),
                 m=f"{reply.left_out:,}")  # fmt: skip
        self.journal.setToolTip(tip if reply.left_out else "")

    def _show_top(self) -> None:
        """The journal of one of the most frequent alone."""
        at = self.top.currentRow()
        if self.kpis is not None and 0 <= at < len(self.kpis.top_10):
            self._rule, _, self._asset = self.kpis.top_10[at][0].partition("@")
            if self._asset in self._desk.city.assets:
                self._desk.selection.select(self._asset)
            self.read()

    # ---------------------------------------------------------------- doing
    def ask_file(self) -> None:
        """Where to write the journal, as its filter shows it."""
        kinds = ("CSV (*.csv)", "JSON (*.json)")
        ask_save(self, tr("Export the journal"), self.write, "journal.csv", kinds)

    def write(self, name: str) -> None:
        """Write every entry that fits, shown or not."""
        asked = wire.WriteAlarmJournal(str(Path(name).absolute()), self.filter)
        self._desk.ask(asked, self._written)

    def _written(self, reply: wire.Reply) -> None:
        good = isinstance(reply, wire.Ok)
        text = reply.text if isinstance(reply, wire.Ok) else str(getattr(reply, "problem", ""))
        self.say.setText(f"{tr('Written')}: {text}" if good else text)


def _stress(table: QTableWidget, over: list[bool]) -> None:
    """What is beyond the recommendation in strong type; colour is for alarms."""
    for at, strong in enumerate(over):
        for column in range(table.columnCount()):
            item = table.item(at, column)
            if item is not None:
                item.setFont(theme().font("bodyStrong" if strong else "body"))
