"""What each column of a table of the past stands for: the list, and one that is changed below."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain.past_draft import IGNORED, ROLES, TIME, VALUE, PastColumn, PastDraft
from lamplighter.ui.meaning_editor import MeaningEditor
from lamplighter.ui.parts import Elided, Text, button, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.words import tr

MEANINGS: Final = {
    VALUE: "Value", TIME: "Time", "datastream": "Name of the datastream",
    "source": "Source (station, plant)", "quality": "Quality", "unit": "Unit of the value",
    "asset": "Asset", "mode": "What failed", "note": "Note", "created": "Made, began",
    "closed": "Closed, done", "id": "Number", "title": "What was to do", "state": "State",
    "due": "Due", "origin": "Origin", "finding": "What was found", IGNORED: "Not stored",
}  # fmt: skip


class PastColumns(QWidget):
    """`edited` with a column's name and its changes as a dict; `load` for a mapping file."""

    edited = Signal(str, object)
    load = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._draft: PastDraft | None = None
        self._name = ""
        self._quiet = False
        self.table = plain_table(
            tr("Columns and what they mean"),
            [tr("Column"), tr("Means"), tr("Unit"), tr("Check")], 1,
        )  # fmt: skip
        self.table.itemSelectionChanged.connect(self._picked)
        self._what = Elided("", "caption", "secondary")
        name, hint = tr("Name of the datastream"), tr("named as the column")
        self.editor = MeaningEditor(name, hint, tr("unit"))
        self.editor.edited.connect(self._edited)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        load = button(tr("Load mapping…"), self.load.emit,
                      tip=tr("A mapping file as `import --map` reads it"))  # fmt: skip
        box.addLayout(row(Text(tr("Columns"), "bodyStrong"), None, load))
        box.addWidget(self.table, 1)
        box.addWidget(self._what)
        box.addWidget(self.editor)
        self._show_column()

    def show_draft(self, draft: PastDraft | None) -> None:
        """The draft as it is now; None where a file's mapping is used."""
        kind_before = self._draft.kind if self._draft is not None else ""
        self._draft = draft
        columns = draft.columns if draft is not None else ()
        if draft is not None and draft.kind != kind_before:
            self.editor.offer({role: MEANINGS[role] for role in ROLES[draft.kind]})
        self._quiet = True
        fill(
            self.table,
            [(c.name, _means(draft, c), c.unit or "—", _check(c)) for c in columns if draft],
            [c.role == IGNORED for c in columns],
        )
        if self._name not in {c.name for c in columns}:
            first = next((c for c in columns if c.role == VALUE), columns[0] if columns else None)
            self._name = first.name if first is not None else ""
        at = next((n for n, c in enumerate(columns) if c.name == self._name), -1)
        if at >= 0 and self.table.currentRow() != at:
            self.table.selectRow(at)
        self._quiet = False
        self._show_column()

    def choose(self, name: str) -> None:
        """Edit this column."""
        self._name = name
        self.show_draft(self._draft)

    def _column(self) -> PastColumn | None:
        columns = self._draft.columns if self._draft is not None else ()
        return next((c for c in columns if c.name == self._name), None)

    def _show_column(self) -> None:
        column = self._column()
        wide = column is not None and column.role == VALUE
        wide = wide and self._draft is not None and not self._draft.long
        self.editor.show_one(column, named=wide)
        for field in (self.editor.label, self.editor.unit):
            field.setVisible(self._draft is not None and self._draft.kind == "observations")
        if column is None:
            self._what.set_full(tr("The mapping of the file says what each column means"))
            return
        words = tr("Meaning of {name}", name=column.name)
        self._what.set_full(f"{words}: {column.why}" if column.why else words)

    def _picked(self) -> None:
        at = self.table.currentRow()
        if not self._quiet and self._draft is not None and 0 <= at < len(self._draft.columns):
            self._name = self._draft.columns[at].name
            self._show_column()

    def _edited(self, changes: dict[str, object]) -> None:
        column = self._column()
        if column is not None and not self._quiet:
            self.edited.emit(column.name, changes)


def _means(draft: PastDraft | None, column: PastColumn) -> str:
    words = tr(MEANINGS[column.role])
    if column.role == VALUE and column.label:
        return f"{words}: {column.label}"
    if column.role == TIME and draft is not None:
        return f"{words} ({draft.time_format})"
    return words


def _check(column: PastColumn) -> str:
    """What the rows that were looked at have in it."""
    if column.role == VALUE and column.low is not None and column.high is not None:
        return tr("{a} – {b}, {n} cells", a=f"{column.low:.6g}", b=f"{column.high:.6g}",
                  n=f"{column.filled:,}")  # fmt: skip
    return f"{column.sample[:28]}" if column.sample else tr("empty")
