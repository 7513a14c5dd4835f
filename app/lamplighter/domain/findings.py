"""What a check of the city found, and how it is mended; the keys others script against."""

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
    value: str = ""
    """what a fix would set: a height, a coordinate system, a parent"""

    @property
    def key(self) -> str:
        """The same for the same finding in a later check."""
        return "\x1f".join(
            (self.layer, self.object, self.code, str(self.geometry), str(self.surface))
        )


class Repair(Struct, frozen=True):
    """A fix of one object of one imported file: how to mend it whenever that file is read.

    The file itself is never changed. Taking the fact back undoes the fix.
    """

    layer: str
    content_hash: str
    """the content it was made for; another version of the file is read without it"""
    object: str
    """empty for the whole file"""
    action: str
    """merge | close | rings | triangulate | orient | fill | drop | parent | rename | crs |
    ground"""
    code: str = ""
    """the finding it answers"""
    value: str = ""
    """EPSG:n for crs, the height for ground"""
    made_ms: int = 0

    @property
    def key(self) -> str:
        return "\x1f".join((self.layer, self.content_hash, self.object, self.action))


class CheckResult(Struct):
    """One run of the check."""

    findings: list[Finding] = []
    files: int = 0
    """layers whose file was looked at"""
    objects: int = 0
    unread: list[str] = []
    """layers whose geometry could not be checked, with the reason"""
    repairs: int = 0
    """repairs that stand"""
    seconds: float = 0.0
