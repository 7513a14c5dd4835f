"""The city as one VTK renderer: tiles, ground, networks, states, selection and camera.

Works with any render window: the window's 3D widget gives its renderer, pictures make their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkRenderingCore import vtkRenderer

from lamplighter.domain.city import Asset
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import BakedTile, Kind, bake
from lamplighter.scene.ground import Ground, bake_ground
from lamplighter.scene.ground_actor import GroundActor
from lamplighter.scene.networks import NetworkActors, course_of
from lamplighter.scene.outline import AreaBoundary, Outline
from lamplighter.scene.picking import Hit, TilePicker
from lamplighter.scene.solids import asset_tile
from lamplighter.scene.states import NORMAL_KEY, Mark, StateTable, look_key
from lamplighter.scene.theme import SceneTheme
from lamplighter.scene.tile_actor import TileActor

OWN_TILE: Final = "point assets"
"""name of the tile that holds the solids of pumps, tanks, substations ..."""
EDGES_M: Final = (500.0, 1500.0)
"""metres between which edges fade out"""
_Key = tuple[int, int, int, int]


class CityScene:
    """Everything that is drawn of a city. Not thread-safe: one thread, the one that renders."""

    def __init__(self, theme: SceneTheme, renderer: vtkRenderer | None = None) -> None:
        self.renderer = renderer if renderer is not None else vtkRenderer()
        self.renderer.SetUseOIT(False)
        self.renderer.SetUseDepthPeeling(False)
        self.theme = theme
        self.pose = cam.Pose((0.0, 0.0, 0.0), 500.0)
        self._tiles: dict[str, TileActor] = {}
        self._picker = TilePicker()
        self._ground: GroundActor | None = None
        self.ground: Ground | None = None
        """the baked ground that is shown"""
        self._networks = NetworkActors(self.renderer, theme)
        self._selected = Outline(self.renderer, theme["selected"], 2.0, theme["edge"])
        self._boundary = AreaBoundary(self.renderer, theme)
        self._assets: dict[str, Asset] = {}
        self._children: dict[str, list[str]] = {}
        self._places: dict[str, list[tuple[TileActor, int]]] = {}
        self._keys: dict[str, _Key] = {}
        self._states = StateTable()
        self._extent: cam.Extent | None = None
        self._reduced = False
        self._detail = 1.0
        self._paint_background()

    # ---------------------------------------------------------------- what is drawn
    def set_assets(self, assets: Iterable[Asset]) -> None:
        """Point assets become small solids, line assets networks; tiles stay as they are."""
        self._assets = {asset.id: asset for asset in assets}
        self._children = {}
        for asset in self._assets.values():
            if asset.parent:
                self._children.setdefault(asset.parent, []).append(asset.id)
        self.remove(OWN_TILE)
        drawn = {name for name, places in self._places.items() if places}
        solids = asset_tile(
            OWN_TILE, [a for a in self._assets.values() if a.id not in drawn and not a.path]
        )
        if len(solids.triangles):
            self.add_baked(bake(solids))
        lines = [a for a in self._assets.values() if len(a.path) > 1 and a.id not in drawn]
        self._networks.set_assets(lines)
        self._extent = None
        self._repaint_all()
        self._paint_depth()

    def add_baked(self, baked: BakedTile) -> None:
        """Show one prepared tile; one of the same name is replaced."""
        self.remove(baked.name)
        actor = TileActor(baked, self.theme)
        self._tiles[baked.name] = actor
        self._picker.add(baked)
        for part in actor.actors:
            self.renderer.AddActor(part)
        for owner, asset in enumerate(baked.assets):
            self._places.setdefault(asset, []).append((actor, owner))
        looks = [(n, self._key_of(a)) for n, a in enumerate(baked.assets)]
        actor.recolour((n, key) for n, key in looks if key != NORMAL_KEY)
        self._extent = None
        self._depth_of(actor)

    def remove(self, name: str) -> None:
        """Take a tile away; unknown names are no fault."""
        actor = self._tiles.pop(name, None)
        if actor is None:
            return
        self._picker.remove(name)
        for part in actor.actors:
            self.renderer.RemoveActor(part)
        for asset in actor.baked.assets:
            left = [place for place in self._places[asset] if place[0] is not actor]
            if left:
                self._places[asset] = left
            else:
                del self._places[asset]
        self._extent = None

    def clear(self) -> None:
        """Remove every tile, network and mark."""
        for name in list(self._tiles):
            self.remove(name)
        self.set_ground(None)
        self.set_assets(())
        self.select(None)

    def set_ground(
        self, ground: Ground | None, colours: npt.NDArray[np.uint8] | None = None
    ) -> None:
        """Show the baked ground in place of the present one; `colours`: its prepared texture."""
        self.ground = ground
        if self._ground is not None:
            self.renderer.RemoveActor(self._ground.actor)
        self._ground = GroundActor(ground, self.theme, colours) if ground is not None else None
        if self._ground is not None:
            self.renderer.AddActor(self._ground.actor)
            self._ground.set_depth(self._haze())

    def bake_ground(self) -> Ground | None:
        """The ground for all tiles shown now."""
        return bake_ground([t.baked for t in self._tiles.values()])

    def set_theme(self, theme: SceneTheme) -> None:
        """Another theme for everything, in place."""
        self.theme = theme
        for actor in self._tiles.values():
            actor.set_theme(theme)
        if self._ground is not None:
            self._ground.set_theme(theme)
        self._networks.set_theme(theme)
        self._selected.set_colour(theme["selected"], theme["edge"])
        self._boundary.set_theme(theme)
        self._paint_background()
        self._paint_depth()

    # ---------------------------------------------------------------- states
    def set_states(self, states: StateTable) -> int:
        """Show a frame of states; only what changed is repainted.

        Returns the number of repainted points, at least 1 when anything looks different.
        """
        before = set(self._states.looks)
        hide = states.hide_tint
        everything = hide != self._states.hide_tint
        self._states = states
        changed: dict[str, _Key] = {}
        for name in before - set(states.looks):
            changed[name] = NORMAL_KEY
        for name, look in states.looks.items():
            key = look_key(look, hide)
            if everything or self._keys.get(name, NORMAL_KEY) != key:
                changed[name] = key
        return self._repaint(changed)

    @property
    def states(self) -> StateTable:
        return self._states

    def _repaint_all(self) -> None:
        self._repaint(
            {n: look_key(k, self._states.hide_tint) for n, k in self._states.looks.items()}
        )

    def _repaint(self, changed: dict[str, _Key]) -> int:
        if not changed:
            return 0
        service = False
        for name, key in changed.items():
            service |= Mark.LOSES_SERVICE in (key[0], self._keys.get(name, NORMAL_KEY)[0])
            if key == NORMAL_KEY:
                self._keys.pop(name, None)
            else:
                self._keys[name] = key
        work: dict[int, list[tuple[int, _Key]]] = {}
        actors: dict[int, TileActor] = {}
        for name in changed:
            for part in self.parts(name):
                for actor, owner in self._places.get(part, ()):
                    actors[id(actor)] = actor
                    work.setdefault(id(actor), []).append((owner, self._key_of(part)))
        written = sum(actors[which].recolour(rows) for which, rows in work.items())
        self._networks.recolour(changed)
        if service:
            self._boundary.show(self._without_service())
        return max(written, 1)

    def _key_of(self, asset: str) -> _Key:
        """Own look, else that of the nearest thing it is a part of."""
        seen = 0
        name = asset
        while name and seen < 8:
            key = self._keys.get(name)
            if key is not None:
                return key
            owner = self._assets.get(name)
            name, seen = (owner.parent if owner else ""), seen + 1
        return NORMAL_KEY

    def parts(self, asset: str) -> list[str]:
        """The asset and everything it consists of."""
        out, stack, seen = [], [asset], {asset}
        while stack:
            name = stack.pop()
            out.append(name)
            for child in self._children.get(name, ()):
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
        return out

    def _without_service(self) -> list[tuple[float, float, float, float, float]]:
        """Boxes (west, south, east, north, foot) of all assets that lose service."""
        boxes = []
        for name, key in self._keys.items():
            box = self.box(name) if key[0] == Mark.LOSES_SERVICE else None
            if box is not None:
                boxes.append((box.low[0], box.low[1], box.high[0], box.high[1], box.low[2]))
        return boxes

    # ---------------------------------------------------------------- selection and picking
    def select(self, asset: str | None) -> None:
        """Draw the silhouette of one asset, or of none."""
        self._selected.show(self._shape(asset))
        self._networks.select(asset)

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
        """The nearest asset at a pixel with the place that was hit."""
        view = self.projection(width, height)
        origin, direction = view.ray(x, y)
        solid = self._picker.hit(origin, direction)
        line = self._networks.hit(view, x, y, solid.distance if solid else np.inf)
        return line or solid

    def corners(self, asset: str) -> np.ndarray:
        """Corner points (n, 3) of one asset in local metres, or the course of a line."""
        rows: list[np.ndarray] = [
            baked.points[baked.point_start[o] : baked.point_start[o + 1]]
            for baked, o in self._shape(asset)
        ]
        found = self._assets.get(asset)
        if not rows and found is not None and len(found.path) > 1:
            rows = [course_of(found)]
        return np.concatenate(rows).astype(np.float64) if rows else np.zeros((0, 3))

    def _shape(self, asset: str | None) -> list[tuple[BakedTile, int]]:
        if asset is None:
            return []
        return [
            (actor.baked, owner)
            for part in self.parts(asset)
            for actor, owner in self._places.get(part, ())
        ]

    # ---------------------------------------------------------------- camera
    def projection(self, width: int, height: int) -> cam.Projection:
        """From local metres to pixels of a picture of this size."""
        return cam.projection(self.renderer.GetActiveCamera(), width, height)

    def move(self, pose: cam.Pose) -> cam.Pose:
        """Put the eye there, inside its limits; returns the pose that was taken."""
        self.pose = cam.clamped(pose, self.extent)
        cam.apply(self.pose, self.renderer.GetActiveCamera())
        self.renderer.ResetCameraClippingRange()
        self._paint_depth()
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
        return _extent(low, high)

    def home_pose(self) -> cam.Pose:
        """The opening view: of the built-up part, so that a lone far object moves nothing."""
        built = [t.baked for t in self._tiles.values() if t.baked.name != OWN_TILE]
        rows = [(b.low + b.high)[np.isfinite(b.low[:, 2])] / 2 for b in built]
        places = np.concatenate(rows) if rows else np.zeros((0, 3))
        if len(places) < 8:
            return cam.home(self.extent)
        low, high = np.percentile(places, (4, 96), axis=0)
        return cam.home(_extent(low, high))

    def box(self, asset: str) -> cam.Extent | None:
        """The box around one asset and its parts; None when it has no place."""
        lows, highs = [], []
        for baked, owner in self._shape(asset):
            if np.isfinite(baked.low[owner]).all():
                lows.append(baked.low[owner])
                highs.append(baked.high[owner])
        found = self._assets.get(asset)
        if not lows and found is not None:
            course = course_of(found)
            if len(course):
                lows, highs = [course.min(axis=0)], [course.max(axis=0)]
        if not lows:
            return None
        return _extent(np.min(lows, axis=0), np.max(highs, axis=0))

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
        """Leave out edges while the camera moves."""
        if reduced != self._reduced:
            self._reduced = reduced
            for actor in self._tiles.values():
                self._depth_of(actor)

    def set_detail(self, share: float) -> None:
        """How far edges are drawn, 0..1 of the designed distance: for machines that are slow."""
        if share != self._detail:
            self._detail = share
            self._paint_depth()

    def show_networks(self, domains: Sequence[str] | None) -> None:
        """Show only the lines of these domains; None shows all."""
        self._networks.show(domains)

    @property
    def triangles(self) -> int:
        return sum(len(t.baked.triangles) for t in self._tiles.values())

    @property
    def tiles(self) -> tuple[BakedTile, ...]:
        return tuple(t.baked for t in self._tiles.values())

    def has_terrain(self) -> bool:
        """Whether a tile brings its own ground."""
        return any(bool((t.kind == Kind.GROUND).any()) for t in self.tiles)

    # ---------------------------------------------------------------- depth
    def _haze(self) -> tuple[float, float]:
        """1.1 to 2.1 km as designed, further away when the eye stands further away."""
        reach = self.pose.distance
        return max(1100.0, reach * 1.25), max(2100.0, reach * 2.6)

    def _depth_of(self, actor: TileActor) -> None:
        edges = (EDGES_M[0] * self._detail, EDGES_M[1] * self._detail)
        actor.set_depth(self._haze(), edges)
        near = actor.distance(self.pose.eye()) if not self.pose.plan else 0.0
        actor.edges.SetVisibility(not self._reduced and near < edges[1])

    def _paint_depth(self) -> None:
        for actor in self._tiles.values():
            self._depth_of(actor)
        if self._ground is not None:
            self._ground.set_depth(self._haze())

    def _paint_background(self) -> None:
        self.renderer.SetBackground(*self.theme.unit("background"))


def _extent(low: np.ndarray, high: np.ndarray) -> cam.Extent:
    a, b = (tuple(float(v) for v in corner) for corner in (low, high))
    return cam.Extent((a[0], a[1], a[2]), (b[0], b[1], b[2]))
