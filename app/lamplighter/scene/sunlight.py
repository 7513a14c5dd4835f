"""True shadows: the city seen from the sun, as a map of depths that every surface asks.

The map is drawn by its own window that nobody sees; it holds only depths, no colours. A place is in
shadow when something lies nearer to the sun on the same line, exact to the size of a map cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonCore import vtkFloatArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkTexture,
)

from lamplighter.scene import shaders
from lamplighter.scene.arrays import as_numpy, copied

MAP_PIXELS: Final = 2048
DARK: Final = {"dark": 0.58, "light": 0.72, "sunlight": 0.66}
"""what is left of a colour in shadow"""
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SunView:
    """The sun's parallel sight: rows (3, 4) from local metres to 0..1 (right, up, away)."""

    rows: Vector
    way: tuple[float, float, float]
    """unit vector towards the sun"""
    metre: float
    """size of a cell of the map"""
    depth: float
    """metres from the nearest to the farthest place of the map"""


def sun_view(
    way: Sequence[float], centre: Sequence[float], reach: float, tall: float, pixels: int
) -> SunView:
    """The sight that covers a ball of `reach` metres around `centre`, with things `tall` in it."""
    w = np.asarray(way, float) / np.linalg.norm(way)
    side = np.array([0.0, 0.0, 1.0]) if abs(w[2]) < 0.99 else np.array([0.0, 1.0, 0.0])
    u = np.cross(side, w)
    u /= np.linalg.norm(u)
    v = np.cross(w, u)
    middle = np.asarray(centre, float)
    depth = 2.0 * (reach + tall) + 4.0 * reach
    rows = np.zeros((3, 4))
    for row, axis, scale in ((0, u, 2.0 * reach), (1, v, 2.0 * reach), (2, -w, depth)):
        rows[row, :3] = axis / scale
        rows[row, 3] = 0.5 - float(axis @ middle) / scale
    return SunView(rows, (float(w[0]), float(w[1]), float(w[2])), 2.0 * reach / pixels, depth)


class ShadowMap:
    """A finished map; surfaces take it as a texture."""

    def __init__(self, view: SunView, depths: npt.NDArray[np.float32], theme: str) -> None:
        """`depths` (h, w) 0..1 away from the sun, first row at the bottom."""
        self.view = view
        self.depths = depths
        self._dark = DARK.get(theme, DARK["dark"])
        whole = np.rint(depths.astype(np.float64) * 0xFFFFFF).astype(np.uint32)
        # three bytes a depth: a texture of floats would be drawn with eight bits
        split = np.stack((whole >> 16, (whole >> 8) & 255, whole & 255), axis=-1).astype(np.uint8)
        image = vtkImageData()
        image.SetDimensions(depths.shape[1], depths.shape[0], 1)
        image.GetPointData().SetScalars(copied(split.reshape(-1, 3)))
        self._texture = vtkTexture()
        self._texture.SetInputData(image)
        self._texture.SetColorModeToDirectScalars()
        self._texture.InterpolateOff()
        self._texture.MipmapOff()
        self._texture.RepeatOff()

    def attach(self, actor: vtkActor, uniforms: Any) -> None:
        """Let the actor's sunlit shader ask this map."""
        actor.GetProperty().RemoveTexture("materialTex")  # VTK warns about replacing one
        actor.GetProperty().SetORMTexture(self._texture)
        for name, row in zip(("sunX", "sunY", "sunZ"), self.view.rows, strict=True):
            uniforms.SetUniform4f(name, row.tolist())
        uniforms.SetUniform3f("sunWay", list(self.view.way))
        uniforms.SetUniformf("sunMetre", self.view.metre)
        uniforms.SetUniformf("sunDepth", self.view.depth)
        uniforms.SetUniformf("sunTexel", 1.0 / self.depths.shape[1])
        uniforms.SetUniformf("sunDark", self._dark)

    @staticmethod
    def detach(actor: vtkActor) -> None:
        """Take any map off the actor."""
        actor.GetProperty().RemoveTexture("materialTex")

    def shadowed(self, places: npt.ArrayLike, slack_m: float = 0.3) -> npt.NDArray[np.bool_]:
        """Whether something stands between each place (n, 3) and the sun; False off the map."""
        spots = np.asarray(places, float).reshape(-1, 3)
        seen = np.c_[spots, np.ones(len(spots))] @ self.view.rows.T
        height, width = self.depths.shape
        column = np.floor(seen[:, 0] * width).astype(int)
        row = np.floor(seen[:, 1] * height).astype(int)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        out = np.zeros(len(spots), bool)
        near = self.depths[row[inside], column[inside]]
        out[inside] = near + slack_m / self.view.depth < seen[inside, 2]
        return out


class SunCamera:
    """Draws maps of depths; keeps its window between them."""

    pixels: Final = MAP_PIXELS

    def __init__(self, like: vtkRenderWindow | None = None) -> None:
        """`like`: the window the maps are for."""
        self._pixels = self.pixels
        self._like = like
        self._window: Any = None
        self._renderer = vtkRenderer()
        self._actors: dict[int, tuple[vtkPolyData, vtkActor]] = {}

    def draw(
        self, casters: Sequence[vtkPolyData], view: SunView, ground: vtkPolyData | None = None
    ) -> npt.NDArray[np.float32]:
        """Depths (h, w) 0..1 of what the sun sees of the casters, first row at the bottom."""
        from lamplighter.scene.shot import companion_window

        if self._window is None:
            self._window = companion_window((self._pixels, self._pixels), self._like)
            self._window.AddRenderer(self._renderer)
        wanted = {id(data): data for data in (*casters, *((ground,) if ground else ()))}
        for gone in self._actors.keys() - wanted.keys():
            self._renderer.RemoveActor(self._actors.pop(gone)[1])
        for key, data in wanted.items():
            if key not in self._actors:
                actor = _caster(data)
                self._actors[key] = (data, actor)
                self._renderer.AddActor(actor)
        self._aim(view)
        self._window.Render()
        depths = vtkFloatArray()
        last = self._pixels - 1
        self._window.GetZbufferData(0, 0, last, last, depths)
        found = as_numpy(depths).reshape(self._pixels, self._pixels)
        return np.ascontiguousarray(found, dtype=np.float32)

    def _aim(self, view: SunView) -> None:
        """The camera whose clip space is the view's rows."""
        u, v = (row[:3] / np.linalg.norm(row[:3]) for row in view.rows[:2])
        way = np.asarray(view.way)
        basis = np.stack([u, v, -way])
        offsets = np.array([(0.5 - view.rows[k, 3]) / np.linalg.norm(view.rows[k, :3])
                            for k in range(3)])  # fmt: skip
        centre = basis.T @ offsets
        camera = self._renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetParallelScale(view.metre * self._pixels / 2.0)
        camera.SetFocalPoint(*centre)
        camera.SetPosition(*(centre + way * view.depth / 2.0))
        camera.SetViewUp(*v)
        camera.SetClippingRange(1e-3, view.depth)

    def close(self) -> None:
        """Free the graphics context."""
        if self._window is not None:
            for _, actor in self._actors.values():
                self._renderer.RemoveActor(actor)
            self._actors.clear()
            self._window.RemoveRenderer(self._renderer)
            self._window.Finalize()
            self._window = None


def _caster(data: vtkPolyData) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(data)
    mapper.SetStatic(True)
    mapper.SetVBOShiftScaleMethod(0)
    coloured = data.GetPointData().GetScalars() is not None
    if coloured:
        mapper.SetColorModeToDirectScalars()
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetLighting(False)
    actor.ForceOpaqueOn()
    if coloured:
        shaders.depth_only(actor)
    return actor
