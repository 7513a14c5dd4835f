"""What meshes, clouds and drapes bring besides their shape: a colour per point, or a picture.

Pictures are decoded here, beside the window's thread; nothing of this needs VTK.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import TileArrays

MOST_PIXELS: Final = 2048
"""pixels per side a picture keeps; larger ones are made smaller"""


@dataclass(frozen=True, slots=True)
class Skin:
    """colours (n, 3) uint8 of each point, or picture (h, w, 3) uint8, first row at the bottom,
    with the place uv (n, 2) float32 of each point in it."""

    colours: npt.NDArray[np.uint8] | None = None
    uv: npt.NDArray[np.float32] | None = None
    picture: npt.NDArray[np.uint8] | None = None

    @property
    def bytes(self) -> int:
        """What it holds in memory."""
        return sum(a.nbytes for a in (self.colours, self.uv, self.picture) if a is not None)


def skin_of(tile: TileArrays, source: npt.NDArray[np.integer]) -> Skin | None:
    """The skin of the points `source` of a tile; None without colours and without a picture.

    A picture that cannot be decoded leaves the tile in clay.
    """
    if tile.image and tile.uv is not None:
        picture = decoded(tile.image)
        if picture is not None:
            return Skin(uv=np.ascontiguousarray(tile.uv[source], np.float32), picture=picture)
    if tile.colours is not None:
        return Skin(colours=np.ascontiguousarray(tile.colours[source], np.uint8))
    return None


def decoded(image: bytes) -> npt.NDArray[np.uint8] | None:
    """The pixels of an encoded picture (h, w, 3), first row at the bottom; None when damaged."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(image)) as opened:
            opened.draft("RGB", (MOST_PIXELS, MOST_PIXELS))
            opened.thumbnail((MOST_PIXELS, MOST_PIXELS))
            rows = np.asarray(opened.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return np.ascontiguousarray(rows[::-1])


def cloud_order(count: int) -> npt.NDArray[np.int64]:
    """A fixed shuffle of `count` points: every leading part is an even thinning of the whole."""
    return np.random.default_rng(1).permutation(count)
