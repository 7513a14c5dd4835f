"""Triangles cover exactly what the polygons cover, whatever their shape."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.spatial.model import FaceList, Faces
from lamplighter.spatial.triangulate import clip_ears, triangulate

Points = npt.NDArray[np.float64]


def faces_of(*polygons: list[list[tuple[float, float]]], tilt: bool = False) -> Faces:
    """Polygons of 2D rings, laid flat or onto a slope."""
    spots: list[tuple[float, float, float]] = []
    collected = FaceList()
    for number, rings in enumerate(polygons):
        indices = []
        for ring in rings:
            begin = len(spots)
            spots.extend((x, y, 0.5 * x - 0.25 * y if tilt else 0.0) for x, y in ring)
            indices.append(list(range(begin, len(spots))))
        collected.add(indices, number, 0)
    return collected.build(np.array(spots, float).reshape(-1, 3))


def areas(faces: Faces) -> tuple[list[float], npt.NDArray[np.float64]]:
    """Area of each polygon's triangles, and the normals of all triangles."""
    triangles = triangulate(faces)
    spots = faces.vertices[triangles.corners]
    cross = np.cross(spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0])
    total = np.zeros(faces.count)
    np.add.at(total, triangles.face, np.linalg.norm(cross, axis=1) / 2)
    return total.tolist(), cross


SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
ELL = [(0.0, 0.0), (4.0, 0.0), (4.0, 1.0), (1.0, 1.0), (1.0, 4.0), (0.0, 4.0)]
COMB = [
    (0.0, 0.0), (9.0, 0.0), (9.0, 5.0), (8.0, 5.0), (8.0, 1.0), (5.0, 1.0), (5.0, 5.0), (4.0, 5.0),
    (4.0, 1.0), (1.0, 1.0), (1.0, 5.0), (0.0, 5.0),
]  # fmt: skip
HOLE = [(1.0, 1.0), (1.0, 3.0), (3.0, 3.0), (3.0, 1.0)]
KEYHOLE = [
    (0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0), (1.0, 1.0), (1.0, 3.0), (3.0, 3.0),
    (3.0, 1.0), (1.0, 1.0),
]  # fmt: skip


@pytest.mark.parametrize("tilt", [False, True])
@pytest.mark.parametrize(
    ("rings", "area"),
    [([SQUARE], 16), ([ELL], 7), ([COMB], 21), ([SQUARE, HOLE], 12), ([KEYHOLE], 12)],
    ids=["square", "ell", "comb", "hole", "ring that touches itself"],
)
def test_the_area_is_that_of_the_polygon(
    rings: list[list[tuple[float, float]]], area: float, tilt: bool
) -> None:
    factor = math.sqrt(1 + 0.25 + 0.0625) if tilt else 1.0
    total, _ = areas(faces_of(rings, tilt=tilt))
    assert total[0] == pytest.approx(area * factor)


@pytest.mark.parametrize("rings", [[SQUARE], [ELL], [COMB], [SQUARE, HOLE]])
def test_triangles_turn_the_way_their_polygon_turns(rings: list[list[tuple[float, float]]]) -> None:
    up = areas(faces_of(rings))[1][:, 2]
    assert (up > 0).all()
    down = areas(faces_of([ring[::-1] for ring in rings]))[1][:, 2]
    assert (down < 0).all()


def test_many_polygons_keep_their_owners() -> None:
    total, _ = areas(faces_of([SQUARE], [ELL], [SQUARE, HOLE], [COMB], [ELL]))
    assert total == pytest.approx([16, 7, 12, 21, 7])


def test_a_wall_is_triangulated_as_well_as_a_floor() -> None:
    collected = FaceList()
    spots = np.array([[0.0, 5.0, z] for z in range(1)] + [[x, 5.0, z] for x, z in ELL])
    collected.add([list(range(1, 7))], 0, 0)
    total, _ = areas(collected.build(spots))
    assert total[0] == pytest.approx(7)


def test_no_area_gives_nothing_to_worry_about() -> None:
    line = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]
    total, _ = areas(faces_of([line], [SQUARE]))
    assert total == pytest.approx([0, 16])
    assert len(triangulate(FaceList().build(np.zeros((0, 3)))).corners) == 0


def test_a_ring_that_crosses_itself_is_counted_as_odd() -> None:
    bow = [(0.0, 0.0), (4.0, 4.0), (4.0, 0.0), (1.0, 5.0), (-3.0, 2.0)]
    found = triangulate(faces_of([bow]))
    assert found.odd == 1
    assert found.corners.max() < 5


def test_ears_are_clipped_from_any_simple_ring() -> None:
    spots = np.array([(x, y, 0.0) for x, y in COMB])
    for ring in (np.arange(12), np.arange(12)[::-1]):
        found = spots[clip_ears(spots, ring)]
        cross = np.cross(found[:, 1] - found[:, 0], found[:, 2] - found[:, 0])[:, 2]
        assert abs(cross.sum()) / 2 == pytest.approx(21)
        assert np.abs(cross).sum() / 2 == pytest.approx(21)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.2, 5.0), min_size=3, max_size=24), st.floats(0, 6.2))
def test_any_star_shaped_ring_is_covered_once(radii: list[float], turn: float) -> None:
    angles = np.linspace(0, 2 * math.pi, len(radii), endpoint=False) + turn
    ring = [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
    x, y = np.array(ring).T
    want = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    total, _ = areas(faces_of([ring]))
    assert total[0] == pytest.approx(want, rel=1e-6)
