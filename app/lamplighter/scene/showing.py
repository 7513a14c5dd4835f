"""What of the city is shown, and how: layers, ghosts, isolation, and the section box.

Ghosts are drawn with every fourth pixel, so nothing has to be sorted and states keep their colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonDataModel import vtkPlane, vtkPlaneCollection
from vtkmodules.vtkRenderingCore import vtkActor

from lamplighter.domain.city import Asset
from lamplighter.domain.layers import Layer, LayerView, TileInfo
from lamplighter.scene.camera import Extent
from lamplighter.scene.states import Pattern

Vector = npt.NDArray[np.float64]


class Section:
    """Six planes that leave only the inside of a box; none while there is no box."""

    def __init__(self) -> None:
        self.planes = vtkPlaneCollection()
        self._six = [vtkPlane() for _ in range(6)]
        self.box: Extent | None = None
        self.heading = 0.0

    def set(self, box: Extent | None, heading: float = 0.0) -> None:
        """Cut everything outside `box`, turned clockwise by `heading` degrees about its middle."""
        had, self.box, self.heading = self.box is not None, box, heading
        if box is None:
            if had:
                self.planes.RemoveAllItems()
            return
        middle, axes, half = self._frame(box)
        for number, plane in enumerate(self._six):
            axis, sign = axes[number // 2], 1.0 if number % 2 else -1.0
            plane.SetOrigin(*(middle + axis * half[number // 2] * sign))
            plane.SetNormal(*(-axis * sign))
        if not had:
            for plane in self._six:
                self.planes.AddItem(plane)

    def _frame(self, box: Extent) -> tuple[Vector, Vector, Vector]:
        turn = math.radians(self.heading)
        cos, sin = math.cos(turn), math.sin(turn)
        axes = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return np.array(box.centre), axes, np.subtract(box.high, box.low) / 2.0

    def reach(self, origin: Vector, direction: Vector) -> tuple[float, float]:
        """Distances between which a ray is inside; (0, inf) without a box, (inf, 0) when never."""
        if self.box is None:
            return 0.0, math.inf
        middle, axes, half = self._frame(self.box)
        start, way = axes @ (origin - middle), axes @ direction
        way = np.where(np.abs(way) < 1e-12, 1e-12, way)
        one, two = (-half - start) / way, (half - start) / way
        first, last = float(np.minimum(one, two).max()), float(np.maximum(one, two).min())
        return (max(first, 0.0), last) if last >= max(first, 0.0) else (math.inf, 0.0)

    def apply(self, actors: Iterable[vtkActor]) -> None:
        """Cut these actors too."""
        for actor in actors:
            actor.GetMapper().SetClippingPlanes(self.planes)


@dataclass(slots=True)
class Showing:
    """The wishes about what is seen."""

    view: LayerView = field(default_factory=LayerView)
    layers: dict[str, Layer] = field(default_factory=dict)
    tile_of: dict[str, tuple[Layer, TileInfo]] = field(default_factory=dict)
    """layer and description of each tile name that is known"""
    ghosts: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    isolated: frozenset[str] | None = None
    hide_rest: bool = False

    def set_layers(self, layers: Sequence[Layer]) -> None:
        """The layers whose tiles are drawn."""
        self.layers = {layer.id: layer for layer in layers}
        self.tile_of = {tile.name: (layer, tile) for layer in layers for tile in layer.tiles}

    def shows_tile(self, name: str) -> bool:
        """Whether the tile's layer is shown at all."""
        known = self.tile_of.get(name)
        return known is None or self.view.shows(known[0])

    def shows_asset(self, asset: Asset) -> bool:
        """Whether the layer that brought the asset is shown."""
        layer = self.layers.get(asset.layer)
        return layer is None or self.view.shows(layer)

    @property
    def veiling(self) -> bool:
        """Whether any asset or layer is a ghost or hidden."""
        view = self.view
        return bool(
            self.ghosts or self.hidden or self.isolated is not None
            or view.ghosted or view.isolated
        )  # fmt: skip

    def veils(self, tile: str, assets: Sequence[str]) -> npt.NDArray[np.uint8]:
        """0, GHOST or HIDDEN for each owner of a tile."""
        out = np.zeros(len(assets), np.uint8)
        if not self.veiling:
            return out
        known = self.tile_of.get(tile)
        if known is not None and self.view.is_ghost(known[0]):
            out[:] = Pattern.GHOST
        if self.isolated is not None:
            rest = Pattern.HIDDEN if self.hide_rest else Pattern.GHOST
            out[_rows(assets, lambda a: a not in self.isolated)] = rest  # type: ignore[operator]
        if self.ghosts:
            out[_rows(assets, self.ghosts.__contains__)] = Pattern.GHOST
        if self.hidden:
            out[_rows(assets, self.hidden.__contains__)] = Pattern.HIDDEN
        return out


def _rows(assets: Sequence[str], chosen: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    return np.fromiter((chosen(a) for a in assets), dtype=bool, count=len(assets))
