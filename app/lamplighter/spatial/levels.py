"""The levels of detail of a file, each as a complete picture of all its objects.

A picture of level L shows every object in its own best level up to L, or in its coarsest one where
all are finer; so a view may switch the level of a tile without losing an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lamplighter.spatial.model import Faces, Feature, without_coarse_parents


def levels(faces: Faces, features: list[Feature]) -> Iterator[tuple[float, Faces]]:
    """(level of detail, polygons), the finest first; one picture when there is but one level."""
    if faces.lod is None:
        yield 0.0, faces
        return
    wanted: Sequence[int] = np.unique(faces.lod)[::-1].tolist()
    for lod in wanted:
        chosen = _best(faces, lod, len(features))
        level = faces.keep(faces.lod == chosen[faces.owner])
        level = without_coarse_parents(level, features, (chosen / 10.0).tolist())
        yield lod / 10.0, level


def _best(faces: Faces, lod: int, count: int) -> np.ndarray:
    """For each owner its highest level up to `lod`, else its lowest; -1 without polygons."""
    assert faces.lod is not None
    level = faces.lod.astype(np.int64)
    best = np.full(count, -1, np.int64)
    below = level <= lod
    np.maximum.at(best, faces.owner[below], level[below])
    lowest = np.full(count, 1_000, np.int64)
    np.minimum.at(lowest, faces.owner, level)
    return np.where((best < 0) & (lowest < 1_000), lowest, best)
