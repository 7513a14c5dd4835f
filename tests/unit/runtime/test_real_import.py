"""Real folders through the whole import: counts, parts, licences, a second run, taking back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.testdata import city_data

from lamplighter.runtime.import_alone import import_into
from lamplighter.runtime.layers import list_layers, remove_layer
from lamplighter.runtime.project import create, opened

pytestmark = pytest.mark.data


def test_zurich_comes_in_once_and_goes_without_a_trace(tmp_path: Path) -> None:
    project, folder = tmp_path / "town", city_data("zurich")
    create(project)
    first = import_into(project, [folder], say=lambda text: None)
    counted = {Path(f["file"]).name: sum(f["objects"].values()) for f in first["files"]}
    assert counted == {"zurich-lod2-citygml1.xml": 71, "zurich_subset_lod2.json": 210}
    assert {f["licence"]: f["terms_from"] for f in first["files"]} == {
        "Apache-2.0": "SOURCE.txt",
        "MIT": "SOURCE.txt",
    }
    assert [Path(p["file"]).name for p in first["passed_over"]] == ["SOURCE.txt"]
    second = import_into(project, [folder], say=lambda text: None)
    assert second["already"] == 2
    for layer in list_layers(project):
        remove_layer(project, layer["id"], preview=False)
    with opened(project) as store:
        assert (store.assets(), store.tiles(), store.layers()) == ([], [], [])
    assert not list((project / "cache" / "tiles").glob("*.npz"))


def test_the_tiles_of_a_tileset_are_parts_of_it(tmp_path: Path) -> None:
    project = tmp_path / "town"
    create(project)
    folder = city_data("helsinki_kalasatama", "3dtiles")
    tileset = next(iter(sorted(folder.rglob("tileset.json"))))
    found = import_into(project, [tileset.parent], say=lambda text: None)
    mains = [f for f in found["files"] if not f["part_of"]]
    parts = [f for f in found["files"] if f["part_of"]]
    assert [Path(f["file"]).name for f in mains] == ["tileset.json"]
    assert parts
    assert all(f["format"] == "part of tileset.json" and f["error"] is None for f in parts)
    assert list_layers(project)[0]["name"] == tileset.parent.name
