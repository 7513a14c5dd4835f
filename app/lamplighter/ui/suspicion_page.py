"""The lane of suspect sensors: what cannot be believed, why, and withholding it with a preview."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit, QSplitter, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.suspicion import Loss, Suspect, Withheld
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.evidence_curve import EvidenceCurve
from lamplighter.ui.parts import Panel, Scroller, Text, button, row
from lamplighter.ui.plain_table import fill, plain_table, row_of
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

REASON: Final = 4
EVERY: Final = 5
"""seconds between two looks at the curve while the page is open"""
SHOWN: Final = 300
LINE_H: Final = 26
MOST_LINES: Final = 6
"""losses in sight at once; the others are scrolled to"""
LOOKS: Final = {
    "broken": "a broken sensor",
    "tampered": "tampered with, or set wrongly",
    "process": "the network itself, not a sensor",
    "message": "its sender's messages",
}


class Line(Struct, frozen=True):
    """One row of the page."""

    key: str
    suspect: Suspect | None
    withheld: Withheld | None


class SuspicionPage(QWidget):
    """Rows at the left, at the right the chosen one with its evidence and what can be done."""

    to_trend = Signal(int)
    to_city = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.rows: list[Line] = []
        self.losses: tuple[Loss, ...] = ()
        self._previewed = ""
        self._seconds = 0
        self.words = Text("", "body", "secondary", wrap=True)
        titles = ("Since", "Sensor", "It looks like", "State", "Reason")
        self.table = plain_table(tr("Suspect sensors"), [tr(t) for t in titles], REASON)
        self.table.itemSelectionChanged.connect(self._picked)
        self._build_aside()
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(self._aside)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([620, 400])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.words)
        box.addWidget(split, 1)
        desk.doubted.changed.connect(self.refresh)
        desk.city_changed.connect(self.refresh)
        desk.status_changed.connect(self._second)
        self.refresh()

    def _build_aside(self) -> None:
        self._head = Text("", "bodyStrong", wrap=True)
        self._reason = Text("", "body", wrap=True)
        self._evidence = Text("", "caption", "secondary", wrap=True)
        self.curve = EvidenceCurve()
        self.withhold = button(
            tr("Withhold…"),
            self.preview,
            kind="primary",
            tip=tr("Show what would lose its input, then withhold it"),
        )
        self.release = button(
            tr("Release"), self._release, kind="primary", tip=tr("Believe it again")
        )
        self.dismiss = button(tr("It is genuine"), self._dismiss, tip=tr("Take it off the list"))
        self.trend = button(tr("Trend"), self._trend)
        self.city = button(tr("Show in the city"), self._city)
        self._cost = Text("", "body", wrap=True)
        titles = (tr("What"), tr("Name"), tr("Asset"), tr("What becomes of it"))
        self.cost_table = plain_table(tr("What would lose its input"), titles, 3)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(tr("reason, for the audit record"))
        self.reason.setAccessibleName(tr("Reason"))
        self.reason.textChanged.connect(lambda _: self._enable())
        self.reason.returnPressed.connect(self._confirm)
        self.yes = button(tr("Withhold it"), self._confirm, kind="primary")
        self.no = button(tr("Cancel"), self._close_preview)
        content = Panel()
        box = QVBoxLayout(content)
        box.setContentsMargins(12, 0, 4, 8)
        box.setSpacing(6)
        box.addWidget(self._head)
        box.addWidget(self._reason)
        box.addLayout(row(self.withhold, self.release, self.dismiss, self.trend, self.city, None))
        box.addWidget(self._cost)
        box.addWidget(self.cost_table)
        box.addWidget(self.reason)
        box.addLayout(row(self.yes, self.no, None))
        box.addWidget(self.curve)
        box.addWidget(self._evidence)
        box.addStretch(1)
        self._preview_parts = (self._cost, self.cost_table, self.reason, self.yes, self.no)
        self._aside = Scroller(content)
        self._aside.setMinimumWidth(theme().px(330))
        self._close_preview()

    # ---------------------------------------------------------------- looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _second(self) -> None:
        self._seconds += 1
        if self.isVisible() and self._seconds % EVERY == 0:
            self._ask_curve()

    def refresh(self) -> None:
        """The lane as it stands; the choice stays with the sensor."""
        before = self.chosen
        lane = self._desk.doubted.lane
        held = {w.key: w for w in lane.withheld}
        rows = [
            Line(s.key, s, held.pop(s.key, None) if s.scope == "datastream" else None)
            for s in lane.items[:SHOWN]
        ]
        rows = [Line(w.key, None, w) for w in held.values()] + rows
        self.rows = rows
        fill(
            self.table,
            [self._cells(line) for line in rows],
            [
                line.withheld is None and not (line.suspect and line.suspect.standing)
                for line in rows
            ],
        )
        keys = [_id(line) for line in rows]
        if before is not None and _id(before) in keys:
            self.table.selectRow(keys.index(_id(before)))
        elif rows and not self.table.selectedItems():
            self.table.selectRow(0)
        self._tell()
        self._picked()

    def _cells(self, line: Line) -> tuple[str, ...]:
        now = self._desk.clock.wall_ms()
        s, w = line.suspect, line.withheld
        since = w.since_ms if w is not None else s.since_ms if s is not None else 0
        state = tr("withheld") if w else tr("stands") if s and s.standing else tr("over")
        kind = tr(s.kind) if s is not None else ""
        reason = s.reason if s is not None else w.reason if w is not None else ""
        return (_when(since, now), self._name(line.key), kind, state, reason)

    def _name(self, key: str) -> str:
        stream = self._stream(key)
        return (stream.label or stream.name) if stream is not None else key

    def _stream(self, key: str) -> Datastream | None:
        return self._desk.city.stream_of(key)

    def _tell(self) -> None:
        lane = self._desk.doubted.lane
        stand = sum(s.standing for s in lane.items)
        parts = [
            tr("{n} suspect now.", n=stand) if stand else tr("No sensor is suspect now."),
        ]
        if lane.withheld:
            parts.append(
                tr("{n} withheld: stored, and nothing is decided by them.", n=len(lane.withheld))
            )
        if lane.trained_ms:
            parts.append(
                tr(
                    "{n} datastreams are compared with their neighbours, {m} are not: too little "
                    "goes with them.",
                    n=f"{lane.watched:,}",
                    m=f"{lane.abstained:,}",
                )
            )
        if lane.learned:
            parts.append(lane.learned[0].upper() + lane.learned[1:] + ".")
        self.words.setText(" ".join(parts))

    @property
    def chosen(self) -> Line | None:
        """The row that is selected."""
        return row_of(self.table, self.rows)

    def _picked(self) -> None:
        line = self.chosen
        stream = self._stream(line.key) if line is not None else None
        for widget in (
            self._head,
            self._reason,
            self._evidence,
            self.withhold,
            self.release,
            self.dismiss,
            self.trend,
            self.city,
        ):
            widget.setVisible(line is not None)
        if line is None or line.key != self._previewed:
            self._close_preview()
        if line is None:
            self.curve.show_evidence(None)
            return
        s, w = line.suspect, line.withheld
        looks = tr(LOOKS.get(s.looks, s.looks)) if s is not None else ""
        head = tr("{name}: looks like {what}", name=self._name(line.key), what=looks)
        self._head.setText(head if s is not None else self._name(line.key))
        text = s.reason + "." if s is not None else ""
        if w is not None:
            text += " " + tr(
                "Withheld by {who} since {t}: {why}.",
                who=w.user,
                t=_when(w.since_ms, self._desk.clock.wall_ms()),
                why=w.reason,
            )
        self._reason.setText(text.strip())
        self._evidence.setText("\n".join(self._facts(s)))
        self.withhold.setVisible(stream is not None and w is None)
        self.release.setVisible(w is not None)
        self.dismiss.setVisible(s is not None and w is None)
        self.trend.setVisible(stream is not None)
        self.city.setVisible(stream is not None and bool(stream.asset))
        self._ask_curve()

    def _facts(self, s: Suspect | None) -> list[str]:
        if s is None:
            return []
        facts = [e[0].upper() + e[1:] for e in s.evidence]
        if s.neighbours:
            near = ", ".join(self._name(k) for k in s.neighbours)
            facts.append(tr("Compared with: {names}", names=near))
        if s.expected is not None:
            stream = self._stream(s.key)
            unit = stream.unit if stream is not None else ""
            facts.append(tr("Its neighbours say: {v}", v=f"{s.expected:.4g} {unit}".strip()))
        return facts

    def _ask_curve(self) -> None:
        line = self.chosen
        if line is None or self._stream(line.key) is None:
            self.curve.show_evidence(None)
            return

        def got(reply: wire.Reply) -> None:
            now = self.chosen
            if not isinstance(reply, wire.Evidence) or now is None or not reply.curves:
                return
            if reply.curves[0].key == now.key:
                self.curve.show_evidence(reply)

        self._desk.ask(wire.GetEvidence(line.key), got)

    # ---------------------------------------------------------------- doing
    def preview(self) -> None:
        """Show what would lose its input if the chosen sensor were withheld."""
        line = self.chosen
        if line is None or self._stream(line.key) is None:
            return
        self._previewed = line.key

        def got(reply: wire.Reply) -> None:
            if isinstance(reply, wire.WithholdPreview) and reply.key == self._previewed:
                self._show_losses(reply.losses)

        self._desk.ask(wire.PreviewWithhold(line.key), got)

    def _show_losses(self, losses: tuple[Loss, ...]) -> None:
        self.losses = losses
        counts: dict[str, int] = {}
        for one in losses:
            counts[one.what] = counts.get(one.what, 0) + 1
        said = ", ".join(f"{n} {tr(what)}" for what, n in counts.items())
        self._cost.setText(
            tr("Would lose its input: {what}. Values go on being stored, with a mark.", what=said)
            if losses
            else tr("Nothing would lose its input. Values go on being stored, with a mark.")
        )
        city = self._desk.city
        fill(
            self.cost_table,
            [(tr(o.what), o.name, city.name(o.asset) if o.asset else "", o.words) for o in losses],
        )
        for widget in self._preview_parts:
            widget.show()
        self.cost_table.setVisible(bool(losses))
        tall = LINE_H * (1 + min(max(len(losses), 1), MOST_LINES)) + 10
        self.cost_table.setFixedHeight(theme().px(tall))
        line = self.chosen
        if not self.reason.text() and line is not None and line.suspect is not None:
            self.reason.setText(tr("it looks {what}", what=line.suspect.kind))
        self.reason.setFocus()
        self.reason.selectAll()
        self._enable()

    def _close_preview(self) -> None:
        self._previewed = ""
        self.losses = ()
        self.reason.clear()
        for widget in self._preview_parts:
            widget.hide()

    def _enable(self) -> None:
        self.yes.setEnabled(bool(self.reason.text().strip()))
        self.yes.setToolTip("" if self.yes.isEnabled() else tr("Say why first"))

    def _confirm(self) -> None:
        why = self.reason.text().strip()
        if why and self._previewed:
            self._desk.ask(wire.Withhold(self._previewed, why))
            self._close_preview()

    def _release(self) -> None:
        line = self.chosen
        if line is not None and line.withheld is not None:
            self._desk.ask(wire.ReleaseWithheld(line.key, tr("looked at in the lane")))

    def _dismiss(self) -> None:
        line = self.chosen
        if line is not None and line.suspect is not None:
            scope = line.suspect.scope
            self._desk.ask(wire.DismissSuspect(line.key, scope, tr("looked at: genuine")))

    def _trend(self) -> None:
        line = self.chosen
        stream = self._stream(line.key) if line is not None else None
        if stream is not None:
            self.to_trend.emit(stream.id)

    def _city(self) -> None:
        line = self.chosen
        stream = self._stream(line.key) if line is not None else None
        if stream is not None:
            self.to_city.emit(stream.asset)


def _id(line: Line) -> str:
    return line.suspect.id if line.suspect else f"datastream\x1f{line.key}"


def _when(ms: int, now_ms: int) -> str:
    same = numbers.day(ms) == numbers.day(now_ms)
    return numbers.clock(ms) if same else f"{numbers.day(ms)} {numbers.clock_short(ms)}"
