"""The quarantine page: what was set aside and why, its body, and what may become of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.glance import Glance
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.plain_table import fill, plain_table, rows_of
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

SHOWN: Final = 300
EVERY: Final = 3
"""seconds between two looks while the page is open"""


class QuarantinePage(QWidget):
    """Rows at the left, the chosen body at the right. Bodies are plain text and never run."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.rows: tuple[wire.QuarantineRow, ...] = ()
        self._asking = False
        self._codes: tuple[str, ...] = ()
        self.code = QComboBox()
        self.code.setAccessibleName(tr("Reason"))
        self.code.setMinimumWidth(theme().px(170))
        self.code.addItem(tr("All reasons"), "")
        self.code.activated.connect(lambda _: self.look())
        self.retry = button(tr("Retry"), self._retry, tip=tr("Read the chosen rows again"))
        self.export = button(tr("Export…"), self._ask_file, tip=tr("As CSV or JSON lines"))
        self.delete = button(tr("Delete…"), self._ask_delete)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(tr("reason, for the audit record"))
        self.reason.setAccessibleName(tr("Reason for deleting"))
        self.reason.textChanged.connect(lambda _: self._enable())
        self._yes = button(tr("Delete"), self._do_delete)
        self._no = button(tr("Keep"), self._close_question)
        self._say = Text("", "body", "secondary", wrap=True)
        titles = ("Received", "Reason", "Sender", "Points", "What happened")
        self.table = plain_table(tr("Set aside"), [tr(t) for t in titles], 4)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.itemSelectionChanged.connect(self._picked)
        self.body = QPlainTextEdit()
        self.body.setReadOnly(True)
        self.body.setFont(theme().font("mono"))
        self.body.setAccessibleName(tr("What was sent"))
        self.body.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self._head = Text("", "caption", "secondary", wrap=True)
        right = QWidget()
        inner = QVBoxLayout(right)
        inner.setContentsMargins(8, 0, 0, 0)
        inner.addWidget(self._head)
        inner.addWidget(self.body, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(right)
        split.setStretchFactor(0, 5)
        split.setStretchFactor(1, 3)
        split.setSizes([640, 360])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addLayout(
            row(self.code, self.retry, self.export, self.delete, self.reason, self._yes, self._no,
                None)
        )  # fmt: skip
        box.addWidget(self._say)
        box.addWidget(split, 1)
        Glance(self, desk, self.look, EVERY)
        self._close_question()

    # ---------------------------------------------------------------- looking
    def look(self) -> None:
        """Ask for the newest rows."""
        if not self._asking:
            self._asking = True
            wanted = wire.GetQuarantine(SHOWN, 0, str(self.code.currentData() or ""))
            self._desk.ask(wanted, self._got)

    def _got(self, reply: wire.Reply) -> None:
        self._asking = False
        if not isinstance(reply, wire.Quarantine):
            return
        chosen = {r.number for r in self.chosen}
        self.rows = reply.items
        fill(
            self.table,
            [
                (
                    _when(r.received_ms, self._desk.clock.wall_ms()),
                    r.code,
                    r.source or r.topic or tr("not known"),
                    f"{r.points:,}",
                    r.reason,
                )
                for r in reply.items
            ],
        )
        self._keep_chosen(chosen)
        self._show_codes(reply)
        self._words(reply)
        self._picked()

    def _keep_chosen(self, numbers_: set[int]) -> None:
        now = {r.number for r in self.chosen}
        if not numbers_ or now == numbers_:
            return
        self.table.blockSignals(True)
        self.table.clearSelection()
        mode = self.table.selectionMode()
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        for at, found in enumerate(self.rows):
            if found.number in numbers_:
                self.table.selectRow(at)
        self.table.setSelectionMode(mode)
        self.table.blockSignals(False)

    def _show_codes(self, reply: wire.Quarantine) -> None:
        codes = tuple(f"{code}  {kept:,}" for code, _, _, kept in reply.totals if kept)
        if codes == self._codes:
            return
        self._codes = codes
        before = self.code.currentData()
        self.code.blockSignals(True)
        self.code.clear()
        self.code.addItem(tr("All reasons"), "")
        for words, (code, _, _, _) in zip(codes, (t for t in reply.totals if t[3]), strict=True):
            self.code.addItem(words, code)
        self.code.setCurrentIndex(max(0, self.code.findData(before)))
        self.code.blockSignals(False)

    def _words(self, reply: wire.Quarantine) -> None:
        ever = sum(entries for _, entries, _, _ in reply.totals)
        kept = sum(kept for _, _, _, kept in reply.totals)
        if not ever:
            self._say.setText(
                tr("Nothing was ever set aside. What cannot be stored comes here, with its reason.")
            )
            return
        text = tr("{k} kept, {e} set aside in all. Of each reason at most {c} are kept.",
                  k=f"{kept:,}", e=f"{ever:,}", c=f"{reply.cap:,}")  # fmt: skip
        if reply.oldest_ms:
            age = (self._desk.clock.wall_ms() - reply.oldest_ms) / 1000
            text += " " + tr("The oldest is {a} old.", a=numbers.age(age))
        if kept > len(self.rows) and not self.code.currentData():
            text += " " + tr("Shown: the newest {n}.", n=f"{len(self.rows):,}")
        self._say.setText(text)

    @property
    def chosen(self) -> list[wire.QuarantineRow]:
        """The selected rows."""
        return rows_of(self.table, self.rows)

    def _picked(self) -> None:
        rows = self.chosen
        if len(rows) == 1:
            one = rows[0]
            self._head.setText(
                tr("{topic}, {n} bytes, {reason} [{code}]", topic=one.topic or tr("no topic"),
                   n=f"{one.size:,}", reason=one.reason, code=one.code)
            )  # fmt: skip
            text = pretty(one.body) if one.kept else tr(
                "Its body was not kept: more than the kept number of its kind had come."
            )  # fmt: skip
            if self.body.toPlainText() != text:
                self.body.setPlainText(text)
        else:
            self._head.setText(tr("{n} rows chosen", n=len(rows)) if rows else "")
            self.body.clear()
        self._enable()

    def _enable(self) -> None:
        some = bool(self.chosen)
        for made in (self.retry, self.delete):
            made.setEnabled(some)
            made.setToolTip("" if some else tr("Choose rows first"))
        self.export.setEnabled(bool(self.rows))
        self._yes.setEnabled(bool(self.reason.text().strip()))
        self._yes.setToolTip("" if self._yes.isEnabled() else tr("Say why first"))

    # ---------------------------------------------------------------- doing
    def _numbers(self) -> tuple[int, ...]:
        return tuple(r.number for r in self.chosen)

    def _retry(self) -> None:
        self._desk.ask(wire.RetryQuarantined(self._numbers()), self._retried)

    def _retried(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.QuarantineRetried):
            text = tr("{n} stored", n=len(reply.done))
            if reply.still:
                why = reply.still[0][1]
                text += ", " + tr("{n} stay: {why}", n=len(reply.still), why=why)
            self.look()
            self._say.setText(text)

    def _ask_delete(self) -> None:
        for widget in (self.reason, self._yes, self._no):
            widget.show()
        self.reason.setFocus()
        self._enable()

    def _do_delete(self) -> None:
        asked = wire.DeleteQuarantined(self._numbers(), "", self.reason.text().strip())
        self._desk.ask(asked, lambda _: self.look())
        self._close_question()

    def _close_question(self) -> None:
        self.reason.clear()
        for widget in (self.reason, self._yes, self._no):
            widget.hide()
        self._enable()

    def _ask_file(self) -> None:
        kinds = ("JSON lines (*.jsonl)", "CSV (*.csv)")
        ask_save(self, tr("Export what was set aside"), self.write, "quarantine.jsonl", kinds)

    def write(self, name: str) -> None:
        """Write the chosen rows, or all of the shown reason when none is chosen."""
        code = str(self.code.currentData() or "")
        path = str(Path(name).absolute())
        asked = wire.ExportQuarantined(path, self._numbers(), code)
        self._desk.ask(asked, self._written)

    def _written(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self._say.setText(tr("{n} rows written", n=reply.text))


def pretty(body: str) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _when(ms: int, now_ms: int) -> str:
    same = numbers.day(ms) == numbers.day(now_ms)
    return numbers.clock(ms) if same else f"{numbers.day(ms)} {numbers.clock_short(ms)}"
