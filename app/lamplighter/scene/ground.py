"""The ground under the city: one mesh that follows the buildings' feet, one baked texture.

The texture holds the blurred footprints and one fixed soft shadow, so the city stands on the
ground instead of floating over it, at no cost while it runs. Pure numpy; may run in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.scene.baking import BakedTile, Kind
from lamplighter.scene.theme import SceneTheme

PIXELS_PER_M: Final = 1.5
MOST_PIXELS: Final = 2048
_SHADOW: Final = (0.62, 0.34)
"""metres east and north a shadow falls for every metre of height"""
_MESH: Final = 48


@dataclass(frozen=True, slots=True)
class Ground:
    """shade (h, w) float32 0..1 of blurred footprints, shadow (h, w) float32 0..1, both from the
    south up; low, high: corners in metres (x, y); heights (n, n) float32 mesh, metres."""

    shade: npt.NDArray[np.float32]
    shadow: npt.NDArray[np.float32]
    low: tuple[float, float]
    high: tuple[float, float]
    heights: npt.NDArray[np.float32]


def bake_ground(tiles: Sequence[BakedTile]) -> Ground | None:
    """The ground of all tiles together; None when they hold nothing."""
    boxes = [tile.bounds for tile in tiles if len(tile.points)]
    if not boxes:
        return None
    low = np.min([box[0] for box in boxes], axis=0)[:2].astype(np.float64)
    high = np.max([box[1] for box in boxes], axis=0)[:2].astype(np.float64)
    margin = 0.35 * float(np.max(high - low)) + 120.0
    low, high = low - margin, high + margin
    size = high - low
    density = min(PIXELS_PER_M, MOST_PIXELS / float(size.max()))
    width, height = (max(2, int(np.ceil(v * density))) for v in size)
    prints = np.zeros((height, width), dtype=np.float32)
    cast = np.zeros((height, width), dtype=np.float32)
    for tile in tiles:
        _stamp(tile, low, density, prints, cast)
    blur = max(1, round(6.0 * density))
    return Ground(
        shade=_blurred(prints, blur),
        shadow=_blurred(cast, max(1, round(1.2 * density))),
        low=(float(low[0]), float(low[1])),
        high=(float(high[0]), float(high[1])),
        heights=_heights(tiles, low, high),
    )


def texture(ground: Ground, theme: SceneTheme, soft_shadow: bool = True) -> npt.NDArray[np.uint8]:
    """Colours (h, w, 3) uint8 of the ground, fading into the background at its rim."""
    colour = np.array(theme["ground"], dtype=np.float32)
    dark = np.clip(1.0 - theme.blur_alpha * ground.shade, 0.0, 1.0)
    if soft_shadow:
        dark *= 1.0 - theme.shadow_alpha * ground.shadow
    out = colour * dark[..., None]
    height, width = dark.shape
    y = np.abs(np.linspace(-1, 1, height, dtype=np.float32))[:, None]
    x = np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None, :]
    rim = np.clip((np.maximum(x, y) - 0.72) / 0.26, 0.0, 1.0)
    rim = (rim * rim * (3 - 2 * rim))[..., None]
    out += (np.array(theme["background"], dtype=np.float32) - out) * rim
    return np.asarray(np.clip(np.rint(out), 0, 255), dtype=np.uint8)


def _stamp(
    tile: BakedTile,
    low: npt.NDArray[np.float64],
    density: float,
    prints: npt.NDArray[np.float32],
    cast: npt.NDArray[np.float32],
) -> None:
    """Mark the pixels under the tile's built surfaces, and those in their shadow."""
    built = (tile.kind <= Kind.ROOF) | (tile.kind == Kind.TREE)
    chosen = tile.triangles[built[tile.triangles[:, 0]]]
    if not len(chosen):
        return
    owner = np.searchsorted(tile.point_start, chosen[:, 0], side="right") - 1
    corners = tile.points[chosen].astype(np.float64)
    lift = corners[:, :, 2] - tile.low[owner, 2][:, None]
    flat = (corners[:, :, :2] - low) * density
    _fill(flat, prints)
    fall = np.minimum(lift, 60.0)[..., None] * np.array(_SHADOW) * density
    _fill(flat + fall, cast)


def _fill(corners: npt.NDArray[np.float64], image: npt.NDArray[np.float32]) -> None:
    """Set to 1 the pixels of triangles (m, 3, 2) by points spread densely over each of them."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    reach = np.maximum(np.abs(b - a).max(axis=1), np.abs(c - a).max(axis=1))
    steps = np.clip(np.ceil(reach * 1.25), 1, 400).astype(np.int64)
    height, width = image.shape
    for step in np.unique(steps):
        some = steps == step
        u, v = np.meshgrid(np.linspace(0, 1, step + 1), np.linspace(0, 1, step + 1))
        inside = (u + v) <= 1.0 + 1e-9
        u, v = u[inside].astype(np.float32), v[inside].astype(np.float32)
        for part in np.array_split(np.flatnonzero(some), 1 + some.sum() * len(u) // 2_000_000):
            p, q, r = a[part], b[part] - a[part], c[part] - a[part]
            x = (p[:, 0, None] + q[:, 0, None] * u + r[:, 0, None] * v).astype(np.int32)
            y = (p[:, 1, None] + q[:, 1, None] * u + r[:, 1, None] * v).astype(np.int32)
            good = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            image[y[good], x[good]] = 1.0


def _blurred(image: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.float32]:
    """Three box blurs: close to a Gaussian."""
    for _ in range(3):
        for axis in (0, 1):
            image = _box(image, radius, axis)
    return image


def _box(image: npt.NDArray[np.float32], radius: int, axis: int) -> npt.NDArray[np.float32]:
    radius = min(radius, image.shape[axis] - 1)
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(image, pad), axis=axis, dtype=np.float32)
    size = image.shape[axis]
    ahead = np.take(total, range(2 * radius + 1, 2 * radius + 1 + size), axis=axis)
    behind = np.take(total, range(size), axis=axis)
    return np.asarray((ahead - behind) / (2 * radius + 1), dtype=np.float32)


def _heights(
    tiles: Sequence[BakedTile], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Feet of the buildings, spread over a coarse grid by repeated smoothing."""
    total = np.zeros((_MESH, _MESH), dtype=np.float32)
    weight = np.zeros_like(total)
    terrain = False
    for tile in tiles:
        some = np.isfinite(tile.low[:, 2])
        middle = (tile.low[some, :2] + tile.high[some, :2]) / 2
        cell = ((middle - low) / (high - low) * (_MESH - 1)).round().astype(np.int64)
        cell = np.clip(cell, 0, _MESH - 1)
        np.add.at(total, (cell[:, 1], cell[:, 0]), tile.low[some, 2])
        np.add.at(weight, (cell[:, 1], cell[:, 0]), 1.0)
        terrain = terrain or bool((tile.kind == Kind.GROUND).any())
    mean = float(total.sum() / max(weight.sum(), 1e-6))
    out = np.where(weight > 0, total / np.maximum(weight, 1e-6), 0.0).astype(np.float32)
    known = (weight > 0).astype(np.float32)
    for radius in (1, 2, 4, 8, 16):
        spread, cover = _blurred(out * known, radius), _blurred(known, radius)
        fresh = (known == 0) & (cover > 1e-3)
        out[fresh] = spread[fresh] / cover[fresh]
        known[fresh] = 1.0
    out[known == 0] = mean
    return _box(_box(out, 1, 0), 1, 1) - (1.5 if terrain else 0.15)
