"""Numbers in a CityJSON geometry that name nothing: vertices, meanings, materials, textures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Bad(Exception):
    """One geometry cannot be checked; code and text."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code


def check_numbers(boundaries: Any, depth: int, count: int) -> None:
    """Raises `Bad` where vertex numbers lie at another depth or name no vertex."""
    if depth == 0:
        if type(boundaries) is not int:
            raise Bad("bad-structure", "a ring that does not hold vertex numbers")
        if not 0 <= boundaries < count:
            raise Bad("bad-reference", f"vertex {boundaries} of {count}")
        return
    if not isinstance(boundaries, list):
        raise Bad("bad-structure", "boundaries that are not nested as their type says")
    if depth == 1 and boundaries and set(map(type, boundaries)) == {int}:
        low, high = min(boundaries), max(boundaries)
        if low < 0 or high >= count:
            raise Bad("bad-reference", f"vertex {low if low < 0 else high} of {count}")
        return
    for part in boundaries:
        check_numbers(part, depth - 1, count)


def check_semantics(geometry: dict[str, Any]) -> None:
    """Raises `Bad` for values that name no semantic surface."""
    semantics = geometry.get("semantics")
    if not isinstance(semantics, dict):
        return
    surfaces = semantics.get("surfaces")
    count = len(surfaces) if isinstance(surfaces, list) else 0
    for value in _leaves(semantics.get("values")):
        if value is None:
            continue
        if type(value) is not int or not 0 <= value < count:
            raise Bad("bad-reference", f"semantic surface {value} of {count}")


def _leaves(values: Any) -> Iterator[Any]:
    pending = [values]
    while pending:
        here = pending.pop()
        if isinstance(here, list):
            pending.extend(here)
        else:
            yield here


def check_appearance(geometry: dict[str, Any], appearance: Any) -> None:
    """Raises `Bad` for material and texture numbers that name nothing."""
    shelf = appearance if isinstance(appearance, dict) else {}
    materials, textures = len(shelf.get("materials") or []), len(shelf.get("textures") or [])
    corners = len(shelf.get("vertices-texture") or [])
    themes = geometry.get("material")
    for theme in themes.values() if isinstance(themes, dict) else ():
        if not isinstance(theme, dict):
            raise Bad("bad-structure", "a material theme that is none")
        for value in [*_leaves(theme.get("values", theme.get("value")))]:
            if value is not None and (type(value) is not int or not 0 <= value < materials):
                raise Bad("bad-reference", f"material {value} of {materials}")
    themes = geometry.get("texture")
    for theme in themes.values() if isinstance(themes, dict) else ():
        if not isinstance(theme, dict):
            raise Bad("bad-structure", "a texture theme that is none")
        _check_texture(theme.get("values"), geometry.get("boundaries"), textures, corners)


def _check_texture(values: Any, boundaries: Any, textures: int, corners: int) -> None:
    """A ring is (texture, one corner of the picture for each point) or null."""
    if not isinstance(values, list):
        return
    if values and not any(isinstance(part, list) for part in values):
        if all(value is None for value in values):
            return
        if any(type(value) is not int for value in values):
            raise Bad("bad-structure", "a texture number that is no whole number")
        if not 0 <= values[0] < textures:
            raise Bad("bad-reference", f"texture {values[0]} of {textures}")
        for value in values[1:]:
            if not 0 <= value < corners:
                raise Bad("bad-reference", f"texture corner {value} of {corners}")
        if isinstance(boundaries, list) and len(values) != len(boundaries) + 1:
            raise Bad(
                "bad-reference", f"{len(values) - 1} texture corners for {len(boundaries)} points"
            )
        return
    known = boundaries if isinstance(boundaries, list) else []
    if len(values) > len(known) > 0:
        raise Bad("bad-reference", f"textures for {len(values)} parts of {len(known)}")
    for place, part in enumerate(values):
        _check_texture(part, known[place] if place < len(known) else None, textures, corners)
