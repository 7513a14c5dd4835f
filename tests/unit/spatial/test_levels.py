"""Every level of detail is a whole picture: nothing vanishes when the level changes."""

from __future__ import annotations

import numpy as np

from lamplighter.spatial.levels import levels
from lamplighter.spatial.model import FaceList, Faces, Feature


def city(*faces: tuple[int, int]) -> tuple[Faces, list[Feature]]:
    """One triangle for each (owner, ten times the level)."""
    collected = FaceList()
    for place, (owner, lod) in enumerate(faces):
        collected.add([[3 * place, 3 * place + 1, 3 * place + 2]], owner, 0, lod)
    vertices = np.arange(len(faces) * 9, dtype=float).reshape(-1, 3)
    owners = {owner for owner, _ in faces}
    return collected.build(vertices), [Feature(f"o{k}", "Building") for k in range(max(owners) + 1)]


def test_a_file_without_levels_is_one_picture() -> None:
    faces, features = city((0, 0), (1, 0))
    assert [(lod, level.count) for lod, level in levels(faces, features)] == [(0.0, 2)]


def test_the_finest_comes_first_and_each_object_shows_its_best() -> None:
    faces, features = city((0, 10), (0, 22), (1, 10), (2, 30))
    found = {lod: level.owner.tolist() for lod, level in levels(faces, features)}
    assert next(iter(found)) == 3.0
    assert all(sorted(owners) == [0, 1, 2] for owners in found.values())


def test_a_coarse_level_shows_the_coarse_faces() -> None:
    faces, features = city((0, 10), (0, 22), (0, 22), (1, 10))
    (fine_lod, fine), (coarse_lod, coarse) = levels(faces, features)
    assert (fine_lod, fine.count, coarse_lod, coarse.count) == (2.2, 3, 1.0, 2)


def test_a_block_does_not_hide_its_finer_parts() -> None:
    faces, _ = city((0, 10), (1, 20))
    features = [Feature("b", "Building"), Feature("p", "BuildingPart", parent="b")]
    first = next(iter(levels(faces, features)))
    assert first[1].owner.tolist() == [1]
