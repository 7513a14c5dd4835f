"""The board of a day: a row for each crew, time across, a card for each job.

A card is dragged with the mouse, or picked up with Space, moved with the arrows, dropped with
Enter and put back with Escape. While it hangs in the air the board says what the move would do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from lamplighter.domain.crew_plan import MINUTE_MS, Plan
from lamplighter.ui import numbers
from lamplighter.ui.crew_draft import LEFT, CrewDraft, Effect
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

NAMES_W: Final = 168
ROW_H: Final = 64
DENSE_H: Final = 28
"""of a row in which all stands on one line, where the rows would not fit"""
HEAD_H: Final = 24
CARD_W: Final = 168
"""of a job nobody has"""
GAP: Final = 8
FAR: Final = 6
"""pixels the mouse moves before a card hangs on it"""


class CrewBoard(Canvas):
    """Paints a `CrewDraft` and moves its cards. `moved` after each change, `picked` with the
    order under the cursor."""

    moved = Signal()
    picked = Signal(str)

    def __init__(self, draft: CrewDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.draft = draft
        self.current = ""
        self.hanging = ""
        """the order that is picked up"""
        self.target: tuple[str, int] | None = None
        self._pressed: QPointF | None = None
        self._row = ROW_H
        self._reckoned: tuple[tuple[str, tuple[str, int]], Plan, Effect] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Crew plan"))

    # ------------------------------------------------------------------ measures
    def sizeHint(self) -> QSize:
        return QSize(theme().px(760), self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(520), self._height())

    def _height(self) -> int:
        look = theme()
        return self._left_top() + self._left_height() + look.px(2 if self.dense else GAP)

    @property
    def dense(self) -> bool:
        """Whether each row is a single line."""
        return self._row == DENSE_H

    def fit(self, height: int) -> None:
        """Take one line for each row when rows of two lines would not fit into `height` px."""
        self._row = ROW_H
        if self._height() > height:
            self._row = DENSE_H

    def _left_top(self) -> int:
        """Where jobs that nobody has begin."""
        look = theme()
        return look.px(HEAD_H) + len(self.draft.crews) * look.px(self._row)

    def _left_head(self) -> int:
        """Height of their heading; in dense rows it stands beside the cards, under the names."""
        return 0 if self.dense else theme().px(HEAD_H)

    def _left_height(self) -> int:
        look = theme()
        lines = -(-max(len(self.draft.left()), 1) // self._per_line())
        return self._left_head() + lines * look.px(self._row - self._air)

    @property
    def _air(self) -> int:
        """Between two lines of cards nobody has."""
        return 2 if self.dense else GAP

    def _per_line(self) -> int:
        look = theme()
        wide = max(self.width(), look.px(520)) - look.px(NAMES_W)
        return max(1, wide // look.px(CARD_W + GAP))

    def _span(self) -> tuple[int, int]:
        """First and last minute shown."""
        crews = self.draft.crews
        first = min((c.begin for c in crews), default=420)
        last = max((c.end for c in crews), default=900)
        ends = [(v.end_ms - self.draft.day_ms) // MINUTE_MS for v in self.draft.plan.visits]
        return first - 30, max([last, *ends]) + 30

    def _x(self, minute: float) -> float:
        look, (first, last) = theme(), self._span()
        names = look.px(NAMES_W)
        return names + (minute - first) / (last - first) * (self.width() - names - look.px(GAP))

    def _minute(self, ms: int) -> float:
        return (ms - self.draft.day_ms) / MINUTE_MS

    def row_rect(self, number: int) -> QRectF:
        look = theme()
        top = look.px(HEAD_H) + number * look.px(self._row)
        return QRectF(0, top, self.width(), look.px(self._row))

    def card_rects(self) -> dict[str, QRectF]:
        """Where each job's card lies."""
        look, found = theme(), {}
        for number, crew in enumerate(self.draft.crews):
            row = self.row_rect(number)
            for visit in self.draft.plan.of(crew.id):
                left, right = (
                    self._x(self._minute(visit.begin_ms)),
                    self._x(self._minute(visit.end_ms)),
                )
                edge = self._air / 2
                found[visit.order] = QRectF(left, row.top() + edge, max(right - left - 2, 8),
                                            row.height() - 2 * edge)  # fmt: skip
        top = self._left_top() + self._left_head()
        per = self._per_line()
        for at, order in enumerate(self.draft.left()):
            x = look.px(NAMES_W) + (at % per) * look.px(CARD_W + GAP)
            y = top + (at // per) * look.px(self._row - self._air)
            found[order] = QRectF(x, y, look.px(CARD_W), look.px(self._row - 2 * self._air))
        return found

    # ------------------------------------------------------------------ showing
    def refresh(self) -> None:
        """The draft changed."""
        if self.current not in self.draft.jobs:
            self.current = ""
        if self.hanging not in self.draft.jobs:
            self.hanging, self.target = "", None
        self.setMinimumHeight(self._height())
        self.updateGeometry()
        self.update()
        self._say()

    def select(self, order: str) -> None:
        """Put the cursor on a card."""
        if order != self.current:
            self.current = order
            self.picked.emit(order)
            self.update()
            self._say()

    def effect(self) -> Effect | None:
        """What dropping the hanging card here would do."""
        if not self.hanging or self.target is None:
            return None
        asked, plan, known = (self.hanging, self.target), self.draft.plan, self._reckoned
        if known is None or known[0] != asked or known[1] is not plan:
            known = asked, plan, self.draft.effect(self.hanging, *self.target)
            self._reckoned = known
        return known[2]

    def words(self) -> str:
        """What the move would do, in a sentence."""
        effect = self.effect()
        if effect is None or self.target is None:
            return ""
        crew = next((c.name for c in self.draft.crews if c.id == self.target[0]), "")
        place = tr("{crew}, place {n}", crew=crew, n=self.target[1] + 1) if crew else tr(
            "not planned"
        )  # fmt: skip
        way = tr("{km} km way", km=f"{effect.extra_m / 1000:+.1f}")
        return "; ".join([place, way, *effect.troubles])

    def _say(self) -> None:
        if self.hanging:
            text = tr("picked up {job}: {what}", job=self.draft.jobs[self.hanging].title,
                      what=self.words())  # fmt: skip
        elif self.current:
            text = f"{self.draft.jobs[self.current].title}: {self.draft.why(self.current)}"
        else:
            text = ""
        self.setAccessibleDescription(text)

    # ------------------------------------------------------------------ painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), look.colour("bg.panel"))
        self._paint_hours(painter)
        for number, crew in enumerate(self.draft.crews):
            self._paint_row(painter, number, crew.name,
                            ", ".join(crew.skills) or tr("no special skill"))  # fmt: skip
            self._paint_ways(painter, number)
        tall = look.px(self._row - 2 * self._air) if self.dense else look.px(HEAD_H)
        painter.setFont(look.font("bodyStrong"))
        painter.setPen(look.colour("text.primary"))
        painter.drawText(QRectF(8, self._left_top(), look.px(NAMES_W), tall),
                         Qt.AlignmentFlag.AlignVCenter, tr("Not planned"))  # fmt: skip
        for order, rect in self.card_rects().items():
            self._paint_card(painter, order, rect)
        self._paint_target(painter)
        painter.end()

    def _paint_hours(self, painter: QPainter) -> None:
        look, (first, last) = theme(), self._span()
        painter.setFont(look.font("tick"))
        bottom = self._left_top()
        for hour in range(-(-first // 60), last // 60 + 1):
            x = self._x(hour * 60)
            painter.setPen(QPen(look.colour("line.subtle"), 1))
            painter.drawLine(QPointF(x, look.px(HEAD_H)), QPointF(x, bottom))
            painter.setPen(look.colour("text.muted"))
            painter.drawText(QRectF(x - 24, 4, 48, 16), Qt.AlignmentFlag.AlignHCenter,
                             f"{hour % 24:02}:00")  # fmt: skip

    def _paint_row(self, painter: QPainter, number: int, name: str, skills: str) -> None:
        look, row = theme(), self.row_rect(number)
        crew = self.draft.crews[number]
        shift = QRectF(self._x(crew.begin), row.top() + 2,
                       self._x(crew.end) - self._x(crew.begin), row.height() - 4)  # fmt: skip
        painter.fillRect(shift, look.colour("bg.inset"))
        if self.target is not None and self.target[0] == crew.id:
            painter.fillRect(shift, look.colour("bg.hover"))
        width = look.px(NAMES_W) - 16
        if self.dense:
            both = QFontMetrics(look.font("caption")).elidedText(
                skills,
                Qt.TextElideMode.ElideRight,
                width - QFontMetrics(look.font("bodyStrong")).horizontalAdvance(name) - 12,
            )
            painter.setFont(look.font("caption"))
            painter.setPen(look.colour("text.secondary"))
            painter.drawText(
                QRectF(8, row.top(), width, row.height()),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                both,
            )
        lines = (("bodyStrong", "text.primary", 8, name), ("caption", "text.secondary", 30, skills))
        for role, colour, y, text in lines[:1] if self.dense else lines:
            y = (self._row - 20) // 2 if self.dense else y
            painter.setFont(look.font(role))
            painter.setPen(look.colour(colour))
            cut = QFontMetrics(look.font(role)).elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRectF(8, row.top() + look.px(y), width, look.px(20)),
                             Qt.AlignmentFlag.AlignVCenter, cut)  # fmt: skip

    def _paint_ways(self, painter: QPainter, number: int) -> None:
        """The way to each job, as a thin grey line before its card."""
        look, row = theme(), self.row_rect(number)
        painter.setPen(QPen(look.colour("line.strong"), 2, Qt.PenStyle.DotLine))
        for visit in self.draft.plan.of(self.draft.crews[number].id):
            begin = self._minute(visit.begin_ms)
            if visit.travel_min >= 1:
                y = row.center().y()
                painter.drawLine(QPointF(self._x(begin - visit.travel_min), y),
                                 QPointF(self._x(begin) - 1, y))  # fmt: skip

    def _paint_card(self, painter: QPainter, order: str, rect: QRectF) -> None:
        look, job, visit = theme(), self.draft.jobs[order], self.draft.visit(order)
        wrong = visit is not None and bool(visit.troubles)
        chosen = order == self.current
        painter.setBrush(look.colour("bg.selected" if chosen else "bg.raised"))
        pen = QPen(look.colour("line.strong"), 1)
        if wrong:
            pen = QPen(look.state(3), 2, Qt.PenStyle.DashLine)
        if order == self.hanging:
            pen = QPen(look.colour("action.focus"), 2, Qt.PenStyle.DashLine)
        elif chosen and self.hasFocus():
            pen = QPen(look.colour("action.focus"), 2)
        painter.setPen(pen)
        painter.drawRoundedRect(rect, 4, 4)
        ink = "text.onSelected" if chosen else "text.primary"
        title = f"{job.priority}  {job.title}" + ("  !" if wrong else "")
        begin = numbers.clock_short(visit.begin_ms) if visit is not None else ""
        second = "  ".join(t for t in (begin, job.asset, job.skill) if t)
        lines = (
            ("body", ink, 5, title),
            ("caption", ink if chosen else "text.secondary", 25, second),
        )
        for role, colour, y, text in lines[:1] if self.dense else lines:
            y = max(0, round(rect.height() / look.px(1)) - 18) // 2 if self.dense else y
            font = look.font(role)
            painter.setFont(font)
            painter.setPen(look.colour(colour))
            cut = QFontMetrics(font).elidedText(
                text, Qt.TextElideMode.ElideRight, int(rect.width()) - 12
            )
            painter.drawText(QRectF(rect.left() + 6, rect.top() + look.px(y), rect.width() - 8,
                                    look.px(18)), Qt.AlignmentFlag.AlignVCenter, cut)  # fmt: skip

    def _paint_target(self, painter: QPainter) -> None:
        if not self.hanging or self.target is None or self.target[0] == LEFT:
            return
        look = theme()
        number = next(n for n, c in enumerate(self.draft.crews) if c.id == self.target[0])
        row = self.row_rect(number)
        others = [v for v in self.draft.plan.of(self.target[0]) if v.order != self.hanging]
        place = self.target[1]
        if place < len(others):
            x = self._x(self._minute(others[place].begin_ms)) - 3
        elif others:
            x = self._x(self._minute(others[-1].end_ms)) + 3
        else:
            x = self._x(self.draft.crews[number].begin)
        painter.setPen(QPen(look.colour("action.focus"), 3))
        painter.drawLine(QPointF(x, row.top() + 2), QPointF(x, row.bottom() - 2))

    # ------------------------------------------------------------------ the mouse
    def mousePressEvent(self, event: QMouseEvent) -> None:
        order = self._at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and order:
            self._pressed = event.position()
            self.select(order)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            order = self._at(event.position())
            tip = f"{self.draft.jobs[order].title}\n{self.draft.why(order)}" if order else ""
            self.setToolTip(tip)
            return
        far = (event.position() - self._pressed).manhattanLength() > FAR
        if not self.hanging and far:
            self._pick_up()
            self._hung()
        if self.hanging:
            target = self._place(event.position())
            if target != self.target:
                self.target = target
                self._hung()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        if self.hanging and self.target is not None:
            self.drop()

    def _at(self, place: QPointF) -> str:
        return next((o for o, r in self.card_rects().items() if r.contains(place)), "")

    def _place(self, at: QPointF) -> tuple[str, int]:
        """Which crew and place a point means."""
        for number, crew in enumerate(self.draft.crews):
            if self.row_rect(number).contains(at):
                others = [v for v in self.draft.plan.of(crew.id) if v.order != self.hanging]
                middles = [
                    self._x((self._minute(v.begin_ms) + self._minute(v.end_ms)) / 2) for v in others
                ]
                return crew.id, sum(m < at.x() for m in middles)
        return LEFT, 0

    # ------------------------------------------------------------------ the keys
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        arrows = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        if key in arrows:
            rows, places = arrows[Qt.Key(key)]
            (self._carry if self.hanging else self._walk)(rows, places)
        elif key == Qt.Key.Key_Space and self.current and not self.hanging:
            self._pick_up()
            self._hung()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.hanging:
            self.drop()
        elif key == Qt.Key.Key_Escape and self.hanging:
            self.hanging, self.target = "", None
            self._hung()
        elif key == Qt.Key.Key_Delete and self.current:
            self._change(self.draft.moved(self.current, LEFT, 0))
        else:
            super().keyPressEvent(event)

    def _pick_up(self) -> None:
        self.hanging = self.current
        self.target = self.draft.row_of(self.hanging)

    def _hung(self) -> None:
        self.update()
        self._say()
        self.picked.emit(self.current)

    def drop(self) -> None:
        """Put the hanging card where it hangs."""
        order, target = self.hanging, self.target
        self.hanging, self.target = "", None
        if order and target is not None:
            self._change(self.draft.moved(order, *target))
        self._hung()

    def _change(self, ways: dict[str, tuple[str, ...]]) -> None:
        if self.draft.put(ways):
            self.refresh()
            self.moved.emit()

    def _rows(self) -> list[str]:
        return [*(c.id for c in self.draft.crews), LEFT]

    def _orders(self, row: str) -> tuple[str, ...]:
        return self.draft.left() if row == LEFT else self.draft.ways.get(row, ())

    def _walk(self, rows: int, places: int) -> None:
        """The cursor goes to the card beside, or to the nearest of the next row with any."""
        names = self._rows()
        if not self.current:
            first = next((o for r in names for o in self._orders(r)), "")
            self.select(first)
            return
        row, place = self.draft.row_of(self.current)
        if places:
            orders = self._orders(row)
            self.select(orders[min(max(place + places, 0), len(orders) - 1)])
            return
        at = names.index(row) + rows
        while 0 <= at < len(names) and not self._orders(names[at]):
            at += rows
        if 0 <= at < len(names):
            orders = self._orders(names[at])
            self.select(orders[min(place, len(orders) - 1)])

    def _carry(self, rows: int, places: int) -> None:
        """The hanging card goes to another crew or place."""
        names = self._rows()
        row, place = self.target or self.draft.row_of(self.hanging)
        at = min(max(names.index(row) + rows, 0), len(names) - 1)
        others = [o for o in self._orders(names[at]) if o != self.hanging]
        top = 0 if names[at] == LEFT else len(others)
        self.target = names[at], min(max(place + places, 0), top)
        self._hung()


def midnight_of(text: str) -> int:
    """Local midnight of `YYYY-MM-DD` in UTC ms."""
    day = datetime.strptime(text, "%Y-%m-%d")
    return int(day.astimezone().timestamp() * 1000)
