"""All docked views of the main window, and how they work together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.places import candidates, degrees_text, local_map, typed_coordinates
from lamplighter.domain.problems import problem
from lamplighter.ui import numbers
from lamplighter.ui.actions import Actions
from lamplighter.ui.alarm_list import AlarmList
from lamplighter.ui.alarm_sound import AlarmSound
from lamplighter.ui.alarm_windows import AlarmWindows
from lamplighter.ui.anomalies_page import AnomaliesPage
from lamplighter.ui.asset_tree import AssetTree
from lamplighter.ui.attributes_panel import Attributes
from lamplighter.ui.bookmarks import Views
from lamplighter.ui.check_page import CheckPage
from lamplighter.ui.city_errands import CityErrands
from lamplighter.ui.command_palette import CommandPalette
from lamplighter.ui.crew_page import CrewPage
from lamplighter.ui.docks import Docks
from lamplighter.ui.faceplate import Faceplate
from lamplighter.ui.feed_windows import FeedWindows
from lamplighter.ui.files_page import FilesPage
from lamplighter.ui.forecast_card import ForecastCard
from lamplighter.ui.key_sheet import KeySheet
from lamplighter.ui.kit_windows import KitWindows
from lamplighter.ui.layers_panel import LayersPanel
from lamplighter.ui.life_line import LifePanel
from lamplighter.ui.maintenance_list import Maintenance
from lamplighter.ui.mode_docks import ModeDocks
from lamplighter.ui.models_page import ModelsPage
from lamplighter.ui.nearby import Nearby
from lamplighter.ui.order_windows import OrderWindows
from lamplighter.ui.orders_page import OrdersPage
from lamplighter.ui.parts import centre_over
from lamplighter.ui.project_windows import ProjectWindows
from lamplighter.ui.resuming import resume
from lamplighter.ui.scenario_panel import ScenarioPanel
from lamplighter.ui.search_index import Entry
from lamplighter.ui.side_panels import Effects
from lamplighter.ui.tasks import TaskDrawer
from lamplighter.ui.theme import theme
from lamplighter.ui.then_panel import ThenAndNow
from lamplighter.ui.time_question import GoToTime
from lamplighter.ui.time_words import moment
from lamplighter.ui.together_page import TogetherPage
from lamplighter.ui.trend_errands import TrendErrands
from lamplighter.ui.trends import Trends
from lamplighter.ui.twin_dock import TwinDock
from lamplighter.ui.units_dialog import UnitsDialog
from lamplighter.ui.units_dialog import restore as restore_units
from lamplighter.ui.view_files import is_view
from lamplighter.ui.waiting_card import WaitingCard
from lamplighter.ui.wall import Wall
from lamplighter.ui.whole_picture import WholePicture
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.window import MainWindow


LEFT_MIN, RIGHT_MIN = 216, 304


class Furniture:
    """Makes the views, docks them and connects their signals."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        desk = self.desk = window.desk
        self.docks = Docks(window.middle, window.folder)
        self.assets, self.layers, self.twin = AssetTree(desk), LayersPanel(desk), TwinDock(desk)
        self.kept = Views(desk)
        self.faceplate, self.effects = Faceplate(desk), Effects(desk)
        self.attributes, self.nearby = Attributes(desk), Nearby(desk)
        self.forecast, self.scenario = ForecastCard(desk), ScenarioPanel(desk)
        self.trends, self.alarms = Trends(desk), AlarmList(desk, window.blink)
        self.maintenance, self.tasks = Maintenance(desk), TaskDrawer(desk)
        self.together = TogetherPage(desk)
        self.anomalies, self.models = AnomaliesPage(desk), ModelsPage(desk)
        self.crew, self.waiting = CrewPage(desk), WaitingCard(desk)
        self.check, self.then = CheckPage(desk), ThenAndNow(desk)
        self.orders, self.files, self.life = OrdersPage(desk), FilesPage(desk), LifePanel(desk)
        self.order_windows = OrderWindows(desk, window)
        self.files.place = self.nearby.place
        self.time_bar = window.time_bar
        self.feeds = FeedWindows(desk, window)
        self.alarm_work = AlarmWindows(desk, window)
        self.sound = AlarmSound(desk, settings=self.docks.settings())
        restore_units(self.docks.settings())
        self.views: dict[str, QWidget] = {
            "assets": self.assets,
            "layers": self.layers,
            "views": self.kept,
            "city": self.twin,
            "asset": self.faceplate,
            "effects": self.effects,
            "attributes": self.attributes,
            "nearby": self.nearby,
            "forecast": self.forecast,
            "waiting": self.waiting,
            "scenario": self.scenario,
            "then": self.then,
            "trends": self.trends,
            "alarms": self.alarms,
            "anomalies": self.anomalies,
            "together": self.together,
            "maintenance": self.maintenance,
            "crew": self.crew,
            "models": self.models,
            "orders": self.orders,
            "files": self.files,
            "life": self.life,
            "tasks": self.tasks,
            "check": self.check,
            "feeds": self.feeds.pages,
        }
        self._least_widths()
        theme().changed.connect(self._least_widths)
        for name, view in self.views.items():
            self.docks.add(name, view)
        window.beat.add_late(self.twin)
        for view in (self.faceplate, self.trends):
            window.beat.add(view)
        self._whole = WholePicture(desk, window.beat, window.gate, self.trends, self.twin)
        self._is_narrow: bool | None = None
        self._shut = False
        self.errands = CityErrands(desk, self.docks, self.twin, self.kept, self.nearby)
        self.to_trends = TrendErrands(desk, self.docks, self.trends)
        self.project = ProjectWindows(desk, window, self.docks)
        self.kits = KitWindows(self.desk, window)
        window.kit_line.on_bring, window.kit_line.on_decide = self.kits.bring, self.kits.decide
        self.palette = CommandPalette(self._entries, window, self._typed)
        self.actions = Actions(self, window)
        self.sheet = KeySheet(self.actions.key_rows(), window)
        self.wall = Wall(window, self)
        self.modes = ModeDocks(
            desk, self.docks, window, lambda: bool(self._is_narrow), lambda: self.wall.on
        )
        self._wire()
        window.strip.show_sound(self.sound.on)

    def _least_widths(self) -> None:
        """The docks' minimum widths; type grows faster than the screen at large font scales."""
        grown = min(theme().scale, 1.25)
        self.assets.setMinimumWidth(round(LEFT_MIN * grown))
        self.faceplate.setMinimumWidth(round(RIGHT_MIN * grown))

    def _wire(self) -> None:
        window, desk = self._window, self.desk
        window.top.workspace.connect(self.workspace)
        window.top.search.connect(self.open_palette)
        window.strip.acknowledge.connect(self._acknowledge_keys)
        window.strip.silence.connect(self.silence)
        self.alarms.to_page.connect(self.alarm_work.open)
        window.strip.kind.connect(self._show_kind)
        window.strip.chosen.connect(desk.selection.select)
        window.kpis.chosen.connect(self.to_trends.figure)
        desk.coverage.wanted.connect(self.coverage)
        self.project.to_quarantine.connect(lambda: self.feed_page(1))
        self.project.to_trend.connect(self.to_trends.past)
        window.status.disk_clicked.connect(self.project.storage)
        window.time_bar.go_to.connect(self.go_to_time)
        self.layers.changed.connect(self.errands.show_domains)
        desk.surface_clicked.connect(self.attributes.show_surface)
        self.layers.to_import.connect(self.project.import_files)
        self.layers.to_register.connect(self.project.register)
        for shows in (self.layers, self.project):
            shows.show_layer.connect(self.errands.show_layer)
        window.dropped.connect(self.take_dropped)
        self.twin.first_frame.connect(self.errands.drawn)
        self.check.to_place.connect(self.errands.look_at)
        for view in (self.assets, self.alarms, self.faceplate):
            view.to_trend.connect(self.to_trends.asset)
        for maker in (self.assets, self.faceplate, self.maintenance, self.forecast):
            maker.to_order.connect(self.new_order)
        self.orders.to_new.connect(self.new_order)
        for opened in (self.orders.to_open, self.life.to_order):
            opened.connect(self.order_windows.open)
        self.order_windows.show_asset.connect(self._look_at_asset)
        self.faceplate.to_view.connect(self._more_of)
        self.faceplate.shelve.connect(self._shelve)
        self.faceplate.to_anomalies.connect(lambda: self.docks.show("anomalies"))
        self.anomalies.to_trends.connect(self.to_trends.streams)
        self.anomalies.to_city.connect(self.errands.go_to_asset)
        desk.unusual.changed.connect(
            lambda: self.docks.count(
                "anomalies", sum(a.standing for a in desk.unusual.items.values())
            )
        )
        self.feeds.pages.suspicion.to_trend.connect(self.to_trends.stream)
        self.feeds.pages.suspicion.to_city.connect(self.errands.go_to_asset)
        self.feeds.pages.coverage.to_place.connect(self.errands.go_over)
        desk.drafts.resumed.connect(lambda draft: resume(self, draft))
        self.then.share.connect(lambda: self.kept.share())
        window.frame.back.clicked.connect(desk.time.live)
        desk.city_changed.connect(self.palette.invalidate)
        desk.time.changed.connect(self.palette.invalidate)

    def open(self) -> None:
        self._is_narrow = self._window.width() < 1440
        self.docks.leave_out("then")
        self.docks.arrange("Overview", narrow=self._is_narrow)
        self.docks.restore("Overview")
        self._window.top.show_workspace("Overview")

    def load_charts(self) -> None:
        """Imports pyqtgraph and makes the charts; called after the first paint."""
        self.docks.fit()  # the area has its final size only now
        self.trends.ready()
        self.faceplate.attach_plot()
        self.anomalies.ready()

    # ---------------------------------------------------------------- layout
    def narrow(self, is_narrow: bool) -> None:
        if is_narrow != self._is_narrow and not self.wall.on:
            self._is_narrow = is_narrow
            self.docks.arrange(self.docks.current, narrow=is_narrow)

    def workspace(self, name: str) -> None:
        self.docks.switch(name)
        self._window.top.show_workspace(name)

    def cycle(self, by: int) -> None:
        """F6: the next visible panel gets the focus; 3D never holds it."""
        names = self.docks.visible()
        if not names:
            return
        focus = self._window.focusWidget()
        here = next(
            (i for i, n in enumerate(names) if focus and self.views[n].isAncestorOf(focus)), -1
        )
        view = self.views[names[(here + by) % len(names)]]
        target = next(
            (w for w in view.findChildren(QWidget)
             if w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isEnabled()),
            view,
        )  # fmt: skip
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def full_screen(self) -> None:
        window = self._window
        window.showNormal() if window.isFullScreen() else window.showFullScreen()

    def look_near(self) -> None:
        """What lies near the selected asset."""
        self.docks.show("nearby")
        self.nearby.radius.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _typed(self, text: str) -> list[Entry]:
        """Places for coordinates that were typed or pasted, the likeliest first; and moments."""
        time, city = self.desk.time, self.desk.city
        at = moment(text, time.now_ms, time.wall_ms)
        if at is not None and not text.strip().isalpha():
            words = f"{numbers.day(at)} {numbers.clock(at)}"
            return [Entry(tr("Go to {place}", place=words), tr("moment"),
                          lambda: time.replay(at))]  # fmt: skip
        frame = city.frame
        if frame is None or typed_coordinates(text) is None:
            return []
        known = local_map(city.assets.values())
        found = candidates(text, known, (frame.east, frame.north))[:2]
        return [
            Entry(
                tr("Go to {place}", place=degrees_text(*known.lonlat(x, y)) if known else text),
                tr("coordinates"),
                lambda x=x, y=y: self.errands.go_to_place(x, y, text),  # type: ignore[misc]
            )
            for x, y in found
        ]

    def display_units(self) -> None:
        """Choose the units that values are shown in."""
        dialog = UnitsDialog(self.desk, self.docks.settings(), self._window)
        dialog.changed.connect(self.faceplate.refresh)
        dialog.changed.connect(self.desk.city_changed)
        dialog.changed.connect(self.trends.units_changed)
        centre_over(self._window, dialog)
        dialog.show()

    def feed_page(self, number: int) -> None:
        """Feeds, quarantine, data quality by day, the historian, suspect sensors, or coverage."""
        self.docks.show("feeds")
        self.feeds.pages.show_page(number)

    def coverage(self) -> None:
        """Where the city is measured and where it is not."""
        self.feed_page(5)

    def check_city(self) -> None:
        """Look for what is wrong with the city."""
        self.docks.show("check")
        self.check.check()

    def projects(self) -> None:
        """The page of all projects, in a window of its own."""
        opens = self._window.open_projects
        said = opens() if opens is not None else ""
        if said:
            self.desk.raise_problem(problem("U-804", name=tr("The page of projects"), what=said))

    def wall_view(self) -> None:
        """Into the video wall, or back."""
        self.wall.toggle()

    def escape(self) -> None:
        """Closes what lies on top, then clears the selection."""
        for top in (self.palette, self.sheet):
            if top.isVisible():
                top.hide()
                return
        belt = getattr(self.twin.view, "belt", None)
        if belt is not None and belt.escape():
            return
        if self.wall.on:
            self.wall.leave()
            return
        self.desk.selection.clear()

    def take_dropped(self, paths: Sequence[str]) -> None:
        """Files dropped onto the window: a view is shown, everything else is imported."""
        views = [path for path in paths if is_view(path)]
        others = [path for path in paths if not is_view(path)]
        for path in views[-1:]:
            self.errands.open_view(Path(path))
        if others:
            self.project.import_files(others)

    def keys(self) -> None:
        self.sheet.toggle()

    def find(self) -> None:
        self.docks.show("assets")
        self.assets.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.assets.filter.selectAll()

    def open_palette(self) -> None:
        self.palette.open()

    def _entries(self) -> list[Entry]:
        return self.actions.entries()

    # ---------------------------------------------------------------- work
    def acknowledge(self) -> None:
        """F2: the selected rows when the list has the focus, else the line in the strip."""
        focus = self._window.focusWidget()
        in_list = focus is not None and self.alarms.isAncestorOf(focus)
        if in_list and self.alarms.acknowledge():
            return
        shown = self._window.strip.shown
        if shown is not None and shown.state is AlarmState.UNACK:
            self._acknowledge_keys((shown.key,))

    def _acknowledge_keys(self, keys: tuple[str, ...]) -> None:
        if not self.desk.time.commands_locked:
            self.desk.ask(wire.AlarmAction("ack", keys))

    def silence(self) -> None:
        """The horn of every console, until the next alarm."""
        self.desk.room.silence()

    def _show_kind(self, state: str) -> None:
        self.docks.show("alarms")
        self.alarms.filter.show_kind(state)

    def switch_sound(self) -> None:
        """The sound of alarms at this console, on or off; says which."""
        self.sound.switch()
        if not self.sound.can:
            words = tr("this machine has no player for it")
            self.desk.raise_problem(problem("U-804", name=tr("The sound"), what=words))
        self._window.strip.show_sound(self.sound.on)

    def _shelve(self, keys: tuple[str, ...]) -> None:
        at = self.faceplate.mapToGlobal(QPoint(40, self.faceplate.height() // 2))
        self.alarms.shelve_menu(keys, at)

    def switch_reasons(self) -> None:
        """Reasons in sentences, or the figures alone."""
        self.desk.unusual.set_reasons(not self.desk.unusual.reasons)
        self.faceplate.refresh()

    def new_order(self, asset: str = "") -> None:
        """The form of a new order on this or the selected asset."""
        self.order_windows.new(asset or self.desk.selection.current)

    def work_orders(self) -> None:
        """The list of work orders, with its filter ready."""
        self.docks.show("orders")
        self.orders.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def find_files(self) -> None:
        """Photos, documents and drawings, with the search ready."""
        self.docks.show("files")
        self.files.text.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def life_line(self) -> None:
        """The life of the selected asset, ready for the arrow keys."""
        self.docks.show("life")
        self.life.canvas.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _more_of(self, view: str) -> None:
        """Orders, files or the life of the selected asset."""
        asset = self.desk.selection.current
        self.docks.show(view)
        if view == "orders":
            self.orders.show_asset(asset)
        elif view == "files":
            self.files.show_asset(asset)

    def _look_at_asset(self, asset: str) -> None:
        self.desk.selection.select(asset)
        self.docks.show("asset")

    def go_to_time(self) -> None:
        """The typed twin of dragging the time bar; a question that stays until it is understood."""
        GoToTime(self.desk, self._window).open_at(self._window.time_bar)

    def shut(self) -> None:
        self.modes.stop()
        self.kept.player.stop()
        self.sound.shut()
        if self.wall.on:
            theme().set(scale=self.wall.scale_before)
        else:
            self.docks.save()
        if not self._shut:
            self._shut = True
            theme().changed.disconnect(self._least_widths)
        self.order_windows.shut()
        if self.twin.view is not None:
            self.twin.view.close()
