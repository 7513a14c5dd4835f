"""The files of an import as a table: what was found in each, where it lies, what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from lamplighter.domain.importing import FileReport
from lamplighter.ui.words import tr

COLUMNS: Final = (
    "File", "Format", "Place", "Objects", "Triangles", "Placed", "Verdict", "System (EPSG:n)",
)  # fmt: skip
CRS: Final = len(COLUMNS) - 1
TRIANGLES: Final = 4
NUMBERS: Final = (3, 4, 5)
Index = QModelIndex | QPersistentModelIndex


class ImportTable(QAbstractTableModel):
    """One row per file; the last column takes a coordinate system for that file alone."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[FileReport] = []
        self.crs_of: dict[str, str] = {}
        self.taken = False

    def show(self, reports: list[FileReport], *, taken: bool) -> None:
        """Replace all rows; parts of other files are left out, they are counted elsewhere."""
        self.beginResetModel()
        self.reports = [r for r in reports if not r.part_of]
        self.taken = taken
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.reports)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole and section in NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        found = super().flags(index)
        if index.column() == CRS and not self.taken:
            found |= Qt.ItemFlag.ItemIsEditable
        return found

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        report, column = self.reports[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(report, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join([report.file, report.crs_evidence, verdict(report, self.taken)])
        if role == Qt.ItemDataRole.TextAlignmentRole and column in NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _text(self, report: FileReport, column: int) -> str:
        match column:
            case 0:
                return Path(report.file).name
            case 1:
                return f"{report.format} {report.version}".strip()
            case 2:
                return report.crs
            case 3:
                return f"{sum(report.objects.values()):,}"
            case 4:
                return f"{report.triangles:,}"
            case 5:
                return f"{report.placed:,}"
            case 6:
                return verdict(report, self.taken)
            case _:
                return self.crs_of.get(report.file, "")

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if index.column() != CRS or role != Qt.ItemDataRole.EditRole:
            return False
        text = str(value).strip().upper()
        if text and text.removeprefix("EPSG:").isdigit():
            self.crs_of[self.reports[index.row()].file] = f"EPSG:{text.removeprefix('EPSG:')}"
        elif not text:
            self.crs_of.pop(self.reports[index.row()].file, None)
        else:
            return False
        self.dataChanged.emit(index, index)
        return True


def verdict(report: FileReport, taken: bool) -> str:
    """One line: taken, ready, without a place, or refused and why."""
    if report.error:
        return report.error
    if report.already:
        return tr("already in, unchanged")
    if report.unplaced and not report.placed:
        return tr("no place: {why}", why=report.unplaced[0].reason)
    words = tr("imported") if taken else tr("ready")
    if report.unplaced:
        words += tr(", {n} without a place", n=f"{len(report.unplaced):,}")
    return words


def story(report: FileReport) -> str:
    """Everything about one file, for the right side of the dialog."""
    lines = [report.file, ""]
    if report.error or not report.placed:
        lines += [verdict(report, bool(report.layer)), ""]
    if report.crs_evidence:
        lines += [tr("Place: {words}", words=report.crs_evidence), ""]
    kinds = sorted(report.objects.items(), key=lambda item: -item[1])[:12]
    lines += [f"{count:,} {kind}" for kind, count in kinds]
    licence = report.licence or tr("not stated")
    if report.licence and report.terms_from:
        licence += tr(" (from {name})", name=report.terms_from)
    lines += ["", tr("Licence: {words}", words=licence)]
    if report.attribution:
        lines.append(tr("Attribution: {words}", words=report.attribution))
    if report.date:
        lines.append(tr("Date: {words}", words=report.date))
    if report.difference is not None:
        change = report.difference
        lines += ["", tr(
            "Against the version before: {a} added, {r} removed, {m} moved, {c} changed.",
            a=change.added, r=change.removed, m=change.moved, c=change.changed,
        )]  # fmt: skip
        lines += [f"+ {name}" for name in change.added_ids[:8]]
        lines += [f"− {name}" for name in change.removed_ids[:8]]
        lines += [f"{e.id}: {e.what} {e.before} → {e.after}" for e in change.changed_ids[:8]]
        lines += [f"{e.id}: {e.what} {e.after}" for e in change.moved_ids[:8]]
    if report.unplaced:
        lines += ["", tr("Without a place:")]
        lines += [f"{u.id}: {u.reason}" for u in report.unplaced[:12]]
    if report.warnings:
        lines += ["", *report.warnings[:20]]
    return "\n".join(lines)
