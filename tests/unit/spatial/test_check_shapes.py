"""Every fault of ISO 19107 is named by its own code, and a sound shape by none."""

from __future__ import annotations

import pytest
from tests.fixtures.solid_shapes import SHAPES, corners, cube, inwards, model

from lamplighter.spatial.checking.check import check_model
from lamplighter.spatial.checking.polygons import Tolerances


def errors(shape: object) -> list[str]:
    return sorted({f.code for f in check_model(shape) if f.severity == "error"})  # type: ignore[arg-type]


@pytest.mark.parametrize("codes", SHAPES)
def test_a_shape_with_one_fault_gets_exactly_its_code(codes: str) -> None:
    assert errors(SHAPES[codes]()) == codes.split()


def test_solids_of_a_multisolid_may_share_space() -> None:
    points = corners() + corners((5, 0, 0))
    shape = model(points, [cube()], [cube(base=8)], kind="MultiSolid")
    assert errors(shape) == []


def test_solids_of_a_composite_that_share_a_face_are_sound() -> None:
    points = corners() + corners((10, 0, 0))
    shape = model(points, [cube()], [cube(base=8)], kind="CompositeSolid")
    assert errors(shape) == []


def test_a_cavity_that_touches_the_wall_in_one_point_leaves_one_room() -> None:
    points = [*corners(), (0, 3, 3), (2, 3, 3), (2, 5, 3), (2, 4, 5)]
    faces = [[8, 9, 10], [8, 11, 9], [9, 11, 10], [10, 11, 8]]
    assert errors(model(points, [cube(), inwards(points, faces)])) == []


def test_points_nearer_than_the_tolerance_are_one() -> None:
    points = corners()
    points.append((10.0, 10.0, 10.0004))
    faces = cube()
    faces[1] = [[4, 5, 8, 7]]
    assert errors(model(points, [faces])) == []
    assert check_model(model(points, [faces]), Tolerances(snap=1e-6)) != []


def test_a_finding_says_which_surface_and_where() -> None:
    found = [f for f in check_model(SHAPES["203"]()) if f.code == "203"]
    assert found[0].object == "B1"
    assert {f.surface for f in found} == {1}
    assert all(f.place is not None and 0 <= f.place[0] <= 10 for f in found)
