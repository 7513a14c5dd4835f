"""The dock area between the strips, its shipped perspectives, and where layouts are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import PySide6QtAds as QtAds
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QLabel, QWidget

from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

TITLES: Final = {
    "assets": "Assets",
    "layers": "Layers",
    "views": "Views",
    "city": "City",
    "asset": "Asset",
    "effects": "Effects",
    "attributes": "Attributes",
    "nearby": "Nearby",
    "forecast": "Forecast",
    "waiting": "Waiting",
    "then": "Then",
    "scenario": "Scenario",
    "trends": "Trends",
    "alarms": "Alarms",
    "anomalies": "Anomalies",
    "together": "Traffic and air",
    "maintenance": "Maintenance",
    "crew": "Crew plan",
    "models": "Models",
    "orders": "Work orders",
    "files": "Files",
    "life": "Life line",
    "tasks": "Tasks",
    "check": "Check",
    "feeds": "Feeds",
}
_L, _R, _B, _C = (
    QtAds.LeftDockWidgetArea,
    QtAds.RightDockWidgetArea,
    QtAds.BottomDockWidgetArea,
    QtAds.CenterDockWidgetArea,
)
Place = tuple[str, ...]
SIDE: Final[Place] = ("asset", "attributes", "forecast", "waiting", "scenario", "then")
LEFT: Final[Place] = ("assets", "layers", "views", "city")
"""all others are lists and charts, whose room is the bottom"""
LOW_SHARE: Final = 0.34
LOW_SHARES: Final = {"Overview": LOW_SHARE, "Alarms": 0.62, "Trends": 0.76, "Work": 0.42}
_NO_AREAS: Final = (None, None, None)
LAYOUTS: Final = 2
"""version of kept layouts; those of another are not taken"""


class Docks:
    """Owns the dock manager. Rooms of a perspective are lists of tabs, the first one in front."""

    def __init__(self, parent: QWidget, folder: Path | None = None) -> None:
        flags = QtAds.CDockManager
        flags.setConfigFlags(QtAds.CDockManager.DefaultOpaqueConfig)
        for flag, on in (
            (QtAds.CDockManager.DockAreaHasCloseButton, False),
            (QtAds.CDockManager.DockAreaHasUndockButton, False),
            (QtAds.CDockManager.DockAreaHasTabsMenuButton, False),
            (QtAds.CDockManager.ActiveTabHasCloseButton, False),
            (QtAds.CDockManager.AllTabsHaveCloseButton, False),
            (QtAds.CDockManager.FocusHighlighting, False),
            (QtAds.CDockManager.EqualSplitOnInsertion, False),
            (QtAds.CDockManager.DockAreaDynamicTabsMenuButtonVisibility, True),
        ):
            flags.setConfigFlag(flag, on)
        self.manager = QtAds.CDockManager(parent)
        self._plain()
        # the manager takes its own style sheet up again when the colour scheme changes
        self._later = QTimer(self.manager)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._plain)
        theme().changed.connect(self._later.start)
        self.docks: dict[str, QtAds.CDockWidget] = {}
        self._narrow = False
        self.current = "Overview"
        self._areas: tuple[object, object, object] = _NO_AREAS
        """left, lower and right one of the shipped perspective that stands"""
        self._left_out: frozenset[str] = frozenset()
        self._file = folder / "window.ini" if folder else None

    def _plain(self) -> None:
        self.manager.setStyleSheet("")

    def add(self, name: str, content: QWidget) -> None:
        dock = QtAds.CDockWidget(self.manager, tr(TITLES[name]))
        dock.setObjectName(name)
        dock.setFeature(QtAds.CDockWidget.DockWidgetClosable, False)
        dock.setWidget(content, QtAds.CDockWidget.ForceNoScrollArea)
        least = QtAds.CDockWidget.MinimumSizeHintFromContent
        if content.minimumWidth():  # a width that was set holds, whatever layout comes back
            least = QtAds.CDockWidget.MinimumSizeHintFromContentMinimumSize
        dock.setMinimumSizeHintMode(least)
        tab = dock.tabWidget()
        tab.setAccessibleName(tr(TITLES[name]))
        if (inner := tab.layout()) is not None:  # names before air: many share one row
            inner.setContentsMargins(theme().px(6), 0, theme().px(6), 0)
            inner.setSpacing(0)
        tab.setToolTip(tr(TITLES[name]))
        tab.activeTabChanged.connect(lambda: _whole(dock.tabWidget()))
        self.docks[name] = dock

    def count(self, name: str, number: int) -> None:
        """Say in a dock's tab how many of its things stand; 0 = the plain title."""
        title = f"{tr(TITLES[name])} {number}" if number else tr(TITLES[name])
        if self.docks[name].windowTitle() != title:
            self.docks[name].setWindowTitle(title)
            _whole(self.docks[name].tabWidget())

    def arrange(self, name: str, *, narrow: bool | None = None) -> None:
        """Builds a shipped perspective from nothing."""
        if narrow is not None:
            self._narrow = narrow
        for dock in self.docks.values():
            self.manager.removeDockWidget(dock)
        left, centre, right, bottom = self._plan(name)
        middle = self._area(centre, _C, None)
        # bottom spans left and centre; the right dock stands beside both
        right_area = self._area(right, _R, middle) if right else None
        lower = self._area(bottom, _B, middle) if bottom else None
        left_area = self._area(left, _L, middle) if left else None
        if right_area is not None:
            width, right_w = self._width(), theme().px(344)
            self.manager.setSplitterSizes(middle, [width - right_w, right_w])
        self.current = name
        self._areas = (left_area, lower, right_area)
        self.fit()
        self._put_away()
        self._offer()

    def fit(self) -> None:
        """Gives the areas of the shipped perspective that stands their shares of the present size;
        a layout of the user's own keeps its sizes.
        """
        left, lower, right = self._areas
        look, width, height = theme(), self._width(), max(560, self.manager.height())
        right_w = look.px(344) if right is not None else 0
        left_w = look.px(240 if not self._narrow else 304) if left is not None else 0
        low = max(look.px(200), round(height * LOW_SHARES.get(self.current, 0.3)))
        if lower is not None:
            _split(lower, [height - low, low])
        if left is not None:
            _split(left, [left_w, max(320, width - right_w - left_w)])
        if right is not None:
            _split(right, [width - right_w, right_w])
            if left is not None:  # without a bottom all three share one splitter
                _split(right, [left_w, max(320, width - left_w - right_w), right_w])

    def _width(self) -> int:
        return max(1280, int(self.manager.width()))

    def _plan(self, name: str) -> tuple[Place, Place, Place, Place]:
        side = SIDE
        lists: Place = (
            "trends", "alarms", "anomalies", "maintenance", "orders", "crew", "models",
            "together", "tasks", "check", "feeds",
        )  # fmt: skip
        if self._narrow:
            left: Place = ("assets", "asset", "effects", "layers", "views")
            lists = (*lists, "attributes", "forecast", "waiting", "scenario", "nearby", "then")
            side = ()
        else:
            left = ("assets", "layers", "views")
            lists = (*lists, "effects", "nearby")
        if name == "Alarms":
            return left, ("city",), side, ("alarms", *(n for n in lists if n != "alarms"))
        if name == "Trends":
            return left, ("city",), side, lists
        if name == "Work":
            front = ("forecast", "waiting", "asset", "attributes", "scenario", "then")
            centre = ("maintenance", "orders", "assets", "layers", "views", "city")
            low = ("crew", "trends", "life", "files", "alarms", "anomalies", "models", "tasks",
                   "check", "feeds")  # fmt: skip
            return (), centre, front, low
        if name == "Map":
            return left, ("city",), side, ()
        return left, ("city",), side, lists

    def _area(self, names: Place, where: object, beside: object) -> object:
        area = None
        for name in names:
            dock = self.docks[name]
            if area is None:
                area = (
                    self.manager.addDockWidget(where, dock)
                    if beside is None
                    else self.manager.addDockWidget(where, dock, beside)
                )
            else:
                self.manager.addDockWidgetTabToArea(dock, area)
        if area is not None:
            area.setCurrentIndex(0)
        return area

    def alone(self, name: str) -> None:
        """Only this dock, without its tab."""
        self._areas = _NO_AREAS
        for dock in self.docks.values():
            self.manager.removeDockWidget(dock)
        self._area((name,), _C, None)
        self.docks[name].dockAreaWidget().titleBar().hide()
        self._put_away()

    def _put_away(self) -> None:
        """Docks that the layout left out are windows of their own to Qt: they must not show."""
        for dock in self.docks.values():
            if dock.dockContainer() is None:
                dock.hide()

    def show(self, name: str) -> None:
        """Brings a dock to the front; one that the layout left out comes back as a tab."""
        dock = self.docks[name]
        if dock.dockContainer() is None:
            self._bring_in(name)
        if dock.isClosed():
            dock.toggleView(True)
        dock.setAsCurrentTab()
        dock.raise_()

    def _bring_in(self, name: str) -> None:
        """A dock the layout left out joins those of its kind; lists get the bottom to themselves
        where the layout has none, so that neither the city nor the tree gives up its width."""
        low = tuple(n for n in self.docks if n not in (*SIDE, *LEFT))
        kind = next((k for k in (SIDE, LEFT) if name in k), low)
        # effects and what lies near stand at the left where the window is narrow: no home for lists
        lists = ("trends", *(n for n in low if n not in ("effects", "nearby")))
        homes = lists if kind is low else kind
        placed = [n for n in homes if n != name and self.docks[n].dockContainer() is not None]
        dock, city = self.docks[name], self.docks["city"]
        if placed:
            self.manager.addDockWidgetTabToArea(dock, self.docks[placed[0]].dockAreaWidget())
        elif kind is low and city.dockContainer() is not None:
            height = max(400, city.dockAreaWidget().height())
            beside = city.dockAreaWidget().parentSplitter()
            widths = beside.sizes()
            area = self.manager.addDockWidget(_B, dock, city.dockAreaWidget())
            area.titleBar().show()  # the new area was made hidden, and so its row of tabs
            _split(area, [round(height * (1 - LOW_SHARE)), round(height * LOW_SHARE)])
            if len(widths) == beside.count():
                beside.setSizes(widths)
        else:
            home = next(d for d in self.docks.values() if d.dockContainer() is not None)
            self.manager.addDockWidgetTabToArea(dock, home.dockAreaWidget())

    def leave_out(self, *names: str) -> None:
        """Docks that have no tab for now and take no room; all others have theirs."""
        self._left_out = frozenset(names)
        self._offer()

    def _offer(self) -> None:
        for name, dock in self.docks.items():
            if dock.dockContainer() is not None and dock.isClosed() is (name not in self._left_out):
                area = dock.dockAreaWidget()
                front = area.currentDockWidget() if area is not None else None
                dock.toggleView(name not in self._left_out)
                if front is not None and front is not dock and not front.isClosed():
                    front.setAsCurrentTab()

    def beside(self, name: str) -> str:
        """The dock whose tab is in front where `name` has its own; itself when it stands alone."""
        area = self.docks[name].dockAreaWidget()
        front = area.currentDockWidget() if area is not None else None
        return next((n for n, d in self.docks.items() if d is front), name)

    def visible(self) -> list[str]:
        return [n for n, d in self.docks.items() if d.widget().isVisible()]

    # ---------------------------------------------------------------- keeping layouts
    def settings(self) -> QSettings | None:
        if self._file is None:
            return None
        return QSettings(str(self._file), QSettings.Format.IniFormat)

    def save(self) -> None:
        """Remembers the present layout under its perspective's name."""
        settings = self.settings()
        if settings is not None:
            settings.setValue(
                f"layout/{self.current}/{self._narrow}", self.manager.saveState(LAYOUTS)
            )
            settings.setValue("workspace", self.current)
            settings.sync()

    def restore(self, name: str) -> bool:
        """Brings back a remembered layout; False when there is none."""
        settings = self.settings()
        state = settings.value(f"layout/{name}/{self._narrow}") if settings is not None else None
        if state is None:
            return False
        self._know_all()
        self._areas = _NO_AREAS
        if not self.manager.restoreState(state, LAYOUTS):
            return False
        self._put_away()
        self._offer()
        self.current = name
        return True

    def _know_all(self) -> None:
        """A layout brings back only docks the manager knows; the last may have left some out."""
        area = next(d for d in self.docks.values() if d.dockContainer() is not None)
        for dock in self.docks.values():
            if dock.dockContainer() is None:
                self.manager.addDockWidgetTabToArea(dock, area.dockAreaWidget())

    def switch(self, name: str) -> None:
        """To another perspective: the remembered layout, else the shipped one."""
        self.save()
        if not self.restore(name):
            self.arrange(name)

    def reset(self) -> None:
        """The shipped layout of the present perspective, and forgets the changed one."""
        settings = self.settings()
        if settings is not None:
            settings.remove(f"layout/{self.current}/{self._narrow}")
        self.arrange(self.current)


def _whole(tab: QtAds.CDockWidgetTab) -> None:
    """The tab in front tells its whole name, however many share the row."""
    label = tab.findChild(QLabel)
    if label is not None:
        wide = label.fontMetrics().horizontalAdvance(tab.text()) + 2
        label.setMinimumWidth(wide if tab.isActiveTab() else 0)


def _split(area: object, sizes: list[int]) -> None:
    splitter = area.parentSplitter() if hasattr(area, "parentSplitter") else None
    if splitter is not None and splitter.count() == len(sizes):
        splitter.setSizes(sizes)
