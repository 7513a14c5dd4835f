"""The city as one VTK renderer: what is on the stage, seen by an eye that moves, selects and picks.

Works with any render window: the window's 3D widget gives its renderer, pictures make their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from vtkmodules.vtkRenderingCore import vtkRenderer

from lamplighter.scene import camera as cam
from lamplighter.scene.baking import BakedTile
from lamplighter.scene.networks import course_of
from lamplighter.scene.picking import Hit
from lamplighter.scene.stage import OWN_TILE, Stage
from lamplighter.scene.states import StateTable
from lamplighter.scene.sunlight import ShadowMap, SunCamera, sun_view
from lamplighter.scene.theme import SceneTheme
from lamplighter.scene.tile_actor import TileActor

BODY_M = 2.0
"""metres of height from which something stands in the city and is no area on the ground"""
__all__ = ["OWN_TILE", "BakedTile", "CityScene", "StateTable"]

EDGES_M: Final = (500.0, 1500.0)
"""metres between which edges fade out"""
PULL_M: Final = 5.0
"""metres a thing with a state is drawn nearer than the mesh that covers it"""
PULLS: Final = {"model": 1.0, "mesh": 0.05, "cloud": 0.05}
"""shares of that: a mesh wins against the same faces of the model"""
WALK_NEAR: Final = 0.0002
"""nearest to farthest plane for somebody who walks: walls an arm's length away are drawn"""


class CityScene(Stage):
    """Everything that is drawn of a city. Not thread-safe: one thread, the one that renders."""

    def __init__(self, theme: SceneTheme, renderer: vtkRenderer | None = None) -> None:
        super().__init__(theme, renderer)
        self.pose = cam.Pose((0.0, 0.0, 0.0), 500.0)
        self._reduced = False
        self._budget = float("inf")
        self._height = 900
        self._detail = 1.0
        self._sun: tuple[float, float, float] | None = None
        self._sun_camera: SunCamera | None = None
        self._shadows: ShadowMap | None = None
        self._shadow_reach: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self._shadows_old = False

    # ---------------------------------------------------------------- selection and picking
    def select(self, asset: str | None) -> None:
        """Draw the silhouette of one asset, or of none."""
        self._selected.show(self._shape(asset))
        self._networks.select(asset)

    def clear(self) -> None:
        """Remove every tile, network and mark."""
        super().clear()
        self.select(None)

    def hull(self, asset: str, view: cam.Projection) -> np.ndarray | None:
        """The outline (n, 2) in pixels around one asset, for a mark that costs no 3D frame."""
        corners = [
            baked.points[baked.point_start[o] : baked.point_start[o + 1]]
            for baked, o in self._shape(asset)
        ]
        found = self._assets.get(asset)
        if not corners and found is not None and len(found.path) > 1:
            pixels, ahead, _ = view.to_pixels(course_of(found))
            return pixels if ahead.all() else None
        if not corners:
            return None
        pixels, ahead, _ = view.to_pixels(np.concatenate(corners))
        return cam.convex_hull(pixels[ahead]) if ahead.all() else None

    def pick(self, x: float, y: float, width: int, height: int) -> str | None:
        """The asset drawn at pixel (x, y), counted from the upper left; None for the ground."""
        hit = self.hit(x, y, width, height)
        return hit.asset if hit is not None else None

    def hit(self, x: float, y: float, width: int, height: int) -> Hit | None:
        """The nearest asset at a pixel with the place that was hit, also through a mesh."""
        found = self.surface_at(x, y, width, height)
        return found if found is not None and found.asset else None

    def surface_at(self, x: float, y: float, width: int, height: int) -> Hit | None:
        """What lies at a pixel, the bare ground too (then `asset` is empty); None for the sky."""
        view = self.projection(width, height)
        origin, direction = view.ray(x, y)
        reach = self.section.reach(origin, direction)
        if reach[0] >= reach[1]:
            return None
        spread = self.pose.metres_per_pixel(height) / max(self.pose.distance, 1e-6)
        if view.parallel:
            spread = -self.pose.metres_per_pixel(height)
        solid = self._sight.hit(
            origin, direction, reach, self.pickable, spread, self._drawn_by_model
        )
        line = self._networks.hit(view, x, y, min(solid.distance if solid else np.inf, reach[1]))
        if line is not None and line.distance >= reach[0]:
            return replace(line, kind="line")
        return solid or self._on_ground(origin, direction, reach)

    def distance(self, origin: np.ndarray, direction: np.ndarray, most: float) -> float:
        """Metres to the first surface on a ray (unit direction), infinite beyond `most`."""
        hit = self._sight.hit(origin, direction, (0.0, most), self.pickable, 0.0, lambda _: True)
        return hit.distance if hit is not None else float("inf")

    def _drawn_by_model(self, asset: str) -> bool:
        """Whether the model itself has an object of this id, so that a mesh may speak for it."""
        places = self._places.get(asset, ())
        if any(not actor.baked.captured for actor, _ in places):
            return True
        owner = self._assets.get(asset)
        layer = self.showing.layers.get(owner.layer) if owner is not None else None
        return layer is not None and layer.objects > 1

    def _on_ground(
        self, origin: np.ndarray, direction: np.ndarray, reach: tuple[float, float]
    ) -> Hit | None:
        """Where a ray meets the ground under the city: a few steps towards its height."""
        if direction[2] > -1e-6 or self._ground is None:
            return None
        distance = 0.0
        level = self.extent.low[2]
        for _ in range(6):
            distance = float((level - origin[2]) / direction[2])
            place = origin + direction * distance
            level = self._ground.height(place[0], place[1])
        if not reach[0] <= distance <= reach[1]:
            return None
        x, y, z = (origin + direction * distance).tolist()
        return Hit("", (x, y, z), distance, "", "", "ground")

    # ---------------------------------------------------------------- camera
    def projection(self, width: int, height: int) -> cam.Projection:
        """From local metres to pixels of a picture of this size."""
        return cam.projection(self.renderer.GetActiveCamera(), width, height)

    def move(self, pose: cam.Pose) -> cam.Pose:
        """Put the eye there, inside its limits; returns the pose that was taken."""
        self.pose = cam.clamped(pose, self.extent)
        cam.apply(self.pose, self.renderer.GetActiveCamera())
        self.renderer.SetNearClippingPlaneTolerance(WALK_NEAR if self.pose.free else 0.0)
        self.renderer.ResetCameraClippingRange()
        self._paint_depth()
        self._outdate_shadows()
        if self.levels.cells:
            self._aim()
            self._settle_levels()
        return self.pose

    @property
    def extent(self) -> cam.Extent:
        """The box around tiles and networks; a small one around the origin when empty."""
        if self._extent is None:
            self._extent = self._measure()
        return self._extent

    def _measure(self) -> cam.Extent:
        boxes: list[Any] = [t.baked.bounds for t in self._tiles.values() if len(t.baked.points)]
        boxes += [b for b in (self._networks.bounds(),) if b is not None]
        if not boxes:
            return cam.Extent((-100.0, -100.0, 0.0), (100.0, 100.0, 20.0))
        low = np.min([b[0] for b in boxes], axis=0)
        high = np.max([b[1] for b in boxes], axis=0)
        return cam.extent_of(low, high)

    def home_pose(self) -> cam.Pose:
        """The opening view: of the built-up part, so that a lone far object moves nothing."""
        built = [t.baked for t in self._tiles.values() if t.baked.name != OWN_TILE]
        rows = [(b.low + b.high)[np.isfinite(b.low[:, 2])] / 2 for b in built]
        tall = [((b.low + b.high) / 2)[(b.high - b.low)[:, 2] > BODY_M] for b in built]
        if sum(len(some) for some in tall) >= 8:
            rows = tall  # flat areas reach far beyond what stands in the city
        places = np.concatenate(rows) if rows else np.zeros((0, 3))
        if len(places) < 8:
            return cam.home(self.extent)
        low, high = np.percentile(places, (4, 96), axis=0)
        return cam.home(cam.extent_of(low, high))

    def asset_pose(self, asset: str) -> cam.Pose | None:
        """A pose that shows the asset in its surroundings; None when it has no place."""
        box = self.box(asset)
        if box is None:
            return None
        pose = cam.fit(box, self.pose)
        return replace(pose, distance=max(pose.distance * 2.6, 240.0))

    def anchor(self, asset: str) -> tuple[float, float, float] | None:
        """Where a label's leader ends: the middle of the asset's top."""
        box = self.box(asset)
        if box is None:
            return None
        return box.centre[0], box.centre[1], box.high[2]

    def set_reduced(self, reduced: bool) -> None:
        """While the camera moves: no edges, and coarser pictures as the budget wants it."""
        if reduced != self._reduced:
            self._reduced = reduced
            if self.levels.cells:
                self._aim()
                self._settle_levels()
            for actor in self._tiles.values():
                self._depth_of(actor)

    def set_budget(self, triangles: float, height_px: int) -> None:
        """How many triangles a frame may have while the eye moves, and the picture's height."""
        self._budget, self._height = triangles, height_px

    def _aim(self) -> None:
        metres = self.pose.metres_per_pixel(self._height) if self.pose.plan else None
        view = self.projection(self._height * 8 // 5, self._height) if self._reduced else None
        self.levels.aim(
            self.pose.eye(), self._height, metres, self._budget if self._reduced else None, view
        )

    def wanted(self) -> list[str]:
        """Names of tiles that should be on the stage for the picture at rest, the first first."""
        return self.levels.wanted(self.pose.eye())

    def surplus(self) -> list[str]:
        """Names of tiles that may leave the stage because memory is short."""
        return self.levels.surplus(self.loaded, self.pose.eye())

    def set_detail(self, share: float) -> None:
        """How far edges are drawn, 0..1 of the designed distance: for machines that are slow."""
        if share != self._detail:
            self._detail = share
            self._paint_depth()

    def show_networks(self, domains: Sequence[str] | None) -> None:
        """Show only the lines of these domains; None shows all."""
        self._networks.show(domains)

    # ---------------------------------------------------------------- shadows
    def set_shadows(self, way: tuple[float, float, float] | None) -> None:
        """True shadows for a sun in this direction (true east, north, up); None for none.

        Below the horizon everything lies in shadow. The map is drawn at once, and anew by
        `settle` when the eye has moved on or the city has changed.
        """
        self._sun = way
        if way is None:
            self._shadows = None
            self._sun_everywhere()
            return
        self._draw_shadows()

    @property
    def shadow_metre(self) -> float:
        """Size of a cell of the shadow map in metres: how exact a shadow's edge is; 0 without."""
        return self._shadows.view.metre if self._shadows is not None else 0.0

    @property
    def shadows(self) -> ShadowMap | None:
        """The present map of shadows."""
        return self._shadows

    def settle(self) -> bool:
        """Finish what waits for rest; True when the picture changes by it."""
        if self._sun is None or not self._shadows_old:
            return False
        self._draw_shadows()
        return True

    def close(self) -> None:
        """Free what the scene holds beside its renderer."""
        if self._sun_camera is not None:
            self._sun_camera.close()
            self._sun_camera = None

    def _draw_shadows(self) -> None:
        assert self._sun is not None
        extent, pose = self.extent, self.pose
        tall = extent.high[2] - extent.low[2]
        reach = min(max(pose.distance * 0.9, 120.0), extent.diagonal / 2.0 + 50.0)
        whole = reach >= extent.diagonal / 2.0
        centre = extent.centre if whole else (pose.focus[0], pose.focus[1], extent.low[2])
        way = self._on_grid(self._sun)
        way = (way[0], way[1], max(way[2], 0.02))
        view = sun_view(way, centre, reach, tall, SunCamera.pixels)
        if self._sun_camera is None:
            self._sun_camera = SunCamera(self.renderer.GetRenderWindow())
        casters = [t.data for t in self._tiles.values() if t.shown and len(t.baked.triangles)]
        depths = self._sun_camera.draw(casters, view)
        self._shadows = ShadowMap(view, depths, self.theme.name)
        self._shadow_reach = (centre[0], centre[1], reach)
        self._shadows_old = False
        self._sun_everywhere()

    def _on_grid(self, way: tuple[float, float, float]) -> tuple[float, float, float]:
        """A direction by true north as one by the city's grid north."""
        turn = self.grid_north()
        cos, sin = np.cos(turn), np.sin(turn)
        return float(way[0] * cos - way[1] * sin), float(way[0] * sin + way[1] * cos), way[2]

    def grid_north(self) -> float:
        """Radians by which true north lies counter-clockwise of grid north, from the assets."""
        known = [a for a in self._assets.values() if a.x is not None and a.lon is not None]
        if len(known) < 2:
            return 0.0
        rows = np.array([(a.x, a.y, a.lon, a.lat) for a in known], dtype=np.float64)
        rows -= rows.mean(axis=0)
        lat = np.radians(float(np.mean([a.lat for a in known if a.lat is not None])))
        east, north = rows[:, 2] * np.cos(lat), rows[:, 3]
        across = float((rows[:, 1] * east - rows[:, 0] * north).sum())
        along = float((rows[:, 0] * east + rows[:, 1] * north).sum())
        turn = float(np.arctan2(across, along)) if along > 0 else 0.0
        return turn if abs(turn) < 0.15 else 0.0

    def _sun_everywhere(self) -> None:
        for actor in self._tiles.values():
            actor.set_sun(self._shadows)
        if self._ground is not None:
            self._ground.set_sun(self._shadows)
        self._paint_depth()

    def _outdate_shadows(self) -> None:
        """Whether the map still covers what the eye looks at, finely enough."""
        if self._shadows is None:
            return
        x, y, reach = self._shadow_reach
        off = float(np.hypot(self.pose.focus[0] - x, self.pose.focus[1] - y))
        finer = self.pose.distance * 0.9 < reach * 0.6
        wider = off + self.pose.distance * 0.7 > reach and reach < self.extent.diagonal / 2.0
        self._shadows_old |= finer or wider

    # ---------------------------------------------------------------- depth
    def _added(self, actor: TileActor) -> None:
        if self._shadows is not None:
            actor.set_sun(self._shadows)
            self._shadows_old = True
        self._depth_of(actor)

    def _haze(self) -> tuple[float, float]:
        """1.1 to 2.1 km as designed, further away when the eye stands further away."""
        reach = self.pose.distance
        return max(1100.0, reach * 1.25), max(2100.0, reach * 2.6)

    def _pull(self) -> float:
        """How far things with a state come forward through a mesh, in units of the depth buffer."""
        if not self._captured:
            return 0.0
        near, far = self.renderer.GetActiveCamera().GetClippingRange()
        if self.pose.plan:
            return 2.0 * PULL_M / max(far - near, 1e-6)
        return 2.0 * near * far / max(far - near, 1e-6) * PULL_M

    def _depth_of(self, actor: TileActor) -> None:
        edges = (EDGES_M[0] * self._detail, EDGES_M[1] * self._detail)
        share = PULLS.get(actor.baked.tile_kind, 0.0)
        actor.set_depth(self._haze(), edges, share * self._pull())
        near = actor.distance(self.pose.eye()) if not self.pose.plan else 0.0
        actor.edges.SetVisibility(actor.shown and not self._reduced and near < edges[1])
        if actor.baked.tile_kind == "cloud":
            distance = max(near, 1.0) if not self.pose.plan else self.pose.distance
            size = self.pose.metres_per_pixel(900) * distance / max(self.pose.distance, 1e-6)
            actor.set_points(size, 0.3 if self._reduced else 1.0)

    def _paint_depth(self) -> None:
        for actor in self._tiles.values():
            self._depth_of(actor)
        if self._ground is not None:
            self._ground.set_depth(self._haze())
