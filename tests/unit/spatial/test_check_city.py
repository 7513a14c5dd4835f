"""What contradicts itself across a city: places, bindings, parents, heights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.domain.layers import Layer
from lamplighter.spatial.checking.city import check_city
from lamplighter.spatial.checking.task import CityToCheck
from lamplighter.spatial.tiles import described, save


def asset(name: str, **more: object) -> Asset:
    known = {"x": 0.0, "y": 0.0, "z": 0.0, "layer": "L"} | more
    return Asset(name, "Sensor", name, "city", **known)  # type: ignore[arg-type]


def city(tmp_path: Path, assets: list[Asset], **more: object) -> CityToCheck:
    ground = TileArrays(
        "ground.npz",
        ("T",),
        np.array([(-100, -100, 5), (100, -100, 5), (0, 200, 5)], np.float32),
        np.array([(0, 1, 2)], np.int32),
        np.zeros(1, np.int32),
        np.array([SURFACES.index("Terrain")], np.uint8),
    )
    save(ground, tmp_path)
    layer = Layer("L", "L", "model", crs="EPSG:28992", tiles=(described(ground, (0, 0), 0),))
    known = {
        "layers": [layer],
        "sources": {},
        "epsg": {},
        "assets": assets,
        "datastreams": [],
        "edges": [],
        "repairs": [],
        "frame": Frame(28992, 85_000.0, 446_000.0),
        "tiles_folder": str(tmp_path),
    }
    return CityToCheck(**(known | more))  # type: ignore[arg-type]


def codes(found: object) -> dict[str, str]:
    return {f.object: f.code for f in found}  # type: ignore[attr-defined]


def test_a_sensor_far_above_or_below_the_ground_is_named_with_the_height_to_set(
    tmp_path: Path,
) -> None:
    assets = [asset("good", z=6.0), asset("high", z=80.0), asset("low", z=-40.0)]
    streams = [Datastream(k, "s", a.id, asset=a.id) for k, a in enumerate(assets)]
    found = check_city(city(tmp_path, assets, datastreams=streams))
    assert codes(found) == {"high": "sensor-in-the-air", "low": "sensor-under-ground"}
    assert all(f.fixable and float(f.value) == 5.0 for f in found)


def test_bindings_connections_and_parents_that_name_nothing_are_named(tmp_path: Path) -> None:
    assets = [asset("a", parent="gone", z=5.0)]
    found = check_city(
        city(
            tmp_path,
            assets,
            datastreams=[Datastream(1, "s", "v", asset="nobody")],
            edges=[Edge("a", "feeds", "nothing", "project")],
        )
    )
    assert codes(found) == {
        "a": "missing-parent", "nobody": "unbound-datastream", "nothing": "lost-edge",
    }  # fmt: skip


def test_what_lies_far_from_everything_else_is_in_the_wrong_place(tmp_path: Path) -> None:
    assets = [asset(f"a{k}", x=float(k), z=5.0) for k in range(20)] + [asset("far", x=9e5)]
    assert codes(check_city(city(tmp_path, assets))) == {"far": "wrong-place"}
