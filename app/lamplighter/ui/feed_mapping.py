"""What each field of a feed's messages means: the right half of its dialog."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.mapping_draft import (
    IGNORED,
    NAME,
    QUALITY,
    TIME,
    VALUE,
    FieldDraft,
    MappingDraft,
    datastream_name,
)
from lamplighter.ui.meaning_editor import MeaningEditor
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.words import tr

MEANINGS: Final = {
    VALUE: "Value", TIME: "Time measured", NAME: "Name of the device", QUALITY: "Quality",
    IGNORED: "Not stored",
}  # fmt: skip


class MappingPanel(QWidget):
    """Fields with meaning, unit and check; one is edited below."""

    chosen = Signal(object)
    edited = Signal(object, object)
    """path and the changes as a dict"""
    load = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._draft: MappingDraft | None = None
        self._path: tuple[str, ...] | None = None
        self._quiet = False
        self.table = plain_table(
            tr("Fields and what they mean"), [tr("Field"), tr("Means"), tr("Unit"), tr("Check")], 1
        )
        self.table.itemSelectionChanged.connect(self._picked)
        self._what = Text("", "caption", "secondary")
        self.editor = MeaningEditor(tr("Name of the value"), tr("as the field"))
        self.editor.offer(MEANINGS)
        self.editor.edited.connect(self._edited)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(
            row(
                Text(tr("Mapping"), "bodyStrong"), None, button(tr("Load mapping…"), self.load.emit)
            )
        )
        box.addWidget(self.table, 1)
        box.addWidget(self._what)
        box.addWidget(self.editor)
        self._show_field()

    def show_draft(self, draft: MappingDraft | None) -> None:
        """The draft as it is now."""
        self._draft = draft
        fields = draft.fields if draft is not None else ()
        self._quiet = True
        fill(
            self.table,
            [(f.name, _means(draft, f), f.unit or "—", _check(f)) for f in fields if draft],
            [f.role == IGNORED for f in fields],
        )
        self._quiet = False
        if self._path is None and fields:
            first = next((f for f in fields if f.role == VALUE), fields[0])
            self._path = first.path
        self.choose(self._path)

    def choose(self, path: tuple[str, ...] | None) -> None:
        """Edit this field."""
        self._path = path
        fields = self._draft.fields if self._draft is not None else ()
        at = next((n for n, f in enumerate(fields) if f.path == path), -1)
        self._quiet = True
        if at >= 0 and self.table.currentRow() != at:
            self.table.selectRow(at)
        self._quiet = False
        self._show_field()

    def _field(self) -> FieldDraft | None:
        fields = self._draft.fields if self._draft is not None else ()
        return next((f for f in fields if f.path == self._path), None)

    def _show_field(self) -> None:
        field = self._field()
        self.editor.show_one(field, named=field is not None and field.role == VALUE)
        if field is None:
            self._what.setText(tr("Point at a field to change what it means"))
            return
        self._what.setText(
            tr("Meaning of {name}", name=field.name) + (f": {field.why}" if field.why else "")
        )

    def _picked(self) -> None:
        if self._quiet or self._draft is None:
            return
        at = self.table.currentRow()
        if 0 <= at < len(self._draft.fields):
            self._path = self._draft.fields[at].path
            self._show_field()
            self.chosen.emit(self._path)

    def _edited(self, changes: dict[str, object]) -> None:
        field = self._field()
        if field is not None and not self._quiet:
            self.edited.emit(field.path, changes)


def _means(draft: MappingDraft | None, field: FieldDraft) -> str:
    match field.role:
        case "value":
            return datastream_name(draft, field) if draft is not None else field.name
        case "time":
            form = draft.time_format if draft is not None else ""
            return tr("Time measured ({form})", form=form)
        case "name":
            return tr("Name of the device")
        case "quality":
            return tr("Quality")
    return tr("Not stored")


def _check(field: FieldDraft) -> str:
    """What all messages so far had in it."""
    seen = tr("{n} seen", n=f"{field.seen:,}")
    if field.role == VALUE and field.low is not None and field.high is not None:
        return f"{field.low:.6g} – {field.high:.6g}, {seen}"
    return f"{field.sample[:24]}, {seen}" if field.sample else seen
