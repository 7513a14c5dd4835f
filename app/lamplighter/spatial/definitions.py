"""Systems that a file describes in full, as simulators do, instead of naming one."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from lamplighter.spatial.model import SourceModel

_DEFINITION: Final = re.compile(r"(?:\s*\+[a-z_0-9]+(?:=[A-Za-z0-9_.,:@-]+)?)+\s*")
_FILES: Final = re.compile(r"\+(?:init|file|geoidgrids|grids|pipeline|step|nadgrids=(?!@null))\b")
"""definitions that would make PROJ look for files"""


def by_definition(model: SourceModel, text: str) -> None:
    """Move all places to degrees by the PROJ definition `text`; a warning where it cannot be."""
    import pyproj

    if len(text) > 500 or not _DEFINITION.fullmatch(text) or _FILES.search(text):
        return
    try:
        own = pyproj.CRS.from_proj4(text)
        move = pyproj.Transformer.from_crs(own, 4326, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        model.warnings.append(f"its projection cannot be used: {str(error)[:150]}")
        return

    def moved(spots: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
        rows = np.array(spots, float).reshape(-1, 3)
        lon, lat = move.transform(rows[:, 0], rows[:, 1], errcheck=False)
        columns = zip(lon.tolist(), lat.tolist(), rows[:, 2].tolist(), strict=True)
        return [(x, y, z) for x, y, z in columns]

    for feature in model.features:
        if feature.at is not None:
            feature.at = moved([feature.at])[0]
        if feature.path:
            feature.path = moved(feature.path)
    model.crs_text = "EPSG:4326"
    model.warnings.append(f"moved to degrees by the projection it describes: {text[:150]}")
