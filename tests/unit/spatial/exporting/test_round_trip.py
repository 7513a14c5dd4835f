"""What was imported comes out again: ids, types, attributes, levels of detail, meaning, place."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.kit.cityjson_compare import alike, meaning
from tests.kit.exporting import collected, facts_of, imported
from tests.kit.testdata import city_data

from lamplighter.spatial.exporting import cityjson
from lamplighter.spatial.formats import recognise
from lamplighter.spatial.model import Feature, Floats, SourceModel

CUBE = [
    [[0, 3, 2, 1]],
    [[4, 5, 6, 7]],
    [[0, 1, 5, 4]],
    [[1, 2, 6, 5]],
    [[2, 3, 7, 6]],
    [[3, 0, 4, 7]],
]
CORNERS = [[x, y, z] for z in (0, 9000) for x, y in ((0, 0), (8000, 0), (8000, 6000), (0, 6000))]


def document(version: str = "2.0", epsg: int = 28992, **more: Any) -> dict[str, Any]:
    """A block with a part that has a texture, a material, nested attributes and two levels."""
    solid = {
        "type": "Solid",
        "lod": "2",
        "boundaries": [CUBE],
        "semantics": {
            "surfaces": [
                {"type": "GroundSurface"},
                {"type": "RoofSurface", "slope": 4.5},
                {"type": "WallSurface"},
            ],
            "values": [[0, 1, 2, 2, 2, 2]],
        },
        "material": {"day": {"values": [[0, 0, 1, 1, 1, None]]}},
        "texture": {"day": {"values": [[[[0, 0, 1, 2, 3]], *[[[None]]] * 5]]}},
    }
    flat = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3]]]}
    return {
        "type": "CityJSON",
        "version": version,
        "metadata": {"referenceSystem": f"https://www.opengis.net/def/crs/EPSG/0/{epsg}"},
        "transform": {"scale": [0.001] * 3, "translate": [85000.0, 446000.0, 1.0]},
        "CityObjects": {
            "block": {
                "type": "Building",
                "children": ["part"],
                "attributes": {"year": 1920, "owner": {"name": "Jansen", "ids": [1, 2]}},
                "geometry": [flat],
            },
            "part": {
                "type": "BuildingPart",
                "parents": ["block"],
                "attributes": {"flats": 4},
                "geometry": [solid],
                "+noise": {"db": 51.5},
            },
        },
        "vertices": [list(corner) for corner in CORNERS],
        "appearance": {
            "materials": [{"name": "brick"}, {"name": "slate"}],
            "textures": [{"type": "PNG", "image": "front.png"}],
            "vertices-texture": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
        },
        **more,
    }


def written(path: Path, tmp_path: Path, *others: Path) -> dict[str, Any]:
    """The CityJSON that the city of these files is exported to."""
    files = [imported(path, tmp_path)]
    frame = facts_of(files[0]).frame
    files += [imported(other, tmp_path, frame) for other in others]
    out = tmp_path / "out.city.json"
    cityjson.write(collected(facts_of(*files), tmp_path), out, "test")
    found: dict[str, Any] = json.loads(out.read_bytes())
    return found


def save(tmp_path: Path, name: str, content: dict[str, Any]) -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


def test_a_cityjson_file_comes_out_saying_the_same(tmp_path: Path) -> None:
    out = written(save(tmp_path, "a.city.json", document()), tmp_path)
    assert alike(meaning(out), meaning(document()))
    assert out["version"] == "2.0"
    assert out["metadata"]["referenceSystem"].endswith("/28992")


def test_the_comparison_sees_a_moved_corner_and_a_lost_word() -> None:
    for change in (
        lambda d: d["vertices"][4].__setitem__(2, 9002),
        lambda d: d["CityObjects"]["part"]["geometry"][0]["semantics"]["values"][0].reverse(),
        lambda d: d["CityObjects"]["block"]["attributes"]["owner"].pop("ids"),
        lambda d: d["appearance"]["vertices-texture"][1].__setitem__(0, 0.5),
    ):
        other = document()
        change(other)
        assert not alike(meaning(other), meaning(document()))


def test_two_files_are_renumbered_into_one(tmp_path: Path) -> None:
    second = document()
    solid = second["CityObjects"]["part"]["geometry"]
    second["CityObjects"] = {"other": {"type": "Building", "geometry": solid}}
    second["transform"]["translate"] = [85100.0, 446050.0, 0.5]
    second["appearance"]["textures"][0]["image"] = "side.png"
    one = save(tmp_path, "a.city.json", document())
    out = written(one, tmp_path, save(tmp_path, "b.city.json", second))
    assert alike(meaning(out), {**meaning(document()), **meaning(second)})


def test_another_coordinate_system_is_moved_to_the_projects(tmp_path: Path) -> None:
    far = document(epsg=7415)  # the same system with heights
    one = save(tmp_path, "a.city.json", document())
    flat = far["CityObjects"]["block"]["geometry"]
    far["CityObjects"] = {"other": {"type": "Building", "geometry": flat}}
    out = written(one, tmp_path, save(tmp_path, "b.city.json", far))
    assert alike(meaning(out)["other"]["geometry"], meaning(far)["other"]["geometry"])


def test_what_a_register_adds_stands_beside_the_models_own_words(tmp_path: Path) -> None:
    facts = facts_of(imported(save(tmp_path, "a.city.json", document()), tmp_path))
    from msgspec.structs import replace

    facts.assets = [
        replace(a, attributes={**a.attributes, "inspected": "2026-05-04"}) for a in facts.assets
    ]
    out = tmp_path / "out.city.json"
    cityjson.write(collected(facts, tmp_path), out, "test")
    found = json.loads(out.read_bytes())["CityObjects"]["block"]["attributes"]
    assert found == {
        "year": 1920,
        "owner": {"name": "Jansen", "ids": [1, 2]},
        "inspected": "2026-05-04",
    }


def test_a_removed_asset_stays_out_and_leaves_no_orphan(tmp_path: Path) -> None:
    facts = facts_of(imported(save(tmp_path, "a.city.json", document()), tmp_path))
    facts.assets = [a for a in facts.assets if a.id != "part"]
    out = tmp_path / "out.city.json"
    assert cityjson.write(collected(facts, tmp_path), out, "test") == 1
    assert "children" not in json.loads(out.read_bytes())["CityObjects"]["block"]


def test_a_lost_original_is_said_and_its_assets_still_come_out(tmp_path: Path) -> None:
    facts = facts_of(imported(save(tmp_path, "a.city.json", document()), tmp_path))
    facts.layers[0] = type(facts.layers[0])(facts.layers[0].layer, "")
    found = collected(facts, tmp_path)
    assert cityjson.write(found, tmp_path / "out.city.json", "test") == 2
    assert "not kept" in found.warnings[0]


def fingerprint(model: SourceModel, vertices: Floats) -> dict[str, Any]:
    """ids, types, parents, attributes, and per object, level and meaning the area of its faces."""
    areas: Counter[tuple[str, int, str]] = Counter()
    faces = model.faces
    if faces is not None:
        from lamplighter.domain.geometry import SURFACES
        from lamplighter.spatial.triangulate import triangulate

        found = triangulate(faces.moved(vertices))
        a, b, c = (vertices[found.corners[:, k]] for k in range(3))
        size = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        for face, area in zip(found.face.tolist(), size.tolist(), strict=True):
            lod = 0 if faces.lod is None else int(faces.lod[face])
            key = (model.features[int(faces.owner[face])].id, lod, SURFACES[faces.surface[face]])
            areas[key] += area
    return {
        "areas": {key: round(area, 1) for key, area in areas.items() if area > 0.05},
        "objects": {f.id: _said(f) for f in model.features},
    }


def _said(feature: Feature) -> tuple[str, str, dict[str, Any]]:
    """Type, parent and attributes; a type CityJSON has no word for stands in an attribute."""
    others = dict(feature.attributes)
    kind = others.pop("asset_type", feature.type)
    return str(kind), feature.parent, others


def valid_cityjson() -> list[Path]:
    found = []
    for path in sorted(city_data("conformance").rglob("*.json")):
        try:
            content = json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            continue
        ours = isinstance(content, dict) and content.get("type") == "CityJSON"
        if ours and str(content.get("version", ""))[:1] in ("1", "2"):
            found.append(path)
    return found


@pytest.mark.data
def test_every_valid_conformance_file_comes_out_saying_the_same(tmp_path: Path) -> None:
    compared, different = 0, []
    for number, path in enumerate(valid_cityjson()):
        here = tmp_path / str(number)
        here.mkdir()
        file = imported(path, here)
        if file.report.error is not None or file.report.unplaced or file.layer is None:
            continue  # refused, or parts of it were; the conformance table says why
        original = json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
        out = here / "out.city.json"
        cityjson.write(collected(facts_of(file), here), out, "test")
        compared += 1
        if not alike(meaning(json.loads(out.read_bytes())), meaning(original)):
            different.append(str(path.relative_to(path.parents[2])))
    assert not different
    assert compared > 20


@pytest.mark.data
def test_a_citygml_file_keeps_objects_levels_and_meaning(tmp_path: Path) -> None:
    compared = 0
    for number, path in enumerate(sorted(city_data("citygml_spec_examples").rglob("*.gml"))):
        here = tmp_path / str(number)
        here.mkdir()
        file = imported(path, here)
        if file.report.error is not None or file.layer is None or file.report.unplaced:
            continue
        out = here / "out.city.json"
        found = collected(facts_of(file), here)
        cityjson.write(found, out, "test")
        (before,) = found.moved
        after = recognise(out, {}, lambda *_: None, here)
        vertices = after.faces.vertices if after.faces is not None else before.vertices
        first, second = fingerprint(before.model, before.vertices), fingerprint(after, vertices)
        assert second["objects"] == first["objects"], path.name
        assert second["areas"] == pytest.approx(first["areas"], rel=0.01, abs=0.5), path.name
        compared += 1
    assert compared
