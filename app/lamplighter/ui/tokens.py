"""The design tokens as frozen, checked values: the only source of colours and sizes."""

from __future__ import annotations

from typing import Final

import msgspec

from lamplighter.domain.resources import resource

THEMES: Final = ("dark", "light", "sunlight")


class TypeRole(msgspec.Struct, frozen=True):
    """Size and line height in logical pixels at 100 %, weight 100-900."""

    size: int
    line: int
    weight: int


class Stroke(msgspec.Struct, frozen=True, rename="camel"):
    """Line widths in logical pixels; never scaled."""

    hair: float
    graphic: float
    strong: float
    trace_selected: float
    trace: float
    glyph_outline: float
    focus: float
    selection3d: float
    mode_border: float


class Glyph(msgspec.Struct, frozen=True):
    priority: int
    shape: str
    path: str


ColourGroups = dict[str, dict[str, str | float]]


class Tokens(msgspec.Struct, frozen=True):
    """The whole file, as far as the window uses it."""

    version: str
    font: dict[str, object]
    type: dict[str, TypeRole]
    stroke: Stroke
    themes: dict[str, ColourGroups]
    glyphs: dict[str, object]
    sunlight_overrides: dict[str, dict[str, float]] = msgspec.field(name="sunlightOverrides")

    def glyph(self, priority: int) -> Glyph:
        """The glyph of priority 1..4."""
        name = ("critical", "high", "medium", "low")[priority - 1]
        return msgspec.convert(self.glyphs[name], Glyph)


def load() -> Tokens:
    """Raises msgspec.ValidationError when the file does not fit, ValueError when a theme lacks
    a colour that another one has."""
    tokens = msgspec.json.decode(resource("themes", "tokens.json").read_bytes(), type=Tokens)
    shapes = {name: {g: set(v) for g, v in t.items()} for name, t in tokens.themes.items()}
    if set(shapes) != set(THEMES) or any(shapes[n] != shapes["dark"] for n in THEMES):
        raise ValueError("the themes do not name the same colours")
    return tokens
