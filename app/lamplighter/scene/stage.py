"""Everything of the city that has a shape: tiles, ground and networks, their states, and what of
them is shown.

The scene proper (`city_scene`) adds the eye, selection and picking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkRenderingCore import vtkActor, vtkRenderer

from lamplighter.domain.city import Asset
from lamplighter.domain.layers import Layer, LayerView
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import BakedTile, bake
from lamplighter.scene.ground import Ground, bake_ground
from lamplighter.scene.ground_actor import GroundActor
from lamplighter.scene.networks import NetworkActors, course_of
from lamplighter.scene.outline import AreaBoundary, Outline
from lamplighter.scene.showing import Section, Showing
from lamplighter.scene.sight import Sight
from lamplighter.scene.solids import asset_tile
from lamplighter.scene.states import NORMAL_KEY, Mark, StateTable, look_key
from lamplighter.scene.streaming import Levels, cells_of
from lamplighter.scene.theme import SceneTheme
from lamplighter.scene.tile_actor import TileActor

OWN_TILE: Final = "point assets"
"""name of the tile that holds the solids of pumps, tanks, substations ..."""
_Key = tuple[int, int, int, int]


class Stage:
    """What is drawn. Not thread-safe: one thread, the one that renders."""

    def __init__(self, theme: SceneTheme, renderer: vtkRenderer | None = None) -> None:
        self.renderer = renderer if renderer is not None else vtkRenderer()
        self.renderer.SetUseOIT(False)
        self.renderer.SetUseDepthPeeling(False)
        self.theme = theme
        self.section = Section()
        self.showing = Showing()
        self.levels = Levels()
        self._available: Collection[str] | None = None
        self._tiles: dict[str, TileActor] = {}
        self._sight = Sight()
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
        self._captured = 0
        self._paint_background()

    # ---------------------------------------------------------------- what is drawn
    def set_assets(self, assets: Iterable[Asset]) -> None:
        """Point assets become small solids, line assets networks; tiles stay as they are."""
        self._assets = {asset.id: asset for asset in assets}
        self._children = {}
        for asset in self._assets.values():
            if asset.parent:
                self._children.setdefault(asset.parent, []).append(asset.id)
        self._draw_assets()

    def _draw_assets(self) -> None:
        """Solids and lines of all assets whose layer is shown."""
        self.remove(OWN_TILE)
        seen = [a for a in self._assets.values() if self.showing.shows_asset(a)]
        drawn = {name for name, places in self._places.items() if places}
        drawn |= {a.id for a in seen if self._in_tiles(a)}
        solids = asset_tile(OWN_TILE, [a for a in seen if a.id not in drawn and not a.path])
        if len(solids.triangles):
            self.add_baked(bake(solids))
        lines = [a for a in seen if len(a.path) > 1 and a.id not in drawn and self._unveiled(a.id)]
        self._networks.set_assets(lines)
        if self.section.box is not None:
            self.section.apply(self._clipped_actors())
        self._extent = None
        self._repaint_all()
        self._paint_depth()

    def _in_tiles(self, asset: Asset) -> bool:
        """Whether the asset has faces in a tile of its layer, loaded or not."""
        layer = self.showing.layers.get(asset.layer)
        return layer is not None and bool(layer.tiles) and "geometry_height_m" in asset.attributes

    def _unveiled(self, line: str) -> bool:
        """Whether a line is neither hidden nor outside an isolation that hides the rest."""
        show = self.showing
        if line in show.hidden:
            return False
        return show.isolated is None or not show.hide_rest or line in show.isolated

    def add_baked(self, baked: BakedTile) -> None:
        """Show one prepared tile; one of the same name is replaced."""
        self.remove(baked.name)
        actor = TileActor(baked, self.theme, self.section.planes)
        known = self.showing.tile_of.get(baked.name)
        if known is not None:
            actor.layer, actor.rank = known[0].id, known[1].rank
        self._tiles[baked.name] = actor
        self._captured += baked.captured
        for part in actor.actors:
            self.renderer.AddActor(part)
        for owner, asset in enumerate(baked.assets):
            self._places.setdefault(asset, []).append((actor, owner))
        looks = [(n, self._key_of(a)) for n, a in enumerate(baked.assets)]
        actor.recolour((n, key) for n, key in looks if key != NORMAL_KEY)
        self._extent = None
        if self.levels.knows(baked.name):
            self._settle_levels(baked.name)
        self._show_tile(actor)
        self._added(actor)

    def _added(self, actor: TileActor) -> None:
        """A tile is on the stage: whoever knows the eye sets its depth."""

    def remove(self, name: str) -> None:
        """Take a tile away; unknown names are no fault."""
        actor = self._tiles.pop(name, None)
        if actor is None:
            return
        self._sight.remove(name)
        self._captured -= actor.baked.captured
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
            self.section.apply([self._ground.actor])
            self._paint_depth()

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

    def _paint_background(self) -> None:
        self.renderer.SetBackground(*self.theme.unit("background"))

    def _paint_depth(self) -> None:
        """Haze and edges for where the eye stands; the stage has no eye."""

    # ---------------------------------------------------------------- what is shown
    def set_catalogue(
        self, layers: Sequence[Layer], available: Collection[str] | None = None
    ) -> None:
        """The layers that the tiles belong to; call it before their tiles are added.

        `available`: names of the tiles that exist; None for all.
        """
        self.showing.set_layers(layers)
        self._available = available
        for actor in self._tiles.values():
            known = self.showing.tile_of.get(actor.baked.name)
            if known is not None:
                actor.layer, actor.rank = known[0].id, known[1].rank
        self._plan_levels()
        self._show_all()

    def set_layers(self, view: LayerView) -> None:
        """Show, ghost and hide layers as the layers panel states it."""
        before, self.showing.view = self.showing.view, view
        self._plan_levels()
        self._show_all()
        if before.hidden != view.hidden:
            self._draw_assets()

    def _plan_levels(self) -> None:
        """The cells of the layers that are shown, and what of them is wanted now."""
        show = self.showing
        self.levels.set_cells(cells_of(show.layers.values(), show.view, self._available))
        self._aim()
        self.levels.settle(self._tiles.keys())

    def _aim(self) -> None:
        """Choose levels for where the eye stands; the stage has no eye."""

    def _settle_levels(self, tile: str = "") -> None:
        """Show what is chosen, as far as it is loaded; with `tile` in its cell alone."""
        for name in self.levels.settle(self._tiles.keys(), tile):
            actor = self._tiles.get(name)
            if actor is not None:
                self._show_tile(actor)
                self._added(actor)

    def set_ghosted(self, assets: Iterable[str]) -> None:
        """Draw these assets and their parts as ghosts; nothing else is one."""
        self.showing.ghosts = self._closure(assets)
        self._show_all()

    def set_hidden(self, assets: Iterable[str]) -> None:
        """Do not draw these assets and their parts."""
        self.showing.hidden = self._closure(assets)
        self._show_all()
        self._draw_assets()

    def isolate(self, assets: Iterable[str] | None, hide: bool = False) -> None:
        """Everything but these assets becomes a ghost, or is hidden; None ends it."""
        self.showing.isolated = None if assets is None else self._closure(assets)
        self.showing.hide_rest = hide
        self._show_all()
        self._draw_assets()

    def set_section(self, box: cam.Extent | None, heading: float = 0.0) -> None:
        """Draw and pick only what lies in the box, turned clockwise by `heading` degrees."""
        self.section.set(box, heading)
        self.section.apply(self._clipped_actors())

    def _clipped_actors(self) -> list[vtkActor]:
        actors = self.renderer.GetActors()
        actors.InitTraversal()
        found = [actors.GetNextActor() for _ in range(actors.GetNumberOfItems())]
        return [a for a in found if a is not None and a.GetMapper() is not None]

    def _closure(self, assets: Iterable[str]) -> frozenset[str]:
        return frozenset(part for asset in assets for part in self.parts(asset))

    def _show_all(self) -> None:
        for actor in self._tiles.values():
            self._show_tile(actor)
        self._paint_depth()

    def _show_tile(self, actor: TileActor) -> None:
        """Bring one tile's visibility and veils in line with what is wanted."""
        name = actor.baked.name
        actor.set_veils(self.showing.veils(name, actor.baked.assets))
        actor.shown = self.showing.shows_tile(name) and self.levels.shows(name) and not actor.empty
        actor.surface.SetVisibility(actor.shown)
        if actor.shown:
            actor.catch_up()
            self._sight.add(actor.baked)
        else:
            self._sight.remove(name)
            actor.edges.SetVisibility(False)

    def pickable(self, tile: str) -> npt.NDArray[np.bool_] | None:
        """Which owners of a tile may be picked: none that is hidden or a ghost."""
        actor = self._tiles.get(tile)
        if actor is None or not actor.veils.any():
            return None
        return np.asarray(actor.veils == 0)

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
        written = 0
        for which, rows in work.items():
            if actors[which].shown:
                written += actors[which].recolour(rows)
            else:
                actors[which].late.update(rows)
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

    # ---------------------------------------------------------------- shapes
    def _shape(self, asset: str | None) -> list[tuple[BakedTile, int]]:
        """The triangles of one asset and its parts: of the tiles that are drawn, the finest."""
        if asset is None:
            return []
        found: list[tuple[BakedTile, int]] = []
        for part in self.parts(asset):
            places = self._places.get(part, ())
            seen = [p for p in places if p[0].shown] or list(places)
            if seen:
                best = min(p[0].rank for p in seen)
                found += [(a.baked, owner) for a, owner in seen if a.rank == best]
        return found

    def corners(self, asset: str) -> npt.NDArray[np.float64]:
        """Corner points (n, 3) of one asset in local metres, or the course of a line."""
        rows: list[npt.NDArray[np.floating]] = [
            baked.points[baked.point_start[o] : baked.point_start[o + 1]]
            for baked, o in self._shape(asset)
        ]
        found = self._assets.get(asset)
        if not rows and found is not None and len(found.path) > 1:
            rows = [course_of(found)]
        return np.concatenate(rows).astype(np.float64) if rows else np.zeros((0, 3))

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
        return cam.extent_of(np.min(lows, axis=0), np.max(highs, axis=0))

    @property
    def triangles(self) -> int:
        """Triangles of the tiles that are drawn."""
        return sum(len(t.baked.triangles) for t in self._tiles.values() if t.shown)

    @property
    def loaded(self) -> Collection[str]:
        """Names of the tiles on the stage, drawn or not."""
        return self._tiles.keys()

    @property
    def tiles(self) -> tuple[BakedTile, ...]:
        return tuple(t.baked for t in self._tiles.values())
