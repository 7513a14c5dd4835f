"""What may change an asset's look, and how each state is painted.

A `StateTable` lists only the assets that are not normal. Everything else is grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.scene.baking import ROLES, BakedTile, Kind
from lamplighter.scene.theme import Rgb, SceneTheme, cividis

TINT_STEPS: Final = 32


class Mark(IntEnum):
    """The one strongest state of an asset, weakest first."""

    NORMAL = 0
    SCENARIO = 1
    """changed by the scenario"""
    LOSES_SERVICE = 2
    ABNORMAL = 3
    """has an active alarm of `priority`"""
    CAUSE = 4
    """is the probable cause of an incident"""


class Pattern(IntEnum):
    """Pattern over a surface; its number is taken from the alpha byte."""

    NONE = 0
    DOTS_8 = 1
    HATCH_8 = 2
    HATCH_4 = 3
    PLAIN = 4
    """the colour exactly as it is: no texture, no shadow"""
    GHOST = 5
    """every fourth pixel: seen through, without sorting"""
    HIDDEN = 6


@dataclass(frozen=True, slots=True)
class AssetLook:
    """How one asset looks now.

    `priority` 1..4 counts for ABNORMAL and CAUSE. `trust` 0..1, None = not measured at all.
    `tint` 0..1 on the KPI's colour map, None = untinted.
    """

    mark: Mark = Mark.NORMAL
    priority: int = 0
    trust: float | None = 1.0
    tint: float | None = None

    def __post_init__(self) -> None:
        if self.priority not in range(5):
            raise ValueError(f"priority {self.priority} is not 0..4")


NORMAL: Final = AssetLook()
STALE: Final = AssetLook(trust=0.0)


@dataclass(frozen=True)
class StateTable:
    """Looks of all assets that are not normal, by asset id; one frame's worth."""

    looks: Mapping[str, AssetLook] = field(default_factory=dict)
    hide_tint: bool = False
    """lost service beats tint: set while an incident is open"""


_Key = tuple[int, int, int, int]


def look_key(look: AssetLook, hide_tint: bool = False) -> _Key:
    """Looks with the same key are painted alike: (mark, priority, trust step, tint step)."""
    tint = -1
    if look.tint is not None and not hide_tint:
        tint = round(min(max(look.tint, 0.0), 1.0) * (TINT_STEPS - 1))
    coloured = look.mark in (Mark.ABNORMAL, Mark.CAUSE)
    return int(look.mark), look.priority if coloured else 0, trust_step(look.trust), tint


def trust_step(trust: float | None) -> int:
    """0 live, 1 reduced, 2 doubtful, 3 none or stale, 4 not measured."""
    if trust is None:
        return 4
    if trust >= 0.8:
        return 0
    if trust >= 0.5:
        return 1
    return 2 if trust >= 0.2 else 3


NORMAL_KEY: Final = look_key(NORMAL)
_FADE: Final = (0.0, 0.25, 0.50, 0.65, 0.12)
_PATTERN: Final = (Pattern.NONE, Pattern.NONE, Pattern.HATCH_8, Pattern.HATCH_4, Pattern.DOTS_8)


def pattern_alpha(pattern: Pattern) -> int:
    """The alpha byte that asks the shader for this pattern; 255 draws none."""
    return 255 - 32 * int(pattern)


def clay(baked: BakedTile, theme: SceneTheme) -> npt.NDArray[np.uint8]:
    """The quiet colours of a tile, (n, 4) uint8."""
    table = np.array([theme[role] for role in ROLES], dtype=np.float32)
    foot = theme.foot + (1.0 - theme.foot) * baked.shade.astype(np.float32) / 255.0
    light = foot * (baked.slope.astype(np.float32) / 255.0)
    out = np.full((len(baked.points), 4), 255, dtype=np.uint8)
    out[:, :3] = np.clip(np.rint(table[baked.kind] * light[:, None]), 0, 255)
    return out


def form_light(baked: BakedTile, theme: SceneTheme) -> npt.NDArray[np.float32]:
    """How light each point (n,) is beside a flat roof: gives form to things of other colours."""
    quiet = clay(baked, theme)[:, :3].astype(np.float32).mean(axis=1)
    light = np.clip(quiet / max(float(np.mean(theme["roof"])), 1.0), 0.4, 1.1)
    return np.asarray(light, dtype=np.float32)


def paint(
    base: npt.NDArray[np.uint8], kind: npt.NDArray[np.uint8], key: _Key, theme: SceneTheme
) -> npt.NDArray[np.uint8]:
    """Colours (n, 4) of points whose quiet colours and kinds are given, in the look `key`."""
    mark, priority, trust, tint = key
    rgb = base[:, :3].astype(np.float32)
    roof = kind >= Kind.ROOF
    if tint >= 0:
        rgb = _mixed(rgb, cividis(tint / (TINT_STEPS - 1)).tolist(), np.where(roof, 0.85, 0.6))
    if mark == Mark.LOSES_SERVICE:
        rgb = _mixed(rgb, theme.priorities[0], np.where(roof, 0.30, 0.07))
    elif mark == Mark.SCENARIO:
        rgb = _mixed(rgb, theme.scenario, np.where(roof, 0.55, 0.25))
    if mark in (Mark.ABNORMAL, Mark.CAUSE):
        rgb[:] = theme.priorities[max(priority, 1) - 1]
    elif trust:
        rgb = _mixed(rgb, theme["staleFade"], np.full(len(rgb), _FADE[trust]))
    out = np.empty_like(base)
    out[:, :3] = np.clip(np.rint(rgb), 0, 255)
    pattern = _PATTERN[trust]
    if pattern == Pattern.NONE and (tint >= 0 or mark in (Mark.ABNORMAL, Mark.CAUSE)):
        pattern = Pattern.PLAIN
    out[:, 3] = pattern_alpha(pattern)
    return out


def line_colour(quiet: Rgb, key: _Key, theme: SceneTheme) -> Rgb:
    """Colour of a network line in the look `key`."""
    mark, priority, trust, tint = key
    rgb = np.array(quiet, dtype=np.float32)
    if tint >= 0:
        rgb = cividis(tint / (TINT_STEPS - 1)).astype(np.float32)
    if mark == Mark.LOSES_SERVICE:
        rgb = np.array(theme.priorities[0], dtype=np.float32)
    elif mark == Mark.SCENARIO:
        rgb = np.array(theme.scenario, dtype=np.float32)
    elif mark in (Mark.ABNORMAL, Mark.CAUSE):
        rgb = np.array(theme.priorities[max(priority, 1) - 1], dtype=np.float32)
    elif trust:
        rgb += (np.array(theme["staleFade"], dtype=np.float32) - rgb) * _FADE[trust]
    r, g, b = (int(v) for v in np.rint(rgb))
    return r, g, b


def _mixed(
    rgb: npt.NDArray[np.float32], towards: Rgb | list[int], share: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    goal = np.array(towards, dtype=np.float32)
    return rgb + (goal - rgb) * share[:, None].astype(np.float32)
