"""The findings of a check as rows: how bad, what, where, and whether it can be mended."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from lamplighter.domain.findings import Finding
from lamplighter.ui.words import tr

WORDS: Final = {"error": "Error", "warning": "Warning", "note": "Note"}
_HEAD: Final = ("Severity", "Finding", "Object", "What", "Fix")
_KIND_HEAD: Final = ("Kind", "Severity", "Count")
_ORDER: Final = {"error": 0, "warning": 1, "note": 2}
_ROOT: Final = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


def kind_words(code: str, name: str) -> str:
    """`203 non planar polygon distance plane`, `duplicate id`."""
    return f"{code} {name.replace('_', ' ').lower()}" if name else code.replace("-", " ")


class KindTable(QAbstractTableModel):
    """Kinds of findings with their counts, the worst first."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str, str, int]] = []
        """code, words, severity, count"""

    def show_findings(self, findings: list[Finding]) -> None:
        count = Counter(f.code for f in findings)
        known = {f.code: f for f in findings}
        self.beginResetModel()
        self.rows = sorted(
            (
                (code, kind_words(code, known[code].name), known[code].severity, count[code])
                for code in count
            ),
            key=lambda row: (_ORDER[row[2]], -row[3], row[0]),
        )
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(_KIND_HEAD)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return tr(_KIND_HEAD[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        _, words, severity, count = self.rows[index.row()]
        return (words, tr(WORDS[severity]), f"{count:,}")[index.column()]


class FindingTable(QAbstractTableModel):
    """Findings of one kind or of all, the worst first; any number of them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Finding] = []

    def show_findings(self, findings: list[Finding]) -> None:
        self.beginResetModel()
        self.rows = findings
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(_HEAD)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return tr(_HEAD[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return self.cells(self.rows[index.row()])[index.column()]

    @staticmethod
    def cells(finding: Finding) -> tuple[str, str, str, str, str]:
        """What each column shows."""
        what = finding.message
        if finding.surface >= 0:
            what = tr("{what} (surface {n})", what=what, n=finding.surface)
        fix = tr("mended") if finding.fixed else tr("possible") if finding.fixable else ""
        return (
            tr(WORDS[finding.severity]),
            kind_words(finding.code, finding.name),
            finding.object or finding.layer,
            what,
            fix,
        )
