"""The 3D city bound to the window's state: selection, alarms, trust, mode and time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, Qt
from PySide6.QtWidgets import QWidget

from lamplighter.domain.problems import Problem, problem
from lamplighter.domain.wire import City
from lamplighter.scene.states import Mark
from lamplighter.ui.colour_by import ColourBy, ColourKey, pop_up
from lamplighter.ui.coverage_film import CoverageCard, CoverageFilm
from lamplighter.ui.coverage_film import pop_up as hatch_menu
from lamplighter.ui.desk import Desk
from lamplighter.ui.place_line import PlaceLine
from lamplighter.ui.print_view import PictureOut
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_equip import equip
from lamplighter.ui.twin_moving import MovingThings
from lamplighter.ui.twin_scenario import scenario_assets, with_scenario
from lamplighter.ui.twin_states import (
    AlarmLooks,
    Silence,
    Sources,
    TrustOf,
    alarm_looks,
    merged_states,
    silence_badges,
)
from lamplighter.ui.twin_view import TwinView
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.beat import Shown

_SHOWS = (
    (Mark.CAUSE, ("fill", "state.critical", "cause")),
    (Mark.LOSES_SERVICE, ("faint", "state.critical", "loses service")),
)


class DeskTwin(TwinView):
    """A `TwinView` that follows a `Desk`; the beat calls `show_frame`."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._trust = TrustOf(desk.city)
        self._sources = Sources(desk.city)
        self._silent: tuple[Silence, ...] = ()
        self._levels = np.zeros(0, dtype=np.int8)
        self._alarms = AlarmLooks()
        self._stale_alarms = True
        self._tint: Mapping[str, float] = {}
        self._changed: frozenset[str] = frozenset()
        self._abnormal_at = -1
        self._warm = threading.Thread(target=_warm_up, name="3D libraries", daemon=True)
        self._waiting = QTimer(self)
        self._waiting.setInterval(30)
        self._waiting.timeout.connect(self._start_when_warm)
        self.tooltip_of = self._tooltip
        self.asset_clicked.connect(self._clicked)
        self.next_abnormal.connect(lambda: self._step(1))
        self.previous_abnormal.connect(lambda: self._step(-1))
        self.escape.connect(self._up)
        self.fault.connect(self._tell)
        self.refused.connect(self._refuse)
        self.moving = MovingThings(self, desk)
        self.belt = equip(self, desk)
        self.place_line = PlaceLine(desk, self)
        self.colour = ColourBy(desk, self)
        self.colour_key = ColourKey(self.colour, self)
        self.colour.changed.connect(self._colour_changed)
        choose = partial(pop_up, self.colour, desk, self)
        self.belt.column.add_button("tint", tr("Colour by a value (C)"), choose)
        cover = desk.coverage
        self.film = CoverageFilm(cover, self)
        self.coverage_card = CoverageCard(cover, self)
        self.belt.column.add_button(
            "coverage", tr("Coverage: where nothing is measured (Ctrl+Shift+C)"), cover.wanted.emit
        )
        self.belt.add_action(tr("Coverage"), "Ctrl+Shift+C", cover.wanted.emit)
        self.belt.add_action(
            tr("Hatch what is not measured"), "Q", lambda: cover.hatch(not cover.hatched)
        )
        self.belt.add_action(
            tr("Hatch by a measured quantity"), "Shift+Q", partial(hatch_menu, cover, self)
        )
        cover.changed.connect(self._coverage_changed)
        self.picture = PictureOut(desk, self)
        self.belt.add_action(tr("Export the picture"), "Ctrl+Shift+E", self.picture.ask)
        self.belt.add_action(tr("Colour by a value"), "C", choose)
        self.belt.add_action(tr("Colour by nothing"), "Shift+C", lambda: self.colour.choose(None))
        desk.city_changed.connect(self._city_changed)
        desk.alarms_changed.connect(self._alarms_changed)
        desk.scenario_changed.connect(self._scenario_changed)
        desk.time.changed.connect(self._scenario_changed)
        desk.selection.changed.connect(self._selection_changed)
        desk.layer_view_changed.connect(self.show_layers)
        self.show_layers(desk.layer_view)
        if desk.city_known:
            self._city_changed()

    def start_soon(self) -> None:
        """Load the 3D libraries beside the window, then start."""
        self._warm.start()
        self._waiting.start()

    def _start_when_warm(self) -> None:
        if self._warm.is_alive():
            return
        self._waiting.stop()
        self.start()
        self._selection_changed()

    def _shut(self) -> None:
        self._waiting.stop()
        super()._shut()

    # ---------------------------------------------------------------- following
    def _city_changed(self) -> None:
        city = self._desk.city
        self._trust = TrustOf(city)
        self._sources = Sources(city)
        self._levels = np.zeros(0, dtype=np.int8)
        self._stale_alarms = True
        self.moving.city_changed()
        layers = tuple(city.imported.values())
        shown = City(tuple(city.assets.values()), (), (), city.tiles, city.frame, layers)
        if shown != self._city:  # new datastreams change nothing that is drawn
            self.set_city(shown)
        self._selection_changed()

    def _alarms_changed(self) -> None:
        self._stale_alarms = True

    def _scenario_changed(self) -> None:
        shown = self._desk.time.mode is Mode.SCENARIO
        changed = scenario_assets(self._desk.city, self._desk.scenario if shown else None)
        if changed != self._changed:
            self._changed, self._stale_alarms = changed, True

    def _selection_changed(self) -> None:
        current = self._desk.selection.current
        self.select(current or None)
        path = self._desk.city.path(current).split(" › ") if current else []
        names = [tr("City"), *path, self._desk.city.name(current)] if current else [tr("City")]
        self.set_path(names, self._note())

    def _note(self) -> str:
        """Beside the path: how much of the city is measured, or what to do first."""
        city = self._desk.city
        if any(not one.source for one in self._silent):
            return tr("nothing is live · the last known state is shown")
        if total := len(city.streams):
            bound = sum(len(s) for s in city.of_asset.values())
            return tr("{a} of {b} streams bound", a=f"{bound:,}", b=f"{total:,}")
        if self._desk.city_known and not city.assets and not city.tiles:
            return tr("nothing here yet: import files with Ctrl I, or drop them here")
        return ""

    @property
    def _everything(self) -> Silence:
        """The whole city as one silent area: no cable, no feed, or nothing recorded yet."""
        city = self._desk.city
        return Silence("", "", "", len(city.streams), frozenset(city.assets), 0)

    def set_tint(self, values: Mapping[str, float]) -> None:
        """Tint assets by a KPI, 0..1 each; empty for none."""
        self._tint = dict(values)
        self._stale_alarms = True

    def _colour_changed(self) -> None:
        if self.colour.choice is None and self._tint:
            self.set_tint({})

    def show_frame(self, shown: Shown) -> None:
        """One beat: look at values and alarms, repaint what changed."""
        desk = self._desk
        tint = self.colour.tint(shown, self._alarms.incident)
        if tint is not None and tint != self._tint:
            self.set_tint(tint)
        # of the moment that is shown, however late
        stale = desk.stale_of(shown.values, shown.now_ms)
        levels = self._trust.levels(shown.values, stale)
        silent = self._sources.silent(shown.values, stale)
        if not silent and shown.values is not None and len(stale) and stale.all():
            silent = (self._everything,)
        changed = silent != self._silent or not np.array_equal(levels, self._levels)
        self._silent = silent
        if self._stale_alarms:
            looks = alarm_looks(desk.city, desk.standing(), desk.incidents)
            self._alarms = with_scenario(looks, self._changed)
        self.set_badges((*silence_badges(silent, shown.now_ms), *self._alarms.badges))
        if changed or self._stale_alarms:
            self._stale_alarms = False
            self._levels = levels
            table = merged_states(self._alarms, self._trust.assets, levels, self._tint, silent)
            self.set_states(table)
            self._show_legend(levels)
        self.moving.show(shown)
        self.set_mode_frame(str(shown.mode))

    def _show_legend(self, levels: np.ndarray) -> None:
        marks = {look.mark for look in self._alarms.looks.values()}
        rows = [row for mark, row in _SHOWS if mark in marks]
        if self._changed:
            rows.append(("fill", "mode.scenario", "changed by the scenario"))
        if (levels >= 2).any():
            rows.append(("hatch", "scene.hatch", "not live"))
        rows += self.film.legend
        self.set_legend([(mark, role, tr(words)) for mark, role, words in rows])
        self.set_path(self.overlay.path, self._note())

    # ---------------------------------------------------------------- acting
    def _coverage_changed(self) -> None:
        self._show_legend(self._levels)

    def _clicked(self, asset: str) -> None:
        keys = QGuiApplication.keyboardModifiers()
        at, cover = self.pointer, self._desk.coverage
        hit = None
        if self.scene is not None and (asset or cover.hatched):
            hit = self.scene.surface_at(at.x(), at.y(), self.width(), self.height())
        if cover.hatched:
            cover.pick_at(*hit.place[:2]) if hit is not None else cover.pick("")
        if asset and self.scene is not None:
            self._desk.surface_clicked.emit(asset, hit.surface if hit is not None else "")
        several = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        if not asset:
            self._desk.selection.clear()
        elif keys & several:
            self._desk.selection.toggle(asset)
        else:
            self._desk.selection.select(asset)

    def _step(self, by: int) -> None:
        names = [b.asset for b in self._alarms.badges if b.priority]
        if names:
            self._abnormal_at = (self._abnormal_at + by) % len(names)
            self._desk.selection.select(names[self._abnormal_at])

    def _up(self) -> None:
        if self._desk.selection.current:
            self._desk.selection.clear()
        else:
            self.fit_all()

    def _refuse(self, why: str) -> None:
        self._desk.raise_problem(problem("U-804", name=tr("The tool"), what=why.rstrip(".")))

    def _tell(self, found: Problem) -> None:
        self._desk.raise_problem(found)

    def _tooltip(self, asset: str) -> str:
        city = self._desk.city
        lines = [city.name(asset)]
        worst = self._desk.worst_of(asset)
        if worst is not None:
            lines.append(worst.text)
        for stream in city.of_asset.get(asset, ())[: 4 - len(lines)]:
            value = self._desk.value(stream)
            lines.append(f"{value.text_with_unit} · {value.age_text} · {value.quality_text}")
        return "\n".join(lines)


def _warm_up() -> None:
    """Import what is heavy and knows no Qt, so that the GUI thread waits less."""
    import pyvista
    import vtkmodules.vtkFiltersHybrid
    import vtkmodules.vtkRenderingOpenGL2

    import lamplighter.scene.city_scene

    assert pyvista and vtkmodules and lamplighter


def make(desk: Desk, parent: QWidget) -> QWidget:
    """The 3D view for the window. Raises RuntimeError where 3D cannot work."""
    from lamplighter.ui.twin_picture import gl_capable

    if not gl_capable():
        raise RuntimeError(tr("this platform shows no OpenGL"))
    view = DeskTwin(desk, parent)
    view.start_soon()
    return view
