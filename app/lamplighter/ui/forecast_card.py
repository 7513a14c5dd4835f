"""One asset's forecast as a card: range, usual for its class, why, similar cases, draft order."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from lamplighter.domain.maintenance import AGE_MODEL, Prognosis, Reason
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.maintenance_list import best, has_forecast
from lamplighter.ui.models_page import record_of
from lamplighter.ui.order_form import draft
from lamplighter.ui.parts import Canvas, Elided, Panel, Scroller, Text, button, row, rule, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

TREND: Final = "trend"
"""how the models of drifts to a limit are called"""


class Fan(Canvas):
    """Chance over the next 30 days: never a centre without its range."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item: Prognosis | None = None
        self.setMinimumHeight(theme().px(120))

    def show_item(self, item: Prognosis | None) -> None:
        self._item = item
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look, item = theme(), self._item
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(28, 4, self.width() - 34, self.height() - 24)
        painter.fillRect(box, look.colour("chart.plot"))
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawRect(box)
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.muted"))
        for share, word in ((0.0, "0"), (0.5, "50"), (1.0, "100")):
            at = QRectF(0, box.bottom() - share * box.height() - 8, 24, 16)
            painter.drawText(at, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, word)
        for day, word in ((0, tr("today")), (7, "7 d"), (14, "14 d"), (21, "21 d"), (30, "30 d")):
            x = box.left() + day / 30 * box.width()
            at = QRectF(x - 30, box.bottom() + 3, 60, 14)
            painter.drawText(at.translated(min(0.0, self.width() - at.right()), 0),
                             Qt.AlignmentFlag.AlignHCenter, word)  # fmt: skip
        if item is not None and has_forecast(item):
            self._paint_fan(painter, box, item)
        painter.end()

    def _paint_fan(self, painter: QPainter, box: QRectF, item: Prognosis) -> None:
        look = theme()

        def curve(end: float) -> list[QPointF]:
            """Constant hazard up to the stated chance at 30 days."""
            stay = max(1e-6, 1.0 - min(0.9999, end))
            return [
                QPointF(box.left() + d / 30 * box.width(),
                        box.bottom() - (1 - stay ** (d / 30)) * box.height())
                for d in range(0, 31, 2)
            ]  # fmt: skip

        low, high = curve(item.low or 0.0), curve(item.high or 0.0)
        band = look.colour("chart.band")
        band.setAlphaF(0.3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(band)
        painter.drawPolygon(QPolygonF([*high, *reversed(low)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.colour("chart.trace1"), 2))
        painter.drawPolyline(QPolygonF(curve(best(item))))
        if item.naive_probability is not None:
            pen = QPen(look.colour("chart.forecast"), 1)
            pen.setDashPattern([4, 3])
            painter.setPen(pen)
            line = curve(item.naive_probability)
            painter.drawPolyline(QPolygonF(line))
            painter.drawText(QPointF(box.right() - 66, line[-1].y() - 5), tr("naive rule"))


class ForecastCard(Panel):
    """One asset's forecast: range, usual for its class, why, similar cases, and the draft order."""

    to_order = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._item: Prognosis | None = None
        self._stack = QStackedWidget()
        empty = Panel()
        box = QVBoxLayout(empty)
        box.setContentsMargins(16, 16, 16, 16)
        self._none = Text("", "body", "secondary", wrap=True)
        box.addWidget(Text(tr("No forecast here"), "heading"))
        box.addWidget(self._none)
        box.addStretch(1)
        content = Panel()
        self._layout = QVBoxLayout(content)
        self._layout.setContentsMargins(16, 12, 16, 12)
        self._layout.setSpacing(8)
        self._build()
        self._stack.addWidget(empty)
        self._stack.addWidget(Scroller(content))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        desk.selection.changed.connect(self.refresh)
        desk.prognosis_changed.connect(self.refresh)
        desk.city_changed.connect(self.refresh)
        desk.models.changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        self._name = Elided("", "heading")
        self._path = Elided("", "caption", "secondary")
        self._trust = tag("")
        head = row(self._name, self._trust)
        head.setStretch(0, 1)
        self._layout.addLayout(head)
        self._layout.addWidget(self._path)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        self._claim = Text(tr("Fails within 30 days"), "caption", "secondary")
        grid.addWidget(self._claim, 0, 0)
        grid.addWidget(Text(tr("Usual for this class"), "caption", "secondary"), 0, 1)
        self._chance = Text("", "valueL")
        self._usual = Text("", "valueM", "secondary")
        self._days = Text("", "bodyStrong")
        grid.addWidget(self._chance, 1, 0)
        grid.addWidget(self._usual, 1, 1, Qt.AlignmentFlag.AlignBottom)
        grid.setColumnStretch(1, 1)
        self._layout.addLayout(grid)
        self._layout.addWidget(self._days)
        self._fan = Fan()
        self._layout.addWidget(self._fan)
        self._layout.addWidget(Text(tr("Why"), "caption", "secondary"))
        self._why = Reasons()
        self._layout.addWidget(self._why)
        self._change = Text("", "body", "secondary", wrap=True)
        self._layout.addWidget(self._change)
        self._layout.addWidget(Text(tr("Most similar cases"), "caption", "secondary"))
        self._cases = Text("", "body", wrap=True)
        self._layout.addWidget(self._cases)
        self._basis = Text("", "caption", "secondary", wrap=True)
        self._layout.addWidget(self._basis)
        self._record = Text("", "caption", "secondary", wrap=True)
        self._layout.addWidget(self._record)
        self._layout.addWidget(rule())
        self._layout.addWidget(Text(tr("Work order, draft"), "bodyStrong"))
        self._draft = Text("", "body", "secondary", wrap=True)
        self._layout.addWidget(self._draft)
        self._create = button(tr("Create work order  Ctrl N"),
                              lambda: self.to_order.emit(self._desk.selection.current),
                              kind="primary")  # fmt: skip
        self._layout.addLayout(row(self._create, None))
        self._layout.addStretch(1)

    def refresh(self) -> None:
        current = self._desk.selection.current
        item = next((p for p in self._desk.prognoses if p.asset == current), None)
        if item is None and not current:
            given = [p for p in self._desk.prognoses if has_forecast(p)]
            item = max(given, key=best, default=None)
        self._item = item
        if item is None or not has_forecast(item):
            self._stack.setCurrentIndex(0)
            if item is not None:
                why = item.basis or tr("no basis")
            elif current:
                why = tr("{n} is not among the assets the model follows.",
                         n=self._desk.city.name(current))  # fmt: skip
            else:
                why = tr("Select an asset in the maintenance list.")
            self._none.setText(why)
            return
        self._stack.setCurrentIndex(1)
        self._show(item)

    def _show(self, item: Prognosis) -> None:
        name = self._desk.city.name(item.asset)
        self._name.set_full(f"{name}  {item.what}")
        people = (
            tr(" · {n} people behind it", n=numbers.number(item.people, 1)) if item.people else ""
        )
        self._path.set_full(self._desk.city.path(item.asset) + people)
        self._trust.setText(tr("TRUST {t}", t=f"{item.trust:.2f}"))
        self._chance.setText(numbers.percent_range(item.low or 0.0, item.high or 0.0))
        usual = item.naive_probability
        self._usual.setText(numbers.percent(usual) if usual is not None else tr("not known"))
        drifts = item.model.startswith(TREND)
        self._claim.setText(
            tr("At its limit within 30 days") if drifts else tr("Fails within 30 days")
        )
        self._days.setText(lead_words(item, drifts))
        self._days.setVisible(item.days_low is not None and item.days_high is not None)
        self._fan.show_item(item)
        self._why.show_item(item)
        self._change.setText(told_beside(item))
        self._change.setVisible(bool(self._change.text()))
        cases = [f"{c.asset}, {numbers.day(c.when_ms)}: {c.outcome}" for c in item.similar[:3]]
        self._cases.setText("\n".join(cases) or tr("none recorded"))
        made = numbers.clock_short(item.made_ms)
        self._basis.setText(
            tr(
                "Learned from {b}. Made {t}. {m}",
                b=item.basis or tr("not stated"),
                t=made,
                m=item.model,
            )
            + "".join("\n" + tr("Besides: {o}.", o=other) for other in item.others)
        )
        self._record.setText(
            tr("Track record of its class: {r}", r=record_of(self._desk, self._class(item.asset)))
        )
        self._draft.setText(draft(item, name).title)

    def _class(self, asset: str) -> str:
        known = self._desk.city.assets.get(asset)
        return known.type if known is not None and known.type else "other"


def lead_words(item: Prognosis, drifts: bool) -> str:
    """In how many days a drift reaches its limit, or it fails, should it fail in the horizon.

    A model of failures learned its band from lives that ended within the horizon, so its days hold
    under that condition only and go no further than it. Those from ages are of the whole life.
    """
    if item.days_low is None or item.days_high is None:
        return ""
    days = numbers.value_range(round(item.days_low), round(item.days_high))
    if drifts:
        words = tr("Reaches its limit in {d} days", d=days)
    elif item.model == AGE_MODEL:
        words = tr("Fails in {d} days", d=days)
    else:
        last = min(item.days_high, item.horizon_days)
        days = numbers.value_range(round(item.days_low), round(last))
        words = tr("If within {h} days: in {d} days", h=round(item.horizon_days), d=days)
    if item.days_median is not None:
        words += tr(", most likely {m}", m=round(item.days_median))
    return words


def told_beside(item: Prognosis) -> str:
    """What would change the claim, and what age alone has to do with it."""
    parts = []
    if item.would_change:
        parts.append(tr("Would change it: {w}.", w=item.would_change))
    if item.age_share is not None:
        parts.append(
            tr("Age alone: {p} of it.", p=numbers.percent(item.age_share))
            if item.age_share
            else tr("Age is not looked at.")
        )
    return " ".join(parts)


class Reasons(Canvas):
    """Each signal's sentence, in two lines at most, with its share as a bar and a number."""

    LINES: Final = 2

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item: Prognosis | None = None

    def show_item(self, item: Prognosis) -> None:
        self._item = item
        self._fit()
        words = [f"{r.text or r.signal} {numbers.percent(r.share)}" for r in item.reasons]
        self.setAccessibleName(", ".join(words) or tr("No signal stands out."))
        self.setToolTip("\n".join(words))
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = [self._lines(r.text or r.signal) for r in self._reasons()]
        bars = theme().px(18) * len(shown)
        height = sum(map(len, shown)) * self._line() + bars
        if self.minimumHeight() != max(self._line(), height):
            self.setFixedHeight(max(self._line(), height))

    def _reasons(self) -> tuple[Reason, ...]:
        return self._item.reasons[:5] if self._item is not None else ()

    @staticmethod
    def _line() -> int:
        return QFontMetrics(theme().font("body")).height()

    def _lines(self, text: str) -> list[str]:
        """The words by line; what is too long for the last one is cut there."""
        metrics, width = QFontMetrics(theme().font("body")), max(80, self.width())
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if metrics.horizontalAdvance(longer) <= width or not lines[-1]:
                lines[-1] = longer
            elif len(lines) < self.LINES:
                lines.append(word)
            else:
                lines[-1] = metrics.elidedText(longer, Qt.TextElideMode.ElideRight, width)
                break
        return lines

    def paintEvent(self, event: QPaintEvent) -> None:
        look, line = theme(), self._line()
        painter = QPainter(self)
        painter.setFont(look.font("body"))
        top = 0.0
        if not self._reasons():
            painter.setPen(look.colour("text.secondary"))
            painter.drawText(QRectF(0, 0, self.width(), line), 0, self.accessibleName())
        for reason in self._reasons():
            painter.setPen(look.colour("text.primary"))
            for words in self._lines(reason.text or reason.signal):
                painter.drawText(
                    QRectF(0, top, self.width(), line), Qt.AlignmentFlag.AlignLeft, words
                )
                top += line
            room = self.width() - look.px(52)
            share = min(1.0, reason.share)
            painter.fillRect(QRectF(0, top + 2, room * share, 6), look.colour("chart.trace2"))
            painter.setFont(look.font("caption"))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            at = QRectF(room, top - 2, self.width() - room, look.px(14))
            painter.drawText(at, right, numbers.percent(reason.share))
            painter.setFont(look.font("body"))
            top += look.px(18)
        painter.end()
