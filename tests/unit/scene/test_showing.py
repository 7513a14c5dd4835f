"""Layers, ghosts, isolation, the section box and true shadows: what is drawn is what is picked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.kit.synthetic_district import district

from lamplighter.domain.layers import Layer, LayerView, TileInfo
from lamplighter.domain.sun import sun_position
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import bake
from lamplighter.scene.shot import OffScreen
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.scene.theme import load_theme

SIZE = (480, 300)
POSE = cam.Pose((0.0, 0.0, 0.0), 380.0)


@pytest.fixture
def view():
    with OffScreen(load_theme("dark"), SIZE) as made:
        for part in district(400, per_tile=200):
            made.scene.add_baked(bake(part))
        made.scene.set_ground(made.scene.bake_ground())
        made.scene.move(POSE)
        yield made
        made.scene.close()


def changed(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.abs(a.astype(int) - b.astype(int)).max(axis=2) > 6).mean())


def like(pixels: np.ndarray, rgb: tuple[int, int, int], near: int = 3) -> int:
    return int((np.abs(pixels.astype(int) - rgb).max(axis=2) <= near).sum())


def spots(count: int = 60) -> list[tuple[int, int]]:
    rng = np.random.default_rng(5)
    return list(
        zip(rng.integers(5, 475, count).tolist(), rng.integers(40, 295, count).tolist(),
            strict=True)
    )  # fmt: skip


def picked(view) -> set[str]:
    return {view.scene.pick(x, y, *SIZE) or "" for x, y in spots()}


def test_an_isolated_asset_alone_is_picked_and_the_rest_is_seen_through(view) -> None:
    before = view.pixels()
    chosen = view.scene.pick(240, 150, *SIZE)
    view.scene.isolate([chosen])
    ghosts = view.pixels()
    assert changed(ghosts, before) > 0.2
    assert picked(view) <= {chosen, ""} and view.scene.pick(240, 150, *SIZE) == chosen
    view.scene.isolate([chosen], hide=True)
    alone = view.pixels()
    assert changed(alone, ghosts) > 0.05
    view.scene.isolate(None)
    assert changed(view.pixels(), before) < 0.001


def test_a_ghost_keeps_its_place_in_the_picture_but_lets_the_pick_through(view) -> None:
    front = view.scene.hit(240, 150, *SIZE)
    view.scene.set_ghosted([front.asset])
    behind = view.scene.surface_at(240, 150, *SIZE)
    assert behind is not None and behind.asset != front.asset
    assert behind.distance > front.distance
    view.scene.set_hidden([front.asset])
    view.scene.set_ghosted([])
    assert view.scene.pick(240, 150, *SIZE) != front.asset
    view.scene.set_hidden([])
    assert view.scene.pick(240, 150, *SIZE) == front.asset


def test_the_section_box_cuts_the_picture_and_the_pick_alike(view) -> None:
    before = view.pixels()
    view.scene.set_section(cam.Extent((-60.0, -60.0, -5.0), (60.0, 60.0, 6.0)), 20.0)
    cut = view.pixels()
    background = tuple(round(255 * v) for v in view.scene.theme.unit("background"))
    assert like(cut, background, 1) > 0.4 * cut.shape[0] * cut.shape[1]
    for x, y in spots(120):
        hit = view.scene.surface_at(x, y, *SIZE)
        drawn = np.abs(cut[y, x].astype(int) - background).max() > 1
        if hit is not None:
            assert drawn and hit.place[2] <= 6.01
    view.scene.set_section(None)
    assert changed(view.pixels(), before) < 0.001


def test_the_hit_names_the_surface_and_the_ground_has_a_place(view) -> None:
    hits = [view.scene.surface_at(x, y, *SIZE) for x, y in spots()]
    assert {h.surface for h in hits if h and h.asset} == {"RoofSurface", "WallSurface"}
    ground = [h for h in hits if h and not h.asset]
    assert ground and all(abs(h.place[2]) < 1.0 and h.kind == "ground" for h in ground)


def layered() -> list[Layer]:
    found = []
    for number, tile in enumerate(district(400, per_tile=200)):
        info = TileInfo(tile.name, "model", 2.0, 0, (0, number), (0, 0, 0), (1, 1, 1), 1, 1)
        found.append(Layer(f"L{number}", tile.name, "model", tiles=(info,)))
    return found


def test_layers_are_hidden_ghosted_and_left_to_the_mesh(view) -> None:
    scene, layers = view.scene, layered()
    scene.set_catalogue(layers)
    whole, total = view.pixels(), scene.triangles
    scene.set_layers(LayerView(hidden=frozenset({"L0"})))
    assert scene.triangles < total
    assert all(int(a[1:]) >= 200 for a in picked(view) if a)
    scene.set_layers(LayerView(isolated="L0"))
    assert all(int(a[1:]) < 200 for a in picked(view) if a)
    scene.set_layers(LayerView(reality="mesh"))
    assert scene.triangles == 0 and picked(view) == {""}
    scene.set_layers(LayerView())
    assert changed(view.pixels(), whole) < 0.001


def test_a_chosen_level_of_detail_replaces_the_finest(view) -> None:
    scene = view.scene
    layers = layered()
    coarse = district(400, per_tile=200, seed=8)[0]
    coarse = replace(coarse, name="coarse")
    one = layers[0].tiles[0]
    rough = TileInfo("coarse", "model", 1.0, 1, one.cell, one.low, one.high, 1, 1)
    layers[0] = Layer("L0", "", "model", tiles=(one, rough))
    scene.set_catalogue(layers)
    fine = view.pixels()
    scene.add_baked(bake(coarse))
    assert changed(view.pixels(), fine) < 0.001
    scene.set_layers(LayerView(lod={"L0": 1.0}))
    assert changed(view.pixels(), fine) > 0.01


def test_shadows_agree_with_rays_to_the_sun(view) -> None:
    scene = view.scene
    sun = sun_position(4.47, 51.92, 1_718_867_400_000.0)  # a June morning
    scene.set_shadows(sun.direction())
    assert 0.0 < scene.shadow_metre < 1.0
    rng = np.random.default_rng(2)
    places = np.c_[rng.uniform(-150, 150, (600, 2)), np.full(600, 0.05)]
    way = np.array(scene.shadows.view.way)
    exact, doubtful = [], []
    for place in places:
        around = [
            scene._sight._model.hit(np.add(place, (dx, dy, 0.0)), way) is not None
            for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
        ]
        exact.append(around[0])
        doubtful.append(len(set(around)) > 1)
    said = scene.shadows.shadowed(places)
    clear = ~np.array(doubtful)
    assert clear.sum() > 300 and 0.1 < np.mean(exact) < 0.95
    assert (said == np.array(exact))[clear].mean() > 0.995


def test_shadows_darken_but_never_touch_the_colour_of_a_state(view) -> None:
    scene = view.scene
    plain = view.pixels()
    scene.set_shadows((0.5, -0.4, 0.6))
    shaded = view.pixels()
    darker = shaded.mean(axis=2) < plain.mean(axis=2) - 6
    lighter = shaded.mean(axis=2) > plain.mean(axis=2) + 6
    assert 0.1 < darker.mean() < 0.9 and lighter.mean() < darker.mean()
    chosen = {f"B{n}": AssetLook(Mark.ABNORMAL, 1) for n in range(180, 240)}
    scene.set_states(StateTable(chosen))
    with_sun = like(view.pixels(), scene.theme.priorities[0])
    scene.set_shadows(None)
    without = like(view.pixels(), scene.theme.priorities[0])
    assert without > 500 and with_sun == pytest.approx(without, rel=0.01)
    scene.set_states(StateTable())
    assert changed(view.pixels(), plain) < 0.001
