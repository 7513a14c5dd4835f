"""Brings tiles onto the stage and takes them off again, a few milliseconds at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lamplighter.domain.problems import Problem, problem
from lamplighter.domain.wire import City
from lamplighter.ui.theme import theme

if TYPE_CHECKING:
    from lamplighter.scene.baking import BakedTile
    from lamplighter.scene.city_scene import CityScene
    from lamplighter.ui.twin_loader import TileLoader

TURN_MS: Final = 8.0
"""time of the window's thread that one turn may take, as long as there is a choice"""
GROUND_TRIANGLES: Final = 400_000
"""triangles the ground's footprints are taken from, where coarser pictures exist"""


class TileStream:
    """Between one scene and one loader."""

    def __init__(self, scene: CityScene, fault: Callable[[Problem], None]) -> None:
        self._scene = scene
        self._fault = fault
        self._loader: TileLoader | None = None
        self._city: City | None = None
        self._folder: Path | None = None
        self._paths: dict[str, Path] = {}
        self._bad: set[str] = set()
        self._ground_due = False
        self.busy = False
        """whether `tick` has work"""
        self.covered = False
        """every part of the city has been drawn in some picture"""

    def show(self, city: City) -> bool:
        """Show this city; True when tiles have to be loaded."""
        scene = self._scene
        before = set(self._paths)
        self._city = city
        self._paths = {Path(p).name: Path(p) for p in city.tiles}
        if city.tiles:
            folder = Path(city.tiles[0]).parent
            for layer in city.layers:
                if any(tile.name in self._paths for tile in layer.finest):
                    for tile in layer.tiles:
                        self._paths.setdefault(tile.name, folder / tile.name)
        for name in before - self._paths.keys():
            scene.remove(name)
        scene.set_catalogue(city.layers, self._paths.keys())
        if self._paths.keys() == before and before:
            scene.set_assets(city.assets)
            return False
        self._bad.clear()
        self._ground_due = True
        self.covered = False
        self.follow()
        return True

    def missing(self) -> list[str]:
        """Tiles that should be on the stage and are not, the first first."""
        scene = self._scene
        known = [n for n in self._paths if not scene.levels.knows(n)]
        described = {tile.name for layer in scene.showing.layers.values() for tile in layer.tiles}
        known = [n for n in known if n not in described]  # those of hidden layers wait
        return [
            n for n in [*known, *scene.wanted()]
            if n not in scene.loaded and n not in self._bad and n in self._paths
        ]  # fmt: skip

    def follow(self) -> None:
        """Load what is to be seen from here; let go of what memory has no room for."""
        for name in self._scene.surplus():
            self._scene.remove(name)
        missing = self.missing()
        if not missing and not self._ground_due:
            return
        self._started().want([self._paths[n] for n in missing])
        self.busy = True

    def tick(self) -> tuple[bool, bool]:
        """Take what is ready: (something came, everything is there)."""
        from lamplighter.ui.twin_loader import LoadEnd, LoadFault, LoadGround

        came = ended = False
        begun = time.perf_counter()
        while (time.perf_counter() - begun) * 1000.0 < TURN_MS:
            item = self._started().take()
            if item is None:
                break
            came = True
            if isinstance(item, LoadFault):
                self._bad.add(item.name)
                self._fault(problem("I-503", name=item.name, what=item.what))
            elif isinstance(item, LoadGround):
                fitting = item.texture if item.theme == theme().name else None
                self._scene.set_ground(item.ground, fitting)
                self.busy, ended = False, True
            elif isinstance(item, LoadEnd):
                ended = self._all_there()
            elif item.name in self._paths:
                self._scene.add_baked(item)
        if came and not self.covered:
            self.covered = self._scene.levels.covered(self._scene.loaded)
        return came, ended

    def _all_there(self) -> bool:
        """Every wanted tile has come: assets find their tiles, then the ground is made."""
        self.covered = True
        if not self._ground_due:
            self.busy = False
            return True
        self._ground_due = False
        if self._city is not None:
            self._scene.set_assets(self._city.assets)
        self._started().want_ground(self._footprints(), theme().name)
        return False

    def _footprints(self) -> list[BakedTile]:
        """The tiles the ground is made from: of each cell the finest that is loaded, or blocks."""
        tiles = [t for t in self._scene.tiles if t.tile_kind in ("model", "terrain")]
        few = sum(len(t.triangles) for t in tiles) <= GROUND_TRIANGLES
        chosen = self._scene.levels.one_picture(self._scene.loaded, finest=few)
        return [t for t in tiles if t.name in chosen or not self._scene.levels.knows(t.name)]

    def _started(self) -> TileLoader:
        if self._loader is None:
            from lamplighter.ui.twin_loader import TileLoader

            self._loader = TileLoader()
            self._loader.start()
        return self._loader

    def stop(self) -> None:
        """End the loading."""
        loader, self._loader = self._loader, None
        self.busy = False
        if loader is not None:
            loader.stop()
