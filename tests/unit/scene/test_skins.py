"""Meshes with pictures and colours, clouds and drapes; states and picks go through them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.kit.synthetic_district import district, house, tile

from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import bake
from lamplighter.scene.shot import OffScreen
from lamplighter.scene.skin import decoded
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.scene.theme import load_theme

SIZE = (480, 300)
POSE = cam.Pose((0.0, 0.0, 5.0), 150.0)


def sheet(kind: str, height: float, name: str, **more: object) -> TileArrays:
    """A square of 80 m over the origin that belongs to the asset `capture`."""
    points = np.array([[-40, -40, height], [40, -40, height], [40, 40, height], [-40, 40, height]])
    surface = SURFACES.index("Terrain" if kind == "terrain" else "Unknown")
    return TileArrays(
        name, ("capture",), points.astype(np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        np.zeros(2, np.int32), np.full(2, surface, np.uint8), kind=kind, **more,
    )  # fmt: skip


def halves() -> bytes:
    """A picture: lower half red, upper half blue."""
    rows = np.zeros((64, 64, 3), np.uint8)
    rows[:32], rows[32:] = (30, 30, 230), (230, 30, 30)
    out = io.BytesIO()
    Image.fromarray(rows).save(out, "PNG")
    return out.getvalue()


def houses() -> TileArrays:
    return tile("model", [house(x, 0.0, 20, 20, 10) for x in (-30.0, 0.0, 30.0)])


@pytest.fixture
def view():
    with OffScreen(load_theme("dark"), SIZE) as made:
        yield made


def hue(pixels: np.ndarray, channel: int, over: int = 25) -> np.ndarray:
    wide = pixels.astype(int)
    rest = [c for c in range(3) if c != channel]
    return (wide[..., channel] - wide[..., rest].max(axis=-1)) > over


UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)


def test_a_picture_lies_the_right_way_up_and_is_calm(view) -> None:
    view.scene.add_baked(bake(sheet("mesh", 0.0, "m", uv=UV, image=halves())))
    view.scene.move(cam.Pose((0, 0, 0), 200.0, plan=True))
    pixels = view.pixels()
    red, blue = hue(pixels, 0), hue(pixels, 2)
    assert red.sum() > 2000 and blue.sum() > 2000
    assert np.nonzero(red)[0].mean() > np.nonzero(blue)[0].mean()  # red lies south
    strong = pixels.astype(int).max(axis=2) - pixels.astype(int).min(axis=2)
    assert strong.max() < 120  # the picture itself has 200


def test_points_and_corners_may_bring_their_own_colours(view) -> None:
    green = np.tile(np.array([20, 200, 20], np.uint8), (4, 1))
    view.scene.add_baked(bake(sheet("mesh", 0.0, "m", colours=green)))
    rng = np.random.default_rng(0)
    spots = rng.uniform(-40, 40, (4000, 3)).astype(np.float32)
    spots[:, 2] = 20.0
    cloud = TileArrays(
        "c", ("scan",), spots, np.zeros((0, 3), np.int32), np.zeros(0, np.int32),
        np.zeros(0, np.uint8), kind="cloud",
        colours=np.tile(np.array([220, 30, 30], np.uint8), (4000, 1)),
    )  # fmt: skip
    view.scene.move(POSE)
    seen = view.pixels().astype(int)
    surplus = seen[:, :, 1] - np.maximum(seen[:, :, 0], seen[:, :, 2])
    assert (surplus > 5).sum() > 3000
    assert surplus.max() < 40, "a whole surface in one colour is nearly grey, unlike a state"
    view.scene.add_baked(bake(cloud))
    view.scene.move(POSE)
    assert hue(view.pixels(), 0).sum() > 1500


def test_a_damaged_picture_leaves_clay_and_no_fault(view) -> None:
    assert decoded(b"\x89PNG nothing") is None and decoded(halves()[:60]) is None
    view.scene.add_baked(bake(sheet("mesh", 0.0, "m", uv=UV, image=b"\x89PNG nothing")))
    view.scene.move(POSE)
    pixels = view.pixels().astype(int)
    assert (pixels.max(axis=2) - pixels.min(axis=2)).max() < 30


def test_one_picks_through_a_mesh_to_the_building_and_beside_it_the_mesh(view) -> None:
    scene = view.scene
    scene.add_baked(bake(houses()))
    scene.add_baked(bake(sheet("mesh", 12.0, "m")))
    scene.move(cam.Pose((0.0, 0.0, 5.0), 200.0, plan=True))
    x, y = scene.projection(*SIZE).to_pixels([(0.0, 0.0, 12.0)])[0][0]
    hit = scene.hit(x, y, *SIZE)
    assert hit.asset == "B1" and hit.kind == "mesh" and hit.surface == "RoofSurface"
    assert hit.place[2] == pytest.approx(12.0, abs=0.01)
    x, y = scene.projection(*SIZE).to_pixels([(0.0, 32.0, 12.0)])[0][0]
    assert scene.pick(x, y, *SIZE) == "capture"


def test_a_mesh_that_knows_the_id_of_the_model_speaks_for_itself(view) -> None:
    scene = view.scene
    scene.add_baked(bake(houses()))
    scene.add_baked(bake(replace(sheet("mesh", 14.0, "m"), assets=("B2",))))
    scene.move(cam.Pose((0.0, 0.0, 5.0), 200.0, plan=True))
    x, y = scene.projection(*SIZE).to_pixels([(-30.0, 0.0, 14.0)])[0][0]
    assert scene.pick(x, y, *SIZE) == "B2"


def test_one_picks_through_a_cloud_and_a_terrain(view) -> None:
    scene = view.scene
    scene.add_baked(bake(houses()))
    rng = np.random.default_rng(0)
    spots = np.c_[rng.uniform(-9, 9, (3000, 2)), rng.uniform(10.5, 11.0, 3000)]
    cloud = TileArrays(
        "c", ("scan",), spots.astype(np.float32), np.zeros((0, 3), np.int32),
        np.zeros(0, np.int32), np.zeros(0, np.uint8), kind="cloud",
        colours=np.zeros((3000, 3), np.uint8),
    )  # fmt: skip
    scene.add_baked(bake(cloud))
    scene.add_baked(bake(sheet("terrain", 0.5, "t")))
    scene.move(cam.Pose((0.0, 0.0, 5.0), 200.0, plan=True))
    at = scene.projection(*SIZE).to_pixels([(0.0, 0.0, 11.0), (30.0, 0.0, 10.0), (0.0, 35, 0.5)])[0]
    hits = [scene.hit(x, y, *SIZE) for x, y in at]
    assert [h.asset for h in hits] == ["B1", "B2", "capture"]
    assert hits[0].kind == "cloud" and hits[1].kind == "model" and hits[2].surface == "Terrain"


def test_a_state_is_seen_through_the_mesh_that_covers_it(view) -> None:
    scene = view.scene
    scene.add_baked(bake(houses()))
    scene.add_baked(bake(sheet("mesh", 12.0, "m", uv=UV, image=halves())))
    scene.move(POSE)
    critical = scene.theme.priorities[0]
    near = lambda p: int((np.abs(p.astype(int) - critical).max(axis=2) <= 3).sum())  # noqa: E731
    assert near(view.pixels()) == 0
    scene.set_states(StateTable({"B1": AssetLook(Mark.ABNORMAL, 1)}))
    assert near(view.pixels()) > 300
    scene.set_states(StateTable({"capture": AssetLook(Mark.ABNORMAL, 1)}))
    assert near(view.pixels()) > 3000  # exactly, without the picture in it


def test_the_district_is_still_drawn_under_a_far_terrain(view) -> None:
    for part in district(60, per_tile=60):
        view.scene.add_baked(bake(part))
    view.scene.add_baked(bake(sheet("imagery", -0.2, "i", uv=UV, image=halves())))
    view.scene.move(POSE)
    pixels = view.pixels()
    assert hue(pixels, 0, 15).sum() + hue(pixels, 2, 15).sum() > 200
    assert not hue(pixels, 0, 15).all()
