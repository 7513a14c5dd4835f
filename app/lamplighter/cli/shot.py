"""The picture of a project's twin, drawn off screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamplighter.cli.output import say
from lamplighter.domain.problems import fault
from lamplighter.domain.tile_file import read_tile
from lamplighter.runtime.project import city_for_drawing
from lamplighter.runtime.tile_cache import ensure_tiles


def draw(
    project: Path, out: Path, *, size: tuple[int, int], at: str, target: str, theme: str
) -> dict[str, Any]:
    """Draw and write `out`; returns `out`, `seconds`, `triangles`."""
    from lamplighter.scene.shot import shot
    from lamplighter.scene.states import AssetLook, Mark, StateTable
    from lamplighter.scene.theme import load_theme

    ensure_tiles(project, say)
    city = city_for_drawing(project, at)
    if target and target not in {a.id for a in city.assets}:
        raise fault("U-801", what=f"there is no asset {target}", name="shot")
    if theme not in ("dark", "light", "sunlight"):
        raise fault("U-801", what=f"there is no theme {theme}", name="shot")
    looks = {a: AssetLook(Mark.ABNORMAL, priority) for a, priority in city.priorities.items()}
    result = shot(
        (read_tile(tile) for tile in city.tiles if tile.exists()),
        city.assets,
        out=out,
        size=size,
        target=target or None,
        theme=load_theme(theme),
        states=StateTable(looks) if looks else None,
    )
    return {"out": str(out), "seconds": result.seconds, "triangles": result.triangles}
