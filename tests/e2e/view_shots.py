"""Pictures of every tool of the 3D view, made in the same sitting as the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF

from lamplighter.scene.camera import Pose
from lamplighter.ui.colour_by import choices
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_measure import Shape

if TYPE_CHECKING:
    from tests.e2e.make_shots import Director, Step

PUMP = "P-14"
COVERAGE = 5
"""page of coverage among those of the feeds"""


class ViewTools:
    """The acts; each leaves the view as the next one wants to find it."""

    def __init__(self, director: Director) -> None:
        self._director = director

    @property
    def furniture(self) -> Any:
        return self._director._window.furnish()

    @property
    def view(self) -> Any:
        return self.furniture.twin.view

    def steps(self, make: type[Step], good: Callable[[], bool]) -> list[Step]:
        """One picture for each tool."""

        def at_once() -> bool:
            return True

        acts = (
            ("measuring", self.measure, "tool-measure"),
            ("section box", self.section, "tool-section"),
            ("isolated asset", self.isolate, "tool-isolate"),
            ("sun and shadows", self.sun, "tool-sun"),
            ("comparing", self.compare, "tool-compare"),
            ("side by side", self.beside, "tool-compare-beside"),
            ("bookmarks", self.bookmarks, "tool-views"),
            ("walking", self.walk, "tool-walk"),
            ("map", self.plan, "tool-map"),
            ("attributes and neighbours", self.facts, "tool-attributes"),
            ("coverage", self.coverage, "coverage"),
            ("video wall", self.wall, "tool-wall"),
            ("sun in the light theme", self.light, "tool-sun-light"),
        )
        made = [make(what, at_once, act, 3.0, name, good) for what, act, name in acts]
        made.insert(6, make("kept views", at_once, self.keep_views, 1.5))
        return [*made, make("the view as before", at_once, self.put_back, 1.0)]

    # ---------------------------------------------------------------- acts
    def _fresh(self, pose: Pose | None = None) -> None:
        """No tool, no selection, live, the whole city or a pose."""
        self.furniture.sheet.hide()
        if self.furniture.wall.on:
            self.furniture.wall.leave()
        self.furniture.kept.player.stop()
        self.view.belt.end_all()
        self.view.colour.choose(None)
        desk = self._director._desk
        desk.selection.clear()
        if desk.time.mode is not Mode.LIVE:
            desk.time.live()
        self._director._go("Map")
        self.view.go(pose if pose is not None else self.view.scene.home_pose())

    def _near(self, distance: float, **turned: float) -> Pose:
        scene = self.view.scene
        home = scene.home_pose()
        box = scene.box(PUMP)
        focus = box.centre if box is not None else home.focus
        return replace(home, focus=focus, distance=distance, **turned)

    def measure(self) -> None:
        """One distance from street to roof, one area on the ground."""
        self._fresh(self._near(260.0))
        self.furniture.errands.tool("measure")
        tool = self.view.belt["measure"]
        wide, tall = self.view.width(), self.view.height()
        for x, y in ((0.42, 0.62), (0.5, 0.42)):
            found = self.view.probe(QPointF(wide * x, tall * y))
            if found is not None:
                tool.add(found.place)
        tool.choose(Shape.AREA)
        for x, y in ((0.56, 0.66), (0.7, 0.62), (0.74, 0.74), (0.6, 0.8)):
            found = self.view.probe(QPointF(wide * x, tall * y))
            if found is not None:
                tool.add(found.place)
        tool.finish()

    def section(self) -> None:
        """A box around a pump and its street, cut low."""
        self._fresh(self._near(300.0, tilt=52.0))
        self._director._desk.selection.select(PUMP)
        self.furniture.errands.tool("section")
        tool = self.view.belt["section"]
        middle, level = tool.centre, self.view.scene.extent.low[2]
        tool.set_box(
            (middle[0] - 75, middle[1] - 60, level - 2),
            (middle[0] + 75, middle[1] + 60, level + 22),
            20.0,
        )

    def isolate(self) -> None:
        """One asset in full, the rest as ghosts."""
        self._fresh(self._near(220.0))
        self._director._desk.selection.select(PUMP)
        self.view.belt["isolate"].isolate(hide_rest=False)

    def _summer(self) -> int:
        year = datetime.now().astimezone().year
        return round(datetime(year, 6, 21, 8, 30).astimezone().timestamp() * 1000)

    def sun(self) -> None:
        """A summer morning."""
        self._fresh()
        self.furniture.errands.tool("sun")
        self.view.belt["sun"].set_moment(self._summer())

    def compare(self) -> None:
        """Before the incident, and now."""
        self._fresh()
        self.furniture.errands.tool("compare")
        desk = self._director._desk
        passed = desk.time.wall_ms - self._director.began_ms
        tool = self.view.belt["compare"]
        tool.set_moment(desk.time.wall_ms - max(passed - 14_000, 5_000))
        tool.move_divider(0.52)

    def beside(self) -> None:
        """The same two states in two halves."""
        self.view.belt["compare"].set_beside(True)

    def keep_views(self) -> None:
        """Three views under names of their own."""
        self._fresh()
        kept = self.furniture.kept
        self.view.reduced_motion = True
        kept.keep()
        for asset, heading in ((PUMP, 60.0), ("SS-04", 140.0)):
            self._director._desk.selection.select(asset)
            pose = self.view.scene.asset_pose(asset)
            if pose is not None:
                self.view.go(replace(pose, heading=heading))
            kept.keep()

    def bookmarks(self) -> None:
        """A tour of the three that plays."""
        self._director._go("Map", "views")
        kept = self.furniture.kept
        kept.dwell.setValue(60)
        kept.play()
        kept.player.step(1)
        self.view.reduced_motion = False

    def walk(self) -> None:
        """In a street, at eye level."""
        self._fresh(self._near(200.0))
        self.furniture.errands.tool("walk")
        tool = self.view.belt["walk"]
        # turned to where the street is open the longest
        eye = tool.eye()
        ways = [np.radians(h) for h in range(0, 360, 10)]
        reach = [
            self.view.scene.distance(eye, np.array([np.sin(w), np.cos(w), 0.0]), 400.0)
            for w in ways
        ]
        best = int(np.argmax([min(r, 400.0) for r in reach]))
        tool.look(best * 10.0 - tool.heading, 4.0)

    def plan(self) -> None:
        """The flat map with the incident."""
        self._fresh()
        self._director._desk.selection.select(PUMP)
        self.view.toggle_plan()
        self.view.fit_all()

    def colour(self) -> None:
        """Water pressure over the network."""
        self._fresh()
        chosen = next(c for c in choices(self._director._desk) if c.id == "pressure")
        self.view.colour.choose(chosen)

    def facts(self) -> None:
        """What is known of an asset, and what stands around it."""
        self._fresh(self._near(320.0))
        self._director._go("Overview", "nearby", "attributes")
        self._director._desk.selection.select(PUMP)
        self.view.pointed.emit(QPointF(self.view.width() * 0.4, self.view.height() * 0.5))

    def coverage(self) -> None:
        """Where the air is measured, in the list and over the city."""
        self._fresh()
        self._director._go("Overview")
        self.furniture.feed_page(COVERAGE)
        self._director._desk.coverage.choose("no2")
        self._director._desk.coverage.hatch(True)

    def wall(self) -> None:
        """City and alarms alone."""
        self._director._desk.coverage.hatch(False)
        self._fresh()
        self.view.go(self.view.scene.home_pose())
        self.furniture.wall_view()

    def light(self) -> None:
        """An afternoon in the light theme."""
        self._fresh()
        theme().set("light")
        self.furniture.errands.tool("sun")
        self.view.belt["sun"].set_moment(self._summer() + 8 * 3_600_000)

    def put_back(self) -> None:
        """For the pictures that follow."""
        theme().set("dark")
        self._fresh()
