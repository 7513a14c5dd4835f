"""The menu of the trends: scales, comparison, what is kept, kept sets of charts, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QInputDialog, QMenu

from lamplighter.domain import wire
from lamplighter.domain.problems import problem
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import GHOSTS, Mode
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.trends import Trends

GHOST_WORDS: Final = ("Compare with nothing", "Compare with yesterday", "Compare with last week")
FILTERS: Final = ("PNG (*.png)", "CSV (*.csv)", "Parquet (*.parquet)")
POINTS: Final = 2_000
CAPTION_PX: Final = 22


class TrendMenu:
    """Made anew at each opening, for what stands in it changes."""

    def __init__(self, desk: Desk, trends: Trends) -> None:
        self._desk = desk
        self._trends = trends

    def popup(self, at: QPoint) -> None:
        """At a place of the screen."""
        menu = self.build()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def build(self) -> QMenu:
        """The menu as it is now."""
        trends, menu = self._trends, QMenu(self._trends)
        for asset in self._desk.selection.assets[-3:]:
            name = self._desk.city.name(asset)
            menu.addAction(tr("Add {name}", name=name), lambda a=asset: trends.pin_asset(a))
        if trends.charts:
            menu.addAction(tr("Show all in one chart"), self.together)
            menu.addAction(tr("A chart for each"), self.apart)
            menu.addAction(tr("Keep these charts"), self._keep)
        if trends.kept:
            menu.addAction(tr("Follow the selection again"), trends.unpin_all)
        menu.addSeparator()
        own = menu.addAction(tr("Each curve over its own range"), self.normalise)
        own.setCheckable(True)
        own.setChecked(trends.normalised)
        ahead = menu.addAction(tr("The next hours\tN"), trends.show_ahead)
        ahead.setCheckable(True)
        ahead.setChecked(self._desk.ahead.shown)
        for back, words in zip(GHOSTS, GHOST_WORDS, strict=True):
            chosen = menu.addAction(tr(words), lambda b=back: self._desk.time.set_ghost(b))
            chosen.setCheckable(True)
            chosen.setChecked(self._desk.time.ghost_ms == back)
        menu.addAction(tr("Take the cursors away\tDel"), trends.clear_cursors)
        menu.addSeparator()
        self._add_presets(menu)
        menu.addSeparator()
        menu.addAction(tr("Export what is seen…"), self.ask_file)
        return menu

    # ---------------------------------------------------------------- charts
    def together(self) -> None:
        """All curves in as few charts as hold them."""
        ids = list(dict.fromkeys(self._trends.shown_streams()))
        self._trends.set_charts([ids[n : n + 8] for n in range(0, len(ids), 8)])

    def apart(self) -> None:
        """A chart for each curve."""
        ids = list(dict.fromkeys(self._trends.shown_streams()))
        self._trends.set_charts([[i] for i in ids[:10]])

    def _keep(self) -> None:
        self._trends.set_charts([[s.id for s in c.streams] for c in self._trends.charts])

    def normalise(self) -> None:
        """Each curve over its own range, or back to an axis per unit."""
        self._trends.normalised = not self._trends.normalised
        self._trends._moved()

    # ---------------------------------------------------------------- presets
    def _add_presets(self, menu: QMenu) -> None:
        for preset in self._trends.presets[:20]:
            menu.addAction(tr("Show {name}", name=preset.name), lambda p=preset: self.show(p))
        menu.addAction(tr("Keep these charts under a name…"), self.ask_name)
        if self._trends.presets:
            gone = menu.addMenu(tr("Forget"))
            for preset in self._trends.presets[:20]:
                gone.addAction(preset.name, lambda p=preset: self._drop(p))

    def ask_name(self) -> None:
        """Ask for the name under which the charts are kept."""
        box = QInputDialog(self._trends)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Keep these charts"))
        box.setLabelText(tr("A name for these charts"))
        box.textValueSelected.connect(self.keep)
        box.show()

    def keep(self, name: str) -> None:
        """The charts that are shown, under a name, for everybody who opens the project."""
        streams, trends = self._desk.city.streams, self._trends
        charts = tuple(tuple(streams[s.id].key for s in c.streams) for c in trends.charts)
        preset = wire.TrendPreset(name, charts, trends.view.span_s, trends.normalised,
                                  self._desk.time.ghost_ms)  # fmt: skip
        self._desk.ask(wire.PutTrendPreset(preset), trends._take_presets)

    def show(self, preset: wire.TrendPreset) -> None:
        """A kept set of charts; names what this project does not have."""
        by_key = {s.key: i for i, s in self._desk.city.streams.items()}
        missing = [k for chart in preset.charts for k in chart if k not in by_key]
        charts = [[by_key[k] for k in chart if k in by_key] for chart in preset.charts]
        trends = self._trends
        trends.normalised = preset.normalised
        self._desk.time.set_ghost(preset.ghost_ms)
        trends.set_charts([c for c in charts if c])
        trends.show_span(preset.span_s)
        if missing:
            what = tr("{names} not in this project", names=", ".join(missing[:3]))
            self._desk.raise_problem(problem("U-804", name=preset.name, what=what))

    def _drop(self, preset: wire.TrendPreset) -> None:
        self._desk.ask(wire.DropTrendPreset(preset.name), self._trends._take_presets)

    # ---------------------------------------------------------------- export
    def ask_file(self) -> None:
        """Ask where to write what is seen."""
        ask_save(self._trends, tr("Export what is seen"), self.write, names=FILTERS)

    def write(self, path: str) -> None:
        """What is seen, as a picture or as a table, by the ending of the name."""
        if path.lower().endswith(".png"):
            if not self._picture().save(path):
                what = tr("the picture could not be written")
                self._desk.raise_problem(problem("U-804", name=Path(path).name, what=what))
            return
        first, last = self._trends.window_ms()
        time = self._desk.time
        if time.mode is Mode.REPLAY:
            last = min(last, time.now_ms)
        streams = tuple(dict.fromkeys(self._trends.shown_streams()))
        self._desk.ask(wire.WriteTrend(path, streams, first, last + 1, POINTS, time.known_ms))

    def _picture(self) -> QPixmap:
        """The charts with a line that says where, when and how much was known."""
        look, charts = theme(), self._trends.stage.grab()
        ratio = charts.devicePixelRatio()
        tall = look.px(CAPTION_PX)
        picture = QPixmap(charts.width(), charts.height() + round(tall * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(look.colour("bg.panel"))
        painter = QPainter(picture)
        painter.drawPixmap(0, 0, charts)
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.secondary"))
        wide = charts.width() / ratio
        box = QRectF(8, charts.height() / ratio, wide - 16, tall)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self.caption())
        painter.end()
        return picture

    def caption(self) -> str:
        """What a picture of the charts must say about itself."""
        time, session = self._desk.time, self._desk.session
        first, last = self._trends.window_ms()
        words = []
        if session is not None:
            demo = tr(" (DEMO)") if session.welcome.demo else ""
            words.append(session.welcome.project + demo)
        words.append(
            f"{numbers.day(first)} {numbers.clock_short(first)} \u2013 {numbers.day(last)} "
            f"{numbers.clock_short(last)} {numbers.offset(last)}"
        )
        if time.mode is Mode.REPLAY:
            at = numbers.clock(time.now_ms)
            now = numbers.clock(time.wall_ms)
            known, truth = tr("as known at {t}", t=at), tr("as known today at {t}", t=now)
            words.append(known if time.as_known else truth)
        return " · ".join(words)
