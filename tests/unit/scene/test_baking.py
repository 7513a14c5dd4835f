"""A tile prepared for drawing keeps its geometry, its owners and its edges."""

from __future__ import annotations

import numpy as np
from tests.kit.synthetic_district import district, house, tile

from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.scene.baking import Kind, bake


def test_every_triangle_keeps_its_corners_and_its_owner() -> None:
    source = district(60, per_tile=60)[0]
    baked = bake(source)
    for owner in range(len(source.assets)):
        wanted = source.points[source.triangles[source.owner == owner]]
        begin, end = baked.triangle_start[owner : owner + 2]
        found = baked.points[baked.triangles[begin:end]]
        assert np.array_equal(np.sort(wanted.ravel()), np.sort(found.ravel()))
        low, high = baked.point_start[owner : owner + 2]
        rows = baked.triangles[begin:end]
        assert rows.min() >= low and rows.max() < high


def test_owners_out_of_order_are_sorted() -> None:
    source = district(8, per_tile=8)[0]
    mixed = np.random.default_rng(1).permutation(len(source.triangles))
    other = TileArrays(
        source.name, source.assets, source.points, source.triangles[mixed],
        source.owner[mixed], source.surface[mixed],
    )  # fmt: skip
    assert np.array_equal(bake(other).triangle_start, bake(source).triangle_start)
    assert np.array_equal(bake(other).low, bake(source).low)


def test_walls_have_three_tones_by_facing_and_a_dark_foot() -> None:
    baked = bake(tile("one", [house(0, 0, 20, 20, 30)]))
    walls = baked.kind < Kind.ROOF
    assert {int(k) for k in np.unique(baked.kind)} == {0, 1, 2, 3}
    foot = baked.shade[walls & (baked.points[:, 2] == 0)]
    top = baked.shade[walls & (baked.points[:, 2] == 30)]
    assert foot.max() == 0 and top.min() == 255
    assert baked.shade[baked.kind == Kind.ROOF].min() == 255


def test_a_box_shows_its_edges_and_no_diagonals() -> None:
    baked = bake(tile("one", [house(0, 0, 20, 14, 9)]))
    ends = baked.edge_points[baked.edges]
    lengths = sorted(np.round(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)).tolist())
    assert lengths == [9.0] * 4 + [14.0] * 4 + [20.0] * 4


def test_triangles_outside_the_arrays_are_left_out_and_the_rest_is_drawn() -> None:
    good = district(4, per_tile=4)[0]
    bad = good.triangles.copy()
    bad[0] = (0, 1, 10_000)
    points = good.points.copy()
    points[good.triangles[-1, 0]] = np.nan
    baked = bake(TileArrays("x", good.assets, points, bad, good.owner, good.surface))
    assert 0 < len(baked.triangles) < len(good.triangles)
    assert np.isfinite(baked.points[baked.triangles]).all()


def test_an_empty_tile_is_no_fault() -> None:
    none = np.zeros((0, 3))
    baked = bake(
        TileArrays(
            "none", (), none.astype(np.float32), none.astype(np.int32),
            np.zeros(0, np.int32), np.zeros(0, np.uint8),
        )
    )  # fmt: skip
    assert len(baked.triangles) == len(baked.edges) == 0


def test_named_surfaces_choose_their_kind() -> None:
    flat = np.array([[0, 0, 0], [9, 0, 0], [9, 9, 0]], dtype=np.float32)
    wanted = {
        "Terrain": Kind.GROUND, "Road": Kind.STREET, "Water": Kind.WATER,
        "Vegetation": Kind.TREE, "Bridge": Kind.QUAY, "RoofSurface": Kind.ROOF,
    }  # fmt: skip
    for name, kind in wanted.items():
        baked = bake(
            TileArrays(
                "t", ("A",), flat, np.array([[0, 1, 2]], np.int32), np.zeros(1, np.int32),
                np.array([SURFACES.index(name)], np.uint8),
            )
        )  # fmt: skip
        assert set(baked.kind.tolist()) == {int(kind)}, name
