"""Sun and shadows: true shadows for a date and a time at the city's own place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QDate, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDateEdit, QSlider

from lamplighter.domain.sun import SunPosition, sun_position
from lamplighter.ui import numbers
from lamplighter.ui.parts import Text, button
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_tools import Tool, ToolButton
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_view import TwinView

STEP_MIN: Final = 5
PLAY_MS: Final = 120
PLAY_STEP_MIN: Final = 10
_DAY_MIN: Final = 24 * 60


def city_place(desk: Desk) -> tuple[float, float] | None:
    """Longitude and latitude of the middle of the city; None when no file told them."""
    known = [(a.lon, a.lat) for a in desk.city.assets.values()
             if a.lon is not None and a.lat is not None]  # fmt: skip
    if not known:
        return None
    lons, lats = sorted(p[0] for p in known), sorted(p[1] for p in known)
    return lons[len(lons) // 2], lats[len(lats) // 2]


def words_of(sun: SunPosition) -> str:
    """Where the sun stands, in one line."""
    if not sun.up:
        below = numbers.with_unit(-sun.apparent, "°", 1.0)
        return tr("Night: the sun is {n} below the horizon; nothing casts a shadow.", n=below)
    return tr(
        "Azimuth {a} {side} · {e} above the horizon",
        a=numbers.with_unit(sun.azimuth, "°", 0.1),
        side=_SIDES[round(sun.azimuth / 45.0) % 8],
        e=numbers.with_unit(sun.apparent, "°", 0.1),
    )


_SIDES: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


class SunTool(Tool):
    """The moment of the shadows is its own: the city's time stays what it is."""

    name = "sun"
    title = "Sun and shadows"
    icon = "sun"
    keys = "U"

    def __init__(self, view: TwinView, desk: Desk) -> None:
        super().__init__(view)
        self._desk = desk
        self.ms = 0
        self._place: tuple[float, float] | None = None
        self._date = QDateEdit()
        self._date.setDisplayFormat("d MMM yyyy")
        self._date.setCalendarPopup(True)
        self._date.setAccessibleName(tr("Date of the shadows"))
        self._date.setFixedWidth(theme().px(132))
        self._date.dateChanged.connect(lambda _: self._picked())
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, _DAY_MIN - 1)
        self._slider.setSingleStep(STEP_MIN)
        self._slider.setPageStep(60)
        self._slider.setMinimumWidth(theme().px(180))
        self._slider.setAccessibleName(tr("Time of day"))
        self._slider.valueChanged.connect(lambda _: self._picked())
        self._clock = Text("", "bodyStrong")
        self._play = ToolButton("play", tr("Play the day (Space)"), checkable=True)
        self._play.toggled.connect(self.play)
        self._read = Text("", "body")
        now = button(tr("Now"), self.now)
        line = self.strip.line
        for part in (self._date, self._slider, self._clock, self._play, now):
            line.addWidget(part)
        self.strip.box.insertWidget(1, self._read)
        self._timer = QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._on)

    def why_not(self) -> str:
        why = super().why_not()
        if why or city_place(self._desk) is not None:
            return why
        return tr("The city has no place on Earth: none of its files named a coordinate system.")

    def begin(self) -> None:
        self._place = city_place(self._desk)
        self.now()

    def end(self) -> None:
        self._play.setChecked(False)
        scene = self.view.scene
        if scene is not None:
            scene.set_shadows(None)
            self.view.repaint_all()

    # ---------------------------------------------------------------- the moment
    def now(self) -> None:
        """The moment the whole window shows."""
        self.set_moment(self._desk.time.now_ms)

    def set_moment(self, ms: int) -> None:
        """Shadows of this moment, milliseconds since 1970."""
        self.ms = ms
        moment = numbers.local(ms)
        for part in (self._date, self._slider):
            part.blockSignals(True)
        self._date.setDate(QDate(moment.year, moment.month, moment.day))
        self._slider.setValue(moment.hour * 60 + moment.minute)
        for part in (self._date, self._slider):
            part.blockSignals(False)
        self._apply()

    def _picked(self) -> None:
        date, minute = self._date.date(), self._slider.value()
        moment = datetime(date.year(), date.month(), date.day()) + timedelta(minutes=minute)
        self.ms = round(moment.astimezone().timestamp() * 1000)
        self._apply()

    def _apply(self) -> None:
        scene = self.view.scene
        if scene is None or self._place is None:
            return
        sun = sun_position(self._place[0], self._place[1], self.ms)
        scene.set_shadows(sun.direction())
        self._clock.setText(numbers.clock_short(self.ms))
        self._read.setText(words_of(sun))
        self.strip.say(
            tr("{day}, {zone}. Left and right step five minutes in the slider.",
               day=numbers.day(self.ms), zone=numbers.offset(self.ms))
        )  # fmt: skip
        self.view.repaint_all()
        self.changed.emit()

    def play(self, on: bool) -> None:
        """A day goes by, over and over, until it is stopped."""
        self._timer.start() if on else self._timer.stop()
        self._play.blockSignals(True)
        self._play.setChecked(on)
        self._play.blockSignals(False)

    def _on(self) -> None:
        minute = (self._slider.value() + PLAY_STEP_MIN) % _DAY_MIN
        self._slider.setValue(minute)

    def key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Space:
            self.play(not self._timer.isActive())
            return True
        return False
