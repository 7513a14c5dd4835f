"""Far pictures: fewer triangles, every building still there, in its place and at its height."""

from __future__ import annotations

import numpy as np
from tests.kit.synthetic_district import district, house

from lamplighter.domain.geometry import SURFACES
from lamplighter.spatial import coarse
from lamplighter.spatial.coarse import Shapes, blocks, far_tiles, masses, thinned
from lamplighter.spatial.tiles import cells_of


def shapes(count: int = 300) -> Shapes:
    points, triangles, owner, surface, at, first = [], [], [], [], 0, 0
    for tile in district(count, per_tile=100):
        points.append(tile.points.astype(float))
        triangles.append(tile.triangles.astype(np.int64) + at)
        owner.append(tile.owner.astype(np.int64) + first)
        surface.append(tile.surface)
        at, first = at + len(tile.points), first + len(tile.assets)
    return Shapes(*(np.concatenate(part) for part in (points, triangles, owner, surface)))


def boxes(found: Shapes, owner: int) -> tuple[np.ndarray, np.ndarray]:
    spots = found.points[found.triangles[found.owner == owner]].reshape(-1, 3)
    return spots.min(axis=0), spots.max(axis=0)


def test_every_building_is_one_box_in_its_place() -> None:
    fine = shapes()
    far = blocks(fine)
    assert set(far.owner.tolist()) == set(fine.owner.tolist())
    assert len(far.triangles) == 10 * 300 < len(fine.triangles)
    for owner in range(0, 300, 7):
        (low, high), (was_low, was_high) = boxes(far, owner), boxes(fine, owner)
        assert np.abs(low - was_low).max() < 2.5
        assert np.abs(high - was_high)[:2].max() < 2.5
        assert was_high[2] - 6.5 < high[2] <= was_high[2] + 1e-6


def test_a_turned_house_gets_a_turned_box() -> None:
    points, triangles, surface = house(0, 0, 30, 8, 9, turn=0.52)
    one = Shapes(points, triangles, np.zeros(len(triangles), np.int64), surface.astype(np.uint8))
    far = blocks(one)
    ring = far.points[:4, :2]
    sides = np.sort(np.linalg.norm(np.roll(ring, -1, axis=0) - ring, axis=1))
    assert np.allclose(sides, [8, 8, 30, 30], atol=1.5)


def test_masses_keep_what_stands_where_with_few_triangles() -> None:
    fine = shapes(1200)
    cells = cells_of(fine.points, fine.triangles, fine.owner, 1200)
    far, found = masses(fine, cells)
    assert len(far.triangles) < 0.35 * len(fine.triangles)
    assert set(map(tuple, found.tolist())) == set(map(tuple, cells.tolist()))
    for low, high in ((0, 300), (300, 600)):
        was = fine.points[(fine.points[:, 0] > low) & (fine.points[:, 0] < high)]
        now = far.points[(far.points[:, 0] > low) & (far.points[:, 0] < high)]
        assert abs(np.median(now[:, 2].max()) - was[:, 2].max()) < 25
    assert np.abs(far.points.min(axis=0) - fine.points.min(axis=0)).max() < 50


def test_ground_stays_one_surface_when_it_is_thinned() -> None:
    grid = np.arange(51) * 4.0
    x, y = np.meshgrid(grid, grid)
    points = np.c_[x.ravel(), y.ravel(), np.sin(x.ravel() / 40) * 3]
    corner = np.arange(51 * 51).reshape(51, 51)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    triangles = np.stack((a, b, c, a, c, d), axis=-1).reshape(-1, 3)
    terrain = np.full(len(triangles), SURFACES.index("Terrain"), np.uint8)
    ground = Shapes(points, triangles, np.zeros(len(triangles), np.int64), terrain)
    few = thinned(ground, 20.0)
    assert 50 < len(few.triangles) < len(triangles) / 15
    flat = few.points[few.triangles][:, :, :2]
    one, two = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    area = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).sum() / 2
    assert 0.75 * 200 * 200 < area < 1.05 * 200 * 200
    assert blocks(ground).surface.tolist() == [SURFACES.index("Terrain")] * len(
        blocks(ground).triangles
    )


def test_a_small_file_gets_no_far_tiles_and_a_large_one_two_ranks(monkeypatch) -> None:
    fine = shapes()
    names = [f"B{n}" for n in range(300)]
    cells = cells_of(fine.points, fine.triangles, fine.owner, 300)
    assert not list(far_tiles("k", 1, names, fine, cells))
    monkeypatch.setattr(coarse, "LEAST_TRIANGLES", 100)
    made = list(far_tiles("k", 1, names, fine, cells))
    assert {info.rank for _, info in made} == {1, 2} and all(info.made for _, info in made)
    near = {a for tile, info in made if info.rank == 1 for a in tile.assets}
    assert near == set(names)
    assert {info.cell for _, info in made if info.rank == 2} == set(map(tuple, cells.tolist()))
