"""Textures of CityGML: which picture a ring wears, and where its corners lie in it.

Appearances may stand before or after the geometry they name, so what they say is kept by the id
of the ring until the whole file has been read.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.spatial import gml
from lamplighter.spatial.textures import Pictures

Spots = npt.NDArray[np.float32]
_UNDRAWN: Final = {"GeoreferencedTexture": "are laid on by a world file"}


class RingPlace:
    """A ring with an id: its vertices `first` to `first + count`, and its polygon `face`."""

    __slots__ = ("count", "face", "first", "outside", "turned")

    def __init__(self, first: int, count: int, face: int, outside: bool, turned: bool) -> None:
        self.first, self.count, self.face = first, count, face
        self.outside, self.turned = outside, turned


class Wardrobe:
    """Collects what appearances say; `dress` gives pictures and places for the faces."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._worn: dict[str, tuple[int, Spots]] = {}
        self._unread = 0
        self._undrawn: Counter[str] = Counter()

    def take(self, element: Any) -> None:
        """An appearance element with all its textures; materials are no part of the drawing."""
        for texture in element.iter():
            kind = gml.local(texture)
            if kind == "ParameterizedTexture":
                self._texture(texture)
            elif kind in _UNDRAWN:
                self._undrawn[kind] += 1

    def _texture(self, texture: Any) -> None:
        image = -1
        lists = []
        for part in texture.iter():
            name = gml.local(part)
            if name == "imageURI" and image < 0:
                image = self._pictures.number((part.text or "").strip())
            elif name == "TexCoordList":
                lists.append(part)
            elif name == "TexCoordGen":
                self._undrawn["TexCoordGen"] += 1
        if image >= 0:
            for one in lists:
                self._coordinates(one, image)

    def _coordinates(self, element: Any, image: int) -> None:
        """`ring` is an attribute up to version 2.0 and an element beside it in 3.0."""
        waiting: list[Spots] = []
        for part in element:
            name = gml.local(part)
            if name == "textureCoordinates":
                spots = self._spots(part.text or "")
                ring = (part.get("ring") or "").removeprefix("#")
                if spots is None:
                    self._unread += 1
                elif ring:
                    self._worn.setdefault(ring, (image, spots))
                else:
                    waiting.append(spots)
            elif name == "ring" and waiting:
                ring = ((part.text or "").strip() or gml.href(part)).removeprefix("#")
                self._worn.setdefault(ring, (image, waiting.pop(0)))

    def _spots(self, text: str) -> Spots | None:
        try:
            values = np.array(text.split(), np.float32)
        except ValueError:
            return None
        if len(values) % 2 or not np.isfinite(values).all():
            return None
        return values.reshape(-1, 2)

    def dress(
        self, rings: dict[str, list[RingPlace]], faces: int, vertices: int
    ) -> tuple[npt.NDArray[np.int32], Spots] | None:
        """Picture (faces,) of each polygon and place (vertices, 2) of each corner, or nothing."""
        image = np.full(faces, -1, np.int32)
        uv = np.zeros((vertices, 2), np.float32)
        for name, (picture, spots) in self._worn.items():
            for place in rings.get(name, ()):
                if len(spots) < place.count:
                    self._unread += 1
                    continue
                corners = spots[: place.count]
                last = place.first + place.count
                uv[place.first : last] = corners[::-1] if place.turned else corners
                if place.outside:
                    image[place.face] = picture
        return (image, uv) if bool((image >= 0).any()) else None

    def warnings(self) -> list[str]:
        told = self._pictures.warnings()
        if self._unread:
            told.append(
                f"{self._unread} texture coordinates do not fit their rings; these stay plain"
            )
        for kind, count in sorted(self._undrawn.items()):
            why = _UNDRAWN.get(kind, "are projected by a matrix")
            told.append(f"{count} textures {why}; their faces keep plain colours")
        return told
