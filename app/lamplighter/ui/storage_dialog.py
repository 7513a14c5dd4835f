"""Storage: what the project takes, how long the disk lasts, what is kept how long, the backup."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFormLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.retention import LONGEST_DAYS, MOST_ALARM_MINUTES, Retention
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.glance import Glance
from lamplighter.ui.parts import Canvas, Panel, Scroller, Text, button, row, rule, window_of_its_own
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

EVERY: Final = 10
"""seconds between two looks while it is open"""
PREVIEW_MS: Final = 300
CONFIRM: Final = "expire"
PARTS: Final = {
    "hot": "Newest points, not sealed yet",
    "sealed": "Sealed points",
    "rollups": "Rollups, gaps, catalogue",
    "spare": "Room in the database, used again",
    "city": "City, alarms, audit record",
    "media": "Pictures and files",
    "cache": "Cache, made again when needed",
    "aside": "Damaged files set aside",
}


class Shares(Canvas):
    """One line a part: name, bar, size."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parts: tuple[wire.StoragePart, ...] = ()
        theme().changed.connect(self._fit)

    def show_parts(self, parts: tuple[wire.StoragePart, ...]) -> None:
        """The largest first."""
        self.parts = tuple(sorted(parts, key=lambda p: -p.bytes))
        self.setAccessibleName("; ".join(f"{_name(p)} {_part_size(p)}" for p in self.parts))
        self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(max(1, len(self.parts)) * theme().px(24))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(560), max(1, len(self.parts)) * theme().px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setFont(look.font("body"))
        high, wide = look.px(24), float(self.width())
        most = max((p.bytes for p in self.parts), default=0) or 1
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, part in enumerate(self.parts):
            line = QRectF(0, number * high, wide, high)
            painter.setPen(look.colour("text.primary" if part.bytes else "text.muted"))
            painter.drawText(line.adjusted(0, 0, -wide * 0.54, 0), left, _name(part))
            bar = QRectF(wide * 0.47, line.center().y() - 4, wide * 0.17 * part.bytes / most, 8)
            painter.fillRect(bar, look.colour("chart.trace2"))
            painter.drawText(line, right, _part_size(part))
        painter.end()


class StorageDialog(QWidget):
    """Figures are asked for anew while it is open; the rule changes only by its button."""

    gone = Signal()
    to_backup = Signal()

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Storage"))
        self._desk = desk
        self._closed = False
        self.found: wire.Storage | None = None
        self.preview: wire.RetentionPreview | None = None
        self.lasts = Text(tr("Looking"), "heading")
        self.facts = Text("", "body", "secondary", wrap=True)
        self.shares = Shares()
        self._make_rule()
        self.backup = Text("", "body", "secondary", wrap=True)
        self._lay_out()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PREVIEW_MS)
        self._soon.timeout.connect(self._ask_preview)
        Glance(self, desk, self.look, EVERY)
        desk.backup_done.connect(lambda _: self.look())
        self.resize(theme().px(640), theme().px(660))
        self._enable()

    def _make_rule(self) -> None:
        self.raw, self.rollups, self.alarms = QSpinBox(), QSpinBox(), QSpinBox()
        for box, most, words, zero, unit in (
            (self.raw, LONGEST_DAYS, tr("Single points"), tr("for ever"), tr(" days")),
            (self.rollups, LONGEST_DAYS, tr("Rollups"), tr("for ever"), tr(" days")),
            (self.alarms, MOST_ALARM_MINUTES, tr("Points around alarms"), tr("none"), tr(" min")),
        ):
            box.setRange(0, most)
            box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
            box.setAccessibleName(words)
            box.setSpecialValueText(zero)
            box.setSuffix(unit)
            box.setMinimumWidth(theme().px(140))
            box.valueChanged.connect(self._changed)
        self.meaning = Text("", "body", "secondary", wrap=True)
        self.confirm = QLineEdit()
        self.confirm.setAccessibleName(tr("Confirm that points go"))
        self.confirm.setMinimumWidth(theme().px(200))
        self.confirm.setPlaceholderText(tr("type {word} to confirm", word=CONFIRM))
        self.confirm.textChanged.connect(lambda _: self._enable())
        self.primary = button(tr("Set the rule"), self.set_rule, kind="primary")

    def _lay_out(self) -> None:
        inner = Panel()
        box = QVBoxLayout(inner)
        box.setContentsMargins(16, 16, 16, 8)
        box.setSpacing(8)
        box.addWidget(self.lasts)
        box.addWidget(self.facts)
        box.addWidget(self.shares)
        box.addWidget(rule())
        box.addWidget(Text(tr("How long history is kept"), "bodyStrong"))
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        form.addRow(tr("Single points"), self.raw)
        form.addRow(tr("Minimum, mean, maximum"), self.rollups)
        form.addRow(tr("Around each alarm, as long as those"), self.alarms)
        box.addLayout(form)
        box.addWidget(self.meaning)
        box.addLayout(row(self.confirm, self.primary, None))
        box.addWidget(rule())
        box.addWidget(Text(tr("Backup"), "bodyStrong"))
        box.addWidget(self.backup)
        box.addLayout(row(button(tr("Take a backup…"), self.to_backup.emit), None))
        box.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 12)
        outer.addWidget(Scroller(inner), 1)
        outer.addLayout(row(16, None, button(tr("Close"), self.close), 16))

    # ---------------------------------------------------------------- looking
    def look(self) -> None:
        """Ask for the figures."""
        if not self._closed:
            self._desk.ask(wire.GetStorage(), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if self._closed:
            return
        if not isinstance(reply, wire.Storage):
            self.lasts.setText(tr("Not known"))
            self.facts.setText(str(getattr(reply, "problem", "")))
            return
        before, self.found = self.found, reply
        self.lasts.setText(lasting(reply.days_left))
        self.facts.setText(fact_words(reply))
        self.shares.show_parts(reply.parts)
        self.backup.setText(backup_words(reply.backup))
        if before is None or self.wanted == before.retention:
            self._show_rule(reply.retention)
        self._enable()

    def _show_rule(self, kept: Retention) -> None:
        for box, value in (
            (self.raw, kept.raw_days),
            (self.rollups, kept.rollup_days),
            (self.alarms, kept.alarm_minutes),
        ):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self._changed()

    # ---------------------------------------------------------------- the rule
    @property
    def wanted(self) -> Retention:
        """The rule as it stands in the fields."""
        return Retention(self.raw.value(), self.rollups.value(), self.alarms.value())

    def _changed(self) -> None:
        self.preview = None
        self._soon.start()
        self._enable()

    def _ask_preview(self) -> None:
        if self.found is not None and self.wanted != self.found.retention:
            wanted = self.wanted
            self._desk.ask(wire.PreviewRetention(wanted), lambda r: self._previewed(wanted, r))

    def _previewed(self, wanted: Retention, reply: wire.Reply) -> None:
        if self._closed or wanted != self.wanted:
            return
        if isinstance(reply, wire.RetentionPreview):
            self.preview = reply
            self._enable()
        else:
            self._enable()
            self.meaning.setText(str(getattr(reply, "problem", "")))

    def _enable(self) -> None:
        found, seen = self.found, self.preview
        same = found is None or self.wanted == found.retention
        self.rollups.setEnabled(self.raw.value() > 0)
        self.alarms.setEnabled(self.raw.value() > 0)
        takes = seen is not None and bool(seen.points or seen.rollup_points)
        self.confirm.setVisible(takes)
        sure = not takes or self.confirm.text().strip().casefold() == CONFIRM
        self.primary.setEnabled(not same and seen is not None and sure)
        if found is None:
            words = ""
        elif same:
            words = tr("Now: {words}.", words=found.retention.words)
        elif seen is None:
            words = tr("Counting what would go…")
        else:
            words = preview_words(seen)
        self.meaning.setText(words)

    def set_rule(self) -> None:
        """Make it the project's rule."""
        if self.primary.isEnabled():
            self.primary.setEnabled(False)
            self._desk.ask(wire.SetRetention(self.wanted), self._set)

    def _set(self, reply: wire.Reply) -> None:
        if self._closed:
            return
        if isinstance(reply, wire.Storage):
            self.confirm.clear()
            self.found = None
            self._got(reply)
        else:
            self._enable()
            self.meaning.setText(str(getattr(reply, "problem", "")))

    def closeEvent(self, event: QCloseEvent) -> None:
        self._closed = True
        self.gone.emit()
        super().closeEvent(event)


def size_words(count: float) -> str:
    """`1.2 GB`, in powers of ten."""
    for unit, one in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:,.1f}{numbers.THIN}{unit}"
    return f"{count:,.0f}{numbers.THIN}B"


def _name(part: wire.StoragePart) -> str:
    return tr(PARTS.get(part.kind, part.kind))


def _part_size(part: wire.StoragePart) -> str:
    words = size_words(part.bytes)
    if not part.whole:
        return tr("over {size}, more than {n} files", size=words, n=f"{part.files:,}")
    if part.files:
        return tr("{size}, {n} files", size=words, n=f"{part.files:,}")
    return words


def lasting(days: float | None) -> str:
    """How long the disk lasts."""
    if days is None:
        return tr("The disk lasts more than ten years")
    return tr("The disk lasts {n} days", n=numbers.number(days, 1 if days >= 10 else 0.1))


def fact_words(found: wire.Storage) -> str:
    """Free space, growth, points."""
    basis = tr("measured") if found.measured else tr("estimated, nothing is sealed yet")
    first = tr(
        "{free} free. A day adds {day}: {points} points at {each} bytes ({basis}).",
        free=size_words(found.disk_free_bytes), day=size_words(found.bytes_per_day),
        points=f"{found.points_per_day:,.0f}", each=f"{found.bytes_per_point:.1f}", basis=basis,
    )  # fmt: skip
    second = tr("{n} points are kept", n=f"{found.points:,}")
    if found.oldest_ms:
        second += tr(", the oldest of {day}", day=long_day(found.oldest_ms))
    if found.expired_points:
        second += tr("; {n} have expired", n=f"{found.expired_points:,}")
    return f"{first}\n{second}."


def long_day(ms: int) -> str:
    """`Sun 22 Nov 2026`: history is kept for years."""
    return f"{numbers.day(ms)} {numbers.local(ms).year}"


def preview_words(seen: wire.RetentionPreview) -> str:
    """What would go, and what that brings."""
    if seen.points:
        words = tr(
            "{n} points in {s} segments ({size}), up to {day}, would go within a minute, except "
            "those around alarms.",
            n=f"{seen.points:,}", s=f"{seen.segments:,}", size=size_words(seen.bytes),
            day=long_day(seen.until_ms),
        )  # fmt: skip
    else:
        words = tr("Nothing is old enough to go now.")
    if seen.rollup_points:
        words += " " + tr("Of {n} points not even rollups would stay.",
                          n=f"{seen.rollup_points:,}")  # fmt: skip
    return f"{words} {lasting(seen.days_left)}."


def backup_words(last: wire.LastBackup | None) -> str:
    """When the last one was taken."""
    if last is None:
        return tr("No backup of this project was taken on this machine yet.")
    kind = tr("encrypted") if last.encrypted else tr("not encrypted")
    return tr(
        "The last one: {day} {time}, {size}, {kind}, read back and whole: {file}",
        day=long_day(last.wall_ms), time=numbers.clock_short(last.wall_ms),
        size=size_words(last.bytes), kind=kind, file=last.file,
    )  # fmt: skip
