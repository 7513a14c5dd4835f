"""Pipes, cables and other lines: dashes by domain, seen faintly through buildings, pickable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from lamplighter.domain.city import Asset
from lamplighter.scene import shaders
from lamplighter.scene.arrays import cells_of, points_of, shared
from lamplighter.scene.camera import Projection
from lamplighter.scene.picking import Hit
from lamplighter.scene.states import NORMAL_KEY, Mark, line_colour
from lamplighter.scene.theme import LineStyle, Rgb, SceneTheme

LIFT_M: Final = 0.8
METRES_PER_DASH: Final = 2.4
"""a dash of the tokens' one pixel is this long on the ground"""
REACH_PX: Final = 5.0
_MAIN_MM: Final = 250.0
_PLAIN: Final = LineStyle((), 1.5, 2.5)
_Key = tuple[int, int, int, int]
Course = npt.NDArray[np.float64]


def course_of(asset: Asset) -> Course:
    """The course of a line asset (n, 3), lifted off the ground; empty when it has none."""
    course = np.array(asset.path, dtype=np.float64).reshape(-1, 3)
    course = course[np.isfinite(course).all(axis=1)]
    return np.asarray(course + np.array([0.0, 0.0, LIFT_M]))


def is_main(asset: Asset) -> bool:
    """Whether a line is drawn as a main: by its type, its kind or its diameter."""
    if "main" in asset.type.lower() or asset.attributes.get("main") is True:
        return True
    for name in ("diameter_mm", "diameter"):
        value = asset.attributes.get(name)
        if isinstance(value, (int, float)):
            return float(value) >= _MAIN_MM
    return False


def dashed(course: Course, pattern: Sequence[float]) -> tuple[Course, Course]:
    """Beginnings and ends (m, 3) of the strokes of a course; `pattern` alternates on and off."""
    step = np.diff(course, axis=0)
    length = np.sqrt((step**2).sum(axis=1))
    keep = length > 1e-6
    begin, step, length = course[:-1][keep], step[keep], length[keep]
    if not len(pattern) or not len(begin):
        return begin, begin + step
    period = float(sum(pattern))
    at = np.concatenate(([0.0], np.cumsum(length)))
    total = at[-1]
    if total / period > 20_000:
        return begin, begin + step
    offsets = np.concatenate(([0.0], np.cumsum(pattern)))[:-1]
    rounds = np.arange(int(total / period) + 1) * period
    on = (rounds[:, None] + offsets[0::2][None, :]).ravel()
    off = (rounds[:, None] + (offsets[0::2] + np.asarray(pattern)[0::2])[None, :]).ravel()
    # every stroke is cut again where the course bends
    cuts = np.unique(np.concatenate((on, off, at)))
    cuts = cuts[cuts <= total]
    middle = (cuts[:-1] + cuts[1:]) / 2
    stroke = np.searchsorted(np.sort(on), middle, side="right") - 1
    inside = middle < np.sort(off)[np.clip(stroke, 0, len(off) - 1)]
    places = _along(course, cuts)
    return places[:-1][inside], places[1:][inside]


def _along(course: Course, distance: npt.NDArray[np.float64]) -> Course:
    step = np.sqrt((np.diff(course, axis=0) ** 2).sum(axis=1))
    at = np.concatenate(([0.0], np.cumsum(step)))
    return np.stack([np.interp(distance, at, course[:, k]) for k in range(3)], axis=1)


@dataclass(slots=True)
class _Group:
    """All lines of one domain and weight: three actors over shared memory."""

    domain: str
    main: bool
    style: LineStyle
    rows: dict[str, tuple[int, int]]
    rgba: npt.NDArray[np.uint8]
    casing: npt.NDArray[np.uint8]
    actors: tuple[vtkActor, vtkActor, vtkActor]
    arrays: tuple[Any, Any]


class NetworkActors:
    """Every line asset of the city."""

    def __init__(self, renderer: vtkRenderer, theme: SceneTheme) -> None:
        self._renderer = renderer
        self._theme = theme
        self._groups: list[_Group] = []
        self._courses: dict[str, Course] = {}
        self._keys: dict[str, _Key] = {}
        self._mark: vtkActor | None = None
        self._selected: str | None = None
        self._shown: frozenset[str] | None = None
        self._ends = (np.zeros((0, 3)), np.zeros((0, 3)))
        self._owner: list[str] = []
        self._owner_of = np.zeros(0, dtype=np.int64)

    def set_assets(self, assets: Iterable[Asset]) -> None:
        """Draw these lines instead of the present ones."""
        self._drop()
        grouped: dict[tuple[str, bool], list[tuple[str, Course]]] = {}
        for asset in assets:
            course = course_of(asset)
            if len(course) > 1:
                self._courses[asset.id] = course
                grouped.setdefault((asset.domain, is_main(asset)), []).append((asset.id, course))
        for (domain, main), lines in sorted(grouped.items()):
            self._groups.append(self._group(domain, main, lines))
        self._owner = list(self._courses)
        begins = [c[:-1] for c in self._courses.values()]
        ends = [c[1:] for c in self._courses.values()]
        if begins:
            self._ends = np.concatenate(begins), np.concatenate(ends)
            self._owner_of = np.repeat(np.arange(len(begins)), [len(b) for b in begins])
        self.show(self._shown)

    def _drop(self) -> None:
        for group in self._groups:
            for actor in group.actors:
                self._renderer.RemoveActor(actor)
        self._groups, self._courses, self._keys = [], {}, {}
        self._ends = (np.zeros((0, 3)), np.zeros((0, 3)))
        self.select(None)

    def _group(self, domain: str, main: bool, lines: list[tuple[str, Course]]) -> _Group:
        style = self._theme.lines.get(domain, _PLAIN)
        pattern = [v * METRES_PER_DASH for v in style.dash]
        rows: dict[str, tuple[int, int]] = {}
        begins, ends, count = [], [], 0
        for name, course in lines:
            tracks = _double(course) if style.double else [course]
            strokes = [dashed(track, pattern) for track in tracks]
            begins += [s[0] for s in strokes]
            ends += [s[1] for s in strokes]
            more = 2 * sum(len(s[0]) for s in strokes)
            rows[name] = (count, count + more)
            count += more
        places = np.stack((np.concatenate(begins), np.concatenate(ends)), axis=1).reshape(-1, 3)
        rgba = np.full((count, 4), 255, dtype=np.uint8)
        casing = np.zeros((count, 4), dtype=np.uint8)
        group = _Group(domain, main, style, rows, rgba, casing, *self._actors(places, rgba, casing))
        self._colour_group(group)
        width = (style.main if main else style.minor) * self._theme.stroke_scale
        for actor, wide in zip(group.actors, (width + 2.4, width, width), strict=True):
            actor.GetProperty().SetLineWidth(wide)
            self._renderer.AddActor(actor)
        return group

    def _actors(
        self, places: Course, rgba: npt.NDArray[np.uint8], casing: npt.NDArray[np.uint8]
    ) -> tuple[tuple[vtkActor, vtkActor, vtkActor], tuple[Any, Any]]:
        strokes = np.arange(len(places), dtype=np.int32).reshape(-1, 2)
        points = points_of(places.astype(np.float32))
        cells = cells_of(strokes)
        actors, arrays = [], []
        colours = shared(rgba)
        around = shared(casing)
        for array, opacity in ((around, 1.0), (colours, 1.0), (colours, self._theme.behind_alpha)):
            data = vtkPolyData()
            data.SetPoints(points)
            data.SetLines(cells)
            data.GetPointData().SetScalars(array)
            mapper = vtkPolyDataMapper()
            mapper.SetInputData(data)
            mapper.SetColorModeToDirectScalars()
            mapper.SetVBOShiftScaleMethod(0)
            actor = vtkActor()
            actor.SetMapper(mapper)
            actor.GetProperty().SetLighting(False)
            actor.GetProperty().SetOpacity(opacity)
            actors.append(actor)
            arrays.append(array)
        casing_actor, line, behind = actors
        casing_actor.ForceTranslucentOn()
        line.ForceOpaqueOn()
        behind.ForceTranslucentOn()
        shaders.raised(casing_actor, 0.00004)
        shaders.raised(line, 0.00006)
        shaders.in_front(behind, 0.5)
        return (casing_actor, line, behind), (colours, around)

    def _quiet(self, group: _Group) -> Rgb:
        if group.domain == "power":
            return self._theme["power"]
        return self._theme["pipe" if group.main else "pipeMinor"]

    def _colour_group(self, group: _Group) -> None:
        group.rgba[:, :3] = self._quiet(group)
        group.casing[:] = 0
        for name in group.rows:
            if name in self._keys:
                self._write(group, name, self._keys[name])
        self._modified(group)

    def _write(self, group: _Group, name: str, key: _Key) -> None:
        begin, end = group.rows[name]
        group.rgba[begin:end, :3] = line_colour(self._quiet(group), key, self._theme)
        marked = key[0] in (Mark.ABNORMAL, Mark.CAUSE, Mark.LOSES_SERVICE)
        group.casing[begin:end] = (*self._theme.outline_state, 255 if marked else 0)

    @staticmethod
    def _modified(group: _Group) -> None:
        for array in group.arrays:
            array.Modified()

    def recolour(self, changed: Mapping[str, _Key]) -> None:
        """Paint the changed lines; ids that are no line are passed over."""
        for name, key in changed.items():
            if name in self._courses:
                if key == NORMAL_KEY:
                    self._keys.pop(name, None)
                else:
                    self._keys[name] = key
        for group in self._groups:
            mine = [name for name in changed if name in group.rows]
            for name in mine:
                self._write(group, name, changed[name])
            if mine:
                self._modified(group)

    def set_theme(self, theme: SceneTheme) -> None:
        self._theme = theme
        for group in self._groups:
            group.style = theme.lines.get(group.domain, _PLAIN)
            width = (group.style.main if group.main else group.style.minor) * theme.stroke_scale
            for actor, wide in zip(group.actors, (width + 2.4, width, width), strict=True):
                actor.GetProperty().SetLineWidth(wide)
            self._colour_group(group)
        self.select(self._selected)

    def show(self, domains: Iterable[str] | None) -> None:
        """Only these domains; None shows all."""
        self._shown = None if domains is None else frozenset(domains)
        for group in self._groups:
            seen = self._shown is None or group.domain in self._shown
            for actor in group.actors:
                actor.SetVisibility(seen)

    def select(self, asset: str | None) -> None:
        """Draw the course of one line on top of everything, or of none."""
        if self._mark is not None:
            self._renderer.RemoveActor(self._mark)
            self._mark = None
        self._selected = asset
        course = self._courses.get(asset) if asset is not None else None
        if course is None:
            return
        data = vtkPolyData()
        data.SetPoints(points_of(course.astype(np.float32)))
        data.SetLines(cells_of(np.arange(len(course), dtype=np.int32).reshape(1, -1)))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        self._mark = vtkActor()
        self._mark.SetMapper(mapper)
        self._mark.GetProperty().SetLighting(False)
        self._mark.GetProperty().SetColor(*self._theme.unit("selected"))
        self._mark.GetProperty().SetLineWidth(5.0)
        shaders.in_front(self._mark, 0.3)
        self._renderer.AddActor(self._mark)

    def hit(self, view: Projection, x: float, y: float, limit: float) -> Hit | None:
        """The nearest line within a few pixels that does not lie behind `limit` metres."""
        begin, end = self._ends
        if not len(begin):
            return None
        a, a_ahead, _ = view.to_pixels(begin)
        b, b_ahead, _ = view.to_pixels(end)
        span = b - a
        size = np.maximum((span**2).sum(axis=1), 1e-9)
        share = np.clip((((x, y) - a) * span).sum(axis=1) / size, 0.0, 1.0)
        off = np.hypot(*((a + span * share[:, None]) - (x, y)).T)
        near = np.flatnonzero(a_ahead & b_ahead & (off <= REACH_PX))
        if not len(near):
            return None
        origin, direction = view.ray(x, y)
        places = begin[near] + (end[near] - begin[near]) * share[near, None]
        depth = (places - origin) @ direction
        open_ = depth <= limit * 1.01 + 3.0
        if self._shown is not None:
            domain = {n: g.domain for g in self._groups for n in g.rows}
            names = [self._owner[i] for i in self._owner_of[near]]
            open_ &= np.array([domain[n] in self._shown for n in names])
        near, places, depth = near[open_], places[open_], depth[open_]
        if not len(near):
            return None
        best = int(np.argmin(off[near]))
        px, py, pz = places[best].tolist()
        return Hit(self._owner[self._owner_of[near[best]]], (px, py, pz), float(depth[best]))

    def bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Lowest and highest corner of all lines; None without lines."""
        begin, end = self._ends
        if not len(begin):
            return None
        both = np.concatenate((begin, end))
        return both.min(axis=0), both.max(axis=0)


def _double(course: Course) -> list[Course]:
    """Two tracks beside the course, 1.2 m apart."""
    step = np.gradient(course[:, :2], axis=0)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    side = np.stack((-step[:, 1], step[:, 0]), axis=1) / length[:, None] * 0.6
    zero = np.zeros((len(course), 1))
    return [course + np.c_[side, zero], course - np.c_[side, zero]]
