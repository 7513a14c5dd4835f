"""The anomalies: which values depart from what is expected, why that is said, what to do."""

from __future__ import annotations

import uuid
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit, QSplitter, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.anomaly import KIND_WORDS, Anomaly, lasting
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.ui import numbers
from lamplighter.ui.anomaly_curve import AnomalyCurve
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Scroller, Text, button, row
from lamplighter.ui.plain_table import fill, plain_table, row_of
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

DAY_MS: Final = 86_400_000
REASON: Final = 3
SHOWN: Final = 300
VERDICTS: Final = {"real": "real", "false": "false alarm", "": ""}


class AnomaliesPage(Panel):
    """A list at the left; at the right the chosen one with its reason, curve and past cases."""

    to_trends = Signal(object)
    """datastreams to be drawn"""
    """a datastream"""
    to_city = Signal(str)
    """an asset"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.rows: list[Anomaly] = []
        self.words = Text("", "caption", "secondary", wrap=True)
        self.learn = button(tr("Learn now"), self._learn,
                            tip=tr("Learn from the history what is usual, now"))  # fmt: skip
        titles = (tr("Found"), tr("What"), tr("Asset"), tr("Reason"), tr("Limit in"), tr("Verdict"))
        self.table = plain_table(tr("Anomalies"), titles, REASON)
        self.table.itemSelectionChanged.connect(self._picked)
        self._build_aside()
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.table)
        split.addWidget(self._aside)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setChildrenCollapsible(False)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(6)
        head = row(self.words, self.learn)
        head.setStretch(0, 1)
        box.addLayout(head)
        box.addWidget(split, 1)
        desk.unusual.changed.connect(self.refresh)
        desk.unusual.state_changed.connect(self._state)
        desk.city_changed.connect(self.refresh)
        desk.tasks_changed.connect(self._state)
        self.refresh()

    def _build_aside(self) -> None:
        self._head = Text("", "bodyStrong", wrap=True)
        self._reason = Text("", "body", wrap=True)
        self._figures = Text("", "caption", "secondary", wrap=True)
        self.curve = AnomalyCurve(self._desk)
        self._cases_title = Text(tr("Past cases like it"), "caption", "secondary")
        self._cases = Text("", "body", wrap=True)
        self.note = QLineEdit()
        self.note.setPlaceholderText(tr("what it was (optional)"))
        self.note.setAccessibleName(tr("What it was"))
        self.real = button(tr("It was real"), lambda: self.judge("real"), kind="primary")
        self.false = button(tr("False alarm"), lambda: self.judge("false"))
        self.order = button(tr("Work order"), self.make_order,
                            tip=tr("Make a work order from it"))  # fmt: skip
        self.trend = button(tr("Trend"), self._trend)
        self.city = button(tr("Show in the city"), self._city)
        content = Panel()
        box = QVBoxLayout(content)
        box.setContentsMargins(12, 0, 4, 8)
        box.setSpacing(6)
        box.addWidget(self._head)
        box.addWidget(self._reason)
        said = row(self.note, self.real, self.false)
        said.setStretch(0, 1)
        box.addLayout(said)
        box.addLayout(row(self.order, self.trend, self.city, None))
        for widget in (self.curve, self._figures, self._cases_title, self._cases):
            box.addWidget(widget)
        box.addStretch(1)
        self._aside = Scroller(content)
        self._aside.setMinimumWidth(theme().px(320))

    # ---------------------------------------------------------------- looking
    def ready(self) -> None:
        """pyqtgraph may be imported now."""
        self.curve.ready()
        self._picked()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """The list as it stands; the choice stays with the anomaly, not with its row."""
        if not self.isVisible():
            return
        before = self.chosen
        now = self._desk.time.now_ms
        room = self._desk.unusual
        self.rows = room.newest_first()[:SHOWN]
        lines = [self._line(a, now) for a in self.rows]
        fill(self.table, lines, [not a.standing for a in self.rows])
        ids = [a.id for a in self.rows]
        if before is not None and before.id in ids:
            self.table.selectRow(ids.index(before.id))
        elif self.rows and not self.table.selectedItems():
            self.table.selectRow(0)
        self._state()
        self._picked()

    def _line(self, a: Anomaly, now_ms: int) -> tuple[str, ...]:
        ahead = lasting(a.reaches_ms - now_ms) if a.reaches_ms > now_ms else ""
        name = self._desk.city.name(a.asset) if a.asset else self._label(a)
        reason = a.reason if self._desk.unusual.reasons else self._figures_of(a)
        over = tr("over") if a.until_ms else ""
        return (
            _when(a.found_ms, now_ms),
            tr(KIND_WORDS.get(a.kind, a.kind)),
            name,
            reason,
            ahead if a.standing else "",
            tr(VERDICTS[a.verdict]) or over,
        )

    def _label(self, a: Anomaly) -> str:
        stream = self._stream_of(a)
        return (stream.label or stream.name) if stream is not None else ""

    def _stream_of(self, a: Anomaly) -> Datastream | None:
        return self._desk.city.streams.get(a.shown[0]) if a.shown else None

    def _figures_of(self, a: Anomaly) -> str:
        stream = self._stream_of(a)
        if a.value is None or a.expected is None or stream is None:
            return self._label(a)
        should = numbers.spread(a.expected, a.spread or 0.0, stream.resolution)
        value = numbers.with_unit(a.value, stream.unit, stream.resolution)
        return tr("{name}: {v}, expected {e}", name=self._label(a), v=value, e=should)

    def _state(self) -> None:
        room = self._desk.unusual
        card = room.state.card
        running = any(
            t.name == "Learn what is usual" and not t.ended_ms for t in self._desk.tasks.values()
        )
        self.learn.setEnabled(not running)
        standing = sum(a.standing for a in room.items.values())
        parts = [tr("{n} stand now.", n=standing) if standing else tr("Nothing unusual stands.")]
        if room.real or room.false:
            parts.append(tr("People called {a} real and {b} false.", a=room.real, b=room.false))
        if running:
            parts.append(tr("Learning what is usual…"))
        elif card.made_ms:
            parts.append(
                tr("Learned {when} from {d} days: {n} of {m} datastreams have an expected value.",
                   when=_when(card.made_ms, self._desk.time.now_ms),
                   d=round((card.last_ms - card.first_ms) / DAY_MS, 1),
                   n=f"{card.used:,}", m=f"{card.datastreams:,}")
            )  # fmt: skip
            parts += [
                tr("{n} not: {why}.", n=count, why=tr(why))
                for why, count in card.counts.items()
                if why != "used"
            ]
        else:
            parts.append(tr("Nothing was learned yet: it needs two and a half days of history."))
        self.words.setText(" ".join(parts))

    @property
    def chosen(self) -> Anomaly | None:
        """The one whose row is selected."""
        return row_of(self.table, self.rows)

    def _picked(self) -> None:
        a = self.chosen
        for widget in (self._head, self._reason, self._figures, self.note, self.real, self.false,
                       self.order, self.trend, self.city):  # fmt: skip
            widget.setVisible(a is not None)
        cases = a.similar if a is not None else ()
        self._cases_title.setVisible(a is not None)
        self._cases.setVisible(a is not None)
        self.curve.show_anomaly(a)
        if a is None:
            return
        name = self._desk.city.name(a.asset) if a.asset else self._label(a)
        self._head.setText(f"{name}: {tr(KIND_WORDS.get(a.kind, a.kind))}")
        self._reason.setText(a.reason)
        self._reason.setVisible(self._desk.unusual.reasons)
        self._figures.setText(self._facts(a))
        self._cases.setText("\n".join(self._case(c) for c in cases) or tr("None on record yet."))
        self.real.setEnabled(a.verdict != "real")
        self.false.setEnabled(a.verdict != "false")
        self.order.setEnabled(bool(a.asset) and not a.order)
        self.city.setEnabled(bool(a.asset))
        self.trend.setEnabled(bool(a.shown))

    def _facts(self, a: Anomaly) -> str:
        now = self._desk.time.now_ms
        parts = [self._figures_of(a), tr("departs since {t}", t=_when(a.since_ms, now))]
        if a.until_ms:
            parts.append(tr("over at {t}", t=_when(a.until_ms, now)))
        if a.reaches_ms > now and a.standing:
            parts.append(tr("limit in {t}", t=lasting(a.reaches_ms - now)))
        if a.verdict:
            said = tr("{who} called it {what}", who=a.verdict_by, what=tr(VERDICTS[a.verdict]))
            parts.append(said + (f": {a.note}" if a.note else ""))
        if a.order:
            parts.append(tr("work order {id}", id=a.order))
        return ", ".join(p for p in parts if p)

    def _case(self, case: object) -> str:
        name = self._desk.city.name(getattr(case, "asset", ""))
        when = _when(getattr(case, "when_ms", 0), self._desk.time.now_ms)
        return f"• {name}, {when}: {getattr(case, 'outcome', '')}"

    # ---------------------------------------------------------------- doing
    def judge(self, verdict: str) -> None:
        """A person says what the chosen one was."""
        a = self.chosen
        if a is not None:
            self._desk.ask(wire.JudgeAnomaly(a.id, verdict, self.note.text().strip()))
            self.note.clear()

    def make_order(self) -> None:
        """A work order with the reason as its note, tied to the anomaly."""
        a = self.chosen
        if a is None or not a.asset or a.order:
            return
        now = self._desk.clock.wall_ms()
        session = self._desk.session
        name = f"WO-{uuid.uuid4().hex[:6].upper()}"
        what = tr(KIND_WORDS.get(a.kind, a.kind))
        title = tr("Look at {name}: {what}", name=self._desk.city.name(a.asset), what=what)
        due = a.reaches_ms if a.reaches_ms > now else now + 7 * DAY_MS
        order = WorkOrder(
            name, a.asset, title, created_ms=now, due_ms=due, origin="anomaly",
            created_by=session.welcome.user if session else "", note=a.reason,
        )  # fmt: skip

        def made(reply: wire.Reply) -> None:
            if isinstance(reply, wire.Ok):
                self._desk.ask(wire.JudgeAnomaly(a.id, a.verdict, order=reply.text or name))

        self._desk.ask(wire.PutWorkOrder(order), made)

    def _trend(self) -> None:
        a = self.chosen
        if a is not None and a.shown:
            self.to_trends.emit(list(a.shown))

    def _city(self) -> None:
        a = self.chosen
        if a is not None and a.asset:
            self.to_city.emit(a.asset)

    def _learn(self) -> None:
        self._desk.ask(wire.TrainExpected())


def _when(ms: int, now_ms: int) -> str:
    same = numbers.day(ms) == numbers.day(now_ms)
    return numbers.clock_short(ms) if same else f"{numbers.day(ms)} {numbers.clock_short(ms)}"
