"""The textures of a CityJSON file: the picture of a surface and the place of each corner in it."""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Raw

from lamplighter.spatial.cityjson_document import UNREADABLE, Appearance
from lamplighter.spatial.cityjson_words import aligned
from lamplighter.spatial.textures import Pictures

_APPEARANCE = msgspec.json.Decoder(Appearance | None)
_Places = list[tuple[int, npt.NDArray[np.float32]]]


class Skin:
    """Textures of the document in hand, and the corners dressed so far."""

    def __init__(self, head: Raw, pictures: Pictures) -> None:
        self._pictures = pictures
        self._head = head
        self._places: _Places = []
        self.usable = False
        self.use(head)

    def use(self, appearance: Raw) -> None:
        """Take the appearance of another document; one without an own has that of the first."""
        found: Appearance | None = None
        for raw in (appearance, self._head):
            try:
                found = _APPEARANCE.decode(raw)
            except UNREADABLE:
                found = None
            if found is not None:
                break
        self._numbers: list[int] = []
        self._spots = np.zeros((0, 2), np.float32)
        if found is not None and isinstance(found.textures, list):
            names = [one.get("image") if isinstance(one, dict) else None for one in found.textures]
            self._numbers = [self._pictures.number(str(name)) if name else -1 for name in names]
            self._spots = _pairs(found.vertices)
        self.usable = max(self._numbers, default=-1) >= 0 and len(self._spots) > 0

    def of(self, texture: Raw, boundaries: list[Any], depth: int) -> list[Any]:
        """What the first theme says about each surface; None where it says nothing."""
        try:
            themes = msgspec.json.decode(texture)
        except UNREADABLE:
            themes = None
        values = None
        if isinstance(themes, dict) and themes:
            first = next(iter(themes.values()))
            values = first.get("values") if isinstance(first, dict) else None
        return aligned(values, boundaries, depth)

    def dress(
        self, surface: list[list[int]], skin: Any
    ) -> tuple[int, npt.NDArray[np.float32]] | None:
        """Picture of a surface and place (corners, 2) of each corner; None without a picture."""
        if not isinstance(skin, list) or len(skin) != len(surface) or not surface:
            return None
        image = -1
        for ring, values in zip(surface, skin, strict=True):
            if not isinstance(values, list) or len(values) != len(ring) + 1:
                return None
            if any(type(v) is not int or v < 0 for v in values):
                return None
            if values[0] >= len(self._numbers) or max(values[1:], default=0) >= len(self._spots):
                return None
            image = self._numbers[values[0]] if image < 0 else image
        if image < 0:
            return None
        return image, self._spots[list(chain.from_iterable(ring[1:] for ring in skin))]

    def put(self, first: int, spots: npt.NDArray[np.float32]) -> None:
        """The vertices from `first` on lie at `spots` in their picture."""
        self._places.append((first, spots))

    def mark(self) -> int:
        return len(self._places)

    def drop_to(self, mark: int) -> None:
        del self._places[mark:]

    def finish(self, count: int) -> npt.NDArray[np.float32]:
        """Place of every vertex (count, 2) in its picture; zero for those without."""
        uv = np.zeros((count, 2), np.float32)
        for first, spots in self._places:
            uv[first : first + len(spots)] = spots
        return uv


def _pairs(values: Any) -> npt.NDArray[np.float32]:
    try:
        spots = np.array(values, np.float32).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        return np.zeros((0, 2), np.float32)
    return spots if bool(np.isfinite(spots).all()) else np.zeros((0, 2), np.float32)
