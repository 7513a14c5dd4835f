"""One tile in VTK: one actor for its surfaces, one for its edges, colours rewritten in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from lamplighter.scene import shaders
from lamplighter.scene.arrays import cells_of, points_of, shared
from lamplighter.scene.baking import BakedTile
from lamplighter.scene.states import NORMAL_KEY, clay, paint
from lamplighter.scene.theme import SceneTheme

Key = tuple[int, int, int, int]


class TileActor:
    """A baked tile on the screen."""

    def __init__(self, baked: BakedTile, theme: SceneTheme) -> None:
        self.baked = baked
        self.keys: list[Key] = [NORMAL_KEY] * len(baked.assets)
        self._theme = theme
        self._bounds = baked.bounds
        self._depth: tuple[object, ...] = ()
        self._base = clay(baked, theme)
        self._rgba = self._base.copy()
        self.colours = shared(self._rgba)
        self.colours.SetName("look")
        data = vtkPolyData()
        data.SetPoints(points_of(baked.points))
        data.SetPolys(cells_of(baked.triangles))
        data.GetPointData().SetScalars(self.colours)
        self.surface, self._surface_uniforms = self._surface_actor(data)
        self.edges, self._edge_uniforms = self._edge_actor()

    def _surface_actor(self, data: vtkPolyData) -> tuple[vtkActor, Any]:
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.SetColorModeToDirectScalars()
        mapper.SetStatic(True)
        mapper.SetVBOShiftScaleMethod(0)
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetLighting(False)
        actor.ForceOpaqueOn()
        return actor, shaders.hazy(actor, patterns=True)

    def _edge_actor(self) -> tuple[vtkActor, Any]:
        data = vtkPolyData()
        data.SetPoints(points_of(self.baked.edge_points))
        data.SetLines(cells_of(self.baked.edges))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.SetStatic(True)
        mapper.SetVBOShiftScaleMethod(0)
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetLighting(False)
        actor.GetProperty().SetLineWidth(1.0)
        actor.GetProperty().SetColor(*self._theme.unit("edge"))
        actor.GetProperty().SetOpacity(0.6)
        shaders.raised(actor, 0.00002)
        return actor, shaders.fading(actor)

    @property
    def actors(self) -> tuple[vtkActor, vtkActor]:
        return self.surface, self.edges

    def distance(self, eye: npt.NDArray[np.float64]) -> float:
        """Metres from the eye to the tile's box; 0 inside it."""
        low, high = self._bounds
        return float(np.linalg.norm(np.maximum(np.maximum(low - eye, eye - high), 0.0)))

    @property
    def rgba(self) -> npt.NDArray[np.uint8]:
        """The colours as they are drawn (n, 4); do not write."""
        return self._rgba

    def recolour(self, changed: Iterable[tuple[int, Key]]) -> int:
        """Paint owners anew; returns how many points were rewritten."""
        groups: dict[Key, list[int]] = {}
        for owner, key in changed:
            if self.keys[owner] != key:
                self.keys[owner] = key
                groups.setdefault(key, []).append(owner)
        written = 0
        for key, owners in groups.items():
            rows = _rows(self.baked.point_start, owners)
            if key == NORMAL_KEY:
                self._rgba[rows] = self._base[rows]
            else:
                self._rgba[rows] = paint(self._base[rows], self.baked.kind[rows], key, self._theme)
            written += len(rows)
        if written:
            self.colours.Modified()
        return written

    def set_theme(self, theme: SceneTheme) -> None:
        """Repaint everything in another theme."""
        self._theme = theme
        self._base = clay(self.baked, theme)
        self._rgba[:] = self._base
        kept, self.keys = self.keys, [NORMAL_KEY] * len(self.keys)
        self.recolour(enumerate(kept))
        self.colours.Modified()
        self.edges.GetProperty().SetColor(*theme.unit("edge"))

    def set_depth(self, haze: tuple[float, float], edges: tuple[float, float]) -> None:
        """Distances between which surfaces turn to haze and edges fade out."""
        wanted = (haze, edges, self._theme.name)
        if wanted == self._depth:
            return
        self._depth = wanted
        self._surface_uniforms.SetUniformf("hazeNear", haze[0])
        self._surface_uniforms.SetUniformf("hazeFar", haze[1])
        self._surface_uniforms.SetUniformf("hazeMost", 0.9)
        self._surface_uniforms.SetUniform3f("hazeColour", list(self._theme.unit("background")))
        self._surface_uniforms.SetUniform3f("patternColour", list(self._theme.unit("hatch")))
        self._edge_uniforms.SetUniformf("hazeNear", edges[0])
        self._edge_uniforms.SetUniformf("hazeFar", edges[1])


def _rows(start: npt.NDArray[np.int64], owners: list[int]) -> npt.NDArray[np.int64]:
    """All point rows of these owners."""
    begin, end = start[owners], start[np.asarray(owners) + 1]
    count = end - begin
    total = int(count.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    jump = np.repeat(begin - np.concatenate(([0], np.cumsum(count)[:-1])), count)
    return jump + np.arange(total)
