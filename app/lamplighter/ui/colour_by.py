"""Colouring the city by a value: which value, over which range, and its key on the picture.

Off by default: grey until it matters. What is chosen keeps its range until it is fitted again, so
that a colour means the same number for as long as somebody looks; how live and how trusted a
value is stays visible as fading and hatching over the colour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QAction, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QWidget

from lamplighter.domain.anomaly import FALSE
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.ui import numbers
from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import Desk
from lamplighter.ui.theme import theme
from lamplighter.ui.words import plain, tr

if TYPE_CHECKING:
    from lamplighter.ui.twin_view import TwinView

Floats = npt.NDArray[np.float64]
AGE: Final = "age"
TRUST: Final = "trust"
FORECAST: Final = "forecast"
RESIDUAL: Final = "expected"
UNUSUAL: Final = "unusual"
HOPS: Final = 2
"""how far a value is lent to assets that are served by the measured one and measure nothing"""
WIDE, HIGH = 248, 60
_EACH_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to colour by; `id` is a kind of datastream or one of the words above."""

    id: str
    title: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """What the legend says."""

    title: str
    unit: str
    low: float
    high: float
    shown: int
    """assets that have a colour now"""
    lent: int = 0
    """of them those that show the value of what serves them"""
    hidden: bool = False
    """an open incident hides colours: lost service comes first"""


def choices(desk: Desk) -> list[Choice]:
    """What this city can be coloured by, kinds with many assets first."""
    found: dict[str, list[str]] = {}
    for stream in desk.city.streams.values():
        if stream.asset and stream.kind and not stream.states:
            found.setdefault(stream.kind, []).append(stream.unit)
    kinds = sorted(found, key=lambda k: (-len(found[k]), k))
    listed = [Choice(k, plain(k), max(set(found[k]), key=found[k].count)) for k in kinds]
    if desk.city.of_asset:
        listed.append(Choice(RESIDUAL, tr("Distance from the expected value"), tr("spreads")))
        listed.append(Choice(AGE, tr("Age of the data"), "s"))
        listed.append(Choice(TRUST, tr("Trust"), ""))
    if desk.unusual.items:
        listed.append(Choice(UNUSUAL, tr("What is unusual"), tr("limits")))
    if desk.prognoses:
        listed.append(Choice(FORECAST, tr("Probability of failure in 30 days"), "%"))
    return listed


class ColourBy(QObject):
    """The present choice; `tint` gives each asset a number 0..1."""

    changed = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.choice: Choice | None = None
        self.key: Key | None = None
        self._range: tuple[float, float] | None = None
        self._assets: list[str] = []
        self._streams = np.zeros(0, np.int64)
        self._lent = 0
        self._next_ms = 0
        desk.city_changed.connect(self._city_changed)

    def choose(self, choice: Choice | None) -> None:
        """Colour by something else, or by nothing."""
        if choice != self.choice:
            self.choice = choice
            self._range = None
            self._city_changed()

    def fit_range(self) -> None:
        """Take the range from the values of now."""
        self._range = None
        self._next_ms = 0

    def _city_changed(self) -> None:
        self._assets, self._streams, self._lent = [], np.zeros(0, np.int64), 0
        self._next_ms = 0
        self.key = None
        if self.choice is not None and self.choice.id not in (FORECAST, UNUSUAL):
            self._bind(self.choice)
        self.changed.emit()

    def _bind(self, choice: Choice) -> None:
        """One datastream for each asset, lent to what it serves and measures nothing itself."""
        city = self._desk.city
        every = choice.id in (AGE, TRUST, RESIDUAL)
        own = {
            asset: stream.id
            for asset, streams in city.of_asset.items()
            for stream in streams
            if every or (stream.kind == choice.id and not stream.states)
        }
        found = dict(own)
        border = list(own)
        for _ in range(0 if every else HOPS):
            reached: list[str] = []
            for asset in border:
                for target in (*city.feeds.get(asset, ()), *city.contents.get(asset, ())):
                    if target not in found and target not in city.of_asset:
                        found[target] = found[asset]
                        reached.append(target)
            border = reached
        self._assets = list(found)
        self._streams = np.array(list(found.values()), np.int64)
        self._lent = len(found) - len(own)

    # ---------------------------------------------------------------- the colours
    def tint(self, shown: Shown, hidden: bool) -> Mapping[str, float] | None:
        """Numbers 0..1 by asset; None when nothing has changed since the last second."""
        if self.choice is None:
            return None
        if abs(shown.now_ms - self._next_ms) < _EACH_MS:
            return None
        self._next_ms = shown.now_ms
        assets, values = self._values(shown)
        good = np.flatnonzero(np.isfinite(values))
        if self._range is None and len(good):
            self._range = spread_of(values[good], self.choice.id)
        low, high = self._range or (0.0, 1.0)
        share = (values[good] - low) / max(high - low, 1e-12)
        choice = self.choice
        lent = min(self._lent, len(good))
        self.key = Key(choice.title, choice.unit, low, high, len(good), lent, hidden)
        self.changed.emit()
        clipped = np.clip(share, 0.0, 1.0).tolist()
        return {assets[n]: value for n, value in zip(good.tolist(), clipped, strict=True)}

    def tint_of(self, shown: Shown) -> Mapping[str, float]:
        """The same colours for other values, in the same range; changes nothing here."""
        if self.choice is None:
            return {}
        assets, values = self._values(shown)
        good = np.flatnonzero(np.isfinite(values))
        low, high = self._range or (0.0, 1.0)
        share = np.clip((values[good] - low) / max(high - low, 1e-12), 0.0, 1.0).tolist()
        return {assets[n]: value for n, value in zip(good.tolist(), share, strict=True)}

    def _values(self, shown: Shown) -> tuple[list[str], Floats]:
        assert self.choice is not None
        if self.choice.id == FORECAST:
            known = [p for p in self._desk.prognoses if p.probability_30d is not None]
            best: dict[str, float] = {}
            for item in known:
                chance = 100.0 * (item.probability_30d or 0.0)
                best[item.asset] = max(best.get(item.asset, 0.0), chance)
            return list(best), np.array(list(best.values()), np.float64)
        if self.choice.id == UNUSUAL:
            return self._unusual(shown.now_ms)
        values = shown.values
        if values is None or not len(self._streams):
            return self._assets, np.full(len(self._assets), np.nan)
        rows = np.minimum(self._streams, max(len(values) - 1, 0))
        never = (self._streams >= len(values)) | (values.time_ms[rows] == 0)
        if self.choice.id == AGE:
            found = (shown.now_ms - values.time_ms[rows]) / 1000.0
        elif self.choice.id == TRUST:
            found = values.trust[rows].astype(np.float64)
        elif self.choice.id == RESIDUAL:
            with np.errstate(invalid="ignore", divide="ignore"):
                away = np.abs(values.value[rows] - values.expected[rows])
                found = away / np.where(values.spread[rows] > 0, values.spread[rows], np.nan)
        else:
            found = values.value[rows].copy()
            bad = (values.quality[rows] & CLASS_MASK) == int(Quality.BAD)
            found[bad] = np.nan
        return self._assets, np.where(never, np.nan, found)

    def _unusual(self, now_ms: int) -> tuple[list[str], Floats]:
        """By asset the anomaly that is farthest off of those that stand at a moment."""
        best: dict[str, float] = {}
        for a in self._desk.unusual.items.values():
            lasts = a.found_ms <= now_ms and not 0 < a.until_ms <= now_ms
            if a.asset and lasts and a.verdict != FALSE:
                best[a.asset] = max(best.get(a.asset, 0.0), a.score)
        return list(best), np.array(list(best.values()), np.float64)


def spread_of(values: Floats, kind: str) -> tuple[float, float]:
    """A range with round ends that holds 96 % of the values."""
    if kind == TRUST:
        return 0.0, 1.0
    if kind == FORECAST:
        return 0.0, 100.0
    low, high = (float(v) for v in np.percentile(values, (2, 98)))
    if kind in (AGE, RESIDUAL, UNUSUAL):
        low = 0.0
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = 10.0 ** math.floor(math.log10(high - low)) / 2.0
    return math.floor(low / step) * step, math.ceil(high / step) * step


class ColourKey(QWidget):
    """The legend of the colour on the picture: title, ramp, ends with unit, how many."""

    def __init__(self, colour: ColourBy, view: TwinView) -> None:
        super().__init__(view.overlay)
        self._colour, self._view = colour, view
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        colour.changed.connect(self.refresh)
        theme().changed.connect(self.update)
        view.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._view and event.type() == QEvent.Type.Resize:
            self.refresh()
        return False

    def refresh(self) -> None:
        """Show or hide, and say the key to a screen reader."""
        key = self._colour.key
        self.setVisible(key is not None)
        if key is None:
            return
        wide, high = theme().px(WIDE), theme().px(HIGH)
        self.setGeometry(self._view.width() - wide - 8, self._view.height() - high - 76, wide, high)
        self.setAccessibleName(f"{key.title}: {self.ends(key)[0]} - {self.ends(key)[1]}")
        self.update()

    @staticmethod
    def ends(key: Key) -> tuple[str, str]:
        """Both ends with their unit."""
        fine = 10.0 ** math.floor(math.log10(max(key.high - key.low, 1e-9))) / 10.0
        low = numbers.number(key.low, fine)
        return low, numbers.with_unit(key.high, key.unit, fine)

    def words(self, key: Key) -> str:
        """How many assets have a colour, or why none has."""
        if key.hidden:
            return tr("hidden while an incident is open")
        text = tr("{n} assets", n=f"{key.shown:,}")
        if key.lent:
            text += tr(", {n} lent", n=f"{key.lent:,}")
        if self._colour.choice is not None and self._colour.choice.id == UNUSUAL and not key.shown:
            return tr("nothing unusual stands")
        return text if key.shown else tr("nothing is measured now")

    def paintEvent(self, event: QPaintEvent) -> None:
        key = self._colour.key
        if key is None:
            return
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(look.colour("scene.plate"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        inner = QRectF(self.rect()).adjusted(10, 6, -10, -6)
        painter.setFont(look.font("caption", 600))
        painter.setPen(look.colour("text.primary"))
        title = QFontMetricsF(painter.font()).elidedText(
            key.title, Qt.TextElideMode.ElideRight, inner.width()
        )
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop, title)
        ramp = QRectF(inner.left(), inner.top() + 19, inner.width(), 8)
        painter.setPen(QPen(look.colour("line.outlineState"), 1))
        painter.setBrush(_ramp(ramp))
        painter.drawRect(ramp)
        self._paint_ends(painter, key, inner)
        painter.end()

    def _paint_ends(self, painter: QPainter, key: Key, inner: QRectF) -> None:
        look = theme()
        low, high = self.ends(key)
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.primary"))
        foot = QRectF(inner.left(), inner.top() + 30, inner.width(), 18)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(foot, centre | Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(foot, centre | Qt.AlignmentFlag.AlignRight, high)
        metrics = QFontMetricsF(painter.font())
        taken = max(metrics.horizontalAdvance(low), metrics.horizontalAdvance(high)) + 8
        middle = foot.adjusted(taken, 0, -taken, 0)
        painter.setPen(look.colour("text.secondary"))
        words = metrics.elidedText(self.words(key), Qt.TextElideMode.ElideRight, middle.width())
        painter.drawText(middle, Qt.AlignmentFlag.AlignCenter, words)


def _ramp(box: QRectF) -> QLinearGradient:
    """The scene's own colour map."""
    from PySide6.QtGui import QColor

    from lamplighter.scene.theme import cividis

    gradient = QLinearGradient(box.topLeft(), box.topRight())
    stops = np.linspace(0.0, 1.0, 9)
    for at, (r, g, b) in zip(stops.tolist(), cividis(stops).tolist(), strict=True):
        gradient.setColorAt(at, QColor(r, g, b))
    return gradient


def menu(colour: ColourBy, desk: Desk, parent: QWidget) -> QMenu:
    """The chooser; it closes by itself and blocks nothing."""
    made = QMenu(parent)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def entry(words: str, choice: Choice | None) -> QAction:
        action = made.addAction(words)
        action.setCheckable(True)
        action.setChecked(choice == colour.choice)
        action.triggered.connect(lambda *_: colour.choose(choice))
        return action

    entry(tr("Nothing: grey until it matters"), None)
    made.addSeparator()
    listed = choices(desk)
    for choice in listed:
        entry(f"{choice.title} ({choice.unit})" if choice.unit else choice.title, choice)
    if not listed:
        none = made.addAction(tr("Nothing is measured or forecast yet"))
        none.setEnabled(False)
    if colour.choice is not None:
        made.addSeparator()
        made.addAction(tr("Fit the range to now")).triggered.connect(lambda *_: colour.fit_range())
    return made


def pop_up(colour: ColourBy, desk: Desk, view: QWidget) -> None:
    """Open the chooser beside the tools of the view."""
    made = menu(colour, desk, view)
    made.popup(view.mapToGlobal(QPoint(view.width() - made.sizeHint().width() - 56, 96)))
