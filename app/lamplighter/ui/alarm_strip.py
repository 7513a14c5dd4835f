"""The alarm strip: what stands, by priority, and the one thing to look at first."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from lamplighter.domain.alarm import AlarmRecord, AlarmState
from lamplighter.domain.alarm_report import Annunciator
from lamplighter.ui import numbers
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import glyph_pixmap, icon_pixmap
from lamplighter.ui.parts import Canvas, Elided, Fitted, button, rule, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr


class Count(Canvas):
    """A glyph with its count; hollow and muted at zero."""

    def __init__(self, priority: int, blink: Blink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.priority = priority
        self.count = 0
        self.unacked = False
        self._blink = blink
        blink.phase.connect(self._phase)

    def _phase(self) -> None:
        if self.unacked:
            self.update()

    def show_count(self, count: int, unacked: bool) -> None:
        if (count, unacked) != (self.count, self.unacked):
            self.count, self.unacked = count, unacked
            self.setAccessibleName(tr("Priority {p}: {n} alarms", p=self.priority, n=count))
            self.setToolTip(self.accessibleName())
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        look = theme()
        width = (
            look.px(20)
            + 8
            + self.fontMetrics().horizontalAdvance("0") * max(2, len(f"{self.count:,}"))
        )
        return QSize(width + 12, look.px(24))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        size = look.px(20)
        top = (self.height() - size) / 2
        if not self.unacked or self._blink.on:
            pixmap = glyph_pixmap(
                self.priority, size=size, ratio=self.devicePixelRatioF(), hollow=self.count == 0
            )
            painter.drawPixmap(QRectF(0, top, size, size).topLeft(), pixmap)
        painter.setFont(look.font("bodyStrong" if self.count else "body"))
        painter.setPen(look.colour("text.primary" if self.count else "text.muted"))
        box = QRectF(size + 8, 0, self.width() - size - 8, self.height())
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, left, f"{self.count:,}")
        painter.end()


class Marked(Canvas):
    """A mark with a short text: `1 shelved`; a click asks to see them."""

    clicked = Signal()

    def __init__(self, icon_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon_name
        self._text = ""
        self._words = ""
        self._brief = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()

    def show_text(self, number: int, words: str) -> None:
        """The number, then its words where there is room."""
        if (f"{number:,}", words) != (self._text, self._words):
            self._text, self._words = f"{number:,}", words
            self.setAccessibleName(f"{self._text} {words}")
            self.setToolTip(self.accessibleName())
            self.updateGeometry()
            self.update()

    def set_brief(self, brief: bool) -> None:
        """Only the number; the words stand in the tip."""
        if brief != self._brief:
            self._brief = brief
            self.updateGeometry()
            self.update()

    @property
    def _shown(self) -> str:
        return self._text if self._brief else f"{self._text} {self._words}"

    def _wide(self, text: str) -> QSize:
        look = theme()
        self.setFont(look.font("body"))
        return QSize(24 + self.fontMetrics().horizontalAdvance(text) + 4, look.px(24))

    def sizeHint(self) -> QSize:
        return self._wide(self._shown)

    def minimumSizeHint(self) -> QSize:
        return self._wide(self._text)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        top = round((self.height() - 16) / 2)
        pixmap = icon_pixmap(self._icon, 16, look.colour("state.hollow"), self.devicePixelRatioF())
        painter.drawPixmap(QPoint(0, top), pixmap)
        painter.setFont(look.font("body"))
        painter.setPen(look.colour("text.secondary"))
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(24, 0, self.width() - 24, self.height()), left, self._shown)
        painter.end()


def horn_words(horn: Annunciator) -> str:
    """Who silenced the horn, for every console; empty while it sounds or is off."""
    if horn.horn != "silenced":
        return ""
    at = numbers.clock_short(horn.since_ms)
    return tr("Silenced by {who} {t}", who=horn.by or tr("another console"), t=at)


def flood_words(desk: Desk) -> str:
    """One sentence about the flood; empty without one."""
    horn = desk.room.horn
    if not horn.flood_since_ms:
        return ""
    return tr(
        "Alarm flood since {t}: {n} new alarms in the last 10 minutes, {u} unacknowledged. "
        "Grouped, nothing is hidden.",
        t=numbers.clock_short(horn.flood_since_ms),
        n=f"{horn.last_10_min:,}",
        u=f"{horn.unacknowledged:,}",
    )


def asks(record: AlarmRecord) -> bool:
    """Whether somebody must acknowledge it."""
    if record.state is AlarmState.LATCHED:
        return not record.acked_ms
    return record.state in {AlarmState.UNACK, AlarmState.RTN_UNACK}


class AlarmStrip(QFrame):
    """40 px. `acknowledge` carries the keys of the line shown; `chosen` its asset."""

    acknowledge = Signal(tuple)
    silence = Signal()
    chosen = Signal(str)
    kind = Signal(str)
    """the list shall show alarms of this state"""

    def __init__(self, desk: Desk, blink: Blink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("alarmStrip")
        self._desk, self._blink = desk, blink
        self._counts = [Count(p, blink) for p in (1, 2, 3, 4)]
        self._shelved, self._out = Marked("shelved"), Marked("out_of_service")
        self._aside = Marked("suppressed")
        for mark, state in (
            (self._shelved, AlarmState.SHELVED),
            (self._aside, AlarmState.SUPPRESSED),
            (self._out, AlarmState.OUT_OF_SERVICE),
        ):
            mark.clicked.connect(lambda s=state.value: self.kind.emit(s))
        self._flood = tag("")
        self._headline = Fitted("bodyStrong", "primary", 520)
        self._detail = Elided("", "body", "secondary")
        self._right = Fitted("caption", "secondary", 420)
        self._silence = button(tr("Silence  Ctrl M"), self.silence.emit)
        self._ack = button(tr("Acknowledge  F2"), self._acknowledge, kind="primary")
        self._mute = True
        self._shown: AlarmRecord | None = None
        self._keys: tuple[str, ...] = ()
        self._parts: list[tuple[int, str]] = []
        """what the line says after its head: (rank, words), the lowest rank is left out last"""
        self._line = layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(8)
        for count in self._counts:
            layout.addWidget(count)
        layout.addWidget(rule(vertical=True))
        layout.addSpacing(4)
        layout.addWidget(self._shelved)
        layout.addWidget(self._aside)
        layout.addWidget(self._out)
        layout.addWidget(rule(vertical=True))
        layout.addSpacing(4)
        layout.addWidget(self._flood)
        layout.addWidget(self._headline)
        layout.addWidget(self._detail, 1)
        layout.addWidget(self._right)
        layout.addWidget(self._silence)
        layout.addWidget(self._ack)
        desk.alarms_changed.connect(self.refresh)
        desk.room.horn_changed.connect(self.refresh)
        desk.time.changed.connect(self.refresh)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    @property
    def shown(self) -> AlarmRecord | None:
        """The alarm in the line: newest unacknowledged of the highest priority."""
        return self._shown

    def refresh(self) -> None:
        """After an alarm changed, and once a second for the ages."""
        standing = self._desk.standing()
        active = [
            a
            for a in standing
            if a.state not in {AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}
        ]
        counts = Counter(a.priority for a in active)
        waiting = Counter(a.priority for a in active if a.state is AlarmState.UNACK)
        for widget in self._counts:
            widget.show_count(counts[widget.priority], bool(waiting[widget.priority]))
        states = Counter(a.state for a in standing)
        self._shelved.show_text(states[AlarmState.SHELVED], tr("shelved"))
        aside = states[AlarmState.SUPPRESSED]
        self._aside.show_text(aside, tr("suppressed"))
        self._aside.setVisible(aside > 0)
        self._out.show_text(states[AlarmState.OUT_OF_SERVICE], tr("out of service"))
        self._blink.need(bool(waiting))
        self._tell_flood()
        unacked = [a for a in active if a.state is AlarmState.UNACK]
        asking = [a for a in active if asks(a)]
        causes = {i.cause for i in self._desk.incidents}
        self._shown = min(
            unacked or asking or active,
            key=lambda a: (a.priority, a.key not in causes, -a.since_ms),
            default=None,
        )
        self._tell_line(bool(unacked))
        replay = self._desk.time.mode is Mode.REPLAY
        self._ack.setVisible(bool(asking) and not self._desk.time.commands_locked)
        sounding = self._desk.room.horn.horn == "sounding"
        self._silence.setVisible(sounding and not replay)
        self._tell_right(replay, bool(unacked))
        self._fit()

    def _tell_flood(self) -> None:
        began = self._desk.room.horn.flood_since_ms
        flood = bool(began) and self._desk.time.mode is not Mode.REPLAY
        self._flood.setVisible(flood)
        if flood:
            self._flood.setToolTip(flood_words(self._desk))

    def _tell_line(self, unacked: bool) -> None:
        shown, desk = self._shown, self._desk
        if shown is None:
            self._keys = ()
            self._headline.hide()
            self._parts = [(0, self._quiet())]
            return
        incident = next((i for i in desk.incidents if shown.key in (i.cause, *i.folded)), None)
        age = numbers.age((desk.time.now_ms - shown.since_ms) / 1000)
        name = desk.city.name(shown.asset)
        self._headline.show()
        self._headline.set_full(f"{name} {shown.text}" if name else shown.text)
        people = incident.people_affected if incident else shown.people
        parts = [(1, tr("{n} people", n=numbers.number(people, 1)))] if people else []
        self._keys = (shown.key,)
        if incident is not None and incident.cause == shown.key:
            parts.append((3, tr("{n} alarms folded", n=len(incident.folded))))
        parts.append((2, age))
        if not unacked:
            over = tr("over, not acknowledged") if asks(shown) else tr("acknowledged")
            parts.append((0, over))
        self._parts = parts

    def _quiet(self) -> str:
        if self._desk.nothing_live():
            return tr("No alarms known. Nothing is live, so new ones cannot be seen.")
        if not self._desk.last_returned_ms:
            return tr("No active alarms.")
        ago = numbers.age((self._desk.time.wall_ms - self._desk.last_returned_ms) / 1000)
        at = numbers.clock_short(self._desk.last_returned_ms)
        return tr(
            "No active alarms. Last one returned to normal at {at}, {ago} ago.", at=at, ago=ago
        )

    def _tell_right(self, replay: bool, unacked: bool) -> None:
        if replay:
            ones = [
                a
                for a in self._desk.live_alarms.values()
                if a.priority == 1 and a.state is AlarmState.UNACK
            ]
            newest = max(ones, key=lambda a: a.since_ms, default=None)
            if newest is None:
                text = tr("Live now: no unacknowledged alarms of priority 1")
            else:
                name = self._desk.city.name(newest.asset)
                text = tr("Live now: 1 {name} {what}", name=name, what=newest.text)
            self._right.set_full(text)
        elif self._desk.time.mode is Mode.SCENARIO:
            self._right.set_full(tr("The live city goes on beside the scenario"))
        else:
            self._right.set_full(self._sound())
        self._right.setVisible(bool(self._right.full))

    # ---------------------------------------------------------------- room
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Nothing is cut: words that stand in a tip as well go first, then whole parts of the line,
        and the head ends in an ellipsis only when all that is gone."""
        parts = list(self._parts)
        head = self._headline.natural() if not self._headline.isHidden() else 0
        began = numbers.clock_short(self._desk.room.horn.flood_since_ms)
        for brief, words in (
            (False, tr("GROUPED BY CAUSE since {t}", t=began)),
            (True, tr("GROUPED BY CAUSE since {t}", t=began)),
            (True, tr("GROUPED")),
        ):
            for mark in (self._shelved, self._aside, self._out):
                mark.set_brief(brief)
            self._flood.setText(words)
            room = self._room()
            if head + self._wide(parts) <= room:
                break
        while len(parts) > 1 and min(head, room // 2) + self._wide(parts) > room:
            parts.remove(max(parts))
        self._headline.set_room(max(24, room - self._wide(parts)))
        self._detail.set_full(", ".join(words for _, words in parts))

    def _wide(self, parts: list[tuple[int, str]]) -> int:
        """Pixels of the words behind the head, with a little air."""
        text = ", ".join(words for _, words in parts)
        return self._detail.fontMetrics().horizontalAdvance(text) + 8

    def _room(self) -> int:
        """Pixels for the head and what follows it."""
        taken, shown = 0, 0
        for at in range(self._line.count()):
            item = self._line.itemAt(at)
            if item is None:
                continue
            widget = item.widget()
            if widget is not None and widget.isHidden():
                continue
            shown += 1
            if widget not in (self._headline, self._detail):
                taken += item.sizeHint().width()
        return self.width() - 32 - taken - 8 * max(0, shown - 1)

    def show_sound(self, on: bool) -> None:
        """Whether this console makes a sound of its own; it is said beside Silence when not."""
        self._mute = not on
        tip = tr("For every console, until the next alarm.")
        if self._mute:
            tip += " " + tr("This console makes no sound.")
        self._silence.setToolTip(tip)

    def _sound(self) -> str:
        return horn_words(self._desk.room.horn)

    def _acknowledge(self) -> None:
        if self._keys:
            self.acknowledge.emit(self._keys)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._shown is not None:
            self.chosen.emit(self._shown.asset)

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(40))
