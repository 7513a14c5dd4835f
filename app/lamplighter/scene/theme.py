"""The colours of the 3D city, taken from the design tokens and from nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.resources import resource

Rgb = tuple[int, int, int]

THEMES: Final = ("dark", "light", "sunlight")
FOOT_LIGHT: Final = {"dark": 0.74, "light": 0.86, "sunlight": 0.86}
"""brightness of a wall at its foot"""
GROUND_BLUR_ALPHA: Final = {"dark": 0.46, "light": 0.26, "sunlight": 0.26}
GROUND_SHADOW_ALPHA: Final = {"dark": 0.26, "light": 0.13, "sunlight": 0.13}


def parse_hex(text: str) -> Rgb:
    """`#RRGGBB` as three bytes; ValueError for anything else."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"not a colour: {text!r}")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How a network is drawn: dash lengths in pixels (empty = solid), widths in pixels."""

    dash: tuple[float, ...]
    minor: float
    main: float
    double: bool = False


@dataclass(frozen=True)
class SceneTheme:
    """Every colour the scene uses, as bytes."""

    name: str
    colours: Mapping[str, Rgb]
    """scene roles: background, ground, block, street, park, water, quay, wallLight ..."""
    priorities: tuple[Rgb, Rgb, Rgb, Rgb]
    """fills of priorities 1 to 4"""
    outline_state: Rgb
    hover: Rgb
    scenario: Rgb
    line_strong: Rgb
    lines: Mapping[str, LineStyle]
    behind_alpha: float = 0.26
    foot: float = 0.74
    blur_alpha: float = 0.46
    shadow_alpha: float = 0.26
    stroke_scale: float = 1.0
    text: Rgb = field(default=(232, 234, 237))

    def __getitem__(self, role: str) -> Rgb:
        return self.colours[role]

    def unit(self, role: str) -> tuple[float, float, float]:
        """A scene colour as three numbers 0..1."""
        r, g, b = self.colours[role]
        return r / 255, g / 255, b / 255


def theme_from_tokens(tokens: Mapping[str, Any], name: str) -> SceneTheme:
    """The scene's theme `name` out of the parsed token file; KeyError when it has none."""
    theme = tokens["themes"][name]
    lines = {
        domain: LineStyle(
            tuple(float(v) for v in style["dash"] or ()),
            float(style["minor"]),
            float(style["main"]),
            bool(style.get("double", False)),
        )
        for domain, style in tokens["lines"].items()
        if isinstance(style, Mapping)
    }
    states = theme["state"]
    return SceneTheme(
        name=name,
        colours={role: parse_hex(value) for role, value in theme["scene"].items()},
        priorities=(
            parse_hex(states["critical"]),
            parse_hex(states["high"]),
            parse_hex(states["medium"]),
            parse_hex(states["low"]),
        ),
        outline_state=parse_hex(theme["line"]["outlineState"]),
        hover=parse_hex(theme["text"]["secondary"]),
        scenario=parse_hex(theme["mode"]["scenario"]),
        line_strong=parse_hex(theme["line"]["strong"]),
        lines=lines,
        foot=FOOT_LIGHT[name],
        blur_alpha=GROUND_BLUR_ALPHA[name],
        shadow_alpha=GROUND_SHADOW_ALPHA[name],
        stroke_scale=1.6 if name == "sunlight" else 1.0,
        text=parse_hex(theme["text"]["primary"]),
    )


def load_theme(name: str = "dark") -> SceneTheme:
    """The theme `dark`, `light` or `sunlight` of this installation."""
    tokens = json.loads(resource("themes", "tokens.json").read_text(encoding="utf-8"))
    return theme_from_tokens(tokens, name)


_CIVIDIS: Final = (
    (0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115),
    (138, 134, 120), (165, 156, 116), (195, 179, 105), (225, 204, 85), (254, 232, 56),
)  # fmt: skip
"""ten stops of the colour map cividis (CC0), which keeps its order for every kind of sight"""


def cividis(values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Colours (n, 3) for values 0..1 (n,); values outside are clamped."""
    stops = np.asarray(_CIVIDIS, dtype=np.float64)
    at = np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0) * (len(stops) - 1)
    grid = np.arange(len(stops))
    columns = [np.interp(at, grid, stops[:, k]) for k in range(3)]
    return np.stack(columns, axis=-1).round().astype(np.uint8)
