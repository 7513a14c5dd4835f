"""The picture of a project's twin, drawn off screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamplighter.domain.problems import fault
from lamplighter.runtime.project import city_for_drawing


def draw(
    project: Path, out: Path, *, size: tuple[int, int], at: str, target: str, theme: str
) -> dict[str, Any]:
    """Draw and write `out`; returns `out`, `seconds`, `triangles`."""
    from lamplighter.scene import shot

    city = city_for_drawing(project, at)
    if target and target not in {a.id for a in city.assets}:
        raise fault("U-801", what=f"there is no asset {target}", name="shot")
    result = shot(
        city.tiles,
        city.assets,
        out=out,
        size=size,
        target=target or None,
        theme=theme,
        states=city.states,
    )
    return {"out": str(out), "seconds": result.seconds, "triangles": result.triangles}
