"""One tile in VTK: one actor for its surfaces, one for its edges, colours rewritten in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPlaneCollection, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from lamplighter.scene import shaders
from lamplighter.scene.arrays import cells_of, copied, points_of, shared
from lamplighter.scene.baking import BakedTile
from lamplighter.scene.states import NORMAL_KEY, Pattern, clay, form_light, paint, pattern_alpha
from lamplighter.scene.sunlight import ShadowMap
from lamplighter.scene.theme import SceneTheme

Key = tuple[int, int, int, int]
CALM: Final = {"dark": (0.45, 0.58), "light": (0.25, 0.95), "sunlight": (0.2, 1.0)}
"""share of grey and light of textures: states keep the only strong hue"""
PLAIN_GREY: Final = 0.85
"""share of grey of whole surfaces in one colour of their file: a red roof is no alarm"""
POINT_M: Final = 0.35
"""metres a point of a cloud covers"""
POINT_PX: Final = (1.0, 7.0)


class TileActor:
    """A baked tile on the screen."""

    def __init__(
        self, baked: BakedTile, theme: SceneTheme, planes: vtkPlaneCollection | None = None
    ) -> None:
        self.baked = baked
        self.keys: list[Key] = [NORMAL_KEY] * len(baked.assets)
        self.veils = np.zeros(len(baked.assets), np.uint8)
        """0, Pattern.GHOST or Pattern.HIDDEN of each owner"""
        self.late: dict[int, Key] = {}
        """looks that changed while the tile was not drawn"""
        self.shown = True
        self.rank = 0
        self.layer = ""
        self._theme = theme
        self._bounds = baked.bounds
        self._depth: tuple[object, ...] = ()
        self._sun: ShadowMap | None = None
        self._base = self._quiet()
        self._rgba = self._base.copy()
        self.colours = shared(self._rgba)
        self.colours.SetName("look")
        self.data = vtkPolyData()
        self.data.SetPoints(points_of(baked.points))
        self.data.GetPointData().SetScalars(self.colours)
        self._part = 1.0
        if baked.tile_kind == "cloud":
            self._thin(1.0)
        else:
            self.data.SetPolys(cells_of(baked.triangles))
        self.surface = self._surface_actor(planes)
        self._surface_uniforms = self._shade()
        self.edges, self._edge_uniforms = self._edge_actor(planes)

    def _quiet(self) -> npt.NDArray[np.uint8]:
        """The colours (n, 4) without any state."""
        skin = self.baked.skin
        if skin is None:
            return clay(self.baked, self._theme)
        out = np.full((len(self.baked.points), 4), 255, np.uint8)
        if skin.colours is not None:
            light = form_light(self.baked, self._theme)
            out[:, :3] = np.clip(np.rint(skin.colours * light[:, None]), 0, 255)
        return out

    def _surface_actor(self, planes: vtkPlaneCollection | None) -> vtkActor:
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self.data)
        mapper.SetColorModeToDirectScalars()
        mapper.SetStatic(True)
        mapper.SetVBOShiftScaleMethod(0)
        if planes is not None:
            mapper.SetClippingPlanes(planes)
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetLighting(False)
        actor.ForceOpaqueOn()
        skin = self.baked.skin
        if skin is not None and skin.picture is not None and skin.uv is not None:
            places = copied(skin.uv)
            places.SetName("place")
            self.data.GetPointData().SetTCoords(places)
            actor.SetTexture(_texture(skin.picture))
        return actor

    def _shade(self) -> Any:
        """The surface's shader for what the tile is and how it is shown now."""
        skin = self.baked.skin
        sunlit = self._sun is not None and self.baked.tile_kind != "cloud"
        uniforms = shaders.surface(
            self.surface,
            textured=skin is not None and skin.picture is not None,
            skin=skin is not None,
            veiled=bool(self.veils.any()),
            sunlit=sunlit,
        )
        if sunlit and self._sun is not None:
            self._sun.attach(self.surface, uniforms)
        else:
            ShadowMap.detach(self.surface)
        self._depth = ()
        return uniforms

    def _edge_actor(self, planes: vtkPlaneCollection | None) -> tuple[vtkActor, Any]:
        data = vtkPolyData()
        data.SetPoints(points_of(self.baked.edge_points))
        data.SetLines(cells_of(self.baked.edges))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.SetStatic(True)
        mapper.SetVBOShiftScaleMethod(0)
        if planes is not None:
            mapper.SetClippingPlanes(planes)
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

    # ---------------------------------------------------------------- states
    def recolour(self, changed: Iterable[tuple[int, Key]]) -> int:
        """Paint owners anew; returns how many points were rewritten."""
        groups: dict[Key, list[int]] = {}
        for owner, key in changed:
            if self.keys[owner] != key:
                self.keys[owner] = key
                groups.setdefault(key, []).append(owner)
        written = 0
        for key, owners in groups.items():
            written += self._paint(owners, key)
        if written:
            self.colours.Modified()
        return written

    def catch_up(self) -> None:
        """Paint what changed while the tile was not drawn."""
        if self.late:
            late, self.late = self.late, {}
            self.recolour(late.items())

    def _paint(self, owners: list[int], key: Key) -> int:
        rows = rows_of(self.baked.point_start, owners)
        if key == NORMAL_KEY:
            self._rgba[rows] = self._base[rows]
        else:
            self._rgba[rows] = paint(self._base[rows], self.baked.kind[rows], key, self._theme)
        if self.veils[owners].any():
            for owner in owners:
                self._veil_rows(owner)
        return len(rows)

    def _veil_rows(self, owner: int) -> None:
        if self.veils[owner]:
            start = self.baked.point_start
            alpha = pattern_alpha(Pattern(int(self.veils[owner])))
            self._rgba[start[owner] : start[owner + 1], 3] = alpha

    def set_veils(self, veils: npt.NDArray[np.uint8]) -> None:
        """Show each owner as itself (0), as a ghost or not at all."""
        changed = np.flatnonzero(veils != self.veils).tolist()
        if not changed:
            return
        before, self.veils = bool(self.veils.any()), veils
        for owner in changed:
            self._paint([owner], self.keys[owner])
        self.colours.Modified()
        if before != bool(veils.any()):
            self._surface_uniforms = self._shade()
        self._veil_edges()

    def _veil_edges(self) -> None:
        """Edges of hidden owners go, those of ghosts stay: a ghost is mostly its edges."""
        gone = self.veils == Pattern.HIDDEN
        edges = self.baked.edges
        if gone.any() and len(edges):
            edges = edges[~gone[self.baked.edge_owner[edges[:, 0]]]]
        self.edges.GetMapper().GetInput().SetLines(cells_of(edges))
        self.edges.GetMapper().GetInput().Modified()

    @property
    def empty(self) -> bool:
        """Whether nothing of it is to be seen."""
        return bool(len(self.veils)) and bool((self.veils == Pattern.HIDDEN).all())

    # ---------------------------------------------------------------- look
    def set_theme(self, theme: SceneTheme) -> None:
        """Repaint everything in another theme."""
        self._theme = theme
        self._base = self._quiet()
        self._rgba[:] = self._base
        kept, self.keys = self.keys, [NORMAL_KEY] * len(self.keys)
        self.recolour(enumerate(kept))
        for owner in np.flatnonzero(self.veils).tolist():
            self._veil_rows(owner)
        self.colours.Modified()
        self.edges.GetProperty().SetColor(*theme.unit("edge"))

    def set_depth(self, haze: tuple[float, float], edges: tuple[float, float], pull: float) -> None:
        """Distances between which surfaces turn to haze and edges fade out; `pull` brings what
        has a state before a mesh that covers it, and a mesh before the same faces of the model."""
        wanted = (haze, edges, pull, self._theme.name)
        if wanted == self._depth:
            return
        self._depth = wanted
        uniforms = self._surface_uniforms
        uniforms.SetUniformf("hazeNear", haze[0])
        uniforms.SetUniformf("hazeFar", haze[1])
        uniforms.SetUniformf("hazeMost", 0.9)
        uniforms.SetUniform3f("hazeColour", list(self._theme.unit("background")))
        uniforms.SetUniform3f("patternColour", list(self._theme.unit("hatch")))
        share, light = CALM.get(self._theme.name, CALM["dark"])
        skin = self.baked.skin
        if len(self.baked.triangles) and (skin is None or skin.picture is None):
            share = PLAIN_GREY
        uniforms.SetUniformf("calmShare", share)
        uniforms.SetUniformf("calmLight", light)
        vertex = self.surface.GetShaderProperty().GetVertexCustomUniforms()
        vertex.SetUniformf("pull", pull)
        vertex.SetUniformf("pullAll", float(self.baked.tile_kind in ("mesh", "cloud")))
        self._edge_uniforms.SetUniformf("hazeNear", edges[0])
        self._edge_uniforms.SetUniformf("hazeFar", edges[1])

    def set_sun(self, sun: ShadowMap | None) -> None:
        """Shade by this map of the sun's sight, or by none."""
        self._sun = sun
        self._surface_uniforms = self._shade()

    def set_points(self, metres_per_pixel: float, part: float) -> None:
        """Of a cloud: how large a pixel is where it lies, and which part of its points to draw."""
        size = min(max(POINT_M / max(part, 0.05) ** 0.5 / max(metres_per_pixel, 1e-6), POINT_PX[0]),
                   POINT_PX[1])  # fmt: skip
        self.surface.GetProperty().SetPointSize(size)
        if abs(part - self._part) > 0.01:
            self._thin(part)

    def _thin(self, part: float) -> None:
        self._part = part
        count = max(int(len(self.baked.points) * part), min(len(self.baked.points), 1))
        self.data.SetVerts(cells_of(np.arange(count, dtype=np.int32)[:, None]))
        self.data.Modified()


def _texture(picture: npt.NDArray[np.uint8]) -> vtkTexture:
    image = vtkImageData()
    image.SetDimensions(picture.shape[1], picture.shape[0], 1)
    image.GetPointData().SetScalars(shared(picture.reshape(-1, 3)))
    texture = vtkTexture()
    texture.SetInputData(image)
    texture.InterpolateOn()
    texture.MipmapOn()
    texture.RepeatOn()
    texture.SetColorModeToDirectScalars()
    return texture


def rows_of(start: npt.NDArray[np.int64], owners: list[int]) -> npt.NDArray[np.int64]:
    """All point rows of these owners."""
    begin, end = start[owners], start[np.asarray(owners) + 1]
    count = end - begin
    total = int(count.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    jump = np.repeat(begin - np.concatenate(([0], np.cumsum(count)[:-1])), count)
    return jump + np.arange(total)
