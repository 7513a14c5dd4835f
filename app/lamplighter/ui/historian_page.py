"""The historian page: where it is, how the exchange stands, and what it refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.exchange import Poison
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.glance import Glance
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.plain_table import fill, plain_table, rows_of
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

SHOWN: Final = 300
EVERY: Final = 2
"""seconds between two looks while the page is open"""
KINDS: Final = {
    "observation": "value", "message": "message", "fact": "alarm or order", "batch": "batch",
}  # fmt: skip


class HistorianPage(QWidget):
    """State above, refused records below. A password in the address goes to the recorder, which
    keeps it apart; the field is emptied at once.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._asking = False
        self._told = ""
        self.rows: tuple[Poison, ...] = ()
        self.state = Text("", "bodyStrong", wrap=True)
        self._more = Text("", "body", "secondary", wrap=True)
        self.address = QLineEdit()
        self.address.setPlaceholderText("postgresql://USER@HOST/DATABASE")
        self.address.setAccessibleName(tr("Address of the historian"))
        self.address.setMinimumWidth(theme().px(260))
        self.address.returnPressed.connect(self.use)
        self.address.textChanged.connect(lambda _: self._enable())
        self.ca = QLineEdit()
        self.ca.setPlaceholderText(tr("CA file (optional)"))
        self.ca.setAccessibleName(tr("CA file"))
        self.set = button(tr("Use"), self.use, tip=tr("Exchange with it all the time"))
        self.off = button(tr("Stop"), self.stop, tip=tr("Use no historian any more"))
        self.sync = button(tr("Exchange now"), self.exchange)
        self.retry = button(tr("Retry"), self._retry, tip=tr("Send the chosen records once more"))
        self.export = button(tr("Export…"), self._ask_file, tip=tr("All of them, as CSV"))
        self.delete = button(tr("Forget"), self._forget, tip=tr("The project keeps the values"))
        titles = ("Since", "What", "Batch", "Source", "Message", "Reason")
        self.table = plain_table(tr("Refused records"), [tr(t) for t in titles], 5)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.itemSelectionChanged.connect(self._enable)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addLayout(
            row(self.address, self.ca, self.set, self.off, self.sync, None, self.retry,
                self.export, self.delete)
        )  # fmt: skip
        box.addWidget(self.state)
        box.addWidget(self._more)
        box.addWidget(self.table, 1)
        Glance(self, desk, self.look, EVERY)
        self._enable()

    # ---------------------------------------------------------------- looking
    def look(self) -> None:
        """Ask how it stands."""
        if not self._asking:
            self._asking = True
            self._desk.ask(wire.GetExchange(SHOWN), self._got)

    def _got(self, reply: wire.Reply) -> None:
        self._asking = False
        if not isinstance(reply, wire.Exchange):
            return
        stands = reply.state
        self._used = bool(stands.name)
        if not stands.name:
            self.state.setText(tr("No historian is used. This project keeps everything itself."))
            self._more.setText(
                tr("Several consoles can share what they record through a PostgreSQL database.")
            )
        else:
            where = tr("connected") if stands.connected else tr("away; everything waits here")
            self.state.setText(f"{stands.name}: {where}")
            parts = [
                tr("{n} values sent", n=f"{stands.sent:,}"),
                tr("{n} taken in", n=f"{stands.received:,}"),
                tr("{n} batches wait", n=f"{stands.waiting:,}"),
                tr("{n} records refused", n=f"{stands.poison:,}"),
            ]
            if stands.oldest_poison_ms:
                age = (self._desk.clock.wall_ms() - stands.oldest_poison_ms) / 1000
                parts.append(tr("the oldest {a} ago", a=numbers.age(age)))
            text = ", ".join(parts) + "."
            self._more.setText(" ".join(t for t in (text, stands.problem, self._told) if t))
        if reply.poison != self.rows:
            self.rows = reply.poison
            fill(self.table, [_cells(p) for p in reply.poison])
        self._enable()

    _used = False

    @property
    def chosen(self) -> tuple[int, ...]:
        """Numbers of the selected records."""
        return tuple(p.n for p in rows_of(self.table, self.rows))

    def _enable(self) -> None:
        some = bool(self.chosen)
        for made in (self.retry, self.delete):
            made.setEnabled(some)
        self.export.setEnabled(bool(self.rows))
        self.set.setEnabled(bool(self.address.text().strip()))
        self.off.setEnabled(self._used)
        self.sync.setEnabled(self._used)

    # ---------------------------------------------------------------- doing
    def use(self) -> None:
        """Exchange with the historian of the field from now on."""
        url = self.address.text().strip()
        if url:
            self._desk.ask(wire.SetHistorian(url, ca=self.ca.text().strip()), self._changed)
            self.address.clear()

    def stop(self) -> None:
        """No historian any more; what waits stays here."""
        self._desk.ask(wire.SetHistorian("off"), self._changed)

    def exchange(self) -> None:
        """Everything once, now."""
        self._told = tr("Exchanging …")
        self._desk.ask(wire.SyncHistorian(), self._synced)

    def _changed(self, _: wire.Reply) -> None:
        self._told = ""
        self.look()

    def _synced(self, reply: wire.Reply) -> None:
        self._told = ""
        if isinstance(reply, wire.HistorianSynced):
            self._told = tr("Just now: {s} sent, {r} taken in.", s=f"{reply.sent:,}",
                            r=f"{reply.received:,}")  # fmt: skip
        self.look()

    def _retry(self) -> None:
        self._desk.ask(wire.RetryPoison(self.chosen), self._retried)

    def _retried(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.HistorianSynced):
            self._told = tr("{s} sent now, {p} refused again.", s=reply.sent, p=reply.poison)
        self.look()

    def _forget(self) -> None:
        self._desk.ask(wire.DropPoison(self.chosen), self._changed)

    def _ask_file(self) -> None:
        kinds = ("CSV (*.csv)",)
        ask_save(self, tr("Export what was refused"), self.write, "refused.csv", kinds)

    def write(self, name: str) -> None:
        """Write the shown records into a CSV file."""
        try:
            with Path(name).open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(Poison.__struct_fields__)
                for one in self.rows:
                    cells = [getattr(one, k) for k in Poison.__struct_fields__]
                    writer.writerow([safe_cell(c) for c in cells])
            self._told = tr("{n} rows written", n=len(self.rows))
        except OSError as error:
            self._told = tr("Not written: {why}", why=error.strerror or str(error))
        self.look()


def _cells(one: Poison) -> tuple[str, ...]:
    message = f"{one.epoch} / {one.seq}" + (f" / {one.place}" if one.place >= 0 else "")
    return (
        f"{numbers.day(one.since_ms)} {numbers.clock_short(one.since_ms)}",
        f"{tr(KINDS.get(one.kind, one.kind))}: {one.text}",
        f"{one.batch:,}",
        one.source,
        message,
        one.reason,
    )
