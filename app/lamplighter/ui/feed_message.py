"""One real message as a tree: every field can be pointed at and shows what it stands for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHeaderView,
    QPlainTextEdit,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.mapping_draft import NAME, QUALITY, TIME, VALUE, FieldDraft, MappingDraft
from lamplighter.ui import numbers
from lamplighter.ui.parts import Elided, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

MOST_NODES: Final = 600
PATH: Final = int(Qt.ItemDataRole.UserRole)


def meaning(field: FieldDraft) -> str:
    """`→ time`, `→ temp, °C`, `not stored`."""
    match field.role:
        case "value":
            unit = f", {field.unit}" if field.unit else ""
            return f"→ {field.label or field.name}{unit}"
        case "time":
            return tr("→ time")
        case "name":
            return tr("→ name of the device")
        case "quality":
            return tr("→ quality")
    return tr("not stored")


def field_path(node: Sequence[str | int], steps: Sequence[str]) -> tuple[str, ...] | None:
    """The path within a record of a place in the message; None for what lies outside records."""
    rest = list(node)
    for step in steps:
        if not rest:
            return None
        here = rest.pop(0)
        fits = isinstance(here, int) if step == "[]" else step == "*" or here == step
        if not fits:
            return None
    return tuple(str(part) for part in rest)


class MessageView(QWidget):
    """The message with its fields, and buttons that say what the chosen field is."""

    chosen = Signal(object)
    """path of a field"""
    role_wanted = Signal(object, str)
    """path and role"""

    def __init__(self) -> None:
        super().__init__()
        self._samples: tuple[wire.TrialMessage, ...] = ()
        self._message: wire.TrialMessage | None = None
        self._draft: MappingDraft | None = None
        self._head = Elided("", "caption", "secondary")
        self._topic = Elided("", "mono", "secondary")
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(tr("Fields of the message"))
        self.tree.setHeaderLabels([tr("Field"), tr("Value"), tr("Means")])
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(theme().px(14))
        self.tree.setUniformRowHeights(True)
        self.tree.setFont(theme().font("mono"))
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.tree.setColumnWidth(0, theme().px(120))
        self.tree.setColumnWidth(1, theme().px(120))
        self.tree.currentItemChanged.connect(self._picked)
        self.tree.doubleClicked.connect(self._toggled)
        self.plain = QPlainTextEdit()
        self.plain.setReadOnly(True)
        self.plain.setFont(theme().font("mono"))
        self.plain.setAccessibleName(tr("The message as text"))
        self.plain.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.tree)
        self._stack.addWidget(self.plain)
        self._roles = {
            role: button(tr(words), lambda r=role: self._want(r), tip=tr(tip))  # type: ignore[misc]
            for role, words, tip in (
                (VALUE, "Value", "Store this field"),
                (TIME, "Time", "It says when it was measured"),
                (NAME, "Name", "It tells the devices apart"),
                (QUALITY, "Quality", "It says how good the values are"),
                ("ignored", "Not stored", "Leave this field out"),
            )
        }
        self._older = button(tr("Previous message"), lambda: self._step(1))
        self._newer = button(tr("Next message"), lambda: self._step(-1))
        self._count = Text("", "caption", "secondary")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        top = row(Text(tr("A real message"), "bodyStrong"))
        top.addWidget(self._head, 1)
        box.addLayout(top)
        box.addWidget(self._topic)
        box.addWidget(self._stack, 1)
        box.addLayout(row(*self._roles.values(), None, spacing=4))
        box.addLayout(row(self._older, self._newer, None, self._count))
        self._enable()

    # ---------------------------------------------------------------- showing
    def show_messages(self, trial: wire.Trial, draft: MappingDraft | None) -> None:
        """The messages of a trial; the one that is shown stays until another is asked for."""
        same_draft = draft == self._draft
        before = self._draft.topics if self._draft is not None else None
        same_group = before == (draft.topics if draft is not None else None)
        self._draft, self._samples = draft, trial.samples
        if self._message is None or not same_group:
            self._message = trial.samples[0] if trial.samples else None
            same_draft = False
        message = self._message
        if message is None:
            self.tree.clear()
        elif not same_draft:
            self._show(message)
        self._words(trial.messages)
        self._enable()

    def _words(self, seen: int) -> None:
        message = self._message
        if seen:
            self._count.setText(tr("{m} seen", m=numbers.number(seen, 1)))
        if message is not None:
            at = numbers.clock(message.received_ms)
            self._head.set_full(tr("received {t}, {n} bytes", t=at, n=f"{message.size:,}"))
            self._topic.set_full(message.topic or tr("no topic"))

    def _show(self, message: wire.TrialMessage) -> None:
        tree = _parsed(message.body)
        if tree is None:
            if self.plain.toPlainText() != message.body:
                self.plain.setPlainText(message.body)
            self._stack.setCurrentWidget(self.plain)
            return
        chosen = self._path()
        self.tree.blockSignals(True)
        self.tree.clear()
        fields = {f.path: f for f in self._draft.fields} if self._draft is not None else {}
        steps = self._draft.records if self._draft is not None else ()
        left = [MOST_NODES]
        self._grow(self.tree.invisibleRootItem(), tree, (), steps, fields, left)
        self.tree.expandAll()
        self.tree.blockSignals(False)
        self._stack.setCurrentWidget(self.tree)
        if chosen is not None:
            self.choose(chosen)

    def _grow(
        self,
        parent: QTreeWidgetItem,
        value: Any,
        node: tuple[str | int, ...],
        steps: Sequence[str],
        fields: dict[tuple[str, ...], FieldDraft],
        left: list[int],
    ) -> None:
        pairs: list[tuple[str | int, Any]]
        if isinstance(value, dict):
            pairs = list(value.items())
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        else:
            pairs = [("value", value)] if not node else []
        for key, child in pairs:
            if left[0] <= 0:
                return
            left[0] -= 1
            here = (*node, key) if node or isinstance(value, dict | list) else ()
            plain = not isinstance(child, dict | list)
            item = QTreeWidgetItem(parent, [f"[{key}]" if isinstance(key, int) else str(key)])
            item.setSizeHint(0, QSize(0, theme().px(26)))
            if plain:
                item.setText(1, _shown(child))
            path = field_path(here, steps)
            field = fields.get(path) if path is not None and plain else None
            if field is not None:
                item.setText(2, meaning(field))
                item.setToolTip(2, field.why)
                item.setData(0, PATH, "\x1f".join(field.path) + "\x1e")
                if field.role == "ignored":
                    for column in range(3):
                        item.setForeground(column, theme().colour("text.muted"))
            if not plain:
                self._grow(item, child, here, steps, fields, left)

    # ---------------------------------------------------------------- choosing
    def choose(self, path: tuple[str, ...]) -> None:
        """Mark a field without telling anybody."""
        wanted = "\x1f".join(path) + "\x1e"
        found = self._find(self.tree.invisibleRootItem(), wanted)
        if found is not None:
            self.tree.blockSignals(True)
            self.tree.setCurrentItem(found)
            self.tree.blockSignals(False)
        self._enable()

    def _find(self, item: QTreeWidgetItem, wanted: str) -> QTreeWidgetItem | None:
        for at in range(item.childCount()):
            child = item.child(at)
            if child.data(0, PATH) == wanted:
                return child
            deeper = self._find(child, wanted)
            if deeper is not None:
                return deeper
        return None

    def _path(self) -> tuple[str, ...] | None:
        item = self.tree.currentItem()
        text = item.data(0, PATH) if item is not None else None
        if not isinstance(text, str):
            return None
        inner = text.removesuffix("\x1e")
        return tuple(inner.split("\x1f")) if inner else ()

    def _picked(self, *_: object) -> None:
        path = self._path()
        if path is not None:
            self.chosen.emit(path)
        self._enable()

    def _toggled(self, _: QModelIndex) -> None:
        path = self._path()
        field = self._field(path)
        if field is not None:
            self.role_wanted.emit(path, "ignored" if field.role == VALUE else VALUE)

    def _field(self, path: tuple[str, ...] | None) -> FieldDraft | None:
        fields = self._draft.fields if self._draft is not None else ()
        return next((f for f in fields if f.path == path), None)

    def _want(self, role: str) -> None:
        path = self._path()
        if path is not None:
            self.role_wanted.emit(path, role)

    def _step(self, by: int) -> None:
        at = self._place() + by
        if 0 <= at < len(self._samples):
            self._message = self._samples[at]
            self._show(self._message)
            self._words(0)
            self._enable()

    def _place(self) -> int:
        """Where the shown message stands among the newest; behind them when it is older."""
        if self._message in self._samples:
            return self._samples.index(self._message)
        return len(self._samples)

    def _enable(self) -> None:
        some = self._path() is not None and self._stack.currentWidget() is self.tree
        for made in self._roles.values():
            made.setEnabled(some)
        self._older.setEnabled(self._place() + 1 < len(self._samples))
        self._newer.setEnabled(self._place() > 0)


def _parsed(body: str) -> Any:
    """The JSON value of a body; None for what is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:200]}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)[:60]
