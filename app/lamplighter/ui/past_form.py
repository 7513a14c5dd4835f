"""What is said of a table of the past as a whole: its kind, source, and how times are written."""

from __future__ import annotations

import functools
from typing import Final
from zoneinfo import available_timezones

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain.past_draft import FORMATS, KINDS, OBSERVATIONS, PastDraft
from lamplighter.ui.parts import Text
from lamplighter.ui.words import tr

KIND_WORDS: Final = {
    "observations": "Observations", "failures": "Failures", "work orders": "Work orders",
}  # fmt: skip
PATTERNS: Final = (
    *FORMATS, "us", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y/%m/%d %H:%M:%S",
    "%Y%m%d%H%M",
)  # fmt: skip


class PastForm(QWidget):
    """`changed` with what is different as a dict of fields of a `PastDraft`."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._draft: PastDraft | None = None
        self.kind, self.decimal = QComboBox(), QComboBox()
        self.time_format, self.zone = QComboBox(), QComboBox()
        self.source = QLineEdit()
        for kind in KINDS:
            self.kind.addItem(tr(KIND_WORDS[kind]), kind)
        self.decimal.addItem(tr("decimal point 1.5"), ".")
        self.decimal.addItem(tr("decimal comma 1,5"), ",")
        for box, items in ((self.time_format, PATTERNS), (self.zone, _zones())):
            box.setEditable(True)
            box.addItems(list(items))
            box.setMinimumContentsLength(8)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            line = box.lineEdit()
            if line is not None:
                line.editingFinished.connect(self._said)
        self.source.setPlaceholderText(tr("whose datastreams these are"))
        for field, name in (
            (self.kind, tr("What the table holds")), (self.decimal, tr("Decimal sign")),
            (self.time_format, tr("How times are written")), (self.zone, tr("Time zone")),
            (self.source, tr("Source")),
        ):  # fmt: skip
            field.setAccessibleName(name)
        self.kind.activated.connect(self._kind)
        for combo in (self.decimal, self.time_format, self.zone):
            combo.activated.connect(lambda _: self._said())
        self.source.editingFinished.connect(self._said)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        self._source_word = Text(tr("Source"), "caption", "secondary")
        places = (
            (Text(tr("Holds"), "caption", "secondary"), self.kind, 0, 0),
            (self._source_word, self.source, 0, 2),
            (Text(tr("Times"), "caption", "secondary"), self.time_format, 1, 0),
            (Text(tr("Zone"), "caption", "secondary"), self.zone, 1, 2),
        )
        for word, widget, line_, column in places:
            grid.addWidget(word, line_, column)
            grid.addWidget(widget, line_, column + 1)
        grid.addWidget(self.decimal, 2, 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        self.time_format.setToolTip(
            tr("iso, ms, s, us, or a pattern: %Y year, %m month, %d day, %H hour, %M minute, "
               "%S second")
        )  # fmt: skip
        self.zone.setToolTip(tr("Of times that name none"))
        self.show_draft(None)

    def show_draft(self, draft: PastDraft | None) -> None:
        """The draft as it is; None where a file's own mapping is used. What somebody is just typing
        stays.
        """
        before, self._draft = self._draft, draft
        mine = (self.source, self.decimal, self.time_format, self.zone)
        for field in mine:
            field.setEnabled(draft is not None)
        observed = draft is None or draft.kind == OBSERVATIONS
        for widget in (self.source, self._source_word, self.decimal):
            widget.setVisible(observed)
        if draft is None:
            return
        self.kind.setCurrentIndex(self.kind.findData(draft.kind))
        self.decimal.setCurrentIndex(self.decimal.findData(draft.decimal))
        for name, text, put in (
            ("source", self.source.text(), self.source.setText),
            ("time_format", self.time_format.currentText(), self.time_format.setCurrentText),
            ("zone", self.zone.currentText(), self.zone.setCurrentText),
        ):
            if before is None or text == getattr(before, name):
                put(getattr(draft, name))

    def _kind(self) -> None:
        if self._draft is None or self.kind.currentData() != self._draft.kind:
            self.changed.emit({"kind": self.kind.currentData()})

    def _said(self) -> None:
        draft = self._draft
        if draft is None:
            return
        said = {
            "source": self.source.text().strip(),
            "decimal": self.decimal.currentData(),
            "time_format": self.time_format.currentText().strip() or "iso",
            "zone": self.zone.currentText().strip() or "UTC",
        }
        fresh = {k: v for k, v in said.items() if getattr(draft, k) != v}
        if fresh:
            self.changed.emit(fresh)


def invitation() -> QWidget:
    """What can be brought in, before a file is chosen."""
    page = QWidget()
    box = QVBoxLayout(page)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(10)
    box.addWidget(Text(tr("Years of observations, past failures, work orders"), "heading"))
    for words in (
        tr("Choose or drop a table: CSV, Parquet, what a historian exported, or what "
           "Lamplighter exported. It may be of any length."),
        tr("Its first rows are looked at and a meaning is proposed for each column. You "
           "change what is wrong and see the values in their units on their assets, before "
           "anything is stored."),
        tr("It is recorded now: nobody can take it for something this console knew at the "
           "time. No alarm follows from it, and it is no present value. A file never comes "
           "in twice."),
    ):  # fmt: skip
        box.addWidget(Text(words, "body", "secondary", wrap=True))
    box.addStretch(1)
    return page


@functools.cache
def _zones() -> list[str]:
    return ["UTC", *sorted(z for z in available_timezones() if "/" in z and z[:3] != "Etc")]
