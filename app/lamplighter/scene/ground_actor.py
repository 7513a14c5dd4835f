"""The baked ground as a textured VTK actor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from lamplighter.scene import shaders
from lamplighter.scene.arrays import cells_of, copied, points_of
from lamplighter.scene.ground import Ground, texture
from lamplighter.scene.sunlight import ShadowMap
from lamplighter.scene.theme import SceneTheme


class GroundActor:
    """One actor; a theme switch replaces its texture."""

    def __init__(
        self, ground: Ground, theme: SceneTheme, colours: npt.NDArray[np.uint8] | None = None
    ) -> None:
        """`colours` is the texture for this theme where it was prepared elsewhere."""
        self._ground = ground
        self._theme = theme
        count = len(ground.heights)
        u, v = np.meshgrid(np.linspace(0, 1, count), np.linspace(0, 1, count))
        span = np.subtract(ground.high, ground.low)
        places = np.stack(
            (ground.low[0] + u * span[0], ground.low[1] + v * span[1], ground.heights), axis=-1
        )
        corner = np.arange(count * count).reshape(count, count)
        a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
        triangles = np.stack((a, b, c, a, c, d), axis=-1).reshape(-1, 3)
        self.data = data = vtkPolyData()
        data.SetPoints(points_of(places.reshape(-1, 3).astype(np.float32)))
        data.SetPolys(cells_of(triangles.astype(np.int32)))
        coordinates = copied(np.stack((u, v), axis=-1).reshape(-1, 2).astype(np.float32))
        coordinates.SetName("place")
        data.GetPointData().SetTCoords(coordinates)
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.SetVBOShiftScaleMethod(0)
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetLighting(False)
        self.actor.ForceOpaqueOn()
        self._texture = vtkTexture()
        self._texture.InterpolateOn()
        self._texture.MipmapOff()  # the picture is blurred anyway
        self._texture.RepeatOff()
        self.actor.SetTexture(self._texture)
        self._sun: ShadowMap | None = None
        self._haze = (1.0, 2.0)
        self._uniforms = shaders.hazy(self.actor, textured=True)
        self._paint(texture(ground, theme) if colours is None else colours)

    def set_theme(self, theme: SceneTheme) -> None:
        """Another theme's texture; takes some tens of milliseconds."""
        self._theme = theme
        self._paint(texture(self._ground, theme, self._sun is None))

    def set_sun(self, sun: ShadowMap | None) -> None:
        """Take true shadows from a map instead of the fixed soft one, or go back to that."""
        before, self._sun = self._sun, sun
        self._uniforms = shaders.hazy(self.actor, textured=True, sunlit=sun is not None)
        if sun is None:
            ShadowMap.detach(self.actor)
        else:
            sun.attach(self.actor, self._uniforms)
        self.set_depth(self._haze)
        if (before is None) != (sun is None):
            self._paint(texture(self._ground, self._theme, sun is None))

    def height(self, x: float, y: float) -> float:
        """Height of the ground at a place, metres; the nearest of its rim outside."""
        low, high = np.array(self._ground.low), np.array(self._ground.high)
        last = len(self._ground.heights) - 1
        at = np.clip((np.array([x, y]) - low) / (high - low), 0.0, 1.0) * last
        column, row = (int(v) for v in np.minimum(at, last - 1))
        u, v = at[0] - column, at[1] - row
        part = self._ground.heights[row : row + 2, column : column + 2]
        return float((part[0] @ [1 - u, u]) * (1 - v) + (part[1] @ [1 - u, u]) * v)

    def _paint(self, colours: npt.NDArray[np.uint8]) -> None:
        image = vtkImageData()
        image.SetDimensions(colours.shape[1], colours.shape[0], 1)
        image.GetPointData().SetScalars(copied(colours.reshape(-1, 3)))
        self._texture.SetInputData(image)

    def set_depth(self, haze: tuple[float, float]) -> None:
        """Distances between which the ground turns to haze."""
        self._haze = haze
        self._uniforms.SetUniformf("hazeNear", haze[0])
        self._uniforms.SetUniformf("hazeFar", haze[1])
        self._uniforms.SetUniformf("hazeMost", 1.0)
        self._uniforms.SetUniform3f("hazeColour", list(self._theme.unit("background")))
