"""Who changed what of a record, when, where and why; and what two places say differently."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain.edits import Conflict, Edit, Edits, Value
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.ui.order_words import field_words, value_words, when
from lamplighter.ui.parts import Text, button, row, rule
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.words import tr

Decide = Callable[[Conflict, Value, str, str], None]
"""(conflict, value, reason, second person)"""


class ConflictCard(QWidget):
    """Both sides of one field, side by side, and what was before them."""

    def __init__(
        self, conflict: Conflict, order: WorkOrder, here: str, decide: Decide, locked: bool
    ) -> None:
        super().__init__()
        self.conflict = conflict
        self._decide = decide
        name = field_words(conflict.field, order)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 4)
        box.setSpacing(4)
        box.addWidget(Text(tr("Two places say different things: {f}", f=name), "bodyStrong"))
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(tr("why this one; needed for safety fields"))
        self.reason.setAccessibleName(tr("Reason for deciding {f}", f=name))
        self.second = QLineEdit()
        self.second.setPlaceholderText(tr("the second person who decides with you"))
        self.second.setAccessibleName(tr("Second person deciding {f}", f=name))
        self.keep = []
        for head in conflict.heads:
            side = tr("here") if head.origin == here else tr("elsewhere")
            words = value_words(conflict.field, head.value)
            made = button(tr("Keep “{v}”", v=words), self._taker(head))
            made.setEnabled(not locked)
            self.keep.append(made)
            about = f"{head.author or '—'}, {side}, {when(head.made_ms)}"
            if head.reason:
                about += f": {head.reason}"
            line = row(made, Text(about, "caption", "secondary", wrap=True))
            line.setStretch(1, 1)
            box.addLayout(line)
        if conflict.agreed is not None:
            before = value_words(conflict.field, conflict.agreed)
            box.addWidget(Text(tr("Before both: “{v}”", v=before), "caption", "secondary"))
        if conflict.safety:
            box.addWidget(
                Text(tr("About safety: it stays as it was before both until somebody decides."),
                     "caption", "secondary", wrap=True)
            )  # fmt: skip
        self.second.setVisible(conflict.safety)
        box.addWidget(self.reason)
        box.addWidget(self.second)
        box.addWidget(rule())

    def _taker(self, head: Edit) -> Callable[[], None]:
        return lambda: self._take(head)

    def _take(self, head: Edit) -> None:
        reason, second = self.reason.text().strip(), self.second.text().strip()
        if self.conflict.safety and not (reason and second):
            (self.second if reason else self.reason).setFocus()
            return
        self._decide(self.conflict, head.value, reason, second)


class HistoryPage(QWidget):
    """Conflicts on top, then every edit, the newest first."""

    def __init__(self, decide: Decide, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._decide = decide
        self.cards: list[ConflictCard] = []
        self._shown: tuple[object, ...] = ()
        self._place = QVBoxLayout()
        titles = (tr("When"), tr("Who"), tr("Field"), tr("Value"), tr("Where"), tr("Why"))
        self.table = plain_table(tr("History"), titles, 5)
        self.none = Text(
            tr("Nothing was changed since it was made."), "body", "secondary", wrap=True
        )
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addLayout(self._place)
        box.addWidget(self.none)
        box.addWidget(self.table, 1)

    def show_record(
        self, edits: Edits, object: str, order: WorkOrder, here: str, locked: bool
    ) -> None:
        """All edits of a record; `here` is this console's name among their origins."""
        conflicts = edits.conflicts([object])
        shape = (conflicts, locked)
        if shape != self._shown:
            self._shown = shape
            for card in self.cards:
                self._place.removeWidget(card)
                card.deleteLater()
            self.cards = [ConflictCard(c, order, here, self._decide, locked) for c in conflicts]
            for card in self.cards:
                self._place.addWidget(card)
        found = edits.history(object)[::-1]
        rows, muted = [], []
        heads = {h.id for e in found for h in edits.heads(object, e.field)}
        for edit in found:
            away = edit.origin[:8] or "—"
            side = tr("here") if edit.origin and edit.origin == here else away
            rows.append((when(edit.made_ms), edit.author or tr("first state"),
                         field_words(edit.field, order), value_words(edit.field, edit.value), side,
                         edit.reason))  # fmt: skip
            muted.append(edit.id not in heads)
        fill(self.table, rows, muted)
        self.none.setVisible(not rows)
        self.table.setVisible(bool(rows))
