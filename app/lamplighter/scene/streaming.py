"""Which picture of each cell is drawn and kept in memory: fine near the eye, coarse far away.

At rest a cell is drawn coarser only where the difference is smaller than a pixel. While the eye
moves, cells get coarser in the order in which it is seen least, until the frame fits its budget.
Pure arithmetic over the descriptions of the tiles; nothing is opened for it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.layers import Layer, LayerView, TileInfo
from lamplighter.scene.camera import VIEW_ANGLE, Projection

REST_PX: Final = 0.8
"""error of a coarse picture, in pixels, that nobody sees"""
MOST_RESIDENT: Final = 6_000_000
"""triangles kept in memory for a picture at rest"""
_POINT: Final = 0.4
"""what drawing a point costs, in triangles"""
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """One picture of a cell: all its tiles together."""

    rank: int
    error: float
    tiles: tuple[str, ...]
    cost: float
    """triangles, points counted by what they cost"""


@dataclass(frozen=True, slots=True)
class Cell:
    """The pictures of one layer in one cell of the grid, the finest first."""

    layer: str
    levels: tuple[Level, ...]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    first: int = 0
    """place of the finest level that is wanted; finer ones only stand in until it is loaded"""


def cells_of(
    layers: Iterable[Layer], view: LayerView, available: Collection[str] | None = None
) -> list[Cell]:
    """The cells of all layers that are shown. A level the user chose for a layer is the finest
    that is wanted. `available`: names of tiles that exist; None for all."""
    out: list[Cell] = []
    for layer in layers:
        if not view.shows(layer):
            continue
        found: dict[tuple[int, int], list[TileInfo]] = {}
        for tile in layer.tiles:
            if available is None or tile.name in available:
                found.setdefault(tile.cell, []).append(tile)
        out += [_cell(layer, tiles, view.lod.get(layer.id)) for tiles in found.values()]
    return out


def _cell(layer: Layer, tiles: list[TileInfo], lod: float | None) -> Cell:
    ranks = sorted({tile.rank for tile in tiles})
    first = 0
    if lod is not None:
        chosen = {t.rank for t in tiles if not t.made and t.lod <= lod + 1e-6}
        own = [t.rank for t in tiles if not t.made]
        rank = min(chosen) if chosen else max(own, default=ranks[0])
        first = ranks.index(rank)
    levels = []
    for rank in ranks:
        some = [t for t in tiles if t.rank == rank]
        cost = sum(t.triangles for t in some) + _POINT * sum(
            t.points for t in some if t.kind == "cloud"
        )
        error = max(t.error for t in some) or 2.0 * (rank - ranks[0])
        levels.append(Level(rank, error, tuple(t.name for t in some), cost))
    low = np.min([t.low for t in tiles], axis=0).tolist()
    high = np.max([t.high for t in tiles], axis=0).tolist()
    box = ((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    return Cell(layer.id, tuple(levels), *box, first)


def _best(cell: Cell, target: int, loaded: Collection[str]) -> tuple[str, ...]:
    """The tiles of a cell to draw: its target, else the next coarser or finer that is loaded."""
    best: tuple[str, ...] = ()
    for at in (target, *range(target + 1, len(cell.levels)), *range(target - 1, -1, -1)):
        tiles: tuple[str, ...] = cell.levels[at].tiles
        if all(t in loaded for t in tiles):
            return tiles
        best = best or tuple(t for t in tiles if t in loaded)
    return best


class Levels:
    """The choice for all cells. `set_cells` first; unknown tiles are always drawn."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self._place: dict[str, tuple[int, int]] = {}
        self._shown: set[str] = set()
        self._drawn: list[tuple[str, ...]] = []
        self._low = self._high = np.zeros((0, 3))
        self._cost = self._error = np.zeros((0, 1))
        self._count = self._first = np.zeros(0, np.int64)
        self.target = np.zeros(0, np.int64)

    def set_cells(self, cells: Sequence[Cell]) -> None:
        """Choose among these from now on."""
        self.cells = list(cells)
        self._place = {
            tile: (number, at)
            for number, cell in enumerate(self.cells)
            for at, level in enumerate(cell.levels)
            for tile in level.tiles
        }
        self._low = np.array([c.low for c in self.cells], np.float64).reshape(-1, 3)
        self._high = np.array([c.high for c in self.cells], np.float64).reshape(-1, 3)
        most = max((len(c.levels) for c in self.cells), default=1)
        self._cost = np.zeros((len(self.cells), most))
        self._error = np.full((len(self.cells), most), np.inf)
        for number, cell in enumerate(self.cells):
            for at, level in enumerate(cell.levels):
                self._cost[number, at], self._error[number, at] = level.cost, level.error
        self._count = np.array([len(c.levels) for c in self.cells], np.int64)
        self._first = np.array([c.first for c in self.cells], np.int64)
        self.target = np.zeros(len(self.cells), np.int64)
        self._drawn = [
            tuple(t for level in cell.levels for t in level.tiles if t in self._shown)
            for cell in self.cells
        ]

    def knows(self, tile: str) -> bool:
        return tile in self._place

    # ---------------------------------------------------------------- choosing
    def distances(self, eye: Vector) -> Vector:
        """Metres from the eye to the box of each cell."""
        gap = np.maximum(np.maximum(self._low - eye, eye - self._high), 0.0)
        return np.asarray(np.sqrt((gap**2).sum(axis=1)))

    def aim(
        self,
        eye: Vector,
        height_px: int,
        metres: float | None = None,
        budget: float | None = None,
        view: Projection | None = None,
    ) -> npt.NDArray[np.int64]:
        """Choose the level of each cell; returns and keeps the numbers.

        `metres`: size of a pixel everywhere in a parallel view. `budget`: most cost of what is
        in `view`; None at rest, when only memory is a limit.
        """  # fmt: skip
        if not self.cells:
            return self.target
        away = np.maximum(self.distances(eye), 1.0)
        scale = 2.0 * math.tan(math.radians(VIEW_ANGLE / 2)) / max(height_px, 1)
        pixel = away * scale if metres is None else np.full(len(away), max(metres, 1e-9))
        blur = self._error / pixel[:, None]
        fits = blur <= REST_PX
        fits[:, 0] = True
        target = (fits * np.arange(fits.shape[1])[None, :]).max(axis=1)
        target = np.maximum(target, self._first)
        target = self._within(target, blur, MOST_RESIDENT, np.ones(len(away), bool))
        if budget is not None:
            seen = self.seen(view) if view is not None else np.ones(len(away), bool)
            target = self._within(target, blur, budget, seen)
        self.target = target
        return target

    def _within(
        self,
        target: npt.NDArray[np.int64],
        blur: Vector,
        budget: float,
        counted: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.int64]:
        """Coarser where it is seen least, until the cost of the counted cells fits."""
        rows = np.arange(len(target))
        excess = float(self._cost[rows, target][counted].sum()) - budget
        if excess <= 0.0 or self._cost.shape[1] < 2:
            return target
        at = np.arange(1, self._cost.shape[1])[None, :]
        gain = self._cost[:, :-1] - self._cost[:, 1:]
        possible = (at > target[:, None]) & (at < self._count[:, None]) & counted[:, None]
        number, level = np.nonzero(possible & (gain > 0))
        order = np.argsort(blur[number, level + 1], kind="stable")
        number, level = number[order], level[order]
        saved = np.cumsum(gain[number, level])
        enough = int(np.searchsorted(saved, excess)) + 1
        out = target.copy()
        np.maximum.at(out, number[:enough], level[:enough] + 1)
        return out

    def seen(self, view: Projection) -> npt.NDArray[np.bool_]:
        """Which cells may lie in the picture: their ball is not wholly outside one side of it."""
        middle = (self._low + self._high) / 2.0
        radius = np.sqrt(((self._high - self._low) ** 2).sum(axis=1)) / 2.0
        inside = np.ones(len(middle), bool)
        for axis in (0, 1):
            for sign in (1.0, -1.0):
                plane = view.matrix[3] + sign * view.matrix[axis]
                size = float(np.linalg.norm(plane[:3]))
                inside &= (middle @ plane[:3] + plane[3]) / max(size, 1e-12) > -radius
        return inside

    # ---------------------------------------------------------------- what follows from it
    def shows(self, tile: str) -> bool:
        """Whether a tile is drawn now."""
        return tile not in self._place or tile in self._shown

    def settle(self, loaded: Collection[str], tile: str = "") -> set[str]:
        """Take the target where it is loaded, else what is loaded; returns the tiles that change.

        With `tile` only its cell is looked at. A cell never goes empty: it shows its next
        coarser or finer picture meanwhile.
        """
        changed: set[str] = set()
        if tile:
            numbers: Iterable[int] = [self._place[tile][0]]
        else:
            numbers = range(len(self.cells))
            known = self._place.keys()
            changed = {name for name in self._shown if name not in known}
            self._shown -= changed
        for number in numbers:
            cell, target = self.cells[number], int(self.target[number])
            best = _best(cell, target, loaded)
            before = self._drawn[number]
            if best != before:
                changed.update(set(best) ^ set(before))
                self._shown.difference_update(before)
                self._shown.update(best)
                self._drawn[number] = best
        return changed

    def covered(self, loaded: Collection[str]) -> bool:
        """Whether every cell has one whole picture."""
        return all(
            any(all(t in loaded for t in level.tiles) for level in cell.levels)
            for cell in self.cells
        )

    def one_picture(self, loaded: Collection[str], finest: bool = True) -> set[str]:
        """Of each cell the tiles of its finest loaded picture, or of the second finest one."""
        out: set[str] = set()
        for cell in self.cells:
            whole = [lv for lv in cell.levels if all(t in loaded for t in lv.tiles)]
            if whole:
                out.update(whole[0 if finest or len(whole) < 3 else 1].tiles)
        return out

    def wanted(self, eye: Vector) -> list[str]:
        """Tiles to load, the first first: the coarsest of every cell, then the target, near
        before far."""
        near = np.argsort(self.distances(eye), kind="stable").tolist()
        coarse = [t for n in near for t in self.cells[n].levels[-1].tiles]
        target = self.target.tolist()
        fine = [t for n in near for t in self.cells[n].levels[target[n]].tiles]
        return list(dict.fromkeys(coarse + fine))

    def surplus(self, loaded: Collection[str], eye: Vector) -> list[str]:
        """Loaded tiles that may go because memory is short, the farthest first."""
        cost = {t: self._cost[n, at] / max(len(self.cells[n].levels[at].tiles), 1)
                for t, (n, at) in self._place.items() if t in loaded}  # fmt: skip
        excess = sum(cost.values()) - 1.25 * MOST_RESIDENT
        if excess <= 0:
            return []
        keep = set(self.wanted(eye)) | self._shown
        away = self.distances(eye)
        spare = sorted((t for t in cost if t not in keep), key=lambda t: -away[self._place[t][0]])
        out: list[str] = []
        for tile in spare:
            if excess <= 0:
                break
            out.append(tile)
            excess -= cost[tile]
        return out
