"""The Models page: versions, cards, how forecasts fared, and what a person decides."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLineEdit,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.forecast import ENOUGH_HOURS
from lamplighter.domain.models import (
    FEWEST_CASES,
    ModelRecord,
    ModelState,
    ScoreRow,
    VerdictRow,
    card_lines,
    record_words,
)
from lamplighter.domain.problems import Problem
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_open
from lamplighter.ui.parts import Elided, Panel, Scroller, Text, button, row
from lamplighter.ui.plain_table import fill, plain_table, rows_of
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

VERSIONS = ("Model", "State", "Learned from", "Error", "Naive", "Inputs now", "Owner")
SCORES = ("Forecasts of", "Cases", "Hits", "Missed", "False", "Hit rate", "False a month",
          "Lead, days", "Held / stated", "n")  # fmt: skip


VERDICTS = ("Told of", "Told", "Real", "False", "Missed", "Hit rate", "Right when told",
            "False a month", "Lead, days", "n")  # fmt: skip
HOURS = ("The next hours of", "State", "Error", "Naive", "Held / stated", "n", "Looked back",
         "Why")  # fmt: skip
BOARDS = ("How forecasts of failures fared", "How forecasts of the next hours fared",
          "What people made of anomalies and suspicions")  # fmt: skip


LOW = 340
"""pixels below which two tables one above the other would show hardly a row each"""


class ModelsPage(Panel):
    """Versions and track record on the left, the card of the chosen version on the right."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.rows: list[ModelRecord] = []
        self.versions = plain_table(tr("Versions of models"), [tr(t) for t in VERSIONS], 2)
        self.versions.itemSelectionChanged.connect(self._chosen_changed)
        self.scores = plain_table(tr(BOARDS[0]), [tr(t) for t in SCORES], 0)
        self.hours = plain_table(tr(BOARDS[1]), [tr(t) for t in HOURS], 7)
        self.verdicts = plain_table(tr(BOARDS[2]), [tr(t) for t in VERDICTS], 9)
        self.board = QComboBox()
        self.board.setAccessibleName(tr("Which record"))
        self.board.addItems([tr(t) for t in BOARDS])
        self._boards = QStackedWidget()
        self.board.currentIndexChanged.connect(self._place)
        self._low = False
        self._empty = Text("", "caption", "secondary", wrap=True)
        self.state = Elided("", "bodyStrong")
        self.told = Text("", "caption", "secondary", wrap=True)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(tr("Why (kept in the audit record)"))
        self.reason.setAccessibleName(tr("Why"))
        self.reason.setMinimumWidth(theme().px(180))
        self.reason.textChanged.connect(lambda _: self._enable())
        self.promote = button(tr("Promote"), self._promote, kind="primary",
                              tip=tr("Use the chosen version from now on"))  # fmt: skip
        self.back = button(tr("Roll back"), self._roll_back,
                           tip=tr("Use the version again that was in use before"))  # fmt: skip
        self.train = button(tr("Train"), self._train,
                            tip=tr("Train a new version on this project's past"))  # fmt: skip
        self.take = button(tr("Take in…"), self._ask_file, tip=tr("A signed model from a file"))
        self._card = QGridLayout()
        self._card.setHorizontalSpacing(12)
        self._card.setVerticalSpacing(2)
        self._card.setColumnStretch(1, 1)
        self._lines: list[tuple[Text, Text]] = []
        self._build()
        desk.models.changed.connect(self.refresh)
        desk.time.changed.connect(self._enable)
        self.refresh()

    def _build(self) -> None:
        left = Panel()
        box = self._left = QVBoxLayout(left)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(self.versions, 1)
        self._which = QWidget()
        line = row(self.board)
        line.addWidget(self._empty, 1)
        self._which.setLayout(line)
        box.addWidget(self._which)
        for table in (self.scores, self.hours, self.verdicts):
            self._boards.addWidget(table)
        box.addWidget(self._boards, 1)
        content = Panel()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(12, 0, 4, 0)
        inner.addLayout(self._card)
        inner.addStretch(1)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(left)
        card = Scroller(content)
        card.setMinimumWidth(theme().px(300))
        self._split.addWidget(card)
        self._split.setStretchFactor(0, 3)
        self._split.setStretchFactor(1, 2)
        self._split.setChildrenCollapsible(False)
        self._split.setSizes([6_200, 4_200])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(8)
        head = row(self.train, self.take, self.state, self.reason, self.promote, self.back)
        head.setStretch(2, 1)
        layout.addLayout(head)
        layout.addWidget(self._split, 1)
        layout.addWidget(self.told)
        self.told.hide()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._desk.models.ask_scores()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        low = self.height() < theme().px(LOW)
        if low != self._low:
            self._low = low
            self._offer()

    def _offer(self) -> None:
        """Where it is low one table is shown at a time, the versions being one to choose."""
        at = max(0, self.board.currentIndex() - (0 if self._low else 1))
        self.board.blockSignals(True)
        self.board.clear()
        first = [tr("Versions")] if self._low else []
        self.board.addItems([*first, *(tr(t) for t in BOARDS)])
        self.board.setCurrentIndex(0 if self._low else at)
        self.board.blockSignals(False)
        self._left.removeWidget(self._which)
        self._left.insertWidget(0 if self._low else 1, self._which)
        self._place()

    def _place(self) -> None:
        at = self.board.currentIndex() - self._low
        self._boards.setCurrentIndex(max(at, 0))
        self.versions.setVisible(at < 0 or not self._low)
        self._boards.setVisible(at >= 0)
        self._say_empty()

    def _say_empty(self) -> None:
        """Words for a record that is none yet; nothing where there is one."""
        room, at = self._desk.models, self.board.currentIndex() - self._low
        words = ""
        if at == 0 and not any(r.has_record for r in room.scores.values()):
            most = max((r.cases for r in room.scores.values()), default=0)
            words = tr("No record yet: {n} of {m} closed cases. A forecast is closed "
                       "when it came true or ran out.", n=most, m=FEWEST_CASES)  # fmt: skip
        elif at == 1 and not room.forecasts:
            words = tr("No record yet: no forecast of the next hours was judged.")
        elif at == 2 and not any(r.has_record for r in room.verdicts):
            most = max((r.judged for r in room.verdicts), default=0)
            words = tr("No record yet: {n} of {m} verdicts. They are given at the anomaly or the "
                       "suspect sensor.", n=most, m=FEWEST_CASES)  # fmt: skip
        self._empty.setText(words)

    # ---------------------------------------------------------------- what stands
    @property
    def chosen(self) -> ModelRecord | None:
        """The selected version, else the first one in use."""
        for selected in rows_of(self.versions, self.rows):
            return selected
        used = (r for r in self.rows if r.state is ModelState.IN_USE)
        return next(used, self.rows[0] if self.rows else None)

    def refresh(self) -> None:
        """Everything from the desk's room."""
        room = self._desk.models
        self.rows = room.listed()
        fill(self.versions, [_version(r) for r in self.rows],
             [r.state is not ModelState.IN_USE for r in self.rows])  # fmt: skip
        self.state.set_full(_state(self.rows))
        fill(self.scores, [_score(s) for s in room.scores.values()])
        fill(self.hours, [_hours(r) for r in room.forecasts])
        fill(self.verdicts, [_verdict(r) for r in room.verdicts])
        self._say_empty()
        self._chosen_changed()

    def _chosen_changed(self) -> None:
        record = self.chosen
        lines = card_lines(record) if record is not None else []
        while len(self._lines) < len(lines):
            pair = (Text("", "caption", "secondary", wrap=True), Text("", "body", wrap=True))
            pair[0].setFixedWidth(theme().px(112))  # a long name never takes the text's room
            pair[1].setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            at = len(self._lines)
            self._card.addWidget(pair[0], at, 0, Qt.AlignmentFlag.AlignTop)
            self._card.addWidget(pair[1], at, 1)
            self._lines.append(pair)
        for number, (name, text) in enumerate(self._lines):
            shown = number < len(lines)
            name.setVisible(shown)
            text.setVisible(shown)
            if shown:
                name.setText(tr(lines[number][0].capitalize()))
                text.setText(lines[number][1])
        self._enable()

    def _enable(self) -> None:
        live, reason = not self._desk.time.commands_locked, bool(self.reason.text().strip())
        record = self.chosen
        waits = record is not None and record.state is not ModelState.IN_USE
        earlier = record is not None and any(
            r.state is ModelState.EARLIER and r.card.kind == record.card.kind for r in self.rows
        )
        self.promote.setEnabled(live and reason and waits)
        self.back.setEnabled(live and reason and earlier)
        self.train.setEnabled(live)
        self.take.setEnabled(live)

    # ---------------------------------------------------------------- what a person decides
    def _promote(self) -> None:
        if (record := self.chosen) is not None:
            self._decide(record.card.kind, record.card.version)

    def _roll_back(self) -> None:
        if (record := self.chosen) is not None:
            self._decide(record.card.kind, 0)

    def _decide(self, kind: str, version: int) -> None:
        reason = self.reason.text().strip()
        if reason:
            self._desk.ask(wire.PromoteModel(kind, version, reason), self._done)
            self.reason.clear()

    def _train(self) -> None:
        record = self.chosen
        kind = record.card.kind if record is not None else "maintenance"
        self._desk.ask(wire.TrainModel(kind), self._done)

    def _ask_file(self) -> None:
        kinds = (tr("Models (*.zip)"), tr("All files") + " (*)")
        ask_open(self, tr("Take in a model"), lambda name: self.take_in(Path(name)), kinds)

    def take_in(self, file: Path) -> None:
        """Have the recorder try a model package; it waits as a candidate then."""
        self._say(tr("{n} is being tried…", n=file.name))
        self._desk.ask(wire.ImportModel(str(file.absolute())), self._done)

    def _done(self, reply: wire.Reply) -> None:
        match reply:
            case wire.Ok():
                self._say(tr("Done: {n}.", n=reply.text))
            case wire.TaskStarted():
                self._say(tr("It is being trained; see Tasks."))
            case wire.Refused():
                self._say(_words(reply.problem))

    def _say(self, text: str) -> None:
        self.told.setText(text)
        self.told.setVisible(bool(text))


def _words(found: Problem) -> str:
    return str(found)


def _state(rows: list[ModelRecord]) -> str:
    if not rows:
        return tr("No model was trained yet. One is trained by itself where there is a past.")
    used = [r for r in rows if r.state is ModelState.IN_USE]
    frozen = [r for r in used if r.frozen]
    moved = [r for r in used if r.drift is not None and r.drift.moved]
    waits = sum(r.state is ModelState.CANDIDATE for r in rows)
    parts = [tr("{n} in use", n=len(used))]
    parts += [tr("{m} is FROZEN: {w}", m=r.key, w=r.frozen) for r in frozen]
    parts += [tr("{m} is too young to be judged", m=r.key) for r in used if r.young]
    parts += [tr("{m}: {w}", m=r.key, w=r.drift.words) for r in moved if r.drift is not None]
    if waits:
        parts.append(tr("{n} wait for a person", n=waits))
    return ". ".join(parts) + "."


def _version(record: ModelRecord) -> list[str]:
    card = record.card
    first = card.figures[0] if card.figures else None
    drift = record.drift
    return [
        record.key,
        tr("frozen") if record.frozen else tr(record.state.value),
        card.basis,
        _number(first.ours if first else None),
        _number(first.naive if first else None),
        "—" if drift is None else tr("moved") if drift.moved else tr("as in training"),
        card.owner,
    ]


def _score(one: ScoreRow) -> list[str]:
    if not one.has_record:
        none = tr("no record yet")
        tail = [none, "—", "—", "—", str(one.covered_n)]
        cases = f"{one.cases} / {FEWEST_CASES}"
        return [
            one.asset_class,
            cases,
            str(one.hits),
            str(one.missed),
            str(one.false_alarms),
            *tail,
        ]
    held = "—" if one.covered is None else f"{one.covered:.0%} / {one.stated:.0%}"
    return [
        one.asset_class,
        str(one.cases),
        str(one.hits),
        str(one.missed),
        str(one.false_alarms),
        numbers.percent(one.hit_rate) if one.hit_rate is not None else "—",
        _number(one.false_per_month),
        _number(one.lead_days),
        held,
        str(one.covered_n),
    ]


def _hours(one: wire.ForecastRecord) -> list[str]:
    unit = f" {one.unit}" if one.unit else ""
    back = "—"
    if one.back_mae is not None and one.back_coverage is not None:
        ours, naive = _number(one.back_mae), _number(one.back_naive_mae)
        back = tr("{a} / {b}, held {c}", a=ours, b=naive, c=f"{one.back_coverage:.0%}")
    state = tr("FROZEN") if one.frozen else tr("no forecast") if one.why else tr("shown")
    if not one.why and max(one.judged, one.looked_back) < ENOUGH_HOURS:
        state = tr("shown, too young to be judged")
    return [
        one.name,
        state,
        _number(one.mae) + (unit if one.mae is not None else ""),
        _number(one.naive_mae),
        "—" if one.coverage is None else f"{one.coverage:.0%} / {one.stated:.0%}",
        str(one.judged),
        back,
        one.why,
    ]


def _verdict(one: VerdictRow) -> list[str]:
    record = one.has_record
    by = one.name if one.group == "class" else tr("found as: {n}", n=one.name)
    rate = numbers.percent(one.hit_rate) if one.hit_rate is not None else "—"
    right = numbers.percent(one.right_when_told) if one.right_when_told is not None else "—"
    return [
        by,
        str(one.told),
        str(one.real),
        str(one.false),
        "—" if one.missed is None else str(one.missed),
        rate if record else tr("no record yet"),
        right,
        _number(one.false_per_month),
        _number(one.lead_days),
        str(one.lead_n),
    ]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3g}"


def record_of(desk: Desk, asset_class: str) -> str:
    """The track record beside a forecast, in one sentence."""
    row_ = desk.models.scores.get(asset_class)
    return record_words(row_) if row_ is not None else tr("no record yet")
