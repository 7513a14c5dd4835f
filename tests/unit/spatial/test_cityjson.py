"""CityJSON of every version becomes the same building in the same place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fixtures import cities

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.reader import read_file


def imported(
    folder: Path, content: str | dict[str, Any], name: str = "x.city.json"
) -> ImportedFile:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


@pytest.mark.parametrize("version", ["0.2", "0.3", "1.0", "1.1", "2.0"])
def test_every_version_gives_the_building_where_it_stands(tmp_path: Path, version: str) -> None:
    found = imported(tmp_path, cities.cityjson(version))
    report = found.report
    assert report.error is None
    assert (report.format, report.version) == ("CityJSON", version)
    assert report.objects == {"Building": 1}
    assert (report.placed, report.triangles, report.unplaced) == (1, 12, [])
    assert report.crs == ("EPSG:7415" if version.startswith("0") else "EPSG:28992")
    asset = found.assets[0]
    assert (asset.id, asset.type, asset.domain) == ("B1", "Building", "buildings")
    assert asset.attributes == {"storeys": 2, "geometry_height_m": 6.0}
    assert asset.height_m == pytest.approx(2.0)
    assert asset.lon == pytest.approx(4.4573, abs=0.001)
    assert asset.lat == pytest.approx(51.9062, abs=0.001)
    assert (found.suggested_epsg, found.suggested_origin) == (28992, (91010.0, 435705.0))


def test_each_triangle_carries_its_asset_and_the_meaning_of_its_surface(tmp_path: Path) -> None:
    found = imported(tmp_path, cities.cityjson())
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    assert tile.assets == ("B1",)
    assert sorted(SURFACES[s] for s in tile.surface) == sorted(
        ["GroundSurface"] * 2 + ["RoofSurface"] * 2 + ["WallSurface"] * 8
    )
    corners = tile.points[tile.triangles]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    ).sum()
    assert area / 2 == pytest.approx(2 * (20 * 10 + 20 * 6 + 10 * 6))
    low, high = tile.points.min(axis=0), tile.points.max(axis=0)
    assert np.allclose(low, [-10, -5, 2]) and np.allclose(high, [10, 5, 8])


def test_faces_look_outwards(tmp_path: Path) -> None:
    found = imported(tmp_path, cities.cityjson())
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    corners = tile.points[tile.triangles].astype(float)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(axis=1) - np.array([0.0, 0.0, 5.0])
    assert (np.einsum("ij,ij->i", normal, middle) > 0).all()


def test_a_sequence_is_read_line_by_line(tmp_path: Path) -> None:
    found = imported(tmp_path, cities.sequence(), "x.city.jsonl")
    assert found.report.objects == {"Building": 2}
    assert [asset.id for asset in found.assets] == ["S1", "S2"]
    assert found.report.triangles == 24


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    assert imported(tmp_path, "\ufeff" + cities.cityjson_text()).report.placed == 1


def test_an_index_outside_the_vertices_refuses_that_object_alone(tmp_path: Path) -> None:
    document = cities.cityjson()
    bad = cities.solid()
    bad["boundaries"][0][2] = [[0, 1, 999]]
    document["CityObjects"]["B2"] = {"type": "Building", "geometry": [bad]}
    report = imported(tmp_path, document).report
    assert report.error is None
    assert report.objects == {"Building": 2}
    assert (report.placed, report.triangles) == (1, 12)
    assert [(u.id, u.reason) for u in report.unplaced] == [("B2", "damaged: vertex 999 of 8")]


@pytest.mark.parametrize("ring", [[0, 1, -1], [0, 1, 1.5], [0, 1, True], ["0", 1, 2], [0, None, 2]])
def test_a_ring_of_anything_but_vertex_numbers_is_refused(tmp_path: Path, ring: list[Any]) -> None:
    document = cities.cityjson()
    document["CityObjects"]["B1"]["geometry"][0]["boundaries"][0][1] = [ring]
    report = imported(tmp_path, document).report
    assert [u.id for u in report.unplaced] == ["B1"]
    assert report.triangles == 0


def test_the_highest_level_of_detail_is_drawn(tmp_path: Path) -> None:
    document = cities.cityjson()
    flat = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 3, 2, 1]]]}
    document["CityObjects"]["B1"]["geometry"].insert(0, flat)
    assert imported(tmp_path, document).report.triangles == 12


def test_parts_in_higher_detail_hide_their_buildings_block(tmp_path: Path) -> None:
    document = cities.cityjson()
    objects = document["CityObjects"]
    objects["B1"]["geometry"] = [cities.solid("1.2")]
    objects["B1"]["children"] = ["B1-0"]
    objects["B1-0"] = {"type": "BuildingPart", "parents": ["B1"], "geometry": [cities.solid()]}
    found = imported(tmp_path, document)
    assert found.report.objects == {"Building": 1, "BuildingPart": 1}
    assert found.report.triangles == 12
    assert found.assets[1].parent == "B1"
    assert found.report.placed == 2


def test_a_building_without_geometry_lies_where_its_parts_lie(tmp_path: Path) -> None:
    document = cities.cityjson()
    objects = document["CityObjects"]
    objects["B1-0"] = {"type": "BuildingPart", "parents": ["B1"], "geometry": [cities.solid()]}
    del objects["B1"]["geometry"]
    found = imported(tmp_path, document)
    assert found.assets[0].lon == pytest.approx(found.assets[1].lon)


def test_a_template_is_placed_by_its_matrix(tmp_path: Path) -> None:
    document = cities.cityjson()
    document["geometry-templates"] = {
        "templates": [{"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2]]]}],
        "vertices-templates": [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
    }
    matrix = [2, 0, 0, 100, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]
    document["CityObjects"]["T1"] = {
        "type": "SolitaryVegetationObject",
        "geometry": [
            {
                "type": "GeometryInstance",
                "template": 0,
                "boundaries": [0],
                "transformationMatrix": matrix,
            }
        ],
    }
    found = imported(tmp_path, document)
    tree = next(a for a in found.assets if a.id == "T1")
    assert found.report.triangles == 13
    assert tree.x is not None and tree.y is not None
    east = found.suggested_origin[0] + tree.x
    assert east == pytest.approx(91000 + 100 + 2 / 3)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{}", "I-504"),
        ('{"type": "Cat"}', "I-504"),
        ("[1, 2]", "I-504"),
        ("", "I-503"),
        ("{" * 200_000, "I-503"),
        ('{"type": "CityJSON", "CityObjects": ' + '{"a":' * 50_000, "I-503"),
        (cities.cityjson_text()[:-40], "I-505"),
        (cities.cityjson_text().replace("[20000, 0, 0]", "[NaN, 0, 0]"), "I-503"),
        (cities.cityjson_text().replace("[20000, 0, 0]", "[null, 0, 0]"), "I-503"),
        (cities.cityjson_text().replace("[20000, 0, 0]", "[1, 2]"), "I-503"),
        ('{"type": "CityJSON", "CityObjects": 7}', "I-503"),
    ],
)
def test_what_is_no_sound_city_is_refused_in_one_line(
    tmp_path: Path, content: str, code: str
) -> None:
    report = imported(tmp_path, content).report
    assert report.error is not None and "\n" not in report.error
    assert report.error.endswith(f"[{code}]")
    assert report.placed == 0


def test_a_repeated_id_is_not_lost_silently(tmp_path: Path) -> None:
    text = cities.sequence().replace("S2", "S1")
    report = imported(tmp_path, text, "x.jsonl").report
    assert report.objects == {"Building": 2}
    assert [u.id for u in report.unplaced] == ["S1"]
