"""Lines that mark things: the silhouette of the selection, and the border of an area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkFeatureEdges, vtkFlyingEdges2D
from vtkmodules.vtkFiltersHybrid import vtkPolyDataSilhouette
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from lamplighter.scene import shaders
from lamplighter.scene.arrays import cells_of, copied, points_of
from lamplighter.scene.baking import BakedTile
from lamplighter.scene.theme import Rgb, SceneTheme

_CELL_M: Final = 6.0
_MOST_CELLS: Final = 400


def shape(parts: Sequence[tuple[BakedTile, int]]) -> vtkPolyData:
    """The triangles of some owners with equal points joined, as the silhouette needs them."""
    corners = [
        baked.points[baked.triangles[baked.triangle_start[o] : baked.triangle_start[o + 1]]]
        for baked, o in parts
    ]
    data = vtkPolyData()
    if not corners or not sum(len(c) for c in corners):
        return data
    flat = np.concatenate(corners).reshape(-1, 3)
    _, first, inverse = np.unique(
        np.rint(flat * 100).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    data.SetPoints(points_of(flat[first]))
    data.SetPolys(cells_of(triangles))
    return data


class Outline:
    """The silhouette of some assets, drawn over everything and following the camera."""

    def __init__(self, renderer: vtkRenderer, colour: Rgb, width: float, casing: Rgb) -> None:
        self._renderer = renderer
        self._silhouette = vtkPolyDataSilhouette()
        self._silhouette.SetCamera(renderer.GetActiveCamera())
        self._silhouette.SetEnableFeatureAngle(0)
        self._silhouette.BorderEdgesOff()
        self._border = vtkFeatureEdges()
        self._border.FeatureEdgesOff()
        self._border.NonManifoldEdgesOff()
        self._border.ManifoldEdgesOff()
        self._border.ColoringOff()
        around = self._actor(self._silhouette, width + 2.4, 0.22)
        line = self._actor(self._silhouette, width, 0.20)
        foot = self._actor(self._border, width, None)
        self._actors = (around, line, foot)
        self.set_colour(colour, casing)
        self._shown = False

    def _actor(self, source: object, width: float, share: float | None) -> vtkActor:
        mapper = vtkPolyDataMapper()
        mapper.SetInputConnection(source.GetOutputPort())  # type: ignore[attr-defined]
        mapper.ScalarVisibilityOff()
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetLighting(False)
        actor.GetProperty().SetLineWidth(width)
        if share is None:
            shaders.raised(actor, 0.0001)
        else:
            shaders.in_front(actor, share)
        return actor

    def set_colour(self, colour: Rgb, casing: Rgb) -> None:
        for actor, rgb in zip(self._actors, (casing, colour, colour), strict=True):
            actor.GetProperty().SetColor(*(v / 255 for v in rgb))

    def show(self, parts: Sequence[tuple[BakedTile, int]]) -> None:
        """Outline these owners; an empty list removes the outline."""
        if self._shown:
            for actor in self._actors:
                self._renderer.RemoveActor(actor)
            self._shown = False
        data = shape(parts)
        if not data.GetNumberOfCells():
            return
        self._silhouette.SetCamera(self._renderer.GetActiveCamera())
        self._silhouette.SetInputData(data)
        self._border.SetInputData(data)
        for actor in self._actors:
            self._renderer.AddActor(actor)
        self._shown = True


class AreaBoundary:
    """The border around everything that lost its service: exactly those buildings, no hull."""

    def __init__(self, renderer: vtkRenderer, theme: SceneTheme) -> None:
        self._renderer = renderer
        self._contour = vtkFlyingEdges2D()
        self._contour.SetValue(0, 0.5)
        self._actors = tuple(self._actor(width) for width in (4.0, 1.6))
        self.set_theme(theme)
        self._shown = False

    def _actor(self, width: float) -> vtkActor:
        mapper = vtkPolyDataMapper()
        mapper.SetInputConnection(self._contour.GetOutputPort())
        mapper.ScalarVisibilityOff()
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetLighting(False)
        actor.GetProperty().SetLineWidth(width)
        shaders.raised(actor, 0.00004 if width > 2 else 0.00006)
        return actor

    def set_theme(self, theme: SceneTheme) -> None:
        for actor, rgb in zip(self._actors, (theme["edge"], theme.priorities[0]), strict=True):
            actor.GetProperty().SetColor(*(v / 255 for v in rgb))

    def show(self, boxes: Sequence[tuple[float, float, float, float, float]]) -> None:
        """Draw the border around boxes (west, south, east, north, foot); none removes it."""
        if self._shown:
            for actor in self._actors:
                self._renderer.RemoveActor(actor)
            self._shown = False
        if not boxes:
            return
        self._contour.SetInputData(_mask(np.asarray(boxes, dtype=np.float64)))
        for actor in self._actors:
            self._renderer.AddActor(actor)
        self._shown = True


def _mask(boxes: np.ndarray) -> vtkImageData:
    """An image in metres, above 0.5 within 12 m of a box."""
    reach = 12.0
    low = boxes[:, :2].min(axis=0) - 6 * reach
    size = boxes[:, 2:4].max(axis=0) + 6 * reach - low
    cell = max(_CELL_M, float(size.max()) / _MOST_CELLS)
    width, height = (int(v) for v in np.ceil(size / cell) + 1)
    inside = np.zeros((height, width), dtype=np.float32)
    begin = np.floor((boxes[:, :2] - reach - low) / cell).astype(int).clip(0)
    end = np.ceil((boxes[:, 2:4] + reach - low) / cell).astype(int) + 1
    for (x0, y0), (x1, y1) in zip(begin.tolist(), end.tolist(), strict=True):
        inside[y0:y1, x0:x1] = 1.0
    padded = np.pad(inside, 1)
    soft = sum(padded[1 + a : 1 + a + height, 1 + b : 1 + b + width]
               for a in (-1, 0, 1) for b in (-1, 0, 1)) / 9.0  # fmt: skip
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    image.SetSpacing(cell, cell, 1.0)
    image.SetOrigin(low[0], low[1], float(np.median(boxes[:, 4])) + 1.0)
    scalars = copied(np.asarray(soft, dtype=np.float32).ravel())
    image.GetPointData().SetScalars(scalars)
    return image
