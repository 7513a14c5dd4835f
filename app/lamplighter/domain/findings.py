"""What a check of the city found; the keys others script against."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing that is wrong, where, and whether the program can mend it."""

    code: str
    """number of ISO 19107 (101 to 904) or a word, e.g. duplicate-id"""
    severity: str
    """error | warning | note"""
    object: str
    """id of the object; empty for a whole file"""
    message: str
    name: str = ""
    """name of a numbered code, e.g. SHELL_NOT_CLOSED"""
    place: tuple[float, float, float] | None = None
    """in the coordinates of the file; local metres once it belongs to a project"""
    surface: int = -1
    """number of the surface in its geometry; -1 for none"""
    geometry: int = -1
    """number of the geometry in its object; -1 for none"""
    fixable: bool = False
    fixed: bool = False
    lon: float | None = None
    lat: float | None = None
    layer: str = ""
    """layer of the project it belongs to"""

    @property
    def key(self) -> str:
        """The same for the same finding in a later check."""
        return "\x1f".join(
            (self.layer, self.object, self.code, str(self.geometry), str(self.surface))
        )
