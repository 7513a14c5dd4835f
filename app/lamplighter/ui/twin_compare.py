"""Comparing two states of the city under one camera: a divider to drag, or side by side.

The right side is the window as it is. The left side is drawn first, with its own states and
layers, kept as a picture and laid over the left part: the scene exists once, and both sides can be
picked, measured and flown through together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from PySide6.QtCore import QDateTime, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QButtonGroup, QComboBox, QDateTimeEdit, QSlider

from lamplighter.domain import wire
from lamplighter.domain.layers import REALITY_KINDS, LayerView
from lamplighter.domain.views import SavedView
from lamplighter.ui import numbers
from lamplighter.ui.parts import Text, button
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import DAY_MS, Mode
from lamplighter.ui.twin_labels import Box
from lamplighter.ui.twin_past import Look, look_at, look_now
from lamplighter.ui.twin_tools import Tool
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_desk import DeskTwin

GRAB_PX: Final = 8.0
BACK_MS: Final = 3_600_000
LEAST, MOST = 0.05, 0.95
EARLIER: Final = {
    "yesterday": ("The same time yesterday", DAY_MS),
    "last week": ("The same time last week", 7 * DAY_MS),
}
"""sides that follow the window's time at a distance"""


class CompareTool(Tool):
    """Which two states, and how they stand beside each other."""

    name = "compare"
    title = "Compare"
    icon = "compare"
    keys = "V"

    def __init__(self, view: DeskTwin, desk: Desk) -> None:
        super().__init__(view)
        self._twin = view
        self._desk = desk
        self.share = 0.5
        """place of the divider, 0..1 of the width"""
        self.beside = False
        self.label = ""
        self._look: Look | None = None
        self._layers: LayerView | None = None
        self._picture: QImage | None = None
        self._drawing = False
        self._held = False
        self._asked = 0
        self._ways = QButtonGroup(self)
        line = self.strip.line
        for words, beside in ((tr("Swipe"), False), (tr("Side by side"), True)):
            each = button(words, lambda b=beside: self.set_beside(b), kind="segment")  # type: ignore[misc]
            each.setCheckable(True)
            each.setChecked(beside is self.beside)
            self._ways.addButton(each)
            line.addWidget(each)
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("What the left side shows"))
        self.choice.setMinimumWidth(theme().px(176))
        self.choice.activated.connect(lambda _: self._choose())
        self.when = QDateTimeEdit()
        self.when.setDisplayFormat("d MMM HH:mm:ss")
        self.when.setAccessibleName(tr("Moment of the left side"))
        self.when.setKeyboardTracking(False)
        self.when.setMinimumWidth(theme().px(140))
        self.when.dateTimeChanged.connect(lambda _: self._choose())
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(LEAST * 100), round(MOST * 100))
        self.slider.setValue(50)
        self.slider.setFixedWidth(theme().px(80))
        self.slider.setAccessibleName(tr("Place of the divider"))
        self.slider.valueChanged.connect(lambda v: self.move_divider(v / 100.0))
        self._second = Text(tr("Left"), "caption", "secondary")
        for part in (self._second, self.choice, self.when, self.slider):
            line.addWidget(part)
        desk.time.changed.connect(self._window_changed)
        desk.city_changed.connect(self._window_changed)
        desk.alarms_changed.connect(self._live_changed)

    # ---------------------------------------------------------------- life
    def begin(self) -> None:
        back = max(self._desk.time.first_ms, self._desk.time.now_ms - BACK_MS)
        self.when.blockSignals(True)
        self.when.setDateTime(QDateTime.fromMSecsSinceEpoch(back))
        self.when.blockSignals(False)
        self._fill()
        self.view.before_paint = self.draw_left
        self.view.overlay.under = self._paint_picture
        self.view.overlay.project_left = self._project_left
        self._place()
        self._choose()

    def end(self) -> None:
        self.view.before_paint = None
        self.view.unshift = None
        overlay = self.view.overlay
        overlay.under = None
        overlay.split, overlay.left_badges, overlay.project_left = 0.0, (), None
        self._picture = self._look = self._layers = None
        self._centre(0.0)
        self.view.repaint_all()

    def _fill(self) -> None:
        """Only what is there to compare with."""
        chosen = self.choice.currentData()
        self.choice.clear()
        self.choice.addItem(tr("An earlier moment"), "moment")
        for name, (words, _) in EARLIER.items():
            self.choice.addItem(tr(words), name)
        if self._desk.time.mode is not Mode.LIVE:
            self.choice.insertItem(0, tr("Live"), "live")
        kinds = {layer.kind for layer in self._desk.city.imported.values()}
        if "model" in kinds and kinds & REALITY_KINDS:
            self.choice.addItem(tr("Semantic model"), "model")
            self.choice.addItem(tr("Reality mesh"), "mesh")
        for view in self._desk.shelf.bookmarks:
            self.choice.addItem(tr("Bookmark {name}", name=view.name), view)
        at = self.choice.findData(chosen) if isinstance(chosen, str) else -1
        self.choice.setCurrentIndex(max(at, 0))

    def _window_changed(self) -> None:
        if self._runs():
            self._fill()
            self._choose()

    def _live_changed(self) -> None:
        if self._runs() and self.choice.currentData() == "live":
            self._choose()

    def _runs(self) -> bool:
        return self.view.belt is not None and self.view.belt.runs(self.name)

    # ---------------------------------------------------------------- the left side
    def choose(self, what: str) -> bool:
        """Take `moment`, `yesterday`, `last week`, `live`, `model` or `mesh`, or a bookmark by its
        id; False if not there.
        """
        for row in range(self.choice.count()):
            data = self.choice.itemData(row)
            if what in (data, getattr(data, "id", None)):
                self.choice.setCurrentIndex(row)
                self._choose()
                return True
        return False

    def set_moment(self, ms: int) -> None:
        """The left side shows this moment."""
        self.when.setDateTime(QDateTime.fromMSecsSinceEpoch(ms))
        self.choose("moment")

    def _choose(self) -> None:
        data = self.choice.currentData()
        self.when.setVisible(data == "moment")
        self._look, self._layers = None, None
        if data == "moment":
            self._ask(self.when.dateTime().toMSecsSinceEpoch(), True)
        elif data in EARLIER:
            self._ask(self._desk.time.now_ms - EARLIER[data][1], self._desk.time.as_known)
        elif data == "live":
            self.label = tr("Live")
            self._look = look_now(self._desk, self._twin.colour)
        elif isinstance(data, str):
            self.label = tr("Semantic model") if data == "model" else tr("Reality mesh")
            self._layers = msgspec.structs.replace(self._desk.layer_view, reality=data)
        elif isinstance(data, SavedView):
            self.label, self._layers = data.name, data.layers
            if data.mode == "replay":
                self._ask(data.at_ms, data.as_known)
        self._show()

    def _ask(self, at_ms: int, as_known: bool) -> None:
        time = self._desk.time
        if self._desk.session is None:
            self.strip.say(tr("No recorder is connected, so no earlier moment can be shown."))
            return
        at = min(max(at_ms, time.first_ms), time.wall_ms)
        if self.choice.currentData() in ("moment", *EARLIER):
            self.label = f"{numbers.day(at)} {numbers.clock(at)}"
        self._asked += 1
        number = self._asked
        self._desk.ask(wire.GetMoment(at, as_known), lambda reply: self._answered(reply, number))

    def _answered(self, reply: wire.Reply, number: int) -> None:
        if isinstance(reply, wire.Moment) and number == self._asked and self._runs():
            self._look = look_at(self._desk, reply, self._twin.colour)
            self._show()

    def _show(self) -> None:
        overlay = self.view.overlay
        overlay.left_badges = self._look.badges if self._look is not None else overlay.badges
        self.strip.say(
            tr("Drag the divider, or Ctrl with the left and right arrows. One camera for both.")
        )
        self.strip.refit()
        self.view.repaint_all()

    def right_label(self) -> str:
        """What the window itself shows."""
        time = self._desk.time
        if time.mode is Mode.REPLAY:
            return tr("Replay {t}", t=numbers.clock(time.now_ms))
        word = tr("Scenario") if time.mode is Mode.SCENARIO else tr("Live")
        reality = self._desk.layer_view.reality
        if self._layers is None or reality == self._layers.reality:
            return word
        names = {"model": tr("semantic model"), "mesh": tr("reality mesh")}
        return f"{word} · {names.get(reality, tr('all layers'))}"

    # ---------------------------------------------------------------- drawing
    def draw_left(self) -> None:
        """Draw the left side into a picture; the scene is as before afterwards."""
        scene, gl = self.view.scene, self.view.gl
        if scene is None or gl is None or self._drawing:
            return
        self._drawing = True
        try:
            if self._look is not None:
                scene.set_states(self._look.states)
            if self._layers is not None:
                scene.set_layers(self._layers)
            self._centre(0.5 if self.beside else 0.0)
            self._picture = self.view.grab_scene()
        finally:
            if self._look is not None:
                scene.set_states(self.view.states)
            if self._layers is not None:
                scene.set_layers(self._desk.layer_view)
            self._centre(-0.5 if self.beside else 0.0)
            self._drawing = False

    def _centre(self, x: float) -> None:
        if self.view.scene is not None:
            self.view.scene.renderer.GetActiveCamera().SetWindowCenter(x, 0.0)

    def set_beside(self, beside: bool) -> None:
        """Two halves with the same middle, or one picture with a divider in it."""
        self.beside = beside
        for number, each in enumerate(self._ways.buttons()):
            each.setChecked(bool(number) is beside)
        self.slider.setEnabled(not beside)
        self._place()
        self.view.repaint_all()

    def move_divider(self, share: float) -> None:
        """Put the divider at a share of the width."""
        self.share = min(max(share, LEAST), MOST)
        self.slider.blockSignals(True)
        self.slider.setValue(round(self.share * 100))
        self.slider.blockSignals(False)
        self._place()
        self.view.refresh_marks()

    @property
    def divider(self) -> float:
        """Pixels from the left edge of the view."""
        return self.view.width() * (0.5 if self.beside else self.share)

    def _place(self) -> None:
        self._centre(-0.5 if self.beside else 0.0)
        self.view.overlay.split = self.divider
        self.view.unshift = self._unshift if self.beside else None

    def _unshift(self, at: QPointF) -> QPointF:
        """A place of the left half as the place of the right one that shows the same."""
        half = self.view.width() / 2
        return QPointF(at.x() + half, at.y()) if at.x() < half else at

    def _project_left(self, badges: Sequence[Any]) -> Any:
        pixels = self.view.project_badges(badges)
        if self.beside:
            pixels[:, 0] -= self.view.width() / 2
        return pixels

    def _paint_picture(self, painter: QPainter) -> None:
        if self._picture is None or self._drawing:
            return
        overlay = self.view.overlay
        overlay.split = self.divider
        if self._look is None:
            overlay.left_badges = overlay.badges
        painter.setClipRect(QRectF(0, 0, self.divider, self.view.height()))
        painter.drawImage(QRectF(self.view.rect()), self._picture)

    def paint(self, painter: QPainter) -> Sequence[Box]:
        x, look = self.divider, theme()
        for width, role in ((4.0, "scene.plate"), (2.0, "text.primary")):
            painter.setPen(QPen(look.colour(role), width))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.view.height()))
        if not self.beside:
            box = QRectF(x - 7, self.view.height() / 2 - 16, 14, 32)
            painter.setBrush(look.colour("scene.plate"))
            painter.setPen(QPen(look.colour("text.primary"), 1.5))
            painter.drawRoundedRect(box, 4, 4)
            for step in (-2.5, 2.5):
                painter.drawLine(
                    QPointF(x + step, box.top() + 10), QPointF(x + step, box.bottom() - 10)
                )
        tall = float(self.view.height())
        return [(x - 3, 0.0, 6.0, tall), *(box for box, _ in self._plates())]

    def paint_late(self, painter: QPainter) -> None:
        look = theme()
        for box, words in self._plates():
            painter.setPen(QPen(look.colour("line.strong"), 1))
            painter.setBrush(look.colour("scene.plate"))
            painter.drawRoundedRect(QRectF(*box), 4, 4)
            painter.setFont(look.font("bodyStrong"))
            painter.setPen(look.colour("text.primary"))
            painter.drawText(QRectF(*box), Qt.AlignmentFlag.AlignCenter, words)

    def _plates(self) -> list[tuple[Box, str]]:
        """The names of both sides at the divider."""
        metrics, x = QFontMetricsF(theme().font("bodyStrong")), self.divider
        top, found = self.view.height() - 84.0, []
        for words, left in ((self.label, True), (self.right_label(), False)):
            wide = metrics.horizontalAdvance(words) + 20
            found.append(((x - wide - 10 if left else x + 10, top, wide, 26.0), words))
        return found

    # ---------------------------------------------------------------- input
    def pressed(self, at: QPointF) -> bool:
        self._held = not self.beside and abs(at.x() - self.divider) <= GRAB_PX
        return self._held

    def dragged(self, at: QPointF) -> None:
        self.move_divider(at.x() / max(self.view.width(), 1))

    def dropped(self) -> None:
        self._held = False

    def key(self, event: QKeyEvent) -> bool:
        ways = {Qt.Key.Key_Left: -0.02, Qt.Key.Key_Right: 0.02}
        if event.key() in ways and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.move_divider(self.share + ways[Qt.Key(event.key())])
            return True
        return False
