"""Where badges and labels over the 3D city go, so that none hides another. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

MERGE_PX: Final = 18.0
MOST_LABELS: Final = 12
GLYPH_PX: Final = 22
_GAP: Final = 6.0
_OFFSETS: Final = (
    (0.0, -44.0), (70.0, -44.0), (-70.0, -44.0), (0.0, -84.0), (110.0, -70.0), (-110.0, -70.0),
    (0.0, -124.0), (130.0, -20.0), (-130.0, -20.0), (0.0, 44.0), (150.0, -110.0), (-150.0, -110.0),
    (0.0, 84.0), (0.0, -168.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Badge:
    """Something to mark over the city.

    `priority` 1..4, 0 = no glyph. A `title` asks for a label; without one there is a glyph only.
    `letter` (H, S) is a place that keeps its mark through any incident.
    """

    asset: str
    priority: int = 0
    state: str = "ACKED"
    title: str = ""
    text: str = ""
    letter: str = ""
    dashed: bool = False
    """about an area that is not live; its label stays at the edge when the area is out of sight"""


@dataclass(frozen=True, slots=True)
class Spot:
    """A badge with its place on the screen and the size its label would need (pixels)."""

    badge: Badge
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A drawn badge: its anchor, its box (left, top, width, height) and how many it stands for."""

    badge: Badge
    x: float
    y: float
    box: tuple[float, float, float, float]
    label: bool
    count: int = 1


Box = tuple[float, float, float, float]


def overlap(a: Box, b: Box, gap: float = 0.0) -> bool:
    """Whether two boxes come closer than `gap`."""
    return (
        a[0] < b[0] + b[2] + gap
        and b[0] < a[0] + a[2] + gap
        and a[1] < b[1] + b[3] + gap
        and b[1] < a[1] + a[3] + gap
    )


def _urgency(spot: Spot) -> tuple[int, int, float, float, str]:
    priority = 1 if spot.badge.dashed else spot.badge.priority or 9
    return 0 if spot.badge.title else 1, priority, spot.y, spot.x, spot.badge.asset


def lay_out(
    spots: Sequence[Spot],
    width: float,
    height: float,
    taken: Sequence[Box] = (),
    selected: str = "",
) -> list[Placed]:
    """Labels first (at most 12, the selected asset's always among them), then merged glyphs.

    A label that finds no free place becomes a glyph; one off the picture is left out.
    """
    spots = [_held(s, width, height) for s in spots]
    seen = [s for s in spots if -40 <= s.x <= width + 40 and -40 <= s.y <= height + 40]
    order = sorted(seen, key=lambda s: (s.badge.asset != selected, *_urgency(s)))
    blocked = list(taken)
    labels: list[Placed] = []
    glyphs: list[Spot] = []
    for spot in order:
        box = None
        if spot.badge.title and len(labels) < MOST_LABELS:
            box = _free_place(spot, width, height, blocked)
        if box is None:
            glyphs.append(spot)
            continue
        blocked.append(box)
        labels.append(Placed(spot.badge, spot.x, spot.y, box, True))
    marks = merged([s for s in glyphs if s.badge.priority or s.badge.letter])
    return labels + [_beside(one, taken, width) for one in marks]


def _held(spot: Spot, width: float, height: float) -> Spot:
    if not spot.badge.dashed:
        return spot
    x, y = min(max(spot.x, 12.0), width - 12.0), min(max(spot.y, 12.0), height - 12.0)
    return replace(spot, x=x, y=y)


def _beside(one: Placed, taken: Sequence[Box], width: float) -> Placed:
    """A glyph under the legend, path or scale moves above or below it; its leader shows where."""
    left, top, wide, tall = one.box
    for other in taken:
        if overlap((left, top, wide, tall), other):
            above = other[1] - tall - 4.0
            top = above if above > 4.0 else other[1] + other[3] + 4.0
            left = min(max(left, 4.0), width - wide - 4.0)
    return one if top == one.box[1] else replace(one, box=(left, top, wide, tall))


def _free_place(spot: Spot, width: float, height: float, blocked: Sequence[Box]) -> Box | None:
    for dx, dy in _OFFSETS:
        left = spot.x + dx - spot.width / 2
        top = spot.y + dy - spot.height / 2
        left = min(max(left, 8.0), width - spot.width - 8.0)
        top = min(max(top, 8.0), height - spot.height - 8.0)
        box = (left, top, spot.width, spot.height)
        own = (spot.x - 4, spot.y - 4, 8.0, 8.0)
        if overlap(box, own) or any(overlap(box, other, _GAP) for other in blocked):
            continue
        return box
    return None


def merged(spots: Sequence[Spot]) -> list[Placed]:
    """Glyphs closer than 18 px become one, the most urgent's, with a count."""
    out: list[Placed] = []
    half = GLYPH_PX / 2
    for spot in sorted(spots, key=_urgency):
        for number, one in enumerate(out):
            if abs(one.x - spot.x) < MERGE_PX and abs(one.y - spot.y) < MERGE_PX:
                out[number] = replace(one, count=one.count + 1)
                break
        else:
            box = (spot.x - half, spot.y - half, float(GLYPH_PX), float(GLYPH_PX))
            out.append(Placed(spot.badge, spot.x, spot.y, box, False))
    return out
