"""What will fail next: the ranked list, the forecast card and the work orders."""

from __future__ import annotations

import uuid
from typing import Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QLineEdit,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.faceplate import Scroller
from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.parts import Canvas, Elided, Panel, Text, button, row, rule, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

COLUMNS: Final = (
    "#",
    "Asset",
    "What",
    "Chance, 80 % interval",
    "",
    "People",
    "Main reason",
    "Trust",
)
BAR, CHANCE = 3, 4
FLOOR: Final = 0.5
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
DAY_MS: Final = 86_400_000


def has_forecast(item: Prognosis) -> bool:
    """Without a range there is no number, and under the trust floor neither."""
    return item.low is not None and item.high is not None and item.trust >= FLOOR


def best(item: Prognosis) -> float:
    """The best estimate, never outside its own range."""
    low, high = item.low or 0.0, item.high or 0.0
    middle = item.probability_30d if item.probability_30d is not None else (low + high) / 2
    return min(high, max(low, middle))


class PrognosisModel(QAbstractTableModel):
    """Ranked by chance, then people; those without a forecast below, with the reason."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.items: list[Prognosis] = []

    def rebuild(self) -> None:
        self.beginResetModel()
        given = [p for p in self._desk.prognoses if has_forecast(p)]
        given.sort(key=lambda p: (-best(p) * max(1, p.people) ** 0.25, p.asset))
        self.items = [*given, *(p for p in self._desk.prognoses if not has_forecast(p))]
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(COLUMNS)

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if way == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(COLUMNS[section]) if COLUMNS[section] else ""
            if role == Qt.ItemDataRole.TextAlignmentRole:
                right = section in (CHANCE, 5, 7)
                side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        item = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text_of(index.row(), index.column())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            texts = [self.text_of(index.row(), c) for c in (1, 2, CHANCE, 6)]
            return ", ".join(t for t in [*texts, item.basis] if t)
        return None

    def text_of(self, line: int, column: int) -> str:
        item = self.items[line]
        given = has_forecast(item)
        match column:
            case 0:
                return str(line + 1) if given else ""
            case 1:
                return self._desk.city.name(item.asset)
            case 2:
                return item.what
            case 4:
                if not given:
                    return tr("no forecast")
                return numbers.percent_range(item.low or 0.0, item.high or 0.0)
            case 5:
                return numbers.number(item.people, 1) if item.people else "—"
            case 6:
                if not given:
                    return item.basis or tr("no basis")
                return (item.reasons[0].text or item.reasons[0].signal) if item.reasons else "—"
            case 7:
                return f"{item.trust:.2f}"
        return ""


class IntervalDelegate(QStyledItemDelegate):
    """Grey bar = interval, tick = best estimate; other cells as text."""

    def __init__(self, model: PrognosisModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, item = theme(), self._model.items[index.row()]
        box = QRectF(option.rect)
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(box, look.colour("bg.selected"))
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        given = has_forecast(item)
        if index.column() == BAR:
            if given:
                self._bar(painter, box, item)
            else:
                place = QPointF(box.left() + 8, box.center().y() - 7)
                painter.drawPixmap(place, icon_pixmap("stale", 14, None, 2.0))
            return
        strong = given and index.column() in (1, CHANCE)
        role = "text.primary" if given and index.column() != 0 else "text.muted"
        painter.setPen(look.colour("text.onSelected" if selected else role))
        painter.setFont(look.font("bodyStrong" if strong else "body"))
        right = index.column() in (0, CHANCE, 5, 7)
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        inner = box.adjusted(6, 0, -8, 0)
        text = self._model.text_of(index.row(), index.column())
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, max(10, int(inner.width()))
        )
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, shown)

    @staticmethod
    def _bar(painter: QPainter, box: QRectF, item: Prognosis) -> None:
        look = theme()
        line = box.adjusted(8, 0, -8, 0)
        y = box.center().y()
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawLine(QPointF(line.left(), y), QPointF(line.right(), y))
        first = line.left() + (item.low or 0.0) * line.width()
        last = line.left() + (item.high or 0.0) * line.width()
        painter.fillRect(
            QRectF(first, y - 5, max(3.0, last - first), 10), look.colour("line.strong")
        )
        middle = line.left() + best(item) * line.width()
        painter.fillRect(QRectF(middle - 1, y - 7, 2, 14), look.colour("text.primary"))

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(60, theme().px(36))


class Maintenance(Panel):
    """The ranked list over the work orders; selecting a row selects the asset everywhere."""

    to_order = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = PrognosisModel(desk)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setItemDelegate(IntervalDelegate(self.model, self.table))
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setAccessibleName(tr("Likely to fail within 30 days"))
        self.table.setTabKeyNavigation(False)
        self._note = Text("", "caption", "secondary")
        self._empty = Text(
            tr("No forecast yet. The recorder learns from this project's own history; "
               "the first list appears when there is enough of it."),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self._empty.setContentsMargins(16, 8, 16, 8)
        self._orders = Text("", "body", "secondary", wrap=True)
        self._orders.setContentsMargins(16, 4, 16, 8)
        self._create = button(tr("Create work order  Ctrl N"), self._order)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        head = row(Text(tr("Likely to fail within 30 days"), "bodyStrong"), None, self._note,
                   self._create)  # fmt: skip
        head.setContentsMargins(16, 0, 12, 2)
        layout.addLayout(head)
        layout.addWidget(self._empty)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._orders)
        self._widths()
        theme().changed.connect(self._widths)
        desk.prognosis_changed.connect(self.rebuild)
        desk.city_changed.connect(self.rebuild)
        desk.orders_changed.connect(self._show_orders)
        desk.selection.changed.connect(self._follow)
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self._syncing = False
        self.rebuild()
        self._show_orders()

    def _widths(self) -> None:
        look, header = theme(), self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setFont(look.font("caption"))
        self.table.verticalHeader().setDefaultSectionSize(look.px(32))
        for column, width in enumerate((28, 132, 168, 160, 84, 64, 0, 56)):
            if width:
                header.resizeSection(column, look.px(width))
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def rebuild(self) -> None:
        self._syncing = True
        self.model.rebuild()
        self._syncing = False
        has = bool(self.model.items)
        self.table.setVisible(has)
        self._empty.setVisible(not has)
        made = max((p.made_ms for p in self.model.items), default=0)
        basis = next((p.basis for p in self.model.items if has_forecast(p)), "")
        note = tr("Ranked by chance × people · {b}", b=basis) if basis else ""
        self._note.setText(f"{note} · {numbers.clock_short(made)}" if made and note else note)
        self._follow()

    def _show_orders(self) -> None:
        orders = sorted(self._desk.orders.values(), key=lambda o: -o.created_ms)
        if not orders:
            self._orders.setText(
                tr("No work orders yet. Make one from a forecast or an alarm, or press Ctrl N.")
            )
            return
        lines = [
            f"{o.id}  {self._desk.city.name(o.asset)}: {o.title} · {o.state}" for o in orders[:4]
        ]
        self._orders.setText("\n".join(lines))

    def _order(self) -> None:
        self.to_order.emit(self._desk.selection.current)

    def _selected(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows and not self._syncing:
            self._syncing = True
            self._desk.selection.select(self.model.items[rows[0].row()].asset)
            self._syncing = False

    def selected_assets(self) -> tuple[str, ...]:
        rows = self.table.selectionModel().selectedRows()
        return tuple(self.model.items[r.row()].asset for r in rows)

    def _follow(self) -> None:
        if self._syncing:
            return
        self._syncing = True
        self.table.clearSelection()
        for line, item in enumerate(self.model.items):
            if item.asset == self._desk.selection.current:
                self.table.selectRow(line)
                break
        self._syncing = False


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
        for column, word in enumerate((tr("Fails within 30 days"), tr("Usual for this class"))):
            grid.addWidget(Text(word, "caption", "secondary"), 0, column)
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
        self._layout.addWidget(Text(tr("Most similar cases"), "caption", "secondary"))
        self._cases = Text("", "body", wrap=True)
        self._layout.addWidget(self._cases)
        self._basis = Text("", "caption", "secondary", wrap=True)
        self._layout.addWidget(self._basis)
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
        if item.days_low is not None and item.days_high is not None:
            days = numbers.value_range(round(item.days_low), round(item.days_high))
            self._days.setText(tr("Alarm limit reached in {d} days", d=days))
        self._days.setVisible(item.days_low is not None and item.days_high is not None)
        self._fan.show_item(item)
        self._why.show_item(item)
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
        )
        self._draft.setText(draft(item, name).title)


class Reasons(Canvas):
    """Each signal's share as a bar with its number."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item: Prognosis | None = None

    def show_item(self, item: Prognosis) -> None:
        self._item = item
        self.setFixedHeight(theme().px(24) * max(1, min(5, len(item.reasons))))
        self.setAccessibleName(
            ", ".join(f"{r.text or r.signal} {numbers.percent(r.share)}" for r in item.reasons)
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setFont(look.font("body"))
        height = look.px(24)
        for number, reason in enumerate(self._item.reasons[:5] if self._item else ()):
            line = QRectF(0, number * height, self.width(), height)
            painter.setPen(look.colour("text.primary"))
            words = line.adjusted(0, 0, -self.width() * 0.42, 0)
            text = painter.fontMetrics().elidedText(
                reason.text or reason.signal, Qt.TextElideMode.ElideRight, int(words.width())
            )
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(words, left, text)
            bar = QRectF(self.width() * 0.6, line.center().y() - 4,
                         self.width() * 0.26 * min(1.0, reason.share), 8)  # fmt: skip
            painter.fillRect(bar, look.colour("chart.trace2"))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(line, right, numbers.percent(reason.share))
        painter.end()


def draft(item: Prognosis | None, name: str) -> WorkOrder:
    """A work order filled from a forecast, or an empty one."""
    ident = f"WO-{uuid.uuid4().hex[:6].upper()}"
    if item is None:
        return WorkOrder(ident, "", "")
    due = item.made_ms + round((item.days_low or 14.0) * DAY_MS)
    parts = ", ".join(p for p in (name, item.what) if p)
    title = tr("Inspect {what}", what=parts)
    note = item.reasons[0].text if item.reasons else ""
    return WorkOrder(ident, item.asset, title, due_ms=due, origin="forecast", note=note)


class OrderForm(QWidget):
    """A small window that makes a work order; never modal."""

    def __init__(self, desk: Desk, asset: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle(tr("New work order"))
        self._desk = desk
        item = next((p for p in desk.prognoses if p.asset == asset), None)
        alarm = desk.worst_of(asset)
        name = desk.city.name(asset)
        self._draft = draft(item, name)
        title = self._draft.title or (alarm.text if alarm else "")
        self._asset = asset
        self._origin = "forecast" if item else ("alarm" if alarm else "hand")
        self._title = QLineEdit(title)
        self._note = QLineEdit(self._draft.note)
        self._say = Text("", "caption", "secondary", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 24)
        box.setSpacing(8)
        box.addWidget(Text(tr("New work order"), "heading"))
        box.addWidget(Text(name or tr("No asset selected"), "body", "secondary"))
        for word, field in ((tr("Job"), self._title), (tr("Note"), self._note)):
            box.addWidget(Text(word, "caption", "secondary"))
            field.setAccessibleName(word)
            box.addWidget(field)
        box.addWidget(self._say)
        self._save = button(tr("Create work order"), self.save, kind="primary")
        box.addLayout(row(None, button(tr("Close"), self.close), self._save))
        self.setMinimumWidth(theme().px(420))
        self._title.returnPressed.connect(self.save)
        self._title.setFocus()
        about = tr("work order for {name}", name=name) if name else tr("work order")
        fields = {"job": self._title, "note": self._note}
        self._typing = desk.drafts.watch("order", asset, about, fields)

    def save(self) -> None:
        """Sends the order; fields keep what was typed when it is refused."""
        title = self._title.text().strip()
        if not title:
            self._say.setText(tr("Say what is to be done, then create it."))
            return
        now = self._desk.clock.wall_ms()
        session = self._desk.session
        by = session.welcome.user if session else ""
        due = self._draft.due_ms or now + 14 * DAY_MS
        order = WorkOrder(self._draft.id, self._asset, title, "open", now, due, self._origin, by,
                          self._note.text().strip())  # fmt: skip
        self._desk.ask(wire.PutWorkOrder(order), self._answered)

    def _answered(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._say.setText(str(reply.problem))
        else:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._typing.end()
        super().closeEvent(event)
